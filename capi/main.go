// Package main is libmcl.so: the functions of include/mcl.h over package mcl.
//
// Each function has two halves. The C half (*.c) is the public symbol: it refuses a forked child, checks pointers and
// sizes, and blocks signals while Go runs. The Go half (mclgo_*) looks up the handle, translates, and calls package mcl.
// Neither decides anything about messages; what is more than a translation is about the border itself: handles
// (handle.go), descriptors in forked children (fork.c), signals (signals.c), callbacks (callback.c, callback.go), and what a
// crossing costs (shortcut.c).
package main

// #cgo CFLAGS: -I${SRCDIR}/../include -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
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
}
