package main

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// tellDescriptor has what is open closed in the child of a fork. It is told before it is closed.
func tellDescriptor(fd int, open bool) {
	if open {
		C.shim_descriptor_add(C.int(fd))
	} else {
		C.shim_descriptor_remove(C.int(fd))
	}
}

// whileOpening keeps forks away as GO_OPENING does (guard.h), on a thread of Go's own, where signals are blocked already. The
// lock is the thread's.
func whileOpening(open func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.fork_hold()
	defer C.fork_release()
	open()
}

// A pollFD is a descriptor to poll, which is noted when it is first asked for.
type pollFD struct {
	once  sync.Once
	noted atomic.Bool
	fd    int // plus 1; 0 when it was not asked for
}

// note takes what its owner gave.
func (p *pollFD) note(fd int, err error) (int, error) {
	if err == nil {
		p.once.Do(func() {
			p.fd = fd + 1
			tellDescriptor(fd, true)
			p.noted.Store(true)
		})
	}
	return fd, err
}

// forget must be called before the owner closes it, when no call is left that could note it.
func (p *pollFD) forget() {
	if p.fd > 0 {
		tellDescriptor(p.fd-1, false)
	}
}
