//go:build linux

package networks

import (
	"encoding/gob"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	mcl "libmcl/core"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// promptly is how soon data must flow once the network can carry it.
const promptly = 2 * time.Second

// A lab is the private network namespace of the test, with bridges in it to which hosts are plugged.
type lab struct {
	t     *testing.T
	hosts int
}

// A machine is a host, in a namespace of its own.
type machine struct {
	t    *testing.T
	lab  *lab
	id   int
	cmd  *exec.Cmd
	in   *gob.Encoder
	out  *gob.Decoder
	pipe interface{ Close() error }
}

func run(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// newLab makes bridges br0, br1 and so on.
func newLab(t *testing.T, bridges int) *lab {
	t.Helper()
	need(t, "ip", "iproute2")
	l := &lab{t: t}
	for i := range bridges {
		// Without it, a bridge holds back what comes for a group while it does not know its members.
		if out, err := exec.Command("ip", "link", "add", fmt.Sprintf("br%d", i), "type", "bridge", "mcast_snooping", "0").CombinedOutput(); err != nil {
			lack(t, "a kernel with bridges: "+string(out))
		}
		t.Cleanup(func() { run(t, fmt.Sprintf("ip link del br%d", i)) })
		run(t, fmt.Sprintf("ip link set br%d mtu 65535 up", i))
	}
	return l
}

// need skips a test that lacks a program, unless in CI, where nothing may be left out unseen.
func need(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		lack(t, fmt.Sprintf("the program %s (package %s)", program, pkg))
	}
}

func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("SKIPPED: this test needs %s", what)
}

// needsKernelsWord skips what the portable sockets cannot tell: drops, and memberships that lapsed.
func needsKernelsWord(t *testing.T) {
	t.Helper()
	if portableSockets {
		t.Skip("the portable sockets do not know")
	}
}

// host starts a host with nothing but a loopback device, which is down.
func (l *lab) host() *machine {
	l.t.Helper()
	l.hosts++
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostVariable+"=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	m := &machine{t: l.t, lab: l, id: l.hosts, cmd: cmd, in: gob.NewEncoder(stdin), out: gob.NewDecoder(stdout), pipe: stdin}
	l.t.Cleanup(m.end)
	// Addresses are ready at once: what is tested is not how long it takes to find that nobody else has them (RFC 4862, 5.4).
	m.shell("for i in all default; do echo 0 > /proc/sys/net/ipv6/conf/$i/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/$i/dad_transmits; done")
	return m
}

func (m *machine) end() {
	m.pipe.Close()
	m.cmd.Wait()
}

// plug gives a host an interface on a bridge, sets it up with an address, and waits until it could carry data.
func (m *machine) plug(name string, bridge int) {
	m.t.Helper()
	m.cable(name, bridge)
	m.shell(fmt.Sprintf("ip -6 address add fd00:%d::%d/64 dev %s nodad && ip link set %s up", bridge, m.id, name, name))
	until(m.t, "the kernel adds the route for multicast", func() bool {
		return strings.Contains(m.shell("ip -6 route show table local dev "+name), "ff00::/8")
	})
	until(m.t, "the bridge forwards", func() bool {
		return strings.Contains(run(m.t, "ip -d link show dev "+m.port(name)), "state forwarding")
	})
}

// port is the other end of a cable. Its name is of this process alone, since the kernel takes the ports of a host that has ended
// away a moment later.
func (m *machine) port(name string) string { return fmt.Sprintf("p%d%s", m.cmd.Process.Pid, name) }

// cable gives a host an interface, no more.
func (m *machine) cable(name string, bridge int) {
	m.t.Helper()
	port := m.port(name)
	run(m.t, fmt.Sprintf("ip link add %s mtu 1500 type veth peer name %s netns %d mtu 1500 && ip link set %s master br%d up", port, name, m.cmd.Process.Pid, port, bridge))
}

func (m *machine) ask(r request) answer {
	m.t.Helper()
	a := m.try(r)
	if a.Error != "" {
		m.t.Fatalf("host %d: %s %s: %s", m.id, r.Op, r.Name, a.Error)
	}
	return a
}

func (m *machine) try(r request) (a answer) {
	m.t.Helper()
	if err := m.in.Encode(&r); err != nil {
		m.t.Fatalf("host %d: %s: %v", m.id, r.Op, err)
	}
	if err := m.out.Decode(&a); err != nil {
		m.t.Fatalf("host %d: %s: %v", m.id, r.Op, err)
	}
	return a
}

func (m *machine) shell(command string) string {
	m.t.Helper()
	return m.ask(request{Op: "shell", Shell: command}).Output
}

func (m *machine) listen(name string, conn mcl.Connection) {
	m.t.Helper()
	m.ask(request{Op: "listen", Name: name, Conn: conn})
}

