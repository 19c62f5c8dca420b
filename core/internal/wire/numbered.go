package wire

import "bytes"

// numbered is what a source knows of messages with numbers.
type numbered struct {
	begun int // messages
	last  int // number begun last; 0: none
	base  int // how many numbers messages of its kind can have
}

// A number comes again after some hundred messages, and a program that is started again may begin with any. So a message is
// given up when it can only be of before:
const (
	// newerMax is how many messages a sender may have begun after one that may still become whole.
	newerMax = 16

	// orderMax is how far back a number may lie of which nothing has come yet, while the numbers of one program go on. One that
	// lies further back is of another program, on the same port.
	orderMax = 2

	// lateMax is how long after the last fragment of a message one may come that is not the next, in nanoseconds.
	lateMax = 50e6
)

// addNumbered takes a fragment of a message with a number. Messages of the sender that lie close together have others.
func (r *Reassembler) addNumbered(s *source, a *arrival, res *Result) {
	d := &a.Datagram
	p := s.find(d)
	switch {
	case p == nil:
		if s.isEcho(d) {
			res.Repeated = 1
			return
		}
	case p.has(d.Packet):
		if bytes.Equal(p.data(d.Packet), d.Payload) {
			res.Repeated = 1
			return
		}
		r.evict(p, res)
		p = nil
	case d.Packet != p.final+1 && a.moment.since(p.active) > lateMax:
		r.evict(p, res)
		p = nil
	}
	if p == nil {
		p = r.beginNumbered(s, a, res)
	}
	if r.take(p, a, res) && p.complete() {
		r.deliver(p)
	}
}

func (s *source) find(d *Datagram) *partial {
	for _, p := range s.open {
		if p.number == d.Number && p.packets == d.Packets && p.hasTopic == d.HasTopic && p.topic == string(d.Topic) {
			return p
		}
	}
	return nil
}

func (r *Reassembler) beginNumbered(s *source, a *arrival, res *Result) *partial {
	base := Numbers(a.Packets)
	if s.last > 0 && base == s.base {
		ahead := (a.Number - s.last + base) % base
		if back := base - ahead; ahead > newerMax && back > orderMax {
			r.evictOpen(s, len(s.open), res)
		}
	}
	s.last, s.base = a.Number, base
	s.begun++
	old := 0
	for old < len(s.open) && s.begun-s.open[old].begun > newerMax {
		old++
	}
	r.evictOpen(s, old, res)
	p := r.begin(s, a, res)
	p.begun = s.begun
	return p
}

// evictOpen evicts the n oldest messages.
func (r *Reassembler) evictOpen(s *source, n int, res *Result) {
	for range n {
		r.evict(s.open[0], res)
	}
}
