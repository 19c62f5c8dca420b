//go:build !mcl_portable

package netio

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/netwatch"
)

// A membership is a receiver's sockets, and how they follow the network.
//
// One socket is enough while no interface is named: it joins where the routing table says. A named interface is another
// matter, since it is the socket that is bound to it, and to bind it again takes a privilege (socket(7):
// SO_BINDTODEVICE). So it gets a new socket when it was deleted and made anew. What waits in the old one is read first.
type membership struct {
	group  Group
	first  *member     // the reader's own: the first of all
	behind atomic.Bool // there are others than the first

	mu       sync.Mutex // protects what follows
	all      []*member  // the first is read, the last joins
	in       bool       // it has joined
	index    int        // where; 0: wherever the kernel chose
	fragile  bool       // it lapsed there once
	err      error      // why it has not
	changed  func()
	deadline time.Time
	dropped  uint64
	closed   bool
}

// A member is a socket that may be in the group.
type member struct {
	*socket
	index  int    // of the interface that it is bound to, 0 for none
	buffer int    // bytes that the kernel granted for what waits; 0 when unknown
	seen   uint32 // the kernel's count of drops as last read; it wraps
}

// join opens a membership. That it cannot join yet is no error.
func join(g Group) (*membership, error) {
	if err := netwatch.Start(); err != nil {
		return nil, err
	}
	m := &membership{group: g, changed: func() {}}
	m.mu.Lock()
	defer m.mu.Unlock()
	netwatch.Follow(m, true) // before it joins, so that no change gets lost in between
	err := m.open()
	if err != nil && (!later(err) || err == ErrNoInterface && g.numbered()) {
		m.closed = true
		m.shut()
		return nil, err
	}
	if err != nil {
		netwatch.Follow(m, false)
	}
	return m, nil
}

// open makes the first socket. mu is held.
func (m *membership) open() error {
	v := netwatch.Look()
	index := 0
	var missing error
	if m.group.Interface != "" {
		if index, missing = v.Interface(m.group.Interface); missing != nil {
			if !later(missing) {
				return missing
			}
			index = nowhere
		}
	}
	s, err := newMember(&m.group, index)
	if err != nil && later(err) { // the interface went in this moment
		s, err = newMember(&m.group, nowhere)
	}
	if err != nil {
		return err
	}
	m.first, m.all = s, []*member{s}
	m.err = m.follow(v)
	return m.err
}

// nowhere is the interface of a socket that is bound to nothing: it keeps the place of one whose interface is missing.
const nowhere = -1

// later tells the errors that the network may mend.
func later(err error) bool {
	if e, ok := err.(*os.SyscallError); ok {
		err = e.Err
	}
	switch err {
	case ErrNoInterface, ErrNoRoute, unix.ENODEV, unix.ENXIO, unix.EADDRNOTAVAIL, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH,
		unix.EINVAL: // the interface has no IPv6 now
		return true
	}
	return false
}

// NetworkChanged implements netwatch.Follower.
func (m *membership) NetworkChanged(v *netwatch.View) (settled bool) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return true
	}
	in, before := m.in, m.err
	err := m.follow(v)
	m.err = nil
	if !m.in {
		m.err = err
	}
	tell := func() {}
	if m.in != in || m.err != nil && before != nil && m.err.Error() != before.Error() {
		tell = m.changed
	}
	settled = err == nil && !m.fragile
	m.mu.Unlock()
	tell()
	return settled
}

// follow does what is to be done, if anything. mu is held.
func (m *membership) follow(v *netwatch.View) error {
	if m.group.Interface == "" {
		return m.followRoute(v)
	}
	return m.followInterface(v)
}

func (m *membership) followRoute(v *netwatch.View) error {
	s := m.all[0]
	index, err := v.Route(m.group.Addr.Addr())
	if err != nil {
		if m.stands(v) { // while its interface is down
			return nil
		}
		m.leave()
		return err
	}
	if m.in && index == m.index {
		if m.stands(v) {
			return nil
		}
		m.leave()
	}
	// Joined on the new one first: a socket in the group on any interface gets it from all.
	if err := s.setGroup(unix.IPV6_JOIN_GROUP, m.group.Addr, index); err != nil {
		return err
	}
	m.leave()
	m.enter(v, index)
	return nil
}

