//go:build !mcl_portable

package netio

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	if p.next(testBuffer/pauseRoom - keptBeside + 1) {
		t.Error("a pause although the buffer holds few datagrams of that size")
	}
	if !p.next(testBuffer/pauseRoom - keptBeside) {
		t.Error("no pause although there is room")
	}
	p.note(1, 0)
	if p.due(0, p.now) || p.due(4096, p.now) {
		t.Error("a pause although the buffer is small or unknown, and datagrams without a byte fill it as well")
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
		for trips := 0; !p.next(64); trips++ {
			if trips > 2*skipMax*paceWindow {
				t.Fatal("no stream was found after pauses in vain")
			}
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

// slacks returns the timer slack of each thread of the process, in nanoseconds, by its path.
func slacks(t *testing.T) map[string]string {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, thread := range threads {
		slack, err := os.ReadFile("/proc/" + thread.Name() + "/timerslack_ns") // since Linux 4.6
		switch {
		case err == nil:
			found[thread.Name()] = strings.TrimSpace(string(slack))
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH): // it has ended
			t.Fatal(err)
		}
	}
	if len(found) == 0 {
		t.Fatalf("of %d threads, none tells its timer slack", len(threads))
	}
	return found
}

// A thread that the runtime moves the reader away from in a pause keeps its timers as well.
func TestPausesLeaveTimersAlone(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	usual := map[string]bool{}
	for _, slack := range slacks(t) {
		usual[slack] = true
	}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Add(1)
	go func() { // takes the processor that the pausing goroutine leaves
		defer busy.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	paused := 0
	for range 3000 {
		if pause() {
			paused++
		}
		for began := time.Now(); time.Since(began) < 20*time.Microsecond; {
		}
	}
	close(stop)
	busy.Wait()
	if paused != 3000 {
		t.Errorf("%d pauses of 3000, although nobody else paused", paused)
	}
	for id, slack := range slacks(t) {
		if !usual[slack] {
			t.Errorf("thread %s has a timer slack of %s ns, none had it before", id, slack)
		}
	}
}

func TestFewPauseAtOnce(t *testing.T) {
	all := int32(runtime.GOMAXPROCS(0) / 2)
	pausing.Add(all)
	defer pausing.Add(-all)
	if pause() {
		t.Error("one more paused")
	}
	if n := pausing.Load(); n != all {
		t.Errorf("%d are counted, not %d", n, all)
	}
}

// What ends a wait ends one that begins with a pause as well.
func TestAPauseEndsWhatIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*receiver)
		want error
	}{
		"deadline": {func(r *receiver) { r.SetDeadline(time.Now().Add(5 * time.Millisecond)) }, os.ErrDeadlineExceeded},
		"close":    {func(r *receiver) { r.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r := listen(t, newGroup()).(*receiver)
			var reading sync.Mutex
			r.pace.stream = true
			go c.end(r)
			if err := r.Receive(&reading, func([]Packet) {}); !errors.Is(err, c.want) {
				t.Fatalf("%v, not %v", err, c.want)
			}
			if !reading.TryLock() {
				t.Fatal("the lock is still held")
			}
			if name == "deadline" && r.pace.stream {
				t.Error("a pause in which nothing came did not end the stream")
			}
			if n := pausing.Load(); n != 0 {
				t.Errorf("%d still pause", n)
			}
		})
	}
}
