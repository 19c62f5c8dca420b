// Package hostile makes the datagrams of those who mean harm, for tests: whatever a listener must survive, and count.
package hostile

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// Kinds is how many kinds of datagrams there are: see Datagram.
const Kinds = 19

// Datagram draws one of any kind: more often of those that need others to do their harm.
func Datagram(random *rand.Rand) []byte {
	kind := random.IntN(Kinds + 10)
	if kind >= Kinds {
		kind = 8
	}
	return Of(kind, random)
}

// Of makes one of a kind, 0 to Kinds-1. Fragments are of messages with the topic "h". None is a whole message that would be
// accepted, but for the kinds 8 and 9, which together may be one by accident, and 11, which has the topic "other".
func Of(kind int, random *rand.Rand) []byte {
	switch kind {
	case 0: // noise
		return noise(random, 40)
	case 1: // a byte behind it
		return []byte{0x92, 0xc0, 0x01, 0x02}
	case 2: // an array of three
		return []byte{0x93, 0xc0, 0x01, 0x02}
	case 3: // a topic that is a number
		return []byte{0x92, 0x07, 0x01}
	case 4: // nested too deeply
		return append(append([]byte{0x92, 0xc0}, bytes.Repeat([]byte{0x91}, 600)...), 0xc0)
	case 5: // packet 9 of 2
		return []byte{0x94, 0xc0, 0x09, 0x02, 0xa0}
	case 6: // packet 1 of 2^32-1
		return []byte{0x94, 0xc0, 0x01, 0xce, 0xff, 0xff, 0xff, 0xff, 0xa0}
	case 7: // 2^32-1 elements that are not there
		return []byte{0x92, 0xc0, 0xdd, 0xff, 0xff, 0xff, 0xff}
	case 8, 9: // a fragment of a message whose parts are no msgpack
		return Fragment("h", uint32(1+random.IntN(3)), 3, noise(random, 32))
	case 10:
		return nil
	case 11:
		return []byte{0x92, 0xa5, 'o', 't', 'h', 'e', 'r', 0x01}
	case 12: // the beginning of a large message of which nothing more comes, ever another one
		return Fragment("h", uint32(1+random.IntN(1000)), uint32(1000+random.IntN(100)), noise(random, 32))
	case 13: // the same, with all the memory that a datagram can claim
		return Fragment("h", uint32(1+random.IntN(100)), uint32(100+random.IntN(1000)), make([]byte, 32<<10+random.IntN(1000)))
	case 14: // a topic as long as can be, ever another one
		return Fragment(string(make([]byte, 30_000+random.IntN(20_000))), 1, 2, []byte{0})
	case 15: // maps in each other, wide and deep
		return append([]byte{0x92, 0xc0}, bytes.Repeat([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, 200)...)
	case 16: // a string of 4 GB
		return append([]byte{0x92, 0xc0, 0xdb, 0xff, 0xff, 0xff, 0xff}, noise(random, 100)...)
	case 17: // a map of NaN, which to Python are all of one hash
		b := []byte{0x92, 0xc0, 0xde, 1, 0}
		for range 256 {
			b = append(binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(math.NaN())|random.Uint64()>>13), 0xc0)
		}
		return b
	default: // as large as UDP takes, of the smallest objects there are, and one too few
		return append([]byte{0x92, 0xc0, 0xdd, 0, 0, 0xea, 0x61}, bytes.Repeat([]byte{0x90}, 60_000)...)
	}
}

func noise(random *rand.Rand, most int) []byte {
	b := make([]byte, random.IntN(most))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// Fragment makes a fragment that may lie about its number and count.
func Fragment(topic string, packet, packets uint32, data []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0x94, 0xdb}, uint32(len(topic)))
	b = append(b, topic...)
	b = binary.BigEndian.AppendUint32(append(b, 0xce), packet)
	b = binary.BigEndian.AppendUint32(append(b, 0xce), packets)
	b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(len(data)))
	return append(b, data...)
}
