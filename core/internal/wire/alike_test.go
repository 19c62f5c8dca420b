package wire

import (
	"bytes"
	"strings"
	"testing"

	"libmcl/core/internal/buf"
)

// Messages of four fragments, of which the first two are the same in all of them, as with images of a scene that changes
// little. A bar is a pause.
func TestMessagesThatBeginAlikeDoNotMix(t *testing.T) {
	for _, c := range []struct{ arrive, want string }{
		{"a1 a2 a3 b1 b2 b3 b4", "b"},
		{"a1 a2 a4 b1 b2 b3 b4", "b"},
		{"a1 a2 a3 | b1 b2 b3 b4", "b"},
		{"a1 a3 a4 | b1 b2 b3 b4", "b"},
		{"a1 a3 a4 | b2 b3 b4 c1 c2 c3 c4", "c"},
		{"a1 a2 a3 | b1 b2 b4 | c1 c2 c3 c4", "c"}, // a1 a2 a3 b4 is none of them
		{"a3 a4 | b1 b2", ""},
		{"a1 a1 a2 a2 a3 a3 a4 a4", "a"}, // duplicated
		{"a1 a2 a3 a1 a4 b1 b2 b3 b4", "a b"},
		{"a2 a1 a4 a3 | b1 b2 b3 b4", "a b"}, // overtaken
		{"a1 a2 | a3 a4", "a"},               // the sender paused
	} {
		r := newReassembler()
		payload := make(map[byte][]byte)
		for i := range byte(3) {
			payload['a'+i] = message(4*FragmentSize-6, uint64(i))
			copy(payload['a'+i][:2*FragmentSize], payload['a'])
		}
		var got []string
		take := func(res Result) bool { return takeName(res, payload, &got) }
		now := int64(0)
		for _, f := range strings.Fields(c.arrive) {
			if now += 1e6; f == "|" {
				now += pauseTime
			} else {
				take(send(r, alice, "t", uint32(f[1]-'0'), 4, split(payload[f[0]])[f[1]-'1'], now))
			}
			for take(r.Expire(now)) {
			}
		}
		for take(r.Expire(now + holdTime + 1)) {
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: delivered %q, want %q", c.arrive, strings.Join(got, " "), c.want)
		}
	}
}

// A reader that was held up finds late what was overtaken on the way by a little; and the clock of arrivals may be set.
func TestAPauseIsOnlyWhatBothClocksTell(t *testing.T) {
	payload := message(3*FragmentSize-6, 1)
	parts := split(payload)
	for _, c := range []struct {
		name          string
		read, arrived int64 // nanoseconds that the last fragment is later than the one before
		whole         bool
	}{
		{"held up", 4 * pauseTime, 1e6, true},
		{"set forwards", 1e6, 3600e9, true},
		{"set back", 1e6, -3600e9, true},
		{"a pause", 2 * pauseTime, 2 * pauseTime, false},
	} {
		r := newReassembler()
		read, arrived := int64(1e9), int64(1_700_000_000e9)
		var got []byte
		for _, packet := range []uint32{1, 3, 2} {
			if packet == 2 {
				read, arrived = read+c.read, arrived+c.arrived
			}
			b := buf.Get(1 << 16)
			d := Datagram{Packet: packet, Packets: 3, Payload: b.Bytes()[:copy(b.Bytes(), parts[packet-1])]}
			res := r.Add(alice, &d, b, read, Arrival{Time: arrived})
			b.Release()
			got = append(got, res.Payload...)
		}
		res := r.Expire(read + holdTime + 1)
		got = append(got, res.Payload...)
		if bytes.Equal(got, payload) != c.whole {
			t.Errorf("%s: delivered %d bytes", c.name, len(got))
		}
	}
}
