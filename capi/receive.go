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
		f := recordFiller{filler: newFiller(buffer, size), records: unsafe.Slice(records, int(count))}
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

// A recordFiller lays messages one behind the other into the caller's buffer.
type recordFiller struct {
	filler
	records []C.shim_record
	refused int // the size of the message that did not fit
}

func (f *recordFiller) accept(r *mcl.Received) bool {
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
	setOrigin(record, r)
	return true
}

// setOrigin tells when and from where a message came.
func setOrigin(record *C.shim_record, r *mcl.Received) {
	record.time_received = C.int64_t(r.Time)
	*(*[16]byte)(unsafe.Pointer(&record.sender)) = r.Sender.Addr().As16()
	record.sender_port = C.uint32_t(r.Sender.Port())
	record.interface_index = C.uint32_t(r.Interface)
}

// mclgo_listener_wait_begin begins a wait (wait.h).
//
//export mclgo_listener_wait_begin
func mclgo_listener_wait_begin(handle C.uintptr_t, fd *C.int, function *C.const_char, out *C.mcl_error) C.int {
	return beginWait(handle, listenerKind, fd, function, out, func(l *listener) (bool, error) { return l.Pending() }, (*listener).fd)
}
