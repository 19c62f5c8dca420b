//go:build !linux || mcl_portable

package netio

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv6"

	"libmcl/core/internal/buf"
)

// System is the network of this machine, as golang.org/x/net/ipv6 gives it everywhere: a datagram a call, time stamps of
// the reader instead of the kernel, and no count of what the kernel dropped. (On Linux, `-tags mcl_portable` tests it.)
var System Network = portable{}

type portable struct{}

func (portable) Listen(g Group) (Receiver, error) {
	ifi, err := groupInterface(g.Interface)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenMulticastUDP("udp6", ifi, net.UDPAddrFromAddrPort(g.Addr))
	if err != nil {
		return nil, err
	}
	if g.RecvBuffer > 0 {
		conn.SetReadBuffer(g.RecvBuffer) // less than asked for is no error
	}
	p := ipv6.NewPacketConn(conn)
	// Go binds [::], so that other groups on the port arrive too: the destination tells them apart.
	if err := p.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true); err != nil {
		conn.Close()
		return nil, err
	}
	return &portableReceiver{conn: conn, p: p, group: g}, nil
}

type portableReceiver struct {
	conn  *net.UDPConn
	p     *ipv6.PacketConn
	group Group
}

func (r *portableReceiver) Receive(handle func([]Packet)) error {
	b := buf.Get(1 << 16)
	defer b.Release()
	for {
		n, control, from, err := r.p.ReadFrom(b.Bytes())
		if err != nil {
			return err
		}
		index := 0
		if control != nil {
			index = control.IfIndex
			dst, _ := netip.AddrFromSlice(control.Dst)
			if dst.WithZone("") != r.group.Addr.Addr() || r.group.Interface != 0 && control.IfIndex != r.group.Interface {
				continue
			}
		}
		addr := from.(*net.UDPAddr).AddrPort()
		handle([]Packet{{Buf: b, Data: b.Bytes()[:n:n], From: netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port()),
			Time: wallClock(), Interface: index}})
		return nil
	}
}

func (r *portableReceiver) SetDeadline(t time.Time) error { return r.conn.SetReadDeadline(t) }
func (r *portableReceiver) Dropped() uint64               { return 0 }
func (r *portableReceiver) RecvBuffer() int               { return 0 }
func (r *portableReceiver) Descriptor() int               { return -1 }
func (r *portableReceiver) Close() error                  { return r.conn.Close() }

func (portable) Dial(g Group) (Sender, error) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{Port: g.LocalPort})
	if err != nil {
		return nil, err
	}
	if g.SendBuffer > 0 {
		conn.SetWriteBuffer(g.SendBuffer)
	}
	if err := steer(conn, g); err != nil {
		conn.Close()
		return nil, err
	}
	return &portableSender{conn: conn, to: g.Addr}, nil
}

type portableSender struct {
	conn *net.UDPConn
	to   netip.AddrPort
	data []byte
}

func (s *portableSender) Send(datagrams []Datagram) (int, error) {
	for i, d := range datagrams {
		s.data = append(append(s.data[:0], d.Head...), d.Body...)
		if _, err := s.conn.WriteToUDPAddrPort(s.data, s.to); err != nil {
			return i, err
		}
	}
	return len(datagrams), nil
}

func (s *portableSender) SendBuffer() int { return 0 }
func (s *portableSender) LocalPort() int  { return s.conn.LocalAddr().(*net.UDPAddr).Port }
func (s *portableSender) Descriptor() int { return -1 }
func (s *portableSender) Close() error    { return s.conn.Close() }
