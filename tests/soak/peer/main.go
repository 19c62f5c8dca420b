// Peer is the soak's peer in Go: see ../run for what it reads and writes.
//
//	peer publish NUMBER | listen | churn SEED | hostile SEED | log FOLDER
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	mcl "libmcl/core"
	"libmcl/tests/hostile"
)

var (
	exact  = mcl.Connection{URL: "ff15::50:a", Interface: "lo"} // where everything is counted
	loose  = mcl.Connection{URL: "ff15::50:b", Interface: "lo"} // where peers come and go
	replay = mcl.Connection{URL: "ff15::50:c", Interface: "lo"}
)

// pace lets a worker run until it is paused: the worker asks step before each piece of work.
type pace struct{ sync.RWMutex }

func (p *pace) step(work func()) {
	p.RLock()
	defer p.RUnlock()
	work()
}

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1, syscall.SIGPROF)
	var p pace
	var stats func(word string) any
	switch argument := os.Args[len(os.Args)-1]; os.Args[1] {
	case "publish":
		stats = publish(&p, argument)
	case "listen":
		stats = listen()
	case "churn":
		stats = churn(&p, argument)
	case "hostile":
		stats = attack(&p, argument)
	case "log":
		stats = logged(argument)
	}
	say(map[string]bool{"ready": true})
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "pause":
			p.Lock()
			say(stats("pause"))
		case "go":
			p.Unlock()
		default:
			say(stats(in.Text()))
		}
	}
}

var saying sync.Mutex

func say(v any) {
	saying.Lock()
	defer saying.Unlock()
	line, _ := json.Marshal(v)
	fmt.Println(string(line))
}

func defect(format string, arguments ...any) {
	say(map[string]string{"defect": fmt.Sprintf(format, arguments...)})
}

func must[T any](v T, err error) T {
	if err != nil {
		defect("%v", err)
		os.Exit(1)
	}
	return v
}

func number(s string) int { return must(strconv.Atoi(s)) }

// pad is what a message holds besides its number.
func pad(from, n int) string {
	size := n % 97
	if n%100 == 0 {
		size = 150_000
	}
	return strings.Repeat(string(rune('a'+(n+from)%26)), size)
}

