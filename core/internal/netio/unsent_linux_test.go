//go:build !mcl_portable

package netio

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// What a socket holds back is unsent until it goes.
func TestUnsent(t *testing.T) {
	group := Group{Addr: netip.MustParseAddrPort("[ff15::4d43:4e]:26123"), Hops: 1, Loopback: true}
	s, err := System.Dial(group)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fd := s.Descriptor()
	hold := func(on int) {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_CORK, on); err != nil {
			t.Fatal(err)
		}
	}
	hold(1)
	if n, err := s.Send([]Datagram{{Body: make([]byte, 10_000)}}); n != 1 || err != nil {
		t.Fatalf("sent %d: %v", n, err)
	}
	if held := s.Unsent(); held < 10_000 {
		t.Errorf("of 10000 bytes that are held, %d are unsent", held)
	}
	hold(0)
	if held := s.Unsent(); held != 0 {
		t.Errorf("%d bytes are unsent when all is sent", held)
	}
}

func TestDialingAPort(t *testing.T) {
	group := Group{Addr: netip.MustParseAddrPort("[ff15::4d43:4e]:26123"), Hops: 1}
	first, err := System.Dial(group)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	group.LocalPort = first.LocalPort()
	if second, err := System.Dial(group); err == nil {
		t.Errorf("two have port %d", second.LocalPort())
		second.Close()
	}
	first.Close()
	again, err := System.Dial(group)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.LocalPort() != group.LocalPort {
		t.Errorf("port %d instead of %d", again.LocalPort(), group.LocalPort)
	}
}
