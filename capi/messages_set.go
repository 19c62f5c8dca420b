package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

// Keys and values are views of the caller's memory: package mcl encodes them into its own.

//export mclgo_message_set_nil
func mclgo_message_set_nil(handle C.uintptr_t, key *C.const_char, keySize C.size_t, out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_nil", func(m *mcl.Message) error {
		return m.SetNil(viewText(key, keySize))
	})
}

//export mclgo_message_set_bool
func mclgo_message_set_bool(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value C.int,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_bool", func(m *mcl.Message) error {
		return m.SetBool(viewText(key, keySize), value != 0)
	})
}

//export mclgo_message_set_int
func mclgo_message_set_int(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value C.int64_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_int", func(m *mcl.Message) error {
		return m.SetInt(viewText(key, keySize), int64(value))
	})
}

//export mclgo_message_set_uint
func mclgo_message_set_uint(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value C.uint64_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_uint", func(m *mcl.Message) error {
		return m.SetUint(viewText(key, keySize), uint64(value))
	})
}

//export mclgo_message_set_double
func mclgo_message_set_double(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value C.double,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_double", func(m *mcl.Message) error {
		return m.SetFloat(viewText(key, keySize), float64(value))
	})
}

//export mclgo_message_set_string
func mclgo_message_set_string(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.const_char,
	size C.size_t, out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_string", func(m *mcl.Message) error {
		return m.SetString(viewText(key, keySize), viewText(value, size))
	})
}

//export mclgo_message_set_bytes
func mclgo_message_set_bytes(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.const_byte,
	size C.size_t, out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_bytes", func(m *mcl.Message) error {
		return m.SetBytes(viewText(key, keySize), view(unsafe.Pointer(value), size))
	})
}

//export mclgo_packed_check
func mclgo_packed_check(packed *C.const_byte, size C.size_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_packed_check"
	defer guard(out, op, &code)
	return report(out, op, mcl.CheckPacked(view(unsafe.Pointer(packed), size)))
}

//export mclgo_message_set_packed
func mclgo_message_set_packed(handle C.uintptr_t, key *C.const_char, keySize C.size_t, packed *C.const_byte,
	size C.size_t, out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_set_packed", func(m *mcl.Message) error {
		return m.SetPacked(viewText(key, keySize), view(unsafe.Pointer(packed), size))
	})
}
