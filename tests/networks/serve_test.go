//go:build linux

package networks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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
	Lives int           // of "live": processes that publish Count messages each, one after the other
	// Topics is how many topics the messages have in turn; 0: none.
	Topics int
	// Legacy has messages of two fragments be sent as a legacy process does.
	Legacy bool
	Shell  string
	Stuck  bool

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
	legacy net.Conn
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
	case "live":
		for range r.Lives {
			if err := r.inAnotherProcess(); err != nil {
				return err
			}
		}
		return nil
	case "checksums":
		return computeChecksums(r.Name)
	case "goroutines":
		a.Tally.Messages = runtime.NumGoroutine()
		return nil
	}
	return fmt.Errorf("no operation %q", r.Op)
}

// lifeVariable has the request, for a process that only publishes.
const lifeVariable = "MCL_TEST_LIFE"

// inAnotherProcess has a process of its own open the broadcaster and publish.
func (r *request) inAnotherProcess() error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lifeVariable+"="+string(text))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// live is what such a process does.
func live() {
	var r request
	h := &host{broadcasters: map[string]*broadcasting{}}
	err := json.Unmarshal([]byte(os.Getenv(lifeVariable)), &r)
	if err == nil {
		err = h.broadcast(&r)
	}
	if err == nil {
		err = h.broadcasters[r.Name].publish(&r)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
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
	out := &broadcasting{RawBroadcaster: b, stream: uint64(time.Now().UnixNano()), errors: map[mcl.Error]int{}}
	h.broadcasters[r.Name] = out
	if r.Legacy {
		out.legacy, err = net.Dial("udp6", net.JoinHostPort(r.Conn.URL, strconv.Itoa(r.Conn.Port)))
	}
	return err
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
		payload := b.payload(r.Size)
		var topic *string
		if r.Topics > 0 {
			text := fmt.Sprint("topic ", b.next%uint64(r.Topics))
			topic = &text
		}
		if r.Legacy {
			err = b.legacyPublish(payload)
		} else {
			err = b.PublishPacked(topic, payload)
		}
	}
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.errors[mcl.CodeOf(err)]++
	}
	return err
}

// legacyPublish sends a message in two fragments, [nil, packet, 2, fragment], by the shortest headers.
func (b *broadcasting) legacyPublish(payload []byte) error {
	for i, part := range [][]byte{payload[:60_000], payload[60_000:]} {
		head := []byte{0x94, 0xc0, byte(i + 1), 2, 0xda, byte(len(part) >> 8), byte(len(part))}
		if _, err := b.legacy.Write(append(head, part...)); err != nil {
			return err
		}
	}
	return nil
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
		body[16+sha256.Size+i] = byte(i*7 + int(b.next) + int(b.stream>>(i%8*8)))
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
