package main

// #include "shim.h"
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/mattn/go-pointer"

	mcl "libmcl/core"
)

// A handle is a token: an address of C memory that nobody reads. go-pointer makes them, but its lookup is not safe for
// what C may pass: Unref gives the address back to malloc, which hands it out again at once, so that a stale handle would
// find the next object; a second Unref aborts; and a number from anywhere is no unsafe.Pointer that Go may hold. So tokens
// are looked up here, as numbers, and those of closed objects stay reserved for a while.

// An entry is what a handle stands for.
type entry struct {
	token  unsafe.Pointer
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

// quarantineSize is how many closed handles are told from garbage, and not given out again, at any moment.
const quarantineSize = C.SHIM_QUARANTINE

var table = struct {
	sync.RWMutex
	entries    map[uintptr]*entry
	quarantine [quarantineSize]*entry // a ring
	next       int
}{entries: make(map[uintptr]*entry)}

// newHandle gives an object to C.
func newHandle(k kind, object any, drop func()) C.uintptr_t {
	e := &entry{kind: k, object: object, drop: drop, gone: make(chan struct{})}
	e.token = pointer.Save(e)
	table.Lock()
	table.entries[uintptr(e.token)] = e
	table.Unlock()
	return C.uintptr_t(uintptr(e.token))
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
	C.shim_quarantine[table.next] = C.uintptr_t(uintptr(e.token))
	table.next = (table.next + 1) % quarantineSize
	if oldest != nil {
		delete(table.entries, uintptr(oldest.token))
	}
	table.Unlock()
	if oldest != nil {
		pointer.Unref(oldest.token)
	}
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
