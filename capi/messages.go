package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

//export mclgo_message_new
func mclgo_message_new(handle C.uintptr_t, message *C.uintptr_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_message_new"
	defer guard(out, op, &code)
	e, t, err := enterType(handle)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	*message = newHandle(messageKind, t.New(), nil)
	return C.MCL_OK
}

//export mclgo_message_decode
func mclgo_message_decode(handle C.uintptr_t, packed *C.const_byte, size C.size_t, message *C.uintptr_t,
	out *C.mcl_error) (code C.int) {
	const op = "mcl_message_decode"
	defer guard(out, op, &code)
	e, t, err := enterType(handle)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	m, err := t.Decode(view(unsafe.Pointer(packed), size))
	if err != nil {
		return report(out, op, err)
	}
	*message = newHandle(messageKind, m, nil)
	return C.MCL_OK
}

//export mclgo_message_close
func mclgo_message_close(handle C.uintptr_t) (code C.int) {
	const op = "mcl_message_close"
	defer guard(nil, op, &code)
	return report(nil, op, closeHandle[*mcl.Message](handle, messageKind, nil))
}

// message is what each export on a message does: find it, call do, translate the error.
func message(handle C.uintptr_t, out *C.mcl_error, op string, do func(*mcl.Message) error) (code C.int) {
	defer guard(out, op, &code)
	e, err := enter(handle, messageKind)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	return report(out, op, do(e.object.(*mcl.Message)))
}

//export mclgo_message_touch
func mclgo_message_touch(handle C.uintptr_t, out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_touch", func(m *mcl.Message) error {
		m.Touch()
		return nil
	})
}

//export mclgo_message_encode
func mclgo_message_encode(handle C.uintptr_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_encode", func(m *mcl.Message) error {
		return put(m.AppendPacked(nil), buffer, size, needed)
	})
}

//export mclgo_message_json
func mclgo_message_json(handle C.uintptr_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_json", func(m *mcl.Message) error {
		return put(m.AppendJSON(nil), buffer, size, needed)
	})
}
