package mcl

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"libmcl/core/internal/netio/netiotest"
)

func TestTopicsAreFiltered(t *testing.T) {
	for _, c := range []struct {
		topics []string
		want   []any
	}{
		{nil, []any{"none", "empty", "a", "b", "c"}},
		{[]string{"b"}, []any{"b"}},
		{[]string{"c", "a"}, []any{"a", "c"}},
		{[]string{""}, []any{"empty"}}, // which is not to have none
	} {
		n, conn := netiotest.New(1), newConnection()
		l := open(t, n, conn, ListenerOptions{Topics: c.topics})
		b := dial(t, n, conn, BroadcasterOptions{})
		publish(t, b, "", "none")
		empty := ""
		if err := b.PublishTopic(&empty, "empty"); err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"a", "b", "c"} {
			publish(t, b, topic, topic)
		}
		var got []any
		for range c.want {
			got = append(got, receive(t, l))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("topics %q: got %v, want %v", c.topics, got, c.want)
		}
		eventually(t, l, func(s ListenerStats) bool { return s.Filtered == uint64(5-len(c.want)) && s.Datagrams == 5 })
	}
}

func TestAnEmptyTopicIsNotNone(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	empty := ""
	b := dial(t, n, conn, BroadcasterOptions{Topic: &empty})
	b.Publish(1)
	r, _ := l.Receive(within(t))
	if !r.HasTopic || len(r.Topic) != 0 {
		t.Errorf("topic %q, present %v", r.Topic, r.HasTopic)
	}
}

func TestASlowCallbackLosesNothingWhenQueued(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	n.Buffer = 64 // a kernel that keeps little
	l := open(t, n, conn, ListenerOptions{Queued: true})
	b := dial(t, n, conn, BroadcasterOptions{})
	block, got := make(chan struct{}), make(chan int64, 1000)
	l.Subscribe(func(r *Received) {
		<-block
		v, _ := r.Value()
		got <- v.(int64)
	})
	for i := range 1000 {
		publish(t, b, "", i)
		eventually(t, l, func(s ListenerStats) bool { return s.Messages == uint64(i+1) }) // received while the callback is stuck
	}
	close(block)
	for i := range 1000 {
		if v := <-got; v != int64(i) {
			t.Fatalf("got %d, want %d", v, i)
		}
	}
	if s := l.Stats(); s.DroppedKernel+s.DroppedQueue != 0 {
		t.Errorf("dropped: %+v", s)
	}
}

func TestQueuePolicies(t *testing.T) {
	for _, c := range []struct {
		policy Policy
		want   []any
	}{
		{DropOldest, []any{int64(7), int64(8), int64(9)}},
		{DropNewest, []any{int64(0), int64(1), int64(2)}},
		{Block, []any{int64(0), int64(1), int64(2), int64(3), int64(4), int64(5), int64(6), int64(7), int64(8), int64(9)}},
	} {
		n, conn := netiotest.New(1), newConnection()
		l := open(t, n, conn, ListenerOptions{Policy: c.policy, QueueMessages: 3})
		b := dial(t, n, conn, BroadcasterOptions{})
		for i := range 10 {
			publish(t, b, "", i)
		}
		if c.policy != Block {
			s := eventually(t, l, func(s ListenerStats) bool { return s.Messages == 10 && s.Queued == 3 })
			if s.DroppedQueue != 7 {
				t.Errorf("policy %d: %d dropped", c.policy, s.DroppedQueue)
			}
		}
		var got []any
		for range c.want {
			got = append(got, receive(t, l))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("policy %d: got %v", c.policy, got)
		}
	}
}

func TestBlockLeavesTheRestToTheKernelWhichCounts(t *testing.T) {
	for _, queued := range []bool{true, false} {
		n, conn := netiotest.New(1), newConnection()
		n.Buffer = 10
		l := open(t, n, conn, ListenerOptions{Policy: Block, QueueMessages: 3, Queued: queued})
		b := dial(t, n, conn, BroadcasterOptions{})
		for i := range 200 {
			publish(t, b, "", i)
		}
		s := eventually(t, l, func(s ListenerStats) bool { return s.DroppedKernel > 0 })
		// A subscription finds the reader waiting for room.
		var got sync.WaitGroup
		got.Add(200 - int(s.DroppedKernel))
		if _, err := l.Subscribe(func(*Received) { got.Done() }); err != nil {
			t.Fatal(err)
		}
		got.Wait()
		eventually(t, l, func(s ListenerStats) bool { return s.Delivered+s.DroppedKernel == 200 })
	}
}

func TestTheEndOfAContextEndsAReceive(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := l.Receive(ctx)
	wantKind(t, err, ErrTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap the context's error", err)
	}
}

