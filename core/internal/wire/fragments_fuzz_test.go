package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"libmcl/core/internal/buf"
)

// FuzzFragments has a script of bytes send fragments as honest and hostile senders do, and checks what comes of them against
// what was sent:
//   - What an honest sender sent is delivered, once, and never a mixture, whatever is lost, repeated and overtaken of what is
//     numbered; of what is not, where pauses tell. Only what others hold may stand against it, or age.
//   - What is delivered was sent: by one sender, under one topic and number, each of its fragments once, each in its place.
//   - The memory that is held stays in the budget, and is what is counted.
//   - Every fragment is accounted for, at every step.
func FuzzFragments(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})                                       // in order
	f.Add([]byte{10, 1, 1, 1, 1, 14, 210, 1, 1, 1, 1, 1, 1, 1})                                 // in any order
	f.Add([]byte{10, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2})                                          // each twice
	f.Add([]byte{10, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3})               // with losses
	f.Add([]byte{10, 4, 4, 4, 4, 14, 254, 14, 254, 4, 4, 4, 4, 14, 254, 14, 254, 4, 4, 4, 4})   // with losses, and alike
	f.Add([]byte{3, 0, 10, 4, 2, 1, 0, 10, 4, 1, 1, 0, 10, 4, 2, 2, 0})                         // hostile ones between
	f.Add([]byte{0, 0, 0, 15, 0, 255, 0, 15, 0, 255, 0, 0, 0, 14, 255, 0, 1, 15, 9, 200, 1, 1}) // floods
	f.Add([]byte{5, 12, 1, 200, 9, 4, 2, 30, 12, 4, 3, 1, 0, 5, 8, 7, 13, 1, 2, 0, 0, 0})       // anything, and repeats
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 1024 {
			return
		}
		s := newScene(t, script)
		for len(s.script) > 0 {
			s.step()
		}
		s.end()
	})
}

// TestFragmentStreams is FuzzFragments for scripts drawn at random.
func TestFragmentStreams(t *testing.T) {
	seeds := uint64(40)
	if raceEnabled {
		seeds = 10
	}
	delivered, expected := 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			script := make([]byte, 200+random.IntN(2800))
			for i := range script {
				script[i] = byte(random.Uint32())
			}
			s := newScene(t, script)
			for len(s.script) > 0 {
				s.step()
			}
			s.end()
			delivered += s.delivered
			expected += s.expected
		})
	}
	if delivered < 10*int(seeds) || expected < 3*int(seeds) {
		t.Errorf("%d messages were delivered, %d had to be: the scripts do little", delivered, expected)
	}
}

const (
	sceneMessageMax = 30 * FragmentSize // 31 packets
	sceneAge        = 200e6
	pieceSize       = 8 // of tagged fragments
)

type scene struct {
	t      *testing.T
	script []byte
	r      *Reassembler
	budget int64
	now    int64
	held   int // fragments, by the ledger
	steps  int

	honest    []*honestSender
	pieces    map[uint32]*piece // fragments of tagged senders by their number
	costs     map[key]int64     // at most what a key's fragments may hold
	last      func()            // sends the last hostile fragment again
	delivered int
	expected  int // honest messages that nothing excused
}

// A key is all that is certain of which message a fragment belongs to.
type key struct {
	from     netip.AddrPort
	packets  uint32
	hasTopic bool
	topic    string
}

// A piece is a fragment that says which it is, so that it is known again in what is delivered.
type piece struct {
	key    key
	number int
	sent   int // times, less those it was delivered
}

func newScene(t *testing.T, script []byte) *scene {
	s := &scene{t: t, script: script, pieces: make(map[uint32]*piece), costs: make(map[key]int64)}
	s.budget = 64 << 10 << (s.next() % 12)
	s.r = NewReassembler(Limits{MessageMax: sceneMessageMax}, s.budget, sceneAge)
	for i, kind := range []string{"numbered", "numbered too", "stream", "shuffled", "lossy"} {
		// They share a host with hostile ones.
		s.honest = append(s.honest, &honestSender{s: s, kind: kind, from: netip.AddrPortFrom(alice.Addr(), uint16(2000+i)), packets: 3 + i%2,
			number: 400, random: rand.New(rand.NewPCG(uint64(i), uint64(s.next())))})
	}
	return s
}

