//go:build linux

package networks

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	mcl "libmcl/core"
)

// inNetem tells whether the test may go on here. Where the kernel has no netem, it runs in a kernel that does.
func inNetem(t *testing.T) bool {
	t.Helper()
	need(t, "tc", "iproute2")
	out, err := exec.Command("tc", "qdisc", "add", "dev", "lo", "root", "netem").CombinedOutput()
	if err == nil {
		run(t, "tc qdisc del dev lo root")
		return true
	}
	if os.Getenv("MCL_TEST_UML") != "" {
		t.Fatalf("User-Mode Linux has no netem: %s", out)
	}
	runInUML(t, "a kernel with netem (module sch_netem), or ")
	return false
}

// runInUML runs the test again in User-Mode Linux.
func runInUML(t *testing.T, or string) {
	t.Helper()
	for program, pkg := range map[string]string{"linux.uml": "user-mode-linux", "modprobe": "kmod"} {
		if _, err := exec.LookPath(program); err != nil {
			lack(t, fmt.Sprintf("%s%s (package %s)", or, program, pkg))
		}
	}
	cmd := exec.Command("./uml", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	text, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "--- PASS: "+t.Name()) {
		t.Fatalf("in User-Mode Linux: %v:\n%s", err, text)
	}
	t.Logf("in User-Mode Linux:\n%s", text)
}

// counters are what netem did to the datagrams of the test.
type counters struct {
	Packets int // that left it; one that was duplicated is two
	Drops   int
	Backlog int
	Qlen    int
}

// disturb puts netem in the way of what a host sends by UDP, and of nothing else, so that its counters are of that alone.
func (m *machine) disturb(how string) {
	m.t.Helper()
	m.shell("tc qdisc replace dev eth0 root handle 1: prio bands 4 && " +
		"tc qdisc add dev eth0 parent 1:4 handle 30: netem limit 100000 " + how + " && " +
		"tc filter add dev eth0 parent 1: protocol ipv6 u32 match ip6 protocol 17 0xff flowid 1:4 && " +
		"tc filter add dev eth0 parent 1: protocol ipv6 u32 match ip6 protocol 44 0xff flowid 1:4") // fragments
}

func (m *machine) disturbed() (c counters) {
	m.t.Helper()
	var all []struct {
		Handle string
		counters
	}
	text := m.shell("tc -s -j qdisc show dev eth0")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		m.t.Fatalf("%v: %s", err, text)
	}
	for _, q := range all {
		if q.Handle == "30:" {
			return q.counters
		}
	}
	m.t.Fatalf("no netem: %s", text)
	return c
}

// kernel is what the kernel of a host has counted since `before` (/proc/net/snmp6), and under "dropped" the packets that its
// interface had no use for.
func (m *machine) kernel(before map[string]int) map[string]int {
	m.t.Helper()
	all := map[string]int{}
	words := strings.Fields(m.shell("cat /proc/net/snmp6; echo dropped $(awk '$1 == \"eth0:\" { print $5 }' /proc/net/dev)"))
	for i := 0; i+1 < len(words); i += 2 {
		n, err := strconv.Atoi(words[i+1])
		if err != nil {
			m.t.Fatal(words[i], err)
		}
		all[words[i]] = n - before[words[i]]
	}
	return all
}

// A ledger is what became of the packets that left netem, by what the receiver's kernel counted: so those are accounted for that
// were damaged. At UDP it is exact. Below, two things are not counted as such. Packets for a group that the host is not in are
// what IP received for any group, less all that is known of; the multicast by which the sender's kernel runs IPv6 is among them,
// and the sender counts that. And nobody counts what has the wrong one of two bits spoiled in its Ethernet addresses: it claims to
// come from a group, which a bridge discards, or goes to another host. Of the fifty packets that a test spoils this befalls
// one in seven times, and more than `vanishing` of them once in a hundred thousand.
type ledger struct {
	Passed                     int // netem
	Read, Wrong, Short, Astray int // at UDP: read; dropped at the socket for their checksum; shorter than they claim; for no socket
	Refused, Unwanted          int // by IP or the interface; for a group that this host is not in
	Vanished                   int
}

const vanishing = 3

func newLedger(passed int, receiver, sender map[string]int) ledger {
	l := ledger{Passed: passed, Read: receiver["Udp6InDatagrams"], Wrong: receiver["Udp6InCsumErrors"]}
	l.Short = receiver["Udp6InErrors"] - l.Wrong
	l.Astray = receiver["Udp6IgnoredMulti"] + receiver["Udp6NoPorts"]
	udp := l.Read + l.Wrong + l.Short + l.Astray
	for _, name := range []string{"Ip6InHdrErrors", "Ip6InAddrErrors", "Ip6InNoRoutes", "Ip6InTruncatedPkts", "Ip6InUnknownProtos", "Ip6InDiscards", "dropped"} {
		l.Refused += receiver[name]
	}
	l.Unwanted = receiver["Ip6InMcastPkts"] - udp - receiver["Ip6InUnknownProtos"] - sender["Icmp6OutRouterSolicits"] - sender["Icmp6OutMLDv2Reports"]
	l.Vanished = l.Passed - udp - l.Refused - l.Unwanted
	return l
}

