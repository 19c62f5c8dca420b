package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

func enterType(handle C.uintptr_t) (*entry, *mcl.Type, error) {
	e, err := enter(handle, typeKind)
	if err != nil {
		return nil, nil, err
	}
	return e, e.object.(*mcl.Type), nil
}

// optionalType is for options, in which NULL means that anything goes.
func optionalType(handle C.uintptr_t) (*mcl.Type, error) {
	if handle == 0 {
		return nil, nil
	}
	e, t, err := enterType(handle)
	if err == nil {
		e.leave() // a type is never undone: it may outlive its handle
	}
	return t, err
}

//export mclgo_connection_check
func mclgo_connection_check(c *C.const_connection, out *C.mcl_error) (code C.int) {
	const op = "mcl_connection_check"
	defer guard(out, op, &code)
	return report(out, op, connection(c).Check())
}

//export mclgo_type_define
func mclgo_type_define(name *C.const_char, mandatory *C.const_text, count C.size_t, c *C.const_connection,
	handle *C.uintptr_t, out *C.mcl_error) C.int {
	return newType(mcl.Define, name, mandatory, count, c, handle, out, "mcl_type_define")
}

//export mclgo_type_new
func mclgo_type_new(name *C.const_char, mandatory *C.const_text, count C.size_t, c *C.const_connection,
	handle *C.uintptr_t, out *C.mcl_error) C.int {
	return newType(mcl.NewType, name, mandatory, count, c, handle, out, "mcl_type_new")
}

func newType(create func(string, []string, mcl.Connection) (*mcl.Type, error), name *C.const_char,
	mandatory *C.const_text, count C.size_t, c *C.const_connection, handle *C.uintptr_t, out *C.mcl_error,
	op string) (code C.int) {
	defer guard(out, op, &code)
	keys := make([]string, 0, int(count))
	for _, key := range unsafe.Slice((**C.const_char)(unsafe.Pointer(mandatory)), int(count)) {
		keys = append(keys, copyText(key))
	}
	t, err := create(copyText(name), keys, connection(c))
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(typeKind, t, nil)
	return C.MCL_OK
}

//export mclgo_type_find
func mclgo_type_find(name *C.const_char, handle *C.uintptr_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_type_find"
	defer guard(out, op, &code)
	t, err := mcl.Lookup(copyText(name))
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(typeKind, t, nil)
	return C.MCL_OK
}

//export mclgo_type_list
func mclgo_type_list(buffer unsafe.Pointer, size C.size_t, needed *C.size_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_type_list"
	defer guard(out, op, &code)
	var names []string
	for _, t := range mcl.Types() {
		names = append(names, t.Name())
	}
	return putNames(names, buffer, size, needed, out, op)
}

//export mclgo_type_remove
func mclgo_type_remove(name *C.const_char, out *C.mcl_error) (code C.int) {
	const op = "mcl_type_remove"
	defer guard(out, op, &code)
	return report(out, op, mcl.Remove(copyText(name)))
}

//export mclgo_type_name
func mclgo_type_name(handle C.uintptr_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) (code C.int) {
	const op = "mcl_type_name"
	defer guard(out, op, &code)
	e, t, err := enterType(handle)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	return report(out, op, put(append([]byte(t.Name()), 0), buffer, size, needed))
}

//export mclgo_type_mandatory
func mclgo_type_mandatory(handle C.uintptr_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) (code C.int) {
	const op = "mcl_type_mandatory"
	defer guard(out, op, &code)
	e, t, err := enterType(handle)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	return putNames(t.Mandatory(), buffer, size, needed, out, op)
}

//export mclgo_type_close
func mclgo_type_close(handle C.uintptr_t) (code C.int) {
	const op = "mcl_type_close"
	defer guard(nil, op, &code)
	return report(nil, op, closeHandle[*mcl.Type](handle, typeKind, nil))
}
