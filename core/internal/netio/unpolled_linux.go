//go:build !mcl_portable

package netio

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// An unpolled socket is a syscall.RawConn that Go's netpoller does not know. The netpoller is told whenever a datagram has left
// and the socket is writable again, edge by edge: its thread woke up for each one sent, which cost the sender 0.6 µs and another
// processor more than sending does. A sender waits for its socket so rarely that it can do so in poll(2). Nor does it know a socket that somebody else reads (Unread).
type unpolled struct {
	mu     sync.RWMutex // held for reading while fd is used
	fd     int
	closed atomic.Bool
}

// setReadDeadline wakes who waits for Go's netpoller; nobody does for another socket.
func (s *socket) setReadDeadline(t time.Time) error {
	if s.conn == nil {
		return nil
	}
	return s.conn.SetReadDeadline(t)
}

// newUnpolled is newSocket without the netpoller.
func newUnpolled(g *Group, bind netip.AddrPort, before func(fd int) error) (*socket, error) {
	fd, err := openSocket(bind, before)
	if err != nil {
		return nil, err
	}
	g.tell(fd, true)
	return &socket{raw: &unpolled{fd: fd}, fd: fd, group: g}, nil
}

func (u *unpolled) Control(f func(fd uintptr)) error {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.closed.Load() {
		return net.ErrClosed
	}
	f(uintptr(u.fd))
	return nil
}

// lookAgain is how often a waiting write looks whether the socket was closed.
const lookAgain = 10 * time.Millisecond

// write calls f until it is done, waiting before each further time, by w unless it is nil, until the socket is writable. A close
// ends it.
func (u *unpolled) write(f func(fd uintptr) (done bool), w Waiter) error {
	if w == nil {
		w = Until{}
	}
	for {
		u.mu.RLock()
		closed, goOn := u.closed.Load(), true
		done := !closed && f(uintptr(u.fd))
		if !closed && !done {
			goOn = w.Wait(u.fd, lookAgain)
		}
		u.mu.RUnlock()
		switch {
		case closed:
			return net.ErrClosed
		case done:
			return nil
		case !goOn:
			return ErrGivenUp
		}
	}
}

// awaitWritable waits in poll(2), which passes over a descriptor of -1.
func awaitWritable(fd int, most time.Duration) {
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(most.Milliseconds())+1)
}

// A RawConn has these; senders call write.
func (u *unpolled) Read(func(fd uintptr) (done bool)) error  { return errors.ErrUnsupported }
func (u *unpolled) Write(func(fd uintptr) (done bool)) error { return errors.ErrUnsupported }

// close is called once.
func (u *unpolled) close() error {
	u.closed.Store(true)
	u.mu.Lock()
	defer u.mu.Unlock()
	return unix.Close(u.fd)
}
