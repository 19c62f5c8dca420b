package main

import (
	"bufio"
	"log"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readMax    = 64 // datagrams
	packetSize = 1 << 16
	recvBuffer = 4 << 20
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// A reader is a socket on the netpoller, with the memory of one recvmmsg.
type reader struct {
	raw     syscall.RawConn
	headers [readMax]mmsghdr
	iovecs  [readMax]unix.Iovec
	names   [readMax]unix.RawSockaddrInet6
	control [readMax][64]byte
	data    [readMax][]byte
}

func newReader(port int) *reader {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	check(err)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, recvBuffer) != nil {
		check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, recvBuffer))
	}
	check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1))
	addr := netip.MustParseAddr(*group).As16()
	check(unix.Bind(fd, &unix.SockaddrInet6{Port: port, Addr: addr}))
	check(unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: addr}))
	file := os.NewFile(uintptr(fd), "udp6")
	conn, err := net.FilePacketConn(file)
	check(err)
	file.Close()
	r := new(reader)
	r.raw, err = conn.(*net.UDPConn).SyscallConn()
	check(err)
	for i := range r.headers {
		r.data[i] = make([]byte, packetSize)
		r.iovecs[i].Base = &r.data[i][0]
		r.iovecs[i].SetLen(packetSize)
		r.headers[i].hdr.Iov = &r.iovecs[i]
		r.headers[i].hdr.SetIovlen(1)
		r.headers[i].hdr.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		r.headers[i].hdr.Control = &r.control[i][0]
	}
	return r
}

// each calls handle with the datagrams of each batch, for ever. At most n are read at once.
func (r *reader) each(n int, handle func([]mmsghdr)) {
	for {
		got := 0
		check(r.raw.Read(func(fd uintptr) bool {
			for i := range r.headers[:n] {
				r.headers[i].hdr.Namelen = unix.SizeofSockaddrInet6
				r.headers[i].hdr.SetControllen(len(r.control[i]))
			}
			number, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), uintptr(n),
				unix.MSG_DONTWAIT, 0, 0)
			switch errno {
			case 0:
				got = int(number)
				return true
			case unix.EAGAIN, unix.EINTR:
				return false
			}
			log.Fatal(errno)
			return false
		}))
		handle(r.headers[:got])
	}
}

func newSender(port int) (fd int) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.Connect(fd, &unix.SockaddrInet6{Port: port, Addr: netip.MustParseAddr(*group).As16()}))
	return fd
}

func sendTo(fd int, data []byte) {
	_, err := unix.Write(fd, data)
	check(err)
}

// receiveBare counts what arrives.
func receiveBare() {
	var a arrivals
	r := newReader(*port)
	go r.each(readMax, func(got []mmsghdr) {
		bytes := 0
		for i := range got {
			bytes += int(got[i].len)
		}
		a.note(len(got), bytes)
	})
	a.wait()
	a.report(0)
}

func pong() {
	out := newSender(*port + 1)
	r := newReader(*port)
	go r.each(1, func(got []mmsghdr) { sendTo(out, r.data[0][:got[0].len]) })
	ready()
	bufio.NewReader(os.Stdin).ReadString('\n') // it is over when this ends
}

func ping() {
	message := make([]byte, *size)
	out := newSender(*port)
	r := newReader(*port + 1)
	times := make([]float64, 0, *count)
	over := make(chan bool)
	var began time.Time
	serve := func() {
		began = time.Now()
		sendTo(out, message)
	}
	go func() {
		serve()
		r.each(1, func([]mmsghdr) {
			if len(times) == *count {
				return
			}
			times = append(times, float64(time.Since(began))/1e3)
			if len(times) == *count {
				close(over)
				return
			}
			serve()
		})
	}()
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		log.Fatal("a round trip did not come back")
	}
	slices.Sort(times)
	report(map[string]any{"p50": times[len(times)/2], "p99": times[len(times)*99/100], "lost": 0})
}
