package mcl

import (
	"bytes"
	"testing"
	"time"
)

func TestFragmentsOfAnotherSize(t *testing.T) {
	conn := newConnection()
	conn.MessageMax = 1 << 20
	l := open(t, nil, conn, ListenerOptions{})
	for _, coalesce := range []time.Duration{0, time.Microsecond} {
		b := dial(t, nil, conn, BroadcasterOptions{Coalesce: coalesce})
		datagrams := uint64(0)
		for _, c := range []struct {
			fragment, payload int
			want              uint64
		}{
			{100, 98, 1}, // behind a header of 2 bytes
			{100, 99, 1}, // too large for one datagram, and for one fragment not
			{100, 100, 2},
			{100, 400, 5},
			{1, 200, 201},
			{1400, 300_000, 215},
			{512, 1 << 20, 2049},
			{65_000, 64_998, 1},
			{65_000, 65_000, 2},
			{65_000, 100_000, 2},
			{60_000, 59_998, 1},
			{60_000, 60_000, 2},
		} {
			if err := b.SetFragmentSize(c.fragment); err != nil {
				t.Fatal(err)
			}
			payload := bytes.Repeat([]byte{0xc0}, c.payload)
			copy(payload, []byte{0xdc, byte((c.payload - 3) >> 8), byte(c.payload - 3)})
			if c.payload-5 >= 1<<16 {
				copy(payload, []byte{0xdd, 0, byte((c.payload - 5) >> 16), byte((c.payload - 5) >> 8), byte(c.payload - 5)})
			}
			if err := b.PublishPacked(nil, payload); err != nil {
				t.Fatal(err)
			}
			if err := b.Flush(); err != nil {
				t.Fatal(err)
			}
			r, err := l.Receive(within(t))
			if err != nil {
				t.Fatalf("%+v: %v: %+v", c, err, l.Stats())
			}
			if !bytes.Equal(r.Payload, payload) {
				t.Errorf("%+v: received %d other bytes", c, len(r.Payload))
			}
			before := datagrams
			datagrams = b.Stats().Datagrams
			if datagrams-before != c.want {
				t.Errorf("%+v: %d datagrams", c, datagrams-before)
			}
		}
	}
	balanced(t, l.Stats())
}

func TestAFragmentSizeThatCannotBe(t *testing.T) {
	b := dial(t, nil, newConnection(), BroadcasterOptions{})
	for _, size := range []int{-1, 0, fragmentSizeMax + 1, 1 << 40} {
		wantKind(t, b.SetFragmentSize(size), ErrInvalid)
	}
	if err := b.SetFragmentSize(1); err != nil {
		t.Fatal(err)
	}
	wantKind(t, b.Publish(make([]byte, fragmentsMax)), ErrTooLarge)
	if n := b.Stats().Datagrams; n != 0 {
		t.Errorf("%d datagrams left", n)
	}
	b.Close()
	wantKind(t, b.SetFragmentSize(1000), ErrClosed)
}
