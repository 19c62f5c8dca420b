//go:build linux

package networks

import (
	"fmt"
	"testing"
	"time"

	mcl "libmcl/core"
)

// two gives two hosts on one bridge that publish to each other all the time.
func two(t *testing.T) (a, b *machine) {
	t.Helper()
	l := newLab(t, 1)
	a, b = l.host(), l.host()
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	connect(ways(), a, b)
	flows(t, ways(), a, b)
	return a, b
}

func TestAnInterfaceGoesDownAndUp(t *testing.T) {
	a, b := two(t)
	for range 2 {
		a.shell("ip link set eth0 down")
		failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
		a.shell("ip link set eth0 up")
		flows(t, ways(), a, b)
	}
	// The other end of the cable, as when a switch restarts.
	run(t, "ip link set "+a.port("eth0")+" down")
	run(t, "ip link set "+a.port("eth0")+" up")
	flows(t, ways(), a, b)
}

func TestAnInterfaceIsDeletedAndMadeAnew(t *testing.T) {
	a, b := two(t)
	for range 2 {
		a.shell("ip link del eth0")
		failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
		for _, w := range ways() {
			until(t, "it is reported", func() bool {
				reports := a.listener(w.name).Reports
				return contains(reports, `"eth0"`) || w.name == "route" && contains(reports, "route")
			})
		}
		a.plug("eth0", 0)
		flows(t, ways(), a, b)
	}
}

// A robot's programs are started before its network is there.
func TestTheNetworkAppearsAfterAllWasOpened(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	connect(ways(), a, b)
	failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
	if s := a.listener("named").Settings; s.InterfaceIndex != 0 {
		t.Errorf("joined on interface %d", s.InterfaceIndex)
	}
	if r := a.listener("named").Reports; !contains(r, `there is no interface "eth0" now`) || !contains(r, "by itself") {
		t.Errorf("reported: %q", r)
	}
	if r := a.listener("route").Reports; !contains(r, "ip -6 route add") {
		t.Errorf("reported: %q", r)
	}
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	flows(t, ways(), a, b)
	if s := a.listener("named").Settings; s.InterfaceIndex == 0 {
		t.Error("not told where it is joined")
	}
}

// What a publisher that lets small messages wait for others could not send is counted, each message, and it goes on.
func TestMessagesThatWaitForOthersWhileThereIsNoNetwork(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	way := ways()[1]
	a.ask(request{Op: "broadcast", Name: way.name, Conn: way.conn, Coalesce: 5 * time.Millisecond})
	b.listen(way.name, way.conn)
	a.ask(request{Op: "start", Name: way.name, Every: 2 * time.Millisecond, Size: 100})
	until(t, "it is reported", func() bool { return a.broadcaster(way.name).Errors[mcl.ErrRoute] > 2 })
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	took := until(t, "it is heard", func() bool { return b.listener(way.name).Tally.Messages > 0 })
	if took > promptly {
		t.Errorf("it took %v until data flowed", took)
	}
	got := a.ask(request{Op: "stop", Name: way.name})
	// A publish that tells of those before takes no message itself.
	until(t, "each message is sent, counted as lost, or was not taken", func() bool {
		got = a.broadcaster(way.name)
		return int(got.Sent.Messages+got.Sent.SendErrors)+got.Errors[mcl.ErrRoute] == got.Published
	})
	if b.listener(way.name).Tally.Repeated > 0 || got.Sent.SendErrors == 0 {
		t.Errorf("%d published, %+v, %v", got.Published, got.Sent, got.Errors)
	}
}

// First on the host alone, then on the network, and back.
func TestTheRouteMoves(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	route := ways()[:1]
	a.shell("ip link set lo up && ip -6 route add local ff00::/8 dev lo table local")
	connect(route, a)
	flows(t, route, a)
	a.plug("eth0", 0) // brings a better route
	b.plug("eth0", 0)
	connect(route, b)
	flows(t, route, a, b)
	a.shell("ip link set eth0 down")
	flows(t, route, a)
	a.shell("ip link set eth0 up")
	flows(t, route, a, b)
}

func TestTheRouteAppearsLate(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	for _, h := range []*machine{a, b} {
		h.plug("eth0", 0)
		h.shell("ip -6 route del multicast ff00::/8 dev eth0 table local")
	}
	connect(ways(), a, b)
	failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
	for _, h := range []*machine{a, b} {
		h.shell("ip -6 route add multicast ff00::/8 dev eth0 table local")
	}
	flows(t, ways(), a, b)
}

// sources are the addresses that a listener has heard something from.
func sources(h *machine, name string) map[string]int {
	n := map[string]int{}
	for from, count := range h.listener(name).Tally.From {
		n[from.Addr().String()] += count
	}
	return n
}

