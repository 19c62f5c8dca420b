package mcl

import (
	"context"
	"fmt"

	"libmcl/core/internal/queue"
)

// A Hand holds messages that were taken from a listener, and are neither delivered nor rejected yet: they count as queued.
type Hand struct {
	Messages []Received // valid until Settle

	listener *Listener
	entries  []queue.Entry
}

// handMax is how many messages a hand holds at most.
const handMax = 64

// Take waits for a message, and takes the oldest ones: `most` at most, which 0 and more than 64 make 64. Settle must follow.
// Several goroutines may take: each gets other messages. The errors are those of Wait.
func (l *Listener) Take(ctx context.Context, most int) (*Hand, error) {
	for {
		if err := l.Wait(ctx); err != nil {
			return nil, err
		}
		if h, err := l.TakeNow(most); h != nil || err != nil {
			return h, err
		}
	}
}

// TakeNow does what Take does, without waiting. It returns nil when nothing is queued.
func (l *Listener) TakeNow(most int) (*Hand, error) {
	if most <= 0 || most > handMax {
		most = handMax
	}
	var entries [handMax]queue.Entry
	n, err := l.takeNow(entries[:most])
	if n == 0 || err != nil {
		return nil, err
	}
	h := &Hand{listener: l, entries: append([]queue.Entry(nil), entries[:n]...), Messages: make([]Received, n)}
	for i := range h.entries {
		h.Messages[i].set(&h.entries[i], l.opts.Type)
	}
	return h, nil
}

// Settle counts the first messages in hand as delivered and those behind them as rejected, and queues the rest again, before
// all others. The errors are ErrInvalid for more messages than there are, or settled already: then nothing is done; and
// ErrClosed when the listener is closed: then the rest was discarded.
func (h *Hand) Settle(delivered, rejected int) error {
	done := delivered + rejected
	if delivered < 0 || rejected < 0 || done > len(h.entries) || h.entries == nil {
		return &OpError{Op: "settle what was taken from", On: h.listener.res.conn.String(), Kind: ErrInvalid,
			Detail: fmt.Sprintf("%d delivered and %d rejected of %d", delivered, rejected, len(h.entries)),
			Remedy: "settle a hand once, with no more messages than it has"}
	}
	closed := h.listener.settle(h.entries, delivered, rejected)
	for i := range h.entries[:done] {
		h.entries[i].Owner.Release()
	}
	h.entries, h.Messages = nil, nil
	if closed {
		return closedError("settle what was taken from", h.listener.res.conn.String())
	}
	return nil
}
