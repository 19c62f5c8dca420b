package mcl

import (
	"bytes"
	"context"

	"libmcl/core/internal/notify"
	"libmcl/core/internal/queue"
)

// Wait waits until a message is queued. The error is ErrTimeout, wrapping ctx.Err(), when ctx is over; ErrClosed; or
// ErrBusy when callbacks are subscribed, which would take it.
func (l *Listener) Wait(ctx context.Context) error {
	const op = "receive on"
	for {
		l.mu.Lock()
		err := l.ownable(op)
		n := l.ring.Len()
		l.mu.Unlock()
		if err != nil || n > 0 {
			token(l.ready) // others may wait as well; one too many costs them a look
			return err
		}
		select {
		case <-l.ready:
		case <-l.done:
		case <-ctx.Done():
			return &OpError{Op: op, On: l.res.conn.String(), Kind: ErrTimeout, Err: ctx.Err(),
				Remedy: "see by Stats whether anything arrives, and what became of it"}
		}
	}
}

// Pending tells whether a message waits to be taken; if not, what FD gave polls so. The errors are ErrClosed and ErrBusy, as those
// of Wait.
func (l *Listener) Pending() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.ownable("receive on")
	if err == nil && l.ring.Len() == 0 && l.signal != nil {
		l.signal.Clear() // callbacks leave it as it was
	}
	return l.ring.Len() > 0, err
}

// ownable tells whether the owner may take messages. mu is held.
func (l *Listener) ownable(op string) error {
	switch {
	case l.closed:
		return closedError(op, l.res.conn.String())
	case len(l.subs) > 0:
		return &OpError{Op: op, On: l.res.conn.String(), Kind: ErrBusy, Detail: "callbacks are subscribed",
			Remedy: "unsubscribe them, or let them have the messages"}
	}
	return nil
}

// Receive waits for a message and returns a copy of it. The errors are those of Wait.
func (l *Listener) Receive(ctx context.Context) (*Received, error) {
	h, err := l.Take(ctx, 1)
	if err != nil {
		return nil, err
	}
	r := h.Messages[0]
	r.Topic, r.Payload = bytes.Clone(r.Topic), bytes.Clone(r.Payload)
	h.Settle(1, 0)
	return &r, nil
}

// takeNow takes what is queued, up to len(dst), in hand: settle must follow.
func (l *Listener) takeNow(dst []queue.Entry) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ownable("receive on"); err != nil {
		return 0, err
	}
	for n < len(dst) {
		e, ok := l.ring.Take()
		if !ok {
			break
		}
		dst[n] = e
		l.taken += e.Size()
		n++
	}
	l.inHand += n
	if l.ring.Len() > 0 {
		token(l.ready) // others may wait as well
	} else if l.signal != nil {
		l.signal.Clear()
	}
	l.makeRoom()
	return n, nil
}

// settle counts the first entries in hand as delivered, those behind them as rejected, and puts the others back, unless it is
// closed.
func (l *Listener) settle(hand []queue.Entry, delivered, rejected int) (closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Delivered += uint64(delivered)
	l.stats.Rejected += uint64(rejected)
	l.inHand -= len(hand)
	for i := range hand {
		l.taken -= hand[i].Size()
	}
	n := delivered + rejected
	for i := len(hand) - 1; i >= n; i-- {
		if l.closed {
			hand[i].Owner.Release()
			l.stats.Discarded++
		} else {
			l.ring.PutBack(hand[i])
		}
	}
	if n < len(hand) && !l.closed {
		l.announce()
		if len(l.subs) > 0 { // somebody has subscribed meanwhile
			l.wakeDelivery()
		}
	}
	return l.closed
}

// FD returns a descriptor that poll(2) reports readable while messages are queued for the owner, and for good once the
// listener is closing. It is only to be polled. It stays open until Release.
func (l *Listener) FD() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return -1, closedError("get descriptor of listener on", l.res.conn.String())
	}
	if err := l.openSignal("get descriptor of listener on"); err != nil {
		return -1, err
	}
	l.announce()
	return l.signal.FD(), nil
}

// openSignal makes it when it is first needed. mu is held.
func (l *Listener) openSignal(op string) error {
	if l.signal != nil {
		return nil
	}
	n, err := notify.New()
	if err != nil {
		return systemError(op, l.res.conn.String(), err)
	}
	l.signal = n
	return nil
}

// Release closes the descriptor that FD gave, once nobody polls it any more. Use it after Close; it may be called again.
func (l *Listener) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signal != nil {
		l.signal.Close()
	}
}
