package mcl

import (
	"context"
	"fmt"
	"slices"

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
	h := new(Hand)
	if err := l.takeInto(h, most); err != nil || len(h.entries) == 0 {
		return nil, err
	}
	return h, nil
}

// takeInto takes messages into a hand that was settled, and keeps its memory.
func (l *Listener) takeInto(h *Hand, most int) error {
	if most <= 0 || most > handMax {
		most = handMax
	}
	var entries [handMax]queue.Entry
	n, err := l.takeNow(entries[:most])
	h.listener, h.entries, h.Messages = l, append(h.entries[:0], entries[:n]...), slices.Grow(h.Messages[:0], n)[:n]
	for i := range h.entries {
		h.Messages[i].set(&h.entries[i], l.opts.Type)
	}
	return err
}

// drain takes up to max messages that are queued, without waiting, and has accept see each; it returns how many they were.
func (l *Listener) drain(h *Hand, max int, accept func(*Received)) (total int) {
	for total < max && l.takeInto(h, max-total) == nil && len(h.entries) > 0 {
		for i := range h.Messages {
			accept(&h.Messages[i])
		}
		total += len(h.Messages)
		h.Settle(len(h.Messages), 0)
	}
	return total
}

// Settle counts the first messages in hand as delivered and those behind them as rejected, and queues the rest again, before
// all others. The errors are ErrInvalid for more messages than there are, or settled already: then nothing is done; and
// ErrClosed when the listener is closed: then the rest was discarded.
func (h *Hand) Settle(delivered, rejected int) error {
	done := delivered + rejected
	if delivered < 0 || rejected < 0 || done > len(h.entries) || len(h.entries) == 0 {
		return &OpError{Op: "settle what was taken from", On: h.listener.res.conn.String(), Kind: ErrInvalid,
			Detail: fmt.Sprintf("%d delivered and %d rejected of %d", delivered, rejected, len(h.entries)),
			Remedy: "settle a hand once, with no more messages than it has"}
	}
	closed := h.listener.settle(h.entries, delivered, rejected)
	for i := range h.entries[:done] {
		h.entries[i].Owner.Release()
	}
	clear(h.entries)
	h.entries, h.Messages = h.entries[:0], h.Messages[:0]
	if closed {
		return closedError("settle what was taken from", h.listener.res.conn.String())
	}
	return nil
}
