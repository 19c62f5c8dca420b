//go:build !mcl_portable

package netio

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A lendable socket is a syscall.RawConn in which others can wait for datagrams while its reader does not.
//
// Whoever polls a socket that Go's netpoller knows races with the netpoller's thread, which each datagram wakes as well: that
// alone doubled the time of a round trip. So an epoll of its own holds the socket, and the netpoller polls that; to lend the
// socket is to have the epoll ask for nothing meanwhile. It takes one more descriptor, which is why sockets begin without.
type lendable struct {
	unpolled
	poll  *os.File        // the epoll, which the netpoller has
	wait  syscall.RawConn // poll's
	fd    int             // poll's
	lent  bool            // protected by the membership's lock
	group *Group

	read func(fd uintptr) bool // of the present Read
	try  func(uintptr) bool    // g.tryRead; a closure a call would be an allocation a call
}

// lendable returns a duplicate of the socket that can be lent.
func (s *socket) lendable() (*socket, error) {
	fd, err := -1, error(nil)
	if e := s.raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	u, err := newLendable(s.group, fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	s.group.tell(fd, true)
	s.group.tell(u.fd, true)
	return &socket{conn: u, raw: u, fd: fd, group: s.group}, nil
}

func newLendable(g *Group, fd int) (*lendable, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	u := &lendable{unpolled: unpolled{fd: fd}, fd: poll, group: g}
	u.try = u.tryRead
	err = u.control(unix.EPOLL_CTL_ADD, unix.EPOLLIN)
	if err == nil {
		err = unix.SetNonblock(poll, true) // or else os.NewFile keeps it from the netpoller
	}
	if err != nil {
		unix.Close(poll)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	u.poll = os.NewFile(uintptr(poll), "epoll")
	if u.wait, err = u.poll.SyscallConn(); err == nil {
		err = u.poll.SetReadDeadline(time.Time{}) // fails when it is not the netpoller's
	}
	if err != nil {
		u.poll.Close()
		return nil, err
	}
	return u, nil
}

func (u *lendable) control(operation int, events uint32) error {
	return unix.EpollCtl(u.fd, operation, u.unpolled.fd, &unix.EpollEvent{Events: events})
}

// lend has datagrams not wake Read, or again those that arrive from then on.
func (u *lendable) lend(lent bool) (err error) {
	if u.lent == lent {
		return nil
	}
	events := uint32(unix.EPOLLIN)
	if lent {
		events = 0
	}
	if e := u.Control(func(uintptr) { err = u.control(unix.EPOLL_CTL_MOD, events) }); e != nil {
		return e
	}
	if err == nil {
		u.lent = lent
	}
	return err
}

// Read is for one goroutine at a time.
func (u *lendable) Read(f func(fd uintptr) (done bool)) error {
	u.read = f
	err := u.wait.Read(u.try)
	if err != nil && u.closed.Load() { // os has another error for it
		return net.ErrClosed
	}
	return err
}

func (u *lendable) tryRead(uintptr) bool {
	done := false
	// Once it is closed, so is poll, which ends the wait that follows.
	u.Control(func(fd uintptr) { done = u.read(fd) })
	return done
}

// SetReadDeadline ends Read at t.
func (u *lendable) SetReadDeadline(t time.Time) error { return u.poll.SetReadDeadline(t) }

// Close is called once.
func (u *lendable) Close() error {
	u.group.tell(u.fd, false)
	err := u.unpolled.Close()
	u.poll.Close()
	return err
}
