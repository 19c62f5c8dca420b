package mcl

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/wire"
)

// Values for fields in which zero means the default.
const (
	On  = on  // Connection.Loopback
	Off = off // Connection.Loopback

	// HopsHost as Connection.Hops keeps what is published on this host.
	HopsHost = hopsHost
)

// A Connection says where to publish or listen, and how. URL must be set; zero in any other field means its default.
// It is a plain value: copy and compare it as you like. It is checked when something is opened on it.
//
// The environment steers fields that are not set: MCL_INTERFACE, MCL_HOPS (0 to 255; 0 never leaves the host) and
// MCL_RCVBUF (bytes) take the place of the defaults of Interface, Hops and RecvBuffer.
type Connection struct {
	URL  string // an IPv6 multicast address such as "ff15::1"; "ff12::1%eth0" names an interface
	Port int    // 1024 to 65535; default 26000

	// Interface is a name or a decimal index; default: the kernel picks by its routing table. One that does not exist yet
	// is waited for by its name.
	Interface string
	Hops      int // routers that a datagram may pass, plus one: 1 to 255, or HopsHost; default 3
	Loopback  int // On or Off: do listeners on this host receive it; default On

	RecvBuffer      int64         // bytes of socket buffer to ask for; default 4 MiB
	SendBuffer      int64         // bytes of socket buffer to ask for; default: what the system gives
	MessageMax      int64         // largest payload sent or accepted, in bytes, to 1 GiB; default 64 MiB
	ObjectsMax      int64         // most msgpack objects of a payload sent or accepted: each key, value, array and map; default any number
	ReassemblyBytes int64         // memory that incomplete messages may hold; default 256 MiB
	ReassemblyAge   time.Duration // an incomplete message that got nothing for so long is evicted; default 5 s
}

// Settings tells what was asked for and what the kernel granted.
type Settings struct {
	// InterfaceIndex is that of the interface named; a listener's is that of the interface that it has joined the group on,
	// which changes with the network. 0: none now, or not known.
	InterfaceIndex  int
	Port            int // of the group
	LocalPort       int // of the socket: a broadcaster's source port
	Hops            int // broadcasters
	Loopback        int // broadcasters: On or Off
	RecvBufferAsked int64
	RecvBuffer      int64 // granted, in bytes, in the same unit as asked
	SendBufferAsked int64
	SendBuffer      int64
	MessageMax      int64
	ObjectsMax      int64 // 0: any number
	ReassemblyBytes int64
	ReassemblyAge   time.Duration
}

// Getenv reads the environment. A program that keeps its environment elsewhere than where Go looks (a C program, whose
// setenv Go does not see) sets it before it opens anything.
var Getenv = os.Getenv

// String gives the address and port, as in "[ff15::1]:26000".
func (c Connection) String() string {
	port := c.Port
	if port == 0 {
		port = portDefault
	}
	return net.JoinHostPort(c.URL, strconv.Itoa(port))
}

// Check reports what is wrong with c, as opening something on it would, without touching the network. Interfaces are
// looked up only when something is opened.
func (c Connection) Check() error {
	_, err := c.resolve("check connection")
	return err
}

// same tells whether c and o reach the same listeners.
func (c Connection) same(o Connection) bool {
	a, errA := c.resolve("")
	b, errB := o.resolve("")
	return errA == nil && errB == nil && a.group.Addr == b.group.Addr
}

// resolved is a Connection with its defaults filled in and checked.
type resolved struct {
	conn  Connection // every field set, but for an Interface left to the kernel and a SendBuffer left to the system
	group netio.Group
}

