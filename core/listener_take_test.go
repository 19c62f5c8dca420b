package mcl

import (
	"errors"
	"testing"
)

// take takes what is published, which is that many messages, in order from first.
func take(t *testing.T, l *Listener, first, count int) *Hand {
	t.Helper()
	eventually(t, l, func(s ListenerStats) bool { return int(s.QueuedBytes) == count }) // of a byte each
	h, err := l.Take(within(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Messages) != count {
		t.Fatalf("%d messages in hand, not %d", len(h.Messages), count)
	}
	for i := range h.Messages {
		if v, err := h.Messages[i].Value(); err != nil || v != int64(first+i) {
			t.Fatalf("message %d is %v, error %v", i, v, err)
		}
	}
	return h
}

func settle(t *testing.T, h *Hand, delivered, rejected int) {
	t.Helper()
	if err := h.Settle(delivered, rejected); err != nil {
		t.Fatal(err)
	}
}

func TestSettling(t *testing.T) {
	for _, queued := range []bool{false, true} {
		conn := newConnection()
		l, b := open(t, nil, conn, ListenerOptions{Queued: queued}), dial(t, nil, conn, BroadcasterOptions{})
		fd, err := l.FD()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := l.TakeNow(0); h != nil || err != nil {
			t.Fatalf("took %v from nothing, error %v", h, err)
		}
		for i := range 5 {
			publish(t, b, "", i)
		}
		h := take(t, l, 0, 5)
		if s := l.Stats(); s.Queued != 5 || s.QueuedBytes != 5 || s.Delivered != 0 || readable(fd) {
			t.Errorf("in hand: %+v, readable %v", s, readable(fd))
		}
		if err := h.Settle(4, 2); !errors.Is(err, ErrInvalid) {
			t.Errorf("settling 6 of 5: %v", err)
		}
		settle(t, h, 2, 1)
		if err := h.Settle(0, 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("settling again: %v", err)
		}
		if s := l.Stats(); s.Queued != 2 || s.Delivered != 2 || s.Rejected != 1 || !readable(fd) {
			t.Errorf("settled: %+v, readable %v", s, readable(fd))
		}
		publish(t, b, "", 5)
		settle(t, take(t, l, 3, 3), 3, 0)
		if h, err := l.TakeNow(2); h != nil || err != nil {
			t.Errorf("took %v from nothing, error %v", h, err)
		}
		publish(t, b, "", 6)
		h = take(t, l, 6, 1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if v, err := h.Messages[0].Value(); v != int64(6) || err != nil {
			t.Errorf("what is in hand is %v after the close, error %v", v, err)
		}
		if err := h.Settle(0, 0); !errors.Is(err, ErrClosed) {
			t.Errorf("settling after the close: %v", err)
		}
		s := l.Stats()
		if s.Discarded != 1 || s.Queued != 0 || s.QueuedBytes != 0 {
			t.Errorf("closed: %+v", s)
		}
		balanced(t, s)
		if _, err := l.Take(within(t), 0); !errors.Is(err, ErrClosed) {
			t.Errorf("taking after the close: %v", err)
		}
	}
}

// A callback that is subscribed while something is in hand gets what is put back.
func TestTakingIsForOwners(t *testing.T) {
	conn := newConnection()
	l, b := open(t, nil, conn, ListenerOptions{}), dial(t, nil, conn, BroadcasterOptions{})
	publish(t, b, "", 1)
	h := take(t, l, 1, 1)
	got := make(chan any, 1)
	if _, err := l.Subscribe(func(r *Received) { v, _ := r.Value(); got <- v }); err != nil {
		t.Fatal(err)
	}
	if _, err := l.TakeNow(0); !errors.Is(err, ErrBusy) {
		t.Errorf("taking beside a callback: %v", err)
	}
	settle(t, h, 0, 0)
	publish(t, b, "", 2) // a listener that reads for its callback looks at the queue when something comes
	if v := <-got; v != int64(1) {
		t.Errorf("got %v", v)
	}
}
