package mcl

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"libmcl/core/internal/queue"
)

// A Callback is told of messages. Call runs on a goroutine of the listener, one at a time, in order of arrival, with no
// lock held: it may use its own listener and close it. Drop (may be nil) runs exactly once, after the last Call has
// returned: when it is unsubscribed or the listener is closed.
type Callback struct {
	Call func(*Received)
	Drop func()
}

type subscription struct {
	Callback
	id uint64

	// Protected by the listener's mu.
	running bool
	removed bool
	idle    chan struct{} // closed when it no longer runs; made by who waits for that
}

// drop ends a subscription that no longer runs.
func (l *Listener) drop(s *subscription) {
	if s.Drop != nil {
		defer l.recoverFrom("the end of a callback")
		s.Drop()
	}
}

// recoverFrom is deferred around what is not the library's own: a panic there must not end the program, whose other
// messages go on.
func (l *Listener) recoverFrom(what string) {
	if p := recover(); p != nil {
		l.report(reportPanic, &OpError{Op: what + " of", On: l.res.conn.String(), Kind: ErrInternal,
			Detail: fmt.Sprintf("it panicked: %v\n%s", p, debug.Stack()), Remedy: "other callbacks and messages go on"})
	}
}

// Subscribe adds a callback and returns a number for Unsubscribe. What has been queued so far is delivered to the first
// one. A Received is valid until the callback returns. The error is ErrClosed, or ErrInvalid for nil.
func (l *Listener) Subscribe(call func(*Received)) (id uint64, err error) {
	return l.SubscribeCallback(Callback{Call: call})
}

// SubscribeCallback is Subscribe for a callback that wants to know when it is over. On an error, Drop is not called.
func (l *Listener) SubscribeCallback(c Callback) (id uint64, err error) {
	const op = "subscribe to"
	if c.Call == nil {
		return 0, &OpError{Op: op, On: l.res.conn.String(), Kind: ErrInvalid, Detail: "no callback", Remedy: "give a function"}
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0, closedError(op, l.res.conn.String())
	}
	l.nextID++
	id = l.nextID
	l.subs = append(slices.Clone(l.subs), &subscription{Callback: c, id: id})
	if l.signal != nil {
		l.signal.Set() // an owner that waits is told that it is busy now
	}
	token(l.ready)
	l.mu.Unlock()
	l.wakeDelivery()
	return id, nil
}

// wakeDelivery has what is queued delivered, whoever does that: the delivering goroutine, or the reader, which waits for the socket
// or for room in the queue.
func (l *Listener) wakeDelivery() {
	token(l.work)
	token(l.space)
	if !l.opts.Queued {
		l.rx.SetDeadline(time.Unix(1, 0))
	}
}

// Unsubscribe removes a callback. When it returns, the callback is not running and will not run again, unless it is called
// from a callback of this listener. The error is ErrUnknown, or ErrBusy when the callback still runs after a second: it is
// removed all the same.
func (l *Listener) Unsubscribe(id uint64) error {
	const op = "unsubscribe from"
	l.mu.Lock()
	i := slices.IndexFunc(l.subs, func(s *subscription) bool { return s.id == id })
	if i < 0 {
		l.mu.Unlock()
		return &OpError{Op: op, On: l.res.conn.String(), Kind: ErrUnknown, Detail: fmt.Sprintf("no callback has the number %d", id),
			Remedy: "give the number that subscribing returned, once"}
	}
	s := l.subs[i]
	l.subs = slices.Delete(slices.Clone(l.subs), i, i+1)
	s.removed = true
	if len(l.subs) == 0 {
		l.announce() // what stays is the owner's now
	}
	if !s.running {
		l.mu.Unlock()
		l.drop(s)
		return nil
	}
	if l.ownGoroutine() {
		l.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	l.mu.Unlock()
	timeout := time.NewTimer(closeWaitMs * time.Millisecond)
	defer timeout.Stop()
	select {
	case <-idle:
		return nil
	case <-timeout.C:
		return &OpError{Op: op, On: l.res.conn.String(), Kind: ErrBusy, Detail: "the callback still runs after a second",
			Remedy: "let callbacks return; it is removed all the same"}
	}
}

func (l *Listener) subscribed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.subs) > 0
}

// deliverQueued is the delivering goroutine: queue → callbacks.
func (l *Listener) deliverQueued() {
	l.deliverer.Store(goroutineID())
	var r Received
	for {
		l.deliverRing(&r)
		select {
		case <-l.work:
		case <-l.done:
			return
		}
	}
}

// ownGoroutine tells whether the caller runs on a goroutine of this listener, which then cannot wait for itself.
func (l *Listener) ownGoroutine() bool {
	id := goroutineID()
	return id == l.deliverer.Load() || id == l.readerID.Load()
}