func (c Connection) resolve(op string) (r resolved, err error) {
	if err := c.applyEnv(op); err != nil {
		return r, err
	}
	addr, err := netip.ParseAddr(c.URL)
	switch {
	case err != nil:
		return r, &OpError{Op: op, On: c.String(), Kind: ErrAddress, Detail: fmt.Sprintf("%q is no IP address", c.URL),
			Remedy: "use an IPv6 multicast address such as ff15::1"}
	case !addr.Is6() || addr.Is4In6():
		return r, &OpError{Op: op, On: c.String(), Kind: ErrAddress, Detail: fmt.Sprintf("%s is an IPv4 address", addr),
			Remedy: "use an IPv6 multicast address such as ff15::1"}
	case !addr.IsMulticast():
		return r, &OpError{Op: op, On: c.String(), Kind: ErrAddress, Detail: fmt.Sprintf("%s is no multicast address", addr),
			Remedy: "use one that begins with ff, such as ff15::1"}
	}
	if zone := addr.Zone(); zone != "" {
		if c.Interface != "" && c.Interface != zone {
			return r, &OpError{Op: op, On: c.String(), Kind: ErrInvalid,
				Detail: fmt.Sprintf("the address names interface %q, the option %q", zone, c.Interface), Remedy: "name one"}
		}
		c.Interface = zone
		addr = addr.WithZone("")
	}
	for _, f := range []struct {
		name      string
		value     *int64
		byDefault int64
		max       int64
	}{
		{"receive buffer", &c.RecvBuffer, recvBufferDefault, bufferLimit},
		{"send buffer", &c.SendBuffer, 0, bufferLimit},
		{"largest message", &c.MessageMax, messageMaxDefault, messageMaxLimit},
		{"largest number of objects", &c.ObjectsMax, 0, messageMaxLimit},
		{"reassembly budget", &c.ReassemblyBytes, reassemblyBytesDefault, reassemblyBytesLimit},
	} {
		if *f.value == 0 {
			*f.value = f.byDefault
		}
		if *f.value < 0 || *f.value > f.max {
			return r, outOfRange(op, c, f.name, *f.value, 0, f.max)
		}
	}
	const oldest = reassemblyAgeMsLimit * time.Millisecond
	if c.ReassemblyAge == 0 {
		c.ReassemblyAge = reassemblyAgeMsDefault * time.Millisecond
	}
	if c.ReassemblyAge < 0 || c.ReassemblyAge > oldest {
		return r, &OpError{Op: op, On: c.String(), Kind: ErrInvalid, Detail: fmt.Sprintf("reassembly age %v is out of range", c.ReassemblyAge),
			Remedy: fmt.Sprintf("use up to %v", oldest)}
	}
	if c.Port == 0 {
		c.Port = portDefault
	}
	if c.Port < portMin || c.Port > portMax {
		return r, outOfRange(op, c, "port", int64(c.Port), portMin, portMax)
	}
	hops := c.Hops
	switch {
	case hops == 0:
		c.Hops, hops = hopsDefault, hopsDefault
	case hops == HopsHost:
		hops = 0
	case hops < 0 || hops > hopsMax:
		e := outOfRange(op, c, "hops", int64(hops), 1, hopsMax)
		e.Remedy += ", or HopsHost (MCL_HOPS_HOST, -1) to stay on this host"
		return r, e
	}
	if c.Loopback == 0 {
		c.Loopback = On
	}
	if c.Loopback != On && c.Loopback != Off {
		return r, outOfRange(op, c, "loopback", int64(c.Loopback), Off, On)
	}
	r.conn = c
	r.group = netio.Group{Addr: netip.AddrPortFrom(addr, uint16(c.Port)), Hops: hops, Loopback: c.Loopback == On,
		RecvBuffer: int(c.RecvBuffer), SendBuffer: int(c.SendBuffer)}
	return r, nil
}

func outOfRange(op string, c Connection, what string, value, low, high int64) *OpError {
	return &OpError{Op: op, On: c.String(), Kind: ErrInvalid, Detail: fmt.Sprintf("%s %d is out of range", what, value),
		Remedy: fmt.Sprintf("use %d to %d", low, high)}
}

// applyEnv fills unset fields from the environment.
func (c *Connection) applyEnv(op string) error {
	number := func(name string, high int64) (int64, bool, error) {
		text := Getenv(name)
		if text == "" {
			return 0, false, nil
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 0 || v > high {
			return 0, false, &OpError{Op: op, On: c.String(), Kind: ErrInvalid,
				Detail: fmt.Sprintf("the environment variable %s is %q", name, text),
				Remedy: fmt.Sprintf("set it to a number from 0 to %d, or unset it", high)}
		}
		return v, true, nil
	}
	if c.Interface == "" {
		if addr, err := netip.ParseAddr(c.URL); err != nil || addr.Zone() == "" {
			c.Interface = Getenv("MCL_INTERFACE")
		}
	}
	if c.Hops == 0 {
		v, set, err := number("MCL_HOPS", hopsMax)
		if err != nil {
			return err
		}
		if c.Hops = int(v); set && v == 0 {
			c.Hops = HopsHost
		}
	}
	if c.RecvBuffer == 0 {
		v, _, err := number("MCL_RCVBUF", bufferLimit)
		if err != nil {
			return err
		}
		c.RecvBuffer = v
	}
	return nil
}

// checkInterface refuses what can never be an interface. One that does not exist now may do so later: a robot's programs are
// started before its network is, and USB devices come and go.
func (r *resolved) checkInterface(op string) error {
	refuse := func(detail, remedy string) error {
		return &OpError{Op: op, On: r.conn.String(), Kind: ErrInterface, Detail: detail, Remedy: remedy}
	}
	name := r.conn.Interface
	r.group.Interface = name
	if name == "" {
		if a := r.group.Addr.Addr(); a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast() {
			return refuse(fmt.Sprintf("%s is a group of one link, and no interface is named", a),
				fmt.Sprintf("name one: as %s%%eth0, by the option, or by MCL_INTERFACE", a))
		}
		return nil
	}
	// The kernel's own rule (net/core/dev.c: dev_valid_name).
	if len(name) > interfaceNameMax || name == "." || name == ".." || strings.ContainsAny(name, "/: \t\n\v\f\r\x00") {
		return refuse(fmt.Sprintf("%q cannot be the name of an interface", name), "`ip link` lists what there is")
	}
	return nil
}

const interfaceNameMax = 15 // bytes (IFNAMSIZ, with a NUL, is 16)

// limits are those of what is received.
func (r *resolved) limits() wire.Limits {
	return wire.Limits{MessageMax: r.conn.MessageMax, ObjectsMax: r.conn.ObjectsMax}
}

func (r *resolved) settings() Settings {
	c := r.conn
	return Settings{Port: c.Port, Hops: r.group.Hops, Loopback: c.Loopback,
		MessageMax: c.MessageMax, ObjectsMax: c.ObjectsMax, ReassemblyBytes: c.ReassemblyBytes, ReassemblyAge: c.ReassemblyAge}
}
