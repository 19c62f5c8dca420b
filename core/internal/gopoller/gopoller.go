// Package gopoller starts the poller of Go's runtime, which waits for sockets, files and timers.
//
// The runtime starts it by itself at the first of these, with two descriptors, and ends the process where it gets none.
package gopoller

import (
	"sync"
	"sync/atomic"
	"time"
)

var (
	mu      sync.Mutex
	started atomic.Bool
)

// Start has the poller run from now on. The error is that of the system: out of descriptors, most likely. It may be called
// again.
func Start() error {
	if started.Load() {
		return nil
	}
	mu.Lock()
	defer mu.Unlock()
	if err := try(); err != nil {
		return err
	}
	time.AfterFunc(time.Hour, func() {}).Stop() // the first timer
	started.Store(true)
	return nil
}
