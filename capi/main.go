// Package main is libmcl.so: the functions of include/mcl.h over package mcl.
//
// Each function has two halves. The C half (*.c) is the public symbol: it refuses a forked child, checks pointers and
// sizes, and blocks signals while Go runs. The Go half (mclgo_*) looks up the handle, translates, and calls package mcl.
// What is more than a translation is about the border itself: handles (handle.go), what Go needs to begin (start.c),
// descriptors in forked children (fork.c), signals (signals.c), and callbacks of listeners that Go reads (callback.c,
// callback.go).
//
// Two rooms do more, for what a crossing costs: small messages are published (shortcut.h), and whole datagrams received
// (hot.h), without Go. They decide only what is certain; all else is package mcl's.
package main

// #cgo CFLAGS: -I${SRCDIR}/../include -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	mcl "libmcl/core"
)

func main() {}

// Go's own os.Stderr ends the process when nobody reads it any more (complain). Go's own os.Getenv and time.Local know what the
// process began with, but not what a C program or Python has set since.
func init() {
	mcl.Complain = complain
	mcl.OnDescriptor = tellDescriptor
	mcl.WhileOpening = whileOpening
	mcl.OnNetworkChange = func() { C.shim_network_changed() }
	mcl.Getenv = func(name string) string {
		key := C.CString(name)
		defer C.free(unsafe.Pointer(key))
		return C.GoString(C.getenv(key))
	}
	mcl.LocalTime = func(t time.Time) time.Time {
		return t.In(time.FixedZone("", int(C.shim_utc_offset(C.int64_t(t.Unix())))))
	}
	started := mcl.Start() == nil
	if !started {
		collection.percent, collection.halted = debug.SetGCPercent(-1), true
	}
	C.shim_go_has_begun(C.int(boolean(started)))
}

// collection keeps Go's collector from running before the library could start: it would set a timer, for which Go's runtime
// ends the process where it has no descriptors. Nothing that needs a collector runs by then.
var collection struct {
	sync.Mutex
	halted  bool
	percent int
}

// mclgo_start is what each call of the program does where the library could not start when it was loaded.
//
//export mclgo_start
func mclgo_start(function *C.const_char, out *C.mcl_error) (code C.int) {
	op := viewName(function)
	defer guard(out, op, &code)
	if err := mcl.Start(); err != nil {
		return report(out, op, err)
	}
	collection.Lock()
	defer collection.Unlock()
	if collection.halted {
		debug.SetGCPercent(collection.percent)
		collection.halted = false
	}
	return 0
}
