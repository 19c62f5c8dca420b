//go:build !mcl_portable

package netio

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// System is the network of this machine.
var System Network = linux{}

type linux struct{}

// socket is what receiver and sender share: a socket that belongs to Go's netpoller.
//
// The descriptor is only ever used inside raw's methods, or while conn is known to be open: once conn is collected
// or closed, its number may belong to another file.
type socket struct {
	conn net.PacketConn
	raw  syscall.RawConn
	fd   int
}

// newSocket makes a UDP socket that is bound to addr. Go's own net.ListenPacket binds a multicast address as [::], and
// such a socket receives the packets of every group on the port; so this binds by hand, as the reference does.
func newSocket(bind netip.AddrPort, before func(fd int) error) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := before(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if err := unix.Bind(fd, sockaddr(bind)); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	file := os.NewFile(uintptr(fd), "udp6")
	conn, err := net.FilePacketConn(file) // a duplicate
	file.Close()
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &socket{conn: conn, raw: raw}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) Descriptor() int { return s.fd }
func (s *socket) Close() error    { return s.conn.Close() }

func (s *socket) option(level, name int) int {
	value := 0
	s.raw.Control(func(fd uintptr) { value, _ = unix.GetsockoptInt(int(fd), level, name) })
	return value
}

// setBuffer asks for a socket buffer beyond the system's maximum where that is allowed (CAP_NET_ADMIN), else up to it.
func setBuffer(fd, force, plain, size int) {
	if size > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		// What was granted is read back; less than asked for is no error.
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, size)
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zone(a.Addr())}
}

func zone(a netip.Addr) uint32 {
	var index uint32
	fmt.Sscan(a.Zone(), &index)
	return index
}

func (linux) Listen(g Group) (Receiver, error) {
	s, err := newSocket(scoped(g), func(fd int) error {
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
		if g.Interface != 0 {
			// A membership on one interface lets the group in on all of them; the chosen one is to be the only one.
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, g.Interface); err != nil {
				return os.NewSyscallError("setsockopt SO_BINDTOIFINDEX", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ifi, err := groupInterface(g.Interface)
	if err == nil {
		err = ipv6.NewPacketConn(s.conn).JoinGroup(ifi, &net.UDPAddr{IP: g.Addr.Addr().AsSlice()})
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return newReceiver(s), nil
}

// scoped gives a link-local group its interface: the kernel binds it to none otherwise.
func scoped(g Group) netip.AddrPort {
	if a := g.Addr.Addr(); g.Interface != 0 && (a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast()) {
		return netip.AddrPortFrom(a.WithZone(fmt.Sprint(g.Interface)), g.Addr.Port())
	}
	return g.Addr
}

func (linux) Dial(g Group) (Sender, error) {
	s, err := newSocket(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(g.LocalPort)), func(fd int) error {
		setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, g.SendBuffer)
		// Otherwise Linux keeps silent about datagrams that this host's own queue drops (udp(7): IP_RECVERR).
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1))
	})
	if err != nil {
		return nil, err
	}
	if err := steer(s.conn, g); err != nil {
		s.Close()
		return nil, err
	}
	return newSender(s, sockaddr(scoped(g))), nil
}
