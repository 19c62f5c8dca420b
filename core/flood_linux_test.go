//go:build !mcl_portable

package mcl

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/tests/hostile"
)

// A flood of hostile datagrams beside a healthy publisher, over the machine's sockets. MCL_FLOOD is how many datagrams; `make
// flood` sends ten million.
//
// Delivered means two things here. While the flood leaves the reader time, never more than so many datagrams being unread, the
// kernel drops nothing, and every healthy message arrives, once, in order and undamaged. When it does not, since it comes
// faster than anybody could read, the kernel drops hostile and healthy datagrams alike; what arrives is still right, and
// whatever was sent was read or counted as dropped.
func TestAFloodOfHostileDatagrams(t *testing.T) {
	needsKernelsWord(t)
	count := 200_000
	if raceEnabled {
		count = 20_000
	}
	if s := os.Getenv("MCL_FLOOD"); s != "" {
		var err error
		if count, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	pool := hostilePool(t)
	base := residentMemory(t) // before both: the second may take no more than the first did
	t.Run("paced", func(t *testing.T) { flood(t, count*4/5, true, pool, base) })
	t.Run("at full rate", func(t *testing.T) { flood(t, count/5, false, pool, base) })
}

const (
	floodBudget = 16 << 20 // for incomplete messages
	floodQueue  = 8 << 20

	// What SECURITY.md promises that the process grows by at most: the collector lets the heap grow to twice of what is alive, which
	// is at most the memory for incomplete messages and, as buffers that may be twice as large as what is in them, the queue.
	// The rest is what datagrams are read into, and Go's own.
	floodGrowth = 2*(floodBudget+2*floodQueue) + 16<<20
)

func flood(t *testing.T, count int, paced bool, pool [][]byte, base int64) {
	conn := newConnection()
	if !paced {
		conn.RecvBuffer = 64 << 10 // so that it overflows on any machine
	}
	conn.ReassemblyBytes = floodBudget
	l := open(t, nil, conn, ListenerOptions{Queued: true, QueueBytes: floodQueue})
	b := dial(t, nil, conn, BroadcasterOptions{})

	// The healthy ones: numbered, and every tenth of them large.
	message := func(n int) []byte {
		size := 100
		if n%10 == 0 {
			size = 200_000
		}
		return bytes.Repeat([]byte{byte(n)}, size)
	}
	var heard, damaged, disordered atomic.Int64
	next := 0
	l.Subscribe(func(r *Received) {
		if string(r.Topic) != "healthy" {
			return
		}
		var v struct {
			N    int
			Data []byte
		}
		switch err := r.Decode(&v); {
		case err != nil || !bytes.Equal(v.Data, message(v.N)):
			damaged.Add(1)
		case v.N < next:
			disordered.Add(1)
		}
		next = v.N + 1
		heard.Add(1)
	})

	var most int64
	unread := func() uint64 {
		s := l.Stats()
		balanced(t, s)
		if s.AssemblingBytes > floodBudget || s.QueuedBytes > floodQueue {
			t.Fatalf("%d bytes are held of incomplete messages, %d are queued", s.AssemblingBytes, s.QueuedBytes)
		}
		return s.Datagrams + s.DroppedKernel
	}
	began, healthy, sent := time.Now(), 0, uint64(0)
	f := newFlooder(t, conn, pool)
	// How many it takes until some were dropped and some came through depends on how busy the machine is.
	undecided := func() bool {
		return !paced && (heard.Load() == 0 || l.Stats().DroppedKernel == 0) && time.Since(began) < patience
	}
	for f.sent < uint64(count) || undecided() {
		f.send()
		if f.calls%8 == 0 {
			topic := "healthy"
			if err := b.PublishTopic(&topic, map[string]any{"N": healthy, "Data": message(healthy)}); err != nil {
				t.Fatal(err)
			}
			healthy++
		}
		if f.calls%64 == 0 {
			most = max(most, residentMemory(t))
		}
		sent = f.sent + b.Stats().Datagrams
		for paced && sent-unread() > 64 {
			time.Sleep(50 * time.Microsecond)
		}
	}
	took := time.Since(began)
	s := eventually(t, l, func(s ListenerStats) bool { return s.Datagrams+s.DroppedKernel == sent && s.Queued == 0 })
	eventually(t, l, func(s ListenerStats) bool { return s.Messages == s.Delivered })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hostile datagrams in %v (%.0f a second), %d dropped by the kernel; %d of %d healthy messages heard; memory %d MiB, at most %d MiB",
		f.sent, took.Round(time.Millisecond), float64(f.sent)/took.Seconds(), s.DroppedKernel, heard.Load(), healthy, base>>20, most>>20)
	if damaged.Load() != 0 || disordered.Load() != 0 {
		t.Errorf("%d healthy messages arrived damaged, %d twice or out of order", damaged.Load(), disordered.Load())
	}
	if paced && (s.DroppedKernel != 0 || s.DroppedQueue != 0 || heard.Load() != int64(healthy)) {
		t.Errorf("%d of %d healthy messages arrived, the kernel dropped %d, the queue %d", heard.Load(), healthy, s.DroppedKernel, s.DroppedQueue)
	}
	if !paced && (heard.Load() == 0 || s.DroppedKernel == 0) {
		t.Errorf("%d healthy messages came through, and the kernel dropped %d datagrams: that is no overload, or too much",
			heard.Load(), s.DroppedKernel)
	}
	if most > base+floodGrowth && !raceEnabled {
		t.Errorf("%d MiB of memory, %d before the flood: it grew by more than %d", most>>20, base>>20, floodGrowth>>20)
	}
	for cause, n := range s.Malformed {
		other := Malformed(cause) == MalformedSize || Malformed(cause) == MalformedObjects || Malformed(cause) == MalformedReassembled
		if n == 0 && !other {
			t.Errorf("no datagram was dropped as %q", Malformed(cause))
		}
	}
}

