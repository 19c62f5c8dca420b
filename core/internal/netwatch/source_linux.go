//go:build !mcl_portable

package netwatch

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A netlinkSource is told of changes by the kernel, by a socket that belongs to Go's netpoller. Another socket asks.
type netlinkSource struct {
	*netlinkAsker
	file *os.File
	raw  syscall.RawConn
	fd   int
	data []byte

	mu    sync.Mutex // protects the deadline and what follows
	woken bool
}

func newSource() (source, error) {
	fd, err := netlinkSocket(unix.RTMGRP_LINK|unix.RTMGRP_IPV6_IFADDR|unix.RTMGRP_IPV6_ROUTE, unix.SOCK_NONBLOCK)
	if err != nil {
		return instead(err)
	}
	ask, err := newNetlinkAsker()
	if err != nil {
		unix.Close(fd)
		return instead(err)
	}
	s := &netlinkSource{netlinkAsker: ask, file: os.NewFile(uintptr(fd), "netlink"), fd: fd, data: make([]byte, 1<<16)}
	if s.raw, err = s.file.SyscallConn(); err == nil {
		err = s.file.SetReadDeadline(time.Time{}) // fails when it did not get into the netpoller
	}
	if err != nil {
		s.close()
		return instead(err)
	}
	return s, nil
}

// instead gives a poller where netlink cannot be had for good.
func instead(err error) (source, error) {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		switch errno {
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			return nil, err
		}
	}
	return newPoller(), nil
}

func netlinkSocket(groups uint32, flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	return fd, nil
}

func (s *netlinkSource) wait(deadline time.Time, lapsed func(int)) (changed, ok bool) {
	s.mu.Lock()
	if s.woken {
		deadline, s.woken = time.Unix(1, 0), false
	}
	past := !deadline.IsZero() && !deadline.After(time.Now())
	if !past {
		s.file.SetReadDeadline(deadline)
	}
	s.mu.Unlock()
	if past { // a past deadline would keep what is there from being read
		err := s.raw.Control(func(fd uintptr) { changed = s.drain(fd, lapsed) })
		return changed, err == nil
	}
	err := s.raw.Read(func(fd uintptr) bool {
		changed = s.drain(fd, lapsed)
		return changed
	})
	return changed, err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// drain reads all there is. What says nothing of interest is no change.
func (s *netlinkSource) drain(fd uintptr, lapsed func(int)) (changed bool) {
	for {
		n, _, err := unix.Recvfrom(int(fd), s.data, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
		case err == unix.ENOBUFS: // some were lost: anything may have happened
			lapsed(0)
			changed = true
		case err != nil:
			return changed
		default:
			changed = interpret(s.data[:n], lapsed) || changed
		}
	}
}

// interpret tells whether messages of the kernel are about a change that matters.
func interpret(data []byte, lapsed func(int)) (changed bool) {
	for len(data) >= unix.SizeofNlMsghdr {
		h := (*unix.NlMsghdr)(unsafe.Pointer(&data[0]))
		size := int(h.Len)
		if size < unix.SizeofNlMsghdr || size > len(data) {
			break
		}
		body := data[unix.SizeofNlMsghdr:size]
		switch h.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if len(body) < unix.SizeofIfInfomsg {
				break
			}
			link := (*unix.IfInfomsg)(unsafe.Pointer(&body[0]))
			if link.Family == unix.AF_BRIDGE {
				break // it left a bridge
			}
			changed = true
			mtu, known := attribute(body[unix.SizeofIfInfomsg:], unix.IFLA_MTU)
			if h.Type == unix.RTM_DELLINK || known && mtu < minMTU {
				lapsed(int(link.Index))
			}
		case unix.RTM_NEWADDR, unix.RTM_DELADDR, unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			changed = true
		}
		data = data[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(data)):]
	}
	return changed
}

// attribute finds a number of 32 bits.
func attribute(data []byte, kind uint16) (uint32, bool) {
	for len(data) >= unix.SizeofRtAttr {
		a := (*unix.RtAttr)(unsafe.Pointer(&data[0]))
		size := int(a.Len)
		if size < unix.SizeofRtAttr || size > len(data) {
			break
		}
		if a.Type == kind && size >= unix.SizeofRtAttr+4 {
			return *(*uint32)(unsafe.Pointer(&data[unix.SizeofRtAttr])), true
		}
		data = data[min((size+3)&^3, len(data)):]
	}
	return 0, false
}

func (s *netlinkSource) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = true
	s.file.SetReadDeadline(time.Unix(1, 0))
}

func (s *netlinkSource) close() {
	s.netlinkAsker.close()
	s.file.Close()
}

func (s *netlinkSource) descriptors() []int { return []int{s.fd, s.netlinkAsker.fd} }
