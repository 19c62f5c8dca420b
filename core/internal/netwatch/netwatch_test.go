//go:build linux

package netwatch

import (
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"libmcl/tests/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

const patience = 20 * time.Second

func shell(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

type follower struct {
	calls   atomic.Int32
	lapsed  atomic.Int32
	index   int
	settled atomic.Bool
}

func (f *follower) NetworkChanged(v *View) bool {
	f.calls.Add(1)
	if v.Lapsed(f.index) {
		f.lapsed.Add(1)
	}
	return f.settled.Load()
}

func start(t *testing.T) {
	t.Helper()
	if err := Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(Stop)
}

func follow(t *testing.T, f *follower, settled bool) *follower {
	t.Helper()
	f.settled.Store(settled)
	Follow(f, settled)
	t.Cleanup(func() { Unfollow(f) })
	return f
}

func TestFollowersAreToldOfInterfaces(t *testing.T) {
	start(t)
	v := Look()
	if _, err := v.Interface("late0"); err != ErrNoInterface {
		t.Error(err)
	}
	f := follow(t, &follower{}, true)
	changes := Changes()
	shell(t, "ip link add late0 type veth peer name late1")
	eventually(t, "it is told", func() bool { return f.calls.Load() > 0 && Changes() > changes })
	if _, err := v.Interface("late0"); err != ErrNoInterface {
		t.Error("a view changed")
	}
	index, err := Look().Interface("late0")
	if err != nil || !v.Exists(index) {
		t.Fatal(index, err)
	}
	if again, err := Look().Interface(strings.TrimSpace(shell(t, "ip -o link show late0 | cut -d : -f 1"))); err != nil || again != index {
		t.Errorf("by its number: %d, %v", again, err)
	}
	f = follow(t, &follower{index: index}, true)
	shell(t, "ip link del late0")
	eventually(t, "it is told that memberships are gone", func() bool { return f.lapsed.Load() > 0 })
	if v.Exists(index) {
		t.Error("it exists")
	}
	if _, err := Look().Interface("a name that is too long for one"); err != ErrNoInterface {
		t.Error(err)
	}
}

func TestWhoIsNotSettledIsCalledAgain(t *testing.T) {
	start(t)
	changes := Changes()
	f := follow(t, &follower{}, true)
	g := follow(t, &follower{}, false)
	eventually(t, "it is called once more", func() bool { return g.calls.Load() >= 2 })
	g.settled.Store(true)
	last := g.calls.Load() + 1
	eventually(t, "it says that it is settled", func() bool { return g.calls.Load() == last })
	if f.calls.Load() != 0 && Changes() == changes {
		t.Error("who is settled was called, and nothing had changed")
	}
}

func TestTheRouteOfAGroup(t *testing.T) {
	start(t)
	if portable(t) {
		return
	}
	group := netip.MustParseAddr("ff15::1")
	if index, err := Look().Route(group); index != 1 || err != nil {
		t.Errorf("over lo: %d, %v", index, err)
	}
	for _, kind := range []string{"unreachable", "blackhole", "prohibit"} {
		shell(t, "ip -6 route add "+kind+" ff15::/16 table local metric 1")
		if index, err := Look().Route(group); err != ErrNoRoute {
			t.Errorf("%s: %d, %v", kind, index, err)
		}
		shell(t, "ip -6 route del "+kind+" ff15::/16 table local metric 1")
	}
	shell(t, "ip -6 route del local ff00::/8 dev lo table local")
	defer shell(t, "ip -6 route add local ff00::/8 dev lo table local")
	if index, err := Look().Route(group); err != ErrNoRoute {
		t.Errorf("without: %d, %v", index, err)
	}
}

func portable(t *testing.T) bool {
	_, is := running.source.(*poller)
	return is
}

func TestThePollerFindsChanges(t *testing.T) {
	p := newPoller()
	defer p.close()
	lapsed := map[int]bool{}
	look := func() bool { return p.look(func(index int) { lapsed[index] = true }) }
	if look() {
		t.Error("a change where there is none")
	}
	for _, command := range []string{
		"ip link add late0 type veth peer name late1", "ip link set late0 up", "ip -6 address add fd00::1/64 dev late0",
		"ip link set late0 mtu 1400",
	} {
		shell(t, command)
		if !look() || len(lapsed) > 0 {
			t.Errorf("%s: lapsed %v", command, lapsed)
		}
	}
	index, _ := newView(p).Interface("late0")
	shell(t, "ip link set late0 mtu 1000")
	if !look() || !lapsed[index] {
		t.Error("the MTU became too small for IPv6")
	}
	clear(lapsed)
	shell(t, "ip link del late0")
	if !look() || !lapsed[index] {
		t.Error("it was deleted")
	}
}

// Whoever uses it last ends it, and all of it.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	open := map[int]bool{}
	OnDescriptor = func(fd int, is bool) { open[fd] = is }
	defer func() { OnDescriptor = nil }()
	for range 100 {
		if err := Start(); err != nil {
			t.Fatal(err)
		}
		Start()
		f := &follower{}
		Follow(f, false)
		Unfollow(f)
		Stop()
		Look()
		Stop()
	}
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	for fd, is := range open {
		if is {
			t.Errorf("descriptor %d is open", fd)
		}
	}
}

func TestLookingWhileNothingIsWatched(t *testing.T) {
	if _, err := Look().Interface("lo"); err != nil {
		t.Error(err)
	}
}
