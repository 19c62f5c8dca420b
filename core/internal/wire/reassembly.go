package wire

import (
	"bytes"
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
// the wire has no message number. A fragment that repeats with other bytes therefore begins a new message: the old
// one has lost its rest. One that repeats with the same bytes was duplicated by the network, and is dropped.
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
	older, newer *partial
}

type fragment struct {
	packet uint32
	data   []byte
	owner  *buf.Buf
}

// NewReassembler returns a Reassembler that accepts payloads up to messageMax bytes, holds up to budget bytes, and
// evicts what got no fragment for maxAge nanoseconds.
func NewReassembler(messageMax, budget, maxAge int64) *Reassembler {
	return &Reassembler{messageMax: messageMax, budget: budget, maxAge: maxAge, partial: make(map[key]*partial)}
}

// A Result is what became of a fragment, and of others because of it.
type Result struct {
	Payload         []byte   // of a message that is whole now, else nil
	Owner           *buf.Buf // of Payload; its reference is the caller's
	Str8            bool     // the payload holds a str8
	Joined          int      // datagrams that made up the message
	Repeated        int      // 1: it was there already
	Evicted         int      // datagrams of messages given up
	EvictedMessages int
	Cause           Cause // other than OK: the message is malformed, in Malformed datagrams
	Malformed       int
}

// Add takes a fragment (d.Packets > 0), received from a sender at time now (nanoseconds, any origin, never going
// back) into owner, which may be retained.
func (r *Reassembler) Add(from netip.AddrPort, d *Datagram, owner *buf.Buf, now int64) (res Result) {
	res.Cause = OK
	p := r.partial[key{from, d.Packets, d.HasTopic, string(d.Topic)}]
	if p != nil && p.has(d.Packet) {
		if bytes.Equal(p.find(d.Packet), d.Payload) {
			res.Repeated = 1
			p.active = now
			r.touch(p)
			return res
		}
		r.evict(p, &res)
		p = nil
	}
	cost := int64(buf.Size(len(d.Payload)) + overheadFragment)
	if p == nil {
		cost += overheadMessage + int64(len(d.Topic)) + int64(d.Packets/8)
	}
	for r.held+cost > r.budget && r.oldest != nil {
		if r.oldest == p {
			if p.older == nil && p.newer == nil {
				break // the only one: it may go on, messageMax bounds it
			}
			r.touch(p)
			continue
		}
		r.evict(r.oldest, &res)
	}
	if p == nil {
		p = r.begin(key{from, d.Packets, d.HasTopic, string(d.Topic)})
	}
	p.add(d, owner)
	p.active = now
	p.cost += cost
	r.held += cost
	r.fragments++
	r.touch(p)
	switch {
	case p.size > r.messageMax:
		res.Cause, res.Malformed = BadSize, len(p.fragments)
		r.remove(p)
	case len(p.fragments) == int(p.key.packets):
		r.complete(p, &res)
	}
	return res
}

// Expire evicts what has become too old at time now.
func (r *Reassembler) Expire(now int64) (res Result) {
	res.Cause = OK
	for r.oldest != nil && now-r.oldest.active > r.maxAge {
		r.evict(r.oldest, &res)
	}
	return res
}

// Clear evicts everything.
func (r *Reassembler) Clear() (res Result) {
	res.Cause = OK
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
	p.size, p.cost = 0, 0
	p.older, p.newer = nil, nil
	r.partial[k] = p
	r.peak = max(r.peak, len(r.partial))
	r.link(p)
	return p
}

func (r *Reassembler) complete(p *partial, res *Result) {
	joined := p.join()
	str8, cause := ScanOne(joined.Bytes()[:p.size])
	if cause != OK {
		joined.Release()
		res.Malformed, res.Cause = len(p.fragments), BadReassembled
		if cause == BadDepth {
			res.Cause = BadDepth
		}
	} else {
		res.Payload, res.Owner, res.Str8 = joined.Bytes()[:p.size:p.size], joined, str8
		res.Joined = len(p.fragments)
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

func (p *partial) add(d *Datagram, owner *buf.Buf) {
	p.seen[(d.Packet-1)/64] |= 1 << ((d.Packet - 1) % 64)
	f := fragment{packet: d.Packet, data: d.Payload, owner: owner}
	if len(d.Payload) >= keepSize {
		owner.Retain()
	} else {
		f.owner = buf.Get(len(d.Payload))
		f.data = f.owner.Bytes()[:copy(f.owner.Bytes(), d.Payload)]
	}
	p.fragments = append(p.fragments, f)
	p.size += int64(len(d.Payload))
}

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
