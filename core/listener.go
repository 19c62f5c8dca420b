package mcl

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/notify"
	"libmcl/core/internal/queue"
	"libmcl/core/internal/wire"
)

// A Policy says what happens to messages beyond a queue's limit.
type Policy int

const (
	DropOldest Policy = dropOldest // the default
	DropNewest Policy = dropNewest
	Block      Policy = block // stop reading the socket: the kernel drops, and counts
)

// ListenerOptions are the options of Listen. The zero value is the default.
type ListenerOptions struct {
	Topics []string // deliver only these topics; none: all, and messages without a topic too
	Type   *Type    // deliver only messages of this type, also packed in a string; others are counted as rejected; nil: anything

	// Queued goes on receiving in the background while a callback runs, and queues what arrives. Otherwise callbacks run
	// where data is received: that is quickest, and while one runs only the kernel's buffer holds what arrives. Without
	// callbacks both queue alike.
	Queued        bool
	Policy        Policy // default DropOldest
	QueueMessages int    // messages that may wait; default 262144
	QueueBytes    int64  // bytes of payload and topic that may wait; default 256 MiB. One message may always wait

	// OnError is told what the user should know and no call can return: messages that do not fit the type, callbacks that
	// panic, a socket that fails, a network that has no place for the group. It runs on the listener's goroutines, at most
	// about once a second for each kind. The default prints to stderr.
	OnError func(error)

	// OnDescriptor is told of the socket's descriptor: when it was opened (another one, when the interface was replaced), and
	// before it is closed. It is for a program that must close them in a forked child, and must not call the listener.
	OnDescriptor func(fd int, open bool)

	// Unread leaves the socket to the caller, who reads it and gives what it holds to Feed: no goroutine runs, and the listener
	// takes no callbacks. OnError, which may run inside of Feed, must not call the listener. It is for programs in other
	// languages, whose threads read for themselves (package capi). Linux only.
	Unread bool

	network netio.Network // nil: the machine's
}

// A Listener receives the messages of a connection. It has one goroutine that reads the socket, and when it is queued, one
// that runs callbacks. Its methods may be called from any goroutine, callbacks included.
//
// Messages are taken either by callbacks (Subscribe) or by their owner (Receive, Take), not by both. What arrives while nobody
// takes it waits in the queue, within its limits.
type Listener struct {
	res    resolved
	opts   ListenerOptions
	filter map[string]struct{}
	rx     netio.Receiver

	reading sync.Mutex // held by who reads the socket, and then runs callbacks; protects reader. Locked before mu
	reader  reader

	done    chan struct{} // closed by Close
	stopped chan struct{} // closed when the goroutines have ended
	ready   chan struct{} // holds a token when something is queued for the owner
	work    chan struct{} // holds a token when something is queued for callbacks
	space   chan struct{} // holds a token when the reader, waiting for room, should look again

	mu      sync.Mutex // protects what follows
	ring    queue.Ring
	stats   ListenerStats
	inHand  int   // messages counted and not in the ring: about to be put there, delivered or taken
	taken   int64 // bytes of those that are taken
	waiting bool  // the reader waits for room
	closed  bool
	subs    []*subscription // replaced, never changed: readers use it without mu
	nextID  uint64
	signal  *notify.Notifier // nil until somebody polls it

	deliverer atomic.Uint64 // goroutine that runs callbacks
	readerID  atomic.Uint64 // goroutine that reads the socket

	unreported atomic.Bool         // the network has changed
	reports    [numReports]limiter // of each kind of error
}

// NewRawListener opens a listener whose callbacks run where data is received. topics: only these; none: all.
func NewRawListener(conn Connection, topics ...string) (*Listener, error) {
	return Listen(conn, ListenerOptions{Topics: topics})
}

// NewMessageListener opens a listener for the messages of t, on t's connection.
func NewMessageListener(t *Type, topics ...string) (*Listener, error) {
	if t == nil {
		return nil, noType("open listener")
	}
	return Listen(t.conn, ListenerOptions{Topics: topics, Type: t})
}

// A Source is what NewQueuedListener listens to: a Connection, or a *Type.
type Source interface{ source() (Connection, *Type) }

func (c Connection) source() (Connection, *Type) { return c, nil }
func (t *Type) source() (Connection, *Type)      { return t.conn, t }

// NewQueuedListener opens a listener that receives apart from its callbacks, so that a slow one loses nothing within the
// queue's default limits; Listen has options for them.
func NewQueuedListener(from Source, topics ...string) (*Listener, error) {
	if t, ok := from.(*Type); from == nil || ok && t == nil {
		return nil, noType("open listener")
	}
	conn, t := from.source()
	return Listen(conn, ListenerOptions{Topics: topics, Type: t, Queued: true})
}

