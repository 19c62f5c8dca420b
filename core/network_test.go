package mcl

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The tests of this file use the machine's sockets, in the private namespace that TestMain sees to.

func TestAcrossRealSockets(t *testing.T) {
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	other := open(t, nil, conn, ListenerOptions{Queued: true}) // a second listener on the host gets everything too
	b := dial(t, nil, conn, BroadcasterOptions{})
	before := time.Now()
	for i := range 100 {
		publish(t, b, "t", i)
	}
	for _, l := range []*Listener{l, other} {
		for i := range 100 {
			r, err := l.Receive(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if v, _ := r.Value(); v != int64(i) {
				t.Fatalf("got %v, want %d", v, i)
			}
			if r.When().Before(before.Add(-time.Second)) || r.When().After(time.Now().Add(time.Second)) {
				t.Fatalf("received at %v, published at %v", r.When(), before)
			}
			if r.Sender.Addr() != netip.IPv6Loopback() || int(r.Sender.Port()) != b.Settings().LocalPort {
				t.Fatalf("sender %v, port %d", r.Sender, b.Settings().LocalPort)
			}
			if lo, _ := net.InterfaceByName("lo"); r.Interface != lo.Index {
				t.Fatalf("came in by interface %d", r.Interface)
			}
		}
	}
}

// The kernel takes no time of arrival for a moment after a socket asks for it and no other of the machine does. So this opens
// many listeners, one after the other, each of which reads when all has arrived.
func TestTimesAreInOrderFromTheFirstDatagramOn(t *testing.T) {
	const count = 40
	for range 50 {
		conn := newConnection()
		b := dial(t, nil, conn, BroadcasterOptions{})
		l, err := Listen(conn, ListenerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		published, times := make(chan struct{}), make(chan int64, count)
		l.Subscribe(func(r *Received) { <-published; times <- r.Time })
		last := time.Now().UnixNano()
		for i := range count {
			publish(t, b, "", i)
		}
		close(published)
		for i := range count {
			received := <-times
			if received < last {
				t.Fatalf("datagram %d: received %d ns before the one before it, or before it was published", i, last-received)
			}
			last = received
		}
		if now := time.Now().UnixNano(); last > now {
			t.Fatalf("received %d ns after it was delivered", last-now)
		}
		l.Close()
	}
}

// kernelStamps waits until two sockets get the same time for one datagram. The kernel begins to take the time at arrival a
// moment after the first socket asks for that; until then it is guessed at reading.
func kernelStamps(t *testing.T) {
	t.Helper()
	if portableSockets {
		return
	}
	conn := newConnection()
	one, other := open(t, nil, conn, ListenerOptions{}), open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	until(t, "times of arrival", func() bool {
		publish(t, b, "", 0)
		first, err := one.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		second, err := other.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		return first.Time == second.Time
	})
}

func TestTheTimeIsTheKernelsNotTheReaders(t *testing.T) {
	needsKernelsWord(t)
	kernelStamps(t)
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	entered, stuck, times := make(chan struct{}, 2), make(chan struct{}), make(chan time.Time, 2)
	l.Subscribe(func(r *Received) { entered <- struct{}{}; <-stuck; times <- r.When() })
	publish(t, b, "", 1)
	<-entered
	publish(t, b, "", 2) // it arrives, and nobody reads it
	arrived := time.Now()
	for time.Since(arrived) < 20*time.Millisecond {
		runtime.Gosched()
	}
	close(stuck)
	<-times
	if late := (<-times).Sub(arrived); late > 10*time.Millisecond {
		t.Errorf("received %v after it arrived", late)
	}
}

func TestMessagesUpTo64MiBCross(t *testing.T) {
	conn := newConnection()
	conn.RecvBuffer = 96 << 20 // the tests of other packages and languages compete for the processors
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	for _, size := range []int{60_000, 1_000_000, 5_000_000, 64<<20 - 5} {
		v := make([]byte, size)
		for i := range v {
			v[i] = byte(i / 1000)
		}
		want := sha256.Sum256(v)
		publish(t, b, "big", v)
		r, err := l.Receive(within(t))
		if err != nil {
			t.Fatalf("%d bytes: %v: %+v", size, err, l.Stats())
		}
		if len(r.Payload) != size+5 || sha256.Sum256(r.Payload[5:]) != want {
			if size > 1<<16 || len(r.Payload) != size+3 {
				t.Errorf("%d bytes arrived as %d, or damaged", size, len(r.Payload))
			}
		}
		if lo, _ := net.InterfaceByName("lo"); r.Interface != lo.Index {
			t.Errorf("%d bytes came in by interface %d", size, r.Interface)
		}
	}
	err := b.Publish(make([]byte, 64<<20-4))
	wantKind(t, err, ErrTooLarge)
	if n := b.Stats().Messages; n != 4 {
		t.Errorf("%d messages counted", n)
	}
	balanced(t, l.Stats())
}

func TestABroadcasterTellsOfItsDescriptor(t *testing.T) {
	needsKernelsWord(t)
	open := map[int]bool{}
	b := dial(t, nil, newConnection(), BroadcasterOptions{OnDescriptor: func(fd int, isOpen bool) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			t.Errorf("descriptor %d, %v: %v", fd, isOpen, err)
		}
		open[fd] = isOpen
	}})
	publish(t, b, "", "small")
	publish(t, b, "", make([]byte, 70_000))
	if len(open) != 1 {
		t.Errorf("told of %d descriptors", len(open))
	}
	b.Close()
	for fd, isOpen := range open {
		if isOpen {
			t.Errorf("not told that %d is closed", fd)
		}
	}
}

