package netwatch

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// ErrNoInterface means that there is no interface of that name or number.
var ErrNoInterface = errors.New("no such network interface")

// ErrNoRoute means that the routing table gives a group no interface.
var ErrNoRoute = errors.New("no route")

// A View is the network at one moment: what was asked once is not asked again. It is for one goroutine.
type View struct {
	names   map[string]answer
	routes  map[netip.Addr]answer
	members map[Member]bool // nil: not asked yet
	changed bool
	lapsed  map[int]bool
	ask     asker
}

// A Member is a group that an interface receives, because some socket of this host, of whatever process, has joined it.
type Member struct {
	Index int
	Group netip.Addr
}

type answer struct {
	index int
	err   error
}

// An asker puts questions to the system.
type asker interface {
	interfaceByName(name string) (int, error)
	interfaceExists(index int) bool
	route(group netip.Addr) (int, error)
	members() map[Member]bool // nil where that is not known
}

func newView(s source) *View {
	v := &View{names: map[string]answer{}, routes: map[netip.Addr]answer{}, ask: portableAsker{}}
	if a, ok := s.(asker); ok {
		v.ask = a
	}
	return v
}

// Interface gives the index of the interface with a name, or with a decimal index. The error is ErrNoInterface, or the
// system's.
func (v *View) Interface(name string) (int, error) {
	a, asked := v.names[name]
	if !asked {
		a.index, a.err = v.ask.interfaceByName(name)
		if index, err := strconv.Atoi(name); errors.Is(a.err, ErrNoInterface) && err == nil && v.ask.interfaceExists(index) {
			a = answer{index: index}
		}
		v.names[name] = a
	}
	return a.index, a.err
}

// Exists tells whether there is an interface of that index.
func (v *View) Exists(index int) bool { return v.ask.interfaceExists(index) }

// Route gives the index of the interface that the kernel picks for a group, 0 when it is not known. The error is ErrNoRoute.
func (v *View) Route(group netip.Addr) (int, error) {
	a, asked := v.routes[group]
	if !asked {
		a.index, a.err = v.ask.route(group)
		v.routes[group] = a
	}
	return a.index, a.err
}

// Member tells whether some socket of this host has joined, and whether that is known.
func (v *View) Member(m Member) (joined, known bool) {
	if v.members == nil {
		if v.members = v.ask.members(); v.members == nil {
			return false, false
		}
	}
	return v.members[m], true
}

// Joined takes note that the caller has just joined.
func (v *View) Joined(m Member) {
	if v.members != nil {
		v.members[m] = true
	}
}

// Changed tells whether something has changed since the last view that a follower was given.
func (v *View) Changed() bool { return v.changed }

// Lapsed tells whether an interface may have lost its memberships since the last view that a follower was given.
func (v *View) Lapsed(index int) bool { return v.lapsed[index] || v.lapsed[0] }

// A portableAsker asks by package net.
type portableAsker struct{}

func (portableAsker) interfaceByName(name string) (int, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, interfaceError(err)
	}
	return ifi.Index, nil
}

func (portableAsker) interfaceExists(index int) bool {
	_, err := net.InterfaceByIndex(index)
	return err == nil
}

func (portableAsker) route(netip.Addr) (int, error) { return 0, nil }
func (portableAsker) members() map[Member]bool      { return nil }

// interfaceError tells that there is none from a system that cannot say. Package net has no type for the former.
func interfaceError(err error) error {
	var cause interface{ Timeout() bool } // syscall.Errno is one
	if op := new(net.OpError); errors.As(err, &op) && errors.As(op.Err, &cause) {
		return err
	}
	return ErrNoInterface
}
