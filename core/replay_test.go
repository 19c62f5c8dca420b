package mcl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// entries is a user's own source.
type entries struct {
	list   []LogEntry
	n      int
	fail   map[int]error // before the entry at an index, once each
	hidden map[int]bool
	resets atomic.Int32
}

func (s *entries) Next() (*LogEntry, error) {
	if err := s.fail[s.n]; err != nil && !s.hidden[s.n] {
		if s.hidden == nil {
			s.hidden = make(map[int]bool)
		}
		s.hidden[s.n] = true
		return nil, err
	}
	if s.n == len(s.list) {
		return nil, io.EOF
	}
	s.n++
	lent := s.list[s.n-1] // used again at the next call, as a reader may
	return &lent, nil
}

func (s *entries) Reset() error {
	s.n, s.hidden = 0, nil
	s.resets.Add(1)
	return nil
}

// entry is one whose payload is a number.
func entry(elapsed time.Duration, number int) LogEntry {
	return LogEntry{Elapsed: elapsed, Payload: pack(number), File: "drive.log", Line: number + 12}
}

func pack(v any) []byte {
	e := getEncoder()
	defer e.put()
	packed, err := e.encode(v)
	if err != nil {
		panic(err)
	}
	return append([]byte(nil), packed...)
}

// replayTo makes a replay whose raw entries arrive at the listener.
func replayTo(t testing.TB, source ReplaySource, speed float64, o ReplayOptions) (*Replay, *Listener) {
	t.Helper()
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	if o.Targets == nil {
		o.Targets = map[string]*RawBroadcaster{"": dial(t, nil, conn, BroadcasterOptions{})}
	}
	return replay(t, source, speed, o), l
}

func replay(t testing.TB, source ReplaySource, speed float64, o ReplayOptions) *Replay {
	t.Helper()
	if o.OnError == nil {
		o.OnError = func(err error) { t.Error(err) }
	}
	r, err := NewReplay(source, speed, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func start(t testing.TB, r *Replay) {
	t.Helper()
	if began, err := r.Start(); err != nil || !began {
		t.Fatalf("start: %v, %v", began, err)
	}
}

func finish(t testing.TB, r *Replay) ReplayStats {
	t.Helper()
	if err := r.Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s != ReplayFinished || r.Pending() {
		t.Errorf("state %d, pending %v", s, r.Pending())
	}
	return settled(t, r)
}

// settled checks the sum.
func settled(t testing.TB, r *Replay) ReplayStats {
	t.Helper()
	s := r.Stats()
	if s.Read != s.Published+s.Errors+s.Discarded+s.Buffered {
		t.Errorf("the sum is off: %+v", s)
	}
	return s
}

func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

func wantNumbers(t testing.TB, l *Listener, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if v := receive(t, l); v != int64(i) {
			t.Fatalf("%v arrived, want %d", v, i)
		}
	}
}

func TestReplayIsNeverEarlyNorOutOfOrder(t *testing.T) {
	for _, speed := range []float64{1, 4, 0.5} {
		const gap = 4 * time.Millisecond
		var source entries
		for i := range 25 {
			source.list = append(source.list, entry(100*time.Second+time.Duration(i)*gap, i))
		}
		r, l := replayTo(t, &source, speed, ReplayOptions{})
		begin := time.Now()
		start(t, r)
		for i := range source.list {
			got, err := l.Receive(within(t))
			if err != nil {
				t.Fatal(err)
			}
			due := begin.Add(time.Duration(float64(i) * float64(gap) / speed))
			if v, _ := got.Value(); v != int64(i) || got.When().Before(due.Add(-time.Millisecond)) { // two clocks
				t.Errorf("speed %v: %v arrived %v early", speed, v, due.Sub(got.When()))
			}
		}
		if s := finish(t, r); s.Published != 25 || s.Read != 25 {
			t.Errorf("%+v", s)
		}
	}
}

func TestReplayKeepsTheOrderAcrossTypes(t *testing.T) {
	kernelStamps(t) // it compares the times at several sockets
	var source entries
	var listeners []*Listener
	const n, types = 300, 3
	for i := range types {
		typ := define(t, fmt.Sprintf("Order%d", i), []string{"number"}, newConnection())
		listeners = append(listeners, open(t, nil, Connection{}, ListenerOptions{Type: typ}))
	}
	for i := range n {
		e := entry(time.Duration(i)*10*time.Microsecond, i)
		e.Type = fmt.Sprintf("Order%d", i*i%types)
		e.Payload, e.Topic = pack(map[string]any{"number": i}), []byte(fmt.Sprintf("topic %d", i%2))
		source.list = append(source.list, e)
	}
	r := replay(t, &source, 1, ReplayOptions{})
	start(t, r)
	finish(t, r)
	arrived := make([]int64, n)
	for i := range n {
		got, err := listeners[i*i%types].Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if number, _ := got.Message().Int("number"); number != int64(i) {
			t.Fatalf("%d arrived, want %d", number, i)
		}
		if want := fmt.Sprintf("topic %d", i%2); string(got.Topic) != want {
			t.Errorf("topic %q, want %q", got.Topic, want)
		}
		arrived[i] = got.Time
		if i > 0 && arrived[i] < arrived[i-1] && !portableSockets { // whose times are not the kernel's
			t.Errorf("%d was sent before %d", i, i-1)
		}
	}
}

func TestAnEntryWithoutTopicIsPublishedWithoutOne(t *testing.T) {
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0)}}, 1, ReplayOptions{})
	start(t, r)
	if got, err := l.Receive(within(t)); err != nil || got.HasTopic {
		t.Errorf("topic %q, %v, %v", got.Topic, got.HasTopic, err)
	}
}

