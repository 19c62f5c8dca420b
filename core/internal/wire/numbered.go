package wire

import "bytes"

// numbered is what a source knows of messages with numbers.
type numbered struct {
	begun int // messages
	last  int // number begun last; 0: none, or that of a process's first message
	base  int // how many numbers messages of its kind can have
}

// A number comes again after some hundred messages, and a program that is started again may begin with any. So a message is
// given up when it can only be of before:
const (
	// newerMax is how many messages a sender may have begun after one that may still become whole. A number that lies further
	// away from the last one, either way, is of another process, on the same port.
	newerMax = 16

	// restartMin is how long a process takes to end and start again at least, in nanoseconds. When a fragment comes later than
	// that after the one before, and is not the next or other messages have begun meanwhile, the message is held until what
	// comes next tells.
	restartMin = 2e6
)

// addNumbered takes a fragment of a message with a number. Messages of the sender that lie close together have others.
func (r *Reassembler) addNumbered(s *source, a *arrival, res *Result) {
	d := &a.Datagram
	p := s.find(d)
	if s.held != nil && s.held != p {
		r.deliver(s.held)
	}
	switch {
	case p == nil:
		if s.isEcho(d) {
			res.Repeated++
			return
		}
	case p.has(d.Packet):
		if bytes.Equal(p.data(d.Packet), d.Payload) {
			res.Repeated++
			return
		}
		r.evict(p, res)
		p = nil
	case d.Packet != p.final+1 || s.begun != p.begun:
		p.doubtful = p.doubtful || a.moment.since(p.active) > restartMin
	}
	if p == nil {
		p = r.beginNumbered(s, a, res)
	}
	switch {
	case !r.take(p, a, res) || !p.complete():
	case p.doubtful:
		r.hold(s, p)
	default:
		r.deliver(p)
	}
}

func (s *source) find(d *Datagram) *partial {
	if s.held != nil && s.held.isOf(d) {
		return s.held
	}
	for _, p := range s.open {
		if p.isOf(d) {
			return p
		}
	}
	return nil
}

// isOf reports whether d may be of the message, by what is written in it.
func (p *partial) isOf(d *Datagram) bool {
	return p.number == d.Number && p.packets == d.Packets && p.hasTopic == d.HasTopic && p.topic == string(d.Topic)
}

func (r *Reassembler) beginNumbered(s *source, a *arrival, res *Result) *partial {
	base := Numbers(a.Packets)
	switch {
	case a.Number%firstNumbers == 0: // another process has the port
		r.evictOpen(s, len(s.open), res)
		s.last = 0
	case s.last > 0 && base == s.base:
		ahead := (a.Number - s.last + base) % base
		if back := base - ahead; ahead > newerMax && back > newerMax {
			r.evictOpen(s, len(s.open), res)
		}
	}
	if a.Number%firstNumbers > 0 {
		s.last, s.base = a.Number, base
	}
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
