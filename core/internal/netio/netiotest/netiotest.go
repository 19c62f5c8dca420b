// Package netiotest is a network in memory that loses, repeats and reorders datagrams on demand, the same way every time.
package netiotest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/netio"
)

// A Network connects the senders and receivers that are opened on it. Set its fields before that.
type Network struct {
	Loss    float64     // share of datagrams that a receiver does not get
	Repeat  float64     // share that it gets twice
	Reorder float64     // share that changes places with the one before
	Full    atomic.Bool // senders' buffers have no room
	Buffer  int         // datagrams that wait at a receiver before more are dropped and counted; 0: no limit

	mu        sync.Mutex
	random    *rand.Rand
	receivers map[netip.AddrPort][]*receiver
	ports     map[uint16]bool // in use
	faults    Faults
	failing   error
}

// Faults counts what the network did to datagrams, summed over receivers.
type Faults struct{ Lost, Repeated, Reordered uint64 }

// New returns a perfect network whose faults, once set, are drawn from seed.
func New(seed uint64) *Network {
	return &Network{random: rand.New(rand.NewPCG(seed, seed)), receivers: make(map[netip.AddrPort][]*receiver), ports: make(map[uint16]bool)}
}

// Faults returns what the network did so far.
func (n *Network) Faults() Faults {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.faults
}

// Fail makes every Send fail, until it is called with nil.
func (n *Network) Fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = err
}

// Inject delivers one datagram to a group without any fault.
func (n *Network) Inject(group, from netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.receivers[group] {
		r.put(from, data)
	}
}

// Listen implements netio.Network.
func (n *Network) Listen(g netio.Group) (netio.Receiver, error) {
	r := &receiver{network: n, group: g.Addr}
	r.changed.L = &r.mu
	n.mu.Lock()
	defer n.mu.Unlock()
	n.receivers[g.Addr] = append(n.receivers[g.Addr], r)
	return r, nil
}

// Dial implements netio.Network.
func (n *Network) Dial(g netio.Group) (netio.Sender, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	port := uint16(40000)
	for n.ports[port] {
		port++
	}
	n.ports[port] = true
	return &sender{network: n, group: g.Addr, from: netip.AddrPortFrom(netip.IPv6Loopback(), port)}, nil
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

type receiver struct {
	network *Network
	group   netip.AddrPort

	mu       sync.Mutex
	changed  sync.Cond
	queue    []datagram
	dropped  uint64
	deadline time.Time
	timer    *time.Timer
	closed   bool
}

func (r *receiver) put(from netip.AddrPort, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if limit := r.network.Buffer; limit > 0 && len(r.queue) >= limit {
		r.dropped++
		return
	}
	r.queue = append(r.queue, datagram{from, append([]byte(nil), data...)})
	r.changed.Broadcast()
}

func (r *receiver) swapLast() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.queue)
	if n < 2 {
		return false
	}
	r.queue[n-1], r.queue[n-2] = r.queue[n-2], r.queue[n-1]
	return true
}

func (r *receiver) Receive(reading *sync.Mutex, handle func([]netio.Packet)) error {
	r.mu.Lock()
	for {
		switch {
		case r.closed:
			r.mu.Unlock()
			return net.ErrClosed
		case !r.deadline.IsZero() && !time.Now().Before(r.deadline):
			r.mu.Unlock()
			return os.ErrDeadlineExceeded
		case len(r.queue) > 0:
			batch := r.queue[:min(len(r.queue), 64)]
			r.queue = r.queue[len(batch):]
			r.mu.Unlock()
			reading.Lock()
			defer reading.Unlock()
			deliver(batch, handle)
			return nil
		}
		r.changed.Wait()
	}
}

func deliver(batch []datagram, handle func([]netio.Packet)) {
	packets := make([]netio.Packet, len(batch))
	for i, d := range batch {
		b := buf.Get(1 << 16)
		data := b.Bytes()[:copy(b.Bytes(), d.data):len(d.data)]
		packets[i] = netio.Packet{Buf: b, Data: data, From: d.from, Time: time.Now().UnixNano()}
	}
	handle(packets)
	for i := range packets {
		// A receiver that kept the bytes without a reference will see them change.
		if !packets[i].Buf.Shared() {
			clear(packets[i].Data)
		}
		packets[i].Buf.Release()
	}
}

func (r *receiver) SetDeadline(t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = t
	if r.timer != nil {
		r.timer.Stop()
	}
	if !t.IsZero() {
		r.timer = time.AfterFunc(time.Until(t), func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changed.Broadcast()
		})
	}
	r.changed.Broadcast()
	return nil
}

func (r *receiver) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

func (r *receiver) RecvBuffer() int      { return 0 }
func (r *receiver) Descriptor() int      { return -1 }
func (r *receiver) Joined() (int, error) { return 0, nil }
func (r *receiver) OnChange(func())      {}

func (r *receiver) Close() error {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	n := r.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, other := range n.receivers[r.group] {
		if other == r {
			n.receivers[r.group] = append(n.receivers[r.group][:i:i], n.receivers[r.group][i+1:]...)
		}
	}
	return nil
}

type sender struct {
	network *Network
	group   netip.AddrPort
	from    netip.AddrPort
	closed  bool // protected by network.mu
}

func (s *sender) Send(datagrams []netio.Datagram, w netio.Waiter) (int, error) {
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, d := range datagrams {
		for n.Full.Load() && !s.closed {
			n.mu.Unlock()
			goOn := true
			if w == nil {
				time.Sleep(time.Millisecond)
			} else {
				goOn = w.Wait(-1, time.Millisecond)
			}
			n.mu.Lock()
			if !goOn {
				return i, netio.ErrGivenUp
			}
		}
		switch {
		case s.closed:
			return i, net.ErrClosed
		case n.failing != nil:
			return i, n.failing
		}
		data := append(append([]byte(nil), d.Head...), d.Body...)
		for _, r := range n.receivers[s.group] {
			n.transmit(r, s.from, data)
		}
	}
	return len(datagrams), nil
}

func (n *Network) transmit(r *receiver, from netip.AddrPort, data []byte) {
	if n.random.Float64() < n.Loss {
		n.faults.Lost++
		return
	}
	r.put(from, data)
	if n.random.Float64() < n.Repeat {
		n.faults.Repeated++
		r.put(from, data)
	}
	if n.random.Float64() < n.Reorder && r.swapLast() {
		n.faults.Reordered++
	}
}

func (s *sender) Follow()         {}
func (s *sender) Interface() int  { return 0 }
func (s *sender) SendBuffer() int { return 0 }
func (s *sender) LocalPort() int  { return int(s.from.Port()) }
func (s *sender) Descriptor() int { return -1 }

func (s *sender) Close() error {
	s.network.mu.Lock()
	defer s.network.mu.Unlock()
	s.closed = true
	delete(s.network.ports, s.from.Port())
	return nil
}
