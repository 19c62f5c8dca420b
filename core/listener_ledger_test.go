package mcl

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"libmcl/core/internal/netio/netiotest"
	"libmcl/tests/hostile"
)

// Received = delivered + each kind of drop + still queued, at every moment, under a hostile flood on a network that loses,
// repeats and reorders; and the healthy publisher beside it gets through, intact.
func TestTheLedgerIsExactUnderHostileInput(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n, conn := netiotest.New(seed), newConnection()
			n.Loss, n.Repeat, n.Reorder = 0.02, 0.02, 0.05
			conn.ReassemblyBytes = 1 << 20
			conn.ReassemblyAge = 50 * time.Millisecond
			l := open(t, n, conn, ListenerOptions{Topics: []string{"h", "good", "big"}})
			lazy := open(t, n, conn, ListenerOptions{QueueMessages: 50}) // nobody takes anything
			b := dial(t, n, conn, BroadcasterOptions{})
			random := rand.New(rand.NewPCG(seed, 7))
			good, big := 0, 0
			var hand Hand
			take := func(r *Received) {
				switch string(r.Topic) {
				case "good":
					good++
				case "big":
					big++
					var v []byte
					if err := r.Decode(&v); err != nil || len(v) != 130_000 || !bytes.Equal(v[1:], v[:len(v)-1]) {
						t.Errorf("a large message is corrupted: %v", err)
					}
				}
			}
			sent := uint64(0)
			for i := range 20_000 {
				from := netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(random.IntN(50))}), uint16(random.IntN(5)))
				n.Inject(conn.addrPort(), from, hostile.Datagram(random))
				sent++
				if i%20 == 0 {
					publish(t, b, "good", i)
				}
				if i%500 == 0 {
					publish(t, b, "big", bytes.Repeat([]byte{byte(i / 500)}, 130_000))
				}
				if i%100 == 0 {
					balanced(t, l.Stats())
				}
				if i%100 == 0 {
					l.drain(&hand, 1000, take)
					balanced(t, lazy.Stats())
				}
			}
			faults, out := n.Faults(), b.Stats()
			sent = 2*(sent+out.Datagrams) - faults.Lost + faults.Repeated
			// What one of the two lost the other may have got.
			eventually(t, l, func(s ListenerStats) bool {
				return s.Datagrams+eventually(t, lazy, func(ListenerStats) bool { return true }).Datagrams == sent && s.Assembling == 0
			})
			l.drain(&hand, 1000, take)
			s := l.Stats()
			balanced(t, s)
			if ls := lazy.Stats(); ls.Queued != 50 || ls.DroppedQueue == 0 {
				t.Errorf("the lazy one: %+v", ls)
			}
			for cause, count := range s.Malformed {
				if count == 0 && Malformed(cause) != MalformedSize && Malformed(cause) != MalformedObjects {
					t.Errorf("no datagram was dropped as %q", Malformed(cause))
				}
			}
			if s.Queued != 0 || s.Filtered == 0 || s.Repeated == 0 || s.Evicted == 0 || s.DroppedQueue != 0 {
				t.Errorf("something did not happen: %+v", s)
			}
			if good < 900 || big < 30 {
				t.Errorf("of the healthy stream only %d and %d came through: %+v", good, big, s)
			}
		})
	}
}

func TestAnIncompleteMessageIsEvictedInSilence(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	conn.ReassemblyAge = 20 * time.Millisecond
	l := open(t, n, conn, ListenerOptions{})
	n.Inject(conn.addrPort(), netip.MustParseAddrPort("[::1]:5"), []byte{0x94, 0xc0, 1, 2, 0xa1, 'x'})
	eventually(t, l, func(s ListenerStats) bool { return s.Assembling == 1 && s.AssemblingBytes > 0 })
	// Nothing more arrives that could trigger it.
	s := eventually(t, l, func(s ListenerStats) bool { return s.Evicted == 1 })
	if s.MessagesEvicted != 1 || s.Assembling != 0 || s.AssemblingBytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMessagesThatDoNotFitTheTypeAreRejectedAndReported(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	typ := define(t, "Ledger", []string{"x"}, conn)
	reported := make(chan error, 10)
	l := open(t, n, conn, ListenerOptions{Type: typ, OnError: func(err error) { reported <- err }})
	b := dial(t, n, conn, BroadcasterOptions{})
	for _, v := range []any{1, map[string]any{"y": 1}, map[string]any{"x": 1, "name": "Other"}, []int{1}, "text", "\x81\xa1y\x01", map[string]any{"x": 7}} {
		publish(t, b, "", v)
	}
	r, err := l.Receive(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if x, err := r.Message().Int("x"); x != 7 || err != nil {
		t.Errorf("x = %d, %v", x, err)
	}
	if s := l.Stats(); s.Rejected != 6 {
		t.Errorf("%d rejected", s.Rejected)
	}
	wantKind(t, <-reported, ErrFormat) // the first of them; more would follow a second later
}

// As legacy programs publish message.encode() by a raw broadcaster: a string, and bytes from Python 3.
func TestAPackedMessageInAStringIsTheMessage(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	typ := define(t, "Packed", []string{"x"}, conn)
	l := open(t, n, conn, ListenerOptions{Type: typ})
	b := dial(t, n, conn, BroadcasterOptions{})
	message := typ.New()
	if err := message.Set("x", strings.Repeat("long ", 20_000)); err != nil {
		t.Fatal(err)
	}
	packed := message.AppendPacked(nil)
	for _, v := range []any{string(packed), packed} {
		publish(t, b, "", v)
		r, err := l.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Payload, packed) || r.Message() == nil {
			t.Errorf("%T: received %d other bytes", v, len(r.Payload))
		}
	}
	balanced(t, l.Stats())
}
