package wire

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"slices"

	"libmcl/core/internal/buf"
)

// keepSize is from where on a fragment keeps the buffer it was received into instead of a copy: then at most half
// of the buffer's 64 KiB is held for nothing.
const keepSize = 32 << 10

// overhead is what an incomplete message and each of its fragments cost besides their bytes, roughly. It makes a
// flood of tiny fragments count against the budget.
const (
	overheadMessage  = 384
	overheadFragment = 64
)

// A Reassembler joins fragments. Messages are told apart by sender address and port, number of packets, and topic;
// the wire has no message number. What is certain is that a sender's fragments leave in order, one message after the
// other. Hence:
//   - A fragment that repeats with the same bytes was duplicated by the network, and is dropped.
//   - One that repeats with other bytes belongs to a new message: the old one has lost its rest.
//   - A sender that lets several ports take turns, as libmcl does, has begun other messages on the other ports before a port
//     has its turn again: what is incomplete there then is given up.
//   - One that comes after a later one was overtaken on the way, or it belongs to the next message, and the same one of
//     this message was lost. So a message that such a fragment completes is held for a moment. If what comes next
//     continues from that fragment, both are of a new message, and the old one is incomplete. If it might have been
//     overtaken all the same, since it came but a few places late, nothing tells the two cases apart, and both messages
//     are given up. Without this, one lost fragment would let two messages mix.
//
// Memory is bounded by budget: before a fragment goes over it, the messages that waited longest are evicted. It is
// not for concurrent use.
type Reassembler struct {
	messageMax int64
	budget     int64
	maxAge     int64 // nanoseconds

	partial   map[key]*partial
	oldest    *partial // list by last activity, oldest first
	newest    *partial
	fragments int
	held      int64
	echoes    map[key]echo
	begun     map[key]int // messages begun by what has this key, with any port
	waiting   []*partial  // complete messages that are held, oldest first
	free      *partial
	spare     int // partials in free
	peak      int // most entries that the map has had
}

type key struct {
	from     netip.AddrPort
	packets  uint32
	hasTopic bool
	topic    string
}

type partial struct {
	key          key
	fragments    []fragment
	seen         []uint64 // bitmap of packets
	size         int64    // bytes of payload
	cost         int64    // counted against the budget
	active       int64    // when the last fragment came
	last         Arrival
	begun        int    // the Reassembler's at that time
	highest      uint32 // packet
	run          int    // fragments at the end of the list, each the successor of the one before
	late         uint32 // by how many packets the first of the run came late
	doomed       bool   // the beginning was given up: it cannot become whole
	disordered   bool   // any fragment did
	older, newer *partial
}

func (p *partial) complete() bool { return len(p.fragments) == int(p.key.packets) }

type fragment struct {
	packet uint32
	data   []byte
	owner  *buf.Buf
}

// holdTime is how long a message completed out of order is held, in nanoseconds: longer than a sender pauses between the
// fragments of one message.
const holdTime = 20e6

// An echo is the fragment that completed a message. The network may duplicate it, and the duplicate must not pass for the
// first of the next message. A fragment with packet 1 never does, since that begins a message that may well be the same.
type echo struct {
	packet uint32
	size   int
	sum    uint64
}

// turns is after how many messages begun on other ports a port is thought to have its turn again. Fewer would confuse
// several programs on one host that publish the same.
const turns = 4

// maxBegun is how many senders' messages are counted.
const maxBegun = 1024

func (r *Reassembler) countBegun(k key) int {
	k.from = netip.AddrPortFrom(k.from.Addr(), 0)
	n, known := r.begun[k]
	if !known && len(r.begun) >= maxBegun {
		clear(r.begun)
	}
	r.begun[k] = n + 1
	return n + 1
}

// maxEchoes is how many senders' last fragments are remembered.
const maxEchoes = 64

var seed = maphash.MakeSeed()

func echoOf(packet uint32, data []byte) echo {
	return echo{packet, len(data), maphash.Bytes(seed, data[:min(len(data), 1024)])}
}

// NewReassembler returns a Reassembler that accepts payloads up to messageMax bytes, holds up to budget bytes, and
// evicts what got no fragment for maxAge nanoseconds.
func NewReassembler(messageMax, budget, maxAge int64) *Reassembler {
	return &Reassembler{messageMax: messageMax, budget: budget, maxAge: maxAge, partial: make(map[key]*partial),
		echoes: make(map[key]echo), begun: make(map[key]int)}
}

// A Result is what became of a fragment, and of others because of it.
type Result struct {
	Payload         []byte   // of a message that is whole now, else nil
	Owner           *buf.Buf // of Payload; its reference is the caller's
	Topic           string
	HasTopic        bool
	From            netip.AddrPort
	Last            Arrival // of its last fragment
	Str8            bool    // the payload holds a str8
	Joined          int     // datagrams that made up the message
	Repeated        int     // 1: it was there already
	Evicted         int     // datagrams of messages given up
	EvictedMessages int
	Malformed       [numCauses]int // datagrams of messages that are refused, by cause
}

