package netio

import (
	"net"

	"golang.org/x/net/ipv6"
)

// steer sets how far datagrams go.
func steer(conn net.PacketConn, g *Group) error {
	p := ipv6.NewPacketConn(conn)
	if err := p.SetMulticastHopLimit(g.Hops); err != nil {
		return err
	}
	return p.SetMulticastLoopback(g.Loopback)
}