// deliverBacklog delivers, on the reading goroutine, what was queued while nobody was subscribed.
func (l *Listener) deliverBacklog() { l.deliverRing(&l.reader.received) }

func (l *Listener) deliverRing(r *Received) {
	for {
		l.mu.Lock()
		subs := l.subs
		if len(subs) == 0 {
			l.mu.Unlock()
			return
		}
		e, ok := l.ring.Take()
		if !ok {
			l.mu.Unlock()
			return
		}
		l.stats.Delivered++
		subs[0].running = true
		l.makeRoom()
		l.mu.Unlock()
		l.callAll(subs, r, &e)
		e.Owner.Release()
	}
}

// deliverDirect delivers the batch at hand from the memory that it was received into. Once something is queued, because the
// last callback went, the rest must queue up behind it.
func (l *Listener) deliverDirect() {
	r := &l.reader
	for i := range r.entries {
		l.mu.Lock()
		subs := l.subs
		if len(subs) == 0 || l.ring.Len() > 0 {
			l.mu.Unlock()
			for j := range r.entries[i:] {
				r.writer.Own(&r.entries[i+j], r.sources[i+j])
			}
			l.enqueue(r.entries[i:])
			l.deliverBacklog() // somebody may have subscribed again
			return
		}
		l.stats.Delivered++
		subs[0].running = true
		l.inHand--
		l.mu.Unlock()
		e := &r.entries[i]
		l.callAll(subs, &r.received, e)
		if e.Owner != nil {
			e.Owner.Release()
		}
	}
}

// callAll calls the callbacks that were subscribed when the message was taken, save those removed since. The first is marked
// as running since then, so that a message that counts as delivered reaches one at least.
func (l *Listener) callAll(subs []*subscription, r *Received, e *queue.Entry) {
	r.set(e, l.opts.Type)
	for i, s := range subs {
		if i > 0 && !l.start(s) {
			continue
		}
		l.call(s, r)
		l.end(s)
	}
}

// start marks a callback as running, unless it was removed.
func (l *Listener) start(s *subscription) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.running = !s.removed
	return s.running
}

// end is for a callback that has returned, and may have been removed meanwhile.
func (l *Listener) end(s *subscription) {
	l.mu.Lock()
	s.running = false
	over, idle := s.removed, s.idle
	l.mu.Unlock()
	if over {
		l.drop(s)
		if idle != nil {
			close(idle)
		}
	}
}

func (l *Listener) call(s *subscription, r *Received) {
	defer l.recoverFrom("a callback")
	s.Call(r)
}

// enqueue puts messages that are in hand into the ring, applying the policy.
func (l *Listener) enqueue(entries []queue.Entry) {
	l.mu.Lock()
	for i := 0; i < len(entries); {
		if l.closed {
			for j := range entries[i:] {
				entries[i+j].Owner.Release()
			}
			l.stats.Discarded += uint64(len(entries) - i)
			l.inHand -= len(entries) - i
			break
		}
		dropped, ok := l.ring.Put(entries[i])
		l.stats.DroppedQueue += uint64(dropped)
		if ok {
			l.inHand--
			i++
			continue
		}
		l.waiting = true
		l.announce()
		l.mu.Unlock()
		select {
		case <-l.space:
		case <-l.done:
		}
		if !l.opts.Queued {
			l.deliverBacklog() // somebody may have subscribed
		}
		l.mu.Lock()
	}
	l.announce()
	l.mu.Unlock()
}

// announce tells who waits that something is queued. mu is held.
func (l *Listener) announce() {
	if l.ring.Len() == 0 {
		return
	}
	if len(l.subs) > 0 {
		token(l.work)
		return
	}
	token(l.ready)
	if l.signal != nil { // a system call each time that the queue was empty
		l.signal.Set()
	}
}

// makeRoom wakes a reader that waits for room, once there is enough to be worth it. mu is held.
func (l *Listener) makeRoom() {
	if l.waiting && (l.ring.Len() == 0 || 2*l.ring.Len() <= l.ring.MaxEntries && 2*l.ring.Bytes() <= l.ring.MaxBytes) {
		l.waiting = false
		token(l.space)
	}
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// goroutineID tells whether Close and Unsubscribe were called from a callback: then they must not wait for it. Go has no
// other way to know, and a flag passed to the callback would not see a call through C and back. It takes about a
// microsecond, and is called once a goroutine and once a close.
func goroutineID() uint64 {
	var text [64]byte
	s := bytes.TrimPrefix(text[:runtime.Stack(text[:], false)], []byte("goroutine "))
	id, _ := strconv.ParseUint(string(s[:bytes.IndexByte(s, ' ')]), 10, 64)
	return id
}
