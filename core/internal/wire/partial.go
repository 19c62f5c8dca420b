package wire

import (
	"slices"

	"libmcl/core/internal/buf"
)

// keepSize is beyond which a fragment keeps the buffer it was received into instead of a copy: then less than half of the
// buffer's 64 KiB is held for nothing, and it is as large as a buffer of its own would be.
const keepSize = 32 << 10

// overhead is what an incomplete message and each of its fragments cost besides their bytes, roughly. It makes a
// flood of tiny fragments count against the budget.
const (
	overheadMessage  = 384
	overheadFragment = 64
)

// A partial is a message of which some fragments have come. It is in the Reassembler's map and in its list by activity.
type partial struct {
	key          key
	trace        trace
	fragments    []fragment
	seen         []uint64 // bitmap of packets
	size         int64    // bytes of payload
	cost         int64    // counted against the budget
	active       int64    // when the last fragment came
	last         Arrival
	begun        int    // what the Reassembler had counted of its sender then
	highest      uint32 // packet that has come
	first, final uint32 // packets of the run: what came last, each the successor of the one before
	late         uint32 // by how many packets the run began late
	doomed       bool   // the beginning was given up: it cannot become whole
	disordered   bool   // some fragment came after a later packet
	older, newer *partial
}

func (p *partial) complete() bool { return len(p.fragments) == int(p.key.packets) }

// A fragment's data lies in owner, of which it holds a reference.
type fragment struct {
	packet uint32
	data   []byte
	owner  *buf.Buf
}

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
	p.highest, p.first, p.final, p.late, p.disordered, p.doomed = 0, 0, 0, 0, false, false
	p.older, p.newer = nil, nil
	r.partial[k] = p
	r.peak = max(r.peak, len(r.partial))
	r.link(p)
	return p
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
	p.key = key{}
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
	p.follow(f.packet, max(p.highest, f.packet)-f.packet)
	p.disordered = p.disordered || f.packet < p.highest
	p.highest = max(p.highest, f.packet)
	p.fragments = append(p.fragments, f)
	p.size += int64(len(f.data))
	cost := fragmentCost(len(f.data))
	p.cost += cost
	r.held += cost
	r.fragments++
}

// follow goes on with the run, or begins another one, which is late by so many packets.
func (p *partial) follow(packet, late uint32) {
	if p.final == 0 || packet != p.final+1 {
		p.first, p.late = packet, late
	}
	p.final = packet
}

// followRepeat is follow for a fragment that is there already. One with packet 1 may begin a new message that begins as this
// one did; any other one that does not go on with a run is a duplicate of the network's.
func (p *partial) followRepeat(packet uint32) {
	late := uint32(0)
	if packet == 1 {
		late = p.highest - packet
	}
	p.follow(packet, late)
}

// takeRun returns the fragments of the run, in packet order, with a reference each.
func (p *partial) takeRun() (run []fragment) {
	for _, f := range p.fragments {
		if f.packet >= p.first && f.packet <= p.final {
			f.owner.Retain()
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

// join copies the fragments, in packet order, into one buffer: the only copy between the socket and the queue.
func (p *partial) join() *buf.Buf {
	slices.SortFunc(p.fragments, byPacket)
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