func TestPauseHaltsRecordedTime(t *testing.T) {
	const gap = 10 * time.Second // long enough to pause within
	const faster = 200
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0), entry(gap, 1), entry(2*gap, 2)}}, 1, ReplayOptions{})
	if r.Pause() {
		t.Error("paused before it ran")
	}
	start(t, r)
	if began, err := r.Start(); began || err != nil {
		t.Errorf("started twice: %v", err)
	}
	wantNumbers(t, l, 0, 0)
	if !r.Pause() || r.Pause() || r.State() != ReplayPaused {
		t.Error("pause")
	}
	halted, published := r.Elapsed(), r.Stats().Published
	time.Sleep(gap / faster) // nothing can be waited for: nothing is to happen
	if e := r.Elapsed(); e != halted || r.Stats().Published != published {
		t.Errorf("recorded time went on from %v to %v", halted, e)
	}
	if !r.Pending() || r.Wait(over()) == nil {
		t.Error("a paused replay is not over")
	}
	if err := r.SetSpeed(faster); err != nil {
		t.Fatal(err)
	}
	resumed := time.Now()
	start(t, r)
	wantNumbers(t, l, 1, 1)
	got, err := l.Receive(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if due := resumed.Add((2*gap-halted)/faster - time.Millisecond); got.When().Before(due) {
		t.Errorf("%v early after the pause", due.Sub(got.When()))
	}
	finish(t, r)
}

func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestStopAndTheEndBeginAnew(t *testing.T) {
	source := &entries{list: []LogEntry{entry(0, 0), entry(time.Hour, 1), entry(2*time.Hour, 2)}}
	r, l := replayTo(t, source, 1, ReplayOptions{})
	if r.Stop() {
		t.Error("stopped before it ran")
	}
	for range 3 {
		start(t, r)
		wantNumbers(t, l, 0, 0)
		if !r.Stop() || r.Stop() || r.State() != ReplayStopped {
			t.Error("stop")
		}
		if err := r.Wait(within(t)); err != nil {
			t.Error(err)
		}
	}
	if n := source.resets.Load(); n != 3 {
		t.Errorf("%d resets", n)
	}
	if s := settled(t, r); s.Published != 3 || s.Discarded != s.Read-3 || s.Buffered != 0 {
		t.Errorf("%+v", s)
	}
	if err := r.SetSpeed(0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		start(t, r)
		wantNumbers(t, l, 0, 2)
		finish(t, r)
	}
	if !r.Stop() || r.State() != ReplayStopped || r.Stop() {
		t.Error("stop after the end")
	}
	if s := settled(t, r); s.Published != 9 {
		t.Errorf("%+v", s)
	}
}

