package wire

import (
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
)

// A sourceKey tells apart what fragments are sorted by before anything else: the sender, where its messages are numbered; and
// where they are not, the sender, the topic and the number of packets. It has the topic's hash instead of the topic: a topic
// may have 60 kB, which others choose and no budget would count.
type sourceKey struct {
	from     netip.AddrPort
	packets  uint32
	hasTopic bool
	topic    uint64
}

func sourceOf(from netip.AddrPort, d *Datagram) sourceKey {
	if d.Number > 0 {
		return sourceKey{from: from}
	}
	return sourceKey{from, d.Packets, d.HasTopic, maphash.Bytes(seed, d.Topic)}
}

var seed = maphash.MakeSeed()

// A source is what is known of a sender's messages besides their fragments. It outlives them, for a while.
type source struct {
	key    sourceKey
	open   []*partial // incomplete messages, oldest first. Without numbers there is one at most
	held   *partial   // a whole message that is in doubt
	slot   int        // its place in resting, unless another one has it
	echoes [echoesMax]uint64
	echoed int

	numbered
	ordered
}

// sourcesMax is how many sources are remembered that have no message.
const sourcesMax = 1024

func (r *Reassembler) source(k sourceKey) *source {
	s := r.sources[k]
	if s == nil {
		s = &source{key: k}
		s.at = never
		r.sources[k] = s
		r.rest(s)
	}
	return s
}

// rest has a source that has no message be displaced by those that come after it.
func (r *Reassembler) rest(s *source) {
	switch {
	case s.active() || s.slot < len(r.resting) && r.resting[s.slot] == s:
		return
	case len(r.resting) < sourcesMax:
		s.slot = len(r.resting)
		r.resting = append(r.resting, s)
		return
	}
	s.slot = r.rested
	if old := r.resting[s.slot]; !old.active() {
		delete(r.sources, old.key)
	}
	r.resting[s.slot] = s
	r.rested = (r.rested + 1) % sourcesMax
}

func (s *source) active() bool { return len(s.open) > 0 || s.held != nil }

// A moment is when a datagram came, by two clocks in nanoseconds: when it was read, by one that never goes back, and when the
// kernel received it, by one that may be set.
type moment struct{ read, received int64 }

// never is a moment before all others.
var never = moment{math.MinInt64 / 2, math.MinInt64 / 2}

// since returns how long before m another moment was, by the clock that tells less: a reader that is held up finds late what
// had come in time, and the other clock may have been set.
func (m moment) since(earlier moment) int64 {
	return min(m.read-earlier.read, m.received-earlier.received)
}

// echoesMax is how many fragments that were delivered are remembered of a source, to know a duplicate that comes late.
const echoesMax = 128

func echoOf(number int, packet uint32, data []byte) uint64 {
	return maphash.Bytes(seed, data[:min(len(data), 1024)]) ^ uint64(number)<<54 ^ uint64(packet)<<20 ^ uint64(len(data))
}

// remember notes the fragments of a message, in packet order.
func (s *source) remember(p *partial) {
	slices.SortFunc(p.fragments, byPacket)
	for _, f := range p.fragments[max(0, len(p.fragments)-echoesMax):] {
		s.echoes[s.echoed] = echoOf(p.number, f.packet, f.data)
		s.echoed = (s.echoed + 1) % echoesMax
	}
}

// mixesEchoes reports whether all fragments of a message were delivered a short while ago, but in several messages: then they are
// duplicates.
func (s *source) mixesEchoes(p *partial) bool {
	slices.SortFunc(p.fragments, byPacket)
	for _, f := range p.fragments {
		if !s.isEcho(&Datagram{Number: p.number, Packet: f.packet, Payload: f.data}) {
			return false
		}
	}
	for at := range s.echoes {
		same := 0
		for same < len(p.fragments) {
			f := p.fragments[same]
			if s.echoes[(at+same)%echoesMax] != echoOf(p.number, f.packet, f.data) {
				break
			}
			same++
		}
		if same == len(p.fragments) {
			return false
		}
	}
	return true
}

// isEcho reports whether a fragment was delivered a short while ago.
func (s *source) isEcho(d *Datagram) bool {
	echo := echoOf(d.Number, d.Packet, d.Payload)
	for _, e := range s.echoes {
		if e == echo {
			return true
		}
	}
	return false
}
