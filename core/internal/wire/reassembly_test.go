package wire

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"libmcl/core/internal/buf"
)

var (
	alice = netip.MustParseAddrPort("[fe80::1]:1000")
	bob   = netip.MustParseAddrPort("[fe80::1]:2001") // another process of the same host
)

// send gives a legacy sender's fragment to r as a socket would.
func send(r *Reassembler, from netip.AddrPort, topic string, packet, packets uint32, data []byte, now int64) Result {
	return sendNumbered(r, from, topic, 0, packet, packets, data, now)
}

// sendNumbered gives a fragment to r, in a buffer that is used again for something else afterwards.
func sendNumbered(r *Reassembler, from netip.AddrPort, topic string, number int, packet, packets uint32, data []byte, now int64) Result {
	b := buf.Get(1 << 16)
	d := Datagram{HasTopic: true, Topic: []byte(topic), Packet: packet, Packets: packets, Number: number,
		Payload: b.Bytes()[:copy(b.Bytes(), data)]}
	res := r.Add(from, &d, b, now, Arrival{Time: now})
	if !b.Shared() {
		clear(b.Bytes()[:len(data)])
	}
	b.Release()
	return res
}

// message is a packed bin of size bytes with a content of its own.
func message(size int, seed uint64) []byte {
	random := rand.NewPCG(seed, 1)
	b := []byte{codeBin32, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	for range size {
		b = append(b, byte(random.Uint64()))
	}
	return b
}

func split(payload []byte) (parts [][]byte) {
	for i := range Packets(FragmentSize, len(payload), FragmentSize) {
		part := payload[int(i)*FragmentSize:]
		parts = append(parts, part[:min(len(part), FragmentSize)])
	}
	return parts
}

func newReassembler() *Reassembler { return NewReassembler(Limits{MessageMax: 64 << 20}, 256<<20, 1e9) }

func TestFragmentsInAnyOrderWithRepeats(t *testing.T) {
	for _, size := range []int{60000 - 5, 100_000, 180_000 - 5, 250_000} { // with and without an empty last fragment
		for number := range 2 { // without and with
			anyOrder(t, size, number)
		}
	}
}

// anyOrder sends messages in any order, each fragment but the last one again. With a number, a message is delivered at once.
// Without, when nothing has come for a while.
func anyOrder(t *testing.T, size, number int) {
	payload := message(size, 1)
	parts := split(payload)
	random := rand.New(rand.NewPCG(uint64(size), 2))
	for range 20 {
		r := newReassembler()
		order := random.Perm(len(parts))
		again, inOrder := 0, slices.IsSorted(order)
		var res Result
		for n, i := range order {
			res = sendNumbered(r, alice, "t", number, uint32(i+1), uint32(len(parts)), parts[i], 0)
			if n == len(order)-1 {
				break
			}
			if res.Payload != nil {
				t.Fatalf("complete after %d of %d fragments", n+1, len(order))
			}
			again += sendNumbered(r, alice, "t", number, uint32(i+1), uint32(len(parts)), parts[i], 0).Repeated
		}
		if atOnce := inOrder || number > 0; atOnce != (res.Payload != nil) {
			t.Fatalf("order %v: delivered at once: %v", order, !atOnce)
		} else if !atOnce {
			if res = r.Expire(reorderMax, true); res.Payload != nil {
				t.Fatal("held too short")
			}
			res = r.Expire(reorderMax+1, true)
		}
		if res.Joined != len(parts) || res.Topic != "t" || res.From != alice {
			t.Fatalf("joined %d datagrams of %d", res.Joined, len(parts))
		}
		done := bytes.Clone(res.Payload)
		res.Owner.Release()
		if !bytes.Equal(done, payload) {
			t.Fatalf("order %v: got %d bytes, want %d", order, len(done), len(payload))
		}
		if again != len(parts)-1 {
			t.Fatalf("%d repeats counted, %d sent", again, len(parts)-1)
		}
		if n, held := r.Pending(); n != 0 || held != 0 {
			t.Fatalf("%d fragments, %d bytes left", n, held)
		}
	}
}

func TestSendersAndTopicsDoNotMix(t *testing.T) {
	r := newReassembler()
	type stream struct {
		from  netip.AddrPort
		topic string
	}
	streams := []stream{{alice, "a"}, {alice, "b"}, {bob, "a"}}
	for i := range uint32(3) {
		for n, s := range streams {
			parts := split(message(150_000, uint64(n)))
			res := send(r, s.from, s.topic, i+1, 3, parts[i], 0)
			if i < 2 {
				if res.Payload != nil {
					t.Fatal("complete too early")
				}
				continue
			}
			if !bytes.Equal(res.Payload, message(150_000, uint64(n))) {
				t.Errorf("stream %d is corrupted", n)
			}
		}
	}
}

// Each of many programs on one host goes on with its message after all the others have begun theirs.
func TestManySendersOfOneHostAtOnce(t *testing.T) {
	r := newReassembler()
	const senders = 100
	parts := split(message(150_000, 1))
	for i, part := range parts {
		for n := range senders {
			from := netip.AddrPortFrom(alice.Addr(), uint16(40_000+n))
			res := send(r, from, "t", uint32(i+1), uint32(len(parts)), part, 0)
			if res.Evicted > 0 || (res.Payload != nil) != (i == len(parts)-1) {
				t.Fatalf("fragment %d of sender %d: evicted %d, complete: %v", i+1, n, res.Evicted, res.Payload != nil)
			}
		}
	}
}

func TestARepeatWithOtherBytesBeginsAfresh(t *testing.T) {
	r := newReassembler()
	first, second := split(message(150_000, 1)), split(message(150_000, 2))
	send(r, alice, "t", 1, 3, first[0], 0)
	send(r, alice, "t", 2, 3, first[1], 0) // its third is lost
	if res := send(r, alice, "t", 1, 3, second[0], 0); res.Evicted != 2 || res.EvictedMessages != 1 {
		t.Errorf("evicted %d fragments of %d messages, want 2 of 1", res.Evicted, res.EvictedMessages)
	}
	send(r, alice, "t", 2, 3, second[1], 0)
	send(r, alice, "t", 3, 3, second[2], 0)
	if res := r.Expire(reorderMax+1, true); !bytes.Equal(res.Payload, message(150_000, 2)) {
		t.Error("the second message did not arrive whole")
	}
}

func TestWhatStopsComingIsEvictedByAge(t *testing.T) {
	r := NewReassembler(Limits{MessageMax: 64 << 20}, 256<<20, 1000)
	parts := split(message(150_000, 1))
	send(r, alice, "t", 1, 3, parts[0], 0)
	send(r, bob, "t", 1, 3, parts[0], 500)
	send(r, alice, "t", 2, 3, parts[1], 900)
	if res := r.Expire(1400, true); res.Evicted != 0 {
		t.Errorf("evicted %d at 1400, within the age", res.Evicted)
	}
	if res := r.Expire(1501, true); res.Evicted != 1 || res.EvictedMessages != 1 {
		t.Errorf("at 1501 evicted %d fragments of %d messages, want bob's 1 of 1", res.Evicted, res.EvictedMessages)
	}
	if res := send(r, alice, "t", 3, 3, parts[2], 1800); res.Payload == nil {
		t.Error("alice's message was lost though it went on in time")
	}
}

func TestAFloodOfSendersStaysInTheBudgetAndSparesTheActive(t *testing.T) {
	const budget = 4 << 20
	r := NewReassembler(Limits{MessageMax: 64 << 20}, budget, 1e9)
	parts := split(message(150_000, 1))
	evicted := 0
	for i := range 100_000 {
		if i%1000 == 0 {
			send(r, alice, "t", 1, 3, parts[0], int64(i)) // repeats: still active
		}
		from := netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}), 1)
		res := send(r, from, "flood", 2, 1000, []byte{1}, int64(i))
		evicted += res.Evicted
		if _, bytes := r.Pending(); bytes > budget {
			t.Fatalf("%d bytes held, budget %d", bytes, budget)
		}
	}
	held, _ := r.Pending()
	if evicted+held != 100_000+1 {
		t.Errorf("%d evicted and %d held of %d", evicted, held, 100_001)
	}
	send(r, alice, "t", 2, 3, parts[1], 1e6)
	if res := send(r, alice, "t", 3, 3, parts[2], 1e6); res.Payload == nil {
		t.Error("the active message was evicted")
	}
	held, _ = r.Pending()
	if res := r.Clear(); res.Evicted != held || r.fragments != 0 || r.held != 0 {
		t.Errorf("cleared %d of %d; %d left with %d bytes", res.Evicted, held, r.fragments, r.held)
	}
}