// Listen joins the group and starts receiving. A zero conn means that of o.Type.
//
// A network that has no place for the group is no error, since it may change: an interface of that name may appear, or a
// route when none is named. OnError is told, and receiving begins by itself. Later changes are followed likewise.
//
// The errors are ErrAddress, ErrInvalid, ErrInterface (what can be none, or an index that there is not), ErrDescriptors and
// ErrSystem.
func Listen(conn Connection, o ListenerOptions) (*Listener, error) {
	const op = "open listener"
	if o.Type != nil && conn == (Connection{}) {
		conn = o.Type.conn
	}
	res, err := conn.resolve(op)
	if err != nil {
		return nil, err
	}
	if err := o.resolve(op, conn); err != nil {
		return nil, err
	}
	if err := startRuntime(op, conn.String()); err != nil {
		return nil, err
	}
	if err := res.checkInterface(op); err != nil {
		return nil, err
	}
	res.group.OnDescriptor, res.group.Unread = o.OnDescriptor, o.Unread
	rx, err := o.network.Listen(res.group)
	if err != nil {
		return nil, openError(op, &res, err)
	}
	if _, ok := rx.(netio.Unread); o.Unread && !ok {
		rx.Close()
		return nil, &OpError{Op: op, On: conn.String(), Kind: ErrInvalid, Detail: "nobody else can read the socket on this system",
			Remedy: "leave Unread out"}
	}
	l := &Listener{
		res: res, opts: o, rx: rx,
		done: make(chan struct{}), stopped: make(chan struct{}), ready: make(chan struct{}, 1),
		work: make(chan struct{}, 1), space: make(chan struct{}, 1),
		ring: queue.Ring{MaxEntries: o.QueueMessages, MaxBytes: o.QueueBytes, Policy: queue.Policy(o.Policy)},
	}
	if len(o.Topics) > 0 {
		l.filter = make(map[string]struct{}, len(o.Topics))
		for _, topic := range o.Topics {
			l.filter[topic] = struct{}{}
		}
	}
	l.reader.parts = wire.NewReassembler(res.limits(), res.conn.ReassemblyBytes, int64(res.conn.ReassemblyAge))
	l.reader.start = time.Now()
	if o.Unread {
		close(l.stopped)
		rx.OnChange(func() { go l.reportNetwork() }) // it must not call the receiver
		if _, err := rx.Joined(); err != nil {
			l.reportNetwork()
		}
		return l, nil
	}
	var running sync.WaitGroup
	running.Add(1)
	go func() { defer running.Done(); l.read() }()
	if o.Queued {
		running.Add(1)
		go func() { defer running.Done(); l.deliverQueued() }()
	}
	go func() { running.Wait(); close(l.stopped) }()
	rx.OnChange(l.reportSoon)
	if _, err := rx.Joined(); err != nil {
		l.reportSoon()
	}
	return l, nil
}

// resolve fills in defaults and checks.
func (o *ListenerOptions) resolve(op string, conn Connection) error {
	if o.network == nil {
		o.network = netio.System
	}
	if o.OnError == nil {
		o.OnError = Complain
	}
	if o.Policy == 0 {
		o.Policy = DropOldest
	}
	if o.Policy < DropOldest || o.Policy > Block {
		return outOfRange(op, conn, "policy", int64(o.Policy), int64(DropOldest), int64(Block))
	}
	if o.QueueMessages == 0 {
		o.QueueMessages = queueMessagesDefault
	}
	if o.QueueMessages < 0 || o.QueueMessages > math.MaxInt32 {
		return outOfRange(op, conn, "queue limit in messages", int64(o.QueueMessages), 1, math.MaxInt32)
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = queueBytesDefault
	}
	if o.QueueBytes < 0 {
		return outOfRange(op, conn, "queue limit in bytes", o.QueueBytes, 1, math.MaxInt64)
	}
	return nil
}

// Connection returns the connection with its defaults filled in.
func (l *Listener) Connection() Connection { return l.res.conn }

// Settings returns what was asked for and what the kernel granted.
func (l *Listener) Settings() Settings {
	s := l.res.settings()
	s.LocalPort = s.Port
	s.InterfaceIndex, _ = l.rx.Joined()
	s.RecvBufferAsked = l.res.conn.RecvBuffer
	s.RecvBuffer = int64(l.rx.RecvBuffer())
	return s
}

// Stats returns the counters. They stay readable after Close.
func (l *Listener) Stats() ListenerStats {
	dropped := l.rx.Dropped()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Queued = uint64(l.ring.Len() + l.inHand)
	s.QueuedBytes = uint64(l.ring.Bytes() + l.taken)
	s.DroppedKernel = dropped
	return s
}

// Close leaves the group, wakes whoever waits with ErrClosed, discards (and counts) what is queued, and waits for a running
// callback; called from a callback of this listener it does not wait. ErrBusy: a callback still runs after a second; the
// listener is closed all the same. Closing again is ErrClosed.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return closedError("close listener on", l.res.conn.String())
	}
	l.closed = true
	for e, ok := l.ring.Take(); ok; e, ok = l.ring.Take() {
		e.Owner.Release()
		l.stats.Discarded++
	}
	subs := l.subs
	l.subs = nil
	var idle []*subscription
	for _, s := range subs {
		s.removed = true
		if !s.running {
			idle = append(idle, s)
		}
	}
	if l.signal != nil {
		l.signal.Set()
	}
	l.mu.Unlock()

	close(l.done)
	err := l.rx.Close()
	if l.opts.Unread {
		l.finishReading()
	}
	for _, s := range idle {
		l.drop(s)
	}
	if l.ownGoroutine() {
		return systemErrorOrNil(err, l)
	}
	timeout := time.NewTimer(closeWaitMs * time.Millisecond)
	defer timeout.Stop()
	select {
	case <-l.stopped:
		return systemErrorOrNil(err, l)
	case <-timeout.C:
		return &OpError{Op: "close listener on", On: l.res.conn.String(), Kind: ErrBusy,
			Detail: "a callback still runs after a second", Remedy: "let callbacks return; the listener is closed all the same"}
	}
}

func systemErrorOrNil(err error, l *Listener) error {
	if err == nil {
		return nil
	}
	return systemError("close listener on", l.res.conn.String(), err)
}

// What OnError is told of, each kind at its own pace.
const (
	reportRejected = iota
	reportPanic
	reportSocket
	reportNetwork
	numReports
)

// report tells OnError, unless it was told of the same kind within the last second.
func (l *Listener) report(kind int, err error) {
	if l.reports[kind].passes() {
		l.tell(err)
	}
}

func (l *Listener) tell(err error) {
	defer func() { _ = recover() }() // whom could it be told
	l.opts.OnError(err)
}
