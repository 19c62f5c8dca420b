// Record measures what a recorder keeps of a steady stream while another process spins: messages sent, recorded and lost, and
// the processor time that recording took. It runs itself in a private network namespace.
//
// It fails when a message is lost.
//
//	go run ./tests/bench/record [-rate PER_SECOND] [-for DURATION] [-size BYTES] [-spin PROCESSES] [-dir FOLDER]
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	mcl "libmcl/core"
)

var (
	rate  = flag.Int("rate", 50_000, "messages a second")
	span  = flag.Duration("for", 10*time.Second, "how long")
	size  = flag.Int("size", 200, "bytes of payload")
	spins = flag.Int("spin", 1, "processes that spin meanwhile")
	dir   = flag.String("dir", os.TempDir(), "where to record to")
	part  = flag.String("part", "", "what the program runs itself for")

	conn = mcl.Connection{URL: "ff15::4d43:4c", Port: 26000}
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	enterNamespace()
	switch *part {
	case "spin":
		for i := 0; ; i++ {
		}
	case "send":
		send()
	default:
		if !record() {
			log.Fatal("messages were lost")
		}
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

// send publishes at the rate, a millisecond's worth at a time.
func send() {
	b, err := mcl.NewRawBroadcaster(conn, "topic")
	check(err)
	packed := append([]byte{0xc5, byte((*size - 3) >> 8), byte(*size - 3)}, make([]byte, *size-3)...)
	begin := time.Now()
	for sent, total := 0, int(float64(*rate)*span.Seconds()); sent < total; time.Sleep(time.Millisecond) {
		for due := min(total, int(float64(*rate)*time.Since(begin).Seconds())); sent < due; sent++ {
			check(b.PublishPacked(nil, packed))
		}
	}
	fmt.Printf("%d %.3fs\n", b.Stats().Messages, time.Since(begin).Seconds())
}

// record tells whether everything was recorded.
func record() bool {
	runtime.LockOSThread() // the kernel kills the children when the thread that started them ends
	folder, err := os.MkdirTemp(*dir, "mcl-bench-")
	check(err)
	defer os.RemoveAll(folder)
	self, err := os.Executable()
	check(err)
	run := func(part string) *exec.Cmd {
		c := exec.Command(self, append([]string{"-part", part}, os.Args[1:]...)...)
		c.Stderr = os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return c
	}
	for range *spins {
		spinner := run("spin")
		check(spinner.Start())
		defer spinner.Wait()
		defer spinner.Process.Kill()
	}
	r, err := mcl.Record(filepath.Join(folder, "log"), conn, mcl.RecordOptions{})
	check(err)
	before, begin := cpu(), time.Now()
	out, err := run("send").Output()
	check(err)
	queued := r.ListenerStats().Queued
	used, wall := cpu()-before, time.Since(begin)
	closing := time.Now()
	check(r.Close())
	w, l := r.LogStats(-1)
	sent, took, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	fmt.Printf("sent %s messages of %d bytes in %s; recorded %d (%d MB)\n", sent, *size, took, w.Entries, w.Bytes>>20)
	fmt.Printf("lost in the kernel %d, in the queue %d, at the disk %d; queued at the end %d\n", l.DroppedKernel, l.DroppedQueue, w.Dropped, queued)
	fmt.Printf("recording took %.0f %% of one processor, %.1f µs a message; closing took %v\n",
		100*used.Seconds()/wall.Seconds(), 1e6*used.Seconds()/float64(w.Entries), time.Since(closing).Round(time.Millisecond))
	return fmt.Sprint(w.Entries) == sent
}

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
