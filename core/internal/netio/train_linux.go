//go:build !mcl_portable

package netio

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A train is a run of datagrams of one size, the last of which may be shorter, that the kernel takes in one piece and takes
// apart behind the routing (UDP_SEGMENT, udp(7)). On the wire they are what they would have been one by one.
//
// What the kernel asks of a train: net/ipv6/udp.c, udp_v6_send_skb.
const (
	trainMax      = 64           // datagrams; newer kernels take 128
	trainBytesMax = 65535 - 40*2 // in all, with room for headers
)

const (
	callDatagrams = 1024     // datagrams a system call, at most
	callScratch   = 64 << 10 // bytes that are copied a call, beyond one datagram
	copyMax       = 1 << 10  // smaller datagrams are copied behind each other: cheaper than two vectors for each
)

// A trainLimit is what the way to the group allows.
type trainLimit int // largest datagram of a train; below 1: no trains

// probeTrains asks a connected socket. A datagram of a train must fit into the MTU, since it is not fragmented.
func probeTrains(fd int) trainLimit {
	if _, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT); err != nil {
		return 0 // before Linux 4.18
	}
	mtu, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU)
	if err != nil {
		return 0
	}
	return trainLimit(mtu - 48) // the headers of IPv6 and UDP
}

// lower takes the refusal of a train whose datagrams have this size, and tells whether it is worth another try. EINVAL and
// EMSGSIZE: the MTU has become smaller. EIO: the interface leaves checksums to the processor. Any other error is not the
// train's.
func (l *trainLimit) lower(errno syscall.Errno, segment int) bool {
	switch errno {
	case unix.EINVAL, unix.EMSGSIZE:
		*l = min(*l, trainLimit(segment-1))
		return true
	case unix.EIO:
		*l = 0
		return true
	}
	return false
}

// A call is the memory of one sendmmsg(2): a header for each train, or single datagram.
type call struct {
	headers []mmsghdr
	iovecs  []unix.Iovec
	counts  []int        // datagrams of each header
	control []segmentMsg // of each header
	scratch []byte       // small datagrams, copied behind each other

	refused int // size of the datagrams of the train that the kernel refused; 0: it was none
}

// A segmentMsg is the control message that makes a train: struct cmsghdr with the size of a datagram.
type segmentMsg struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte // CMSG_ALIGN
}

const segmentMsgLen = unix.SizeofCmsghdr + 2

// prepare makes a call of as many of the datagrams as fit.
func (c *call) prepare(datagrams []Datagram, limit trainLimit) {
	datagrams = datagrams[:min(len(datagrams), callDatagrams)]
	c.reserve(len(datagrams))
	for len(datagrams) > 0 {
		n := trainLength(datagrams, limit)
		if len(c.counts) > 0 && len(c.scratch)+scratchNeeded(datagrams[:n]) > callScratch {
			break
		}
		c.add(datagrams[:n])
		datagrams = datagrams[n:]
	}
	c.link()
}

// reserve makes room beforehand, so that nothing moves to which a header points.
func (c *call) reserve(n int) {
	if cap(c.counts) < n {
		c.headers, c.counts = make([]mmsghdr, 0, n), make([]int, 0, n)
		c.control, c.iovecs = make([]segmentMsg, 0, n), make([]unix.Iovec, 0, 2*n)
	}
	if cap(c.scratch) < callScratch && n > 1 {
		c.scratch = make([]byte, 0, callScratch)
	}
	c.headers, c.iovecs, c.counts, c.control = c.headers[:0], c.iovecs[:0], c.counts[:0], c.control[:0]
	c.scratch = c.scratch[:0]
}

// trainLength is how many of the datagrams, at least one, may go in one train.
func trainLength(datagrams []Datagram, limit trainLimit) int {
	size := datagrams[0].size()
	// A train of one and a smaller one would save little, and a receiver's kernel that drops it counts one (Receiver.Dropped).
	if size > int(limit) || size == 0 || 2*size > trainBytesMax {
		return 1
	}
	n := 1
	for total := size; n < min(len(datagrams), trainMax); n++ {
		next := datagrams[n].size()
		if total += next; next > size || next == 0 || total > trainBytesMax {
			break
		}
		if next < size {
			return n + 1 // the last
		}
	}
	return n
}

func scratchNeeded(datagrams []Datagram) (bytes int) {
	for i := range datagrams {
		if size := datagrams[i].size(); size <= copyMax {
			bytes += size
		}
	}
	return bytes
}

// add appends a train, or a single datagram.
func (c *call) add(datagrams []Datagram) {
	first := len(c.iovecs)
	copied := false // the last vector is what was copied last
	for i := range datagrams {
		d := &datagrams[i]
		if d.size() > copyMax {
			c.point(d.Head)
			c.point(d.Body)
			copied = false
			continue
		}
		start := len(c.scratch)
		c.scratch = append(append(c.scratch, d.Head...), d.Body...)
		if !copied {
			c.point(c.scratch[start:])
		} else {
			last := &c.iovecs[len(c.iovecs)-1]
			last.SetLen(int(last.Len) + d.size())
		}
		copied = d.size() > 0
	}
	c.counts = append(c.counts, len(datagrams))
	c.headers = append(c.headers, mmsghdr{})
	h := &c.headers[len(c.headers)-1].hdr
	h.SetIovlen(len(c.iovecs) - first)
	segment := segmentMsg{}
	if len(datagrams) > 1 {
		segment.header = unix.Cmsghdr{Level: unix.IPPROTO_UDP, Type: unix.UDP_SEGMENT}
		segment.header.SetLen(segmentMsgLen)
		segment.size = uint16(datagrams[0].size())
	}
	c.control = append(c.control, segment)
}

func (c *call) point(data []byte) {
	if len(data) > 0 {
		c.iovecs = append(c.iovecs, unix.Iovec{Base: &data[0]})
		c.iovecs[len(c.iovecs)-1].SetLen(len(data))
	}
}

// link makes the headers point to their vectors and control messages, which have stopped moving.
func (c *call) link() {
	iovecs := c.iovecs
	for i := range c.headers {
		h := &c.headers[i].hdr
		h.Iov = unsafe.SliceData(iovecs)
		iovecs = iovecs[h.Iovlen:]
		if c.counts[i] > 1 {
			h.Control = (*byte)(unsafe.Pointer(&c.control[i]))
			h.SetControllen(int(unsafe.Sizeof(segmentMsg{})))
		}
	}
}

// forget keeps none of the caller's memory.
func (c *call) forget() {
	clear(c.iovecs)
	clear(c.headers)
	c.iovecs, c.headers = c.iovecs[:0], c.headers[:0]
}
