package main

// #include "shim.h"
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"

	mcl "libmcl/core"
)

// A handle is a number that a token makes (token.go), and that C takes for a pointer. It is looked up here, as a number:
// one from anywhere is no unsafe.Pointer that Go may hold. Those of closed objects stay known as such for a while.

// An entry is what a handle stands for.
type entry struct {
	token  token
	kind   kind
	object any // until the entry is closed and no call uses it

	// The calls in flight, and closedBit once it is closed. Only calls that came before the bit use the object.
	calls atomic.Int64
	left  atomic.Bool   // the last call has left
	gone  chan struct{} // closed then
	drop  func()        // runs then; may be nil
}

const closedBit = 1 << 62

type kind uint8

const (
	typeKind kind = iota
	messageKind
	broadcasterKind
	listenerKind
	logWriterKind
	logReaderKind
	recorderKind
	replayKind
)

func (k kind) String() string {
	return [...]string{"mcl_type", "mcl_message", "mcl_broadcaster", "mcl_listener", "mcl_log_writer", "mcl_log_reader",
		"mcl_recorder", "mcl_replay"}[k]
}

// quarantineSize is how many closed handles are told from garbage at any moment.
const quarantineSize = C.SHIM_QUARANTINE

var table = struct {
	sync.RWMutex
	entries    map[uintptr]*entry
	quarantine [quarantineSize]*entry // a ring
	next       int
	spare      []token // of handles that left the quarantine
}{entries: make(map[uintptr]*entry)}

// newHandle gives an object to C.
func newHandle(k kind, object any, drop func()) C.uintptr_t {
	e := &entry{kind: k, object: object, drop: drop, gone: make(chan struct{})}
	table.Lock()
	defer table.Unlock()
	if n := len(table.spare); n > 0 {
		e.token, table.spare = table.spare[n-1], table.spare[:n-1]
	} else {
		e.token = newToken()
	}
	handle := e.token.handle()
	table.entries[handle] = e
	return C.uintptr_t(handle)
}

// enter finds an object and keeps it from being dropped until leave.
func enter(handle C.uintptr_t, k kind) (*entry, error) {
	table.RLock()
	e := table.entries[uintptr(handle)]
	table.RUnlock()
	if e == nil || e.kind != k {
		return nil, wrongHandle(handle, e, k)
	}
	if e.calls.Add(1)&closedBit != 0 {
		e.leave()
		return nil, closedHandle(k)
	}
	return e, nil
}

// entered finds what enter found, and what no leave has followed yet: it is still in the table, though it may be closed.
func entered(handle C.uintptr_t) *entry {
	table.RLock()
	defer table.RUnlock()
	return table.entries[uintptr(handle)]
}

// leave ends what enter began.
func (e *entry) leave() {
	if e.calls.Add(-1) == closedBit && e.left.CompareAndSwap(false, true) {
		e.retire()
	}
}

// shut makes every later enter fail. Only the first of several succeeds.
func (e *entry) shut() error {
	if e.calls.Or(closedBit)&closedBit != 0 {
		return closedHandle(e.kind)
	}
	return nil
}

// retire runs once, when the entry is shut and no call is left. A call that comes now only reads calls and kind.
func (e *entry) retire() {
	if e.drop != nil {
		e.drop()
	}
	e.object, e.drop = nil, nil
	table.Lock()
	oldest := table.quarantine[table.next]
	table.quarantine[table.next] = e
	C.shim_quarantine[table.next] = C.uintptr_t(uintptr(e.token.address))
	table.next = (table.next + 1) % quarantineSize
	if oldest != nil {
		delete(table.entries, oldest.token.handle())
		if t, ok := oldest.token.next(); ok {
			table.spare = append(table.spare, t)
		}
	}
	table.Unlock()
	close(e.gone)
}

// closeHandle closes an object without callbacks: a call in flight finishes first. shut may be nil.
func closeHandle[T any](handle C.uintptr_t, k kind, shut func(T) error) error {
	e, err := enter(handle, k)
	if err != nil {
		return err
	}
	if err := e.shut(); err != nil {
		e.leave()
		return err
	}
	if shut != nil {
		err = shut(e.object.(T))
	}
	e.leave()
	<-e.gone
	return err
}

// A handleError is one that package mcl cannot know: it has no handles.
type handleError struct {
	code mcl.Error
	text string
}

func (e *handleError) Error() string { return e.text }
func (e *handleError) Unwrap() error { return e.code }

func closedHandle(k kind) error {
	return &handleError{mcl.ErrClosed, fmt.Sprintf("the %s is closed: open a new one", k)}
}

func wrongHandle(handle C.uintptr_t, e *entry, k kind) error {
	switch {
	case handle == 0:
		return &handleError{mcl.ErrHandle, fmt.Sprintf("the %s is NULL: look at what opening it returned", k)}
	case e != nil:
		return &handleError{mcl.ErrHandle, fmt.Sprintf("the handle is one of an %s, not of an %s", e.kind, k)}
	}
	return &handleError{mcl.ErrHandle, fmt.Sprintf("%#x is no handle of an %s, or was closed long ago", uint64(handle), k)}
}
