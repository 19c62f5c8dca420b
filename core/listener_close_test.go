package mcl

import (
	"testing"

	"libmcl/core/internal/netio/netiotest"
)

func TestClosing(t *testing.T) {
	for _, queued := range []bool{false, true} {
		n, conn := netiotest.New(1), newConnection()
		b := dial(t, n, conn, BroadcasterOptions{})

		// From a callback: it does not wait for itself, and no further call comes.
		l := open(t, n, conn, ListenerOptions{Queued: queued})
		calls, drops, returned := 0, make(chan int, 2), make(chan error, 1)
		l.SubscribeCallback(Callback{
			Call: func(*Received) { calls++; returned <- l.Close() },
			Drop: func() { drops <- calls },
		})
		for i := range 10 {
			publish(t, b, "", i)
		}
		if err := <-returned; err != nil {
			t.Error(err)
		}
		if n := <-drops; n != 1 {
			t.Errorf("%d calls before the drop", n)
		}
		wantKind(t, l.Close(), ErrClosed)
		_, err := l.Subscribe(func(*Received) {})
		wantKind(t, err, ErrClosed)
		_, err = l.Receive(within(t))
		wantKind(t, err, ErrClosed)
		balanced(t, l.Stats())

		// While others wait.
		l = open(t, n, conn, ListenerOptions{Queued: queued})
		waiting := make(chan error, 3)
		for range 3 {
			go func() { _, err := l.Receive(within(t)); waiting <- err }()
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			wantKind(t, <-waiting, ErrClosed)
		}

		// With a stuck callback: it says so within a second or so, and the drop comes when the callback has returned.
		l = open(t, n, conn, ListenerOptions{Queued: queued})
		stuck, entered, dropped := make(chan struct{}), make(chan struct{}), make(chan struct{})
		l.SubscribeCallback(Callback{Call: func(*Received) { close(entered); <-stuck }, Drop: func() { close(dropped) }})
		publish(t, b, "", 1)
		<-entered
		publish(t, b, "", 2)
		wantKind(t, l.Close(), ErrBusy)
		select {
		case <-dropped:
			t.Error("dropped while the callback runs")
		default:
		}
		close(stuck)
		<-dropped
		<-l.stopped
		balanced(t, l.Stats())
	}
}

func TestClosingDiscardsAndCountsWhatIsQueued(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	fill(t, l, b, "", 10)
	l.Close()
	if s := l.Stats(); s.Discarded != 10 || s.Queued != 0 {
		t.Errorf("%+v", s)
	}
}

func TestUnsubscribing(t *testing.T) {
	for _, queued := range []bool{false, true} {
		n, conn := netiotest.New(1), newConnection()
		l := open(t, n, conn, ListenerOptions{Queued: queued})
		b := dial(t, n, conn, BroadcasterOptions{})

		// Itself, from within.
		var own uint64
		ready, dropped := make(chan struct{}), make(chan struct{})
		calls := 0
		own, _ = l.SubscribeCallback(Callback{Call: func(*Received) {
			<-ready
			calls++
			if err := l.Unsubscribe(own); err != nil {
				t.Error(err)
			}
		}, Drop: func() { close(dropped) }})
		close(ready)
		publish(t, b, "", 1)
		<-dropped
		publish(t, b, "", 2)
		if receive(t, l) != int64(2) || calls != 1 {
			t.Errorf("%d calls", calls)
		}

		// While it runs: it waits for the end.
		entered, leave := make(chan struct{}), make(chan struct{})
		over := false
		id, _ := l.Subscribe(func(*Received) { close(entered); <-leave; over = true })
		publish(t, b, "", 3)
		<-entered
		go close(leave)
		if err := l.Unsubscribe(id); err != nil || !over {
			t.Errorf("%v, over: %v", err, over)
		}
	}
}

func TestOnErrorMayCloseItsListener(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	typ := define(t, "Closing", nil, conn)
	result := make(chan error, 1)
	var l *Listener
	ready := make(chan struct{})
	l = open(t, n, conn, ListenerOptions{Type: typ, Queued: true, OnError: func(error) { <-ready; result <- l.Close() }})
	close(ready)
	publish(t, dial(t, n, conn, BroadcasterOptions{}), "", "no message")
	if err := <-result; err != nil {
		t.Error(err)
	}
}