func TestAnInterfaceGetsANewAddress(t *testing.T) {
	a, b := two(t)
	wide := ways()[:2] // a group of one link is sent to from the link's own address
	ports := map[string]int{}
	for _, w := range wide {
		ports[w.name] = a.broadcaster(w.name).Settings.LocalPort
		if n := sources(b, w.name); n["fd00::1"] == 0 {
			t.Fatal(n)
		}
	}
	a.shell("ip -6 address del fd00::1/64 dev eth0 && ip -6 address add fd00::77/64 dev eth0 nodad")
	for _, w := range wide {
		took := until(t, "data comes from the new address", func() bool { return sources(b, w.name)["fd00::77"] > 0 })
		if took > promptly {
			t.Errorf("it took %v", took)
		}
		old := sources(b, w.name)["fd00::1"]
		flows(t, wide, a, b)
		if n := sources(b, w.name)["fd00::1"]; n != old {
			t.Errorf("%d datagrams more from an address that is gone", n-old)
		}
		if port := a.broadcaster(w.name).Settings.LocalPort; port != ports[w.name] {
			t.Errorf("the source port changed from %d to %d", ports[w.name], port)
		}
	}
	// All of them go, as when IPv6 is switched off, and come back.
	a.shell("echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
	failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
	a.shell("echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6 && ip -6 address add fd00::78/64 dev eth0 nodad")
	flows(t, ways(), a, b)
}

// IPv6 takes its leave of an interface whose MTU is below 1280: memberships are gone when the MTU is right again, and no
// call ever fails.
func TestAMembershipThatLapsedIsJoinedAgain(t *testing.T) {
	needsKernelsWord(t)
	a, b := two(t)
	for _, slowly := range []bool{true, false} {
		// Others on this host, which go later: a membership of theirs must not be taken for one's own.
		others := ways()
		for i := range others {
			others[i].name += " other"
			a.listen(others[i].name, others[i].conn)
		}
		if slowly {
			a.shell("ip link set eth0 mtu 1000")
			failing(t, a, ways(), mcl.ErrRoute, mcl.ErrNoBuffers)
			a.shell("ip link set eth0 mtu 1500")
		} else {
			a.shell("ip link set eth0 mtu 1000; ip link set eth0 mtu 1500")
		}
		flows(t, ways(), a, b)
		for _, w := range others {
			a.ask(request{Op: "close listener", Name: w.name})
		}
		flows(t, ways(), a, b)
	}
}

func TestALinkOfAnyMTU(t *testing.T) {
	a, b := two(t)
	for _, mtu := range []string{"9000", "1280", "1500"} {
		for _, h := range []*machine{a, b} {
			h.shell("ip link set eth0 mtu " + mtu)
			run(t, "ip link set "+h.port("eth0")+" mtu "+mtu)
		}
		flows(t, ways(), a, b)
		for _, w := range ways() {
			for _, h := range []*machine{a, b} {
				h.ask(request{Op: "stop", Name: w.name})
			}
			for _, r := range []request{
				{Size: 60}, {Size: 1200, Many: 100}, {Size: 1232 - 60, Many: 64}, {Size: 1500, Many: 100}, {Size: 8900, Many: 40},
				{Size: 59_000}, {Size: 61_000}, {Size: 1_000_000},
			} {
				r.Op, r.Name, r.Count = "publish", w.name, 1
				for from, to := range map[*machine]*machine{a: b, b: a} {
					sent, before := from.broadcaster(w.name).Sent.Messages, to.listener(w.name).Tally.Messages
					want := max(r.Many, 1)
					if got := int(from.ask(r).Sent.Messages - sent); got != want {
						t.Fatalf("MTU %s, %d messages of %d bytes: %d went out", mtu, want, r.Size, got)
					}
					until(t, "all arrive", func() bool { return to.listener(w.name).Tally.Messages >= before+want })
				}
			}
		}
		for _, w := range ways() {
			for _, h := range []*machine{a, b} {
				h.ask(request{Op: "start", Name: w.name, Every: 20e6, Size: 100})
			}
		}
	}
}

func TestTheInterfaceThatIsChosenIsTheOnlyOne(t *testing.T) {
	l := newLab(t, 2)
	a, left, right := l.host(), l.host(), l.host()
	a.plug("eth0", 0)
	a.plug("eth1", 1)
	left.plug("eth0", 0)
	right.plug("eth0", 1)
	for _, url := range []string{"ff15::4d43:1", "ff12::4d43:1"} {
		conn := func(name string) mcl.Connection { return mcl.Connection{URL: url, Port: 27010, Interface: name} }
		at := func(name string) string { return url + " " + name }
		for _, name := range []string{"eth0", "eth1"} {
			a.listen(at(name), conn(name))
			a.broadcast(at(name), conn(name))
		}
		for _, h := range []*machine{left, right} {
			h.listen(at(""), conn("eth0"))
			h.broadcast(at(""), conn("eth0"))
		}
		sent := func(h *machine, name string) {
			h.ask(request{Op: "publish", Name: at(name), Count: 1, Size: 100})
			h.ask(request{Op: "publish", Name: at(name), Count: 1, Size: 100_000})
		}
		heard := func(h *machine, name string) int { return h.listener(at(name)).Tally.Messages }
		sent(left, "")
		until(t, "the left one is heard on its side", func() bool { return heard(a, "eth0") == 2 })
		for range 2 {
			sent(right, "")
		}
		until(t, "the right one is heard on its side", func() bool { return heard(a, "eth1") == 4 })
		sent(a, "eth0")
		until(t, "the left one hears its side", func() bool { return heard(left, "") == 2+2 })
		for range 2 {
			sent(a, "eth1")
		}
		until(t, "the right one hears its side", func() bool { return heard(right, "") == 4+4 })
		// What each hears of itself is on its own side, too.
		for h, want := range map[*machine]map[string]int{a: {"eth0": 2 + 2, "eth1": 4 + 4}, left: {"": 2 + 2}, right: {"": 4 + 4}} {
			for name, n := range want {
				if got := heard(h, name); got != n {
					t.Errorf("%s: host %d heard %d messages on %q, not %d", url, h.id, got, name, n)
				}
			}
		}
	}
}

func TestTwoGroupsOnOnePortNeverMix(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	groups := []string{"ff15::4d43:21", "ff15::4d43:22", "ff05::4d43:21", "ff12::4d43:21%eth0"}
	for _, h := range []*machine{a, b} {
		for _, url := range groups {
			h.listen(url, mcl.Connection{URL: url, Port: 27020})
			h.broadcast(url, mcl.Connection{URL: url, Port: 27020})
		}
	}
	for i, url := range groups {
		a.ask(request{Op: "publish", Name: url, Count: 10 + i, Size: 100})
		b.ask(request{Op: "publish", Name: url, Count: 20 + i, Size: 100})
	}
	for _, h := range []*machine{a, b} {
		for i, url := range groups {
			want := 30 + 2*i
			until(t, "all arrive", func() bool { return h.listener(url).Tally.Messages >= want })
			if got := h.listener(url); got.Stats.Datagrams != uint64(want) || len(got.Tally.Streams) != 2 {
				t.Errorf("%s: %d datagrams of %d broadcasters, not %d of 2", url, got.Stats.Datagrams, len(got.Tally.Streams), want)
			}
		}
	}
}

// Containers, VPNs and USB devices come and go all day: what they have to do with nobody here must cost nobody a message.
func TestChangesElsewhereLoseNothing(t *testing.T) {
	a, b := two(t)
	before := map[string]uint64{}
	for _, w := range ways() {
		before[w.name] = a.ask(request{Op: "stop", Name: w.name}).Sent.Messages
		a.ask(request{Op: "start", Name: w.name, Every: 1e6, Size: 100})
	}
	for range 20 {
		a.shell("ip link add other type veth peer name another && ip link set other up && ip link set another up")
		b.shell("ip link add other type veth peer name another && ip link set other mtu 1000 up && ip link set another up")
		b.shell("ip link del other")
		a.shell("ip link del other")
	}
	for _, w := range ways() {
		sent := a.ask(request{Op: "stop", Name: w.name})
		if sent.Sent.SendErrors > 0 {
			t.Errorf("%s: publishing failed: %v", w.name, sent.Errors)
		}
		// b joined before a began, and a's stream is the one with the most messages.
		count := func() (n int) {
			for _, k := range b.listener(w.name).Tally.Streams {
				n = max(n, k)
			}
			return n
		}
		until(t, "all of them arrive", func() bool { return count() >= int(sent.Sent.Messages-before[w.name]) })
	}
	once(t, ways(), a, b)
}

// What a socket had counted, and what waited in it, outlives the socket.
func TestTheLedgerIsExactAcrossAnInterfaceThatIsMadeAnew(t *testing.T) {
	needsKernelsWord(t)
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	conn := mcl.Connection{URL: "ff15::4d43:31", Port: 27031, Interface: "eth0", RecvBuffer: 20_000}
	a.ask(request{Op: "listen", Name: "stuck", Conn: conn, Stuck: true})
	b.broadcast("b", conn)
	sent := 0
	send := func(count int) {
		b.ask(request{Op: "publish", Name: "b", Count: count, Size: 500})
		sent += count
	}
	send(500)
	for range 3 {
		a.shell("ip link del eth0")
		a.plug("eth0", 0)
		index := a.shell("ip -o link show eth0 2>/dev/null | cut -d : -f 1")
		until(t, "it is joined again", func() bool {
			return index == fmt.Sprintln(a.listener("stuck").Settings.InterfaceIndex)
		})
		send(500)
	}
	dropped := a.listener("stuck").Stats.DroppedKernel
	if dropped == 0 {
		t.Fatal("nothing was dropped: the test shows nothing")
	}
	a.ask(request{Op: "release", Name: "stuck"})
	until(t, "the rest is delivered", func() bool {
		got := a.listener("stuck")
		return int(got.Stats.Delivered+got.Stats.DroppedKernel) == sent && got.Stats.Queued == 0
	})
	got := a.ask(request{Op: "close listener", Name: "stuck"})
	if got.Stats.DroppedKernel != dropped || int(got.Stats.Delivered+dropped) != sent || got.Tally.Repeated+got.Tally.Late > 0 {
		t.Errorf("%d sent, %+v, %+v", sent, got.Stats, got.Tally)
	}
}