func TestAMessageLargerThanTheBudgetStillCrosses(t *testing.T) {
	r := NewReassembler(Limits{MessageMax: 64 << 20}, 100_000, 1e9)
	payload := message(300_000, 1)
	var res Result
	for i, part := range split(payload) {
		res = send(r, alice, "t", uint32(i+1), 6, part, 0)
	}
	if !bytes.Equal(res.Payload, payload) {
		t.Error("it did not arrive")
	}
}

func TestFragmentsThatSumUpToTooMuch(t *testing.T) {
	r := NewReassembler(Limits{MessageMax: 100_000}, 256<<20, 1e9)
	send(r, alice, "t", 1, 2, make([]byte, 60000), 0)
	if res := send(r, alice, "t", 2, 2, make([]byte, 60000), 0); res.Malformed[BadSize] != 2 {
		t.Errorf("malformed: %v", res.Malformed)
	}
	if n, held := r.Pending(); n != 0 || held != 0 {
		t.Errorf("%d fragments, %d bytes left", n, held)
	}
}

func TestJoinedFragmentsMustBeOneObject(t *testing.T) {
	for _, c := range []struct {
		what  string
		parts [2]string
		want  Cause
	}{
		{"cut short", [2]string{"c6 000000ff 01", "02"}, BadReassembled},
		{"trailing", [2]string{"01", "02"}, BadReassembled},
		{"empty", [2]string{"", ""}, BadReassembled},
	} {
		r := newReassembler()
		send(r, alice, "t", 1, 2, unhex(t, c.parts[0]), 0)
		if res := send(r, alice, "t", 2, 2, unhex(t, c.parts[1]), 0); res.Malformed[c.want] != 2 || res.Payload != nil {
			t.Errorf("%s: malformed: %v", c.what, res.Malformed)
		}
	}
}

