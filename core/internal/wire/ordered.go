package wire

import "bytes"

// Legacy senders do not number their messages. What is certain of them is that a sender's fragments leave in order, one
// message after the other, and at once. So of one sender, topic and number of packets:
//   - Fragments that come in order from the first to the last, none so late after the one before that it may be the next
//     message's, are a message. It is delivered at once where the message before was whole, or came long before. Otherwise what
//     was lost or overtaken may have let two mix: it is held until nothing has come for reorderMax, or the next message has come
//     in order too.
//   - Fragments in another order are a message where nothing came for reorderMax before and after, nor between them, and the first
//     to come is not the next of the message before. Otherwise, each fault that explains them has another beside it that does so
//     as well, and they are given up.
//   - A first fragment begins a message, unless the one at hand lacks its first. One that repeats with other bytes does too.
//   - A fragment that repeats with the same bytes was duplicated by the network. One that was in a message before may have been, or
//     a message is partly as the one before: it is in doubt.
//
// What remains: where the network loses as many fragments in a row as a message has, the rests of two messages make one, in order.
// They show by the time between them, unless messages follow each other within reorderMax; and where the network delays fragments
// by more than messages lie apart, nothing tells. Of a sender that is slow, the first message is lost: its period is not known.

// ordered is what a source knows of messages without numbers.
type ordered struct {
	at      moment // of the last fragment
	unclean bool   // the last message was given up, or is in doubt
	strict  int    // for so many messages that follow a pause, what comes out of order is not trusted
	run     int    // messages in order since the last disorder
	started int64  // when the last message began, by the kernel's clock in nanoseconds; 0: none has
	period  int64  // shortest time lately from the beginning of a message to that of the next; 0: not known
}

const (
	// reorderMax is by how much a network may plausibly delay a fragment more than the next, in nanoseconds.
	reorderMax = 4e6

	// calmMin is how long nothing must have come for a message to be trusted after one that was given up, in nanoseconds.
	calmMin = 50e6

	// strictMessages is how many messages must come when some were mixed before disorder is trusted again: each after a pause, or all
	// in order. Without pauses, what is taken for a message in order may be the end and the beginning of two, where as much was lost
	// as a message has; but so much is not lost so often in a row.
	strictMessages = 8
)

// start notes that a message begins. Its time is that of the kernel's clock: a reader may find several at once.
func (o *ordered) start(m moment) {
	interval := m.received - o.started
	if o.started != 0 && interval > 0 {
		if o.period == 0 || interval < o.period {
			o.period = interval
		} else {
			o.period += (interval - o.period) / 16
		}
	}
	o.started = m.received
}

// tolerates reports whether the next fragment in order, so long after the one before, is of the same message: the same fragment of
// the next message would come a period later.
func (o *ordered) tolerates(gap int64) bool { return gap <= max(reorderMax, o.period/4*3) }

// addOrdered takes a fragment of a message without a number.
func (r *Reassembler) addOrdered(s *source, a *arrival, res *Result) {
	gap := s.gap(a.moment)
	quiet := gap > reorderMax
	p := s.current()
	if p != nil && p.topic != string(a.Topic) { // two topics with the same hash
		r.evict(p, res)
		p = nil
	}
	switch h := s.held; {
	case h == nil:
	case quiet:
		r.deliver(h)
	case p == nil && a.Packet > 1 && bytes.Equal(h.data(a.Packet), a.Payload):
		res.Repeated++
		if !h.inOrder() {
			h.follow(a.Packet)
		}
		return
	case !h.inOrder():
		r.detach(h)
		s.open = append(s.open, h)
		p, s.strict = h, strictMessages
	}
	inOrder := p != nil && p.inOrder() && a.Packet == p.final+1
	late := inOrder && !s.tolerates(gap)
	if late || p != nil && quiet && !inOrder {
		r.giveUp(s, p, res)
		p, inOrder = nil, false
	}
	switch {
	case p == nil && a.Packet > 1 && s.isEcho(&a.Datagram):
		res.Repeated++
		return
	case p != nil && a.Packet == p.final && bytes.Equal(p.data(a.Packet), a.Payload):
		res.Repeated++
		s.at = a.moment
		r.refresh(p, a)
		return
	}
	s.at = a.moment
	switch {
	case inOrder:
		p.trusted = p.trusted && !s.isEcho(&a.Datagram)
	case p == nil && a.Packet == 1:
		s.start(a.moment)
		p = r.beginOrdered(s, a, quiet, res)
		p.trusted = a.Packets == 1 || (gap > calmMin || !s.unclean) && !s.isEcho(&a.Datagram)
	default:
		if p = r.disorder(s, p, a, quiet && !late, res); p == nil {
			return
		}
	}
	if r.take(p, a, res) && p.complete() {
		r.finish(s, p, a, res)
	}
}