// An Arrival is what the kernel said of a datagram. It is only passed on.
type Arrival struct {
	Time      int64
	Interface int
}

// Add takes a fragment (d.Packets > 0), received from a sender into owner, which may be retained. now is in nanoseconds of
// any origin and never goes back.
func (r *Reassembler) Add(from netip.AddrPort, d *Datagram, owner *buf.Buf, now int64, arrival Arrival) (res Result) {
	p := r.partial[key{from, d.Packets, d.HasTopic, string(d.Topic)}]
	begun := r.begun[key{netip.AddrPortFrom(from.Addr(), 0), d.Packets, d.HasTopic, string(d.Topic)}]
	if p != nil && begun-p.begun >= turns {
		if p.complete() {
			r.deliver(p, &res)
		} else {
			r.evict(p, &res)
		}
		p = nil
	}
	var moved []fragment
	var doomed bool
	switch {
	case p == nil:
		if d.Packet > 1 && r.echoes[key{from, d.Packets, d.HasTopic, string(d.Topic)}] == echoOf(d.Packet, d.Payload) {
			res.Repeated = 1
			return res
		}
	case p.doomed && d.Packet <= p.highest:
		r.evict(p, &res)
		p = nil
	case p.has(d.Packet):
		if !p.complete() && bytes.Equal(p.find(d.Packet), d.Payload) {
			res.Repeated = 1
			p.active = now
			r.touch(p)
			return res
		}
		moved, doomed = r.conclude(p, d.Packet, &res)
		p = nil
	}
	cost := fragmentCost(len(d.Payload))
	if p == nil {
		cost += messageCost(len(d.Topic), d.Packets)
	}
	for r.held+cost > r.budget && r.oldest != nil {
		if r.oldest == p {
			if p.newer == nil {
				break // the only one: it may go on, messageMax bounds it
			}
			r.touch(p)
			continue
		}
		r.evict(r.oldest, &res)
	}
	if p == nil {
		p = r.begin(key{from, d.Packets, d.HasTopic, string(d.Topic)})
		p.begun = r.countBegun(p.key)
		p.doomed = doomed
		for _, f := range moved {
			r.keep(p, f)
		}
	}
	f := fragment{packet: d.Packet, data: d.Payload, owner: owner}
	if len(d.Payload) >= keepSize {
		owner.Retain()
	} else {
		f.owner = buf.Get(len(d.Payload))
		f.data = f.owner.Bytes()[:copy(f.owner.Bytes(), d.Payload)]
	}
	r.keep(p, f)
	p.active, p.last, p.begun = now, arrival, max(begun, p.begun)
	r.touch(p)
	switch {
	case p.size > r.messageMax:
		res.Malformed[BadSize] += len(p.fragments)
		r.remove(p)
	case p.complete() && p.disordered:
		r.waiting = append(r.waiting, p)
	case p.complete():
		r.deliver(p, &res)
	}
	return res
}

// fewPlaces is by how much a network is thought to let packets overtake each other.
const fewPlaces = 2

// conclude ends p because fragment next of a new message has come. It returns the fragments of p that are of the new
// message too, whose references are the caller's; or that the new message is doomed, since some of its may have been in p.
func (r *Reassembler) conclude(p *partial, next uint32, res *Result) (moved []fragment, doomed bool) {
	last := p.fragments[len(p.fragments)-1].packet
	switch {
	case p.late > 0 && next > last && p.complete() && p.late <= fewPlaces:
		r.evict(p, res)
		return nil, true
	case p.late > 0 && next > last:
		moved = slices.Clone(p.fragments[len(p.fragments)-p.run:])
		for _, f := range moved {
			f.owner.Retain()
		}
		res.Evicted -= len(moved)
		r.evict(p, res)
		return moved, false
	case p.complete():
		r.deliver(p, res)
	default:
		r.evict(p, res)
	}
	return nil, false
}

// Expire evicts what has become too old at time now, and delivers what was held long enough: one message at most, hence it
// is called until the result is Idle.
func (r *Reassembler) Expire(now int64) (res Result) {
	for r.oldest != nil && now-r.oldest.active > r.maxAge && res.Payload == nil {
		if p := r.oldest; p.complete() {
			r.deliver(p, &res)
		} else {
			r.evict(p, &res)
		}
	}
	if len(r.waiting) > 0 && res.Payload == nil && now-r.waiting[0].active > holdTime {
		r.deliver(r.waiting[0], &res)
	}
	return res
}

// Idle tells that nothing came of it.
func (res *Result) Idle() bool {
	return res.Payload == nil && res.Evicted == 0 && res.Malformed == [numCauses]int{}
}

// Wait is how long to wait for the next Expire, at most, in nanoseconds: 0 when there is nothing to wait for.
func (r *Reassembler) Wait() int64 {
	switch {
	case r.oldest == nil:
		return 0
	case len(r.waiting) > 0:
		return min(holdTime, r.maxAge)
	}
	return r.maxAge
}

