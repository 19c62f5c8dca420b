//go:build linux

package networks

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	mcl "libmcl/core"
)

// mixingMessages is how many large messages each of the tests sends: 1,000, or as MCL_MIXING says (make mixing).
func mixingMessages(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("MCL_MIXING"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1000
}

// wire joins two hosts by a relay, without a bridge, with an MTU that lets each datagram be a frame.
func (l *lab) wire(a, b *machine, f faults) *relay {
	l.t.Helper()
	for _, m := range []*machine{a, b} {
		run(l.t, fmt.Sprintf("ip link add %s mtu 65535 type veth peer name eth0 netns %d mtu 65535", m.port("eth0"), m.cmd.Process.Pid))
		run(l.t, fmt.Sprintf("echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6; ip link set %s up", m.port("eth0"), m.port("eth0")))
		m.shell(fmt.Sprintf("ip -6 address add fd00::%d/64 dev eth0 nodad && ip link set eth0 up", m.id))
	}
	a.ask(request{Op: "checksums", Name: "eth0"})
	r := newRelay(l.t, a.port("eth0"), b.port("eth0"), f, 1)
	until(l.t, "the kernel adds the route for multicast", func() bool {
		return a.shell("ip -6 route show table local dev eth0 type multicast") != "" && b.shell("ip -6 route show table local dev eth0 type multicast") != ""
	})
	return r
}

// Large messages of one sender come right or not at all, whatever the network does. Of those that come whole to the listener's
// host, none is lost; a message of two fragments comes whole with the chance that neither is lost.
func TestLargeMessagesNeverMix(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name   string
		topics int
		lives  bool // a process publishes ten messages; the next one has its port
		faults faults
	}{
		{name: "loss", faults: faults{loss: 0.01}},
		{name: "doubles", faults: faults{double: 0.1, doubleBy: 3 * ms, jitter: ms}},
		{name: "reordering", faults: faults{late: 0.02, lateBy: 3600 * time.Microsecond, loss: 0.001}},
		{name: "jitter", faults: faults{jitter: 2 * ms, delays: ms, loss: 0.001}},
		{name: "eight topics", topics: 8, faults: faults{loss: 0.01, double: 0.02, doubleBy: 3 * ms, late: 0.02, lateBy: 4 * ms, jitter: ms}},
		{name: "restarts", lives: true, faults: faults{loss: 0.05, late: 0.1, lateBy: 4 * ms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 0)
			a, b := l.host(), l.host()
			relay := l.wire(a, b, c.faults)
			conn := mcl.Connection{URL: "ff15::4d43:51", Port: 27051, RecvBuffer: 64 << 20, ReassemblyAge: time.Second}
			b.listen("in", conn)
			messages := mixingMessages(t)
			r := request{Op: "publish", Name: "out", Conn: conn, Count: messages, Size: 66_000, Every: ms, Topics: c.topics}
			if c.lives {
				a.shell("echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range")
				r.Op, r.Count, r.Lives = "live", 10, max(messages/50, 5)
				messages = r.Count * r.Lives
			} else {
				a.broadcast("out", conn)
			}
			a.ask(r)
			did := relay.close()
			var got answer
			until(t, "all that passed is accounted for", func() bool {
				got = b.listener("in") // which fails when a message is damaged
				s := got.Stats
				return s.Assembling == 0 && s.Queued == 0 && int(s.Datagrams) == did.out
			})
			lost := messages - int(got.Stats.Messages)
			// 1.2 times as many as by arithmetic, and what chance makes of that: five standard deviations.
			f := 1 - math.Pow(1-float64(did.lost)/float64(did.in), 2)
			// Besides, a machine that is busy with other things may hold up the relay for longer than networks delay anything.
			most := 1.2*f*float64(messages) + 5*math.Sqrt(f*float64(messages)) + 3
			t.Logf("%+v; of %d messages %d lost, %.0f at most; %d repeated, %d delivered twice", did, messages, lost, most, got.Stats.Repeated, got.Tally.Repeated)
			if did.in != 2*messages || c.faults.loss > 0.001 && did.lost == 0 {
				t.Errorf("%+v of %d messages: the test shows nothing", did, messages)
			}
			if float64(lost) > most {
				t.Errorf("%d messages are lost, by arithmetic %.0f", lost, f*float64(messages))
			}
			if got.Tally.Repeated > 0 || int(got.Stats.Repeated) > did.doubled {
				t.Errorf("%d messages were delivered twice; %d fragments counted as repeated, %d were", got.Tally.Repeated, got.Stats.Repeated, did.doubled)
			}
			if c.lives && len(got.Tally.From) != 1 {
				t.Errorf("the messages came from %d ports: the test shows nothing", len(got.Tally.From))
			}
		})
	}
}

// A legacy sender does not number its messages. They come right or not at all too, where the network delays fragments by less than
// messages lie apart. More are lost: those in doubt.
func TestLargeMessagesOfLegacySendersDoNotMix(t *testing.T) {
	needsKernelsWord(t) // on when a datagram came
	ms := time.Millisecond
	for _, c := range []struct {
		name   string
		faults faults
	}{
		{"loss", faults{loss: 0.01}},
		{"doubles", faults{double: 0.1, doubleBy: 3 * ms, loss: 0.001}},
		{"reordering", faults{late: 0.02, lateBy: 3600 * time.Microsecond, loss: 0.01}},
		{"jitter", faults{jitter: ms, loss: 0.001}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, 0)
			a, b := l.host(), l.host()
			relay := l.wire(a, b, c.faults)
			conn := mcl.Connection{URL: "ff15::4d43:52", Port: 27052, RecvBuffer: 64 << 20, ReassemblyAge: time.Second}
			b.listen("in", conn)
			messages := mixingMessages(t) / 5
			a.ask(request{Op: "broadcast", Name: "out", Conn: conn, Legacy: true})
			a.ask(request{Op: "publish", Name: "out", Conn: conn, Count: messages, Size: 66_000, Every: 10 * ms, Legacy: true})
			did := relay.close()
			var got answer
			until(t, "all that passed is accounted for", func() bool {
				got = b.ask(request{Op: "listener", Name: "in"})
				s := got.Stats
				return s.Assembling == 0 && s.Queued == 0 && int(s.Datagrams) == did.out
			})
			t.Logf("%+v; of %d messages %d came", did, messages, got.Stats.Messages)
			// A machine that is busy with other things holds up the relay: then it is a network that delays fragments by more
			// than messages lie apart, of which nothing is promised.
			if got.Tally.Damaged > 0 && did.behind < 2*ms {
				t.Errorf("%d damaged messages were delivered", got.Tally.Damaged)
			}
			if did.in != 2*messages || int(got.Stats.Messages) < messages/2 {
				t.Errorf("%+v; %d messages of %d: the test shows nothing", did, got.Stats.Messages, messages)
			}
		})
	}
}
