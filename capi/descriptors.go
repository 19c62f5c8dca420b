package main

// #include "shim.h"
import "C"

import "sync"

// noteDescriptors has what is open closed in the child of a fork.
func noteDescriptors(fds []int) {
	for _, fd := range fds {
		C.shim_descriptor_add(C.int(fd))
	}
}

// tellDescriptor is for what opens and closes descriptors when it needs to.
func tellDescriptor(fd int, open bool) {
	if open {
		noteDescriptors([]int{fd})
	} else {
		forgetDescriptors([]int{fd})
	}
}

// forgetDescriptors undoes it, before they are closed.
func forgetDescriptors(fds []int) {
	for _, fd := range fds {
		C.shim_descriptor_remove(C.int(fd))
	}
}

// A pollFD is a descriptor to poll, which is noted when it is first asked for.
type pollFD struct {
	once sync.Once
	fds  []int
}

// note takes what its owner gave.
func (p *pollFD) note(fd int, err error) (int, error) {
	if err == nil {
		p.once.Do(func() {
			p.fds = []int{fd}
			noteDescriptors(p.fds)
		})
	}
	return fd, err
}

// forget must be called before the owner closes it, when no call is left that could note it.
func (p *pollFD) forget() { forgetDescriptors(p.fds) }
