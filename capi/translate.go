package main

// #include <string.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
	"unsafe"

	mcl "libmcl/core"
)

// upToNUL is MCL_NUL, the size of a string that ends at its NUL. It reaches cgo as -1 from Clang, as a size_t from GCC.
const upToNUL = C.MCL_NUL & math.MaxUint

// report writes err, where there is one and the caller wants to read it, and gives its code.
func report(out *C.mcl_error, op string, err error) C.int {
	if err == nil {
		return C.MCL_OK
	}
	code := C.int(mcl.CodeOf(err))
	if out == nil {
		return code
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	out.code, out.system = C.int32_t(code), C.int32_t(errno)
	text := op + ": " + strings.TrimPrefix(err.Error(), "mcl: ")
	text = text[:cutUTF8(text, len(out.text)-1)]
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out.text)), len(out.text)), text+"\x00")
	return code
}

// cutUTF8 is where to cut text so that at most limit bytes stay, and no character is halved.
func cutUTF8(text string, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return limit
}

// guard is deferred by each export: a panic must not cross into C.
func guard(out *C.mcl_error, op string, code *C.int) {
	if r := recover(); r != nil {
		*code = report(out, op, &handleError{mcl.ErrInternal, fmt.Sprintf("defect in libmcl: %v: please report it", r)})
	}
}

// on is what each export on an object does: find it, call do, translate the error. do's number is returned when there is
// no error.
func on[T any](handle C.uintptr_t, k kind, out *C.mcl_error, op string, do func(T) (int, error)) (code C.int) {
	defer guard(out, op, &code)
	e, err := enter(handle, k)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	number, err := do(e.object.(T))
	if err != nil {
		return report(out, op, err)
	}
	return C.int(number)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// view gives C's bytes without a copy, for the time of the call. It is never nil, which would be msgpack's nil.
func view(p unsafe.Pointer, size C.size_t) []byte {
	if size == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(p), int(size))
}

// pointerTo is the address that C gave as a number.
func pointerTo(address C.uintptr_t) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// viewText is view for what becomes a string. What keeps it must copy it.
func viewText(p *C.const_char, size C.size_t) string {
	if size == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Pointer(p)), int(size))
}

// viewName is for the name of a C function, which is a constant.
func viewName(function *C.const_char) string {
	return viewText(function, C.strlen((*C.char)(unsafe.Pointer(function))))
}

// viewTopic is viewText for a topic, of which NULL is none.
func viewTopic(p *C.const_char, size C.size_t) *string {
	if p == nil {
		return nil
	}
	topic := viewText(p, size)
	return &topic
}

func copyText(p *C.const_char) string { return C.GoString((*C.char)(unsafe.Pointer(p))) }

// connection translates a connection. A NULL one, in place of which a type's is taken, is the zero Connection.
func connection(c *C.const_connection) mcl.Connection {
	if c == nil {
		return mcl.Connection{}
	}
	return mcl.Connection{
		URL:             C.GoString(c.url),
		Port:            int(c.port),
		Interface:       C.GoString(c.interface_),
		Hops:            int(c.hops),
		Loopback:        int(c.loopback),
		RecvBuffer:      int64(c.recv_buffer),
		SendBuffer:      int64(c.send_buffer),
		MessageMax:      int64(c.message_max),
		ObjectsMax:      int64(c.objects_max),
		ReassemblyBytes: int64(c.reassembly_bytes),
		ReassemblyAge:   time.Duration(c.reassembly_age_ms) * time.Millisecond,
	}
}

func putSettings(out *C.mcl_settings, s mcl.Settings) {
	out.interface_index = C.int32_t(s.InterfaceIndex)
	out.port = C.int32_t(s.Port)
	out.local_port = C.int32_t(s.LocalPort)
	out.hops = C.int32_t(s.Hops)
	out.loopback = C.int32_t(s.Loopback)
	out.recv_buffer_asked = C.int64_t(s.RecvBufferAsked)
	out.recv_buffer = C.int64_t(s.RecvBuffer)
	out.send_buffer_asked = C.int64_t(s.SendBufferAsked)
	out.send_buffer = C.int64_t(s.SendBuffer)
	out.message_max = C.int64_t(s.MessageMax)
	out.objects_max = C.int64_t(s.ObjectsMax)
	out.reassembly_bytes = C.int64_t(s.ReassemblyBytes)
	out.reassembly_age_ms = C.int64_t(s.ReassemblyAge / time.Millisecond)
}

// A bufferError is data that does not fit the caller's buffer.
func bufferError(size, needed int) error {
	return &handleError{mcl.ErrBuffer, fmt.Sprintf("the buffer has %d bytes, %d are needed: give a larger one", size, needed)}
}

// put copies data into the caller's buffer, or nothing when it does not fit.
func put(data []byte, buffer unsafe.Pointer, size C.size_t, needed *C.size_t) error {
	if needed != nil {
		*needed = C.size_t(len(data))
	}
	if C.size_t(len(data)) > size {
		return bufferError(int(size), len(data))
	}
	copy(view(buffer, size), data)
	return nil
}

// putNames writes strings, each ended by NUL, and gives their count.
func putNames(names []string, buffer unsafe.Pointer, size C.size_t, needed *C.size_t, out *C.mcl_error, op string) C.int {
	var data []byte
	for _, name := range names {
		data = append(append(data, name...), 0)
	}
	if err := put(data, buffer, size, needed); err != nil {
		return report(out, op, err)
	}
	return C.int(len(names))
}
