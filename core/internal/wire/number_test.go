package wire

import (
	"bytes"
	"testing"
)

var packetCounts = []uint32{1, 2, 127, 128, 255, 256, 32767, 32768, 65536, FragmentsMax}

// Every number comes back from every fragment, with the same values as without, and no two are written alike.
func TestNumbersTravelInTheWidthsOfHeaders(t *testing.T) {
	topic := "camera"
	for _, packets := range packetCounts {
		seen := make(map[string]bool)
		for number := 1; number <= Numbers(packets); number++ {
			for _, packet := range []uint32{1, packets/2 + 1, packets} {
				for _, size := range []int{0, 5, 7} { // the last may be empty
					part := []byte("payload")[:size]
					head := AppendNumberedFragment(nil, &topic, packet, packets, size, number)
					d, cause := Parse(append(bytes.Clone(head), part...), Limits{MessageMax: 64 << 20})
					if cause != OK || d.Number != number || d.Packet != packet || d.Packets != packets || string(d.Topic) != topic ||
						!bytes.Equal(d.Payload, part) {
						t.Fatalf("number %d of %d packets: %x is read as %+v, cause %d", number, packets, head, d, cause)
					}
				}
			}
			head := string(AppendNumberedFragment(nil, &topic, 1, packets, 0, number))
			if seen[head] {
				t.Fatalf("two numbers are written as %x", head)
			}
			seen[head] = true
		}
	}
	if Numbers(127) != 485 || Numbers(128) != 215 {
		t.Errorf("%d and %d numbers: SECURITY.md and README.md tell of 485 and 215", Numbers(127), Numbers(128))
	}
}

// What a legacy sender writes, whichever msgpack it has, has no number.
func TestTheShortestHeadersHaveNoNumber(t *testing.T) {
	for _, packets := range packetCounts {
		for _, packet := range []uint32{1, packets/2 + 1, packets} {
			for _, size := range []int{0, 31, 32, 255, 256, FragmentSize} {
				for _, topic := range []*string{nil, new(string)} {
					if size*int(packets) > 32<<20 {
						continue
					}
					part := make([]byte, size)
					raw := append(AppendFragment(nil, topic, packet, packets, size), part...)
					bin := appendBin(AppendUint(AppendUint(AppendTopic([]byte{0x94}, topic), uint64(packet)), uint64(packets)), part)
					for _, datagram := range [][]byte{raw, bin} {
						if d, cause := Parse(datagram, Limits{MessageMax: 64 << 20}); cause != OK || d.Number != 0 {
							t.Fatalf("%x…: number %d, cause %d", datagram[:min(len(datagram), 16)], d.Number, cause)
						}
					}
				}
			}
		}
	}
}