func TestRecordedTimeBeginsAnew(t *testing.T) {
	const gap = 20 * time.Millisecond // less than what counts as a step of the clock
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0), entry(gap, 1)}}, 1, ReplayOptions{})
	for round := range 3 {
		begin := time.Now()
		start(t, r)
		wantNumbers(t, l, 0, 0)
		got, err := l.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if due := begin.Add(gap - time.Millisecond); got.When().Before(due) {
			t.Errorf("round %d: %v early", round, due.Sub(got.When()))
		}
		finish(t, r)
	}
}

func TestStopDoesNotWaitForRoom(t *testing.T) {
	source := &entries{}
	for i := range 100 {
		source.list = append(source.list, entry(time.Duration(i)*time.Hour, i))
	}
	r, l := replayTo(t, source, 1, ReplayOptions{Buffer: 2})
	start(t, r)
	wantNumbers(t, l, 0, 0)
	until(t, "full", func() bool { s := r.Stats(); return s.Published == 1 && s.Buffered == 2 })
	r.Stop()
	if s := settled(t, r); source.resets.Load() != 1 || s.Published != 1 || s.Discarded != 2 {
		t.Errorf("%d resets, %+v", source.resets.Load(), s)
	}
}

func TestTheSpeedChangesWhileItRuns(t *testing.T) {
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0), entry(10*time.Minute, 1), entry(20*time.Minute, 2)}}, 0.01, ReplayOptions{})
	start(t, r)
	wantNumbers(t, l, 0, 0)
	changed := time.Now()
	if err := r.SetSpeed(10000); err != nil || r.Speed() != 10000 {
		t.Fatal(err)
	}
	got, err := l.Receive(within(t))
	if err != nil || got.When().Before(changed.Add(55*time.Millisecond)) {
		t.Errorf("after %v: %v", got.When().Sub(changed), err)
	}
	r.SetSpeed(0.01)
	r.SetSpeed(0)
	wantNumbers(t, l, 2, 2)
	finish(t, r)
	for _, speed := range []float64{-1, 1e-10, 1e10, math.NaN(), math.Inf(1)} {
		wantKind(t, r.SetSpeed(speed), ErrInvalid)
		_, err := NewReplay(&entries{}, speed, ReplayOptions{})
		wantKind(t, err, ErrInvalid)
	}
}

// Listeners of the program have the last message before it learns of the end.
func TestAReplayLingers(t *testing.T) {
	_, err := NewReplay(&entries{}, 1, ReplayOptions{Linger: -1})
	wantKind(t, err, ErrInvalid)
	const linger = 50 * time.Millisecond
	for name, list := range map[string][]LogEntry{"some": {entry(0, 0), entry(time.Millisecond, 1)}, "none": nil} {
		r, l := replayTo(t, &entries{list: list}, 1, ReplayOptions{Linger: linger})
		for range 2 {
			began := time.Now()
			start(t, r)
			wantNumbers(t, l, 0, len(list)-1)
			until(t, "all is published", func() bool { return !r.Pending() })
			finish(t, r)
			if took := time.Since(began); took < linger {
				t.Errorf("%s: it ended after %v", name, took)
			}
		}
		start(t, r)
		until(t, "all is published", func() bool { return !r.Pending() })
		if !r.Stop() || r.State() != ReplayStopped {
			t.Errorf("%s: it was over", name)
		}
	}
}

func TestAStepOfTheRecordersClock(t *testing.T) {
	r, l := replayTo(t, &entries{list: []LogEntry{entry(time.Hour, 0), entry(time.Hour+time.Millisecond, 1), entry(time.Minute, 2),
		entry(time.Minute+20*time.Millisecond, 3)}}, 1, ReplayOptions{})
	begin := time.Now()
	start(t, r)
	wantNumbers(t, l, 0, 2)
	got, err := l.Receive(within(t))
	if err != nil || got.When().Before(begin.Add(20*time.Millisecond)) {
		t.Errorf("%v, %v", got, err)
	}
	finish(t, r)
}

