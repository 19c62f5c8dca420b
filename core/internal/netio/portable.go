//go:build !linux || mcl_portable

package netio

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv6"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/netwatch"
)

// System is the network of this machine, as golang.org/x/net/ipv6 gives it everywhere: a datagram a call, time stamps of
// the reader instead of the kernel, and no count of what the kernel dropped. (On Linux, `-tags mcl_portable` tests it.)
var System Network = portable{}

type portable struct{}

func (portable) Listen(g Group) (Receiver, error) {
	if err := netwatch.Start(); err != nil {
		return nil, err
	}
	// Go binds [::] and lets others have the port too, as the address is one of a group.
	conn, err := net.ListenUDP("udp6", net.UDPAddrFromAddrPort(g.Addr))
	if err != nil {
		netwatch.Stop()
		return nil, err
	}
	if g.RecvBuffer > 0 {
		conn.SetReadBuffer(g.RecvBuffer) // less than asked for is no error
	}
	r := &portableReceiver{conn: conn, p: ipv6.NewPacketConn(conn), group: g, changed: func() {}}
	// What comes for other groups on the port arrives too: the destination tells them apart.
	if err := r.p.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true); err != nil {
		r.Close()
		return nil, err
	}
	netwatch.Follow(r, true)
	if !r.NetworkChanged(netwatch.Look()) {
		if _, err := r.Joined(); err == ErrNoInterface && g.numbered() {
			r.Close()
			return nil, err
		}
		netwatch.Follow(r, false)
	}
	return r, nil
}

type portableReceiver struct {
	conn  *net.UDPConn
	p     *ipv6.PacketConn
	group Group

	mu      sync.Mutex // protects what follows
	in      *net.Interface
	joined  bool
	err     error
	changed func()
	closed  bool
}

// NetworkChanged implements netwatch.Follower.
func (r *portableReceiver) NetworkChanged(v *netwatch.View) (settled bool) {
	r.mu.Lock()
	if r.closed || r.joined && !v.Changed() {
		r.mu.Unlock()
		return true
	}
	before := r.err
	r.err = r.follow(v)
	tell := func() {}
	if r.err != nil && (before == nil || r.err.Error() != before.Error()) {
		tell = r.changed
	}
	settled = r.err == nil
	r.mu.Unlock()
	tell()
	return settled
}

// follow joins again after any change: the memberships that a socket has lost cannot be told. mu is held.
func (r *portableReceiver) follow(v *netwatch.View) error {
	var ifi *net.Interface
	if r.group.Interface != "" {
		index, err := v.Interface(r.group.Interface)
		if err == nil {
			ifi, err = net.InterfaceByIndex(index)
		}
		if err != nil {
			return err
		}
	}
	group := &net.UDPAddr{IP: r.group.Addr.Addr().AsSlice()}
	if r.joined {
		r.p.LeaveGroup(r.in, group)
	}
	err := r.p.JoinGroup(ifi, group)
	r.in, r.joined = ifi, err == nil
	return err
}

func (r *portableReceiver) OnChange(changed func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = changed
}

func (r *portableReceiver) Joined() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in == nil || !r.joined {
		return 0, r.err
	}
	return r.in.Index, r.err
}

// wants tells whether a datagram that came for dst by an interface is one of the group's.
func (r *portableReceiver) wants(dst netip.Addr, index int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return dst.WithZone("") == r.group.Addr.Addr() && r.joined && (r.in == nil || index == r.in.Index)
}

func (r *portableReceiver) Receive(reading *sync.Mutex, handle func([]Packet)) error {
	b := buf.Get(1 << 16)
	defer b.Release()
	for {
		n, control, from, err := r.p.ReadFrom(b.Bytes())
		if err != nil {
			return err
		}
		index := 0
		if control != nil {
			index = control.IfIndex
			dst, _ := netip.AddrFromSlice(control.Dst)
			if !r.wants(dst, index) {
				continue
			}
		}
		addr := from.(*net.UDPAddr).AddrPort()
		reading.Lock()
		defer reading.Unlock()
		handle([]Packet{{Buf: b, Data: b.Bytes()[:n:n], From: netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port()),
			Time: wallClock(), Interface: index}})
		return nil
	}
}

func (r *portableReceiver) SetDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }
func (r *portableReceiver) Dropped() uint64               { return 0 }
func (r *portableReceiver) RecvBuffer() int               { return 0 }
func (r *portableReceiver) Descriptor() int               { return -1 }

func (r *portableReceiver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return net.ErrClosed
	}
	r.closed = true
	netwatch.Unfollow(r)
	netwatch.Stop()
	return r.conn.Close()
}

func (portable) Dial(g Group) (Sender, error) {
	if err := netwatch.Start(); err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{})
	if err != nil {
		netwatch.Stop()
		return nil, err
	}
	s := &portableSender{conn: conn, group: g, changes: netwatch.Changes()}
	if g.SendBuffer > 0 {
		conn.SetWriteBuffer(g.SendBuffer)
	}
	if err := steer(conn, &g); err != nil {
		s.Close()
		return nil, err
	}
	// What is missing may appear later.
	if err := s.choose(); err == ErrNoInterface && g.numbered() {
		s.Close()
		return nil, err
	}
	return s, nil
}

type portableSender struct {
	conn    *net.UDPConn
	group   Group
	changes uint64
	chosen  bool
	index   atomic.Int32
	data    []byte
	closed  sync.Once
}

// choose finds the interface that is named.
func (s *portableSender) choose() error {
	if s.group.Interface == "" {
		s.chosen = true
		return nil
	}
	index, err := netwatch.Look().Interface(s.group.Interface)
	s.index.Store(int32(index))
	if err != nil {
		return cmp.Or(s.conn.SetWriteDeadline(time.Time{}), err) // that it is closed, if it is
	}
	ifi, err := net.InterfaceByIndex(index)
	if err == nil {
		err = ipv6.NewPacketConn(s.conn).SetMulticastInterface(ifi)
	}
	s.chosen = err == nil
	return err
}

func (s *portableSender) Follow() {
	if now := netwatch.Changes(); now != s.changes {
		s.changes, s.chosen = now, false
	}
}

func (s *portableSender) Send(datagrams []Datagram, w Waiter) (int, error) {
	if !s.chosen {
		if err := s.choose(); err != nil {
			return 0, err
		}
	}
	for i, d := range datagrams {
		s.data = append(append(s.data[:0], d.Head...), d.Body...)
		if err := s.write(w); err != nil {
			return i, err
		}
	}
	return len(datagrams), nil
}

func awaitWritable(_ int, most time.Duration) { time.Sleep(most) }

// write sends data, and asks w each few milliseconds whether to go on waiting.
func (s *portableSender) write(w Waiter) error {
	for {
		if w != nil {
			s.conn.SetWriteDeadline(time.Now().Add(5 * time.Millisecond))
			defer s.conn.SetWriteDeadline(time.Time{})
		}
		_, err := s.conn.WriteToUDPAddrPort(s.data, s.group.Addr)
		if w == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if !w.Wait(-1, 0) {
			return ErrGivenUp
		}
	}
}

func (s *portableSender) SendBuffer() int { return 0 }
func (s *portableSender) LocalPort() int  { return s.conn.LocalAddr().(*net.UDPAddr).Port }
func (s *portableSender) Descriptor() int { return -1 }
func (s *portableSender) Interface() int  { return int(s.index.Load()) }

func (s *portableSender) Close() (err error) {
	s.closed.Do(func() {
		err = s.conn.Close()
		netwatch.Stop()
	})
	return err
}