// A flooder sends hostile datagrams from many ports, in batches.
type flooder struct {
	t       *testing.T
	random  *rand.Rand
	sockets []*os.File
	pool    [][]byte
	sent    uint64
	calls   int
}

func newFlooder(t *testing.T, conn Connection, pool [][]byte) *flooder {
	f := &flooder{t: t, random: rand.New(rand.NewPCG(1, 11)), pool: pool}
	for range 64 {
		c, err := net.DialUDP("udp6", nil, &net.UDPAddr{IP: net.ParseIP(conn.URL), Port: conn.Port})
		if err != nil {
			t.Fatal(err)
		}
		file, err := c.File()
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		f.sockets = append(f.sockets, file)
	}
	return f
}

// hostilePool makes the datagrams that are sent, beforehand, since making them takes longer than sending. They are in memory that
// is not the collector's: its heap may grow by as much as is alive in it, and of that all shall be the listener's.
func hostilePool(t *testing.T) [][]byte {
	random := rand.New(rand.NewPCG(1, 11))
	pool, size := make([][]byte, 4096), 0
	for i := range pool {
		pool[i] = hostile.Datagram(random)
		size += len(pool[i])
	}
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(memory) })
	rest := memory
	for i, d := range pool {
		pool[i], rest = rest[:copy(rest, d)], rest[len(d):]
	}
	debug.FreeOSMemory()
	return pool
}

// send sends 32 of the datagrams of the pool.
func (f *flooder) send() {
	f.calls++
	fd := int(f.sockets[f.random.IntN(len(f.sockets))].Fd())
	for range 32 {
		d := f.pool[f.random.IntN(len(f.pool))]
		for {
			err := unix.Sendto(fd, d, 0, nil)
			if err == nil {
				f.sent++
				break
			}
			if err != unix.EINTR && err != unix.EAGAIN && err != unix.ENOBUFS {
				f.t.Fatal(err)
			}
		}
	}
}

// residentMemory is the program's, in bytes.
func residentMemory(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(text)
	return resident * int64(os.Getpagesize())
}
