//go:build !mcl_portable

package netio

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/clock"
)

// A pace tells when a reader who finds the socket empty had better sleep for a moment than be woken by the next datagram, as
// network cards do that moderate their interrupts. To be woken costs him as much as several datagrams, and the sender 2 us; in a
// stream of a hundred thousand a second he is woken for each. When he looks again by himself, a few are there.
//
// Only pauses that bring several are kept up. Where one waits for the other, as in round trips, a pause brings one; the next is
// tried after a window, then after 2, 4 and so on, so that the answers are not held up. A pause takes up to 0.1 ms of the time for
// which the receive buffer is enough. At a rate that both stand, no more was lost than without pauses; but a sender who wakes
// nobody sends faster, and at his full rate 0.3 % of 8 kB were lost, not 0.16 %.
type pace struct {
	stream    bool      // pauses are due
	begun     time.Time // of the window
	empty     int       // times that the socket was found empty in it
	datagrams int       // that came in it
	size      int       // of a datagram of the last read, or of a train, on average
	skip      int       // windows in which no stream is looked for
	skipped   int       // by the last failure
}

const (
	paceWindow = 16
	// streamGap is how far apart the datagrams of a stream are at most, on average.
	streamGap = 20 * time.Microsecond
	// pauseTime is short beside what the receive buffer holds, and about what a wake-up takes.
	pauseTime = 30 * time.Microsecond
	pauseMin  = 4 // datagrams that a pause has to bring
	skipMax   = 1024
	// pauseRoom is how many datagrams of the size at hand the receive buffer must hold: some ten may come in a pause.
	pauseRoom = 64
	// keptBeside is what the kernel keeps beside a datagram's bytes, about, in half of what it counts (sk_buff.truesize).
	keptBeside = 1 << 10
)

// note takes in what a read brought.
func (p *pace) note(datagrams, bytes int) {
	p.datagrams += datagrams
	p.size = bytes / max(datagrams, 1)
}

// due takes in that the socket was found empty, and tells whether a pause is due. buffer is the size of the receive buffer in
// bytes.
func (p *pace) due(buffer int, now time.Time) bool {
	if p.empty++; !p.stream && p.empty >= paceWindow {
		if p.skip > 0 {
			p.skip--
		} else {
			p.stream = now.Sub(p.begun) <= time.Duration(p.datagrams)*streamGap
		}
		p.begin(now)
	}
	return p.stream && (p.size+keptBeside)*pauseRoom <= buffer
}

func (p *pace) begin(now time.Time) { p.begun, p.empty, p.datagrams = now, 0, 0 }

// paused takes in how many datagrams a pause brought.
func (p *pace) paused(datagrams int, now time.Time) {
	if datagrams >= pauseMin {
		p.skipped = 0
		return
	}
	p.stream = false
	p.begin(now)
	if datagrams == 0 { // it has ended, or its sender sleeps
		return
	}
	p.skipped = min(max(2*p.skipped, 1), skipMax)
	p.skip = p.skipped
}

// pausing counts the readers that pause. Each holds a thread meanwhile and, until the runtime takes it away, one of the
// processors that goroutines run on (GOMAXPROCS); so half of these are left to others.
var pausing atomic.Int32

// pause sleeps for pauseTime, unless enough others do.
func pause() bool {
	defer pausing.Add(-1)
	if int(pausing.Add(1)) > runtime.GOMAXPROCS(0)/2 {
		return false
	}
	clock.Enter()
	defer clock.Leave()
	// By the system: the runtime's own timers are as coarse as epoll_wait's, a millisecond.
	moment := unix.NsecToTimespec(int64(pauseTime))
	unix.Nanosleep(&moment, nil) // cut short by a signal, it was a shorter one
	return true
}
