package main

// #include "shim.h"
import "C"

// noteDescriptors has what is open closed in the child of a fork.
func noteDescriptors(fds []int) {
	for _, fd := range fds {
		C.shim_descriptor_add(C.int(fd))
	}
}

// forgetDescriptors undoes it, before they are closed.
func forgetDescriptors(fds []int) {
	for _, fd := range fds {
		C.shim_descriptor_remove(C.int(fd))
	}
}
