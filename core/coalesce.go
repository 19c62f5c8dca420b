package mcl

import (
	"errors"
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
	failed    error     // to be returned: messages whose publish has returned could not be sent

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
func (b *RawBroadcaster) coalesce(items []Item) (taken int, err error) {
	const op = "publish on"
	w := b.waiting
	if err := w.takeFailure(); err != nil {
		return 0, err
	}
	for taken < len(items) {
		m := &items[taken]
		topic := b.topicOf(m)
		size := wire.SingleSize(topic) + len(m.Payload)
		if len(w.datagrams) == coalesceMessages || len(w.store)+size > coalesceBytes {
			if err := b.sendWaiting(); err != nil {
				return taken, which(err, taken, len(items))
			}
		}
		if size > min(coalesceBytes, b.fragmentSize) { // at once, mostly in fragments
			if _, err := b.sendSome(items[taken : taken+1]); err != nil {
				return taken, which(b.failed(op, err), taken, len(items))
			}
			taken++
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
		w.failed = b.sendWaiting()
	}
	return taken, nil
}

func (w *coalescer) takeFailure() (err error) {
	err, w.failed = w.failed, nil
	return err
}

// sendWaiting sends what waits. On an error, the rest is lost, and each message counted. mu is held.
func (b *RawBroadcaster) sendWaiting() error {
	w := b.waiting
	var failure error
	for rest := w.datagrams; len(rest) > 0; {
		b.batch = append(b.batch[:0], rest...)
		sent, err := b.sendBatch()
		if rest = rest[sent:]; err != nil {
			failure = b.failed("send what waited on", err)
			b.errors.Add(uint64(len(rest) - 1)) // and one by failed
			break
		}
	}
	w.datagrams, w.store = w.datagrams[:0], w.store[:0]
	return failure
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
				w.failed = errors.Join(w.failed, b.sendWaiting())
				wait = clock.Forever
			}
		}
		b.mu.Unlock()
		w.waiter.Wait(wait)
	}
}

// Flush sends what waits to be coalesced. The error is that of sending it, or what waited before.
func (b *RawBroadcaster) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed.Load():
		return closedError("flush broadcaster on", b.res.conn.String())
	case b.waiting == nil:
		return nil
	}
	return errors.Join(b.waiting.takeFailure(), b.sendWaiting())
}

// lockToClose locks mu, if there is something that may wait. A publish may hold the lock, waiting for room in the socket's
// buffer, for as long as the interface is stuck: closing the socket ends that, so this gives up after a second.
func (b *RawBroadcaster) lockToClose() (locked bool) {
	if b.waiting == nil {
		return false
	}
	for begun := time.Now(); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > closeWaitMs*time.Millisecond {
			return false
		}
	}
	return true
}
