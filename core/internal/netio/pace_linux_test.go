//go:build !mcl_portable

package netio

import (
	"testing"
	"time"
)

// paced is a pace to which datagrams come one at a time, so far apart.
type paced struct {
	pace
	t   *testing.T
	gap time.Duration
	now time.Time
}

const testBuffer = 4 << 20

// next reads one datagram, finds the socket empty, and tells whether a pause is due.
func (p *paced) next(bytes int) bool {
	p.note(1, bytes)
	p.now = p.now.Add(p.gap)
	return p.due(testBuffer, p.now)
}

// windows passes over so many whole windows, and tells how often a pause was due.
func (p *paced) windows(n int) (due int) {
	for range n * paceWindow {
		if p.next(64) {
			due++
		}
	}
	return due
}

func newPaced(t *testing.T, gap time.Duration) *paced {
	return &paced{t: t, gap: gap, now: time.Unix(1, 0)}
}

// find leads to the first pause of a stream.
func (p *paced) find() {
	p.t.Helper()
	for range 2 * paceWindow { // the first window has no beginning
		if p.next(64) {
			return
		}
	}
	p.t.Fatal("no stream was found")
}

func TestAStreamIsReadInPauses(t *testing.T) {
	p := newPaced(t, 5*time.Microsecond)
	p.find()
	p.paused(pauseMin, p.now)
	if due := p.windows(3); due != 3*paceWindow {
		t.Errorf("a pause was due %d times of %d in a stream that goes on", due, 3*paceWindow)
	}
}

func TestWhatComesNowAndThenIsNotHeldUp(t *testing.T) {
	p := newPaced(t, 2*streamGap)
	if due := p.windows(100); due != 0 {
		t.Errorf("%d pauses for datagrams %v apart", due, p.gap)
	}
}

func TestAPauseLeavesRoomInTheBuffer(t *testing.T) {
	p := newPaced(t, 5*time.Microsecond)
	p.find()
	p.paused(pauseMin, p.now)
	if p.next(testBuffer/pauseRoom + 1) {
		t.Error("a pause although the buffer holds few datagrams of that size")
	}
	if !p.next(testBuffer / pauseRoom) {
		t.Error("no pause although there is room")
	}
}

// A round trip quicker than streamGap looks like a stream until a pause has brought a single answer.
func TestRoundTripsAreHeldUpSeldom(t *testing.T) {
	p := newPaced(t, 5*time.Microsecond)
	pauses, trips := 0, 4*skipMax*paceWindow
	for range trips {
		if p.next(64) {
			pauses++
			p.paused(1, p.now)
		}
	}
	// At once, after 1, 2, 4 … 1024 windows, and then every 1024.
	if most := 12 + 4; pauses == 0 || pauses > most {
		t.Errorf("%d pauses in %d round trips, at most %d expected", pauses, trips, most)
	}
}

func TestAStreamIsFoundAgain(t *testing.T) {
	p := newPaced(t, 5*time.Microsecond)
	p.find()
	for range 3 {
		p.paused(0, p.now) // its sender slept
		p.find()
	}
	for range 6 { // pauses in vain, the next of which is tried later and later
		p.paused(1, p.now)
		for !p.next(64) {
		}
	}
	p.paused(pauseMin, p.now)
	p.paused(1, p.now)
	if p.next(64) {
		t.Error("a pause right after one in vain")
	}
	p.windows(1)
	p.find()
}
