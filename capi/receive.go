package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

// mclgo_listener_recv_batch fills the caller's records and buffer with what is queued.
//
//export mclgo_listener_recv_batch
func mclgo_listener_recv_batch(handle C.uintptr_t, records *C.shim_record, count C.size_t, buffer *C.uchar,
	size C.size_t, needed *C.size_t, function *C.const_char, out *C.mcl_error) C.int {
	return onListener(handle, out, viewName(function), func(l *listener) (int, error) {
		f := filler{records: unsafe.Slice(records, int(count)), buffer: view(unsafe.Pointer(buffer), size),
			address: uintptr(unsafe.Pointer(buffer))}
		taken, err := l.Drain(int(count), f.accept)
		if err == nil && taken == 0 && f.refused > 0 {
			if needed != nil {
				*needed = C.size_t(f.refused)
			}
			return 0, bufferError(int(size), f.refused)
		}
		return taken, err
	})
}

// A filler lays messages one behind the other into the caller's buffer.
type filler struct {
	records []C.shim_record
	buffer  []byte  // what is left of it
	address uintptr // where that begins
	refused int     // the size of the message that did not fit
}

func (f *filler) accept(r *mcl.Received) bool {
	size := len(r.Topic) + len(r.Payload)
	if size > len(f.buffer) {
		f.refused = size
		return false
	}
	record := &f.records[0]
	f.records = f.records[1:]
	record.topic, record.topic_size = 0, 0
	if r.HasTopic {
		record.topic, record.topic_size = f.put(r.Topic)
	}
	record.payload, record.payload_size = f.put(r.Payload)
	record.time_received = C.int64_t(r.Time)
	*(*[16]byte)(unsafe.Pointer(&record.sender)) = r.Sender.Addr().As16()
	record.sender_port = C.uint32_t(r.Sender.Port())
	record.interface_index = C.uint32_t(r.Interface)
	return true
}

func (f *filler) put(data []byte) (address C.uintptr_t, size C.size_t) {
	address = C.uintptr_t(f.address)
	copy(f.buffer, data)
	f.buffer = f.buffer[len(data):]
	f.address += uintptr(len(data))
	return address, C.size_t(len(data))
}

// mclgo_listener_wait_begin returns 1 when a message is queued. When none is, it returns 0 and the descriptor to wait on,
// which stays open until mclgo_listener_wait_end.
//
//export mclgo_listener_wait_begin
func mclgo_listener_wait_begin(handle C.uintptr_t, fd *C.int, function *C.const_char, out *C.mcl_error) (code C.int) {
	defer guard(out, viewName(function), &code)
	e, err := enter(handle, listenerKind)
	if err != nil {
		return report(out, viewName(function), err)
	}
	l := e.object.(*listener)
	queued := false
	// A look at the queue: it also tells whether callbacks are subscribed, and quiets a descriptor that is readable for
	// something which another thread took.
	if _, err = l.Drain(1, func(*mcl.Received) bool { queued = true; return false }); err == nil && !queued {
		var number int
		if number, err = l.fd(); err == nil {
			*fd = C.int(number)
			return 0
		}
	}
	e.leave()
	if err != nil {
		return report(out, viewName(function), err)
	}
	return 1
}

// mclgo_listener_wait_end ends what a mclgo_listener_wait_begin that returned 0 began.
//
//export mclgo_listener_wait_end
func mclgo_listener_wait_end(handle C.uintptr_t) {
	// The call that is about to leave has kept the entry in the table.
	table.RLock()
	e := table.entries[uintptr(handle)]
	table.RUnlock()
	e.leave()
}
