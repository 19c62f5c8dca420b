package wire

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrive plays what comes of one sender, topic and number of packets, and returns the names of the messages that are delivered.
// A word is a fragment: a message's letter and the fragment's number. Fragments come every 100 µs; a word of digits is a pause
// of so many milliseconds. The first alike fragments of all messages are the same.
func arrive(t *testing.T, script string, numbered bool, alike int) string {
	t.Helper()
	words := strings.Fields(script)
	packets := 0
	for _, w := range words {
		if w[0] >= 'a' {
			packets = max(packets, int(w[1]-'0'))
		}
	}
	payload := make(map[byte][]byte)
	for i := range byte(8) {
		payload['a'+i] = message(packets*FragmentSize-30_000, uint64(i))
		copy(payload['a'+i][:alike*FragmentSize], payload['a'])
	}
	r, now := newReassembler(), int64(0)
	var got []string
	take := func(res Result) bool {
		if res.Payload == nil {
			return false
		}
		name := "mixture"
		for letter, p := range payload {
			if bytes.Equal(res.Payload, p) {
				name = string(letter)
			}
		}
		got = append(got, name)
		res.Owner.Release()
		return true
	}
	for _, w := range words {
		if pause, err := strconv.Atoi(w); err == nil {
			now += int64(pause) * 1e6
		} else {
			now += 1e5
			number := 0
			if numbered {
				number = int(w[0]-'a') + 1
			}
			res := sendNumbered(r, alice, "t", number, uint32(w[1]-'0'), uint32(packets), split(payload[w[0]])[w[1]-'1'], now)
			for take(res); res.More; take(res) {
				res = r.Next()
			}
		}
		for take(r.Expire(now, true)) {
		}
	}
	for take(r.Expire(now+10e6, true)) {
	}
	left, _ := r.Pending()
	if res := r.Clear(); res.Evicted != left {
		t.Errorf("%s: %d fragments were pending, %d evicted", script, left, res.Evicted)
	}
	return strings.Join(got, " ")
}

// A sender without numbers that makes no pauses is heard again after losses and mixtures, also where its messages are all the same.
func TestAStreamWithoutPausesGoesOnAfterLosses(t *testing.T) {
	const packets, messages = 3, 100
	for _, same := range []bool{false, true} {
		for _, lost := range [][]int{{}, {60}, {60, 61, 62, 63}, {60, 64, 68, 69}, {60, 70, 80, 90, 100, 110}} {
			r, now, got := newReassembler(), int64(0), 0
			take := func(res Result) bool {
				if res.Payload == nil {
					return false
				}
				got++
				res.Owner.Release()
				return true
			}
			for i := range messages * packets {
				now += 20e3
				if slices.Contains(lost, i) {
					continue
				}
				seed := uint64(i / packets)
				if same {
					seed = 1
				}
				parts := split(message(packets*FragmentSize-30_000, seed))
				res := sendNumbered(r, alice, "t", 0, uint32(i%packets+1), packets, parts[i%packets], now)
				for take(res); res.More; take(res) {
					res = r.Next()
				}
			}
			for take(r.Expire(now+10e6, true)) {
			}
			if want := messages - 40; got < want {
				t.Errorf("all the same: %v; fragments %v lost: %d messages came, of %d", same, lost, got, messages)
			}
			r.Clear()
		}
	}
}