func TestGroupsAndPortsDoNotMix(t *testing.T) {
	a := newConnection()
	b := a
	b.URL = "ff15::4d43:4d"
	c := newConnection()
	listeners := map[string]*Listener{"a": open(t, nil, a, ListenerOptions{}), "b": open(t, nil, b, ListenerOptions{}), "c": open(t, nil, c, ListenerOptions{})}
	for name, conn := range map[string]Connection{"a": a, "b": b, "c": c} {
		publish(t, dial(t, nil, conn, BroadcasterOptions{}), "", name)
	}
	for name, l := range listeners {
		if v := receive(t, l); v != name {
			t.Errorf("%s received %v", name, v)
		}
	}
	for name, l := range listeners {
		if n := l.Stats().Datagrams; n != 1 {
			t.Errorf("%s received %d datagrams", name, n)
		}
	}
}

func TestTheKernelsDropsAreCounted(t *testing.T) {
	needsKernelsWord(t)
	conn := newConnection()
	conn.RecvBuffer = 4096
	stuck := make(chan struct{})
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	entered := make(chan struct{}, 1)
	l.Subscribe(func(*Received) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-stuck
	})
	publish(t, b, "", 0)
	<-entered
	for i := range 1000 {
		publish(t, b, "", strings.Repeat("x", 1000+i))
	}
	close(stuck)
	s := eventually(t, l, func(s ListenerStats) bool { return s.Delivered+s.DroppedKernel == 1001 })
	if s.DroppedKernel == 0 {
		t.Error("a buffer of 4 kB took a megabyte")
	}
	if got := l.Settings(); got.RecvBufferAsked != 4096 || got.RecvBuffer <= 0 || got.RecvBuffer > 10_000 {
		t.Errorf("%+v", got)
	}
}

func TestHopsHostStaysAndLoopbackOffIsNotHeard(t *testing.T) {
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	host := conn
	host.Hops = HopsHost
	publish(t, dial(t, nil, host, BroadcasterOptions{}), "", "host")
	if v := receive(t, l); v != "host" {
		t.Error(v)
	}
	if s := dial(t, nil, host, BroadcasterOptions{}).Settings(); s.Hops != 0 {
		t.Errorf("hops %d", s.Hops)
	}
}

func TestALinkLocalGroupOnANamedInterface(t *testing.T) {
	conn := newConnection()
	conn.URL = "ff12::4d43:4c%lo"
	l := open(t, nil, conn, ListenerOptions{})
	publish(t, dial(t, nil, conn, BroadcasterOptions{}), "", "linked")
	if v := receive(t, l); v != "linked" {
		t.Error(v)
	}
}

func TestPublishingWhatCannotBeSent(t *testing.T) {
	b := dial(t, nil, newConnection(), BroadcasterOptions{})
	wantKind(t, b.Publish(func() {}), ErrType)
	wantKind(t, b.PublishPacked(nil, nil), ErrFormat)
	wantKind(t, b.PublishPacked(nil, []byte{0xc1}), ErrFormat)
	wantKind(t, b.PublishPacked(nil, []byte{1, 2}), ErrFormat)
	wantKind(t, b.PublishPacked(nil, bytes.Repeat([]byte{0x91}, 600)), ErrFormat)
	wantKind(t, b.PublishPacked(nil, append(bytes.Repeat([]byte{0x91}, 600), 1)), ErrFormat)
	long := strings.Repeat("t", 6000)
	wantKind(t, b.PublishTopic(&long, make([]byte, 100_000)), ErrTooLarge)
	if s := b.Stats(); s.Messages+s.Datagrams+s.SendErrors != 0 {
		t.Errorf("something was sent: %+v", s)
	}
	b.Close()
	wantKind(t, b.Publish(1), ErrClosed)
	wantKind(t, b.Close(), ErrClosed)
}