func (m *machine) broadcast(name string, conn mcl.Connection) {
	m.t.Helper()
	m.ask(request{Op: "broadcast", Name: name, Conn: conn})
}

func (m *machine) listener(name string) answer {
	m.t.Helper()
	a := m.ask(request{Op: "listener", Name: name})
	if d, n := a.Stats.Unaccounted(); d != 0 || n != 0 {
		m.t.Fatalf("host %d, %s: unaccounted: %d datagrams, %d messages: %+v", m.id, name, d, n, a.Stats)
	}
	if a.Tally.Damaged > 0 {
		m.t.Fatalf("host %d, %s: %d damaged messages were delivered", m.id, name, a.Tally.Damaged)
	}
	return a
}

func (m *machine) broadcaster(name string) answer {
	m.t.Helper()
	return m.ask(request{Op: "broadcaster", Name: name})
}

// look is how often until looks. In User-Mode Linux, that is slow itself.
var look = 5 * time.Millisecond

func init() {
	if os.Getenv("MCL_TEST_UML") != "" {
		look = 100 * time.Millisecond
	}
}

// until waits for a condition, and returns how long that took.
func until(t *testing.T, what string, condition func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !condition() {
		if time.Since(begun) > patience {
			t.Fatalf("it did not happen: %s", what)
		}
		time.Sleep(look)
	}
	return time.Since(begun)
}

// A way is a kind of connection, each of which must survive what is done to the network.
type way struct {
	name string
	conn mcl.Connection
}

func ways() []way {
	return []way{
		{"route", mcl.Connection{URL: "ff15::4d43:1", Port: 27001}},
		{"named", mcl.Connection{URL: "ff15::4d43:2", Port: 27002, Interface: "eth0"}},
		{"link", mcl.Connection{URL: "ff12::4d43:3%eth0", Port: 27003}},
	}
}

// connect has every host publish all the time, and listen, each way.
func connect(ways []way, hosts ...*machine) {
	for _, w := range ways {
		for _, h := range hosts {
			h.t.Helper()
			h.listen(w.name, w.conn)
			h.broadcast(w.name, w.conn)
			h.ask(request{Op: "start", Name: w.name, Every: 20 * time.Millisecond, Size: 100})
		}
	}
}

// flows waits until each host hears all others again, each way, and fails when it took longer than it may.
func flows(t *testing.T, ways []way, hosts ...*machine) {
	t.Helper()
	begun := time.Now()
	before := map[string]map[uint64]int{}
	count := func(h *machine, w way) map[uint64]int { return h.listener(w.name).Tally.Streams }
	key := func(h *machine, w way) string { return fmt.Sprint(h.id, w.name) }
	for _, h := range hosts {
		for _, w := range ways {
			before[key(h, w)] = count(h, w)
		}
	}
	for _, h := range hosts {
		for _, w := range ways {
			until(t, fmt.Sprintf("host %d hears %d hosts by %s", h.id, len(hosts), w.name), func() bool {
				heard := 0
				for stream, n := range count(h, w) {
					if n > before[key(h, w)][stream] {
						heard++
					}
				}
				return heard == len(hosts) // itself included
			})
		}
	}
	took := time.Since(begun)
	t.Logf("all heard all after %v", took.Round(time.Millisecond))
	if took > promptly {
		t.Errorf("it took %v until data flowed", took)
	}
	once(t, ways, hosts...)
}

// once checks that nothing was delivered twice.
func once(t *testing.T, ways []way, hosts ...*machine) {
	t.Helper()
	for _, h := range hosts {
		for _, w := range ways {
			if a := h.listener(w.name); a.Tally.Repeated+a.Tally.Late > 0 {
				t.Errorf("host %d, %s: %d messages delivered twice, %d late", h.id, w.name, a.Tally.Repeated, a.Tally.Late)
			}
		}
	}
}

// failing waits until the publishers of a host report, from now on, that they cannot send, with one of the codes.
func failing(t *testing.T, h *machine, ways []way, codes ...mcl.Error) {
	t.Helper()
	for _, w := range ways {
		before := -1
		until(t, fmt.Sprintf("publishing by %s fails", w.name), func() bool {
			a := h.broadcaster(w.name)
			n := 0
			for _, code := range codes {
				n += a.Errors[code]
			}
			sum := 0
			for _, k := range a.Errors {
				sum += k
			}
			if sum != n {
				t.Fatalf("host %d, %s: publishing failed with %v, not only with %v", h.id, w.name, a.Errors, codes)
			}
			if uint64(sum) > a.Sent.SendErrors || uint64(sum)+1 < a.Sent.SendErrors { // it goes on between the two
				t.Errorf("host %d, %s: %d publishes failed, %d counted", h.id, w.name, sum, a.Sent.SendErrors)
			}
			if before < 0 {
				before = n
			}
			return n > before
		})
	}
}

func contains(texts []string, part string) bool {
	for _, text := range texts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
