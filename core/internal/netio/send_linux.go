//go:build !mcl_portable

package netio

import (
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sender's socket is connected, which saves the kernel a route look-up a datagram. Connecting needs a route; so it is
// done when the first datagram goes, and again when the network has changed under it.
type sender struct {
	*socket
	to        unix.Sockaddr
	connected bool

	headers []mmsghdr
	iovecs  []unix.Iovec
	first   int // header to send next
	err     error
	write   func(fd uintptr) bool
}

func newSender(s *socket, to unix.Sockaddr) *sender {
	x := &sender{socket: s, to: to}
	x.write = x.writeBatch
	x.connect() // a missing route may appear later
	return x
}

func (s *sender) connect() error {
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = unix.Connect(int(fd), s.to) }); e != nil {
		return e
	}
	s.connected = err == nil
	return os.NewSyscallError("connect", err)
}

func (s *sender) Send(datagrams []Datagram) (int, error) {
	s.prepare(datagrams)
	defer clear(s.iovecs) // keep none of the caller's memory
	for retried := false; ; retried = true {
		if !s.connected {
			if err := s.connect(); err != nil {
				return s.first, err
			}
		}
		if err := s.raw.Write(s.write); err != nil {
			return s.first, err
		}
		if s.err == nil || retried || !networkChanged(s.err) {
			break
		}
		s.connected = false
	}
	if s.err != nil {
		return s.first, os.NewSyscallError("sendmmsg", s.err)
	}
	return s.first, nil
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

func (s *sender) prepare(datagrams []Datagram) {
	n := len(datagrams)
	if cap(s.headers) < n {
		s.headers = make([]mmsghdr, n)
		s.iovecs = make([]unix.Iovec, 2*n)
	}
	s.headers, s.iovecs = s.headers[:n], s.iovecs[:2*n]
	for i, d := range datagrams {
		v := s.iovecs[2*i : 2*i+2]
		count := 0
		for _, part := range [2][]byte{d.Head, d.Body} {
			if len(part) > 0 {
				v[count].Base = &part[0]
				v[count].SetLen(len(part))
				count++
			}
		}
		s.headers[i] = mmsghdr{}
		s.headers[i].hdr.Iov = &v[0]
		s.headers[i].hdr.SetIovlen(count)
	}
	s.first, s.err = 0, nil
}

// writeBatch is called by the netpoller, and called again when the socket is writable after it gave false.
func (s *sender) writeBatch(fd uintptr) bool {
	s.err = nil
	for s.first < len(s.headers) {
		left := s.headers[s.first:]
		n, _, errno := syscall.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&left[0])),
			uintptr(min(len(left), 1024)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			s.first += int(n)
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default:
			s.err = errno
			forgetErrors(int(fd))
			return true
		}
	}
	return true
}

// forgetErrors empties the queue of errors that IPV6_RECVERR fills; what matters of them the calls return.
func forgetErrors(fd int) {
	var data, control [256]byte
	for range 64 {
		if _, _, _, _, err := unix.Recvmsg(fd, data[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

func (s *sender) SendBuffer() int { return s.option(unix.SOL_SOCKET, unix.SO_SNDBUF) / 2 }

func (s *sender) LocalPort() int {
	if a, ok := s.conn.LocalAddr().(*net.UDPAddr); ok {
		return a.Port
	}
	return 0
}