// needsKernelsWord skips what the portable sockets cannot tell: buffers and drops.
func needsKernelsWord(t *testing.T) {
	t.Helper()
	if portableSockets {
		t.Skip("the portable sockets do not know")
	}
}

// outside runs one test of this program again where there is no route for multicast.
func outside(t *testing.T, test string) string {
	t.Helper()
	cmd := exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh",
		os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), "MCL_TEST_OUTSIDE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Errorf("%v:\n%s", err, out)
	}
	return string(out)
}

func TestWithoutARouteTheErrorHasTheCommandThatMendsIt(t *testing.T) {
	if os.Getenv("MCL_TEST_OUTSIDE") == "" {
		outside(t, t.Name())
		return
	}
	b := dial(t, nil, newConnection(), BroadcasterOptions{}) // a route may appear later
	err := b.Publish(1)
	wantKind(t, err, ErrRoute)
	if !strings.Contains(err.Error(), "ip -6 route add") || b.Stats().SendErrors != 1 {
		t.Errorf("%v, %+v", err, b.Stats())
	}
	told := make(chan error, 10)
	l := open(t, nil, b.Connection(), ListenerOptions{OnError: func(err error) { told <- err }}) // likewise
	err = <-told
	wantKind(t, err, ErrRoute)
	if !strings.Contains(err.Error(), "ip -6 route add") {
		t.Error(err)
	}
	out, err := exec.Command("ip", "-6", "route", "add", "local", "ff00::/8", "dev", "lo", "table", "local").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for l.Settings().InterfaceIndex == 0 && !portableSockets {
		time.Sleep(time.Millisecond)
	}
	if err := b.Publish(2); err != nil {
		t.Errorf("with the route: %v", err)
	}
	for end := time.Now().Add(patience); l.Stats().Messages == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the listener did not join")
		}
		publish(t, b, "", 2)
	}
}

