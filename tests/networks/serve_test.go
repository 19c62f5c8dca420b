//go:build linux

package networks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	mcl "libmcl/core"
)

// What a host is asked to do, and what it answers, by gob over its stdin and stdout.
type request struct {
	Op    string
	Name  string // of the listener or broadcaster
	Conn  mcl.Connection
	Size  int           // bytes of each payload
	Count int           // of messages; 0: until it is told to stop
	Every time.Duration // between messages
	Many  int           // messages at once; 0: one
	Shell string
	Stuck bool

	Coalesce time.Duration
}

type answer struct {
	Error    string
	Code     mcl.Error
	Output   string
	Tally    tally
	Stats    mcl.ListenerStats
	Sent     mcl.BroadcasterStats
	Settings mcl.Settings
	Errors   map[mcl.Error]int // of publishing
	Reports  []string

	Published int // that it was asked to publish, each message
}

// A tally is what a listener has been given.
type tally struct {
	Messages int
	Repeated int // numbers of a stream that were there already
	Late     int // numbers of a stream that came after higher ones
	Damaged  int
	Last     time.Time              // of the last message
	From     map[netip.AddrPort]int // messages of each sender
	Streams  map[uint64]int         // messages of each broadcaster
}

const hostVariable = "MCL_TEST_HOST"

type host struct {
	listeners    map[string]*listening
	broadcasters map[string]*broadcasting
}

type listening struct {
	*mcl.Listener
	mu      sync.Mutex // protects what follows
	tally   tally
	seen    map[[2]uint64]bool
	highest map[uint64]uint64
	reports []string
	stuck   chan struct{}
}

type broadcasting struct {
	*mcl.RawBroadcaster
	stream uint64
	next   uint64
	stop   chan struct{}
	ended  chan struct{}
	mu     sync.Mutex // protects what follows
	errors map[mcl.Error]int
	asked  int
}

func serve() {
	h := &host{listeners: map[string]*listening{}, broadcasters: map[string]*broadcasting{}}
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var r request
		if in.Decode(&r) != nil {
			return // the test has ended
		}
		var a answer
		if err := h.do(&r, &a); err != nil {
			a.Error, a.Code = err.Error(), mcl.CodeOf(err)
		}
		if err := out.Encode(&a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func (h *host) do(r *request, a *answer) error {
	switch r.Op {
	case "shell":
		out, err := exec.Command("sh", "-c", r.Shell).CombinedOutput()
		a.Output = string(out)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", r.Shell, err, out)
		}
		return nil
	case "listen":
		return h.listen(r)
	case "listener":
		h.listeners[r.Name].read(a)
		return nil
	case "release":
		close(h.listeners[r.Name].stuck)
		return nil
	case "close listener":
		l := h.listeners[r.Name]
		err := l.Close()
		l.read(a)
		delete(h.listeners, r.Name)
		return err
	case "broadcast":
		return h.broadcast(r)
	case "broadcaster":
		h.broadcasters[r.Name].read(a)
		return nil
	case "publish":
		b := h.broadcasters[r.Name]
		err := b.publish(r)
		b.read(a)
		return err
	case "start":
		h.broadcasters[r.Name].start(r)
		return nil
	case "stop":
		b := h.broadcasters[r.Name]
		b.halt()
		b.read(a)
		return nil
	case "goroutines":
		a.Tally.Messages = runtime.NumGoroutine()
		return nil
	}
	return fmt.Errorf("no operation %q", r.Op)
}

func (h *host) listen(r *request) error {
	l := &listening{seen: map[[2]uint64]bool{}, highest: map[uint64]uint64{}, stuck: make(chan struct{})}
	l.tally = tally{From: map[netip.AddrPort]int{}, Streams: map[uint64]int{}}
	if !r.Stuck {
		close(l.stuck)
	}
	var err error
	l.Listener, err = mcl.Listen(r.Conn, mcl.ListenerOptions{Queued: !r.Stuck, OnError: func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reports = append(l.reports, err.Error())
	}})
	if err != nil {
		return err
	}
	h.listeners[r.Name] = l
	_, err = l.Subscribe(l.take)
	return err
}

