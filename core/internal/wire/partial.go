package wire

import (
	"slices"

	"libmcl/core/internal/buf"
)

// keepSize is beyond which a fragment keeps the buffer it was received into instead of a copy: then less than half of the
// buffer's 64 KiB is held for nothing, and it is as large as a buffer of its own would be.
const keepSize = 32 << 10

// overhead is what an incomplete message, with its source, and each of its fragments cost besides their bytes, roughly. It
// makes a flood of tiny fragments count against the budget.
const (
	overheadMessage  = 2048
	overheadFragment = 64
)

// A partial is a message of which some fragments have come. It is among the open ones of its source, or held there; and in the
// Reassembler's list by activity.
type partial struct {
	source       *source
	number       int
	packets      uint32
	hasTopic     bool
	topic        string
	fragments    []fragment
	seen         []uint64 // bitmap of packets
	size         int64    // bytes of payload
	whole        *buf.Buf // where it is being joined; nil: not yet
	unit         int      // then: bytes of each fragment but the last
	cost         int64    // counted against the budget
	active       moment   // when the last fragment came
	last         Arrival
	first, final uint32 // packets of the run: what came last, each the successor of the one before
	begun        int    // of a numbered one: how many messages its sender had begun by then
	quiet        bool   // of one without number: nothing had come for a while when it began
	trusted      bool   // likewise: what came before lets no fragments of another message be in it
	doubtful     bool   // of a numbered one: it may be of two processes
	older, newer *partial
}

func (p *partial) complete() bool { return len(p.fragments) == int(p.packets) }

// inOrder reports whether all fragments so far came in order, from the first.
func (p *partial) inOrder() bool { return p.first == 1 && int(p.final) == len(p.fragments) }

// A fragment's data lies in owner, of which it holds a reference.
type fragment struct {
	packet uint32
	data   []byte
	owner  *buf.Buf
}

// copy has the data lie in a buffer of its own.
func (f *fragment) copy() {
	f.owner = buf.Get(len(f.data))
	f.data = f.owner.Bytes()[:copy(f.owner.Bytes(), f.data)]
}

// begin makes a message of the kind that a is of, and room for it.
func (r *Reassembler) begin(s *source, a *arrival, res *Result) *partial {
	cost := messageCost(len(a.Topic), a.Packets)
	r.makeRoom(cost, nil, res)
	p := r.free
	if p == nil {
		p = new(partial)
	} else {
		r.free = p.newer
		r.spare--
	}
	words := int(a.Packets+63) / 64
	seen := slices.Grow(p.seen[:0], words)[:words]
	clear(seen)
	*p = partial{source: s, number: a.Number, packets: a.Packets, hasTopic: a.HasTopic, topic: string(a.Topic),
		fragments: p.fragments[:0], seen: seen, cost: cost, active: a.moment}
	r.held += cost
	s.open = append(s.open, p)
	r.link(p)
	return p
}

// makeRoom evicts what was silent for longest until so much more can be held, all but p.
func (r *Reassembler) makeRoom(cost int64, p *partial, res *Result) {
	for r.held+cost > r.budget && r.oldest != nil {
		switch {
		case r.oldest != p:
			r.evict(r.oldest, res)
		case p.newer == nil:
			return // the only one: it may go on, MessageMax bounds it
		default:
			r.touch(p)
		}
	}
}

// take puts a fragment into p, and reports whether p may go on: not when it is larger than a message may be.
func (r *Reassembler) take(p *partial, a *arrival, res *Result) bool {
	r.makeRoom(fragmentCost(len(a.Payload)), p, res)
	f := fragment{packet: a.Packet, data: a.Payload, owner: a.owner}
	if place := r.place(p, a, res); place != nil {
		p.whole.Retain()
		f.data, f.owner = place[:copy(place, a.Payload)], p.whole
	} else if len(a.Payload) > keepSize && a.owner != nil {
		a.owner.Retain()
	} else {
		f.copy()
	}
	r.keep(p, f)
	p.last = a.kernel
	r.refresh(p, a)
	if p.size > r.limits.MessageMax {
		res.Malformed[BadSize] += len(p.fragments)
		r.remove(p)
		return false
	}
	return true
}

// place returns where a fragment belongs in the whole message; nil when that is not known. All are as long as the first, but for
// the last. Room for the whole message is made only once a quarter of it has come, since a header may promise anything.
func (r *Reassembler) place(p *partial, a *arrival, res *Result) []byte {
	size := len(a.Payload)
	if p.whole == nil && a.Packet < p.packets {
		total := int64(size) * int64(p.packets)
		if total > 4*(p.size+int64(size)) || total > r.limits.MessageMax {
			return nil
		}
		cost := int64(buf.Size(int(total)))
		r.makeRoom(cost+overheadFragment, p, res)
		p.whole, p.unit = buf.Get(int(total)), size
		p.cost += cost
		r.held += cost
	}
	if p.whole == nil || size > p.unit || size < p.unit && a.Packet < p.packets {
		return nil
	}
	at := int(a.Packet-1) * p.unit
	return p.whole.Bytes()[at : at+size]
}

