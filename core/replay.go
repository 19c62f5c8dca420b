package mcl

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"libmcl/core/internal/clock"
	"libmcl/core/internal/notify"
)

// A ReplaySource gives the entries of a replay, in order: a *LogReader, a *ReplayFeed, or your own.
//
// Next returns the next entry, which it may use again at the next call, or io.EOF when there is none. Any other error stands
// for an entry that cannot be read: it is told and counted, and Next is called again; but when it is ErrClosed, or a hundred
// follow one another that are not ErrFormat, the source counts as ended. Next is called by one goroutine at a time. Where the
// source has a method Reset() error, Stop calls it, and so does Start after the end. Where it has Pending() bool, as a
// *LogReader does, Replay.Pending asks it.
type ReplaySource interface {
	Next() (*LogEntry, error)
}

// sourceFailures is how many errors in a row, of a kind other than ErrFormat, end a source.
const sourceFailures = 100

// ReplayOptions are the options of NewReplay. The zero value is the default.
type ReplayOptions struct {
	// Buffer is how many entries are read ahead; default 5000. At most 64 MiB are, but always one entry. A *ReplayFeed has a
	// length of its own.
	Buffer int

	// Targets publish the entries of a type, by LogEntry.Type: "" is raw data. They must stay open. For any other type the
	// replay opens a broadcaster on the registered type of that name (Lookup).
	Targets map[string]*RawBroadcaster

	// Linger is how long it is ReplayRunning still when the last entry is published, so that listeners of this program have it
	// by the end; default none.
	Linger time.Duration

	// OnError is told of each entry that cannot be read or published; the replay goes on. It runs on the replay's goroutines,
	// one call at a time, and may call the replay. The default prints to stderr, at most once a second.
	OnError func(error)

	// OnDescriptor is told of each descriptor that the replay opens, as BroadcasterOptions.OnDescriptor is.
	OnDescriptor func(fd int, open bool)
}

// A ReplayState says what a Replay is doing.
type ReplayState int

const (
	ReplayStopped  ReplayState = replayStopped
	ReplayRunning  ReplayState = replayRunning
	ReplayPaused   ReplayState = replayPaused
	ReplayFinished ReplayState = replayFinished // the source has ended, and all is published
)

// ReplayStats counts what a replay did since it was made. A sum holds at every moment, exactly:
//
//	Read = Published + Errors + Discarded + Buffered
type ReplayStats struct {
	Read      uint64        // entries, those that could not be read included
	Published uint64        // entries
	Errors    uint64        // entries that could not be read or published
	Discarded uint64        // entries read ahead when it was stopped
	Buffered  uint64        // entries that wait for their time, now
	LateMax   time.Duration // the most that a publish began after its time; of no meaning for a speed of 0
}

// A Replay publishes the entries of a source with the timing that they were recorded with. Its methods may be called from any
// goroutine.
//
// The first entry is published at once, and each other one when as much time has passed since as passed when it was recorded,
// divided by the speed. An entry that is late is published at once; none is skipped, and the order of all entries is kept,
// whatever their types. Where a log's time goes back (the clock was set), it goes on from there.
//
// An entry without a topic is published with its broadcaster's default topic: with none, where the replay opened it.
type Replay struct {
	source  ReplaySource // nil: the feed is filled by others
	feed    *ReplayFeed
	opts    ReplayOptions
	waiter  *clock.Waiter
	origin  time.Time  // of the monotonic clock
	control sync.Mutex // one Start, Stop or Close at a time

	mu         sync.Mutex // protects what follows
	targets    map[string]*RawBroadcaster
	opened     map[string]*RawBroadcaster
	state      ReplayState
	line       clock.Timeline
	run        *replayRun    // the latest; nil before the first Start
	rewind     bool          // the source must be reset before the next run
	idle       chan struct{} // closed while it is stopped or finished
	signal     *notify.Notifier
	closed     bool
	publishing bool
	published  sync.Cond // publishing has become false
	lateMax    time.Duration

	telling sync.Mutex // one OnError at a time
	told    limiter    // to stderr

	topic string // the publishing goroutine's: of the last entry
}