// Clear evicts everything.
func (r *Reassembler) Clear() (res Result) {
	for r.oldest != nil {
		r.evict(r.oldest, &res)
	}
	return res
}

// Pending is the number of fragments held, and the memory they take.
func (r *Reassembler) Pending() (fragments int, bytes int64) { return r.fragments, r.held }

func (r *Reassembler) begin(k key) *partial {
	p := r.free
	if p == nil {
		p = new(partial)
	} else {
		r.free = p.newer
		r.spare--
	}
	p.key = k
	words := int(k.packets+63) / 64
	p.seen = slices.Grow(p.seen[:0], words)[:words]
	clear(p.seen)
	p.fragments = p.fragments[:0]
	p.size, p.cost = 0, messageCost(len(k.topic), k.packets)
	r.held += p.cost
	p.highest, p.run, p.late, p.disordered, p.doomed = 0, 0, 0, false, false
	p.older, p.newer = nil, nil
	r.partial[k] = p
	r.peak = max(r.peak, len(r.partial))
	r.link(p)
	return p
}

func (r *Reassembler) deliver(p *partial, res *Result) {
	if last := &p.fragments[len(p.fragments)-1]; last.packet > 1 {
		if len(r.echoes) >= maxEchoes {
			clear(r.echoes)
		}
		r.echoes[p.key] = echoOf(last.packet, last.data)
	}
	joined := p.join()
	_, cause := ScanOne(joined.Bytes()[:p.size])
	if cause != OK {
		joined.Release()
		if cause != BadDepth {
			cause = BadReassembled
		}
		res.Malformed[cause] += len(p.fragments)
	} else {
		res.Payload, res.Owner = joined.Bytes()[:p.size:p.size], joined
		res.Joined = len(p.fragments)
		res.Topic, res.HasTopic, res.From, res.Last = p.key.topic, p.key.hasTopic, p.key.from, p.last
	}
	r.remove(p)
}

func (r *Reassembler) evict(p *partial, res *Result) {
	res.Evicted += len(p.fragments)
	res.EvictedMessages++
	r.remove(p)
}

func (r *Reassembler) remove(p *partial) {
	r.held -= p.cost
	r.fragments -= len(p.fragments)
	if i := slices.Index(r.waiting, p); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
	for i := range p.fragments {
		p.fragments[i].owner.Release()
		p.fragments[i] = fragment{}
	}
	delete(r.partial, p.key)
	r.unlink(p)
	// Keep what usual traffic needs, not what a flood left behind.
	if r.spare < 64 && cap(p.fragments) <= 1024 {
		p.older, p.newer, r.free = nil, r.free, p
		r.spare++
	}
	if len(r.partial) == 0 && r.peak > 1024 {
		r.partial, r.peak = make(map[key]*partial), 0
	}
}

func (p *partial) has(packet uint32) bool {
	return p.seen[(packet-1)/64]&(1<<((packet-1)%64)) != 0
}

func (p *partial) find(packet uint32) []byte {
	for i := range p.fragments {
		if p.fragments[i].packet == packet {
			return p.fragments[i].data
		}
	}
	return nil
}

// keep puts a fragment into p, which takes over its reference.
func (r *Reassembler) keep(p *partial, f fragment) {
	p.seen[(f.packet-1)/64] |= 1 << ((f.packet - 1) % 64)
	if n := len(p.fragments); n > 0 && p.fragments[n-1].packet == f.packet-1 {
		p.run++
	} else {
		p.run, p.late = 1, max(p.highest, f.packet)-f.packet
	}
	p.disordered = p.disordered || f.packet < p.highest
	p.highest = max(p.highest, f.packet)
	p.fragments = append(p.fragments, f)
	p.size += int64(len(f.data))
	cost := fragmentCost(len(f.data))
	p.cost += cost
	r.held += cost
	r.fragments++
}

func messageCost(topic int, packets uint32) int64 {
	return overheadMessage + int64(topic) + int64(packets/8)
}

func fragmentCost(size int) int64 { return int64(buf.Size(size) + overheadFragment) }

// join copies the fragments, in packet order, into one buffer: the only copy between the socket and the queue.
func (p *partial) join() *buf.Buf {
	slices.SortFunc(p.fragments, func(a, b fragment) int { return int(a.packet) - int(b.packet) })
	b := buf.Get(int(p.size))
	pos := 0
	for i := range p.fragments {
		pos += copy(b.Bytes()[pos:], p.fragments[i].data)
	}
	return b
}

func (r *Reassembler) link(p *partial) {
	p.older, p.newer = r.newest, nil
	if r.newest != nil {
		r.newest.newer = p
	} else {
		r.oldest = p
	}
	r.newest = p
}

func (r *Reassembler) unlink(p *partial) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		r.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		r.newest = p.older
	}
}

// touch makes p the newest.
func (r *Reassembler) touch(p *partial) {
	if r.newest != p {
		r.unlink(p)
		r.link(p)
	}
}
