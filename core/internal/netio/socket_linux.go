//go:build !mcl_portable

package netio

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// System is the network of this machine.
var System Network = linux{}

type linux struct{}

// socket is what receiver and sender share.
//
// The descriptor is only ever used inside raw's methods: once the socket is closed, its number may belong to another file.
type socket struct {
	conn  net.PacketConn // nil: the socket is not Go's netpoller's
	raw   syscall.RawConn
	fd    int
	group *Group
}

// newSocket makes a UDP socket for g that is bound to bind, to nothing when that is the zero AddrPort, and belongs to Go's
// netpoller.
func newSocket(g *Group, bind netip.AddrPort, before func(fd int) error) (*socket, error) {
	fd, err := openSocket(bind, before)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	conn, err := packetConn(fd)
	if err != nil {
		return nil, err
	}
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &socket{conn: conn, raw: raw, group: g}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		conn.Close()
		return nil, err
	}
	g.tell(s.fd, true)
	return s, nil
}

// openSocket binds by hand, as the reference does: Go's own net.ListenPacket binds a multicast address as [::], and such a
// socket receives the packets of every group on the port.
func openSocket(bind netip.AddrPort, before func(fd int) error) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := before(fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if bind.IsValid() {
		if err := unix.Bind(fd, sockaddr(bind)); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("bind", err)
		}
	}
	return fd, nil
}

// packetConn gives a duplicate of the descriptor to Go's netpoller.
func packetConn(fd int) (net.PacketConn, error) {
	another, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(another), "udp6")
	defer file.Close()
	return net.FilePacketConn(file) // one more
}

// close is called once.
func (s *socket) close() error {
	s.group.tell(s.fd, false)
	if s.conn == nil {
		return s.raw.(*unpolled).close()
	}
	return s.conn.Close()
}

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
	index, _ := strconv.ParseUint(a.Zone(), 10, 32)
	return uint32(index)
}

// scoped gives a link-local group the interface that it is on: the kernel binds and connects it to none otherwise.
func scoped(a netip.AddrPort, index int) netip.AddrPort {
	if index != 0 && ofOneLink(a.Addr()) {
		return netip.AddrPortFrom(a.Addr().WithZone(strconv.Itoa(index)), a.Port())
	}
	return a
}

func ofOneLink(a netip.Addr) bool { return a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() }