func publish(p *pace, argument string) func(string) any {
	from := number(argument)
	b := must(mcl.NewRawBroadcaster(exact, "soak"))
	go func() {
		for n := 0; ; n++ {
			p.step(func() { b.Publish(map[string]any{"from": from, "n": n, "pad": pad(from, n)}) }) // failures are counted
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func(string) any {
		s := b.Stats()
		return map[string]any{"messages": s.Messages, "datagrams": s.Datagrams, "send_errors": s.SendErrors}
	}
}

func listen() func(string) any {
	l := must(mcl.Listen(exact, mcl.ListenerOptions{Queued: true}))
	var mu sync.Mutex
	h := newHistory()
	must(l.Subscribe(func(r *mcl.Received) {
		mu.Lock()
		defer mu.Unlock()
		if string(r.Topic) == "soak" { // not a hostile one that happens to be whole
			h.add(r)
		}
	}))
	return func(string) any {
		mu.Lock()
		defer mu.Unlock()
		s := l.Stats()
		if d, m := s.Unaccounted(); d != 0 || m != 0 {
			defect("unaccounted: %+v", s)
		}
		return map[string]any{"datagrams": s.Datagrams, "dropped_kernel": s.DroppedKernel, "dropped_queue": s.DroppedQueue,
			"queued": s.Queued, "evicted": s.Evicted, "assembling_bytes": s.AssemblingBytes, "seen": h.seen}
	}
}

// A history is what has come of each publisher's messages: how many, and the number of the last one.
type history struct {
	seen map[int64]int
	last map[int64]int64
}

func newHistory() *history { return &history{make(map[int64]int), make(map[int64]int64)} }

// add takes a message in, which must be right, and later than the one before.
func (h *history) add(r *mcl.Received) {
	v, err := r.Value()
	m, _ := v.(map[string]any)
	from, _ := m["from"].(int64)
	n, isInt := m["n"].(int64)
	if before, known := h.last[from]; err != nil || !isInt || m["pad"] != pad(int(from), int(n)) || known && n <= before {
		defect("message %d of %d came after %d, or damaged", n, from, before)
	}
	h.last[from] = n
	h.seen[from]++
}

// churn opens, uses and closes.
func churn(p *pace, seed string) func(string) any {
	random := rand.New(rand.NewPCG(uint64(number(seed)), 1))
	cycles := 0
	go func() {
		for {
			p.step(func() { cycle(random); cycles++ })
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func(string) any { return map[string]int{"cycles": cycles} }
}

func cycle(random *rand.Rand) {
	l := must(mcl.Listen(loose, mcl.ListenerOptions{Queued: random.IntN(2) == 0, QueueMessages: 1 + random.IntN(100),
		Policy: mcl.Policy(1 + random.IntN(3))}))
	b := must(mcl.NewRawBroadcaster(loose, "churn"))
	if random.IntN(2) == 0 {
		must(l.Subscribe(func(*mcl.Received) { time.Sleep(time.Millisecond) }))
	}
	for range random.IntN(50) {
		b.Publish(make([]byte, random.IntN(200)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	l.Receive(ctx)
	cancel()
	if err := b.Close(); err != nil {
		defect("%v", err)
	}
	if err := l.Close(); err != nil && !errors.Is(err, mcl.ErrBusy) {
		defect("%v", err)
	}
	s := l.Stats()
	if d, m := s.Unaccounted(); d != 0 || m != 0 {
		defect("unaccounted after the end: %+v", s)
	}
}

// attack sends hostile datagrams from ever new ports, and counts those that left.
func attack(p *pace, seed string) func(string) any {
	random := rand.New(rand.NewPCG(uint64(number(seed)), 2))
	group := &net.UDPAddr{IP: net.ParseIP(exact.URL), Port: 26000, Zone: "lo"}
	sent := uint64(0)
	go func() {
		for {
			p.step(func() {
				c, err := net.DialUDP("udp6", nil, group)
				if err != nil {
					return // the network is away
				}
				defer c.Close()
				for range 20 {
					if _, err := c.Write(hostile.Datagram(random)); err == nil {
						sent++
					}
				}
			})
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func(string) any { return map[string]uint64{"datagrams": sent} }
}

// logged records, and at the word "rotate" ends the log, reads it, replays it, and begins the next.
func logged(folder string) func(string) any {
	count := 0
	record := func() (*mcl.Recorder, string) {
		count++
		prefix := filepath.Join(folder, fmt.Sprint("soak", count))
		return must(mcl.Record(prefix, exact, mcl.RecordOptions{Log: mcl.LogOptions{MaxEntries: 5000},
			Listener: mcl.ListenerOptions{Topics: []string{"soak"}}, OnError: func(error) {}})), prefix
	}
	r, prefix := record()
	l := must(mcl.Listen(replay, mcl.ListenerOptions{}))
	h := newHistory()
	return func(word string) any {
		s, heard := r.LogStats(0)
		if heard.Delivered != s.Entries+s.Buffered+s.Dropped {
			defect("recorder: %d delivered, %+v", heard.Delivered, s)
		}
		if word != "rotate" {
			return map[string]any{"entries": s.Entries + s.Buffered, "dropped": s.Dropped, "datagrams": heard.Datagrams, "queued": heard.Queued}
		}
		err := r.Close()
		s, heard = r.LogStats(0)
		if read := h.read(prefix); read != s.Entries {
			defect("%d entries were logged, %d read", s.Entries, read)
		}
		published := play(prefix, l)
		if err == nil && published != s.Entries {
			defect("%d entries were logged, %d replayed", s.Entries, published)
		}
		files, _ := filepath.Glob(prefix + "*")
		for _, file := range files {
			os.Remove(file)
		}
		seen := h.seen
		h.seen = make(map[int64]int) // the next log goes on where this one ends
		r, prefix = record()
		return map[string]any{"entries": s.Entries, "dropped": s.Dropped, "replayed": published, "files": len(files), "seen": seen,
			"datagrams": heard.Datagrams, "dropped_kernel": heard.DroppedKernel, "dropped_queue": heard.DroppedQueue}
	}
}

// read takes a log in, and returns how many entries it has.
func (h *history) read(prefix string) (count uint64) {
	in, err := mcl.OpenLog(prefix, mcl.LogReadOptions{})
	if err != nil {
		return 0 // nothing was logged, for want of a disk
	}
	defer in.Close()
	for {
		e, err := in.Next()
		if err == io.EOF {
			return count
		}
		if err != nil {
			defect("%v", err)
			return count
		}
		h.add(&mcl.Received{Payload: e.Payload})
		count++
	}
}

// play replays a log as fast as it goes, with a listener beside it.
func play(prefix string, l *mcl.Listener) uint64 {
	in, err := mcl.OpenLog(prefix, mcl.LogReadOptions{})
	if err != nil {
		return 0 // nothing was logged, for want of a disk
	}
	b := must(mcl.NewRawBroadcaster(replay))
	r := must(mcl.NewReplay(in, 0, mcl.ReplayOptions{Targets: map[string]*mcl.RawBroadcaster{"": b}, OnError: func(error) {}}))
	must(r.Start())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for r.State() != mcl.ReplayFinished && ctx.Err() == nil {
		short, over := context.WithTimeout(ctx, 20*time.Millisecond)
		r.Wait(short)
		over()
		for h, _ := l.TakeNow(0); h != nil; h, _ = l.TakeNow(0) {
			h.Settle(len(h.Messages), 0)
		}
	}
	s := r.Stats()
	if s.Read != s.Published+s.Errors+s.Buffered+s.Discarded || s.Buffered != 0 {
		defect("replay: %+v", s)
	}
	for _, close := range []func() error{r.Close, in.Close, b.Close} {
		if err := close(); err != nil {
			defect("%v", err)
		}
	}
	return s.Published + s.Errors
}
