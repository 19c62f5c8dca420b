package main

import (
	"sync"
	"sync/atomic"
	"testing"

	mcl "libmcl/core"
)

// However calls and closes meet, the object is dropped once, after the last call and before a close returns.
func TestCallsAgainstClose(t *testing.T) {
	for range 200 {
		var drops, inside atomic.Int32
		type object struct{ _ int }
		h := newHandle(broadcasterKind, &object{}, func() {
			if inside.Load() != 0 {
				t.Error("dropped while a call is inside")
			}
			drops.Add(1)
		})
		var running sync.WaitGroup
		var closed atomic.Int32
		for i := range 6 {
			running.Add(1)
			go func() {
				defer running.Done()
				if i < 2 {
					if closeHandle[*object](h, broadcasterKind, nil) == nil {
						closed.Add(1)
						if drops.Load() != 1 {
							t.Error("close returned before the object was dropped")
						}
					}
					return
				}
				for {
					e, err := enter(h, broadcasterKind)
					if err != nil {
						if mcl.CodeOf(err) != mcl.ErrClosed {
							t.Error(err)
						}
						return
					}
					inside.Add(1)
					if e.object.(*object) == nil {
						t.Error("no object")
					}
					inside.Add(-1)
					e.leave()
				}
			}()
		}
		running.Wait()
		if closed.Load() != 1 || drops.Load() != 1 {
			t.Fatalf("closed %d times, dropped %d times", closed.Load(), drops.Load())
		}
	}
}

// The table does not grow with the handles that come and go, those closed lately are known as such, and no number comes
// again: a program that still has one would use the object of another.
func TestNumbersNeverComeAgain(t *testing.T) {
	const rounds = 5 * quarantineSize
	if lastGeneration == 0 {
		t.Skip("addresses have no bits to spare")
	}
	first := newHandle(typeKind, t, nil)
	if err := closeHandle[*testing.T](first, typeKind, nil); err != nil {
		t.Fatal(err)
	}
	seen := map[uintptr]bool{uintptr(first): true}
	for i := range rounds {
		h := newHandle(messageKind, t, nil)
		if seen[uintptr(h)] {
			t.Fatalf("a handle's number came again after %d", i)
		}
		seen[uintptr(h)] = true
		_, err := enter(first, typeKind)
		if code := mcl.CodeOf(err); code != mcl.ErrClosed && (i < quarantineSize-1 || code != mcl.ErrHandle) {
			t.Fatalf("after %d: %v", i, err)
		}
		if err := closeHandle[*testing.T](h, messageKind, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(table.entries); n > quarantineSize {
		t.Errorf("%d entries are kept", n)
	}
	if n := len(table.spare); n > 2 {
		t.Errorf("%d tokens are spare, though there was one handle at a time", n)
	}
}

// A token's last generation is not followed by its first.
func TestTokenEnds(t *testing.T) {
	first := newToken()
	made := map[uintptr]bool{}
	for next, ok := first, true; ok; next, ok = next.next() {
		if made[next.handle()] || uintptr(next.address) != uintptr(first.address) {
			t.Fatalf("%#x after %d", next.handle(), len(made))
		}
		made[next.handle()] = true
	}
	if len(made) != int(lastGeneration)+1 {
		t.Errorf("%d handles", len(made))
	}
}

func TestCutUTF8(t *testing.T) {
	for limit, want := range []int{0, 1, 1, 3, 3, 3, 6, 7, 7} {
		if got := cutUTF8("aé€x", limit); got != want {
			t.Errorf("limit %d: %d, not %d", limit, got, want)
		}
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	h := newHandle(typeKind, b, nil)
	b.ReportAllocs()
	for b.Loop() {
		e, _ := enter(h, typeKind)
		e.leave()
	}
}
