//go:build !mcl_portable

package netio

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

type sender struct {
	*route

	// The datagrams of a Send, and how many of them have left.
	datagrams []Datagram
	sent      int
	err       error
	write     func(fd uintptr) bool // s.writeAll, made once: a closure a call would be an allocation a call

	call  call
	limit trainLimit
}

func (linux) Dial(g Group) (Sender, error) {
	r, err := newRoute(g)
	if err != nil {
		return nil, err
	}
	s := &sender{route: r}
	s.write = s.writeAll
	// What is missing may appear later.
	if err := s.connect(); err == ErrNoInterface && g.numbered() {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *sender) connect() error {
	err := s.route.connect()
	if err == nil {
		s.raw.Control(func(fd uintptr) { s.limit = probeTrains(int(fd)) })
	}
	return err
}

func (s *sender) Send(datagrams []Datagram, w Waiter) (int, error) {
	s.datagrams, s.sent, s.err = datagrams, 0, nil
	defer s.forget()
	for retried := false; ; retried = true {
		if !s.connected {
			if err := s.connect(); err != nil {
				return s.sent, err
			}
		}
		if err := s.raw.(*unpolled).write(s.write, w); err != nil {
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

// writeAll is called again when the socket is writable after it gave false.
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
