package main

// #include "shim.h"
import "C"

import "unsafe"

// A filler lays data one behind the other into the caller's buffer, whose room the caller of it has checked.
type filler struct {
	buffer  []byte  // what is left of it
	address uintptr // where that begins
}

func newFiller(buffer *C.uchar, size C.size_t) filler {
	return filler{buffer: view(unsafe.Pointer(buffer), size), address: uintptr(unsafe.Pointer(buffer))}
}

func (f *filler) put(data []byte) (address C.uintptr_t, size C.size_t) {
	address = C.uintptr_t(f.address)
	copy(f.buffer, data)
	f.buffer = f.buffer[len(data):]
	f.address += uintptr(len(data))
	return address, C.size_t(len(data))
}

// text ends in NUL.
func (f *filler) text(text string) C.uintptr_t {
	address := C.uintptr_t(f.address)
	n := copy(f.buffer, text)
	f.buffer[n] = 0
	f.buffer = f.buffer[n+1:]
	f.address += uintptr(n + 1)
	return address
}
