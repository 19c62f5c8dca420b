package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

// mclgo_listener_recv_batch fills the caller's records and buffer with what is queued. It ends the wait that has begun; when
// it then has nothing, and returns 0, another has begun. Without a wait (NULL) it only looks.
//
//export mclgo_listener_recv_batch
func mclgo_listener_recv_batch(handle C.uintptr_t, records *C.shim_record, count C.size_t, buffer *C.uchar,
	size C.size_t, needed *C.size_t, wait *C.shim_poll, function *C.const_char, out *C.mcl_error) C.int {
	endPoll(handle, wait)
	return onListener(handle, out, viewName(function), func(l *listener) (int, error) {
		f := recordFiller{filler: newFiller(buffer, size), records: unsafe.Slice(records, int(count))}
		for {
			taken, err := l.Drain(int(count), f.accept)
			if err == nil && taken == 0 && f.refused > 0 {
				if needed != nil {
					*needed = C.size_t(f.refused)
				}
				return 0, bufferError(int(size), f.refused)
			}
			if err != nil || taken > 0 || wait == nil {
				return taken, err
			}
			if queued, err := l.beginPoll(handle, wait); err != nil || !queued {
				return 0, err
			}
		}
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
	record.time_received = C.int64_t(r.Time)
	*(*[16]byte)(unsafe.Pointer(&record.sender)) = r.Sender.Addr().As16()
	record.sender_port = C.uint32_t(r.Sender.Port())
	record.interface_index = C.uint32_t(r.Interface)
	return true
}

// mclgo_listener_wait returns 1 when a message is queued. When none is, it returns 0, and a wait has begun. It ends the one
// that had begun before.
//
//export mclgo_listener_wait
func mclgo_listener_wait(handle C.uintptr_t, wait *C.shim_poll, function *C.const_char, out *C.mcl_error) C.int {
	endPoll(handle, wait)
	return onListener(handle, out, viewName(function), func(l *listener) (int, error) {
		queued, err := l.beginPoll(handle, wait)
		return boolean(queued), err
	})
}

// mclgo_listener_wait_end ends a wait that nothing follows.
//
//export mclgo_listener_wait_end
func mclgo_listener_wait_end(handle C.uintptr_t, wait *C.shim_poll) { endPoll(handle, wait) }

// beginPoll begins a wait. The handle is in use until its end, so that the signal is not closed, and its number another file's: a
// close makes it readable, and waits for the end. The socket may be closed; what is polled by its number then is only looked at.
func (l *listener) beginPoll(handle C.uintptr_t, wait *C.shim_poll) (queued bool, err error) {
	e, err := enter(handle, listenerKind)
	if err != nil {
		return false, err
	}
	var fds mcl.PollFDs
	begin := func() {
		if fds, queued, err = l.BeginPoll(); err == nil && !queued {
			l.pollFD.note(fds.Signal, nil)
		}
	}
	if l.pollFD.noted.Load() { // nothing is opened: who waits again and again must not keep fork() waiting
		begin()
	} else {
		whileOpening(begin)
	}
	if err == nil && !queued {
		wait.signal, wait.socket, wait.begun, wait.readable = C.int(fds.Signal), C.int(fds.Socket), 1, 0
		return false, nil
	}
	e.leave()
	return queued, err
}

// endPoll ends a wait, if one has begun.
func endPoll(handle C.uintptr_t, wait *C.shim_poll) {
	if wait == nil || wait.begun == 0 {
		return
	}
	wait.begun = 0
	var code C.int
	defer guard(nil, "the end of a wait", &code)
	e := entered(handle)
	defer e.leave()
	e.object.(*listener).EndPoll(wait.readable != 0)
}
