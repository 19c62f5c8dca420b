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

	// The datagrams of a Send, and how many of them have left.
	datagrams []Datagram
	sent      int
	err       error
	write     func(fd uintptr) bool // s.writeAll, made once: a closure a call would be an allocation a call

	call  call
	limit trainLimit
}

func newSender(s *socket, to unix.Sockaddr) *sender {
	x := &sender{socket: s, to: to}
	x.write = x.writeAll
	x.connect() // a missing route may appear later
	return x
}

func (s *sender) connect() error {
	var err error
	if e := s.raw.Control(func(fd uintptr) {
		if err = unix.Connect(int(fd), s.to); err == nil {
			s.limit = probeTrains(int(fd))
		}
	}); e != nil {
		return e
	}
	s.connected = err == nil
	return os.NewSyscallError("connect", err)
}

func (s *sender) Send(datagrams []Datagram) (int, error) {
	s.datagrams, s.sent, s.err = datagrams, 0, nil
	defer s.forget()
	for retried := false; ; retried = true {
		if !s.connected {
			if err := s.connect(); err != nil {
				return s.sent, err
			}
		}
		if err := s.raw.Write(s.write); err != nil {
			return s.sent, err
		}
		if s.err == nil || retried || !networkChanged(s.err) {
			break
		}
		s.connected = false
	}
	if s.err != nil {
		return s.sent, os.NewSyscallError("send", s.err)
	}
	return s.sent, nil
}

// forget keeps none of the caller's memory.
func (s *sender) forget() {
	s.datagrams = nil
	s.call.forget()
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

// writeAll is called by the netpoller, and called again when the socket is writable after it gave false.
func (s *sender) writeAll(fd uintptr) bool {
	s.err = nil
	for s.sent < len(s.datagrams) {
		n, errno := s.writeSome(fd)
		s.sent += n
		switch {
		case errno == 0 || errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return false
		case s.call.refused > 0 && s.limit.lower(errno, s.call.refused):
			// The rest goes out in shorter trains, or one by one.
		default:
			s.err = errno
			forgetErrors(int(fd))
			return true
		}
	}
	return true
}

// writeSome hands over one or more datagrams by one system call. The errno is that of the first that did not leave.
func (s *sender) writeSome(fd uintptr) (sent int, errno syscall.Errno) {
	rest := s.datagrams[s.sent:]
	c := &s.call
	c.refused = 0
	if len(rest) == 1 && rest[0].size() <= copyMax {
		// Most messages. One copy into one piece and the plainest call take 0.3 µs less than a vector of two for sendmmsg(2).
		data := append(append(c.scratch[:0], rest[0].Head...), rest[0].Body...)
		c.scratch = data
		_, _, errno = syscall.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(data))),
			uintptr(len(data)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno != 0 {
			return 0, errno
		}
		return 1, 0
	}
	c.prepare(rest, s.limit)
	n, _, errno := syscall.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&c.headers[0])),
		uintptr(len(c.headers)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		c.refused = int(c.control[0].size)
		return 0, errno
	}
	for _, count := range c.counts[:n] {
		sent += count
	}
	return sent, 0
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
