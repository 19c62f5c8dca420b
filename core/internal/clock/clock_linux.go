//go:build !mcl_portable

package clock

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/notify"
)

// A Waiter lets one goroutine wait and others wake it. It waits in ppoll(2), which counts nanoseconds.
type Waiter struct {
	mu sync.Mutex // protects n's state
	n  *notify.Notifier
	fd int
}

// New makes one that is not woken.
func New() (*Waiter, error) {
	n, err := notify.New()
	if err != nil {
		return nil, err
	}
	return &Waiter{n: n, fd: n.FD()}, nil
}

// Enter gives the calling goroutine a thread of its own, which the kernel wakes on time: by default it may be 50 µs late, so
// that it can wake several at once. Leave must follow.
func Enter() {
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// Leave undoes Enter.
func Leave() {
	unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the default
	runtime.UnlockOSThread()
}

// Wait returns after d, or when Wake was called since the last Wait that it ended. It may return early for no reason. Only
// one goroutine may wait.
func (w *Waiter) Wait(d time.Duration) {
	var timeout *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(int64(d))
		timeout = &t
	}
	fds := [1]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	if n, _ := unix.Ppoll(fds[:], timeout, nil); n > 0 {
		w.mu.Lock()
		w.n.Clear()
		w.mu.Unlock()
	}
}

// Wake ends a wait, or the next one. It may be called from any goroutine, also after Close.
func (w *Waiter) Wake() {
	w.mu.Lock()
	w.n.Set()
	w.mu.Unlock()
}

// Descriptors are the waiter's; they belong to it.
func (w *Waiter) Descriptors() []int { return []int{w.fd} }

// Close closes it. Nobody may wait any more.
func (w *Waiter) Close() {
	w.mu.Lock()
	w.n.Close()
	w.mu.Unlock()
}
