package main

// #cgo noescape shim_call
// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"slices"
	"sync"
	"unsafe"

	mcl "libmcl/core"
)

// callbacks are those of one listener. They are known here for one reason: a close must find out whether it is called
// from one of them.
type callbacks struct {
	mu   sync.Mutex
	live []*C.shim_callback
}

// subscribe hands callback to the core, which gives it back by calling Drop once. On an error it stays the caller's.
func (c *callbacks) subscribe(l *mcl.Listener, callback *C.shim_callback) (uint64, error) {
	c.mu.Lock()
	c.live = append(c.live, callback)
	c.mu.Unlock()
	id, err := l.SubscribeCallback(mcl.Callback{
		Call: func(r *mcl.Received) { call(callback, r) },
		Drop: func() {
			C.shim_drop(callback)
			c.remove(callback)
			C.shim_callback_free(callback)
		},
	})
	if err != nil {
		c.remove(callback)
	}
	return id, err
}

func (c *callbacks) remove(callback *C.shim_callback) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.live, callback); i >= 0 {
		c.live = slices.Delete(c.live, i, i+1)
	}
}

// runHere tells whether the calling thread is inside one of the callbacks.
func (c *callbacks) runHere() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.live, func(callback *C.shim_callback) bool {
		return C.shim_callback_runs_here(callback) != 0
	})
}

// call passes a message to C. Go's memory may be seen there until it returns.
func call(callback *C.shim_callback, r *mcl.Received) {
	sender := r.Sender.Addr().As16()
	hasTopic := C.int(0)
	if r.HasTopic {
		hasTopic = 1
	}
	C.shim_call(callback, address(r.Topic), C.size_t(len(r.Topic)), hasTopic, address(r.Payload),
		C.size_t(len(r.Payload)), C.int64_t(r.Time), C.uint64_t(binary.BigEndian.Uint64(sender[:8])),
		C.uint64_t(binary.BigEndian.Uint64(sender[8:])), C.uint32_t(r.Sender.Port()), C.uint32_t(r.Interface))
}

// address is NULL for an empty slice: its pointer may be that of whatever lies behind the memory it was cut from.
func address(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Pointer(&b[0])
}

// setOrigin tells when and from where a message came.
func setOrigin(record *C.shim_record, r *mcl.Received) {
	record.time_received = C.int64_t(r.Time)
	*(*[16]byte)(unsafe.Pointer(&record.sender)) = r.Sender.Addr().As16()
	record.sender_port = C.uint32_t(r.Sender.Port())
	record.interface_index = C.uint32_t(r.Interface)
}
