package mcl

import (
	"errors"
	"net"
	"time"

	"libmcl/core/internal/netio"
)

// PollFDs are what an owner polls for reading, by poll(2), who waits for a message: Signal, which is what FD returns, and
// the listener's own socket, or -1.
type PollFDs struct{ Signal, Socket int }

// BeginPoll begins a wait by poll(2), as C waits: unless a message is queued already, it returns what to poll, and EndPoll
// must follow. They are open until then. Any number of threads may wait. The errors are those of Wait, and ErrDescriptors.
//
// An owner that polls the socket as well need not be woken by the goroutine that reads it, which takes two more switches
// between threads: he reads it himself, and datagrams do not even wake that one meanwhile.
func (l *Listener) BeginPoll() (fds PollFDs, queued bool, err error) {
	const op = "receive on"
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ownable(op); err != nil {
		return PollFDs{}, false, err
	}
	if l.ring.Len() > 0 {
		return PollFDs{}, true, nil
	}
	if err := l.openSignal(op); err != nil {
		return PollFDs{}, false, err
	}
	l.signal.Clear()
	l.polls++
	fds = PollFDs{Signal: l.signal.FD(), Socket: -1}
	if l.mayRead() && l.rx.(netio.Sharer).Lend(true) {
		fds.Socket = l.rx.Descriptor()
		l.borrowers++
	}
	return fds, false, nil
}

// mayRead tells whether an owner may read the socket. An owner who waits for a message is the one who makes room in the
// queue: he must not wait for it. And while the reader is busy, it is the one that reads on. mu is held.
func (l *Listener) mayRead() bool {
	if _, ok := l.rx.(netio.Sharer); !ok || l.opts.Policy == Block || !l.reading.TryLock() {
		return false
	}
	l.reading.Unlock()
	return true
}

// EndPoll ends a wait on these. readable tells that the socket was.
func (l *Listener) EndPoll(fds PollFDs, readable bool) {
	l.mu.Lock()
	l.polls--
	look := readable && l.ring.Len() == 0 && l.ownable("") == nil
	l.mu.Unlock()
	if look && l.reading.TryLock() {
		l.readAsOwner()
		l.reading.Unlock()
	}
	if fds.Socket < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.borrowers--; l.borrowers == 0 {
		l.rx.(netio.Sharer).Lend(false)
	}
}

// readAsOwner queues what waits in the socket. reading is held.
func (l *Listener) readAsOwner() {
	err := l.rx.(netio.Sharer).ReceiveNow(l.queueAll)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.report(reportSocket, networkError("receive on", &l.res, err))
	}
	if !l.opts.Queued && l.subscribed() {
		l.rx.SetDeadline(time.Unix(1, 0)) // it is the reader that delivers what somebody has just subscribed to
	}
}