// NewReplay makes a replay, which Start begins. The source belongs to it until it is closed, but for a feed, and is not
// closed by it. speed is 1e-9 to 1e9: 2 is twice as fast as recorded; or 0: as fast as possible, so that receivers may lose
// some of it.
//
// The errors are ErrInvalid, ErrBusy (another replay has the feed) and ErrDescriptors.
func NewReplay(source ReplaySource, speed float64, o ReplayOptions) (*Replay, error) {
	const op = "open replay"
	if err := checkSpeed(op, speed); err != nil {
		return nil, err
	}
	if source == nil {
		return nil, &OpError{Op: op, Kind: ErrInvalid, Detail: "the source is nil", Remedy: "give a LogReader or a ReplayFeed"}
	}
	if o.Buffer < 0 {
		return nil, &OpError{Op: op, Kind: ErrInvalid, Detail: fmt.Sprintf("%d entries cannot be read ahead", o.Buffer),
			Remedy: "give 1 or more, or 0 for the default"}
	}
	if o.Linger < 0 {
		return nil, &OpError{Op: op, Kind: ErrInvalid, Detail: fmt.Sprintf("Linger (linger) is %v", o.Linger), Remedy: "give 0 or more"}
	}
	if err := startRuntime(op, ""); err != nil {
		return nil, err
	}
	waiter, err := clock.New()
	if err != nil {
		return nil, systemError(op, "", err)
	}
	r := &Replay{source: source, opts: o, waiter: waiter, origin: time.Now(), targets: maps.Clone(o.Targets),
		opened: make(map[string]*RawBroadcaster), idle: make(chan struct{})}
	if r.targets == nil {
		r.targets = make(map[string]*RawBroadcaster)
	}
	close(r.idle)
	r.published.L = &r.mu
	r.line.SetSpeed(speed, 0, nil)
	if feed, ok := source.(*ReplayFeed); ok {
		r.source, r.feed = nil, feed
	} else {
		r.feed = NewReplayFeed(o.Buffer)
	}
	r.feed.mu.Lock()
	taken := r.feed.wake != nil
	if !taken {
		r.feed.wake = waiter.Wake
	}
	r.feed.mu.Unlock()
	if taken {
		waiter.Close()
		return nil, &OpError{Op: op, Kind: ErrBusy, Detail: "another replay has the feed", Remedy: "make a feed for each"}
	}
	r.tell(waiter.Descriptors(), true)
	return r, nil
}

func checkSpeed(op string, speed float64) error {
	if speed == 0 || speed >= replaySpeedMin && speed <= replaySpeedMax {
		return nil
	}
	return &OpError{Op: op, Kind: ErrInvalid, Detail: fmt.Sprintf("the speed is %v", speed),
		Remedy: fmt.Sprintf("give %v to %v, or 0 for as fast as possible", replaySpeedMin, replaySpeedMax)}
}

func (r *Replay) tell(descriptors []int, open bool) {
	if r.opts.OnDescriptor != nil {
		for _, fd := range descriptors {
			r.opts.OnDescriptor(fd, open)
		}
	}
}

func (r *Replay) now() time.Duration { return time.Since(r.origin) }

// Start begins, or goes on after Pause; after the end, or Stop, it begins anew. It returns false when it runs already. The
// errors are ErrClosed, ErrBusy (the source's Next, or OnError, still runs since Stop) and that of the source's Reset.
func (r *Replay) Start() (bool, error) {
	const op = "start replay"
	r.control.Lock()
	defer r.control.Unlock()
	r.mu.Lock()
	switch {
	case r.closed:
		r.mu.Unlock()
		return false, closedError(op, "")
	case r.state == ReplayRunning:
		r.mu.Unlock()
		return false, nil
	case r.state == ReplayPaused:
		r.line.Resume(r.now())
		r.setState(ReplayRunning)
		r.mu.Unlock()
		r.waiter.Wake()
		return true, nil
	}
	r.mu.Unlock()
	if err := r.reset(op); err != nil {
		return false, err
	}
	run := &replayRun{stop: make(chan struct{}), published: make(chan struct{}), read: make(chan struct{})}
	r.mu.Lock()
	r.run, r.rewind = run, true
	r.line.Reset()
	r.setState(ReplayRunning)
	r.mu.Unlock()
	if r.source == nil {
		close(run.read)
	} else {
		go r.read(run)
	}
	go r.publish(run)
	return true, nil
}

