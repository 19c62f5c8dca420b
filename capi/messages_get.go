package main

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	mcl "libmcl/core"
)

//export mclgo_message_count
func mclgo_message_count(handle C.uintptr_t, out *C.mcl_error) C.int {
	var count C.int
	if code := message(handle, out, "mcl_message_count", func(m *mcl.Message) error {
		count = C.int(m.Len())
		return nil
	}); code < 0 {
		return code
	}
	return count
}

//export mclgo_message_kind
func mclgo_message_kind(handle C.uintptr_t, key *C.const_char, keySize C.size_t, out *C.mcl_error) C.int {
	var kind mcl.Kind
	if code := message(handle, out, "mcl_message_kind", func(m *mcl.Message) (err error) {
		kind, err = m.Kind(viewText(key, keySize))
		return err
	}); code < 0 {
		return code
	}
	return C.int(kind)
}

//export mclgo_message_key
func mclgo_message_key(handle C.uintptr_t, index C.size_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_key", func(m *mcl.Message) error {
		if index >= C.size_t(m.Len()) {
			return &handleError{mcl.ErrInvalid, fmt.Sprintf("there is no key %d: the message has %d, counted from 0",
				uint64(index), m.Len())}
		}
		return put(m.Key(int(index)), buffer, size, needed)
	})
}

//export mclgo_message_get_bool
func mclgo_message_get_bool(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.int,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_get_bool", func(m *mcl.Message) error {
		v, err := m.Bool(viewText(key, keySize))
		if err != nil {
			return err
		}
		*value = 0
		if v {
			*value = 1
		}
		return nil
	})
}

//export mclgo_message_get_int
func mclgo_message_get_int(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.int64_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_get_int", func(m *mcl.Message) error {
		v, err := m.Int(viewText(key, keySize))
		if err == nil {
			*value = C.int64_t(v)
		}
		return err
	})
}

//export mclgo_message_get_uint
func mclgo_message_get_uint(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.uint64_t,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_get_uint", func(m *mcl.Message) error {
		v, err := m.Uint(viewText(key, keySize))
		if err == nil {
			*value = C.uint64_t(v)
		}
		return err
	})
}

//export mclgo_message_get_double
func mclgo_message_get_double(handle C.uintptr_t, key *C.const_char, keySize C.size_t, value *C.double,
	out *C.mcl_error) C.int {
	return message(handle, out, "mcl_message_get_double", func(m *mcl.Message) error {
		v, err := m.Float(viewText(key, keySize))
		if err == nil {
			*value = C.double(v)
		}
		return err
	})
}

//export mclgo_message_get_string
func mclgo_message_get_string(handle C.uintptr_t, key *C.const_char, keySize C.size_t, buffer unsafe.Pointer,
	size C.size_t, needed *C.size_t, out *C.mcl_error) C.int {
	return getBytes(handle, key, keySize, buffer, size, needed, out, "mcl_message_get_string", (*mcl.Message).Text)
}

//export mclgo_message_get_bytes
func mclgo_message_get_bytes(handle C.uintptr_t, key *C.const_char, keySize C.size_t, buffer unsafe.Pointer,
	size C.size_t, needed *C.size_t, out *C.mcl_error) C.int {
	return getBytes(handle, key, keySize, buffer, size, needed, out, "mcl_message_get_bytes", (*mcl.Message).Bytes)
}

//export mclgo_message_get_packed
func mclgo_message_get_packed(handle C.uintptr_t, key *C.const_char, keySize C.size_t, buffer unsafe.Pointer,
	size C.size_t, needed *C.size_t, out *C.mcl_error) C.int {
	return getBytes(handle, key, keySize, buffer, size, needed, out, "mcl_message_get_packed", (*mcl.Message).Packed)
}

func getBytes(handle C.uintptr_t, key *C.const_char, keySize C.size_t, buffer unsafe.Pointer, size C.size_t,
	needed *C.size_t, out *C.mcl_error, op string, get func(*mcl.Message, string) ([]byte, error)) C.int {
	return message(handle, out, op, func(m *mcl.Message) error {
		v, err := get(m, viewText(key, keySize))
		if err != nil {
			return err
		}
		return put(v, buffer, size, needed)
	})
}
