//go:build !mcl_portable

package mcl

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An unread listener, and its socket, which the test reads.
func unread(t *testing.T, o ListenerOptions) (*Listener, *int) {
	fd := new(int)
	o.Unread = true
	o.OnDescriptor = func(opened int, open bool) {
		if open {
			*fd = opened
		}
	}
	var conn Connection
	if o.Type == nil {
		conn = newConnection()
	}
	l, err := Listen(conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, fd
}

var memory [1 << 16]byte

// readPacket waits for a datagram. Its memory is used again by the next one, as C's is.
func readPacket(t *testing.T, fd int) Packet {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, int(patience.Milliseconds())); n != 1 || err != nil {
		t.Fatalf("nothing comes, error %v", err)
	}
	n, from, err := unix.Recvfrom(fd, memory[:], 0)
	if err != nil {
		t.Fatal(err)
	}
	sender := from.(*unix.SockaddrInet6)
	return Packet{Data: memory[:n], Time: time.Now().UnixNano(),
		From: netip.AddrPortFrom(netip.AddrFrom16(sender.Addr), uint16(sender.Port))}
}

func TestFeeding(t *testing.T) {
	l, fd := unread(t, ListenerOptions{Topics: []string{"t"}})
	b := dial(t, nil, l.Connection(), BroadcasterOptions{})
	publish(t, b, "t", 1)
	publish(t, b, "other", 2)
	publish(t, b, "t", string(make([]byte, 150000))) // three datagrams
	var fed Fed
	for range 5 {
		fed = l.Feed([]Packet{readPacket(t, *fd)})
	}
	if fed.Queued != 2 {
		t.Fatalf("%d messages are queued, not 2", fed.Queued)
	}
	s := l.Stats()
	if s.Datagrams != 5 || s.Filtered != 1 || s.Messages != 2 || s.Queued != 2 {
		t.Errorf("fed: %+v", s)
	}
	balanced(t, s)
	clear(memory[:]) // nothing of it is kept

	lent := make([]Received, 8)
	n, datagrams, left := l.Lend(lent)
	if n != 2 || datagrams != 4 || left != 0 {
		t.Errorf("lent %d of %d datagrams, %d left", n, datagrams, left)
	}
	if v, err := lent[0].Value(); v != int64(1) || err != nil {
		t.Errorf("lent %v, error %v", v, err)
	}
	if v, err := lent[1].Value(); err != nil || len(fmt.Sprint(v)) != 150000 {
		t.Errorf("the large one is %T, error %v", v, err)
	}
	s = l.Stats() // as if they had never been fed
	if s.Datagrams != 1 || s.Messages != 0 || s.Joined != 0 {
		t.Errorf("lent: %+v", s)
	}
	balanced(t, s)
	GiveBack(lent)
}

// Time alone ends what is incomplete: who feeds is told when to call again.
func TestFeedingTellsWhenToComeAgain(t *testing.T) {
	conn := newConnection()
	conn.ReassemblyAge = 20 * time.Millisecond
	typ := define(t, "Fed", []string{"n"}, conn)
	l, fd := unread(t, ListenerOptions{Type: typ, OnError: func(error) {}})
	b := dial(t, nil, conn, BroadcasterOptions{})
	publish(t, b, "", string(make([]byte, 100000)))
	fed := l.Feed([]Packet{readPacket(t, *fd)})
	if fed.Wait <= 0 || fed.Wait > conn.ReassemblyAge || l.Stats().Assembling != 1 {
		t.Fatalf("a first fragment: %+v, %+v", fed, l.Stats())
	}
	l.reader.start = l.reader.start.Add(-fed.Wait) // so long later
	fed = l.Feed(nil)
	if fed.Wait != 0 || l.Stats().Assembling != 0 || l.Stats().Evicted != 1 {
		t.Errorf("given up: %+v, %+v", fed, l.Stats())
	}
	publish(t, b, "", 5) // no message of the type
	for range 2 {        // the second fragment, and this
		l.Feed([]Packet{readPacket(t, *fd)})
	}
	s := l.Stats()
	if s.Rejected != 1 {
		t.Errorf("fed: %+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	balanced(t, l.Stats())
}