// stands tells whether a membership is in force still.
//
// An interface whose IPv6 was taken away and given back under the same index (its MTU was too small for a moment) has
// forgotten its memberships, while the sockets have them on their lists. Leaving then, or closing such a socket, takes away
// what another socket has joined since (net/ipv6/mcast.c: ipv6_sock_mc_drop asks the interface, which only counts). So it
// is left and joined again only while the interface does not have the group at all, and once it lapsed it is looked at
// every second: another process may do what this one avoids.
func (m *membership) stands(v *netwatch.View) bool {
	if !m.in {
		return false
	}
	if m.index == 0 {
		return !v.Changed() // who knows
	}
	lapsed := v.Lapsed(m.index)
	m.fragile = m.fragile || lapsed
	if !m.fragile {
		return true
	}
	joined, known := v.Member(netwatch.Member{Index: m.index, Group: m.group.Addr.Addr()})
	return joined || !known && !lapsed
}

// enter takes note of having joined.
func (m *membership) enter(v *netwatch.View, index int) {
	m.fragile = m.fragile && m.index == index
	m.in, m.index = true, index
	v.Joined(netwatch.Member{Index: index, Group: m.group.Addr.Addr()})
}

func (m *membership) followInterface(v *netwatch.View) error {
	index, err := v.Interface(m.group.Interface)
	if err != nil {
		if m.in && v.Exists(m.index) && m.stands(v) {
			return nil // it has got another name
		}
		m.leave()
		return err
	}
	s := m.all[len(m.all)-1]
	if s.index == index && m.stands(v) {
		return nil
	}
	m.leave()
	if s.index != index {
		if s, err = m.replace(index); err != nil {
			return err
		}
	}
	if err := s.setGroup(unix.IPV6_JOIN_GROUP, m.group.Addr, index); err != nil {
		return err
	}
	m.enter(v, index)
	return nil
}

func (m *membership) leave() {
	if m.in {
		m.all[len(m.all)-1].setGroup(unix.IPV6_LEAVE_GROUP, m.group.Addr, m.index)
		m.in = false
	}
}

// replace opens a socket on another interface, and has the reader turn to it. mu is held.
func (m *membership) replace(index int) (s *member, err error) {
	Opening(func() { s, err = newMember(&m.group, index) })
	if err != nil {
		return nil, err
	}
	// Those that the reader has not come to, since it is held up in a callback, and in which nothing waits.
	kept := m.all[:1]
	for _, old := range m.all[1:] {
		if old.pending() {
			kept = append(kept, old)
		} else {
			m.retire(old)
		}
	}
	m.all = append(kept, s)
	m.behind.Store(true)
	m.all[0].setReadDeadline(time.Unix(1, 0)) // wakes it
	return s, nil
}

// retire closes a socket, whose count stays. mu is held.
func (m *membership) retire(s *member) error {
	m.dropped += s.drops()
	return s.close()
}

// await reads by read, which returns false when there is nothing, and waits until there is something.
func (m *membership) await(read func(fd uintptr) bool) error {
	for m.behind.Load() {
		got := false
		if err := m.first.raw.Control(func(fd uintptr) { got = read(fd) }); err != nil || got {
			return err
		}
		m.next()
	}
	return m.first.raw.Read(read)
}

// next turns the reader to the next socket.
func (m *membership) next() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(m.all) == 1 {
		m.behind.Store(false)
		return
	}
	m.retire(m.all[0])
	m.all = append([]*member(nil), m.all[1:]...)
	m.first = m.all[0]
	m.first.setReadDeadline(m.deadline)
	m.behind.Store(len(m.all) > 1)
}

func (m *membership) SetDeadline(t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deadline = t
	if len(m.all) > 1 {
		return nil // next sets it
	}
	return m.all[0].setReadDeadline(t)
}

