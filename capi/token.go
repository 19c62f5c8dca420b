package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/mattn/go-pointer"
)

// A token is what makes handles: an address that nobody reads, and how many handles it has made before. go-pointer gives
// the address; malloc would give it out again as soon as it is freed, and a program that still has the old handle would
// then use, or close, the object of another. So it is kept, and its next handle has the next generation in the bits that
// no address of a program has: a handle's number never comes again.
//
// While its first handle lasts the token is seen by leak checkers as the program's own memory, lost where the program has
// lost the handle.
type token struct {
	address    unsafe.Pointer
	generation uintptr
}

const (
	// User space ends at 47 bits on x86-64 and at 48 on arm64; more is only given to those who ask for it (Linux,
	// Documentation/arch/x86/x86_64/5level-paging.rst, arm64/memory.rst).
	generationShift = 48
	lastGeneration  = ^uintptr(0) >> generationShift // 0 where addresses have 32 bits
)

func newToken() token { return token{address: pointer.Save(token{})} }

func (t token) handle() uintptr { return uintptr(t.address) | t.generation<<generationShift }

// next is the token for another handle, which the caller keeps; false if there is none.
func (t token) next() (token, bool) {
	if uintptr(t.address)>>generationShift != 0 || lastGeneration == 0 {
		// No bits are free. The address will come again, be it after as many handles as the quarantine holds.
		pointer.Unref(t.address)
		return token{}, false
	}
	if t.generation == 0 {
		C.shim_token_keep(C.uintptr_t(uintptr(t.address)))
	}
	if t.generation == lastGeneration {
		return token{}, false // 16 bytes that stay, for 65536 handles
	}
	t.generation++
	return t, true
}
