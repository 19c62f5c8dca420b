//go:build mcl_inspect

// What tests look at inside of the library (tests/capi/misuse). It is in no library that is installed.

package main

// #include "shim.h"
import "C"

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
)

//export mclgo_inspect_goroutines
func mclgo_inspect_goroutines() C.int64_t { return C.int64_t(runtime.NumGoroutine()) }

// mclgo_inspect_handles counts the handles that are open.
//
//export mclgo_inspect_handles
func mclgo_inspect_handles() C.int64_t {
	table.RLock()
	defer table.RUnlock()
	open := 0
	for _, e := range table.entries {
		if !e.left.Load() {
			open++
		}
	}
	return C.int64_t(open)
}

// mclgo_inspect_heap collects garbage, and gives the bytes that are still in use.
//
//export mclgo_inspect_heap
func mclgo_inspect_heap() C.int64_t {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return C.int64_t(m.HeapAlloc)
}

// mclgo_inspect_stacks writes what every goroutine does to stderr.
//
//export mclgo_inspect_stacks
func mclgo_inspect_stacks() { pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) }