func TestWhatCannotBePublishedIsToldAndCounted(t *testing.T) {
	conn := newConnection()
	closed := dial(t, nil, conn, BroadcasterOptions{})
	closed.Close()
	define(t, "Fitting", []string{"x"}, newConnection())
	list := []LogEntry{entry(0, 0), entry(0, 1), entry(0, 2), entry(0, 3), entry(0, 4), entry(0, 5)}
	list[1].Type = "Closed"
	list[2].Type = "Nowhere"
	list[3].Type = "Fitting"          // a number is no such message
	list[4].Payload = []byte{0x92, 1} // cut short
	var told []string
	r, l := replayTo(t, &entries{list: list}, 1, ReplayOptions{OnError: func(err error) { told = append(told, err.Error()) }})
	r.SetTarget("Closed", closed)
	start(t, r)
	wantNumbers(t, l, 0, 0)
	wantNumbers(t, l, 5, 5)
	if s := finish(t, r); s.Published != 2 || s.Errors != 4 {
		t.Errorf("%+v", s)
	}
	r.Close()
	want := []string{"it is closed", `"Nowhere": no type has this name; define it first`, "Fitting", "cut short"}
	if len(told) != len(want) {
		t.Fatalf("%q", told)
	}
	for i, text := range told {
		if place := fmt.Sprintf("mcl: replay drive.log, line %d: ", i+13); !strings.HasPrefix(text, place) || !strings.Contains(text, want[i]) {
			t.Errorf("%q, want %q", text, want[i])
		}
	}
}

func TestRawDataNeedsATarget(t *testing.T) {
	var told error
	r := replay(t, &entries{list: []LogEntry{entry(0, 0)}}, 1, ReplayOptions{OnError: func(err error) { told = err }})
	start(t, r)
	if s := finish(t, r); s.Errors != 1 {
		t.Errorf("%+v", s)
	}
	r.Close()
	wantKind(t, told, ErrUnknown)
}

func TestWhatCannotBeReadIsToldAndCounted(t *testing.T) {
	bad := errors.New("line 3 is bad")
	var told atomic.Int32
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0), entry(0, 1)}, fail: map[int]error{0: bad, 1: bad, 2: bad}}, 1,
		ReplayOptions{OnError: func(err error) {
			if errors.Is(err, bad) {
				told.Add(1)
			}
		}})
	start(t, r)
	wantNumbers(t, l, 0, 1)
	if s := finish(t, r); s.Published != 2 || s.Errors != 3 || s.Read != 5 || told.Load() != 3 {
		t.Errorf("%+v, told %d", s, told.Load())
	}
}

type sourceFunc func() (*LogEntry, error)

func (f sourceFunc) Next() (*LogEntry, error) { return f() }

func TestASourceThatOnlyFailsEnds(t *testing.T) {
	for _, c := range []struct {
		errors uint64
		next   sourceFunc
	}{
		{sourceFailures, func() (*LogEntry, error) { return nil, errors.New("the disk is gone") }},
		{1, func() (*LogEntry, error) { return nil, closedError("read log", "drive.log") }},
		{sourceFailures, func() (*LogEntry, error) { return nil, nil }},
		{sourceFailures, func() (*LogEntry, error) { panic("a defect") }},
	} {
		r := replay(t, c.next, 1, ReplayOptions{OnError: func(error) {}})
		start(t, r)
		if s := finish(t, r); s.Errors != c.errors {
			t.Errorf("%+v", s)
		}
	}
}

func TestASourceThatStandsStill(t *testing.T) {
	stuck := func() (r *Replay, leave chan struct{}) {
		entered, leave := make(chan struct{}, 2), make(chan struct{})
		r = replay(t, sourceFunc(func() (*LogEntry, error) { entered <- struct{}{}; <-leave; return nil, io.EOF }), 1, ReplayOptions{})
		start(t, r)
		<-entered
		return r, leave
	}
	r, leave := stuck()
	if !r.Stop() { // after a second
		t.Error("not stopped")
	}
	_, err := r.Start()
	wantKind(t, err, ErrBusy)
	close(leave)
	start(t, r)
	finish(t, r)
	if err := r.Close(); err != nil {
		t.Error(err)
	}

	r, leave = stuck()
	wantKind(t, r.Close(), ErrBusy)
	wantKind(t, r.Close(), ErrClosed)
	close(leave)
	<-r.run.read
}

