//go:build linux

package networks

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// faults are what a relay does to the frames with UDP of one direction. Chances are from 0 to 1, times up to so long.
type faults struct {
	loss, double, late               float64
	doubleBy, lateBy, jitter, delays time.Duration
}

// relayed counts those frames.
type relayed struct {
	in, lost, doubled, late, out int
	behind                       time.Duration // by how much a frame left later than it was to, at most
}

// A relay forwards Ethernet frames between two interfaces as a bad network does. Unlike netem it needs no module of the
// kernel's, and says what it did. It is repeatable but for time.
type relay struct {
	faults
	random *rand.Rand
	ends   [2]relayEnd
	queue  frames
	counts relayed
	stop   chan struct{}
	ended  chan struct{}
}

type relayEnd struct{ fd, index int }

type frame struct {
	due  time.Time
	to   int
	data []byte
}

// newRelay relays until it is closed. What comes in by the first interface suffers the faults.
func newRelay(t *testing.T, from, to string, f faults, seed uint64) *relay {
	t.Helper()
	r := &relay{faults: f, random: rand.New(rand.NewPCG(seed, 1)), stop: make(chan struct{}), ended: make(chan struct{})}
	for i, name := range []string{from, to} {
		device, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		const all = unix.ETH_P_ALL
		protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, all))
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(protocol))
		if err != nil {
			t.Fatal(err)
		}
		r.ends[i] = relayEnd{fd, device.Index}
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: device.Index}); err != nil {
			t.Fatal(err)
		}
		everything := unix.PacketMreq{Ifindex: int32(device.Index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &everything); err != nil {
			t.Fatal(err)
		}
		for _, buffer := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, buffer, 64<<20); err != nil {
				t.Fatal(err)
			}
		}
	}
	go r.run()
	return r
}

// close ends the relay once it has passed on everything, and returns what it did.
func (r *relay) close() relayed {
	close(r.stop)
	<-r.ended
	for _, end := range r.ends {
		unix.Close(end.fd)
	}
	return r.counts
}

func (r *relay) run() {
	defer close(r.ended)
	for {
		wait, stopped := 20*time.Millisecond, false
		if len(r.queue) > 0 {
			wait = min(wait, max(0, time.Until(r.queue[0].due)))
		} else {
			select {
			case <-r.stop:
				stopped = true
			default:
			}
		}
		both := []unix.PollFd{{Fd: int32(r.ends[0].fd), Events: unix.POLLIN}, {Fd: int32(r.ends[1].fd), Events: unix.POLLIN}}
		timeout := unix.NsecToTimespec(int64(wait))
		if n, _ := unix.Ppoll(both, &timeout, nil); n == 0 && stopped {
			return
		}
		for i := range both {
			for range 64 {
				if !r.take(i) {
					break
				}
			}
		}
		for len(r.queue) > 0 && !time.Now().Before(r.queue[0].due) {
			f := heap.Pop(&r.queue).(frame)
			r.counts.behind = max(r.counts.behind, time.Since(f.due))
			for unix.Sendto(r.ends[f.to].fd, f.data, 0, &unix.SockaddrLinklayer{Ifindex: r.ends[f.to].index}) == unix.ENOBUFS {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
}

// take takes a frame, if there is one.
func (r *relay) take(end int) bool {
	buffer := make([]byte, 1<<16+64)
	n, from, err := unix.Recvfrom(r.ends[end].fd, buffer, unix.MSG_DONTWAIT)
	if err != nil {
		return false
	}
	if from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
		return true
	}
	f := frame{time.Now(), 1 - end, buffer[:n]}
	if end == 1 || n < 54 || f.data[20] != unix.IPPROTO_UDP {
		heap.Push(&r.queue, f)
		return true
	}
	c := &r.counts
	c.in++
	if r.random.Float64() < r.loss {
		c.lost++
		return true
	}
	f.due = f.due.Add(r.delays + r.upTo(r.jitter))
	if r.random.Float64() < r.late {
		f.due = f.due.Add(r.lateBy/5 + r.upTo(r.lateBy*4/5))
		c.late++
	}
	heap.Push(&r.queue, f)
	c.out++
	if r.random.Float64() < r.double {
		f.due = f.due.Add(r.upTo(r.doubleBy))
		heap.Push(&r.queue, f)
		c.doubled++
		c.out++
	}
	return true
}

func (r *relay) upTo(longest time.Duration) time.Duration {
	return time.Duration(r.random.Float64() * float64(longest))
}

// frames is a heap by due time.
type frames []frame

func (q frames) Len() int           { return len(q) }
func (q frames) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q frames) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *frames) Push(f any)        { *q = append(*q, f.(frame)) }
func (q *frames) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	(*q)[last] = frame{}
	*q = (*q)[:last]
	return f
}

// computeChecksums has the kernel compute the checksums of what leaves by an interface: a relay passes on frames as it finds them,
// and a veth leaves them to whoever needs them (ethtool -K NAME tx off).
func computeChecksums(name string) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := struct{ command, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
	var request struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(request.name[:], name)
	request.data = unsafe.Pointer(&value)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("switch off checksum offloading of %s: %w", name, errno)
	}
	return nil
}
