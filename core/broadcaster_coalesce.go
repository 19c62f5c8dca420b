package mcl

import (
	"errors"
	"fmt"
	"time"

	"libmcl/core/internal/clock"
	"libmcl/core/internal/netio"
	"libmcl/core/internal/wire"
)

// Coalescing: publishes of small messages that follow each other closely leave together, as those of PublishMany do. What
// waits is a copy, so that callers keep their memory; a goroutine with a precise clock sends it when its time is over, if no
// publish does so before.

const (
	coalesceMax      = coalesceUsMax * time.Microsecond
	coalesceMessages = 64           // what a train takes
	coalesceBytes    = fragmentSize // of the datagrams that wait
)

// A coalescer is what waits. It is protected by the broadcaster's mu, save what says otherwise.
type coalescer struct {
	store     []byte // where the datagrams lie
	datagrams []netio.Datagram
	due       time.Time // when the oldest must leave

	waiter *clock.Waiter // locked by itself; closed by the goroutine
}

func (b *RawBroadcaster) startCoalescing() error {
	waiter, err := clock.New()
	if err != nil {
		return err
	}
	b.tell(waiter.Descriptors(), true)
	b.waiting = &coalescer{waiter: waiter, store: make([]byte, 0, coalesceBytes),
		datagrams: make([]netio.Datagram, 0, coalesceMessages)}
	go b.sendWhenDue()
	return nil
}

// coalesce takes messages, of which those that fit into a datagram may wait. mu is held.
func (b *RawBroadcaster) coalesce(items []Item, by Waiter) (taken int, err error) {
	const op = "publish on"
	w := b.waiting
	if err := b.takeFailure(); err != nil {
		return 0, err
	}
	for taken < len(items) {
		m := &items[taken]
		topic := b.topicOf(m)
		size := wire.SingleSize(topic) + len(m.Payload)
		if len(w.datagrams) == coalesceMessages || len(w.store)+size > coalesceBytes {
			if err := b.sendWaiting(by); err != nil {
				return taken, which(err, taken, len(items))
			}
		}
		if size > min(coalesceBytes, b.fragmentSize) { // at once, mostly in fragments
			n, err := b.sendSome(items[taken:taken+1], by)
			if taken += n; err != nil {
				return taken, which(b.failed(op, err), taken, len(items))
			}
			continue
		}
		start := len(w.store)
		w.store = append(wire.AppendSingle(w.store, topic), m.Payload...)
		w.datagrams = append(w.datagrams, netio.Datagram{Body: w.store[start:]})
		taken++
		if len(w.datagrams) == 1 {
			w.due = time.Now().Add(b.opts.Coalesce)
			w.waiter.Wake()
		}
	}
	if len(w.datagrams) == coalesceMessages || len(w.datagrams) > 0 && !time.Now().Before(w.due) {
		// The messages are taken; a failure is the next call's to tell.
		if err := b.sendWaiting(by); !errors.Is(err, ErrInterrupted) {
			b.late = err
		}
	}
	return taken, nil
}

func (b *RawBroadcaster) takeFailure() (err error) {
	err, b.late = b.late, nil
	return err
}

// sendWaiting sends what waits. What is left goes on waiting when the error is ErrInterrupted; on any other it is lost, and each
// message counted. mu is held.
func (b *RawBroadcaster) sendWaiting(by Waiter) error {
	w := b.waiting
	var failure error
	for rest := w.datagrams; len(rest) > 0; {
		b.batch = append(b.batch[:0], rest...)
		sent, err := b.sendBatch(by)
		if rest = rest[sent:]; err != nil {
			failure = b.failed("send what waited on", err)
			if errors.Is(failure, ErrInterrupted) {
				w.datagrams = append(w.datagrams[:0], rest...)
				return failure
			}
			b.errors.Add(uint64(len(rest) - 1)) // and one by failed
			break
		}
	}
	w.datagrams, w.store = w.datagrams[:0], w.store[:0]
	return failure
}

// closeWait is for how long Close waits for what is to be sent before.
const closeWait = closeWaitMs * time.Millisecond

// sendAtClose sends what waits, for closeWait at most. mu is held.
func (b *RawBroadcaster) sendAtClose() error {
	err := b.sendWaiting(netio.Until(time.Now().Add(closeWait)))
	if errors.Is(err, ErrInterrupted) {
		left := len(b.waiting.datagrams)
		return &OpError{Op: "close broadcaster on", On: b.res.conn.String(), Kind: ErrTimeout,
			Detail: fmt.Sprintf("%d messages that waited to be coalesced could not leave", left),
			Remedy: "flush before, which waits for as long as it takes"}
	}
	return err
}

// sendWhenDue is the coalescer's goroutine. It ends when the broadcaster is closed.
func (b *RawBroadcaster) sendWhenDue() {
	w := b.waiting
	clock.Enter()
	defer clock.Leave()
	var late time.Duration // how much later than asked for a wait ends, usually
	for {
		b.mu.Lock()
		if b.closed.Load() {
			b.errors.Add(uint64(len(w.datagrams))) // only where Close could not send them
			b.mu.Unlock()
			b.tell(w.waiter.Descriptors(), false)
			w.waiter.Close()
			return
		}
		wait := clock.Forever
		if len(w.datagrams) > 0 {
			left, early := time.Until(w.due), min(late, b.opts.Coalesce/2)
			if wait = left - early; wait <= 0 {
				late += (early - left - late) / 8
				b.late = errors.Join(b.late, b.sendWaiting(nil))
				wait = clock.Forever
			}
		}
		b.mu.Unlock()
		w.waiter.Wait(wait)
	}
}

// Flush sends what waits to be coalesced. The error is that of sending it, or what waited before.
func (b *RawBroadcaster) Flush() error { return b.By(nil).Flush() }

// Flush is RawBroadcaster.Flush. It waits for what is leaving by itself as well.
func (p Publisher) Flush() error {
	const op = "flush broadcaster on"
	b := p.broadcaster
	if err := b.mu.lockBy(p.by); err != nil {
		return b.failed(op, err)
	}
	defer b.mu.Unlock()
	if b.closed.Load() {
		return closedError(op, b.res.conn.String())
	}
	var err error
	if b.waiting != nil {
		if err = b.sendWaiting(p.by); errors.Is(err, ErrInterrupted) {
			return err
		}
	}
	return errors.Join(b.takeFailure(), err)
}

// lockToClose locks mu, if there is something that may wait. A publish may hold the lock, waiting for room in the socket's
// buffer, for as long as the interface is stuck: closing the socket ends that, so this gives up after a second.
func (b *RawBroadcaster) lockToClose() (locked bool) {
	if b.waiting == nil {
		return false
	}
	for begun := time.Now(); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > closeWait {
			return false
		}
	}
	return true
}
