package mcl

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"libmcl/core/internal/netio/netiotest"
)

// Both kinds of listener give callbacks everything in order, one at a time.
func TestCallbacksRunInOrderOneAtATime(t *testing.T) {
	for _, queued := range []bool{false, true} {
		t.Run(fmt.Sprintf("queued=%v", queued), func(t *testing.T) {
			n, conn := netiotest.New(1), newConnection()
			l := open(t, n, conn, ListenerOptions{Queued: queued})
			b := dial(t, n, conn, BroadcasterOptions{})
			const count = 2000
			var first, second []int64
			var inside sync.Mutex
			done := make(chan struct{})
			collect := func(to *[]int64) func(*Received) {
				return func(r *Received) {
					if !inside.TryLock() {
						t.Error("two callbacks at once")
						return
					}
					defer inside.Unlock()
					v, _ := r.Value()
					*to = append(*to, v.(int64))
					if to == &second && v.(int64) == count-1 {
						close(done)
					}
				}
			}
			fill(t, l, b, "", 100)
			block := make(chan struct{})
			first0 := collect(&first)
			l.Subscribe(func(r *Received) { <-block; first0(r) })
			l.Subscribe(collect(&second))
			close(block)
			for i := 100; i < count; i++ {
				publish(t, b, "", i)
			}
			<-done
			for i := range first {
				if first[i] != int64(i) {
					t.Fatalf("message %d came in place %d", first[i], i)
				}
			}
			// The second may have come when a message or two had been taken for the first.
			if len(first) != count || len(second) < count-2 || !reflect.DeepEqual(second, first[count-len(second):]) {
				t.Errorf("the callbacks got %d and %d messages, or not the same", len(first), len(second))
			}
			eventually(t, l, func(s ListenerStats) bool { return s.Delivered == count })
		})
	}
}

// Callbacks that come and go never see messages out of order.
func TestOrderIsKeptWhileCallbacksComeAndGo(t *testing.T) {
	for _, queued := range []bool{false, true} {
		n, conn := netiotest.New(1), newConnection()
		l := open(t, n, conn, ListenerOptions{Queued: queued})
		b := dial(t, n, conn, BroadcasterOptions{})
		stop, published := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(published)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					b.Publish(i)
				}
			}
		}()
		last, wrong := int64(-1), 0
		for range 20_000 {
			id, err := l.Subscribe(func(r *Received) {
				v, _ := r.Value()
				if v.(int64) <= last {
					wrong++
				}
				last = v.(int64)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Unsubscribe(id); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		<-published
		if wrong > 0 {
			t.Errorf("queued=%v: %d messages out of order", queued, wrong)
		}
		balanced(t, l.Stats())
	}
}

// Somebody subscribes while messages are in hand, which are then put back: they are delivered, too.
func TestASubscriptionWhileMessagesAreInHand(t *testing.T) {
	for _, queued := range []bool{false, true} {
		n, conn := netiotest.New(1), newConnection()
		l := open(t, n, conn, ListenerOptions{Queued: queued})
		b := dial(t, n, conn, BroadcasterOptions{})
		fill(t, l, b, "", 4)
		h, err := l.TakeNow(2)
		if err != nil || len(h.Messages) != 2 {
			t.Fatal(h, err)
		}
		got := make(chan any, 4)
		l.Subscribe(func(r *Received) { v, _ := r.Value(); got <- v })
		seen := map[any]int{<-got: 1}
		seen[<-got]++
		if err := h.Settle(0, 0); err != nil {
			t.Error(err)
		}
		seen[<-got]++
		seen[<-got]++
		if len(seen) != 4 {
			t.Errorf("queued=%v: got %v", queued, seen)
		}
	}
}

// Large messages that follow each other are numbered: then nothing that is lost or overtaken lets them mix.
func TestLargeMessagesDoNotMix(t *testing.T) {
	for seed := range uint64(10) {
		largeMessages(t, seed)
	}
}

// Several programs publish large messages at once: their fragments come mixed, and all the same each message becomes whole.
func TestSeveralSendersOfLargeMessages(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	const senders, each, fragments = 8, 2, burst + 8
	var publishing sync.WaitGroup
	for i := range senders {
		b := dial(t, n, conn, BroadcasterOptions{})
		publishing.Add(1)
		go func() {
			defer publishing.Done()
			for range each { // of more fragments than go out without a pause
				if err := b.Publish(bytes.Repeat([]byte{byte(i)}, (fragments-1)*60_000)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	publishing.Wait()
	s := eventually(t, l, func(s ListenerStats) bool {
		return s.Joined+s.Evicted+s.Repeated+s.Assembling == senders*each*fragments
	})
	if s.Messages != senders*each {
		t.Errorf("%d of %d messages became whole", s.Messages, senders*each)
	}
}

func largeMessages(t *testing.T, seed uint64) {
	n, conn := netiotest.New(seed), newConnection()
	n.Loss, n.Repeat, n.Reorder = 0.05, 0.1, 0.3
	conn.ReassemblyAge = 50 * time.Millisecond
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	const count = 200
	for i := range count {
		publish(t, b, "", bytes.Repeat([]byte{byte(i)}, 100_000))
		publish(t, b, "", "small")
	}
	faults := n.Faults()
	arrived := b.Stats().Datagrams - faults.Lost + faults.Repeated
	s := eventually(t, l, func(s ListenerStats) bool { return s.Datagrams == arrived && s.Assembling == 0 })
	whole := 0
	l.drain(new(Hand), int(s.Queued), func(r *Received) {
		v, _ := r.Value()
		if data, ok := v.([]byte); ok {
			whole++
			if len(data) != 100_000 || !bytes.Equal(data[1:], data[:len(data)-1]) {
				t.Errorf("seed %d: a mixture of message %d and %d", seed, data[0], data[len(data)-1])
			}
		}
	})
	if whole < count*8/10 { // 90 % by arithmetic
		t.Errorf("%d of %d came whole", whole, count)
	}
}