// What a network does that loses, repeats, reorders and damages. The counters of both ends differ by exactly what it did. The
// MTU lets each datagram be one packet, so that netem counts datagrams.
func TestNetem(t *testing.T) {
	if !inNetem(t) {
		return
	}
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	for _, h := range []*machine{a, b} {
		h.plug("eth0", 0)
		h.shell("ip link set eth0 mtu 65535")
		run(t, "ip link set "+h.port("eth0")+" mtu 65535")
		run(t, "echo 1 > /proc/sys/net/ipv6/conf/"+h.port("eth0")+"/disable_ipv6") // what the bridge says itself would be counted, too
	}
	run(t, "echo 1 > /proc/sys/net/ipv6/conf/br0/disable_ipv6")
	conn := mcl.Connection{URL: "ff15::4d43:41", Port: 27041, RecvBuffer: 64 << 20, ReassemblyAge: time.Second}
	for _, c := range []struct {
		name, how              string
		loses, repeats, spoils bool
	}{
		{name: "loss", how: "loss 5%", loses: true},
		{name: "bursts of loss", how: "loss gemodel 2% 30% 100% 0%", loses: true},
		{name: "duplication", how: "duplicate 10%", repeats: true},
		{name: "delay", how: "delay 20ms"},
		{name: "jitter", how: "delay 5ms 4ms"},
		{name: "reordering", how: "delay 3ms reorder 50% 25%"},
		{name: "loss, duplication and jitter", how: "delay 3ms 2ms loss 3% duplicate 3%", loses: true, repeats: true},
		{name: "corruption", how: "corrupt 5%", spoils: true},
		{name: "all", how: "delay 3ms 2ms loss 3% duplicate 3% corrupt 2%", loses: true, repeats: true, spoils: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.listen("in", conn)
			defer b.ask(request{Op: "close listener", Name: "in"})
			a.broadcast("out", conn)
			a.ask(request{Op: "publish", Name: "out", Count: 1, Size: 100})
			until(t, "the way is free", func() bool { return b.listener("in").Tally.Messages == 1 })
			a.disturb(c.how)
			defer a.shell("tc qdisc del dev eth0 root")
			beforeA, beforeB := a.kernel(nil), b.kernel(nil)
			const small, large, fragments = 600, 30, 9
			a.ask(request{Op: "publish", Name: "out", Count: small / 2, Size: 200})
			a.ask(request{Op: "publish", Name: "out", Count: large - 1, Size: fragments*60_000 - 100, Every: 3 * time.Millisecond})
			a.ask(request{Op: "publish", Name: "out", Count: 1, Size: 5_000_000})
			a.ask(request{Op: "publish", Name: "out", Count: small / 2, Size: 200})
			sent := a.broadcaster("out").Sent
			if sent.SendErrors > 0 || sent.Messages != 1+small+large {
				t.Fatalf("%+v", sent)
			}
			var did counters
			until(t, "netem has let all go", func() bool { did = a.disturbed(); return did.Qlen == 0 })
			var got answer
			var all ledger
			t.Cleanup(func() { t.Logf("%+v", all) })
			until(t, "all that passed is accounted for", func() bool {
				all = newLedger(did.Packets, b.kernel(beforeB), a.kernel(beforeA))
				got = b.listener("in")
				s := got.Stats
				return s.Assembling == 0 && s.Queued == 0 && int(s.Datagrams)-1 == all.Read && int(s.DroppedKernel) == all.Wrong &&
					(all.Read == did.Packets || c.spoils && 0 <= all.Vanished && all.Vanished <= vanishing)
			})
			s := got.Stats
			t.Logf("%d datagrams: %d lost, %d passed; %d received, %d messages, %d never whole, %d fragments twice, kernel %d; %d messages twice, %d late",
				sent.Datagrams-1, did.Drops, did.Packets, s.Datagrams-1, s.Messages-1, s.MessagesEvicted, s.Repeated, s.DroppedKernel, got.Tally.Repeated, got.Tally.Late)
			if got.Tally.Damaged > 0 {
				t.Errorf("%d damaged messages were delivered", got.Tally.Damaged)
			}
			if !c.spoils && s.DroppedKernel > 0 {
				t.Errorf("%d datagrams lost at the receiver: the test shows nothing", s.DroppedKernel)
			}
			published, received := int(sent.Datagrams), int(s.Datagrams)
			whole := int(s.Messages) - got.Tally.Repeated
			switch {
			case c.loses && c.spoils:
				if did.Drops == 0 || all.Wrong == 0 || whole >= 1+small+large {
					t.Error("nothing was lost or spoiled: the test shows nothing")
				}
			case c.loses && c.repeats:
				if did.Drops == 0 || got.Tally.Repeated == 0 || received != did.Packets+1 {
					t.Errorf("%d datagrams sent, %d lost, %d passed, %d received; %d messages twice", published, did.Drops, did.Packets, received, got.Tally.Repeated)
				}
			case c.loses:
				if did.Drops == 0 || published-received != did.Drops {
					t.Errorf("%d datagrams sent, %d received, %d lost", published, received, did.Drops)
				}
				if int(s.Evicted) == 0 || got.Tally.Repeated > 0 || whole+int(s.MessagesEvicted) > 1+small+large {
					t.Errorf("%d messages whole, %d not, of %d", whole, s.MessagesEvicted, 1+small+large)
				}
			case c.repeats:
				if more := did.Packets - (published - 1); more == 0 || received-published != more || whole != 1+small+large || got.Tally.Repeated == 0 {
					t.Errorf("%d datagrams sent, %d received, %d twice; %d messages whole", published, received, more, whole)
				}
			case c.spoils:
				if all.Wrong == 0 || whole >= 1+small+large {
					t.Error("nothing was spoiled: the test shows nothing")
				}
			default:
				if published != received || whole != 1+small+large || got.Tally.Repeated > 0 {
					t.Errorf("%d datagrams sent, %d received; %d messages whole, %d delivered twice", published, received, whole, got.Tally.Repeated)
				}
				if (got.Tally.Late == 0) != (c.name == "delay") {
					t.Errorf("%d messages late", got.Tally.Late)
				}
			}
		})
	}
}