// reset prepares for another run once the one before has ended. control is held.
func (r *Replay) reset(op string) error {
	r.mu.Lock()
	run, rewind := r.run, r.rewind
	r.mu.Unlock()
	if !rewind {
		return nil
	}
	if run.own() || !run.ended(time.After(closeWaitMs*time.Millisecond)) {
		return &OpError{Op: op, Kind: ErrBusy, Detail: "the source, or OnError, is still at work since it was stopped",
			Remedy: "let Next and OnError return"}
	}
	r.feed.reset()
	if s, ok := r.source.(interface{ Reset() error }); ok {
		if err := s.Reset(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.rewind = false
	r.mu.Unlock()
	return nil
}

// setState is called with mu held.
func (r *Replay) setState(s ReplayState) {
	was, is := r.idleNow(), s == ReplayStopped || s == ReplayFinished
	r.state = s
	switch {
	case is && !was:
		close(r.idle)
	case !is && was:
		r.idle = make(chan struct{})
	}
	if r.signal != nil {
		if is || r.closed {
			r.signal.Set()
		} else {
			r.signal.Clear()
		}
	}
}

func (r *Replay) idleNow() bool { return r.state == ReplayStopped || r.state == ReplayFinished }

// Pause makes recorded time stand still. When it returns, nothing is published until Start, unless it is called from OnError.
// It returns false when the replay does not run.
func (r *Replay) Pause() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != ReplayRunning {
		return false
	}
	r.line.Halt(r.now(), r.feed.next())
	r.setState(ReplayPaused)
	r.waiter.Wake()
	r.settle(r.run)
	return true
}

// settle waits until nothing is being published. mu is held.
func (r *Replay) settle(run *replayRun) {
	for r.publishing && r.run == run && !run.own() {
		r.published.Wait()
	}
}

// Stop ends the replay, discards what was read ahead and resets the source, so that Start begins anew. When it returns,
// nothing is published, unless it is called from OnError. It returns false when the replay was stopped already.
func (r *Replay) Stop() bool {
	r.control.Lock()
	defer r.control.Unlock()
	r.mu.Lock()
	if r.closed || r.state == ReplayStopped {
		r.mu.Unlock()
		return false
	}
	run := r.halt()
	r.mu.Unlock()
	if run.own() || !run.ended(time.After(closeWaitMs*time.Millisecond)) {
		return true // Start sees to the rest
	}
	if err := r.reset("stop replay"); err != nil {
		r.report(err)
	}
	return true
}

// halt tells the run that it is over. control and mu are held; it has not been called for this run.
func (r *Replay) halt() *replayRun {
	r.setState(ReplayStopped)
	close(r.run.stop)
	r.waiter.Wake()
	return r.run
}

// SetSpeed changes the speed, as NewReplay takes it. It takes effect at once; recorded time goes on from where it is. The
// error is ErrInvalid.
func (r *Replay) SetSpeed(speed float64) error {
	if err := checkSpeed("set speed of replay", speed); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line.SetSpeed(speed, r.now(), r.feed.next())
	r.waiter.Wake()
	return nil
}

// Speed returns the speed.
func (r *Replay) Speed() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line.Speed()
}

// Elapsed returns recorded time: what LogEntry.Elapsed of the entry is that is published now. It is 0 before the first one.
func (r *Replay) Elapsed() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line.Elapsed(r.now())
}

