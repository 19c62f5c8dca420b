package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"libmcl/core/internal/buf"
)

// FuzzFragments has a script of bytes send fragments as honest and hostile senders do, and checks what comes of them against
// what was sent:
//   - What an honest sender sent is delivered, once. Only what others hold may stand against it, or age; and what the network
//     loses costs the message that it is of, and the next at most.
//   - What is delivered was sent: by one sender, under one topic, each of its fragments once, each in its place.
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
			script := make([]byte, 200+random.IntN(800))
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
	if delivered < 10*int(seeds) || expected < 5*int(seeds) {
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

// A piece is a fragment that says which it is, so that it is known again in what is delivered.
type piece struct {
	key  key
	sent int // times, less those it was delivered
}

func newScene(t *testing.T, script []byte) *scene {
	s := &scene{t: t, script: script, pieces: make(map[uint32]*piece), costs: make(map[key]int64)}
	s.budget = 8 << 10 << (s.next() % 12)
	s.r = NewReassembler(sceneMessageMax, s.budget, sceneAge)
	for i, kind := range []string{"in order", "shuffled", "repeated", "lossy", "alike"} {
		// They share a host with hostile ones.
		s.honest = append(s.honest, &honestSender{s: s, kind: kind, topic: kind, from: netip.AddrPortFrom(alice.Addr(), uint16(2000+i))})
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
		s.sendTagged(k, uint32(s.next())%packets+1)
	case 12: // anything
		packets, size := 1+uint32(s.next())%31, int(s.next())*int(s.next())
		k := key{hostileSender(int(s.next() % 4)), packets, true, "wild"}
		data := make([]byte, size)
		fill := s.next()
		for i := range data {
			data[i] = fill
		}
		s.again(k, uint32(s.next())%packets+1, data)
	case 13:
		if s.last != nil {
			s.last()
		}
	case 15: // one fragment each of many senders
		packet := uint32(s.next()%31) + 1
		for i := range 2 * int(s.next()) {
			s.send(key{hostileSender(1000 + i), 31, true, "flood"}, packet, []byte{byte(i)})
		}
	case 14:
		if c := s.next(); c < 255 {
			s.pass(int64(c) * 1e5)
		} else {
			s.pass(sceneAge + 1)
		}
	}
	s.steps++
	if s.steps%16 == 0 {
		s.checkMemory()
	}
}

func (s *scene) sendTagged(k key, packet uint32) {
	number := uint32(len(s.pieces) + 1)
	s.pieces[number] = &piece{key: k}
	data := []byte{codeBin8, byte(k.packets*pieceSize - 2), byte(packet), 0}
	if packet > 1 {
		data = []byte{0, 0, byte(packet), 0}
	}
	data = binary.BigEndian.AppendUint32(data, number)
	s.again(k, packet, data)
}

// again sends a fragment, and lets the script repeat it.
func (s *scene) again(k key, packet uint32, data []byte) {
	s.last = func() {
		if len(data) == pieceSize && k.topic != "wild" {
			s.pieces[binary.BigEndian.Uint32(data[4:])].sent++
		}
		s.send(k, packet, data)
	}
	s.last()
}

// send has a fragment travel as a datagram.
func (s *scene) send(k key, packet uint32, data []byte) {
	s.t.Helper()
	var topic *string
	if k.hasTopic {
		topic = &k.topic
	}
	b := buf.Get(1 << 16)
	datagram := append(AppendFragment(b.Bytes()[:0], topic, packet, k.packets, len(data)), data...)
	d, cause := Parse(datagram, sceneMessageMax)
	if cause != OK {
		s.t.Fatalf("fragment %d of %d with %d bytes: cause %d", packet, k.packets, len(data), cause)
	}
	// What it may hold at most, reckoned apart from how the Reassembler does.
	cost := 1024 + int64(len(k.topic)) + 2*int64(len(data)) + 512
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
	s.expire()
}

func (s *scene) pass(nanoseconds int64) {
	s.now += nanoseconds
	s.expire()
}

func (s *scene) expire() {
	for res := s.r.Expire(s.now); !res.Idle(); res = s.r.Expire(s.now) {
		s.take(&res)
	}
}

func (s *scene) take(res *Result) {
	s.t.Helper()
	s.held -= res.Repeated + res.Evicted + refused(*res) + res.Joined
	if n, held := s.r.Pending(); n != s.held {
		s.t.Fatalf("step %d: %d fragments are held, by the ledger %d", s.steps, n, s.held)
	} else if held > s.budget && len(s.r.partial) > 1 {
		s.t.Fatalf("step %d: %d bytes in %d messages, the budget is %d", s.steps, held, len(s.r.partial), s.budget)
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
		if h.topic == res.Topic {
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
	for i := range res.Joined {
		data := res.Payload[i*pieceSize:][:pieceSize]
		p := s.pieces[binary.BigEndian.Uint32(data[4:])]
		if p == nil || p.key != k || int(data[2]) != i+1 || p.sent == 0 {
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
	s.pass(holdTime + 1)
	for _, h := range s.honest {
		h.over()
	}
	cleared := s.r.Clear()
	s.take(&cleared)
	if n, bytes := s.r.Pending(); n != 0 || bytes != 0 {
		s.t.Fatalf("%d fragments with %d bytes after everything was evicted", n, bytes)
	}
}

// An honestSender sends its messages one after the other, as the network lets them arrive.
type honestSender struct {
	s     *scene
	kind  string
	topic string
	from  netip.AddrPort

	number   int
	payload  []byte
	parts    [][]byte
	order    []int
	sent     int
	active   int64
	arrived  bool
	excused  bool     // something stood against it
	suspect  bool     // the message before was excused: its rest may be in the way
	lost     int      // the part that is lost on the way; -1: none
	before   []string // what was sent
	pressed  bool     // what others hold, or age, stood against it at some time
	pressure int64    // what others may hold that is newer
	newer    map[key]struct{}
}

func (h *honestSender) key() key { return key{h.from, uint32(len(h.parts)), true, h.topic} }

func (h *honestSender) step() {
	if h.sent == len(h.order) {
		if h.number > 0 && h.s.now-h.active <= map[string]int64{"shuffled": holdTime, "alike": pauseTime}[h.kind] {
			return // else what follows could not be told from what was overtaken, or repeated
		}
		h.over()
		h.begin()
	}
	// What is assumed of senders and networks: a lossy one's message cannot be told from the next if it pauses amid it.
	most := map[string]int64{"shuffled": pauseTime, "lossy": holdTime}[h.kind]
	if pause := h.s.now - h.active; pause > sceneAge || most > 0 && pause > most && h.sent > 0 {
		h.excused, h.pressed = h.excused || h.sent > 0, true
	}
	h.active, h.pressure = h.s.now, 0
	h.newer = make(map[key]struct{})
	packet := h.order[h.sent]
	h.sent++
	if packet != h.lost {
		h.s.send(h.key(), uint32(packet+1), h.parts[packet])
	}
	if h.kind == "repeated" && h.sent < len(h.order) {
		h.s.send(h.key(), uint32(packet+1), h.parts[packet])
	}
	if h.sent == len(h.order) && h.kind != "shuffled" {
		h.over()
	}
}

func (h *honestSender) begin() {
	h.number++
	random := rand.New(rand.NewPCG(uint64(h.number), uint64(h.s.next())))
	size := 60 + random.IntN(3000)
	if h.kind == "alike" {
		size = 60
	}
	h.payload = message(size, random.Uint64())
	count := 2 + random.IntN(5)
	h.parts, h.order, h.sent = nil, nil, 0
	rest := h.payload
	for i := range count {
		n := len(rest)
		if i < count-1 {
			n = random.IntN(len(rest) + 1) // empty ones too
		}
		h.parts = append(h.parts, rest[:n])
		rest = rest[n:]
		h.order = append(h.order, i)
	}
	if h.kind == "shuffled" {
		random.Shuffle(count, func(i, j int) { h.order[i], h.order[j] = h.order[j], h.order[i] })
	}
	h.arrived, h.excused, h.active, h.lost = false, h.suspect, h.s.now, -1
	if h.kind == "lossy" || h.kind == "alike" {
		// Always of as many parts, so that they could mix.
		h.parts, h.order = [][]byte{h.payload[:20], h.payload[20:30], h.payload[30:40], h.payload[40:]}, []int{0, 1, 2, 3}
		if h.kind == "alike" && h.number > 1 {
			copy(h.payload[:10*random.IntN(len(h.payload)/10)], h.before[0])
		}
		if loses := random.IntN(12); loses < len(h.parts) {
			h.lost, h.excused = loses, true
		}
	}
	h.before = append(h.before, string(h.payload))
}

// press reckons with a fragment of another sender: once they hold the budget, the message at hand may be evicted.
func (h *honestSender) press(k key, cost int64) {
	if h.sent == 0 || h.arrived || h.excused || k == h.key() {
		return
	}
	if _, known := h.newer[k]; !known {
		h.newer[k] = struct{}{}
		cost += h.s.costs[k]
	}
	h.pressure += cost
	h.excused = h.pressure+h.s.costs[h.key()]+4096 > h.s.budget
	h.pressed = h.pressed || h.excused
}

func (h *honestSender) got(res *Result) {
	h.s.t.Helper()
	if !h.arrived && string(res.Payload) == string(h.payload) && res.From == h.from {
		h.arrived = true
		return
	}
	if h.kind == "alike" && !h.pressed {
		h.s.t.Fatalf("alike: message %d: delivered %d bytes that were not sent, or twice", h.number, len(res.Payload))
	}
	if h.kind == "lossy" && res.From == h.from && slices.Contains(h.before, string(res.Payload)) {
		return // it was held for a moment, since its first part came late, so it seemed
	}
	if h.pressed || h.kind != "lossy" && (h.excused || h.suspect) {
		return // what was lost before may have mixed: see TestMessagesOfOneSenderDoNotMix for what is promised then
	}
	h.s.t.Fatalf("%s: message %d: delivered %d bytes that were not sent, or twice", h.kind, h.number, len(res.Payload))
}

// over checks that the message at hand has arrived, once it had to.
func (h *honestSender) over() {
	h.s.t.Helper()
	if h.sent == 0 || h.sent < len(h.order) {
		return
	}
	if h.s.now-h.active > sceneAge {
		h.suspect = h.suspect || !h.arrived
	}
	if !h.arrived && !h.excused {
		h.s.t.Fatalf("%s: message %d of %d fragments did not arrive", h.kind, h.number, len(h.parts))
	}
	if !h.excused {
		h.s.expected++
	}
	if h.kind == "alike" && !h.pressed {
		return // the pause tells that the next one is not affected
	}
	h.suspect = h.excused && !h.suspect || h.excused && !h.arrived
	h.sent = len(h.order)
}