// adopt puts the run of another message into p, which takes over its references.
func (r *Reassembler) adopt(p *partial, run []fragment, res *Result) {
	for _, f := range run {
		r.makeRoom(fragmentCost(len(f.data)), p, res)
		r.keep(p, f)
	}
}

// keep puts a fragment into p, which takes over its reference.
func (r *Reassembler) keep(p *partial, f fragment) {
	p.seen[(f.packet-1)/64] |= 1 << ((f.packet - 1) % 64)
	p.follow(f.packet)
	p.fragments = append(p.fragments, f)
	p.size += int64(len(f.data))
	cost := int64(overheadFragment)
	if f.owner != p.whole {
		cost = fragmentCost(len(f.data))
	}
	p.cost += cost
	r.held += cost
	r.fragments++
}

// follow goes on with the run, or begins another one.
func (p *partial) follow(packet uint32) {
	if packet != p.final+1 || p.final == 0 {
		p.first = packet
	}
	p.final = packet
}

// refresh notes that something of p has come.
func (r *Reassembler) refresh(p *partial, a *arrival) {
	p.active = a.moment
	r.touch(p)
}

// hold keeps p, which is whole, until what comes next tells whether it is of one message.
func (r *Reassembler) hold(s *source, p *partial) {
	r.detach(p)
	s.held = p
	r.doubtful = append(r.doubtful, p)
}

// detach takes p from its source.
func (r *Reassembler) detach(p *partial) {
	s := p.source
	if s.held == p {
		s.held = nil
		i := slices.Index(r.doubtful, p)
		r.doubtful = slices.Delete(r.doubtful, i, i+1)
	} else if i := slices.Index(s.open, p); i >= 0 {
		s.open = slices.Delete(s.open, i, i+1)
	}
}

// remove forgets p and all its fragments.
func (r *Reassembler) remove(p *partial) {
	r.detach(p)
	r.unlink(p)
	r.forget(p)
}

// forget releases what p holds.
func (r *Reassembler) forget(p *partial) {
	r.held -= p.cost
	r.fragments -= len(p.fragments)
	for i := range p.fragments {
		p.fragments[i].owner.Release()
		p.fragments[i] = fragment{}
	}
	if p.whole != nil {
		p.whole.Release()
	}
	r.rest(p.source)
	// Keep what usual traffic needs, not what a flood left behind.
	if r.spare < 64 && cap(p.fragments) <= 1024 {
		*p = partial{fragments: p.fragments, seen: p.seen, newer: r.free}
		r.free = p
		r.spare++
	}
}

func (p *partial) has(packet uint32) bool {
	return p.seen[(packet-1)/64]&(1<<((packet-1)%64)) != 0
}

func (p *partial) data(packet uint32) []byte {
	for i := range p.fragments {
		if p.fragments[i].packet == packet {
			return p.fragments[i].data
		}
	}
	return nil
}

// takeRun returns the fragments of the run, in packet order, with a reference each.
func (p *partial) takeRun() (run []fragment) {
	for _, f := range p.fragments {
		if f.packet >= p.first && f.packet <= p.final {
			if f.owner == p.whole { // of which it would keep all
				f.copy()
			} else {
				f.owner.Retain()
			}
			run = append(run, f)
		}
	}
	slices.SortFunc(run, byPacket)
	return run
}

func byPacket(a, b fragment) int { return int(a.packet) - int(b.packet) }

func messageCost(topic int, packets uint32) int64 {
	return overheadMessage + int64(topic) + int64(packets/8)
}

func fragmentCost(size int) int64 { return int64(buf.Size(size) + overheadFragment) }

// join returns a buffer that begins with the fragments in packet order, and a reference to it. Those that are in their places
// already are not copied.
func (p *partial) join() *buf.Buf {
	slices.SortFunc(p.fragments, byPacket)
	b := p.whole
	if b != nil && p.isPlaced() && len(b.Bytes()) == buf.Size(int(p.size)) { // a larger one would hold memory for nothing
		b.Retain()
	} else {
		b = buf.Get(int(p.size))
	}
	pos := 0
	for _, f := range p.fragments {
		if f.owner != b {
			copy(b.Bytes()[pos:], f.data)
		}
		pos += len(f.data)
	}
	return b
}

// isPlaced reports whether the fragments of the whole message are where they belong in it.
func (p *partial) isPlaced() bool {
	pos := 0
	for _, f := range p.fragments {
		if f.owner == p.whole && pos != int(f.packet-1)*p.unit {
			return false
		}
		pos += len(f.data)
	}
	return pos <= len(p.whole.Bytes())
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
