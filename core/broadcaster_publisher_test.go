package mcl

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"libmcl/core/internal/netio/netiotest"
)

// An impatient caller does not wait at all.
type impatient struct{}

func (impatient) Wait(int, time.Duration) bool { return false }

// A counting caller waits so often, and then no more.
type counting struct{ left int }

func (c *counting) Wait(_ int, most time.Duration) bool {
	time.Sleep(min(most, time.Millisecond))
	c.left--
	return c.left > 0
}

func TestWhoDoesNotWantToWaitPublishesNothing(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l, b := open(t, n, conn, ListenerOptions{}), dial(t, n, conn, BroadcasterOptions{})
	large := packedBytes(150_000, 0)
	n.Full.Store(true)
	for _, w := range []Waiter{impatient{}, &counting{5}} {
		p := b.By(w)
		wantKind(t, p.PublishTopic(nil, "small"), ErrInterrupted)
		wantKind(t, p.PublishPacked(nil, large), ErrInterrupted)
		sent, err := p.PublishMany(itemsOf(10, 10))
		if wantKind(t, err, ErrInterrupted); sent != 0 {
			t.Errorf("%d sent", sent)
		}
	}
	if s := b.Stats(); s != (BroadcasterStats{}) {
		t.Errorf("%+v", s)
	}
	// Behind another publish as well, whatever room there is.
	done := make(chan error)
	go func() { done <- b.PublishPacked(nil, large) }()
	for b.mu.TryLock() {
		b.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	wantKind(t, b.By(impatient{}).PublishTopic(nil, "small"), ErrInterrupted)
	wantKind(t, b.By(&counting{5}).Flush(), ErrInterrupted)
	n.Full.Store(false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := b.By(impatient{}).PublishTopic(nil, "small"); err != nil {
		t.Error(err)
	}
	eventually(t, l, func(s ListenerStats) bool { return s.Messages == 2 })
}

func TestALargeMessageGoesOnLeavingWithoutItsCaller(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l, b := open(t, n, conn, ListenerOptions{}), dial(t, n, conn, BroadcasterOptions{})
	large := packedBytes(3_000_000, 7)
	want := bytes.Clone(large)
	if err := b.By(impatient{}).PublishPacked(nil, large); err != ErrLeaving {
		t.Fatal(err)
	}
	clear(large) // the caller's again
	publish(t, b, "", "later")
	if err := b.Flush(); err != nil {
		t.Error(err)
	}
	if s := b.Stats(); s.Messages != 2 || s.SendErrors != 0 {
		t.Errorf("%+v", s)
	}
	r, err := l.Receive(within(t))
	if err != nil || !bytes.Equal(r.Payload, want) {
		t.Errorf("%d bytes, %v", len(r.Payload), err)
	}
	if v := receive(t, l); v != "later" {
		t.Errorf("received %v", v)
	}

	// Amid a batch it is one of those that were sent.
	items := itemsOf(10, 3_000_000, 10)
	sent, err := b.By(impatient{}).PublishMany(items)
	if wantKind(t, err, ErrInterrupted); sent != 2 {
		t.Errorf("%d sent", sent)
	}
	if err := b.Flush(); err != nil {
		t.Error(err)
	}
	if sent, err := b.By(impatient{}).PublishMany(items[:2]); sent != 2 || err != ErrLeaving {
		t.Errorf("%d sent, %v", sent, err)
	}
	if err := b.Flush(); err != nil {
		t.Error(err)
	}
	eventually(t, l, func(s ListenerStats) bool { return s.Messages == 6 })
}

func TestFlushTellsWhatALargeMessageLeftBehindMet(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	b := dial(t, n, conn, BroadcasterOptions{})
	failure := errors.New("on purpose")
	if err := b.By(failingMeanwhile{n, failure}).PublishPacked(nil, packedBytes(3_000_000, 0)); err != ErrLeaving {
		t.Fatal(err)
	}
	if err := b.Flush(); !errors.Is(err, failure) {
		t.Errorf("flush: %v", err)
	}
	n.Fail(nil)
	if err := b.Flush(); err != nil {
		t.Errorf("told twice: %v", err)
	}
	if s := b.Stats(); s.Messages != 0 || s.SendErrors != 1 {
		t.Errorf("%+v", s)
	}

	// Closing ends it, and it is counted as well.
	b = dial(t, n, conn, BroadcasterOptions{})
	if err := b.By(fullMeanwhile{n}).PublishPacked(nil, packedBytes(3_000_000, 0)); err != ErrLeaving {
		t.Fatal(err)
	}
	b.Close()
	b.mu.Lock() // the rest has it until it has ended
	if s := b.Stats(); s.Messages != 0 || s.SendErrors != 1 {
		t.Errorf("%+v", s)
	}
}

// Callers who do not wait, while the network fails or has no more room.
type failingMeanwhile struct {
	network *netiotest.Network
	err     error
}

func (f failingMeanwhile) Wait(int, time.Duration) bool { f.network.Fail(f.err); return false }

type fullMeanwhile struct{ network *netiotest.Network }

func (f fullMeanwhile) Wait(int, time.Duration) bool { f.network.Full.Store(true); return false }

func TestCoalescingLosesNothingToWhoDoesNotWait(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l, b := open(t, n, conn, ListenerOptions{}), dial(t, n, conn, BroadcasterOptions{Coalesce: time.Second})
	n.Full.Store(true)
	taken := 0
	for ; ; taken++ {
		if err := b.By(&counting{100}).PublishTopic(nil, taken); err != nil {
			wantKind(t, err, ErrInterrupted)
			break
		}
	}
	if taken != coalesceMessages {
		t.Errorf("%d taken", taken)
	}
	sent, err := b.By(&counting{3}).PublishMany(itemsOf(100_000))
	if wantKind(t, err, ErrInterrupted); sent != 0 {
		t.Errorf("%d sent", sent)
	}
	wantKind(t, b.By(&counting{3}).Flush(), ErrInterrupted)
	n.Full.Store(false)
	if err := b.Flush(); err != nil {
		t.Error(err)
	}
	for i := range taken {
		if v := receive(t, l); v != int64(i) {
			t.Fatalf("received %v in place of %d", v, i)
		}
	}
}

func TestClosingDoesNotWaitForEverForRoom(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	b := dial(t, n, conn, BroadcasterOptions{Coalesce: time.Second})
	publish(t, b, "", 1)
	n.Full.Store(true)
	closed := make(chan error)
	go func() { closed <- b.Close() }()
	select {
	case err := <-closed:
		wantKind(t, err, ErrTimeout)
	case <-time.After(patience):
		t.Fatal("it waits")
	}
}