// Turn implements Unread.
func (m *membership) Turn() int {
	m.next()
	return m.first.fd
}

func (m *membership) Joined() (index int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.in {
		return 0, m.err
	}
	return m.index, nil
}

func (m *membership) OnChange(changed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed = changed
}

// oldest is the socket that is read now.
func (m *membership) oldest() *member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[0]
}

func (m *membership) last() *member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[len(m.all)-1]
}

func (m *membership) RecvBuffer() int { return m.last().buffer }
func (m *membership) Descriptor() int { return m.last().fd }

func (m *membership) Dropped() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.countDrops()
	}
	return m.dropped
}

// countDrops takes in what the sockets have counted. mu is held.
func (m *membership) countDrops() {
	for _, s := range m.all {
		m.dropped += s.drops()
	}
}

func (m *membership) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return net.ErrClosed
	}
	m.closed = true // by this, all stays as it is
	m.countDrops()
	m.mu.Unlock()
	// A socket is closed once its reader has left it, who may wait for another who reads, who may wait for mu.
	return m.shut()
}

func (m *membership) shut() (err error) {
	netwatch.Unfollow(m)
	for _, s := range m.all {
		if e := s.close(); err == nil {
			err = e
		}
	}
	netwatch.Stop()
	return err
}

// newMember makes a socket that is bound to the group and to an interface, 0 for any.
func newMember(g *Group, index int) (*member, error) {
	bind := scoped(g.Addr, index)
	if index == nowhere {
		bind = netip.AddrPort{}
	}
	open := newSocket
	if g.Unread {
		open = newUnpolled
	}
	s, err := open(g, bind, func(fd int) error {
		setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, g.RecvBuffer)
		for _, o := range []struct{ level, name, value int }{
			{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
			// By SO_TIMESTAMPNS, the kernel gives what arrived without a time that of reading. It takes none for a moment
			// after the first socket of the machine asks for it (netstamp_needed_key in its net/core/dev.c), and the
			// first packets would seem to be later than the next.
			{unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			// Otherwise the groups that other sockets of this host joined arrive here too (ipv6(7) has no word of it;
			// linux/in6.h: IPV6_MULTICAST_ALL).
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0},
		} {
			if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		// A train of datagrams arrives in one piece, at a tenth of the cost. Kernels before 5.0 do not have it.
		unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
		if index > 0 {
			// A membership on one interface lets the group in on all of them; the chosen one is to be the only one.
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, index); err != nil {
				return os.NewSyscallError("setsockopt SO_BINDTOIFINDEX", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// The kernel doubles what is asked for (socket(7)).
	return &member{socket: s, index: index, buffer: s.option(unix.SOL_SOCKET, unix.SO_RCVBUF) / 2}, nil
}

// setGroup joins or leaves. It does not use package net, which would have the kernel list all interfaces.
func (s *member) setGroup(option int, group netip.AddrPort, index int) error {
	request := unix.IPv6Mreq{Multiaddr: group.Addr().As16(), Interface: uint32(index)}
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, option, &request) }); e != nil {
		return e
	}
	return os.NewSyscallError("setsockopt IPV6_JOIN_GROUP", err)
}

// drops tells by how much the socket's own counter has grown. SO_RXQ_OVFL would give the same number at a cost for every
// packet, and only with the next one.
func (s *member) drops() (more uint64) {
	s.raw.Control(func(fd uintptr) {
		var info [16]uint32 // SK_MEMINFO_VARS is 9 today
		size := uint32(unsafe.Sizeof(info))
		const skMemInfoDrops = 8 // linux/sock_diag.h
		_, _, errno := syscall.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 && size > skMemInfoDrops*4 {
			more = uint64(info[skMemInfoDrops] - s.seen)
			s.seen = info[skMemInfoDrops]
		}
	})
	return more
}

// pending tells whether something waits to be read.
func (s *member) pending() (waits bool) {
	s.raw.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), nil, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		waits = err == nil
	})
	return waits
}