// gap returns how long after the last fragment one came, in nanoseconds. The kernel's clock may be set; but the reader's tells
// nothing of fragments that it finds together.
func (o *ordered) gap(m moment) int64 {
	if gap := m.received - o.at.received; gap >= 0 {
		return gap
	}
	return m.read - o.at.read
}

func (s *source) current() *partial {
	if len(s.open) == 0 {
		return nil
	}
	return s.open[0]
}

func (r *Reassembler) beginOrdered(s *source, a *arrival, quiet bool, res *Result) *partial {
	p := r.begin(s, a, res)
	p.quiet = quiet
	return p
}

// disorder makes room for a fragment that neither goes on in order nor begins a message after a whole one. It returns the
// message that the fragment is of, or nil when the fragment is there already.
func (r *Reassembler) disorder(s *source, p *partial, a *arrival, quiet bool, res *Result) *partial {
	if s.held != nil { // what came since shows that it may be a mixture
		r.evict(s.held, res)
		s.strict = strictMessages
	}
	s.unclean = true
	s.run = 0
	switch {
	case p == nil:
		return r.beginOrdered(s, a, quiet, res)
	case !p.has(a.Packet):
		p.trusted = false
		return p
	case bytes.Equal(p.data(a.Packet), a.Payload) && a.Packet > 1:
		res.Repeated++
		p.trusted = false
		p.follow(a.Packet)
		r.refresh(p, a)
		return nil
	}
	if a.Packet > 1 {
		s.strict = strictMessages
	} else {
		s.start(a.moment)
	}
	if a.Packet == 1 || p.final != a.Packet-1 {
		p.first = 0 // the run, if there is one, does not go on
	}
	return r.restart(s, p, a, res)
}

// restart evicts p but for its run, if that begins with the first fragment: it may be of the message that begins instead.
func (r *Reassembler) restart(s *source, p *partial, a *arrival, res *Result) *partial {
	var run []fragment
	if p.first == 1 {
		run = p.takeRun()
		res.Evicted -= len(run)
	}
	r.evict(p, res)
	p = r.beginOrdered(s, a, false, res)
	r.adopt(p, run, res)
	return p
}

// finish decides on a message that is whole.
func (r *Reassembler) finish(s *source, p *partial, a *arrival, res *Result) {
	inOrder, began := p.inOrder(), p.quiet
	if inOrder {
		if s.run++; s.run > strictMessages {
			s.strict = 0
		}
	}
	switch {
	case inOrder && p.trusted, inOrder && s.held != nil && !s.mixesEchoes(p):
		if s.held != nil {
			r.deliver(s.held)
		}
		r.deliver(p)
		s.unclean = false
	case s.mixesEchoes(p):
		res.Repeated += len(p.fragments)
		r.remove(p)
	case inOrder && p.quiet, (inOrder || p.quiet) && s.strict == 0:
		r.hold(s, p)
		s.unclean = false
	case inOrder, p.quiet:
		r.evict(p, res)
	case p.first == 1:
		s.strict = strictMessages
		r.restart(s, p, a, res)
	default:
		s.strict = strictMessages
		r.evict(p, res)
	}
	if began {
		s.strict = max(0, s.strict-1)
	}
}

// giveUp evicts p, of which nothing more comes. A single fragment that was delivered before was a duplicate.
func (r *Reassembler) giveUp(s *source, p *partial, res *Result) {
	s.run = 0
	if len(p.fragments) == 1 && s.wasDelivered(p) {
		res.Repeated++
		r.remove(p)
		return
	}
	r.evict(p, res)
}

func (s *source) wasDelivered(p *partial) bool {
	f := p.fragments[0]
	return s.isEcho(&Datagram{Number: p.number, Packet: f.packet, Payload: f.data})
}
