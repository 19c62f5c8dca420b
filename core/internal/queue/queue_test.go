package queue

import (
	"bytes"
	"fmt"
	"testing"

	"libmcl/core/internal/buf"
)

// entry makes an entry that owns its memory.
func entry(w *Writer, text string) Entry {
	source := buf.Get(1 << 16)
	defer source.Release()
	e := Entry{Payload: source.Bytes()[:copy(source.Bytes(), text)]}
	w.Own(&e, source)
	clear(source.Bytes()[:len(text)])
	return e
}

func drain(r *Ring) (texts []string) {
	for e, ok := r.Take(); ok; e, ok = r.Take() {
		texts = append(texts, string(e.Payload))
		e.Owner.Release()
	}
	return texts
}

func TestPoliciesAtTheLimit(t *testing.T) {
	for _, c := range []struct {
		policy  Policy
		want    string
		dropped int
		refused bool
	}{
		{DropOldest, "[2 3 4]", 2, false},
		{DropNewest, "[0 1 2]", 2, false},
		{Block, "[0 1 2]", 0, true},
	} {
		r := &Ring{MaxEntries: 3, MaxBytes: 1000, Policy: c.policy}
		w := new(Writer)
		total, refused := 0, false
		for i := range 5 {
			dropped, ok := r.Put(entry(w, fmt.Sprint(i)))
			total += dropped
			refused = refused || !ok
		}
		if got := fmt.Sprint(drain(r)); got != c.want || total != c.dropped || refused != c.refused {
			t.Errorf("policy %d: %s with %d dropped, refused %v", c.policy, got, total, refused)
		}
	}
}

func TestLimitInBytes(t *testing.T) {
	r := &Ring{MaxEntries: 100, MaxBytes: 10, Policy: DropOldest}
	w := new(Writer)
	r.Put(entry(w, "aaaa"))
	r.Put(entry(w, "bbbb"))
	if dropped, _ := r.Put(entry(w, "cccccc")); dropped != 1 || r.Bytes() != 10 {
		t.Errorf("%d dropped, %d bytes", dropped, r.Bytes())
	}
	// One that is larger than the limit still passes, alone.
	if dropped, ok := r.Put(entry(w, "dddddddddddddddddd")); dropped != 2 || !ok {
		t.Errorf("the large one: %d dropped, %v", dropped, ok)
	}
	if got := drain(r); len(got) != 1 || r.Bytes() != 0 {
		t.Errorf("left %q, %d bytes", got, r.Bytes())
	}
}

func TestOrderIsKeptWhileTheRingGrowsWrapsAndIsPutBackInto(t *testing.T) {
	r := &Ring{MaxEntries: 1 << 20, MaxBytes: 1 << 40, Policy: DropOldest}
	w := new(Writer)
	next, want := 0, 0
	for round := range 300 {
		for range 50 {
			r.Put(entry(w, fmt.Sprint(next)))
			next++
		}
		for range 20 + round%60 {
			e, ok := r.Take()
			if !ok {
				break
			}
			if round%3 == 0 {
				r.PutBack(e)
				e, _ = r.Take()
			}
			if string(e.Payload) != fmt.Sprint(want) {
				t.Fatalf("got %s, want %d", e.Payload, want)
			}
			want++
			e.Owner.Release()
		}
	}
	if left := len(drain(r)); want+left != next {
		t.Errorf("%d taken and %d left of %d", want, left, next)
	}
}

func TestOwnKeepsWhatTheSourceForgets(t *testing.T) {
	w := new(Writer)
	var kept []Entry
	for _, size := range []int{0, 1, 1000, 16 << 10, 40 << 10, 65000, 31 << 10, 33 << 10} {
		source := buf.Get(1 << 16)
		payload := source.Bytes()[:size]
		for i := range payload {
			payload[i] = byte(size + i)
		}
		e := Entry{Payload: payload, Topic: []byte("topic"), HasTopic: true}
		w.Own(&e, source)
		if !source.Shared() {
			clear(payload)
		}
		source.Release()
		kept = append(kept, e)
	}
	for _, e := range kept {
		want := make([]byte, len(e.Payload))
		for i := range want {
			want[i] = byte(len(want) + i)
		}
		if !bytes.Equal(e.Payload, want) || string(e.Topic) != "topic" {
			t.Errorf("%d bytes with topic %q were not kept", len(e.Payload), e.Topic)
		}
		e.Owner.Release()
	}
}
