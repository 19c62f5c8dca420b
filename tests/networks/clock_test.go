//go:build linux

package networks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	mcl "libmcl/core"
	"libmcl/tests/hostile"
)

// The clock is set while fragments are joined and while a log is replayed. Durations are those of the monotonic clock, so that
// nothing comes of it. It is done in a kernel of its own: the machine's clock is the business of others.
func TestTheClockIsSet(t *testing.T) {
	if os.Getenv("MCL_TEST_UML") == "" {
		runInUML(t, "")
		return
	}
	conn := mcl.Connection{URL: "ff15::c10c", Port: 29000, ReassemblyAge: 2 * time.Second}
	l, err := mcl.Listen(conn, mcl.ListenerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	joiningWhileTheClockIsSet(t, conn, l)
	reportingWhileTheClockIsSet(t)
	replayingWhileTheClockIsSet(t, conn, l)
	if d, m := func() (int64, int64) { s := l.Stats(); return s.Unaccounted() }(); d != 0 || m != 0 {
		t.Errorf("%d datagrams, %d messages unaccounted", d, m)
	}
}

// step sets the clock forward, or back.
func step(t *testing.T, by time.Duration) {
	t.Helper()
	to := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := unix.Settimeofday(&to); err != nil {
		t.Fatal(err)
	}
}

func joiningWhileTheClockIsSet(t *testing.T, conn mcl.Connection, l *mcl.Listener) {
	var c *net.UDPConn
	// Each message is of another sender, since all that hostile.Fragment makes have the same number.
	dial := func() {
		another, err := net.DialUDP("udp6", nil, &net.UDPAddr{IP: net.ParseIP(conn.URL), Port: conn.Port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { another.Close() })
		c = another
	}
	sent := uint64(0)
	send := func(topic string, packet int) {
		if _, err := c.Write(hostile.Fragment(topic, uint32(packet), 3, [][]byte{{0x92}, {0x01}, {0x02}}[packet-1])); err != nil {
			t.Fatal(err)
		}
		sent++
		until(t, "the fragment is read", func() bool { return l.Stats().Datagrams == sent })
	}
	for i, steps := range [][2]time.Duration{{time.Hour, -2 * time.Hour}, {-time.Hour, 2 * time.Hour}, {-time.Second, time.Second}} {
		topic := fmt.Sprint("topic", i)
		dial()
		for packet := range 3 {
			send(topic, packet+1)
			if packet < 2 {
				step(t, steps[packet])
			}
		}
		within, cancel := context.WithTimeout(context.Background(), patience)
		r, err := l.Receive(within)
		cancel()
		if err != nil {
			t.Fatalf("the clock was set by %v: %v: %+v", steps, err, l.Stats())
		}
		if string(r.Topic) != topic || string(r.Payload) != "\x92\x01\x02" {
			t.Fatalf("got %x on %q", r.Payload, r.Topic)
		}
	}
	// What never becomes whole is held for its time, no shorter and no longer.
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		evicted := l.Stats().Evicted
		dial()
		begun := time.Now()
		send("incomplete", 1)
		step(t, by)
		until(t, "it is evicted", func() bool { return l.Stats().Evicted == evicted+1 })
		if held := time.Since(begun); held < conn.ReassemblyAge {
			t.Errorf("the clock was set by %v: evicted after %v", by, held)
		}
	}
}

// Each kind of error is told about once a second, whatever the clock says.
func reportingWhileTheClockIsSet(t *testing.T) {
	conn := mcl.Connection{URL: "ff15::c10d", Port: 29000}
	imu, err := mcl.NewType("Imu", []string{"yaw"}, conn)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1000)
	l, err := mcl.Listen(conn, mcl.ListenerOptions{Type: imu, OnError: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := mcl.NewRawBroadcaster(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	misfits, over := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer misfits.Stop()
	for _, by := range []time.Duration{0, -time.Hour, 2 * time.Hour, -time.Hour} {
		step(t, by)
		for waiting := true; waiting; {
			select {
			case <-misfits.C:
				if err := b.Publish("no Imu"); err != nil {
					t.Fatal(err)
				}
			case <-told:
				waiting = false
			case <-over:
				t.Fatalf("the clock was set by %v: nothing more is told", by)
			}
		}
	}
	// A replay without OnError tells on stderr.
	var complaints atomic.Int64
	mcl.Complain = func(error) { complaints.Add(1) }
	feed := mcl.NewReplayFeed(0)
	r, err := mcl.NewReplay(feed, 0, mcl.ReplayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Start(); err != nil {
		t.Fatal(err)
	}
	for n, by := range []time.Duration{0, -time.Hour} {
		step(t, by)
		until(t, "an entry without a target is told of", func() bool {
			if _, err := feed.TryPush(&mcl.LogEntry{Payload: []byte{0xc0}}); err != nil {
				t.Fatal(err)
			}
			return complaints.Load() > int64(n)
		})
	}
}

func replayingWhileTheClockIsSet(t *testing.T, conn mcl.Connection, l *mcl.Listener) {
	const entries, apart = 20, 50 * time.Millisecond
	prefix := t.TempDir() + "/log"
	w, err := mcl.CreateLog(prefix, mcl.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := w.Write("", []byte{byte(i)}, time.Unix(1e9, 0).Add(time.Duration(i)*apart)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := mcl.OpenLog(prefix, mcl.LogReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b, err := mcl.NewRawBroadcaster(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r, err := mcl.NewReplay(log, 1, mcl.ReplayOptions{Targets: map[string]*mcl.RawBroadcaster{"": b}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	begun := time.Now()
	if _, err := r.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		within, cancel := context.WithTimeout(context.Background(), patience)
		got, err := l.Receive(within)
		cancel()
		if err != nil || got.Payload[0] != byte(i) {
			t.Fatalf("entry %d: %v, %v", i, got, err)
		}
		if early := time.Duration(i)*apart - time.Since(begun); early > 0 {
			t.Fatalf("entry %d came %v early", i, early)
		}
		switch i {
		case 5:
			step(t, time.Hour)
		case 10:
			step(t, -2*time.Hour)
		}
	}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Wait(within); err != nil && !errors.Is(err, mcl.ErrClosed) {
		t.Error(err)
	}
	// An hour's wait would be one that the clock had a part in.
	if s := r.Stats(); s.Published != entries || s.LateMax > time.Minute {
		t.Errorf("%+v", s)
	}
}
