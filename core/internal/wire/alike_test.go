package wire

import (
	"bytes"
	"strings"
	"testing"
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
		take := func(res Result) bool {
			for name, p := range payload {
				if bytes.Equal(res.Payload, p) {
					got = append(got, string(name))
					return true
				}
			}
			if res.Payload != nil {
				got = append(got, "mixture")
			}
			return false
		}
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
