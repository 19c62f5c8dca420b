package wire

import (
	"hash/maphash"
	"net/netip"
)

// A key is all that the wire tells of which message a fragment belongs to.
type key struct {
	from     netip.AddrPort
	packets  uint32
	hasTopic bool
	topic    string
}

// A trace stands for a key where one is remembered longer than its message. It has the topic's hash instead of the topic:
// a topic may have 60 kB, which others choose and no budget would count.
type trace struct {
	from     netip.AddrPort
	packets  uint32
	hasTopic bool
	topic    uint64
}

func traceOf(from netip.AddrPort, d *Datagram) trace {
	return trace{from, d.Packets, d.HasTopic, maphash.Bytes(seed, d.Topic)}
}

// anyPort is the same for all ports of an address.
func (t trace) anyPort() trace {
	t.from = netip.AddrPortFrom(t.from.Addr(), 0)
	return t
}

// An echo is the fragment that completed a message. The network may duplicate it, and the duplicate must not pass for the
// first of the next message. A fragment with packet 1 never does, since that begins a message that may well be the same.
type echo struct {
	packet uint32
	size   int
	sum    uint64
}

// turns is after how many messages begun on other ports a port is thought to have its turn again. Fewer would confuse
// several programs on one host that publish the same.
const turns = 4

// maxBegun is how many senders' messages are counted.
const maxBegun = 1024

func (r *Reassembler) countBegun(t trace) int {
	t = t.anyPort()
	n, known := r.begun[t]
	if !known && len(r.begun) >= maxBegun {
		clear(r.begun)
	}
	r.begun[t] = n + 1
	return n + 1
}

// maxEchoes is how many senders' last fragments are remembered.
const maxEchoes = 64

var seed = maphash.MakeSeed()

func echoOf(packet uint32, data []byte) echo {
	return echo{packet, len(data), maphash.Bytes(seed, data[:min(len(data), 1024)])}
}
