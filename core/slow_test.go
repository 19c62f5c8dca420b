package mcl

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// One callback sleeps, blocks for ever or panics each time. Beside it everybody else is served as if it were not there, its
// queue stays within its limits, and closing tells what is left, soon.
func TestASlowConsumerHoldsNobodyUp(t *testing.T) {
	const count, size, limit, batch = 3000, 500, 100, 64
	for _, c := range []struct {
		what    string
		policy  Policy
		dropped func(s ListenerStats) uint64 // where the policy has what is beyond the limit go
	}{
		{"drop oldest", DropOldest, func(s ListenerStats) uint64 { return s.DroppedQueue }},
		{"drop newest", DropNewest, func(s ListenerStats) uint64 { return s.DroppedQueue }},
		{"block", Block, func(s ListenerStats) uint64 { return s.DroppedKernel }},
	} {
		t.Run(c.what, func(t *testing.T) {
			conn := newConnection()
			small := conn
			if c.policy == Block {
				needsKernelsWord(t)
				small.RecvBuffer = 64 << 10 // so that the kernel has to drop
			}
			options := ListenerOptions{Queued: true, Policy: c.policy, QueueMessages: limit, QueueBytes: 30_000}
			slow := open(t, nil, small, options)
			quick := open(t, nil, conn, ListenerOptions{Queued: true})
			b := dial(t, nil, conn, BroadcasterOptions{})
			var heard atomic.Int64
			quick.Subscribe(func(*Received) { heard.Add(1) })
			stuck, entered, dropped := make(chan struct{}), make(chan struct{}), make(chan struct{})
			slow.SubscribeCallback(Callback{Call: func(*Received) {
				select {
				case <-entered:
				default:
					close(entered)
				}
				<-stuck
			}, Drop: func() { close(dropped) }})
			publish(t, b, "", "first")
			<-entered
			began := time.Now()
			for range count {
				publish(t, b, "", strings.Repeat("x", size))
				// On top is what the reader has just read, and is putting there, or waits to.
				if s := slow.Stats(); s.Queued > limit+batch || s.QueuedBytes > 30_000 {
					t.Fatalf("the queue holds %d messages, %d bytes", s.Queued, s.QueuedBytes)
				}
			}
			took := time.Since(began)
			eventually(t, quick, func(s ListenerStats) bool { return heard.Load() == count+1 })
			s := eventually(t, slow, func(s ListenerStats) bool { return s.Datagrams+s.DroppedKernel == count+1 || c.policy == Block })
			if c.dropped(s) == 0 || s.QueuedBytes == 0 {
				t.Errorf("%+v", s)
			}
			t.Logf("%v a publish", took/count)

			began = time.Now()
			err := slow.Close()
			if wantKind(t, err, ErrBusy); time.Since(began) > patience/2 {
				t.Errorf("closing took %v", time.Since(began))
			}
			if err != nil && !strings.Contains(err.Error(), "a callback still runs") {
				t.Errorf("%v does not say what was left", err)
			}
			if s := slow.Stats(); s.Delivered != 1 || s.Queued != 0 && c.policy != Block {
				t.Errorf("after closing: %+v", s)
			}
			close(stuck)
			<-dropped
			<-slow.stopped
			s = slow.Stats()
			balanced(t, s)
			if s.Queued != 0 || s.Discarded == 0 {
				t.Errorf("at the end: %+v", s)
			}
		})
	}
}

func TestACallbackThatPanicsEachTimeHoldsNobodyUp(t *testing.T) {
	conn := newConnection()
	told := atomic.Int64{}
	broken := open(t, nil, conn, ListenerOptions{Queued: true, OnError: func(error) { told.Add(1) }})
	quick := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	var heard, beside atomic.Int64
	broken.Subscribe(func(*Received) { panic("each time") })
	broken.Subscribe(func(*Received) { beside.Add(1) })
	quick.Subscribe(func(*Received) { heard.Add(1) })
	for i := range 1000 {
		publish(t, b, "", i)
	}
	eventually(t, quick, func(ListenerStats) bool { return heard.Load() == 1000 })
	eventually(t, broken, func(s ListenerStats) bool { return beside.Load() == 1000 && s.Delivered == 1000 })
	if n := told.Load(); n == 0 || n > 100 {
		t.Errorf("%d panics were told of, which should be about one a second", n)
	}
	if err := broken.Close(); err != nil {
		t.Error(err)
	}
}
