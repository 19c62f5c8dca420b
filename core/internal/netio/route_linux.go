//go:build !mcl_portable

package netio

import (
	"cmp"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/netwatch"
)

// A route is a sender's socket, and how it follows the network. It is connected, which saves the kernel a route look-up a
// datagram, and fixes the source address: the kernel goes on to send from one that the interface has lost, without an
// error. So it is connected anew when the network has changed.
type route struct {
	*socket
	connected bool
	was       bool   // connected once
	changes   uint64 // of the network, when it was connected
	index     atomic.Int32
	closed    sync.Once
}

func newRoute(g Group) (*route, error) {
	if err := netwatch.Start(); err != nil {
		return nil, err
	}
	s, err := newUnpolled(&g, netip.AddrPortFrom(netip.IPv6Unspecified(), 0), func(fd int) error {
		setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, g.SendBuffer)
		// Otherwise Linux keeps silent about datagrams that this host's own queue drops (udp(7): IP_RECVERR).
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1))
	})
	if err != nil {
		netwatch.Stop()
		return nil, err
	}
	if err := s.steer(); err != nil {
		s.close()
		netwatch.Stop()
		return nil, err
	}
	return &route{socket: s, changes: netwatch.Changes()}, nil
}

// steer sets how far datagrams go, by a descriptor that is Go's for the moment.
func (s *socket) steer() error {
	conn, err := packetConn(s.fd)
	if err != nil {
		return err
	}
	defer conn.Close()
	return steer(conn, s.group)
}

func (r *route) Follow() {
	if now := netwatch.Changes(); now != r.changes {
		r.changes, r.connected = now, false
	}
}

// connect finds the interface, the route and the source address that hold now.
func (r *route) connect() error {
	r.connected = false
	index := 0
	if name := r.group.Interface; name != "" {
		var err error
		index, err = netwatch.Look().Interface(name)
		r.index.Store(int32(index))
		if err != nil {
			return cmp.Or(r.raw.Control(func(uintptr) {}), err) // that it is closed, if it is
		}
	}
	var err error
	if e := r.raw.Control(func(fd uintptr) { err = r.connectTo(int(fd), index) }); e != nil {
		return e
	}
	r.connected = err == nil
	return err
}

func (r *route) connectTo(fd, index int) error {
	if r.was {
		r.disconnect(fd)
	}
	r.was = true
	// 0 undoes a choice.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index); err != nil {
		return os.NewSyscallError("setsockopt IPV6_MULTICAST_IF", err)
	}
	return os.NewSyscallError("connect", unix.Connect(fd, sockaddr(scoped(r.group.Addr, index))))
}

// disconnect makes the kernel forget the source address and the interface (connect(2): AF_UNSPEC), but not the port: receivers
// tell senders by it.
func (r *route) disconnect(fd int) {
	port := r.port(fd)
	var nowhere unix.RawSockaddrInet6 // whose family is AF_UNSPEC
	syscall.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&nowhere)), unix.SizeofSockaddrInet6)
	// Somebody else may have got it in between. Then connecting takes another one.
	unix.Bind(fd, &unix.SockaddrInet6{Port: port})
}

// networkChanged tells the errors after which connecting anew finds another source address or route.
func networkChanged(err error) bool {
	switch err {
	case unix.ENETUNREACH, unix.EADDRNOTAVAIL, unix.ENODEV, unix.ENETDOWN, unix.EHOSTUNREACH, unix.EINVAL, unix.ECONNREFUSED,
		unix.EDESTADDRREQ, unix.ENOTCONN:
		return true
	}
	return false
}

func (r *route) port(fd int) int {
	if a, err := unix.Getsockname(fd); err == nil {
		if a, ok := a.(*unix.SockaddrInet6); ok {
			return a.Port
		}
	}
	return 0
}

func (r *route) LocalPort() (port int) {
	r.raw.Control(func(fd uintptr) { port = r.port(int(fd)) })
	return port
}

// SendBuffer halves what the kernel tells, since it doubles what is asked for (socket(7)).
func (r *route) SendBuffer() int { return r.option(unix.SOL_SOCKET, unix.SO_SNDBUF) / 2 }
func (r *route) Interface() int  { return int(r.index.Load()) }
func (r *route) Descriptor() int { return r.fd }

func (r *route) Close() (err error) {
	r.closed.Do(func() {
		err = r.close()
		netwatch.Stop()
	})
	return err
}
