package mcl

import (
	"fmt"

	"libmcl/core/internal/wire"
)

// ListenerStats counts what a listener has received since it was opened. Two sums hold at every moment, exactly:
//
//	Datagrams = Malformed[all] + Filtered + Repeated + Evicted + Assembling + Joined
//	Messages  = Delivered + Rejected + DroppedQueue + Discarded + Queued
//
// Joined counts the datagrams that made up the Messages, one or several each. DroppedKernel stands apart: those never
// arrived here.
type ListenerStats struct {
	Datagrams       uint64 // read from the socket
	Bytes           uint64 // in those datagrams
	Filtered        uint64 // datagrams of other topics
	Repeated        uint64 // fragments that were there already
	Evicted         uint64 // fragments of messages that never became complete, or could be mixtures of two (SECURITY.md)
	Assembling      uint64 // fragments held now
	Joined          uint64 // datagrams that made up whole messages
	Messages        uint64 // whole messages
	Delivered       uint64 // to callbacks, or taken by a receive
	Rejected        uint64 // did not fit the message type
	DroppedQueue    uint64 // by the policy, at the queue's limit
	Discarded       uint64 // still queued when it was closed
	Queued          uint64 // now
	QueuedBytes     uint64 // now
	DroppedKernel   uint64 // datagrams that the kernel dropped before they could be read; of a train, it counts one of up to 64
	MessagesEvicted uint64 // messages that never became complete
	AssemblingBytes uint64 // memory that incomplete messages hold now
	Malformed       [malformedCount]uint64
}

// Malformed is the index of a cause in ListenerStats.Malformed.
type Malformed int

const (
	MalformedMsgpack     Malformed = malformedMsgpack     // no msgpack, or cut short
	MalformedShape       Malformed = malformedShape       // no array of 2 or 4 as messages are, or elements of wrong types
	MalformedTrailing    Malformed = malformedTrailing    // bytes after the array
	MalformedTopic       Malformed = malformedTopic       // the topic is neither nil nor a string
	MalformedPacket      Malformed = malformedPacket      // a fragment's number is outside 1 to the number of fragments
	MalformedPackets     Malformed = malformedPackets     // no fragments, or more than the largest message needs
	MalformedDepth       Malformed = malformedDepth       // nested too deeply
	MalformedSize        Malformed = malformedSize        // larger than MessageMax
	MalformedReassembled Malformed = malformedReassembled // the joined fragments are not one msgpack object
	MalformedKeys        Malformed = malformedKeys        // a map's keys were chosen so that a dict of Python's would take very long
	MalformedObjects     Malformed = malformedObjects     // more objects than ObjectsMax
)

// String gives the cause's name, such as "trailing".
func (m Malformed) String() string {
	if m < 0 || m >= malformedCount {
		return fmt.Sprintf("cause %d", int(m))
	}
	return malformedNames[m]
}

// Unaccounted returns by how much each of the two sums is off. Anything but zero is a defect.
func (s *ListenerStats) Unaccounted() (datagrams, messages int64) {
	sum := s.Filtered + s.Repeated + s.Evicted + s.Assembling + s.Joined
	for _, n := range s.Malformed {
		sum += n
	}
	return int64(s.Datagrams - sum), int64(s.Messages - s.Delivered - s.Rejected - s.DroppedQueue - s.Discarded - s.Queued)
}

// add takes over what a reassembly did besides the message that it may have completed.
func (s *ListenerStats) add(r *wire.Result) {
	s.Repeated += uint64(r.Repeated)
	s.Evicted += uint64(r.Evicted)
	s.MessagesEvicted += uint64(r.EvictedMessages)
	for cause, n := range r.Malformed {
		s.Malformed[cause] += uint64(n)
	}
}

// merge takes over what a batch of datagrams came to.
func (s *ListenerStats) merge(d *ListenerStats) {
	s.Datagrams += d.Datagrams
	s.Bytes += d.Bytes
	s.Filtered += d.Filtered
	s.Repeated += d.Repeated
	s.Evicted += d.Evicted
	s.MessagesEvicted += d.MessagesEvicted
	s.Joined += d.Joined
	s.Messages += d.Messages
	s.Rejected += d.Rejected
	for i, n := range d.Malformed {
		s.Malformed[i] += n
	}
}

// Numbers that wire and queue state in their own right must be those of include/mcl.h.
var (
	_ = [1]struct{}{}[wire.FragmentSize-fragmentSize]
	_ = [1]struct{}{}[wire.FragmentsMax-fragmentsMax]
	_ = [1]struct{}{}[wire.DepthMax-depthMax]
	_ = [1]struct{}{}[wire.BadReassembled-malformedReassembled]
	_ = [1]struct{}{}[wire.BadSize-malformedSize]
	_ = [1]struct{}{}[wire.BadKeys-malformedKeys]
	_ = [1]struct{}{}[wire.BadObjects-malformedObjects]
)
