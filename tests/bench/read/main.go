// Read measures what reading a log takes: time, and memory, which must not grow with the log. It writes logs of several sizes,
// reads each in a process of its own, by the Go package and by the Python one, and fails when the largest takes noticeably more
// memory than the smallest.
//
//	go run ./tests/bench/read [-size MEGABYTES] [-payload BYTES] [-dir FOLDER] [-python COMMAND]
//
// Python needs the library (make lib) and msgpack; -python "" leaves it out. Nothing is sent.
package main

import (
	"flag"
	"fmt"
	"io"
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
	size    = flag.Int64("size", 1000, "megabytes of the largest log")
	payload = flag.Int("payload", 200, "bytes of payload")
	dir     = flag.String("dir", os.TempDir(), "where to write the logs")
	python  = flag.String("python", "python3", "interpreter to read with, too")
	read    = flag.String("read", "", "only read this log: what the program runs itself for")
)

// growth is how much more memory the largest log may take: what the garbage collectors leave to chance.
const growth = 16 << 20

const inPython = `
import sys
import mcl
print(sum(1 for _ in mcl.ReadFile(sys.argv[1])))
`

// A reader reads the log of a prefix in another process.
type reader struct {
	name    string
	command []string // the prefix follows
	least   int64    // bytes of memory that the smallest log took
}

func main() {
	log.SetFlags(0)
	flag.Parse()
	if *read != "" {
		fmt.Println(count(*read))
		return
	}
	folder, err := os.MkdirTemp(*dir, "mcl-bench-")
	check(err)
	code := measure(folder)
	check(os.RemoveAll(folder))
	os.Exit(code)
}

func measure(folder string) (code int) {
	self, err := os.Executable()
	check(err)
	readers := []*reader{{name: "Go", command: []string{self, "-read"}}}
	if *python != "" {
		_, file, _, _ := runtime.Caller(0)
		binding := filepath.Join(filepath.Dir(file), "..", "..", "..", "bindings", "python")
		os.Setenv("PYTHONPATH", binding+":"+os.Getenv("PYTHONPATH"))
		readers = append(readers, &reader{name: "Python", command: []string{*python, "-c", inPython}})
	}
	fmt.Println("       MB    entries  reader   seconds     MB/s   µs/entry   memory")
	for _, megabytes := range []int64{1, *size / 10, *size} {
		prefix := filepath.Join(folder, "log")
		entries := write(prefix, megabytes*1e6)
		for _, r := range readers {
			took, memory := r.run(prefix, entries)
			fmt.Printf("%9d %10d  %-8s %7.2f %8.0f %10.2f %6.1f MB\n", megabytes, entries, r.name, took.Seconds(),
				float64(megabytes)/took.Seconds(), 1e6*took.Seconds()/float64(entries), float64(memory)/1e6)
			if r.least == 0 {
				r.least = memory
			}
			if memory > r.least+growth {
				fmt.Printf("%s: memory grows with the log\n", r.name)
				code = 1
			}
		}
		check(os.Remove(prefix + ".log"))
	}
	return code
}

// write makes a log of about so many bytes, and returns the number of its entries.
func write(prefix string, bytes int64) (entries int64) {
	w, err := mcl.CreateLog(prefix, mcl.LogOptions{})
	check(err)
	packed := append([]byte{0xc5, byte((*payload - 3) >> 8), byte(*payload - 3)}, make([]byte, *payload-3)...)
	line := int64(2*len(packed) + 29)
	for at := time.Now(); entries < bytes/line; entries++ {
		check(w.Write("topic", packed, at.Add(time.Duration(entries)*time.Millisecond)))
	}
	check(w.Close())
	return entries
}

// count reads a log to its end.
func count(prefix string) (entries int64) {
	r, err := mcl.OpenLog(prefix, mcl.LogReadOptions{})
	check(err)
	defer r.Close()
	for {
		_, err := r.Next()
		if err == io.EOF {
			return entries
		}
		check(err)
		entries++
	}
}

func (r *reader) run(prefix string, entries int64) (took time.Duration, memory int64) {
	c := exec.Command(r.command[0], append(r.command[1:], prefix)...)
	c.Stderr = os.Stderr
	begin := time.Now()
	out, err := c.Output()
	check(err)
	if got := strings.TrimSpace(string(out)); got != fmt.Sprint(entries) {
		log.Fatalf("%s: %s entries were read of %d", r.name, got, entries)
	}
	return time.Since(begin), c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