// What a sender without numbers, a legacy one, sent as messages is delivered, or it is not delivered; but never a mixture.
func TestMessagesWithoutNumbersDoNotMix(t *testing.T) {
	for _, c := range []struct{ arrive, want string }{
		{"a1 a2 a3 b1 b2 b3", "a b"},
		{"a1 a2 a3 10 b1 b2 b3", "a b"},
		// One fragment is lost.
		{"a2 a3 b1 b2 b3 c1 c2 c3 10 d1 d2 d3", "d"},
		{"a2 a3 10 b1 b2 b3", "b"},
		{"a1 a3 b1 b2 b3", "b"},
		{"a1 a3 10 b1 b2 b3", "b"},
		{"a1 a2 b1 b2 b3", "b"},
		{"a1 20 b1 b2", "b"},
		{"a2 b1 b2 c1 c2 10 d1 d2", "d"},
		{"a2 10 b1 b2 10 c1 c2", "b c"},
		// Several are.
		{"a1 a3 b2 b3", ""},
		{"a2 a3 b1 b3", ""},
		{"a2 10 b1", ""},
		{"a1 10 b2 10 c1 c2", "c"},
		{"a1 a2 a3 10 b1 b2 10 c3 10 d1 d2 d3", "a d"},
		{"a1 a2 a3 10 b1 b2 1000 c3", "a"},
		// They overtake each other.
		{"a2 a1 a3 10 b1 b2 b3", "a b"},
		{"a1 a3 a2 10 b1 b2 b3", "a b"},
		{"a3 a2 a1 10 b3 b1 b2 10 c1 c2 c3", "a b c"},
		{"a2 a1 10 b2 b1 10 c2 c1", "a b c"},
		{"a1 a3 a2 b1 b2 b3 c1 c2 c3 10 d1 d2 d3", "d"}, // perhaps a1 a3 b2 …
		{"a2 a1 b2 b1 c1 c2 10 d1 d2", "d"},
		{"a2 a1 b2 b1 c2 c1 d2 d1 e2 e1 f2 f1 g2 g1 h2 h1", ""},
		{"a1 a3 b2 a2 b1 b3", ""},
		{"a1 a3 b2 b1 a2 b3", ""},
		{"a1 b1 a2 a3 b2 b3 c1 c2 c3 10 d1 d2 d3", "d"},
		// They do so where one is lost.
		{"a1 a3 5 b2 b1 b3", "b"},
		{"a1 a3 40 b2 b1 b3", "b"},
		{"a1 a3 b2 b1 b3", ""},
		{"a1 a2 5 b3 b1 b2", ""}, // perhaps a sender that pauses,
		{"a1 a2 1000 b3 b1 b2", ""},
		{"a1 a2 4000 b3 b1 b2", "b"},
		{"a1 1000 b2 b1", ""},
		// They are repeated.
		{"a1 a1 a2 a2 a3 a3 b1 b2 b3", "a b"},
		{"a1 a2 a3 a2 5 b1 b3 b2", "a b"},
		{"a1 a2 a3 a2 b1 b2 b3", "a b"},
		{"a1 a2 a3 a1 5 b2 b3 b1", "a"},
		{"a1 a2 a3 a1 b1 b2 b3", "a b"},
		{"a1 a3 a2 a2 10 b1 b2 b3", "a b"},
		{"a1 a2 b1 b2 3 b1 a2 10 c1 c2", "a b c"},
		{"a1 a2 b1 a2 b2 10 c1 c2", "a c"},
		{"a1 a2 a3 a1 a2 a3", "a a"}, // or the same message twice
		// The sender, or the network, is slow.
		{"a1 40 a2 40 a3 40 b1 40 b2 40 b3 40 c1 40 c2 40 c3", "b c"},
		{"a1 500 a2 500 b1 500 b2 500 c1 500 c2", "b c"},
		{"a1 a2 20 b1 b2 20 c1 10 c2 10 d1 20 e2 20 f1 f2", "a b c f"},
		{"a1 20 a2 a3 b1 20 b2 b3 10 c1 c2 c3", "c"},
	} {
		if got := arrive(t, c.arrive, false, 0); got != c.want {
			t.Errorf("%s: delivered %q, want %q", c.arrive, got, c.want)
		}
	}
}

// Messages begin alike as images of a scene do that changes little.
func TestMessagesThatBeginAlikeDoNotMix(t *testing.T) {
	for _, c := range []struct{ arrive, want string }{
		{"a1 a2 a3 a4 b1 b2 b3 b4 10 c1 c2 c3 c4", "a b c"},
		{"a1 a2 a3 b1 b2 b3 b4", "b"},
		{"a1 a2 a4 b1 b2 b3 b4", "b"},
		{"a1 a2 a3 60 b1 b2 b3 b4", "b"},
		{"a1 a3 a4 60 b1 b2 b3 b4", "b"},
		{"a1 a3 a4 60 b2 b3 b4 c1 c2 c3 c4 60 d1 d2 d3 d4", "d"},
		{"a1 a2 a3 60 b1 b2 b4 60 c1 c2 c3 c4", "c"},
		{"a1 a2 a3 b1 b2 b4 c1 c2 c3 c4", "c"},
		{"a3 a4 60 b1 b2", ""},
		{"a1 a1 a2 a2 a3 a3 a4 a4", "a"},
		{"a2 a1 a4 a3 60 b1 b2 b3 b4", "a b"},
	} {
		if got := arrive(t, c.arrive, false, 2); got != c.want {
			t.Errorf("%s: delivered %q, want %q", c.arrive, got, c.want)
		}
		if got := arrive(t, c.arrive, true, 2); strings.Contains(got, "mixture") {
			t.Errorf("%s, numbered: delivered %q", c.arrive, got)
		}
	}
}