// Through an ordinary MTU, where a datagram of 60 kB is 42 packets, and is lost with any of them. The counters agree all the
// way: of fragments that the sender made, those that netem dropped, those that the receiver got, the datagrams that it
// made of them, and the datagrams and messages of the listener.
func TestNetemFragments(t *testing.T) {
	if !inNetem(t) {
		return
	}
	l := newLab(t, 1)
	a, b := l.host(), l.host()
	a.plug("eth0", 0)
	b.plug("eth0", 0)
	// Otherwise what is incomplete fills the receiver's memory for a minute, and all is lost: README.md tells.
	b.shell("echo 1 > /proc/sys/net/ipv6/ip6frag_time")
	conn := mcl.Connection{URL: "ff15::4d43:42", Port: 27042, RecvBuffer: 64 << 20, ReassemblyAge: time.Second}
	b.listen("in", conn)
	a.broadcast("out", conn)
	a.ask(request{Op: "publish", Name: "out", Count: 1, Size: 59_000})
	until(t, "the way is free", func() bool { return b.listener("in").Tally.Messages == 1 })
	made, got, joined := a.counted("Ip6FragCreates"), b.counted("Ip6ReasmReqds"), b.counted("Ip6ReasmOKs")
	a.disturb("loss 0.5%")
	const single, large = 100, 20
	for range 10 { // with pauses, in which the receiver forgets what is incomplete
		a.ask(request{Op: "publish", Name: "out", Count: single / 10, Size: 59_000, Every: 10 * time.Millisecond})
		a.ask(request{Op: "publish", Name: "out", Count: large / 10, Size: 200_000, Every: 10 * time.Millisecond})
		time.Sleep(200 * time.Millisecond)
	}
	var did counters
	until(t, "netem has let all go", func() bool { did = a.disturbed(); return did.Qlen == 0 })
	until(t, "all that passed has arrived", func() bool { return b.counted("Ip6ReasmReqds")-got == did.Packets })
	made, joined = a.counted("Ip6FragCreates")-made, b.counted("Ip6ReasmOKs")-joined
	var s mcl.ListenerStats
	until(t, "what never becomes whole is given up", func() bool { s = b.listener("in").Stats; return s.Assembling == 0 && s.Queued == 0 })
	published := a.broadcaster("out").Sent.Datagrams - 1
	t.Logf("%d datagrams in %d packets, of which %d lost; %d datagrams received, %d messages of %d", published, made, did.Drops, s.Datagrams-1, s.Messages-1, single+large)
	if made != did.Drops+did.Packets || did.Drops == 0 {
		t.Errorf("%d packets sent, %d lost and %d not", made, did.Drops, did.Packets)
	}
	if joined != int(s.Datagrams)-1 || s.DroppedKernel > 0 || joined == int(published) || joined < int(published)/3 {
		t.Errorf("the kernel made %d datagrams, %d were received, of %d", joined, s.Datagrams-1, published)
	}
}

// counted is a counter of the kernel's for a host (/proc/net/snmp6).
func (m *machine) counted(name string) (n int) {
	m.t.Helper()
	if _, err := fmt.Sscan(m.shell("awk '$1 == \""+name+"\" { print $2 }' /proc/net/snmp6"), &n); err != nil {
		m.t.Fatal(name, err)
	}
	return n
}
