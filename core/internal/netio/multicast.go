package netio

import (
	"net"

	"golang.org/x/net/ipv6"
)

// groupInterface is nil for the kernel's choice.
func groupInterface(index int) (*net.Interface, error) {
	if index == 0 {
		return nil, nil
	}
	return net.InterfaceByIndex(index)
}

// steer sets how datagrams leave.
func steer(conn net.PacketConn, g Group) error {
	p := ipv6.NewPacketConn(conn)
	ifi, err := groupInterface(g.Interface)
	if err == nil && ifi != nil {
		err = p.SetMulticastInterface(ifi)
	}
	if err == nil {
		err = p.SetMulticastHopLimit(g.Hops)
	}
	if err == nil {
		err = p.SetMulticastLoopback(g.Loopback)
	}
	return err
}
