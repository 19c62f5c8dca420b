package mcl

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/netio/netiotest"
)

// packedBytes is a payload of size bytes, as msgpack's bin 32.
func packedBytes(size, seed int) []byte {
	p := []byte{0xc6, byte((size - 5) >> 24), byte((size - 5) >> 16), byte((size - 5) >> 8), byte(size - 5)}
	for i := len(p); i < size; i++ {
		p = append(p, byte(seed+i))
	}
	return p
}

func itemsOf(sizes ...int) (items []Item) {
	for i, size := range sizes {
		items = append(items, Item{nil, packedBytes(size, i)})
	}
	return items
}

func sameSize(n, size int) []int { return slices.Repeat([]int{size}, n) }

func wantItems(t *testing.T, l *Listener, items []Item) {
	t.Helper()
	for i, m := range items {
		r, err := l.Receive(within(t))
		if err != nil {
			t.Fatalf("message %d: %v: %+v", i, err, l.Stats())
		}
		if !bytes.Equal(r.Payload, m.Payload) {
			t.Fatalf("message %d: %d bytes, want %d", i, len(r.Payload), len(m.Payload))
		}
		if r.HasTopic != (m.Topic != nil) || m.Topic != nil && string(r.Topic) != *m.Topic {
			t.Fatalf("message %d: topic %q", i, r.Topic)
		}
	}
}

func TestPublishManyKeepsOrderWhateverTheSizes(t *testing.T) {
	topic, long := "topic", strings.Repeat("long", 100)
	withTopics := itemsOf(100, 100, 100, 100, 100)
	withTopics[1].Topic, withTopics[2].Topic, withTopics[4].Topic = &topic, &topic, &long
	for name, items := range map[string][]Item{
		"none":             nil,
		"one":              itemsOf(10),
		"a batch":          itemsOf(sameSize(64, 64)...),
		"thousands":        itemsOf(sameSize(5000, 64)...),
		"mixed":            itemsOf(10, 10, 300, 10, 8000, 8000, 8000, 59000, 10, 10),
		"at the limit":     itemsOf(59998, 59999, 59998, 60000),
		"large amid small": itemsOf(10, 10, 130_000, 10, 1_000_000, 10, 10),
		"topics":           withTopics,
	} {
		t.Run(name, func(t *testing.T) {
			conn := newConnection()
			conn.RecvBuffer = 32 << 20
			l := open(t, nil, conn, ListenerOptions{})
			b := dial(t, nil, conn, BroadcasterOptions{})
			sent, err := b.PublishMany(items)
			if sent != len(items) || err != nil {
				t.Fatalf("%d of %d sent: %v", sent, len(items), err)
			}
			wantItems(t, l, items)
			if s := b.Stats(); s.Messages != uint64(len(items)) || s.Datagrams != l.Stats().Datagrams || s.Bytes != l.Stats().Bytes {
				t.Errorf("sent %+v, received %+v", s, l.Stats())
			}
		})
	}
}

func TestPublishManyUsesTheDefaultTopic(t *testing.T) {
	conn, topic, other := newConnection(), "default", "other"
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{Topic: &topic})
	items := itemsOf(10, 10)
	items[1].Topic = &other
	if _, err := b.PublishMany(items); err != nil {
		t.Fatal(err)
	}
	items[0].Topic = &topic
	wantItems(t, l, items)
}

func TestPublishManyWritesStringsAsLegacyEncodersDo(t *testing.T) {
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	text := strings.Repeat("x", 40)
	str8, str16 := append([]byte{0xd9, 40}, text...), append([]byte{0xda, 0, 40}, text...)
	if _, err := b.PublishMany([]Item{{nil, str8}, {nil, []byte{7}}, {nil, str8}}); err != nil {
		t.Fatal(err)
	}
	wantItems(t, l, []Item{{nil, str16}, {nil, []byte{7}}, {nil, str16}})
}

func TestPublishManyOfATypeCompletesAndRefuses(t *testing.T) {
	typ, err := NewType("Many", []string{"x"}, newConnection())
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, nil, Connection{}, ListenerOptions{Type: typ})
	b := dial(t, nil, Connection{}, BroadcasterOptions{Type: typ})
	good := []byte{0x81, 0xa1, 'x', 1}
	if _, err := b.PublishMany([]Item{{nil, good}, {nil, good}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := l.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if m := r.Message(); m.Len() != 3 { // a name and a time, too
			t.Fatal(m)
		}
	}
	sent, err := b.PublishMany([]Item{{nil, good}, {nil, []byte{0x81, 0xa1, 'y', 1}}})
	if sent != 0 {
		t.Errorf("%d sent", sent)
	}
	wantKind(t, err, ErrType)
}