func (s *scene) next() byte {
	if len(s.script) == 0 {
		return 0
	}
	c := s.script[0]
	s.script = s.script[1:]
	return c
}

func (s *scene) step() {
	switch action := s.next() % 16; action {
	case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9:
		s.honest[action%5].step()
	case 10, 11: // a tagged fragment of one of few hostile senders, in any order, with gaps
		c, packets := s.next(), uint32(s.next()%6)+1
		k := key{netip.AddrPortFrom(alice.Addr(), uint16(c&7)), packets, c&8 != 0, ""}
		if k.hasTopic {
			k.topic = string('a' + rune(c>>4&3))
		}
		s.sendTagged(k, int(s.next()%3), uint32(s.next())%packets+1)
	case 12: // anything
		packets, size := 1+uint32(s.next())%31, int(s.next())*int(s.next())
		k := key{hostileSender(int(s.next() % 4)), packets, true, "wild"}
		data := make([]byte, size)
		fill := s.next()
		for i := range data {
			data[i] = fill
		}
		s.again(k, 0, uint32(s.next())%packets+1, data)
	case 13:
		if s.last != nil {
			s.last()
		}
	case 15: // one fragment each of many senders
		packet := uint32(s.next()%31) + 1
		for i := range 2 * int(s.next()) {
			s.send(key{hostileSender(1000 + i), 31, true, "flood"}, i%3, packet, []byte{byte(i)})
		}
	case 14:
		switch c := int64(s.next()); {
		case c < 224:
			s.pass(c * 2e3)
		case c < 255:
			s.pass(c * 1e5)
		default:
			s.pass(sceneAge + 1)
		}
	}
	s.steps++
	if s.steps%16 == 0 {
		s.checkMemory()
	}
}

func (s *scene) sendTagged(k key, number int, packet uint32) {
	tag := uint32(len(s.pieces) + 1)
	s.pieces[tag] = &piece{key: k, number: number}
	data := []byte{codeBin8, byte(k.packets*pieceSize - 2), byte(packet), 0}
	if packet > 1 {
		data = []byte{0, 0, byte(packet), 0}
	}
	data = binary.BigEndian.AppendUint32(data, tag)
	s.again(k, number, packet, data)
}

// again sends a fragment, and lets the script repeat it.
func (s *scene) again(k key, number int, packet uint32, data []byte) {
	s.last = func() {
		if len(data) == pieceSize && k.topic != "wild" {
			s.pieces[binary.BigEndian.Uint32(data[4:])].sent++
		}
		s.send(k, number, packet, data)
	}
	s.last()
}

// send has a fragment travel as a datagram.
func (s *scene) send(k key, number int, packet uint32, data []byte) {
	s.t.Helper()
	var topic *string
	if k.hasTopic {
		topic = &k.topic
	}
	b := buf.Get(1 << 16)
	head := AppendFragment(b.Bytes()[:0], topic, packet, k.packets, len(data))
	if number > 0 {
		head = AppendNumberedFragment(b.Bytes()[:0], topic, packet, k.packets, len(data), number)
	}
	datagram := append(head, data...)
	d, cause := Parse(datagram, Limits{MessageMax: sceneMessageMax})
	if cause != OK && k.topic == "wild" { // more than any message has
		b.Release()
		return
	}
	if cause != OK {
		s.t.Fatalf("fragment %d of %d with %d bytes: cause %d", packet, k.packets, len(data), cause)
	}
	// What it may hold at most, reckoned apart from how the Reassembler does: room for four times as much, in a power of two.
	cost := 4096 + int64(len(k.topic)) + 8*int64(len(data)) + 512
	for _, h := range s.honest {
		h.press(k, cost)
	}
	s.costs[k] += cost
	res := s.r.Add(k.from, &d, b, s.now, Arrival{Time: s.now})
	if !b.Shared() {
		clear(datagram)
	}
	b.Release()
	s.held++
	s.take(&res)
	for res.More {
		res = s.r.Next()
		s.take(&res)
	}
	s.expire()
}

