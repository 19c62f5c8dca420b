package mcl

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// From publish to callback, and to the owner, a message in one datagram costs no allocation once all is warm: neither on the
// caller's goroutine nor on the listener's.
func TestAMessageInOneDatagramAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	if portableSockets {
		t.Skip("the portable sockets allocate")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
	packed := []byte{0x82, 0xa1, 'x', 1, 0xa1, 'y', 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}
	topic := "topic"
	for _, c := range []struct {
		what string
		open func(conn Connection) (*Listener, func())
	}{
		{"direct callback", func(conn Connection) (*Listener, func()) {
			l := open(t, nil, conn, ListenerOptions{Topics: []string{topic}})
			got := make(chan struct{}, 1)
			l.Subscribe(func(*Received) { got <- struct{}{} })
			return l, func() { <-got }
		}},
		{"queued callback", func(conn Connection) (*Listener, func()) {
			l := open(t, nil, conn, ListenerOptions{Queued: true})
			got := make(chan struct{}, 1)
			l.Subscribe(func(*Received) { got <- struct{}{} })
			return l, func() { <-got }
		}},
	} {
		conn := newConnection()
		_, wait := c.open(conn)
		b := dial(t, nil, conn, BroadcasterOptions{})
		once := func() {
			if err := b.PublishPacked(&topic, packed); err != nil {
				t.Fatal(err)
			}
			wait()
		}
		for range 2000 { // through a chunk of the queue, too
			once()
		}
		const rounds = 5000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			once()
		}
		runtime.ReadMemStats(&after)
		if n := float64(after.Mallocs-before.Mallocs) / rounds; n >= 0.02 {
			t.Errorf("%s: %.3f allocations a message", c.what, n)
		}
	}
}
