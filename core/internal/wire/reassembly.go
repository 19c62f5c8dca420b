package wire

import (
	"bytes"
	"net/netip"

	"libmcl/core/internal/buf"
)

// A Reassembler joins fragments. Messages are told apart by sender address and port, number of packets, and topic;
// the wire has no message number. What is certain is that a sender's fragments leave in order, one message after the
// other. Hence:
//   - A fragment that repeats with the same bytes was duplicated by the network, and is dropped. Or the next message begins as
//     this one did, which is incomplete: that shows when a fragment with other bytes comes. Then what was taken for duplicates
//     belongs to the next message.
//   - One that repeats with other bytes belongs to a new message: the old one has lost its rest.
//   - A sender that lets several ports take turns, as libmcl does, has begun other messages on the other ports before a port
//     has its turn again: what is incomplete there then is given up.
//   - One that comes after a later one was overtaken on the way, or it belongs to the next message, and the same one of
//     this message was lost. So a message that such a fragment completes is held for a moment. If what comes next
//     continues from that fragment, both are of a new message, and the old one is incomplete. If it might have been
//     overtaken all the same, since it came but a few places late, nothing tells the two cases apart, and both messages
//     are given up. Without this, one lost fragment would let two messages mix.
//
// Time tells as well: no network lets a fragment be overtaken, or duplicates one, by pauseTime. What seems to be late by more
// belongs to a new message.
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
	echoes    map[trace]echo
	begun     map[trace]int // messages begun by what has this trace, on any port of its block
	waiting   []*partial    // complete messages that are held, oldest first
	free      *partial
	spare     int // partials in free
	peak      int // most entries that the map has had
}

// holdTime is how long a message completed out of order is held, in nanoseconds: longer than a sender pauses between the
// fragments of one message.
const holdTime = 20e6

// pauseTime is how long after the last fragment of a message none comes any more that was sent before it, in nanoseconds.
const pauseTime = 50e6

// NewReassembler returns a Reassembler that accepts payloads up to messageMax bytes, holds up to budget bytes, and
// evicts what got no fragment for maxAge nanoseconds.
func NewReassembler(messageMax, budget, maxAge int64) *Reassembler {
	return &Reassembler{messageMax: messageMax, budget: budget, maxAge: maxAge, partial: make(map[key]*partial),
		echoes: make(map[trace]echo), begun: make(map[trace]int)}
}

// A Result is what became of a fragment, and of others because of it.
type Result struct {
	Payload         []byte   // of a message that is whole now, else nil
	Owner           *buf.Buf // of Payload; its reference is the caller's
	Topic           string
	HasTopic        bool
	From            netip.AddrPort
	Last            Arrival // of its last fragment
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
	sender := traceOf(from, d)
	begun := r.begun[sender.anyTurn()]
	if p != nil && begun-p.begun >= turnOver {
		r.end(p, &res)
		p = nil
	}
	var moved []fragment
	var doomed bool
	switch {
	case p == nil:
		if d.Packet > 1 && r.echoes[sender] == echoOf(d.Packet, d.Payload) {
			res.Repeated = 1
			return res
		}
	case d.Packet <= p.highest && (p.doomed || p.stale(d, now, arrival)):
		r.evict(p, &res)
		p = nil
	case p.has(d.Packet):
		if !p.complete() && bytes.Equal(p.find(d.Packet), d.Payload) {
			res.Repeated = 1
			p.followRepeat(d.Packet)
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
		for _, f := range moved {
			cost += fragmentCost(len(f.data))
		}
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
		p.trace, p.begun = sender, r.countBegun(sender)
		p.doomed = doomed
		for _, f := range moved {
			r.keep(p, f)
		}
	}
	f := fragment{packet: d.Packet, data: d.Payload, owner: owner}
	if len(d.Payload) > keepSize {
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

// stale tells that fragment d, though it may seem so, does not belong to p. The pause must have been on the network: a reader
// that is held up finds what came meanwhile all at once. And it must have been by both clocks: that of arrivals may be set.
func (p *partial) stale(d *Datagram, now int64, arrival Arrival) bool {
	return !p.complete() && now-p.active > pauseTime && arrival.Time-p.last.Time > pauseTime &&
		(!p.has(d.Packet) || bytes.Equal(p.find(d.Packet), d.Payload))
}

// fewPlaces is by how much a network is thought to let packets overtake each other.
const fewPlaces = 2

// conclude ends p because fragment next of a new message has come. It returns the fragments of p that are of the new
// message too, whose references are the caller's; or that the new message is doomed, since some of its may have been in p.
func (r *Reassembler) conclude(p *partial, next uint32, res *Result) (moved []fragment, doomed bool) {
	switch {
	case p.late > 0 && next > p.final && p.complete() && p.late <= fewPlaces:
		r.evict(p, res)
		return nil, true
	case p.late > 0 && next > p.final:
		moved = p.takeRun()
		res.Evicted -= len(moved)
		r.evict(p, res)
		return moved, false
	}
	r.end(p, res)
	return nil, false
}

// Expire evicts what has become too old at time now, and delivers what was held long enough: one message at most, hence it
// is called until the result is Idle.
func (r *Reassembler) Expire(now int64) (res Result) {
	for r.oldest != nil && now-r.oldest.active > r.maxAge && res.Payload == nil {
		r.end(r.oldest, &res)
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

func (r *Reassembler) deliver(p *partial, res *Result) {
	if last := &p.fragments[len(p.fragments)-1]; last.packet > 1 {
		if len(r.echoes) >= maxEchoes {
			clear(r.echoes)
		}
		r.echoes[p.trace] = echoOf(last.packet, last.data)
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

// end is what becomes of p when it cannot go on: one that is whole was only held.
func (r *Reassembler) end(p *partial, res *Result) {
	if p.complete() {
		r.deliver(p, res)
	} else {
		r.evict(p, res)
	}
}

func (r *Reassembler) evict(p *partial, res *Result) {
	res.Evicted += len(p.fragments)
	res.EvictedMessages++
	r.remove(p)
}
