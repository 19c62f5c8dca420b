// Package netio is the edge to the network: sockets that read and write datagrams in batches.
//
// The rest of the library sees a [Network], so that tests can put a network in memory in its place (see
// netiotest). What the kernel offers differs by system: the files named _linux use all of it, the portable ones
// what golang.org/x/net/ipv6 gives everywhere.
package netio

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/netwatch"
)

// A Group is where to send or receive, and how. Zero buffers leave the system's default.
type Group struct {
	Addr       netip.AddrPort
	Interface  string // name or decimal index; "" lets the kernel pick
	Hops       int    // 0 never leaves the host
	Loopback   bool
	RecvBuffer int
	SendBuffer int
	Unread     bool // of a Receiver: somebody else reads its socket, which Go's netpoller does not know. See Unread

	// OnDescriptor, unless nil, is told of each socket: when it was opened, and before it is closed.
	OnDescriptor func(fd int, open bool)
}

func (g *Group) tell(fd int, open bool) {
	if g.OnDescriptor != nil {
		g.OnDescriptor(fd, open)
	}
}

// numbered tells whether the interface is given by its index. Such a one is not waited for: the kernel gives each interface
// another.
func (g *Group) numbered() bool {
	_, err := strconv.Atoi(g.Interface)
	return err == nil
}

// Opening runs what opens sockets on a goroutine of the library's own, outside of any call of the program. A program that
// forks without exec replaces it by one that keeps forks away meanwhile.
var Opening = func(open func()) { open() }

// ErrNoInterface means that the interface that a Group names does not exist now; ErrNoRoute that none is named, and the
// routing table has none.
var (
	ErrNoInterface = netwatch.ErrNoInterface
	ErrNoRoute     = netwatch.ErrNoRoute
)

// A Network opens sockets. A network that cannot carry the group yet is no error: see Receiver.Joined and Sender.Send. An
// interface that is given by an index and does not exist is one.
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

// A Receiver reads the datagrams of one group, and follows the network as it changes: it joins the group as soon as that is
// possible, and again when the membership has gone. Receive is called by one goroutine; the other methods by any.
type Receiver interface {
	// Receive waits until datagrams are there and calls handle with them, in order of arrival. The packets are valid
	// until handle returns. It returns net.ErrClosed once Close was called, at once and also when it was waiting
	// already; os.ErrDeadlineExceeded when the deadline passed. It locks reading from before it reads until handle has
	// returned.
	Receive(reading *sync.Mutex, handle func([]Packet)) error
	// SetDeadline makes a waiting and every later Receive return at t; the zero time makes it wait for ever.
	SetDeadline(t time.Time) error
	// Dropped is how many datagrams the kernel has dropped so far because nobody read them in time. It counts a train of
	// them, which it would have handed over in one piece, as one.
	Dropped() uint64
	// RecvBuffer is the size of the buffer that the kernel granted, 0 when unknown.
	RecvBuffer() int
	// Joined is the index of the interface that the group is joined on, 0 when it is not known; err says why it is not
	// joined.
	Joined() (index int, err error)
	// OnChange has changed called when what Joined tells has changed. It must not wait, nor call the Receiver.
	OnChange(changed func())
	// Descriptor is the socket's, or -1. It belongs to the Receiver, which may replace it: Group.OnDescriptor is told.
	Descriptor() int
	// Close leaves the group. A waiting Receive returns.
	Close() error
}

// A Looker is a Receiver that can be read without waiting.
type Looker interface {
	// ReceiveNow calls handle with what one system call gives, if anything is there. The lock that Receive is given must be held.
	ReceiveNow(handle func([]Packet)) error
}

// Unread is a Receiver of a Group whose socket somebody else reads. Its Receive must not be called.
type Unread interface {
	// Stamp gives packets without a time of arrival one, as Receive does, in order of arrival. It returns whether packets that
	// are read later may need it, although they bear a time.
	Stamp(packets []Packet) (goOn bool)
	// Turn returns the descriptor of the socket to be read next. It is for who found nothing in the one read so far, which it
	// closes, after Group.OnDescriptor has told of another. It may return the same one.
	Turn() int
}

// A Datagram to be sent is the bytes of Head followed by those of Body.
type Datagram struct{ Head, Body []byte }

func (d *Datagram) size() int { return len(d.Head) + len(d.Body) }

// A Waiter waits for a caller who has more to do meanwhile than to wait, or not for ever.
type Waiter interface {
	// Wait returns when the descriptor is writable, or after the time; -1 is no descriptor. It may return early for no reason.
	// goOn tells whether the caller wants to wait any longer.
	Wait(fd int, most time.Duration) (goOn bool)
}

// Until is a Waiter that gives up at that time; the zero time is never.
type Until time.Time

// Wait implements Waiter.
func (u Until) Wait(fd int, most time.Duration) (goOn bool) {
	if end := time.Time(u); !end.IsZero() {
		most = min(most, time.Until(end))
	}
	if most < 0 {
		return false
	}
	awaitWritable(fd, most)
	return true
}

// ErrGivenUp is what ends because a Waiter does not want to wait any longer.
var ErrGivenUp = errors.New("given up waiting")

// A Sender sends to one group. Its methods are for one goroutine at a time, Close excepted.
type Sender interface {
	// Follow looks, when the network has changed, whether another interface, route or source address is to be used from
	// now on. It is called between messages, whose datagrams receivers tell by their source.
	Follow()
	// Send hands the datagrams to the kernel in order. While the socket's buffer is full, w waits, or the calling goroutine if
	// it is nil. It returns how many went out; err says why not all: ErrGivenUp if w did not want to wait any longer.
	Send(datagrams []Datagram, w Waiter) (sent int, err error)
	SendBuffer() int
	// Interface is the index of the interface that was named, 0 when none is or when it does not exist now.
	Interface() int
	// LocalPort is the source port, 0 before the first datagram where the system assigns it then.
	LocalPort() int
	Descriptor() int
	Close() error
}