func TestPublishManySendsNothingWhenOneCannotBeSent(t *testing.T) {
	conn := newConnection()
	conn.MessageMax = 100_000
	topic := strings.Repeat("t", 10_000)
	n := netiotest.New(1)
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	for _, c := range []struct {
		bad  Item
		kind Error
	}{
		{Item{nil, nil}, ErrFormat},
		{Item{nil, []byte{1, 2}}, ErrFormat},
		{Item{nil, []byte{0xc1}}, ErrFormat},
		{Item{nil, packedBytes(100_001, 0)}, ErrTooLarge},
		{Item{&topic, packedBytes(99_000, 0)}, ErrTooLarge},
	} {
		items := append(itemsOf(10, 10, 10), c.bad)
		sent, err := b.PublishMany(items)
		if sent != 0 {
			t.Errorf("%d sent", sent)
		}
		wantKind(t, err, c.kind)
		if !strings.Contains(fmt.Sprint(err), "message 4 of 4") {
			t.Errorf("the error does not say which: %v", err)
		}
	}
	b.Close()
	if sent, err := b.PublishMany(itemsOf(1+5, 1+5)); sent != 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("%d sent, %v", sent, err)
	}
	if s := l.Stats(); s.Datagrams != 0 {
		t.Errorf("received %+v", s)
	}
}

// A failing network takes so many datagrams of the next Sends, and then none.
type failing struct {
	netio.Network
	takes int
}

type failingSender struct {
	netio.Sender
	network *failing
}

func (f *failing) Dial(g netio.Group) (netio.Sender, error) {
	s, err := f.Network.Dial(g)
	return failingSender{s, f}, err
}

func (s failingSender) Send(datagrams []netio.Datagram, w netio.Waiter) (int, error) {
	n := min(len(datagrams), s.network.takes)
	s.network.takes -= n
	sent, err := s.Sender.Send(datagrams[:n], w)
	if err == nil && n < len(datagrams) {
		err = unix.ENOBUFS
	}
	return sent, err
}

func TestPublishManyTellsHowManyWereSent(t *testing.T) {
	for _, c := range []struct {
		sizes   []int
		takes   int
		sent    int
		counted uint64
	}{
		{sameSize(10, 20), 0, 0, 0},
		{sameSize(10, 20), 7, 7, 7},
		{sameSize(3000, 20), 2500, 2500, 2500},
		{[]int{20, 20, 150_000, 20}, 4, 2, 4}, // amid the large one, whose rest is lost
		{[]int{20, 20, 150_000, 20}, 5, 3, 5},
	} {
		conn := newConnection()
		memory := netiotest.New(1)
		n := &failing{memory, c.takes}
		l := open(t, memory, conn, ListenerOptions{})
		b, err := OpenBroadcaster(conn, BroadcasterOptions{network: n})
		if err != nil {
			t.Fatal(err)
		}
		items := itemsOf(c.sizes...)
		sent, err := b.PublishMany(items)
		if sent != c.sent {
			t.Errorf("%d of %d sent, want %d", sent, len(items), c.sent)
		}
		wantKind(t, err, ErrNoBuffers)
		if want := fmt.Sprintf("message %d of %d", c.sent+1, len(items)); !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not say %q", err, want)
		}
		if s := b.Stats(); s.Messages != uint64(c.sent) || s.Datagrams != c.counted || s.SendErrors != 1 {
			t.Errorf("%+v", s)
		}
		// It goes on from there.
		n.takes = 1 << 30
		if sent, err = b.PublishMany(items[sent:]); err != nil || sent != len(items)-c.sent {
			t.Errorf("%d sent, %v", sent, err)
		}
		wantItems(t, l, items)
		b.Close()
	}
}

func TestPublishManyAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	b := dial(t, nil, newConnection(), BroadcasterOptions{})
	if portableSockets {
		t.Skip("the portable sockets allocate")
	}
	items := itemsOf(sameSize(64, 64)...)
	if n := testing.AllocsPerRun(100, func() { b.PublishMany(items) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

func TestCoalescedMessagesLeaveTogetherAndInOrder(t *testing.T) {
	conn := newConnection()
	conn.RecvBuffer = 32 << 20
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{Coalesce: time.Millisecond})
	var items []Item
	for i := range 3000 {
		size := 20 + i%7*100
		if i%500 == 499 {
			size = 70_000
		}
		items = append(items, Item{nil, packedBytes(size, i)})
	}
	for i, m := range items {
		if i%3 == 0 {
			if err := b.PublishPacked(nil, m.Payload); err != nil {
				t.Fatal(err)
			}
			clear(m.Payload[5:]) // it is the caller's again
			copy(m.Payload[5:], packedBytes(len(m.Payload), i)[5:])
			continue
		}
		if sent, err := b.PublishMany(items[i : i+1]); sent != 1 || err != nil {
			t.Fatal(sent, err)
		}
	}
	wantItems(t, l, items)
	if s := b.Stats(); s.Messages != 3000 || s.SendErrors != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAMessageWaitsNoLongerThanItsBudget(t *testing.T) {
	n := netiotest.New(1)
	conn := newConnection()
	l := open(t, n, conn, ListenerOptions{})
	// Alone, it is sent by the clock.
	b := dial(t, n, conn, BroadcasterOptions{Coalesce: 100 * time.Microsecond})
	for i := range 20 {
		publish(t, b, "", i)
		if v := receive(t, l); v != int64(i) {
			t.Fatalf("got %v, want %d", v, i)
		}
	}
	// With a second to wait, by whatever comes first of the others.
	for what, send := range map[string]func(b *RawBroadcaster) error{
		"flush":       (*RawBroadcaster).Flush,
		"close":       (*RawBroadcaster).Close,
		"64 messages": func(b *RawBroadcaster) error { _, err := b.PublishMany(itemsOf(sameSize(63, 6)...)); return err },
		"60 kB":       func(b *RawBroadcaster) error { return b.PublishPacked(nil, packedBytes(59_998, 0)) },
		"a large one": func(b *RawBroadcaster) error { return b.PublishPacked(nil, packedBytes(100_000, 0)) },
	} {
		conn := newConnection()
		l := open(t, n, conn, ListenerOptions{})
		b := dial(t, n, conn, BroadcasterOptions{Coalesce: time.Second})
		begun := time.Now()
		publish(t, b, "", what)
		if s := b.Stats(); s.Messages != 0 && time.Since(begun) < time.Second/2 {
			t.Errorf("%s: it did not wait: %+v", what, s)
		}
		if err := send(b); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if s := b.Stats(); s.Messages == 0 {
			t.Errorf("%s: it was not sent at once: %+v", what, s)
		}
		if v := receive(t, l); v != what {
			t.Errorf("got %v, want %s", v, what)
		}
	}
}

func TestAFailureOfWhatWaitedIsToldByTheNextCall(t *testing.T) {
	for what, next := range map[string]func(b *RawBroadcaster) error{
		"publish": func(b *RawBroadcaster) error { return b.Publish(3) },
		"flush":   (*RawBroadcaster).Flush,
		"close":   (*RawBroadcaster).Close,
	} {
		n := netiotest.New(1)
		conn := newConnection()
		l := open(t, n, conn, ListenerOptions{})
		b := dial(t, n, conn, BroadcasterOptions{Coalesce: time.Millisecond})
		n.Fail(unix.ENETUNREACH)
		if _, err := b.PublishMany(itemsOf(6, 6)); err != nil {
			t.Fatal(err)
		}
		for b.Stats().SendErrors == 0 {
			time.Sleep(time.Millisecond) // until the clock has sent them
		}
		n.Fail(nil)
		wantKind(t, next(b), ErrRoute)
		if s := b.Stats(); s.SendErrors != 2 || s.Messages != 0 {
			t.Errorf("%s: %+v", what, s)
		}
		if what == "close" {
			continue
		}
		publish(t, b, "", 4)
		if v := receive(t, l); v != int64(4) {
			t.Errorf("%s: got %v", what, v)
		}
	}
}

func TestTheTimeToCoalesceIsChecked(t *testing.T) {
	for _, d := range []time.Duration{-1, time.Second + 1} {
		_, err := OpenBroadcaster(newConnection(), BroadcasterOptions{Coalesce: d})
		wantKind(t, err, ErrInvalid)
	}
}
