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
// must follow. Signal is open until then. The socket may be closed or replaced meanwhile: then Signal wakes. Any number of
// threads may wait. The errors are those of Wait, and ErrDescriptors.
//
// An owner that polls the socket as well need not be woken by the goroutine that reads it, which takes two more switches
// between threads: he reads it himself when he is there first.
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
	return PollFDs{Signal: l.signal.FD(), Socket: l.ownersSocket()}, false, nil
}

// ownersSocket is the socket when an owner may read it. An owner who waits for a message is the one who makes room in the
// queue: he must not wait for it. And while the reader is busy, or is to turn to another socket, it is the one that reads on.
func (l *Listener) ownersSocket() int {
	if _, ok := l.rx.(netio.Sharer); !ok || l.opts.Policy == Block || !l.reading.TryLock() {
		return -1
	}
	l.reading.Unlock()
	return l.rx.(netio.Sharer).Shared()
}

// EndPoll ends a wait. readable tells that the socket was.
func (l *Listener) EndPoll(readable bool) {
	l.mu.Lock()
	l.polls--
	look := readable && l.ring.Len() == 0 && l.ownable("") == nil
	l.mu.Unlock()
	if look && l.reading.TryLock() {
		defer l.reading.Unlock()
		l.readAsOwner()
	}
}

// readAsOwner queues what waits in the socket. reading is held.
func (l *Listener) readAsOwner() {
	l.reader.isOwner = true
	err := l.rx.(netio.Sharer).ReceiveNow(l.queueAll)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.reportRead(reportSocket, networkError("receive on", &l.res, err))
	}
	l.reader.isOwner = false
	if len(l.reader.untold) > 0 {
		l.reportSoon()
	}
	if !l.opts.Queued && l.subscribed() {
		l.rx.SetDeadline(time.Unix(1, 0)) // it is the reader that delivers what somebody has just subscribed to
	}
}
