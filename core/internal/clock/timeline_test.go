package clock

import (
	"math"
	"testing"
	"time"
)

const s = time.Second

func begun(speed float64) *Timeline {
	t := &Timeline{}
	t.SetSpeed(speed, 0, nil)
	t.Due(0, 0)
	return t
}

func TestWhenEntriesAreDue(t *testing.T) {
	type entry struct{ elapsed, now, due time.Duration }
	for _, c := range []struct {
		what    string
		speed   float64
		entries []entry
	}{
		{"begins with the first", 1, []entry{{100 * s, 5 * s, 5 * s}, {101 * s, 5 * s, 6 * s}}},
		{"faster", 4, []entry{{0, 0, 0}, {8 * s, 0, 2 * s}}},
		{"slower", 0.01, []entry{{0, 0, 0}, {1 * s, 0, 100 * s}}},
		{"late ones shift nothing", 1, []entry{{0, 0, 0}, {1 * s, 3 * s, 1 * s}, {4 * s, 3 * s, 4 * s}}},
		{"asked again", 1, []entry{{0, 7, 7}, {1 * s, 8, 7 + 1*s}, {1 * s, 9, 7 + 1*s}}},
		{"as fast as possible", 0, []entry{{0, 7, 7}, {1 * s, 8, 8}, {1 * s, 9, 9}, {-500 * s, 10, 10}}},
		{"disorder", 1, []entry{{0, 0, 0}, {2 * s, 0, 2 * s}, {1950 * time.Millisecond, 2 * s, 1950 * time.Millisecond}, {3 * s, 2 * s, 3 * s}}},
		{"a step back", 2, []entry{{0, 0, 0}, {1000 * s, 0, 500 * s}, {400 * s, 500 * s, 500 * s}, {400 * s, 501 * s, 500 * s},
			{402 * s, 501 * s, 501 * s}, {1002 * s, 501 * s, 801 * s}}},
		{"a step forward", 1, []entry{{0, 0, 0}, {7200 * s, 0, 7200 * s}}},
		{"anything", 0.01, []entry{{math.MinInt64, 0, 0}, {math.MaxInt64, 0, 1 << 61}, {math.MinInt64, 5 * s, 5 * s}, {math.MinInt64 + 1e7, 5 * s, 6 * s}}},
	} {
		var line Timeline
		line.SetSpeed(c.speed, 0, nil)
		for i, e := range c.entries {
			if due := line.Due(e.elapsed, e.now); due != e.due {
				t.Errorf("%s: entry %d is due at %v, want %v", c.what, i, due, e.due)
			}
		}
	}
}

func TestASpeedChangesWithoutAJump(t *testing.T) {
	line, next := begun(1), 11*s
	line.SetSpeed(10, 1*s, &next) // recorded time is 1 s, the next entry 10 s off
	if due := line.Due(next, 1*s); due != 2*s {
		t.Errorf("due at %v", due)
	}
	line.SetSpeed(0.1, 1500*time.Millisecond, &next) // 6 s
	if e := line.Elapsed(1500 * time.Millisecond); e != 6*s {
		t.Errorf("recorded time is %v", e)
	}
	if due := line.Due(next, 1500*time.Millisecond); due != 51500*time.Millisecond {
		t.Errorf("due at %v", due)
	}
}

func TestWhatAFastSpeedLeftBehindIsNotCaughtUpWithAtASlowOne(t *testing.T) {
	line, next := begun(10000), 20*s // recorded time is 100,000 s after 10 s; the publisher got as far as 20 s
	line.SetSpeed(1, 10*s, &next)
	if due := line.Due(next, 10*s); due != 10*s {
		t.Errorf("the late one is due at %v", due)
	}
	if due := line.Due(next+1*s, 10*s); due != 11*s {
		t.Errorf("the one after is due at %v", due)
	}

	line, next = begun(0), 500*s // no recorded time but that of the entries
	line.Due(next, 1*s)
	line.SetSpeed(2, 1*s, &next)
	if due := line.Due(next+4*s, 1*s); due != 3*s {
		t.Errorf("due at %v", due)
	}
}

func TestHaltedTimeStandsStill(t *testing.T) {
	line := begun(2)
	line.Halt(1*s, nil)
	line.Halt(50*s, nil)
	line.SetSpeed(1, 60*s, nil) // also while it is halted
	if e := line.Elapsed(70 * s); e != 2*s {
		t.Errorf("recorded time is %v", e)
	}
	line.Resume(100 * s)
	if due := line.Due(5*s, 100*s); due != 103*s {
		t.Errorf("due at %v", due)
	}

	var fresh Timeline // halted before the first entry
	fresh.SetSpeed(1, 0, nil)
	fresh.Halt(1*s, nil)
	fresh.Resume(5 * s)
	if due := fresh.Due(3*s, 6*s); due != 6*s {
		t.Errorf("the first entry is due at %v", due)
	}
}
