//go:build !mcl_portable

package netio

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"libmcl/tests/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

const patience = 20 * time.Second // how long a test waits for what must happen

// plainReceiver is a receiver as a legacy process has it: each datagram is a read.
func plainReceiver(t testing.TB, g Group) func() []byte {
	t.Helper()
	s, err := newSocket(&g, g.Addr, func(fd int) error {
		setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, g.RecvBuffer)
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	if err := ipv6.NewPacketConn(s.conn).JoinGroup(nil, &net.UDPAddr{IP: g.Addr.Addr().AsSlice()}); err != nil {
		t.Fatal(err)
	}
	s.conn.SetReadDeadline(time.Now().Add(patience))
	return func() []byte {
		data := make([]byte, packetSize)
		n, _, err := s.conn.ReadFrom(data)
		if err != nil {
			t.Fatal(err)
		}
		return data[:n]
	}
}

// receiveAll returns the next n datagrams, and how many reads they took.
func receiveAll(t testing.TB, r Receiver, n int) (all [][]byte, reads int) {
	t.Helper()
	r.SetDeadline(time.Now().Add(patience))
	for len(all) < n {
		if err := r.Receive(new(sync.Mutex), func(packets []Packet) {
			for i := range packets {
				all = append(all, bytes.Clone(packets[i].Data))
			}
			reads++
		}); err != nil {
			t.Fatalf("after %d datagrams: %v", len(all), err)
		}
	}
	return all, reads
}

var lastPort uint16 = 40000

func newGroup() Group {
	lastPort++
	return Group{Addr: netip.AddrPortFrom(netip.MustParseAddr("ff15::4d43:10"), lastPort), Loopback: true, RecvBuffer: 64 << 20}
}

func listen(t testing.TB, g Group) Receiver {
	t.Helper()
	r, err := System.Listen(g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func dial(t testing.TB, g Group) *sender {
	t.Helper()
	s, err := System.Dial(g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*sender)
}

// datagramsOf makes datagrams of the given sizes, each with another content, split between head and body.
func datagramsOf(sizes ...int) (datagrams []Datagram) {
	for i, size := range sizes {
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(i*7 + j)
		}
		head := min(size, i%5)
		datagrams = append(datagrams, Datagram{data[:head], data[head:]})
	}
	return datagrams
}

func repeat(n int, sizes ...int) (all []int) {
	for range n {
		all = append(all, sizes...)
	}
	return all
}

func TestBatchesArriveAsDatagramsOfTheirOwn(t *testing.T) {
	for name, sizes := range map[string][]int{
		"one":                     {100},
		"one large":               {60000},
		"two":                     {64, 64},
		"a full train":            repeat(64, 64),
		"more than a train":       repeat(1000, 64),
		"a shorter last":          append(repeat(10, 1000), 3),
		"shorter ones":            {1000, 900, 900, 800, 800, 800, 1},
		"growing":                 {1, 2, 3, 4, 5, 6, 7, 8},
		"mixed":                   repeat(50, 10, 10, 2000, 10, 5000, 5000, 5000, 60000, 1024, 1025),
		"at the limit of copying": repeat(70, copyMax),
		"beyond it":               repeat(70, copyMax+1),
		"large":                   repeat(20, 8000),
		"halves of the most":      repeat(7, trainBytesMax/2),
		"more than half":          repeat(7, trainBytesMax/2+1),
		"largest":                 repeat(3, 65000),
		"one byte":                repeat(100, 1),
		"empty ones":              {0, 5, 5, 0, 0, 5, 5, 5, 0},
		"beyond one call":         repeat(callDatagrams+500, 9, 1200),
	} {
		t.Run(name, func(t *testing.T) {
			g := newGroup()
			ours, plain := listen(t, g), plainReceiver(t, g)
			s := dial(t, g)
			limit := s.limit
			datagrams := datagramsOf(sizes...)
			if sent, err := s.Send(datagrams, nil); sent != len(sizes) || err != nil {
				t.Fatalf("%d of %d sent: %v", sent, len(sizes), err)
			}
			if s.limit != limit {
				t.Errorf("a train was refused: the limit went from %d to %d", limit, s.limit)
			}
			got, _ := receiveAll(t, ours, len(sizes))
			for i, d := range datagrams {
				want := append(bytes.Clone(d.Head), d.Body...)
				if !bytes.Equal(got[i], want) {
					t.Fatalf("datagram %d: %d bytes, want %d", i, len(got[i]), len(want))
				}
				if p := plain(); !bytes.Equal(p, want) {
					t.Fatalf("datagram %d at a plain receiver: %d bytes, want %d", i, len(p), len(want))
				}
			}
		})
	}
}

func TestTrainsArriveInOnePiece(t *testing.T) {
	g := newGroup()
	r, s := listen(t, g), dial(t, g)
	if s.limit <= 0 {
		t.Fatalf("this kernel has no UDP_SEGMENT: %d", s.limit)
	}
	const n = 64 * 64
	if _, err := s.Send(datagramsOf(repeat(n, 100)...), nil); err != nil {
		t.Fatal(err)
	}
	if _, reads := receiveAll(t, r, n); reads > 64 {
		t.Errorf("%d datagrams took %d reads", n, reads)
	}
}

func TestTrainsFollowTheMTU(t *testing.T) {
	mtu := func(size int) {
		t.Helper()
		if out, err := exec.Command("ip", "link", "set", "lo", "mtu", fmt.Sprint(size)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	defer mtu(65536)
	for _, c := range []struct{ atOpen, atSend int }{{1500, 1500}, {65536, 1500}, {1500, 65536}, {9000, 1280}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			mtu(c.atOpen)
			g := newGroup()
			r, s := listen(t, g), dial(t, g)
			mtu(c.atSend)
			sizes := append(append(repeat(30, 100), repeat(30, 1400)...), append(repeat(30, 5000), repeat(30, 100)...)...)
			datagrams := datagramsOf(sizes...)
			if sent, err := s.Send(datagrams, nil); sent != len(sizes) || err != nil {
				t.Fatalf("%d of %d sent: %v", sent, len(sizes), err)
			}
			got, _ := receiveAll(t, r, len(sizes))
			for i, d := range datagrams {
				if want := append(bytes.Clone(d.Head), d.Body...); !bytes.Equal(got[i], want) {
					t.Fatalf("datagram %d: %d bytes, want %d", i, len(got[i]), len(want))
				}
			}
		})
	}
}

func TestRefusedTrainsAreTriedShorter(t *testing.T) {
	for _, c := range []struct {
		errno unix.Errno
		size  int
		again bool
		limit trainLimit
	}{
		{unix.EINVAL, 1000, true, 999},
		{unix.EMSGSIZE, 1000, true, 999},
		{unix.EIO, 1000, true, 0},
		{unix.ENOBUFS, 1000, false, 1400},
		{unix.ENETUNREACH, 1000, false, 1400},
	} {
		limit := trainLimit(1400)
		if again := limit.lower(c.errno, c.size); again != c.again || limit != c.limit {
			t.Errorf("%v: again %v, limit %d, want %v, %d", c.errno, again, limit, c.again, c.limit)
		}
	}
}