// Of a sender that numbers its messages, each one is delivered once that arrives whole, whatever becomes of the others.
func TestNumberedMessagesArriveInSpiteOfAllOthers(t *testing.T) {
	for _, c := range []struct{ arrive, want string }{
		{"a1 a3 b2 b1 b3", "b"},
		{"a1 a3 b2 a2 b1 b3", "a b"},
		{"a1 a3 b2 b1 a2 b3", "a b"},
		{"a3 b1 c2 a1 b3 c1 b2 c3 a2", "b c a"},
		{"a2 a1 b2 b1 c1 c2", "a b c"},
		{"a1 a2 a3 a1 a2 a3 b1 b2 b3 b2 a3", "a b"}, // repeated as a whole
		{"a1 a2 a2 a1 a3", "a"},
		{"a2 b1 9 b2 9 a1", "b a"},
		{"a2 b1 50 b2 50 a1", "b a"},
		{"a1 10 b2 10 c1 c2", "c"},
		{"a2 10 b1", ""},
		{"a1 1000 a2 1000 a3", "a"}, // a slow link
	} {
		if got := arrive(t, c.arrive, true, 0); got != c.want {
			t.Errorf("%s: delivered %q, want %q", c.arrive, got, c.want)
		}
	}
}

// A process that was started again, on the same port, may begin with the number of an old message.
func TestMessagesOfTwoProcessesDoNotMix(t *testing.T) {
	old, young, next := split(message(100_000, 1)), split(message(100_000, 2)), split(message(100_000, 3))
	type fragment struct {
		number int
		data   []byte
		packet uint32
		after  int64 // milliseconds
	}
	for _, c := range []struct {
		name   string
		arrive []fragment
		want   int // messages
	}{
		{"the last message has lost its first", []fragment{{7, old[1], 2, 0}, {7, young[0], 1, 30}, {7, young[1], 2, 0}, {8, next[0], 1, 0}, {8, next[1], 2, 0}}, 1},
		{"it has lost its end", []fragment{{7, old[0], 1, 0}, {7, young[0], 1, 30}, {7, young[1], 2, 0}}, 1},
		{"the number is far away", []fragment{{7, old[1], 2, 0}, {400, next[0], 1, 0}, {400, next[1], 2, 0}, {7, young[0], 1, 0}}, 1},
		{"the new process begins", []fragment{{8, old[1], 2, 0}, {10, next[0], 1, 0}, {10, next[1], 2, 0}, {8, young[0], 1, 0}, {8, young[1], 2, 0}}, 2},
		{"others have begun since", []fragment{{6, old[0], 1, 0}, {7, next[0], 1, 0}, {7, next[1], 2, 0}, {6, young[1], 2, 10}, {6, young[0], 1, 0}}, 1},
		{"one that was late", []fragment{{7, old[1], 2, 0}, {7, old[0], 1, 30}, {8, next[0], 1, 0}, {8, next[1], 2, 0}}, 2},
		{"one that was late, and is the last", []fragment{{7, old[1], 2, 0}, {7, old[0], 1, 30}}, 1},
	} {
		r, now, whole := newReassembler(), int64(0), 0
		take := func(res Result) bool {
			if res.Payload == nil {
				return false
			}
			whole++
			if !slices.ContainsFunc([][][]byte{old, young, next}, func(parts [][]byte) bool { return bytes.Equal(res.Payload, bytes.Join(parts, nil)) }) {
				t.Errorf("%s: a mixture was delivered", c.name)
			}
			return true
		}
		for _, f := range c.arrive {
			now += f.after * 1e6
			res := sendNumbered(r, alice, "t", f.number, f.packet, 2, f.data, now)
			for take(res); res.More; take(res) {
				res = r.Next()
			}
		}
		for take(r.Expire(now+reorderMax+1, true)) {
		}
		if whole != c.want {
			t.Errorf("%s: %d messages were delivered, want %d", c.name, whole, c.want)
		}
	}
}
