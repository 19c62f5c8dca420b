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

func (r *Reassembler) countBegun(k key) int {
	k.from = netip.AddrPortFrom(k.from.Addr(), 0)
	n, known := r.begun[k]
	if !known && len(r.begun) >= maxBegun {
		clear(r.begun)
	}
	r.begun[k] = n + 1
	return n + 1
}

// maxEchoes is how many senders' last fragments are remembered.
const maxEchoes = 64

var seed = maphash.MakeSeed()

func echoOf(packet uint32, data []byte) echo {
	return echo{packet, len(data), maphash.Bytes(seed, data[:min(len(data), 1024)])}
}
