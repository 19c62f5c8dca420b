package mcl

import (
	"time"

	"libmcl/core/internal/netio"
)

// A lock is a mutex that a Waiter can wait for. It is fair, as who waits is served in turn; it is made by newLock, and may be
// unlocked by another goroutine than locked it.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

func (l lock) TryLock() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

// spins is how often a lock is tried before the Waiter is asked, which takes some microseconds, as most are held no longer.
const spins = 256

// lockPiece is for how long a wait for a lock is left to Go, which knows when it is free, before the Waiter is asked again.
const lockPiece = 10 * time.Millisecond

// lockBy is Lock during which w waits, unless it is nil. It gives ErrGivenUp when w does not want to wait any longer.
func (l lock) lockBy(w Waiter) error {
	if w == nil {
		l.Lock()
		return nil
	}
	for range spins {
		if l.TryLock() {
			return nil
		}
	}
	piece := time.NewTimer(lockPiece)
	defer piece.Stop()
	for {
		if !w.Wait(-1, 0) {
			return netio.ErrGivenUp
		}
		select {
		case l <- struct{}{}:
			return nil
		case <-piece.C:
			piece.Reset(lockPiece)
		}
	}
}
