// Bare sockets from Go, for the benchmarks: what a reader on Go's netpoller costs before a library adds anything. The same
// command line and the same line of JSON as the programs in C (bench.h).
//
//	bare-go receive
//	bare-go ping, pong
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	_     = flag.String("mode", "", "is the only one")
	size  = flag.Int("size", 64, "bytes of a message's body")
	count = flag.Int("count", 1000, "round trips")
	group = flag.String("group", "ff15::be9c", "address")
	port  = flag.Int("port", 26000, "of the group; answers come on the next one")
)

const (
	batch      = 64
	packetSize = 1 << 16
	quiet      = 300 * time.Millisecond // without an arrival: what is missing then is lost
	buffer     = 4 << 20
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("give a role")
	}
	role := os.Args[1]
	flag.CommandLine.Parse(os.Args[2:])
	switch role {
	case "receive":
		receive()
	case "ping":
		ping()
	case "pong":
		pong()
	default:
		log.Fatalf("%s: no role of this program", role)
	}
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// A reader is a socket on the netpoller, with the memory of one recvmmsg.
type reader struct {
	raw     syscall.RawConn
	headers [batch]mmsghdr
	iovecs  [batch]unix.Iovec
	names   [batch]unix.RawSockaddrInet6
	control [batch][64]byte
	data    [batch][]byte
}

func newReader(port int) *reader {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	check(err)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		check(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer))
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

func send(fd int, data []byte) {
	_, err := unix.Write(fd, data)
	check(err)
}

func receive() {
	var messages, bytes, first, last atomic.Int64
	began := time.Now()
	r := newReader(*port)
	go r.each(batch, func(got []mmsghdr) {
		now := int64(time.Since(began))
		first.CompareAndSwap(0, now)
		last.Store(now)
		for i := range got {
			bytes.Add(int64(got[i].len))
			messages.Add(1)
		}
	})
	used := cpu()
	fmt.Println("ready")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	var sent int64
	_, err = fmt.Sscanf(line, "sent %d", &sent)
	check(err)
	for seen, since := int64(-1), time.Now(); messages.Load() < sent; time.Sleep(20 * time.Millisecond) { // silence cannot be waited for
		if n := messages.Load(); n != seen {
			seen, since = n, time.Now()
		} else if time.Since(since) > quiet {
			break
		}
	}
	report(map[string]any{"received": messages.Load(), "bytes": bytes.Load(), "cpu": (cpu() - used).Seconds(),
		"seconds": time.Duration(last.Load() - first.Load()).Seconds(), "dropped": 0})
}

func pong() {
	out := newSender(*port + 1)
	r := newReader(*port)
	go r.each(1, func(got []mmsghdr) { send(out, r.data[0][:got[0].len]) })
	fmt.Println("ready")
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
		send(out, message)
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

func report(values map[string]any) { check(json.NewEncoder(os.Stdout).Encode(values)) }

func cpu() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
