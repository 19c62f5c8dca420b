// Package netwatch tells when the network of this machine changes, and what it looks like then: interfaces come, go and
// come again under another number, addresses and routes appear late.
//
// There is one watcher for the process, whatever number of sockets follow it. On Linux it sleeps until the kernel tells it
// of a change (rtnetlink(7)); elsewhere, and where a sandbox refuses netlink, it looks once a second.
package netwatch

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// retryAfter is how long who could not do what it should waits before it tries again, changes aside. It is also how
	// often the network is looked at where the kernel does not tell.
	retryAfter = time.Second
	// settleTime passes between a change and the round that follows it: changes come in bursts.
	settleTime = 20 * time.Millisecond
)

// A Follower is told of changes.
type Follower interface {
	// NetworkChanged runs on the watcher's goroutine, for one follower after the other: it must not wait, nor call the
	// program's code. When it returns false, because something was missing, it is called again after a second, whether
	// or not something has changed.
	NetworkChanged(*View) (settled bool)
}

// OnDescriptor, unless nil, is told of the watcher's descriptors: when they were opened, and before they are closed. Set it
// before anything is started.
var OnDescriptor func(fd int, open bool)

// OnChange, unless nil, is told of each change, on the watcher's goroutine: once Changes tells it, and before followers are
// told. Set it before anything is started.
var OnChange func()

var (
	mu        sync.Mutex // protects what follows
	users     int
	running   *watcher
	followers = map[Follower]bool{} // true: settled

	changes atomic.Uint64
)

// Start has the network watched until Stop is called as often. The error is that of the system, out of descriptors most
// likely.
func Start() error {
	mu.Lock()
	defer mu.Unlock()
	if users == 0 {
		s, err := newSource()
		if err != nil {
			return err
		}
		tell(s, true)
		running = &watcher{source: s}
		go running.run()
	}
	users++
	return nil
}

// Stop undoes one Start.
func Stop() {
	mu.Lock()
	defer mu.Unlock()
	if users--; users == 0 {
		tell(running.source, false)
		running.source.close()
		running = nil
	}
}

func tell(s source, open bool) {
	if OnDescriptor != nil {
		for _, fd := range s.descriptors() {
			OnDescriptor(fd, open)
		}
	}
}

// Changes counts the changes. Who only acts now and then (a sender, before it sends) compares it with what it was last time.
func Changes() uint64 { return changes.Load() }

// Look shows the network as it is now.
func Look() *View {
	mu.Lock()
	defer mu.Unlock()
	if running == nil { // a sender may look while it is closed
		return newView(nil)
	}
	return newView(running.source)
}

// Follow has f told of changes from now on, and first in a moment when it is not settled.
func Follow(f Follower, settled bool) {
	mu.Lock()
	defer mu.Unlock()
	followers[f] = settled
	if !settled {
		running.kick()
	}
}

// Unfollow undoes Follow. A call of NetworkChanged may be running still.
func Unfollow(f Follower) {
	mu.Lock()
	defer mu.Unlock()
	delete(followers, f)
}

// A source is where a watcher gets to know of changes.
type source interface {
	// wait returns when something changed, with true; or at the deadline, where a zero one means never. It returns ok
	// false once the source is closed. lapsed is told of interfaces that lost the memberships they had, 0 for all.
	wait(deadline time.Time, lapsed func(index int)) (changed, ok bool)
	// wake ends a wait, or the next one.
	wake()
	close()
	descriptors() []int
}

type watcher struct{ source source }

// kick has the watcher look who is not settled.
func (w *watcher) kick() { w.source.wake() }

func (w *watcher) run() {
	var deadline time.Time
	for {
		lapsed := map[int]bool{}
		note := func(index int) { lapsed[index] = true }
		changed, ok := w.source.wait(deadline, note)
		if changed && ok {
			time.Sleep(settleTime)
			_, ok = w.source.wait(time.Unix(1, 0), note) // what else has come meanwhile
		}
		if !ok {
			return
		}
		if changed {
			changes.Add(1)
			if OnChange != nil {
				OnChange()
			}
		}
		deadline = w.round(changed, lapsed)
	}
}

// round tells everybody of a change, or those that are not settled that time has passed. It returns when the next is due.
func (w *watcher) round(changed bool, lapsed map[int]bool) (next time.Time) {
	mu.Lock()
	if running != w {
		mu.Unlock()
		return next
	}
	var due []Follower
	for f, settled := range followers {
		if changed || !settled {
			due = append(due, f)
		}
	}
	v := newView(w.source)
	mu.Unlock()
	v.changed, v.lapsed = changed, lapsed
	for _, f := range due {
		settled := f.NetworkChanged(v)
		if !settled {
			next = time.Now().Add(retryAfter)
		}
		mu.Lock()
		if _, still := followers[f]; still {
			followers[f] = settled
		}
		mu.Unlock()
	}
	return next
}
