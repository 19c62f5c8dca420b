package main

// #include "shim.h"
import "C"

// beginWait is what each wait that C polls begins with (wait.h): look tells whether what is waited for is there.
func beginWait[T any](handle C.uintptr_t, k kind, fd *C.int, function *C.const_char, out *C.mcl_error,
	look func(T) (bool, error), descriptor func(T) (int, error)) (code C.int) {
	op := viewName(function)
	defer guard(out, op, &code)
	e, err := enter(handle, k)
	if err != nil {
		return report(out, op, err)
	}
	object := e.object.(T)
	there, err := look(object)
	if err == nil && !there {
		var number int
		if number, err = descriptor(object); err == nil {
			*fd = C.int(number)
			return 0
		}
	}
	e.leave()
	if err != nil {
		return report(out, op, err)
	}
	return 1
}

// mclgo_wait_end ends what a beginWait that returned 0 began.
//
//export mclgo_wait_end
func mclgo_wait_end(handle C.uintptr_t) {
	entered(handle).leave()
}