func TestOnErrorMayCallItsReplay(t *testing.T) {
	for what, call := range map[string]func(*Replay){
		"pause": func(r *Replay) { r.Pause() },
		"stop":  func(r *Replay) { r.Stop() },
		"close": func(r *Replay) { r.Close() },
		"panic": func(r *Replay) { r.Stop(); panic("a defect") },
	} {
		for _, reading := range []bool{true, false} {
			source := &entries{list: []LogEntry{entry(0, 0), entry(time.Hour, 1)}}
			if reading {
				source.fail = map[int]error{0: io.ErrUnexpectedEOF}
			} // else raw data without a target
			called := make(chan struct{}, 10)
			var r *Replay
			r = replay(t, source, 1, ReplayOptions{OnError: func(error) { call(r); called <- struct{}{} }})
			r.Start()
			if what == "panic" {
				until(t, what, func() bool { return r.State() == ReplayStopped })
			} else {
				<-called
			}
			if s := r.State(); s == ReplayRunning || s == ReplayFinished {
				t.Errorf("%s: state %d", what, s)
			}
		}
	}
}

func TestWaitingForAReplay(t *testing.T) {
	r, l := replayTo(t, &entries{list: []LogEntry{entry(0, 0), entry(time.Hour, 1)}}, 1, ReplayOptions{})
	fd, err := r.FD()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !readable(fd) {
		t.Error("stopped, and not readable")
	}
	start(t, r)
	wantNumbers(t, l, 0, 0)
	if readable(fd) {
		t.Error("running, and readable")
	}
	err = r.Wait(over())
	wantKind(t, err, ErrTimeout)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.SetSpeed(0)
	finish(t, r)
	if !readable(fd) {
		t.Error("finished, and not readable")
	}
	r.SetSpeed(1)
	start(t, r)
	waits := make(chan error)
	go func() { waits <- r.Wait(within(t)) }()
	r.Close()
	<-waits // ErrClosed, or nil when it waited late... it must return
	if !readable(fd) {
		t.Error("closed, and not readable")
	}
	_, err = r.Start()
	wantKind(t, err, ErrClosed)
	wantKind(t, r.Close(), ErrClosed)
	wantKind(t, r.Wait(within(t)), ErrClosed)
	if r.Stop() || r.Pause() {
		t.Error("stopped or paused after it was closed")
	}
}

func readable(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, _ := unix.Poll(fds, 0)
	return n > 0
}

