// Libmcl from Go, for the benchmarks: the same command line and the same line of JSON as the programs in C (bench.h).
//
//	mcl-go send    --mode publish | many
//	mcl-go receive --mode callback
//
// And bare sockets from Go, for what a reader on Go's netpoller costs before a library adds anything (netpoller.go):
//
//	mcl-go receive --mode netpoller
//	mcl-go ping, mcl-go pong
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	mcl "libmcl/core"
)

var (
	mode    = flag.String("mode", "", "how")
	size    = flag.Int("size", 64, "bytes of a message's body")
	seconds = flag.Float64("seconds", 0.3, "how long to send")
	rate    = flag.Float64("rate", 0, "messages a second; 0: as fast as it goes")
	group   = flag.String("group", "ff15::be9c", "address")
	port    = flag.Int("port", 26000, "of the group")
	batch   = flag.Int("batch", 64, "messages in one call")
	count   = flag.Int("count", 1000, "round trips")
)

var launched = time.Now()

const (
	quiet  = 300 * time.Millisecond // without an arrival: what is missing then is lost
	ahead  = 50 * time.Microsecond  // shorter pauses than this are not worth a sleep
	heldUp = time.Millisecond
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("give a role")
	}
	role := os.Args[1]
	flag.CommandLine.Parse(os.Args[2:])
	conn := mcl.Connection{URL: *group, Port: *port}
	switch role {
	case "send":
		send(conn)
	case "receive":
		if *mode == "netpoller" {
			receiveBare()
			return
		}
		receive(conn)
	case "ping":
		ping()
	case "pong":
		pong()
	default:
		log.Fatalf("%s: no role of this program", role)
	}
}

// body is a msgpack bin of the size.
func body() []byte {
	head := []byte{0xc6, byte(*size >> 24), byte(*size >> 16), byte(*size >> 8), byte(*size)}
	switch {
	case *size < 1<<8:
		head = []byte{0xc4, byte(*size)}
	case *size < 1<<16:
		head = []byte{0xc5, byte(*size >> 8), byte(*size)}
	}
	return append(head, make([]byte, *size)...)
}

func send(conn mcl.Connection) {
	b, err := mcl.NewRawBroadcaster(conn)
	check(err)
	defer b.Close()
	packed := body()
	publish := func() int {
		check(b.PublishPacked(nil, packed))
		return 1
	}
	perCall := 1
	if *mode == "many" {
		perCall = *batch
		items := make([]mcl.Item, *batch)
		for i := range items {
			items[i].Payload = packed
		}
		publish = func() int {
			n, err := b.PublishMany(items)
			check(err)
			return n
		}
	}
	interval := time.Duration(0)
	if *rate > 0 {
		interval = time.Duration(float64(time.Second) / *rate * float64(perCall))
	}
	used, began := cpu(), time.Now()
	due, end := time.Duration(0), time.Duration(*seconds*float64(time.Second))
	sent := 0
	for {
		now := time.Since(began)
		if interval > 0 {
			switch {
			case due > now+ahead:
				time.Sleep(due - now)
				now = time.Since(began)
			case now > due+heldUp:
				due = now // it does not catch up: what it then sent in a burst would be another rate
			}
			due += interval
		}
		if now >= end {
			break
		}
		sent += publish()
	}
	took := time.Since(began)
	report(map[string]any{"sent": sent, "seconds": took.Seconds(), "cpu": (cpu() - used).Seconds()})
}

func receive(conn mcl.Connection) {
	l, err := mcl.NewRawListener(conn)
	check(err)
	var a arrivals
	_, err = l.Subscribe(func(r *mcl.Received) { a.note(1, len(r.Payload)) })
	check(err)
	a.wait()
	check(l.Close())
	a.report(l.Stats().DroppedKernel)
}

// arrivals count what a receiver is given.
type arrivals struct {
	messages, bytes, first, last atomic.Int64
	took                         time.Duration // of a processor, while waiting
}

func (a *arrivals) note(messages, bytes int) {
	now := int64(time.Since(launched))
	a.first.CompareAndSwap(0, now)
	a.last.Store(now)
	a.bytes.Add(int64(bytes))
	a.messages.Add(int64(messages))
}

// wait says that the receiver is ready, and waits until it has been given all, or nothing more comes.
func (a *arrivals) wait() {
	used := cpu()
	ready()
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	check(err)
	var sent int64
	_, err = fmt.Sscanf(line, "sent %d", &sent)
	check(err)
	for seen, since := int64(-1), time.Now(); a.messages.Load() < sent; time.Sleep(20 * time.Millisecond) { // silence cannot be waited for
		if n := a.messages.Load(); n != seen {
			seen, since = n, time.Now()
		} else if time.Since(since) > quiet {
			break
		}
	}
	a.took = cpu() - used
}

func (a *arrivals) report(dropped uint64) {
	report(map[string]any{"received": a.messages.Load(), "bytes": a.bytes.Load(), "cpu": a.took.Seconds(),
		"seconds": time.Duration(a.last.Load() - a.first.Load()).Seconds(), "dropped": dropped})
}

func ready() { fmt.Println("ready") }

func report(values map[string]any) { check(json.NewEncoder(os.Stdout).Encode(values)) }

func cpu() time.Duration {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
