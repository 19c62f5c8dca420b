package mcl

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"libmcl/core/internal/netio/netiotest"
	"libmcl/tests/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

// patience is how long a test waits for what must happen; it is never waited for what does happen.
const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var lastPort atomic.Int32

// newConnection gives a connection that no other test uses.
func newConnection() Connection {
	return Connection{URL: "ff15::4d43:4c", Port: 30000 + int(lastPort.Add(1))}
}

func (c Connection) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(c.URL), uint16(c.Port))
}

// open opens a listener on n, or on the machine's network when n is nil.
func open(t testing.TB, n *netiotest.Network, conn Connection, o ListenerOptions) *Listener {
	t.Helper()
	if n != nil {
		o.network = n
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	l, err := Listen(conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t testing.TB, n *netiotest.Network, conn Connection, o BroadcasterOptions) *RawBroadcaster {
	t.Helper()
	if n != nil {
		o.network = n
	}
	b, err := OpenBroadcaster(conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func publish(t testing.TB, b *RawBroadcaster, topic string, v any) {
	t.Helper()
	var p *string
	if topic != "" {
		p = &topic
	}
	if err := b.PublishTopic(p, v); err != nil {
		t.Fatal(err)
	}
}

// fill publishes 0 to n-1 on a topic ("": none), and waits until they are queued.
func fill(t testing.TB, l *Listener, b *RawBroadcaster, topic string, n int) {
	t.Helper()
	for i := range n {
		publish(t, b, topic, i)
	}
	eventually(t, l, func(s ListenerStats) bool { return s.Queued == uint64(n) })
}

func receive(t testing.TB, l *Listener) any {
	t.Helper()
	r, err := l.Receive(within(t))
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Value()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// eventually waits until the counters fulfil a condition, and checks both of their sums each time.
func eventually(t testing.TB, l *Listener, condition func(s ListenerStats) bool) ListenerStats {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		s := l.Stats()
		balanced(t, s)
		if condition(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("it did not happen: %+v", s)
		}
	}
}

func balanced(t testing.TB, s ListenerStats) {
	t.Helper()
	if d, m := s.Unaccounted(); d != 0 || m != 0 {
		t.Fatalf("unaccounted: %d datagrams, %d messages: %+v", d, m, s)
	}
}

func wantKind(t testing.TB, err error, kind Error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
}
