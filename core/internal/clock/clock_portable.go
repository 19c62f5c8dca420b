//go:build !linux || mcl_portable

package clock

import "time"

// A Waiter lets one goroutine wait and others wake it. It waits by Go's timers.
type Waiter struct{ woken chan struct{} }

// New makes one that is not woken.
func New() (*Waiter, error) { return &Waiter{woken: make(chan struct{}, 1)}, nil }

// Enter and Leave are for systems where a thread of its own helps.
func Enter() {}
func Leave() {}

// Wait returns after d, or when Wake was called since the last Wait that it ended. It may return early for no reason. Only
// one goroutine may wait.
func (w *Waiter) Wait(d time.Duration) {
	if d < 0 {
		<-w.woken
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.woken:
	case <-timer.C:
	}
}

// Wake ends a wait, or the next one. It may be called from any goroutine, also after Close.
func (w *Waiter) Wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Descriptors are the waiter's: none.
func (w *Waiter) Descriptors() []int { return nil }

// Close closes it. Nobody may wait any more.
func (w *Waiter) Close() {}
