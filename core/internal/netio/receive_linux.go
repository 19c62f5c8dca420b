//go:build !mcl_portable

package netio

import (
	"encoding/binary"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/buf"
)

const (
	batchSize = 64
	batchMin  = 4
	// batchBytes is what one read should bring at most: what the processor's second cache holds, in which callbacks find it and
	// the next read puts what it copies.
	batchBytes = 256 << 10
	// packetSize holds the largest datagram that IPv6 carries without jumbograms.
	packetSize  = 1 << 16
	controlSize = 128 // SCM_TIMESTAMPING takes 64 bytes, IPV6_PKTINFO 40, UDP_GRO 24
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// A batch is the memory of one recvmmsg. It is borrowed from a pool while there is something to read, so that a
// thousand idle listeners hold none.
type batch struct {
	packets []Packet // what was read: one or, of a train, many for each entry of the arrays
	bufs    [batchSize]*buf.Buf
	headers [batchSize]mmsghdr
	iovecs  [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6
	control [batchSize][controlSize]byte
}

var batches = sync.Pool{New: func() any {
	b := new(batch)
	for i := range b.headers {
		b.headers[i].hdr.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		b.headers[i].hdr.Iov = &b.iovecs[i]
		b.headers[i].hdr.SetIovlen(1)
		b.headers[i].hdr.Control = &b.control[i][0]
	}
	return b
}}

// prepare makes the first n entries ready to be read into.
func (b *batch) prepare(n int) {
	for i := range b.headers[:n] {
		if b.bufs[i] != nil && b.bufs[i].Shared() {
			b.bufs[i].Release() // somebody kept it
			b.bufs[i] = nil
		}
		if b.bufs[i] == nil {
			b.bufs[i] = buf.Get(packetSize)
			b.iovecs[i].Base = &b.bufs[i].Bytes()[0]
			b.iovecs[i].SetLen(packetSize)
		}
		h := &b.headers[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
}

// A receiver reads one socket, and another when the interface has been replaced (see membership).
type receiver struct {
	*membership
	// Made once: a closure a call would be an allocation a call.
	wait func(fd uintptr) bool // r.lockAndRead
	look func(fd uintptr)      // r.readBatch

	reading *sync.Mutex // given to Receive; protects what follows
	batch   *batch
	n       int
	size    int // of the next read: grows with what there is, so that a quiet listener holds and prepares little
	err     error
	times   arrivals
	pace    pace
}

func (linux) Listen(g Group) (Receiver, error) {
	m, err := join(g)
	if err != nil {
		return nil, err
	}
	r := &receiver{membership: m, size: batchMin}
	r.wait = r.lockAndRead
	r.look = func(fd uintptr) { r.readBatch(fd) }
	return r, nil
}

func (r *receiver) Receive(reading *sync.Mutex, handle func([]Packet)) error {
	r.reading = reading
	if err := r.await(r.wait); err != nil {
		return err
	}
	defer reading.Unlock()
	return r.handOver(handle)
}

// lockAndRead is called by the netpoller, and called again when the socket is readable after it gave false. It leaves the
// lock to its caller when it has something.
func (r *receiver) lockAndRead(fd uintptr) bool {
	r.reading.Lock()
	if r.readBatch(fd) {
		return true
	}
	due := r.pace.due(r.first.buffer, time.Now())
	r.reading.Unlock()
	if !due || !pause() {
		return false
	}
	r.reading.Lock()
	if r.readBatch(fd) {
		r.pace.paused(r.n, time.Now())
		return true
	}
	r.pace.paused(0, time.Now())
	r.reading.Unlock()
	return false
}

// ReceiveNow implements Looker.
func (r *receiver) ReceiveNow(handle func([]Packet)) error {
	if err := r.oldest().raw.Control(r.look); err != nil {
		return err
	}
	if r.batch == nil {
		return nil
	}
	return r.handOver(handle)
}

// Stamp implements Unread.
func (r *receiver) Stamp(packets []Packet) bool {
	r.times.set(packets, wallClock)
	return r.times.guess != 0
}

// handOver passes on what was read, or the error.
func (r *receiver) handOver(handle func([]Packet)) error {
	if r.err != nil {
		return r.err
	}
	b := r.batch
	b.packets = b.packets[:0]
	bytes := 0
	for i := range r.n {
		b.split(i)
		bytes += int(b.headers[i].len)
	}
	r.pace.note(r.n, bytes)
	r.times.set(b.packets, wallClock)
	handle(b.packets)
	if r.n < r.size { // drained: the next read will most likely wait
		r.batch = nil
		batches.Put(b)
	}
	switch {
	case r.n < r.size/4 || bytes > batchBytes:
		r.size = max(r.size/4, batchMin)
	case r.n == r.size && 4*bytes <= batchBytes:
		r.size = min(4*r.size, batchSize)
	}
	return nil
}

// readBatch reads what is there, and tells whether anything was, or an error.
func (r *receiver) readBatch(fd uintptr) bool {
	b := r.batch
	if b == nil {
		b = batches.Get().(*batch)
	}
	b.prepare(r.size)
	n, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), uintptr(r.size),
		unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		r.batch, r.n, r.err = b, int(n), nil
		return true
	case unix.EAGAIN, unix.EINTR:
		r.batch = nil
		batches.Put(b)
		return false
	}
	r.batch, r.n, r.err = b, 0, os.NewSyscallError("recvmmsg", errno)
	return true
}

// split appends what entry i holds: a datagram, or a train of them, which the kernel hands over in one piece (UDP_GRO): all
// of one sender and size, save the last, which may be shorter.
func (b *batch) split(i int) {
	h := &b.headers[i]
	p := Packet{Buf: b.bufs[i], From: addrPort(&b.names[i])}
	segment := p.readControl(b.control[i][:min(h.hdr.Controllen, controlSize)])
	data := p.Buf.Bytes()[:h.len]
	for segment > 0 && len(data) > segment {
		p.Data = data[:segment:segment]
		b.packets = append(b.packets, p)
		data = data[segment:]
	}
	p.Data = data[:len(data):len(data)]
	b.packets = append(b.packets, p)
}

func addrPort(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), binary.BigEndian.Uint16(port[:]))
}

// readControl takes what the kernel says about a datagram, and returns the size of those in a train, or 0.
func (p *Packet) readControl(control []byte) (segment int) {
	for rest := control; len(rest) >= unix.SizeofCmsghdr; {
		c := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0]))
		size := (int(c.Len) + 7) &^ 7 // CMSG_ALIGN, cmsg(3)
		if size < unix.SizeofCmsghdr || size > len(rest) {
			break
		}
		data := unsafe.Pointer(&rest[unix.SizeofCmsghdr])
		switch {
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SCM_TIMESTAMPING:
			p.Time = unix.TimespecToNsec(*(*unix.Timespec)(data)) // the first of three: by software
		case c.Level == unix.IPPROTO_IPV6 && c.Type == unix.IPV6_PKTINFO:
			p.Interface = int((*unix.Inet6Pktinfo)(data).Ifindex)
		case c.Level == unix.IPPROTO_UDP && c.Type == unix.UDP_GRO:
			segment = int(*(*int32)(data))
		}
		rest = rest[size:]
	}
	return segment
}
