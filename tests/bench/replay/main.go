// Replay measures how late a replay is: what arrives at a receiver in another process, by the kernel's time stamps, against
// the recorded times. It runs itself in a private network namespace.
//
//	go run ./tests/bench/replay [-n MESSAGES] [-rate PER_SECOND] [-size BYTES] [-spin]
//
// The times are those at which the datagrams reach the receiver's socket. -spin keeps one processor busy meanwhile.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	mcl "libmcl/core"
)

var (
	n     = flag.Int("n", 3000, "messages at each speed")
	rate  = flag.Float64("rate", 1000, "messages a second while replaying, on average")
	size  = flag.Int("size", 200, "bytes of payload")
	spin  = flag.Bool("spin", false, "keep one processor busy meanwhile")
	speed = flag.Float64("publish", 0, "only replay, at this speed: what the program runs itself for")

	conn = mcl.Connection{URL: "ff15::4d43:4c", Port: 26000}
)

// A result is what the publishing process tells the receiving one.
type result struct {
	Origin int64 // time of the first entry, in nanoseconds since the epoch
	CPU    time.Duration
	Wall   time.Duration
	Stats  mcl.ReplayStats
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	enterNamespace()
	if *speed != 0 {
		publish(*speed)
		return
	}
	if *spin {
		go func() {
			for i := 0; ; i++ {
			}
		}()
	}
	fmt.Printf("%d messages of %d bytes at each speed, %.0f a second on average; late by, in microseconds:\n", *n, *size, *rate)
	fmt.Println("   speed      min      p50      p90      p99      max     lost   CPU")
	for _, s := range []float64{0.1, 0.5, 1, 2, 10, 100} {
		measure(s)
	}
}

// enterNamespace starts the program again in a network of its own.
func enterNamespace() {
	const inside = "MCL_BENCH_NETNS"
	if os.Getenv(inside) != "" {
		return
	}
	_, file, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(file), "..", "..", "netns")
	os.Setenv(inside, "1")
	log.Fatal(script, ": ", syscall.Exec(script, append([]string{script}, os.Args...), os.Environ()))
}

// source makes entries at random intervals, numbered, the same ones in both processes.
type source struct {
	random *rand.Rand
	entry  mcl.LogEntry
	next   int
	gap    float64
}

func newSource(speed float64) *source {
	return &source{random: rand.New(rand.NewPCG(1, 2)), gap: 1e9 / *rate * speed}
}

func (s *source) Next() (*mcl.LogEntry, error) {
	if s.next == *n {
		return nil, io.EOF
	}
	if s.next > 0 {
		s.entry.Elapsed += time.Duration((0.1 + 1.8*s.random.Float64()) * s.gap)
	}
	number := byte(s.next % 128)
	s.entry.Payload = append(s.entry.Payload[:0], 0x92, number, 0xc5, byte(*size>>8), byte(*size))
	s.entry.Payload = append(s.entry.Payload, make([]byte, *size)...)
	s.next++
	return &s.entry, nil
}

func publish(speed float64) {
	b, err := mcl.NewRawBroadcaster(conn)
	check(err)
	r, err := mcl.NewReplay(newSource(speed), speed, mcl.ReplayOptions{Targets: map[string]*mcl.RawBroadcaster{"": b}})
	check(err)
	before, begin := cpu(), time.Now()
	_, err = r.Start()
	check(err)
	time.Sleep(100 * time.Millisecond)
	origin := int64(1<<63 - 1)
	for range 100 { // the closest pair of two clocks
		now := time.Now().UnixNano()
		origin = min(origin, now-int64(float64(r.Elapsed())/speed))
	}
	check(r.Wait(context.Background()))
	check(json.NewEncoder(os.Stdout).Encode(result{origin, cpu() - before, time.Since(begin), r.Stats()}))
}

func cpu() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(speed float64) {
	l, err := mcl.NewRawListener(conn)
	check(err)
	defer l.Close()
	self, err := os.Executable()
	check(err)
	child := exec.Command(self, append([]string{"-publish", fmt.Sprint(speed)}, os.Args[1:]...)...)
	child.Stderr = os.Stderr
	out, err := child.Output()
	check(err)
	var told result
	check(json.Unmarshal(out, &told))

	var late []time.Duration
	expected := newSource(speed)
	lost := 0
	for {
		hand, err := l.TakeNow(0)
		check(err)
		if hand == nil {
			break
		}
		for _, m := range hand.Messages {
			for {
				e, err := expected.Next()
				check(err)
				if e.Payload[1] == m.Payload[1] {
					late = append(late, time.Duration(m.Time-told.Origin-int64(float64(e.Elapsed)/speed)))
					break
				}
				lost++
			}
		}
		check(hand.Settle(len(hand.Messages), 0))
	}
	if len(late) == 0 {
		log.Fatal("nothing arrived")
	}
	lost += *n - expected.next
	slices.Sort(late)
	at := func(part float64) float64 { return float64(late[int(part*float64(len(late)-1))]) / 1e3 }
	fmt.Printf("%8g %8.0f %8.0f %8.0f %8.0f %8.0f %8d %4.1f%%\n", speed, at(0), at(0.5), at(0.9), at(0.99), at(1), lost,
		100*float64(told.CPU)/float64(told.Wall))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