// A queue of this host that is full drops what was handed to it: the publisher hears of it, and it is counted.
// slowLink gives a connection over a link of this rate, at which so many bytes may wait.
func slowLink(t *testing.T, rate string, limit int) Connection {
	t.Helper()
	for _, command := range []string{
		"ip link add mcl0 type veth peer name mcl1", "ip link set mcl0 up", "ip link set mcl1 up",
		"ip -6 address add fd00::1/64 dev mcl0 nodad",
		fmt.Sprintf("tc qdisc add dev mcl0 root tbf rate %s burst 1600 limit %d", rate, limit),
	} {
		if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	t.Cleanup(func() { exec.Command("ip", "link", "del", "mcl0").Run() })
	conn := newConnection()
	conn.Interface = "mcl0"
	return conn
}

// A publish waits while the socket's buffer is full, and ends when another goroutine closes the broadcaster.
func TestClosingWhileAPublishWaits(t *testing.T) {
	needsKernelsWord(t)
	for what, size := range map[string]int{"in one datagram": 50_000, "in fragments": 500_000} {
		t.Run(what, func(t *testing.T) {
			b := dial(t, nil, slowLink(t, "100kbit", 10_000_000), BroadcasterOptions{})
			ended := make(chan error, 1)
			go func() {
				for {
					if err := b.Publish(make([]byte, size)); err != nil {
						ended <- err
						return
					}
				}
			}()
			// A datagram takes the link four seconds: when no more leave, one waits.
			last := ^uint64(0)
			for now := b.Stats().Messages; now != last; now = b.Stats().Messages {
				last = now
				time.Sleep(100 * time.Millisecond)
			}
			select {
			case err := <-ended:
				t.Fatal(err)
			default:
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			select {
			case err := <-ended:
				wantKind(t, err, ErrClosed)
			case <-time.After(patience):
				t.Error("it goes on waiting")
			}
		})
	}
}

func TestWhatTheHostsOwnQueueDropsIsAnError(t *testing.T) {
	needsKernelsWord(t)
	b := dial(t, nil, slowLink(t, "100kbit", 4000), BroadcasterOptions{})
	failed := uint64(0)
	for range 500 {
		if err := b.Publish(strings.Repeat("x", 1000)); err != nil {
			if !errors.Is(err, ErrNoBuffers) {
				t.Fatal(err)
			}
			failed++
		}
	}
	if s := b.Stats(); failed == 0 || s.SendErrors != failed || s.Messages != 500-failed {
		t.Errorf("%d failed, %+v", failed, s)
	}
	if out, err := exec.Command("tc", "qdisc", "del", "dev", "mcl0", "root").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	publish(t, b, "", "when there is room again")
}

func TestAThousandListeners(t *testing.T) {
	conn := newConnection()
	b := dial(t, nil, conn, BroadcasterOptions{})
	listeners := make([]*Listener, 1000)
	before := descriptorCount(t)
	for i := range listeners {
		listeners[i] = open(t, nil, conn, ListenerOptions{Queued: i%2 == 0})
	}
	if n := descriptorCount(t); n != before+len(listeners) {
		t.Errorf("%d descriptors for %d listeners, which watch the network together", n-before, len(listeners))
	}
	publish(t, b, "", "all")
	for _, l := range listeners {
		if v := receive(t, l); v != "all" {
			t.Fatal(v)
		}
	}
	for _, l := range listeners {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the kernel drops of a message in two fragments, the second of which is small, are two datagrams.
func TestDroppedFragmentsAreCountedOneByOne(t *testing.T) {
	needsKernelsWord(t)
	conn := newConnection()
	conn.RecvBuffer = 200_000
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	entered, goOn := make(chan struct{}, 1000), make(chan struct{})
	if _, err := l.Subscribe(func(*Received) { entered <- struct{}{}; <-goOn }); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(0); err != nil {
		t.Fatal(err)
	}
	<-entered // nobody reads the socket from now on
	large := make([]byte, 62_000)
	for range 50 {
		if err := b.Publish(large); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	sent := b.Stats().Datagrams
	s := eventually(t, l, func(s ListenerStats) bool { return s.Datagrams+s.DroppedKernel >= sent && s.Queued == 0 })
	if s.Datagrams+s.DroppedKernel != sent || s.DroppedKernel < 50 || sent != 101 {
		t.Errorf("%d sent, %d read, %d dropped", sent, s.Datagrams, s.DroppedKernel)
	}
}

func TestRunningOutOfDescriptors(t *testing.T) {
	var limit, low unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	for range 3 { // so that there is something to give back
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, f)
	}
	low = limit
	low.Cur = uint64(held[2].Fd()) + 1
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, (*syscall.Rlimit)(&low)); err != nil {
		t.Fatal(err)
	}
	_, errL := NewRawListener(newConnection())
	_, errB := NewRawBroadcaster(newConnection())
	named := newConnection()
	named.Interface = "lo"
	_, errN := NewRawBroadcaster(named)
	syscall.Setrlimit(unix.RLIMIT_NOFILE, (*syscall.Rlimit)(&limit))
	for _, f := range held {
		f.Close()
	}
	for _, err := range []error{errL, errB, errN} {
		wantKind(t, err, ErrDescriptors)
		if err != nil && !strings.Contains(err.Error(), "ulimit -n") {
			t.Errorf("%v has no remedy", err)
		}
	}
	dial(t, nil, newConnection(), BroadcasterOptions{})
}

func TestTheDescriptorIsReadableWhileSomethingIsQueued(t *testing.T) {
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	fd, err := l.FD()
	if err != nil {
		t.Fatal(err)
	}
	readable := func(timeout time.Duration) bool {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(timeout/time.Millisecond))
		return n == 1
	}
	if readable(0) {
		t.Error("readable though nothing is queued")
	}
	for range 3 {
		publish(t, b, "", 1)
		publish(t, b, "", 2)
		if !readable(patience) {
			t.Fatal("not readable")
		}
		receive(t, l)
		eventually(t, l, func(s ListenerStats) bool { return s.Queued == 1 })
		if !readable(0) {
			t.Error("not readable though one is left")
		}
		receive(t, l)
		if readable(0) {
			t.Error("readable though all was taken")
		}
	}
	l.Close()
	if !readable(0) {
		t.Error("not readable though it is closed")
	}
	l.Release()
	l.Release()
}

// A change that comes while another is being told is told as well.
func TestChangesWhileOnErrorRuns(t *testing.T) {
	conn := newConnection()
	conn.Interface = "none0"
	listener, told := make(chan *Listener, 1), make(chan error, 2)
	first := true
	l := open(t, nil, conn, ListenerOptions{OnError: func(err error) {
		if first {
			first = false
			l := <-listener
			l.reports[reportNetwork].last.Store(0) // as if a second had passed
			l.reportSoon()
		}
		told <- err
	}})
	listener <- l
	for range 2 {
		select {
		case err := <-told:
			if !strings.Contains(err.Error(), "none0") {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("it is not told")
		}
	}
}
