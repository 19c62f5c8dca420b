//go:build !mcl_portable

package netwatch

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A netlinkAsker asks the kernel, by one socket that stays open: nothing of the like needs to be opened while the program may
// fork.
type netlinkAsker struct {
	asking sync.Mutex // protects what follows
	fd     int        // -1 once it is closed
	seq    uint32
	reply  [4096]byte
}

func newNetlinkAsker() (*netlinkAsker, error) {
	fd, err := netlinkSocket(0, 0)
	if err != nil {
		return nil, err
	}
	return &netlinkAsker{fd: fd}, nil
}

func (a *netlinkAsker) close() {
	a.asking.Lock()
	defer a.asking.Unlock()
	unix.Close(a.fd)
	a.fd = -1
}

// ioctl asks about an interface (netdevice(7)): any socket will do.
func (a *netlinkAsker) ioctl(request uint, ifr *unix.Ifreq) error {
	a.asking.Lock()
	defer a.asking.Unlock()
	return unix.IoctlIfreq(a.fd, request, ifr)
}

func (a *netlinkAsker) interfaceByName(name string) (int, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return 0, ErrNoInterface // too long for a name
	}
	switch err := a.ioctl(unix.SIOCGIFINDEX, ifr); err {
	case nil:
		return int(ifr.Uint32()), nil
	case unix.ENODEV:
		return 0, ErrNoInterface
	default:
		return 0, os.NewSyscallError("ioctl SIOCGIFINDEX", err)
	}
}

func (a *netlinkAsker) interfaceExists(index int) bool {
	ifr, _ := unix.NewIfreq("")
	ifr.SetUint32(uint32(index))
	return a.ioctl(unix.SIOCGIFNAME, ifr) == nil
}

// route asks as `ip -6 route get` does. Joining by a group alone makes the same choice (ipv6(7)), but does not tell it, nor
// when it would be another. Where the kernel does not answer, it may choose.
func (a *netlinkAsker) route(group netip.Addr) (int, error) {
	a.asking.Lock()
	defer a.asking.Unlock()
	a.seq++
	address := group.As16()
	request := binary.NativeEndian.AppendUint32(nil, unix.SizeofNlMsghdr+unix.SizeofRtMsg+unix.SizeofRtAttr+uint32(len(address)))
	request = binary.NativeEndian.AppendUint16(request, unix.RTM_GETROUTE)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST)
	request = binary.NativeEndian.AppendUint32(request, a.seq)
	request = binary.NativeEndian.AppendUint32(request, 0)
	request = append(request, unix.AF_INET6, 8*byte(len(address)))
	request = append(request, make([]byte, unix.SizeofRtMsg-2)...)
	request = binary.NativeEndian.AppendUint16(request, unix.SizeofRtAttr+uint16(len(address)))
	request = binary.NativeEndian.AppendUint16(request, unix.RTA_DST)
	request = append(request, address[:]...)
	if err := unix.Sendto(a.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, nil
	}
	for {
		// The answer is there when sendto returns.
		n, _, err := unix.Recvfrom(a.fd, a.reply[:], unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < unix.SizeofNlMsghdr {
			return 0, nil
		}
		h := (*unix.NlMsghdr)(unsafe.Pointer(&a.reply[0]))
		if h.Seq != a.seq {
			continue // of a question that was given up
		}
		return routeAnswer(h, a.reply[unix.SizeofNlMsghdr:n])
	}
}

// members reads /proc/net/igmp6: index, name, address, sockets and more, a line for each group of an interface.
func (a *netlinkAsker) members() map[Member]bool {
	text, err := os.ReadFile("/proc/net/igmp6")
	if err != nil {
		return nil
	}
	found := map[Member]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		index, err := strconv.Atoi(fields[0])
		group, err2 := hex.DecodeString(fields[2])
		if address, ok := netip.AddrFromSlice(group); err == nil && err2 == nil && ok {
			found[Member{index, address}] = true
		}
	}
	return found
}

func routeAnswer(h *unix.NlMsghdr, body []byte) (int, error) {
	switch {
	case h.Type == unix.NLMSG_ERROR && len(body) >= 4:
		switch unix.Errno(-int32(binary.NativeEndian.Uint32(body))) {
		case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL: // no route; types unreachable, prohibit, blackhole
			return 0, ErrNoRoute
		}
	case h.Type == unix.RTM_NEWROUTE && len(body) >= unix.SizeofRtMsg:
		switch (*unix.RtMsg)(unsafe.Pointer(&body[0])).Type {
		case unix.RTN_UNICAST, unix.RTN_LOCAL, unix.RTN_MULTICAST:
			if index, ok := attribute(body[unix.SizeofRtMsg:], unix.RTA_OIF); ok {
				return int(index), nil
			}
		}
		return 0, ErrNoRoute
	}
	return 0, nil
}
