package wire

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"libmcl/core/internal/buf"
)

// memory is what a Reassembler really holds for what others sent, counted anew: each buffer whole, however little of it
// is used, the topics, and what it keeps for each message and fragment.
func memory(r *Reassembler) (bytes int64) {
	bufs := make(map[*buf.Buf]struct{})
	for p := r.oldest; p != nil; p = p.newer {
		bytes += int64(len(p.topic)) + int64(8*cap(p.seen)) + int64(unsafe.Sizeof(*p)+unsafe.Sizeof(p)+unsafe.Sizeof(*p.source))
		bytes += int64(len(p.fragments)) * int64(unsafe.Sizeof(fragment{}))
		for _, f := range p.fragments {
			bufs[f.owner] = struct{}{}
		}
	}
	for b := range bufs {
		bytes += int64(len(b.Bytes()))
	}
	for p := r.free; p != nil; p = p.newer {
		bytes += int64(len(p.topic))
	}
	return bytes
}

// What it costs to hold a fragment depends on where it lies. A sender picks the size that costs most.
func TestTheBudgetCountsTheWholeOfEachBuffer(t *testing.T) {
	for _, size := range []int{0, 1, 512, 513, keepSize - 1, keepSize, keepSize + 1, 60_000, 65_000} {
		r := NewReassembler(Limits{MessageMax: 64 << 20}, 8<<20, 1e9)
		data := make([]byte, size)
		for i := range 2000 {
			send(r, hostileSender(i), "t", 2, 3, data, int64(i))
			if _, held := r.Pending(); held > 8<<20 || i%100 == 0 && memory(r) > held {
				t.Fatalf("fragments of %d bytes: %d are held, %d counted", size, memory(r), held)
			}
		}
	}
}

// What is remembered of senders besides their fragments must not grow with the topics that they make up.
func TestLongTopicsAreNotRemembered(t *testing.T) {
	r := NewReassembler(Limits{MessageMax: 64 << 20}, 1<<20, 1e9)
	random := rand.New(rand.NewPCG(1, 1))
	topic := func() string { return strings.Repeat(string(rune('a'+random.IntN(26))), 50_000+random.IntN(1000)) }
	before := heap()
	for i := range 3000 {
		name := topic()
		if res := send(r, hostileSender(i), name, 1, 2, []byte{0xc4, 1}, int64(i)); res.Payload != nil {
			t.Fatal("complete too early")
		}
		if res := send(r, hostileSender(i), name, 2, 2, []byte{7}, int64(i)); res.Payload == nil {
			t.Fatal("not complete")
		} else {
			res.Owner.Release()
		}
	}
	if _, held := r.Pending(); held != 0 {
		t.Errorf("%d bytes are counted after the last message", held)
	}
	if n := memory(r); n != 0 {
		t.Errorf("%d bytes of topics are kept", n)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	runtime.KeepAlive(r)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func hostileSender(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 12: byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), uint16(i))
}

// A fragment of the next message shows that the last ones of this were the next one's already: they stay, and go on counting.
func TestFragmentsThatMoveToTheNextMessageStayInTheBudget(t *testing.T) {
	const budget = 100_000
	r := NewReassembler(Limits{MessageMax: 64 << 20}, budget, 1e9)
	send(r, alice, "t", 9, 9, make([]byte, 6), 0)
	for packet := range uint32(5) {
		send(r, alice, "t", packet+1, 9, make([]byte, 8000), 0) // late, as it seems
	}
	for i := 0; ; i++ { // what stays is the oldest, and the budget is full
		if _, held := r.Pending(); held > budget-2000 {
			break
		}
		send(r, hostileSender(i), "t", 2, 3, nil, 1)
	}
	send(r, alice, "t", 9, 9, make([]byte, 8000), 2)
	if _, held := r.Pending(); held > budget {
		t.Errorf("%d bytes are held, the budget is %d", held, budget)
	}
}
