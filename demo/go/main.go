// Command listener is the demo's listener in Go: three message types, each with a callback that runs where the data is
// received.
//
//	listener LEDGER
//
// LEDGER receives a line for each message: type, identity (its timestamp in microseconds), topic, and when the callback
// and when the kernel got it. It says "ready" when it listens. It ends when its standard input has said how many messages
// were sent and all are here, or none came for a while.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math"
	"os"
	"sync"
	"time"

	mcl "libmcl/core"
)

// quiet is how long nothing comes, after the publisher's end, before what is missing is lost.
const quiet = 5 * time.Second

type imu struct {
	Timestamp float64    `msgpack:"timestamp"`
	Gyro      [3]float64 `msgpack:"gyro"`
	Accel     [3]float64 `msgpack:"accel"`
}

type gps struct {
	Timestamp float64 `msgpack:"timestamp"`
	Lat       float64 `msgpack:"lat"`
	Lon       float64 `msgpack:"lon"`
	Speed     float64 `msgpack:"speed"`
	Fix       string  `msgpack:"fix"`
}

type scan struct {
	Timestamp float64   `msgpack:"timestamp"`
	Ranges    []float64 `msgpack:"ranges"`
}

// kinds are the message types of the drive, and how their values are shown.
var kinds = []struct {
	name      string
	mandatory []string
	address   string
	every     int // of so many messages one is shown
	text      func(*mcl.Received) string
}{
	{"Imu", []string{"gyro", "accel"}, "ff15::d1:1", 400, func(r *mcl.Received) string {
		var m imu
		must(r.Decode(&m))
		return fmt.Sprintf("gyro %6.3f  accel %6.3f", m.Gyro, m.Accel)
	}},
	{"Gps", []string{"lat", "lon", "speed", "fix"}, "ff15::d1:2", 20, func(r *mcl.Received) string {
		var m gps
		must(r.Decode(&m))
		return fmt.Sprintf("lat %.6f  lon %.6f  speed %.2f  fix %s", m.Lat, m.Lon, m.Speed, m.Fix)
	}},
	{"Scan", []string{"ranges", "angle_step"}, "ff15::d1:3", 20, func(r *mcl.Received) string {
		var m scan
		must(r.Decode(&m))
		return fmt.Sprintf("%d ranges, first %.3f", len(m.Ranges), m.Ranges[0])
	}},
}

// A ledger notes what came. The callbacks of three listeners use it at the same time.
type ledger struct {
	mu      sync.Mutex
	file    *bufio.Writer
	total   int
	arrived chan struct{} // holds a token when something came
}

func (l *ledger) note(name string, r *mcl.Received, now time.Time) {
	timestamp, err := r.Message().Float("timestamp")
	must(err)
	topic := "-"
	if r.HasTopic {
		topic = string(r.Topic)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.file, "%s\t%.0f\t%s\t%d\t%d\n", name, math.Round(timestamp*1e6), topic, now.UnixNano(), r.Time)
	l.total++
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: listener LEDGER")
	}
	file, err := os.Create(os.Args[1])
	must(err)
	book := &ledger{file: bufio.NewWriter(file), arrived: make(chan struct{}, 1)}

	var listeners []*mcl.Listener
	for _, kind := range kinds {
		t, err := mcl.Define(kind.name, kind.mandatory, mcl.Connection{URL: kind.address})
		must(err)
		l, err := mcl.NewMessageListener(t)
		must(err)
		received := 0
		_, err = l.Subscribe(func(r *mcl.Received) {
			book.note(kind.name, r, time.Now())
			received++
			if received%kind.every == 1 {
				topic := "-"
				if r.HasTopic {
					topic = string(r.Topic)
				}
				fmt.Printf("%-5s#%-5d%-7s%s\n", kind.name, received, topic, kind.text(r))
			}
		})
		must(err)
		listeners = append(listeners, l)
	}
	fmt.Println("ready")

	var expected int
	fmt.Scan(&expected) // nothing there: whoever started this is gone
	for book.count() < expected {
		select {
		case <-book.arrived:
			continue
		case <-time.After(quiet):
		}
		break
	}

	var byQueue, byKernel uint64
	for _, l := range listeners {
		must(l.Close())
		byQueue += l.Stats().DroppedQueue
		byKernel += l.Stats().DroppedKernel
	}
	if byQueue+byKernel > 0 {
		fmt.Printf("dropped: %d by the queue, %d by the kernel\n", byQueue, byKernel)
	}
	must(book.file.Flush())
	must(file.Close())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
