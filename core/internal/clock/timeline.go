package clock

import (
	"math"
	"time"
)

// disorder is up to how far entries may go back in recorded time and only count as late. Going back further is a step of
// the clock that recorded them.
const disorder = 100 * time.Millisecond

// A Timeline says when the entries of a recording are due. Recorded time begins with the first entry, runs at a speed, and
// stands still while it is halted. All of now, and what Due returns, are on one monotonic clock.
type Timeline struct {
	speed  float64 // 0: everything is due at once
	begun  bool
	halted bool

	at       time.Duration // when
	recorded time.Duration // recorded time was this; while it is halted, it is
	latest   time.Duration // of the entries that were asked for, since the last step
}

// Reset makes it begin anew, with the next entry.
func (t *Timeline) Reset() { *t = Timeline{speed: t.speed} }

// Speed is how many times as fast as it was recorded; 0: no waiting.
func (t *Timeline) Speed() float64 { return t.speed }

// Due returns when an entry is due, which follows the one last asked for, or is the same again. For a late one that is over.
// Not to be called while it is halted.
//
// Where recorded time goes back by a step, it goes on from there: the entry is due together with the one before it. A step
// forward is kept, since nothing tells it from a time in which nothing was recorded.
func (t *Timeline) Due(elapsed, now time.Duration) time.Duration {
	switch {
	case !t.begun:
		t.begun, t.at, t.recorded, t.latest = true, now, elapsed, elapsed
	case minus(t.latest, elapsed) > disorder:
		t.at, t.recorded, t.latest = min(t.when(t.latest, now), now), elapsed, elapsed
	default:
		t.latest = max(t.latest, elapsed)
	}
	return t.when(elapsed, now)
}

func (t *Timeline) when(elapsed, now time.Duration) time.Duration {
	if t.speed == 0 {
		return now
	}
	return plus(t.at, float64(minus(elapsed, t.recorded))/t.speed)
}

// Elapsed is recorded time.
func (t *Timeline) Elapsed(now time.Duration) time.Duration {
	switch {
	case !t.begun || t.halted:
		return t.recorded
	case t.speed == 0:
		return t.latest
	}
	return plus(t.recorded, float64(now-t.at)*t.speed)
}

// SetSpeed goes on at another speed from where recorded time is. next, if not nil, is the entry that comes next: one that
// is late already is due now, so that what a faster speed could not keep up with is not caught up with at this one.
func (t *Timeline) SetSpeed(speed float64, now time.Duration, next *time.Duration) {
	t.settle(now, next)
	t.speed = speed
}

// Halt makes recorded time stand still; next is as for SetSpeed.
func (t *Timeline) Halt(now time.Duration, next *time.Duration) {
	t.settle(now, next)
	t.halted = true
}

// Resume makes it run again.
func (t *Timeline) Resume(now time.Duration) { t.at, t.halted = now, false }

func (t *Timeline) settle(now time.Duration, next *time.Duration) {
	if !t.begun || t.halted {
		return
	}
	if next != nil {
		t.Due(*next, now) // it may be a step
	}
	recorded := t.Elapsed(now)
	if next != nil {
		recorded = min(recorded, *next)
	}
	t.at, t.recorded = now, recorded
}

// minus and plus stay within what a Duration holds: entries may say anything.
func minus(a, b time.Duration) time.Duration {
	switch d := a - b; {
	case b < 0 && d < a:
		return math.MaxInt64
	case b > 0 && d > a:
		return math.MinInt64
	default:
		return d
	}
}

func plus(a time.Duration, b float64) time.Duration {
	const limit = 1 << 61 // 73 years
	return max(-limit, min(limit, a)) + time.Duration(max(-limit, min(limit, b)))
}
