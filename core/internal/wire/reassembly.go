package wire

import (
	"net/netip"

	"libmcl/core/internal/buf"
)

// A Reassembler joins fragments. It never joins those of different messages, as far as can be known:
//   - libmcl numbers its messages (numbered.go). So they are told apart whatever is lost, repeated or overtaken, and each is
//     delivered when it is whole.
//   - Legacy senders do not. Their messages are told apart by sender, topic and number of packets, and by order and time
//     (ordered.go). What is in doubt is held for a moment, and given up when the doubt stays.
//
// Memory is bounded by budget: before a fragment goes over it, the messages that were silent for longest are evicted. It is
// not for concurrent use.
type Reassembler struct {
	limits Limits
	budget int64
	maxAge int64 // nanoseconds

	sources   map[sourceKey]*source
	resting   []*source // with no message, and some that have one again
	rested    int       // the one of resting that is displaced next
	oldest    *partial  // list by last activity, oldest first
	newest    *partial
	fragments int
	held      int64
	doubtful  []*partial // whole messages that are held, oldest first
	ready     []*partial // to be delivered, in order
	free      *partial
	spare     int // partials in free
}

// NewReassembler returns a Reassembler that accepts payloads within limits, holds up to budget bytes, and evicts what got no
// fragment for maxAge nanoseconds.
func NewReassembler(limits Limits, budget, maxAge int64) *Reassembler {
	return &Reassembler{limits: limits, budget: budget, maxAge: maxAge, sources: make(map[sourceKey]*source)}
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
	Repeated        int     // it was there already; or others were that were held
	Evicted         int     // datagrams of messages given up
	EvictedMessages int
	Malformed       [numCauses]int // datagrams of messages that are refused, by cause
	More            bool           // another message is whole: Next gives it
}

// An Arrival is what the kernel said of a datagram.
type Arrival struct {
	Time      int64 // nanoseconds of a clock that may be set
	Interface int
}

// An arrival is a fragment that has come.
type arrival struct {
	Datagram
	from   netip.AddrPort
	owner  *buf.Buf
	moment moment
	kernel Arrival
}

// Add takes a fragment (d.Packets > 0), received from a sender into owner, which may be retained; nil: it lies in memory that
// must be copied. now is in nanoseconds of
// any origin and never goes back.
func (r *Reassembler) Add(from netip.AddrPort, d *Datagram, owner *buf.Buf, now int64, kernel Arrival) (res Result) {
	a := arrival{*d, from, owner, moment{now, kernel.Time}, kernel}
	s := r.source(sourceOf(from, d))
	if d.Number > 0 {
		r.addNumbered(s, &a, &res)
	} else {
		r.addOrdered(s, &a, &res)
	}
	r.next(&res)
	return res
}

// Next returns the next message that is whole, after a Result that has More.
func (r *Reassembler) Next() (res Result) {
	r.next(&res)
	return res
}

// Expire evicts what has become too old at time now, and delivers what was held long enough: one message at most, hence it
// is called until the result is Idle. idle tells that all was added that had come by now: what is held is judged by what
// comes next.
func (r *Reassembler) Expire(now int64, idle bool) (res Result) {
	for r.oldest != nil && now-r.oldest.active.read > r.maxAge && len(r.ready) == 0 {
		if r.oldest.complete() {
			r.deliver(r.oldest)
		} else {
			r.evict(r.oldest, &res)
		}
	}
	if idle && len(r.doubtful) > 0 && len(r.ready) == 0 && now-r.doubtful[0].active.read > reorderMax {
		r.deliver(r.doubtful[0])
	}
	r.next(&res)
	return res
}

// Idle reports whether nothing came of it.
func (res *Result) Idle() bool {
	return res.Payload == nil && res.Evicted == 0 && res.Malformed == [numCauses]int{}
}

// Wait is how long to wait for the next Expire, at most, in nanoseconds: 0 when there is nothing to wait for.
func (r *Reassembler) Wait() int64 {
	switch {
	case r.oldest == nil:
		return 0
	case len(r.doubtful) > 0:
		return min(reorderMax, r.maxAge)
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

// deliver has p, which is whole, be the next result.
func (r *Reassembler) deliver(p *partial) {
	p.source.remember(p)
	r.detach(p)
	r.unlink(p)
	r.ready = append(r.ready, p)
}

// next joins the next message that is ready.
func (r *Reassembler) next(res *Result) {
	if len(r.ready) == 0 {
		return
	}
	p := r.ready[0]
	r.ready = r.ready[:copy(r.ready, r.ready[1:])]
	joined := p.join()
	_, cause := r.limits.scanOne(joined.Bytes()[:p.size])
	if cause != OK {
		joined.Release()
		if cause == BadMsgpack || cause == BadTrailing {
			cause = BadReassembled
		}
		res.Malformed[cause] += len(p.fragments)
	} else {
		res.Payload, res.Owner = joined.Bytes()[:p.size:p.size], joined
		res.Joined = len(p.fragments)
		res.Topic, res.HasTopic, res.From, res.Last = p.topic, p.hasTopic, p.source.key.from, p.last
	}
	r.forget(p)
	res.More = len(r.ready) > 0
}

func (r *Reassembler) evict(p *partial, res *Result) {
	res.Evicted += len(p.fragments)
	res.EvictedMessages++
	p.source.unclean = true
	r.remove(p)
}
