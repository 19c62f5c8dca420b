//go:build !mcl_portable

package netwatch

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

func message(kind uint16, body ...byte) []byte {
	m := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, make([]byte, 10)...)
	m = append(m, body...)
	for len(m)%4 != 0 {
		m = append(m, 0)
	}
	return m
}

func link(family byte, index, mtu uint32) []byte {
	b := append([]byte{family}, make([]byte, 3)...)
	b = binary.NativeEndian.AppendUint32(b, index)
	b = append(b, make([]byte, 8)...)
	b = append(b, 5, 0, 3, 0, 'x', 0, 0, 0) // IFLA_IFNAME, and padding
	b = append(b, 8, 0, unix.IFLA_MTU, 0)
	return binary.NativeEndian.AppendUint32(b, mtu)
}

func TestWhatTheKernelsMessagesMean(t *testing.T) {
	for _, c := range []struct {
		name    string
		data    []byte
		changed bool
		lapsed  int
	}{
		{"nothing", nil, false, 0},
		{"a new interface", message(unix.RTM_NEWLINK, link(0, 7, 1500)...), true, 0},
		{"the least MTU", message(unix.RTM_NEWLINK, link(0, 7, 1280)...), true, 0},
		{"less", message(unix.RTM_NEWLINK, link(0, 7, 1279)...), true, 7},
		{"deleted", message(unix.RTM_DELLINK, link(0, 7, 1500)...), true, 7},
		{"left a bridge", message(unix.RTM_DELLINK, link(unix.AF_BRIDGE, 7, 1500)...), false, 0},
		{"an address", message(unix.RTM_NEWADDR), true, 0},
		{"a route", message(unix.RTM_DELROUTE), true, 0},
		{"a neighbour", message(unix.RTM_NEWNEIGH), false, 0},
		{"two", append(message(unix.RTM_NEWNEIGH, 1), message(unix.RTM_DELLINK, link(0, 9, 1500)...)...), true, 9},
		{"no body", message(unix.RTM_DELLINK), false, 0},
	} {
		got := 0
		if changed := interpret(c.data, func(index int) { got = index }); changed != c.changed || got != c.lapsed {
			t.Errorf("%s: changed %v, lapsed %d", c.name, changed, got)
		}
	}
}

func FuzzInterpret(f *testing.F) {
	f.Add(message(unix.RTM_NEWLINK, link(0, 7, 1500)...))
	f.Add(append(message(unix.RTM_NEWNEIGH, 1), message(unix.RTM_DELLINK, link(0, 9, 1500)...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		interpret(data, func(int) {})
		if len(data) > unix.SizeofNlMsghdr {
			routeAnswer(&unix.NlMsghdr{Type: unix.RTM_NEWROUTE}, data)
			routeAnswer(&unix.NlMsghdr{Type: unix.NLMSG_ERROR}, data)
		}
	})
}