func (l *listening) take(r *mcl.Received) {
	<-l.stuck
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.tally
	t.Messages++
	t.Last = r.When()
	t.From[r.Sender]++
	stream, number, ok := check(r)
	if !ok {
		t.Damaged++
		return
	}
	t.Streams[stream]++
	if key := [2]uint64{stream, number}; l.seen[key] {
		t.Repeated++
	} else {
		l.seen[key] = true
	}
	if highest := l.highest[stream]; number < highest {
		t.Late++
	}
	l.highest[stream] = max(l.highest[stream], number)
}

func (l *listening) read(a *answer) {
	a.Stats, a.Settings = l.Stats(), l.Settings()
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Tally, a.Reports = l.tally, l.reports
	a.Tally.From, a.Tally.Streams = maps.Clone(l.tally.From), maps.Clone(l.tally.Streams)
}

func (h *host) broadcast(r *request) error {
	b, err := mcl.OpenBroadcaster(r.Conn, mcl.BroadcasterOptions{Coalesce: r.Coalesce})
	if err != nil {
		return err
	}
	h.broadcasters[r.Name] = &broadcasting{RawBroadcaster: b, stream: uint64(time.Now().UnixNano()), errors: map[mcl.Error]int{}}
	return nil
}

// publish publishes r.Count messages, and goes on when some fail.
func (b *broadcasting) publish(r *request) error {
	for range r.Count {
		if err := b.one(r); err != nil && r.Count == 1 {
			return err
		}
		time.Sleep(r.Every)
	}
	return nil
}

func (b *broadcasting) one(r *request) error {
	b.mu.Lock()
	b.asked += max(r.Many, 1)
	b.mu.Unlock()
	var err error
	if r.Many > 0 {
		items := make([]mcl.Item, r.Many)
		for i := range items {
			items[i].Payload = b.payload(r.Size)
		}
		_, err = b.PublishMany(items)
	} else {
		err = b.PublishPacked(nil, b.payload(r.Size))
	}
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.errors[mcl.CodeOf(err)]++
	}
	return err
}

// payload is a message of about size bytes that says which it is, and by a checksum whether it is whole.
func (b *broadcasting) payload(size int) []byte {
	b.next++
	data := make([]byte, max(size, 5+16+sha256.Size))
	data[0] = 0xc6 // bin32
	binary.BigEndian.PutUint32(data[1:], uint32(len(data)-5))
	body := data[5:]
	binary.BigEndian.PutUint64(body, b.stream)
	binary.BigEndian.PutUint64(body[8:], b.next)
	for i := range body[16+sha256.Size:] {
		body[16+sha256.Size+i] = byte(i*7 + int(b.next))
	}
	sum := sha256.Sum256(append(append([]byte(nil), body[:16]...), body[16+sha256.Size:]...))
	copy(body[16:], sum[:])
	return data
}

func check(r *mcl.Received) (stream, number uint64, ok bool) {
	if len(r.Payload) < 5+16+sha256.Size {
		return 0, 0, false
	}
	body := r.Payload[5:]
	sum := sha256.Sum256(append(append([]byte(nil), body[:16]...), body[16+sha256.Size:]...))
	return binary.BigEndian.Uint64(body), binary.BigEndian.Uint64(body[8:]), [sha256.Size]byte(body[16:16+sha256.Size]) == sum
}

func (b *broadcasting) start(r *request) {
	b.stop, b.ended = make(chan struct{}), make(chan struct{})
	every := time.NewTicker(r.Every)
	go func() {
		defer close(b.ended)
		defer every.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-every.C:
				b.one(r)
			}
		}
	}()
}

func (b *broadcasting) halt() {
	if b.stop != nil {
		close(b.stop)
		<-b.ended
		b.stop = nil
	}
}

func (b *broadcasting) read(a *answer) {
	b.mu.Lock()
	a.Published = b.asked
	a.Errors = maps.Clone(b.errors)
	b.mu.Unlock()
	a.Sent, a.Settings = b.Stats(), b.Settings() // after the errors: those are counted in it by now
}
