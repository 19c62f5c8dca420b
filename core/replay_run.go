package mcl

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"libmcl/core/internal/clock"
)

// A replayRun is the time from a Start to its Stop or end.
type replayRun struct {
	stop      chan struct{} // closed by Stop
	published chan struct{} // closed when the publishing goroutine has ended
	read      chan struct{} // closed when the reading goroutine has ended
	publisher atomic.Uint64 // their numbers
	reader    atomic.Uint64

	// The publishing goroutine's: since when all is published, and how often it waited since.
	done  time.Duration
	waits int
}

func (run *replayRun) stopped() bool {
	select {
	case <-run.stop:
		return true
	default:
		return false
	}
}

func (run *replayRun) ended(patience <-chan time.Time) bool {
	for _, c := range []chan struct{}{run.published, run.read} {
		select {
		case <-c:
		case <-patience:
			return false
		}
	}
	return true
}

// own tells whether the caller runs on a goroutine of the run, which then cannot wait for itself.
func (run *replayRun) own() bool {
	id := goroutineID()
	return id == run.publisher.Load() || id == run.reader.Load()
}

// read is the reading goroutine: source → feed.
func (r *Replay) read(run *replayRun) {
	defer close(run.read)
	run.reader.Store(goroutineID())
	for failures := 0; !run.stopped() && failures < sourceFailures; {
		entry, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			r.feed.End()
			return
		case err == nil && entry == nil:
			err = &OpError{Op: "read source of replay", Kind: ErrInvalid, Detail: "Next returned neither an entry nor an error",
				Remedy: "return io.EOF at the end"}
			fallthrough
		case err != nil:
			r.feed.bad()
			r.report(err)
			switch {
			case errors.Is(err, ErrClosed):
				failures = sourceFailures
			case errors.Is(err, ErrFormat):
			default:
				failures++
			}
			continue
		}
		failures = 0
		if r.feed.push(run.stop, entry) != nil {
			return // stopped
		}
	}
	if !run.stopped() {
		r.feed.End()
	}
}

func (r *Replay) next() (entry *LogEntry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &OpError{Op: "read source of replay", Kind: ErrInternal, Detail: fmt.Sprintf("it panicked: %v\n%s", p, debug.Stack())}
		}
	}()
	return r.source.Next()
}

// publish is the publishing goroutine: feed → broadcasters, on time.
func (r *Replay) publish(run *replayRun) {
	defer close(run.published)
	run.publisher.Store(goroutineID())
	clock.Enter()
	defer clock.Leave()
	for {
		entry, ended := r.feed.first()
		if entry != nil {
			r.open(entry.Type) // before it is due
		}
		wait, more := r.take(run, entry, ended)
		switch {
		case !more:
			return
		case wait != 0:
			r.waiter.Wait(wait)
		default:
			err := r.publishEntry(entry)
			r.mu.Lock()
			r.publishing = false
			r.published.Broadcast()
			r.mu.Unlock()
			if err != nil {
				r.report(err)
			}
		}
	}
}

// lingerWaits is in how many waits a run lingers. On a busy machine each is as late as whatever the listeners wait for.
const lingerWaits = 10

// linger says how long to wait, now that all is published; 0: no longer.
func (run *replayRun) linger(total, now time.Duration) time.Duration {
	if run.waits == 0 {
		run.done = now
	}
	run.waits++
	if run.waits <= lingerWaits || now-run.done < total {
		return total / lingerWaits
	}
	return 0
}

// take says how long to wait now. 0: publish the entry, which has begun; on false, the run is over.
func (r *Replay) take(run *replayRun, entry *LogEntry, ended bool) (wait time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case run.stopped():
		return 0, false
	case r.state == ReplayPaused:
		return clock.Forever, true
	case entry == nil && ended:
		if wait := run.linger(r.opts.Linger, r.now()); wait > 0 {
			return wait, true
		}
		r.setState(ReplayFinished)
		return 0, false
	case entry == nil:
		return clock.Forever, true
	}
	now := r.now()
	due := r.line.Due(entry.Elapsed, now)
	if due > now {
		return min(due-now, time.Hour), true
	}
	if r.line.Speed() != 0 {
		r.lateMax = max(r.lateMax, now-due)
	}
	r.publishing = true
	return 0, true
}

func (r *Replay) publishEntry(entry *LogEntry) error {
	b, err := r.open(entry.Type)
	if err == nil {
		var topic *string
		if len(entry.Topic) > 0 {
			if r.topic != string(entry.Topic) {
				r.topic = string(entry.Topic)
			}
			topic = &r.topic
		}
		err = b.PublishPacked(topic, entry.Payload)
	}
	if err == nil {
		r.feed.drop(&r.feed.stats.Published)
		return nil
	}
	e := &OpError{Op: "replay", Kind: CodeOf(err), Detail: "an entry could not be published", Err: err}
	if entry.File != "" {
		e.On = entry.File + ", line " + strconv.Itoa(entry.Line)
	}
	r.feed.drop(&r.feed.stats.Errors)
	return e
}

// open finds the broadcaster for a type, or opens it.
func (r *Replay) open(typeName string) (*RawBroadcaster, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.targets[typeName]; b != nil {
		return b, nil
	}
	if b := r.opened[typeName]; b != nil {
		return b, nil
	}
	if typeName == "" {
		return nil, &OpError{Op: "find broadcaster of", On: "raw data", Kind: ErrUnknown, Detail: "the log does not say where it was published",
			Remedy: `give a target for the type ""`}
	}
	t, err := Lookup(typeName)
	if err != nil {
		return nil, err
	}
	b, err := OpenBroadcaster(t.conn, BroadcasterOptions{Type: t, OnDescriptor: r.opts.OnDescriptor})
	if err != nil {
		return nil, err
	}
	r.opened[typeName] = b
	return b, nil
}

// report tells OnError.
func (r *Replay) report(err error) {
	r.telling.Lock()
	defer r.telling.Unlock()
	defer func() { _ = recover() }() // whom could it be told
	if r.opts.OnError != nil {
		r.opts.OnError(err)
		return
	}
	if r.told.passes() {
		Complain(err)
	}
}