// State returns what the replay is doing.
func (r *Replay) State() ReplayState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Pending tells whether anything is left to be published. While a source is still being read, and has no word of its own
// (ReplaySource), the answer is yes.
func (r *Replay) Pending() bool {
	r.mu.Lock()
	state, run, publishing := r.state, r.run, r.publishing
	r.mu.Unlock()
	if r.feed.Len() > 0 || publishing {
		return true
	}
	if r.source == nil || state == ReplayFinished {
		return false
	}
	if run != nil && state != ReplayStopped {
		r.feed.mu.Lock()
		defer r.feed.mu.Unlock()
		return r.feed.n > 0 || !r.feed.ended
	}
	s, ok := r.source.(interface{ Pending() bool })
	return !ok || s.Pending()
}

// Wait waits until the replay is finished or stopped; a paused one is not. The errors are ErrTimeout, wrapping ctx.Err(), when
// ctx is over, and ErrClosed.
func (r *Replay) Wait(ctx context.Context) error {
	const op = "wait for replay"
	r.mu.Lock()
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		return &OpError{Op: op, Kind: ErrTimeout, Err: ctx.Err(), Remedy: "see by State and Stats how far it is"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return closedError(op, "")
	}
	return nil
}

// Stats returns the counters. They stay readable after Close.
func (r *Replay) Stats() ReplayStats {
	s := r.feed.counters()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.LateMax = r.lateMax
	return s
}

// SetTarget has the entries of a type published by b, as ReplayOptions.Targets does; nil: by a broadcaster that the replay
// opens. The error is ErrClosed.
func (r *Replay) SetTarget(typeName string, b *RawBroadcaster) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return closedError("set target of replay", "")
	}
	if b == nil {
		delete(r.targets, typeName)
	} else {
		r.targets[typeName] = b
	}
	return nil
}

// FD returns a descriptor that poll(2) reports readable while the replay is stopped or finished, and for good once it is
// closed. It is only to be polled. It stays open until Release.
func (r *Replay) FD() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.signal == nil {
		n, err := notify.New()
		if err != nil {
			return -1, systemError("get descriptor of replay", "", err)
		}
		r.signal = n
		if r.idleNow() {
			n.Set()
		}
	}
	return r.signal.FD(), nil
}

// Release closes the descriptor that FD gave, once nobody polls it any more. Use it after Close; it may be called again.
func (r *Replay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.signal != nil {
		r.signal.Close()
	}
}

// Close stops the replay and closes what it opened: the source is its owner's. Waits and pushes return ErrClosed. ErrBusy: the
// source's Next, or OnError, still runs after a second; the replay is closed all the same. Closing again is ErrClosed.
func (r *Replay) Close() error {
	const op = "close replay"
	r.control.Lock()
	defer r.control.Unlock()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return closedError(op, "")
	}
	r.closed = true
	run := r.run
	if r.idleNow() {
		r.setState(ReplayStopped)
	} else {
		r.halt()
	}
	r.mu.Unlock()
	r.feed.shut()
	if run == nil {
		r.release()
		return nil
	}
	over := make(chan struct{})
	go func() {
		run.ended(nil)
		r.release()
		close(over)
	}()
	if run.own() {
		return nil
	}
	timeout := time.NewTimer(closeWaitMs * time.Millisecond)
	defer timeout.Stop()
	select {
	case <-over:
		return nil
	case <-timeout.C:
		return &OpError{Op: op, Kind: ErrBusy, Detail: "the source, or OnError, is still at work after a second",
			Remedy: "let Next and OnError return; the replay is closed all the same"}
	}
}

// release lets go of everything, once nothing runs any more.
func (r *Replay) release() {
	r.feed.reset()
	r.mu.Lock()
	opened := r.opened
	r.opened = nil
	r.mu.Unlock()
	for _, b := range opened {
		b.Close()
	}
	r.tell(r.waiter.Descriptors(), false)
	r.waiter.Close()
}
