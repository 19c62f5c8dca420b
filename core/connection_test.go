package mcl

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestSettingsTellWhatWasGranted(t *testing.T) {
	needsKernelsWord(t)
	conn := newConnection()
	conn.Interface, conn.Hops, conn.Loopback, conn.SendBuffer = "lo", 7, Off, 100_000
	lo, _ := net.InterfaceByName("lo")
	s := dial(t, nil, conn, BroadcasterOptions{}).Settings()
	if s.InterfaceIndex != lo.Index || s.Hops != 7 || s.Loopback != Off || s.SendBuffer != 100_000 || s.LocalPort == 0 || s.Port != conn.Port {
		t.Errorf("%+v", s)
	}
	conn.Interface = fmt.Sprint(lo.Index)
	if s := open(t, nil, conn, ListenerOptions{}).Settings(); s.InterfaceIndex != lo.Index || s.MessageMax != 64<<20 || s.RecvBufferAsked != 4<<20 {
		t.Errorf("%+v", s)
	}
}

func TestTheEnvironmentSteersWhatIsNotSet(t *testing.T) {
	needsKernelsWord(t)
	old := Getenv
	t.Cleanup(func() { Getenv = old })
	env := map[string]string{"MCL_INTERFACE": "lo", "MCL_HOPS": "0", "MCL_RCVBUF": "50000"}
	Getenv = func(name string) string { return env[name] }
	conn := newConnection()
	if s := dial(t, nil, conn, BroadcasterOptions{}).Settings(); s.Hops != 0 || s.InterfaceIndex != 1 {
		t.Errorf("%+v", s)
	}
	if s := open(t, nil, conn, ListenerOptions{}).Settings(); s.RecvBufferAsked != 50000 || s.RecvBuffer != 50000 {
		t.Errorf("%+v", s)
	}
	conn.Hops, conn.RecvBuffer = 5, 60000
	if s := dial(t, nil, conn, BroadcasterOptions{}).Settings(); s.Hops != 5 {
		t.Errorf("%+v", s)
	}
	for name, bad := range map[string]string{"MCL_INTERFACE": "none/such", "MCL_HOPS": "256", "MCL_RCVBUF": "much"} {
		env = map[string]string{name: bad}
		_, err := NewRawListener(newConnection())
		if err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s=%s: %v", name, bad, err)
		}
	}
}

func TestBadConnections(t *testing.T) {
	for _, c := range []struct {
		conn Connection
		kind Error
		says string
	}{
		{Connection{}, ErrAddress, "no IP address"},
		{Connection{URL: "robot.local"}, ErrAddress, "no IP address"},
		{Connection{URL: "239.1.1.1"}, ErrAddress, "IPv4"},
		{Connection{URL: "::ffff:239.1.1.1"}, ErrAddress, "IPv4"},
		{Connection{URL: "fe80::1"}, ErrAddress, "no multicast"},
		{Connection{URL: "ff15::1", Port: 1023}, ErrInvalid, "port 1023"},
		{Connection{URL: "ff15::1", Port: 65536}, ErrInvalid, "port 65536"},
		{Connection{URL: "ff15::1", Port: -1}, ErrInvalid, "port -1"},
		{Connection{URL: "ff15::1", Hops: 256}, ErrInvalid, "hops 256"},
		{Connection{URL: "ff15::1", Loopback: 2}, ErrInvalid, "loopback 2"},
		{Connection{URL: "ff15::1", MessageMax: 1<<30 + 1}, ErrInvalid, "largest message"},
		{Connection{URL: "ff15::1", RecvBuffer: -1}, ErrInvalid, "receive buffer"},
		{Connection{URL: "ff15::1", ReassemblyAge: -1}, ErrInvalid, "reassembly age"},
		{Connection{URL: "ff15::1", Interface: "999999"}, ErrInterface, "999999"},
		{Connection{URL: "ff15::1", Interface: "longer than any"}, ErrInterface, "longer than any"},
		{Connection{URL: "ff12::1"}, ErrInterface, "ff12::1%eth0"},
		{Connection{URL: "ff01::1"}, ErrInterface, "MCL_INTERFACE"},
		{Connection{URL: "ff15::1", Hops: -2}, ErrInvalid, "HopsHost"},
		{Connection{URL: "ff12::1%none/such"}, ErrInterface, "none/such"},
		{Connection{URL: "ff12::1%lo", Interface: "eth0"}, ErrInvalid, "eth0"},
	} {
		_, errL := NewRawListener(c.conn)
		_, errB := NewRawBroadcaster(c.conn)
		for _, err := range []error{errL, errB} {
			wantKind(t, err, c.kind)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: %v does not say %q", c.conn, err, c.says)
			}
		}
	}
	_, err := NewRawBroadcaster(newConnection(), "two", "topics")
	wantKind(t, err, ErrInvalid)
	_, err = Listen(newConnection(), ListenerOptions{Policy: 9})
	wantKind(t, err, ErrInvalid)
	_, err = Listen(newConnection(), ListenerOptions{QueueMessages: -1})
	wantKind(t, err, ErrInvalid)
}
