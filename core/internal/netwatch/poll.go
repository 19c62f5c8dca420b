package netwatch

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// A poller finds changes by looking once a second. Interfaces that went and came back within that time under the same index
// escape it.
type poller struct {
	woken  chan struct{}
	done   chan struct{}
	once   sync.Once
	seen   string
	before []net.Interface
}

func newPoller() *poller {
	p := &poller{woken: make(chan struct{}, 1), done: make(chan struct{})}
	p.look(func(int) {})
	return p
}

func (p *poller) wait(deadline time.Time, lapsed func(int)) (changed, ok bool) {
	next := time.Now().Add(retryAfter)
	if !deadline.IsZero() && deadline.Before(next) {
		next = deadline
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-p.done:
		return false, false
	case <-p.woken:
	case <-timer.C:
	}
	return p.look(lapsed), true
}

// look compares what there is with what there was.
func (p *poller) look(lapsed func(int)) (changed bool) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return false
	}
	addresses, _ := net.InterfaceAddrs()
	var s strings.Builder
	for _, i := range interfaces {
		fmt.Fprintln(&s, i.Index, i.Name, i.MTU, i.Flags)
	}
	fmt.Fprintln(&s, addresses)
	if s.String() == p.seen {
		return false
	}
	for _, old := range p.before {
		kept := false
		for _, i := range interfaces {
			kept = kept || i.Index == old.Index && i.MTU >= minMTU
		}
		if !kept {
			lapsed(old.Index)
		}
	}
	p.seen, p.before = s.String(), interfaces
	return true
}

func (p *poller) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

func (p *poller) close()             { p.once.Do(func() { close(p.done) }) }
func (p *poller) descriptors() []int { return nil }

// minMTU is the least that IPv6 works with (RFC 8200, 5). An interface with less loses its IPv6 addresses and memberships.
const minMTU = 1280