func TestTheOwnerAndCallbacksExcludeEachOther(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	waiting := make(chan error)
	go func() { _, err := l.Receive(within(t)); waiting <- err }()
	id, _ := l.Subscribe(func(*Received) {})
	wantKind(t, <-waiting, ErrBusy)
	_, err := l.Receive(within(t))
	wantKind(t, err, ErrBusy)
	if err := l.Unsubscribe(id); err != nil {
		t.Fatal(err)
	}
	wantKind(t, l.Unsubscribe(id), ErrUnknown)
	_, err = l.Subscribe(nil)
	wantKind(t, err, ErrInvalid)
	b := dial(t, n, conn, BroadcasterOptions{})
	b.Publish("now mine")
	if v := receive(t, l); v != "now mine" {
		t.Error(v)
	}
}

func TestWaitersShareWhatComes(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	var waiters sync.WaitGroup
	for range 8 {
		waiters.Add(1)
		go func() {
			defer waiters.Done()
			for range 100 {
				if _, err := l.Receive(within(t)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for i := range 800 {
		publish(t, b, "", i)
	}
	waiters.Wait()
}

func TestAPanicInACallbackStopsNothing(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	reported := make(chan error, 10)
	l := open(t, n, conn, ListenerOptions{OnError: func(err error) { reported <- err }})
	b := dial(t, n, conn, BroadcasterOptions{})
	got := make(chan any, 10)
	l.Subscribe(func(*Received) { panic("ouch") })
	l.Subscribe(func(r *Received) { v, _ := r.Value(); got <- v })
	publish(t, b, "", "x")
	publish(t, b, "", "y")
	if <-got != "x" || <-got != "y" {
		t.Error("the other callback did not get both")
	}
	if err := <-reported; !strings.Contains(err.Error(), "ouch") || !strings.Contains(err.Error(), "listener_test.go") {
		t.Errorf("reported %v", err)
	}
}

func TestCallbacksMayUseTheirListener(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	done := make(chan struct{})
	l.Subscribe(func(r *Received) {
		v, _ := r.Value()
		if v == int64(1) {
			l.Stats()
			l.Settings()
			l.Subscribe(func(*Received) { close(done) })
			b.Publish(2)
		}
	})
	b.Publish(1)
	<-done
}

// A callback that another one has removed, or that goes with a listener which another one has closed, does not get the
// message that both were about to get, and is dropped once.
func TestACallbackRemovesTheNext(t *testing.T) {
	for _, queued := range []bool{false, true} {
		for _, remove := range []func(l *Listener, next uint64) error{(*Listener).Unsubscribe,
			func(l *Listener, _ uint64) error { return l.Close() }} {
			n, conn := netiotest.New(1), newConnection()
			l := open(t, n, conn, ListenerOptions{Queued: queued})
			b := dial(t, n, conn, BroadcasterOptions{})
			var next uint64
			var dropped atomic.Int32
			subscribed, done := make(chan struct{}), make(chan error)
			l.Subscribe(func(*Received) { <-subscribed; done <- remove(l, next) })
			next, _ = l.SubscribeCallback(Callback{
				Call: func(*Received) { t.Error("it was called after its end") },
				Drop: func() { dropped.Add(1) },
			})
			close(subscribed)
			publish(t, b, "", 1)
			if err := <-done; err != nil {
				t.Error(err)
			}
			l.Close()
			if n := dropped.Load(); n != 1 {
				t.Errorf("queued=%v: dropped %d times", queued, n)
			}
		}
	}
}

func TestEveryWaiterIsWoken(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	results := make(chan error)
	wait := func() {
		for range 3 {
			go func() { results <- l.Wait(within(t)) }()
		}
		for range 20 {
			runtime.Gosched() // so that in most of the rounds they wait already
		}
	}
	for range 200 {
		wait()
		publish(t, b, "", 1)
		for range 3 {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		receive(t, l)
		wait()
		id, _ := l.Subscribe(func(*Received) {})
		for range 3 {
			wantKind(t, <-results, ErrBusy)
		}
		l.Unsubscribe(id)
	}
}

func TestPanicsAroundCallbacksStopNothing(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{OnError: func(error) { panic("the reporter, too") }})
	b := dial(t, n, conn, BroadcasterOptions{})
	calls := make(chan uint64, 10)
	var id uint64
	id, _ = l.SubscribeCallback(Callback{
		Call: func(*Received) { l.Unsubscribe(id); calls <- id },
		Drop: func() { panic("the end") },
	})
	publish(t, b, "", 1)
	<-calls
	publish(t, b, "", 2)
	if v := receive(t, l); v != int64(2) {
		t.Error(v)
	}
}
