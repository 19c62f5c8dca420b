package mcl

import (
	"libmcl/core/internal/netio"
	"libmcl/core/internal/netwatch"
)

// OnDescriptor is told of the descriptors that belong to no object of this package but to the process: those by which it
// watches the network while something is open. It is told when they were opened, and before they are closed. It is for a
// program that must close them in a forked child. Set it before anything is opened.
var OnDescriptor = func(fd int, open bool) {}

// WhileOpening runs what opens descriptors outside of any call of the program: a listener's socket, when its interface was
// replaced. A program that forks without exec sets it, before anything is opened, to what keeps forks away meanwhile.
var WhileOpening = func(open func()) { open() }

// OnNetworkChange is told when the network has changed: an interface, an address or a route. It is for a program that sends by
// RawBroadcaster.Socket, which a change may leave connected wrongly until the broadcaster's next publish. It runs on the
// library's goroutine and must not wait. Set it before anything is opened.
var OnNetworkChange = func() {}

func init() {
	netwatch.OnChange = func() { OnNetworkChange() }
	netwatch.OnDescriptor = func(fd int, open bool) { OnDescriptor(fd, open) }
	netio.Opening = func(open func()) { WhileOpening(open) }
}