func TestReassemblyAllocatesNothingOnceWarm(t *testing.T) {
	r := newReassembler()
	parts := split(message(250_000, 1))
	number, now, whole := 0, int64(0), 0
	once := func() {
		now += 10e6
		for _, number := range []int{0, number + 1} {
			for i, part := range parts {
				if res := sendNumbered(r, alice, "", number, uint32(i+1), uint32(len(parts)), part, now); res.Payload != nil {
					res.Owner.Release()
					whole++
				}
			}
		}
		number = (number + 1) % Numbers(uint32(len(parts)))
	}
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	once()
	// The pools may be emptied by a garbage collection in between: hence not exactly 0.
	if n := testing.AllocsPerRun(100, once); n > 1 {
		t.Errorf("%v allocations a message", n)
	}
	if whole < 200 {
		t.Errorf("%d messages came whole", whole)
	}
}

func refused(res Result) (n int) {
	for _, m := range res.Malformed {
		n += m
	}
	return n
}

func FuzzReassembly(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0, 1, 2, 9, 9, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		// Two senders publish messages of two bytes a fragment; the script picks who sends which fragment of which message.
		const packets = 3
		r := NewReassembler(Limits{MessageMax: 1 << 20}, 1<<20, 50e6)
		ledger := 0
		for i, c := range script {
			at := int64(i) * 1e6
			from := []netip.AddrPort{alice, bob}[c&1]
			packet := uint32(c>>1)%packets + 1
			number := c >> 3
			whole := []byte{codeBin8, 4, number, byte(packets), number, 0xee}
			if number > 16 {
				whole[0] = codeInvalid
			}
			res := send(r, from, "t", packet, packets, whole[2*(packet-1):2*packet], at)
			ledger += 1 - res.Repeated - res.Evicted - refused(res) - res.Joined
			for expired := r.Expire(at, true); !expired.Idle(); expired = r.Expire(at, true) {
				ledger -= expired.Evicted + expired.Joined + refused(expired)
				if expired.Payload != nil {
					expired.Owner.Release()
				}
			}
			if n, _ := r.Pending(); n != ledger {
				t.Fatalf("%d fragments held, the ledger says %d", n, ledger)
			}
			if res.Payload != nil {
				res.Owner.Release()
			}
		}
	})
}