func (s *scene) pass(nanoseconds int64) {
	s.now += nanoseconds
	s.expire()
}

func (s *scene) expire() {
	for res := s.r.Expire(s.now, true); !res.Idle(); res = s.r.Expire(s.now, true) {
		s.take(&res)
	}
}

func (s *scene) take(res *Result) {
	s.t.Helper()
	s.held -= res.Repeated + res.Evicted + refused(*res) + res.Joined
	if n, held := s.r.Pending(); n != s.held {
		s.t.Fatalf("step %d: %d fragments are held, by the ledger %d", s.steps, n, s.held)
	} else if held > s.budget && s.r.oldest != s.r.newest {
		s.t.Fatalf("step %d: %d bytes in several messages, the budget is %d", s.steps, held, s.budget)
	}
	if res.Payload == nil {
		return
	}
	s.delivered++
	s.check(res)
	res.Owner.Release()
}

// check that what is delivered was sent.
func (s *scene) check(res *Result) {
	s.t.Helper()
	if cause := scanAgain(res.Payload); cause != nil {
		s.t.Fatalf("delivered %x, which is no msgpack: %v", res.Payload, cause)
	}
	for _, h := range s.honest {
		if h.kind == res.Topic {
			h.got(res)
			return
		}
	}
	if res.Topic == "wild" || res.Topic == "flood" {
		return
	}
	k := key{res.From, uint32(res.Joined), res.HasTopic, res.Topic}
	if len(res.Payload) != res.Joined*pieceSize {
		s.t.Fatalf("delivered %d bytes made up of %d fragments of %d", len(res.Payload), res.Joined, pieceSize)
	}
	number := s.pieces[binary.BigEndian.Uint32(res.Payload[4:])].number
	for i := range res.Joined {
		data := res.Payload[i*pieceSize:][:pieceSize]
		p := s.pieces[binary.BigEndian.Uint32(data[4:])]
		if p == nil || p.key != k || p.number != number || int(data[2]) != i+1 || p.sent == 0 {
			s.t.Fatalf("part %d of a message of %+v is %x: %+v", i+1, k, data, p)
		}
		p.sent--
	}
}

func (s *scene) checkMemory() {
	s.t.Helper()
	if _, held := s.r.Pending(); memory(s.r) > held {
		s.t.Fatalf("step %d: %d bytes are held, %d are counted", s.steps, memory(s.r), held)
	}
}

func (s *scene) end() {
	s.checkMemory()
	s.pass(reorderMax + 1)
	for _, h := range s.honest {
		h.over()
	}
	cleared := s.r.Clear()
	s.take(&cleared)
	if n, bytes := s.r.Pending(); n != 0 || bytes != 0 {
		s.t.Fatalf("%d fragments with %d bytes after everything was evicted", n, bytes)
	}
}

// An honestSender sends groups of messages, as the network lets them arrive. One that numbers them has up to three under way at
// once, of which fragments are lost, repeated and overtaken in any way. The others pause before a group: a "stream" of messages
// in order; a message that is "shuffled"; a "lossy" one that comes in order.
type honestSender struct {
	s       *scene
	random  *rand.Rand
	kind    string
	from    netip.AddrPort
	packets int
	number  int

	group  []*honestMessage
	before [][]byte // payloads of all groups
	order  []honestFragment
	sent   int
	begun  int64

	doubts   int   // for so many more messages, disorder may not be trusted: the next two may be cut off, too
	pressed  bool  // memory or age stood against the group at some time
	pressure int64 // what others may hold that is newer
	newer    map[key]struct{}
}

type honestMessage struct {
	number  int
	payload []byte
	parts   [][]byte
	lost    bool
	arrived int
}

type honestFragment struct {
	message *honestMessage
	packet  int
}

func (h *honestSender) numbers() bool { return h.kind[0] == 'n' }
func (h *honestSender) key() key      { return key{h.from, uint32(h.packets), true, h.kind} }