func TestPushing(t *testing.T) {
	feed := NewReplayFeed(4)
	r, l := replayTo(t, feed, 1, ReplayOptions{})
	fd, err := feed.FD()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Release()
	e := entry(0, 0)
	for i := range 4 {
		if !readable(fd) {
			t.Error("room, and not readable")
		}
		copy(e.Payload, pack(i))
		if ok, err := feed.TryPush(&e); !ok || err != nil {
			t.Fatal(i, err)
		}
	}
	copy(e.Payload, pack(4)) // what was pushed was copied
	if ok, err := feed.TryPush(&e); ok || err != nil || readable(fd) || feed.Len() != 4 || !r.Pending() {
		t.Error(ok, err, readable(fd), feed.Len())
	}
	wantKind(t, feed.Push(over(), &e), ErrTimeout)
	pushed := make(chan error)
	go func() { pushed <- feed.Push(within(t), &e) }()
	start(t, r)
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, l, 0, 4)
	until(t, "readable for room", func() bool { return readable(fd) })
	if ok, err := feed.TryPush(&e); !ok || err != nil { // after it ran dry
		t.Fatal(err)
	}
	wantNumbers(t, l, 4, 4)
	feed.End()
	wantKind(t, feed.Push(within(t), &e), ErrClosed)
	_, err = feed.TryPush(&e)
	wantKind(t, err, ErrClosed)
	finish(t, r)

	start(t, r) // anew: it takes again
	if err := feed.Push(within(t), &e); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, l, 4, 4)
	r.Pause()
	for range 4 {
		feed.Push(within(t), &e)
	}
	go func() { pushed <- feed.Push(within(t), &e) }()
	select {
	case err := <-pushed:
		t.Errorf("pushed into a full feed: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	r.Stop()
	wantKind(t, <-pushed, ErrClosed)
	if s := settled(t, r); s.Discarded != 4 || feed.Len() != 0 {
		t.Errorf("%+v", s)
	}

	bad := LogEntry{Payload: []byte{0x92, 1}}
	wantKind(t, feed.Push(within(t), &bad), ErrFormat)
	wantKind(t, feed.Push(within(t), nil), ErrInvalid)
	_, err = NewReplay(feed, 1, ReplayOptions{})
	wantKind(t, err, ErrBusy)
	_, err = feed.Next()
	wantKind(t, err, ErrBusy)
	r.Close()
	wantKind(t, feed.Push(within(t), &e), ErrClosed)
	if !readable(fd) {
		t.Error("closed, and not readable")
	}
}

func TestHowLateAnEntryWasIsTold(t *testing.T) {
	feed := NewReplayFeed(0)
	r, l := replayTo(t, feed, 1, ReplayOptions{})
	first, second := entry(0, 0), entry(time.Millisecond, 1)
	feed.Push(within(t), &first)
	start(t, r)
	wantNumbers(t, l, 0, 0)
	const late = 20 * time.Millisecond
	until(t, "recorded time runs", func() bool { return r.Elapsed() > second.Elapsed+late })
	feed.Push(within(t), &second)
	wantNumbers(t, l, 1, 1)
	feed.End()
	if s := finish(t, r); s.LateMax < late {
		t.Errorf("%+v", s)
	}
}

func TestAFeedHoldsBoundedMemory(t *testing.T) {
	feed := NewReplayFeed(0)
	big := LogEntry{Payload: pack(make([]byte, feedBytes/4))}
	for i := range 5 {
		ok, err := feed.TryPush(&big)
		if err != nil || ok != (i < 3) { // four of them are a few bytes more
			t.Errorf("%d: %v, %v", i, ok, err)
		}
	}
	whole := NewReplayFeed(0)
	huge := LogEntry{Payload: pack(make([]byte, feedBytes+1))}
	if ok, err := whole.TryPush(&huge); !ok || err != nil {
		t.Errorf("one always fits: %v, %v", ok, err)
	}
}

func TestAFeedIsASource(t *testing.T) {
	feed := NewReplayFeed(2)
	go func() {
		for i := range 100 {
			e := entry(0, i)
			feed.Push(context.Background(), &e)
		}
		feed.End()
	}()
	for i := range 100 {
		e, err := feed.Next()
		if err != nil || string(e.Payload) != string(pack(i)) {
			t.Fatal(e, err)
		}
	}
	if _, err := feed.Next(); err != io.EOF {
		t.Error(err)
	}
}

func TestAReplayUnderEveryCallAtOnce(t *testing.T) {
	feed := NewReplayFeed(8)
	r, _ := replayTo(t, feed, 10, ReplayOptions{})
	stop := make(chan struct{})
	var running sync.WaitGroup
	for _, call := range []func(){
		func() { e := entry(0, 1); feed.Push(within(t), &e) },
		func() { e := entry(time.Millisecond, 1); feed.TryPush(&e) },
		func() { r.Start() },
		func() { r.Pause() },
		func() { r.Stop() },
		func() { r.SetSpeed(0); r.SetSpeed(100) },
		func() { settled(t, r); r.Pending(); r.State(); r.Elapsed(); r.Speed() },
		feed.End,
	} {
		running.Add(1)
		go func() {
			defer running.Done()
			for {
				select {
				case <-stop:
					return
				default:
					call()
					runtime.Gosched()
				}
			}
		}()
	}
	time.Sleep(200 * time.Millisecond) // of everything
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	running.Wait()
	settled(t, r)
}

func TestAReplayLeavesNothingBehind(t *testing.T) {
	typ := define(t, "Nothing", nil, newConnection())
	cycle := func(end bool) {
		var opened sync.Map
		e := entry(0, 0)
		e.Type, e.Payload = typ.name, pack(map[string]any{})
		later := e
		later.Elapsed = time.Hour
		r, err := NewReplay(&entries{list: []LogEntry{e, later}}, 1, ReplayOptions{OnDescriptor: func(fd int, isOpen bool) {
			if isOpen {
				opened.Store(fd, true)
			} else {
				opened.Delete(fd)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		start(t, r)
		until(t, "published", func() bool { return r.Stats().Published == 1 })
		if end {
			r.SetSpeed(0)
			finish(t, r)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		opened.Range(func(fd, _ any) bool { t.Errorf("descriptor %v is not told closed", fd); return true })
	}
	cycle(true)
	goroutines, fds := runtime.NumGoroutine(), descriptorCount(t)
	for i := range 20 {
		cycle(i%2 == 0)
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := descriptorCount(t); n > fds {
		t.Errorf("%d descriptors, %d before", n, fds)
	}
}

func descriptorCount(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
