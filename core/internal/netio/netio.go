// Package netio is the edge to the network: sockets that read and write datagrams in batches.
//
// The rest of the library sees a [Network], so that tests can put a network in memory in its place (see
// netiotest). What the kernel offers differs by system: the files named _linux use all of it, the portable ones
// what golang.org/x/net/ipv6 gives everywhere.
package netio

import (
	"net/netip"
	"time"

	"libmcl/core/internal/buf"
)

// A Group is where to send or receive, and how. Zero buffers leave the system's default.
type Group struct {
	Addr       netip.AddrPort
	Interface  int // index; 0 lets the kernel pick
	Hops       int // 0 never leaves the host
	Loopback   bool
	RecvBuffer int
	SendBuffer int
	LocalPort  int // to send from; 0: any that is free
}

// A Network opens sockets.
type Network interface {
	Listen(g Group) (Receiver, error)
	Dial(g Group) (Sender, error)
}

// A Packet is one received datagram. Its bytes are in Buf, which the receiver of the batch may retain, and which others of
// the batch may share.
type Packet struct {
	Buf       *buf.Buf
	Data      []byte // in Buf
	From      netip.AddrPort
	Time      int64 // of arrival: nanoseconds since the Unix epoch, by the kernel's clock
	Interface int   // 0: unknown
}

// A Receiver reads the datagrams of one group. Receive is called by one goroutine; the other methods by any.
type Receiver interface {
	// Receive waits until datagrams are there and calls handle with them, in order of arrival. The packets are valid
	// until handle returns. It returns net.ErrClosed once Close was called, at once and also when it was waiting
	// already; os.ErrDeadlineExceeded when the deadline passed.
	Receive(handle func([]Packet)) error
	// SetDeadline makes a waiting and every later Receive return at t; the zero time makes it wait for ever.
	SetDeadline(t time.Time) error
	// Dropped is how many datagrams the kernel has dropped so far because nobody read them in time. It counts a train of
	// them, which it would have handed over in one piece, as one.
	Dropped() uint64
	// RecvBuffer is the size of the buffer that the kernel granted, 0 when unknown.
	RecvBuffer() int
	// Descriptor is the socket's, or -1. It belongs to the Receiver.
	Descriptor() int
	// Close leaves the group. A waiting Receive returns.
	Close() error
}

// A Datagram to be sent is the bytes of Head followed by those of Body.
type Datagram struct{ Head, Body []byte }

func (d *Datagram) size() int { return len(d.Head) + len(d.Body) }

// A Sender sends to one group. Its methods are for one goroutine at a time, Close excepted.
type Sender interface {
	// Send hands the datagrams to the kernel in order, waiting while the socket's buffer is full. It returns how many
	// went out; err says why not all.
	Send(datagrams []Datagram) (sent int, err error)
	SendBuffer() int
	// LocalPort is the source port, 0 before the first datagram where the system assigns it then.
	LocalPort() int
	Descriptor() int
	Close() error
}