func (h *honestSender) step() {
	if h.sent == len(h.order) {
		h.over()
		h.begin()
	}
	// What is assumed of senders and networks.
	longest := int64(restartMin)
	if !h.numbers() {
		longest = reorderMax
	}
	if h.sent == 0 {
		h.begun = h.s.now
	}
	h.pressed = h.pressed || h.s.now-h.begun > longest
	h.pressure, h.newer = 0, make(map[key]struct{})
	f := h.order[h.sent]
	h.sent++
	h.s.send(h.key(), f.message.number, uint32(f.packet+1), f.message.parts[f.packet])
}

func (h *honestSender) begin() {
	for _, m := range h.group {
		h.before = append(h.before, m.payload)
	}
	h.group, h.order, h.sent, h.pressed = nil, nil, 0, false
	messages := 1
	if h.numbers() || h.kind == "stream" {
		messages += h.random.IntN(3)
	}
	if !h.numbers() {
		h.s.pass(reorderMax + 1)
	}
	lossy := h.numbers() || h.kind == "lossy"
	for range messages {
		m := &honestMessage{payload: message(60+h.random.IntN(3000), h.random.Uint64())}
		if h.numbers() {
			h.number++
			m.number = NextNumber(uint32(h.packets), uint32(h.number))
		}
		rest := m.payload
		lost := -1
		if lossy && h.random.IntN(3) == 0 {
			lost, m.lost = h.random.IntN(h.packets), true
		}
		for i := range h.packets {
			n := len(rest)
			if i < h.packets-1 {
				n = h.random.IntN(len(rest) + 1) // empty ones too
				if !h.numbers() {                // none that was there before: it would be taken for a duplicate
					n = 8 + h.random.IntN(len(rest)-8*(h.packets-i)+1)
				}
			}
			m.parts = append(m.parts, rest[:n])
			rest = rest[n:]
			if i != lost {
				h.order = append(h.order, honestFragment{m, i})
			}
			if h.numbers() && i != lost && h.random.IntN(4) == 0 {
				h.order = append(h.order, honestFragment{m, i})
			}
		}
		h.group = append(h.group, m)
	}
	if h.numbers() || h.kind == "shuffled" {
		h.random.Shuffle(len(h.order), func(i, j int) { h.order[i], h.order[j] = h.order[j], h.order[i] })
	}
}

// press reckons with a fragment of another sender: once they hold the budget, the messages at hand may be evicted.
func (h *honestSender) press(k key, cost int64) {
	if h.sent == 0 || h.pressed || k == h.key() {
		return
	}
	if _, known := h.newer[k]; !known {
		h.newer[k] = struct{}{}
		cost += h.s.costs[k]
	}
	h.pressure += cost
	h.pressed = h.pressure+h.s.costs[h.key()]+4096 > h.s.budget
}

func (h *honestSender) got(res *Result) {
	h.s.t.Helper()
	for _, m := range h.group {
		if res.From == h.from && bytes.Equal(res.Payload, m.payload) {
			if m.arrived++; m.arrived > 1 {
				h.s.t.Fatalf("%s: message %d came twice", h.kind, m.number)
			}
			return
		}
	}
	for _, payload := range h.before {
		if bytes.Equal(res.Payload, payload) {
			return // it was held until the next one, which something stands against, has told that it is right
		}
	}
	h.s.t.Fatalf("%s: delivered %d bytes that were not sent", h.kind, len(res.Payload))
}

// over checks that the messages at hand have arrived, where they had to.
func (h *honestSender) over() {
	h.s.t.Helper()
	if h.sent == 0 || h.sent < len(h.order) {
		return
	}
	if !h.numbers() {
		h.s.pass(reorderMax + 1)
	}
	if h.pressed {
		h.doubts = strictMessages + 2
		return
	}
	if h.kind == "shuffled" && h.doubts > 0 {
		h.doubts--
		return
	}
	for _, m := range h.group {
		if m.lost {
			continue
		}
		if h.s.expected++; m.arrived == 0 {
			h.s.t.Fatalf("%s: message %d of %d fragments did not arrive", h.kind, m.number, h.packets)
		}
	}
}
