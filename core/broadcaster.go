package mcl

import (
	"errors"
	"sync/atomic"
	"time"

	"libmcl/core/internal/netio"
)

// BroadcasterOptions are the options of OpenBroadcaster. The zero value is the default.
type BroadcasterOptions struct {
	Topic *string // the default topic; nil: none
	Type  *Type   // publish only messages of this type; nil: anything

	// Verbatim sends packed payloads exactly as given. Otherwise a string of 32 to 255 bytes is written as legacy encoders
	// write it (str16 instead of str8: the same value for every decoder).
	Verbatim bool

	// Coalesce lets messages that fit into a datagram wait for others, up to so long, so that they leave together at a fraction
	// of the cost; up to a second. 0: each leaves before its publish returns. What waits is sent when it is over, when 64
	// messages or 60,000 bytes wait, by Flush, and by Close. An error in sending it is returned by the next call of these, and
	// by the next publish, which then sends nothing.
	Coalesce time.Duration

	// OnDescriptor is told of the socket's descriptor: when it was opened, and before it is closed. It is for a program that must close them in a forked child, and must not call the broadcaster.
	OnDescriptor func(fd int, open bool)

	network netio.Network // nil: the machine's
}

// BroadcasterStats counts what a broadcaster has sent.
type BroadcasterStats struct {
	Messages   uint64 // published whole
	Datagrams  uint64 // handed to the kernel
	Bytes      uint64 // in those datagrams
	SendErrors uint64 // publishes that failed while sending
}

// A RawBroadcaster publishes on a connection. Its methods may be called from any goroutine.
type RawBroadcaster struct {
	res  resolved
	opts BroadcasterOptions

	closed    atomic.Bool
	uses      atomic.Uint64 // of sender, counted before it follows the network
	messages  atomic.Uint64
	datagrams atomic.Uint64
	bytes     atomic.Uint64
	errors    atomic.Uint64

	sender netio.Sender

	nextFragmentSize atomic.Int32 // of what is published from now on

	mu           lock // one message at a time: fragments leave in order. Protects what follows
	fragmentSize int  // bytes of a fragment's payload, and of a datagram that is sent in one piece
	head         []byte
	batch        []netio.Datagram
	late         error // to be returned: messages whose publish has returned could not be sent

	waiting *coalescer // nil: nothing ever waits
}

// NewRawBroadcaster opens a broadcaster. topic is the default topic; none given means that messages have none.
func NewRawBroadcaster(conn Connection, topic ...string) (*RawBroadcaster, error) {
	var o BroadcasterOptions
	if err := o.setTopic(topic); err != nil {
		return nil, err
	}
	return OpenBroadcaster(conn, o)
}

func (o *BroadcasterOptions) setTopic(topic []string) error {
	switch len(topic) {
	case 0:
	case 1:
		o.Topic = &topic[0]
	default:
		return &OpError{Op: "open broadcaster", Kind: ErrInvalid, Detail: "more than one default topic", Remedy: "give one"}
	}
	return nil
}

// OpenBroadcaster opens a broadcaster with options. A zero conn means that of o.Type. A missing route or interface is
// no error here, since it may appear later: each publish reports it until then. The errors are ErrAddress, ErrInvalid,
// ErrInterface (what can be none, or an index that there is not), ErrDescriptors and ErrSystem.
func OpenBroadcaster(conn Connection, o BroadcasterOptions) (*RawBroadcaster, error) {
	const op = "open broadcaster"
	if o.Type != nil && conn == (Connection{}) {
		conn = o.Type.conn
	}
	res, err := conn.resolve(op)
	if err != nil {
		return nil, err
	}
	if err := startRuntime(op, conn.String()); err != nil {
		return nil, err
	}
	if err := res.checkInterface(op); err != nil {
		return nil, err
	}
	res.group.OnDescriptor = o.OnDescriptor
	if o.Topic != nil {
		topic := *o.Topic
		o.Topic = &topic
	}
	if o.network == nil {
		o.network = netio.System
	}
	if o.Coalesce < 0 || o.Coalesce > coalesceMax {
		return nil, outOfRange(op, conn, "the time to coalesce in µs", o.Coalesce.Microseconds(), 0, coalesceUsMax)
	}
	sender, err := o.network.Dial(res.group)
	if err != nil {
		return nil, openError(op, &res, err)
	}
	b := &RawBroadcaster{res: res, opts: o, sender: sender, mu: newLock()}
	b.nextFragmentSize.Store(fragmentSize)
	if o.Coalesce > 0 {
		if err := b.startCoalescing(); err != nil {
			b.Close()
			return nil, systemError(op, conn.String(), err)
		}
	}
	return b, nil
}

// SetFragmentSize sets how many bytes of a large message a fragment takes, and how many bytes a datagram has at most that takes
// a message whole: 1 to 65000, by default 60000. Smaller ones are for networks that lose packets: a datagram larger than the
// network's packets is lost with any of them. It holds for what is published from then on. A message that makes more than 131,072
// fragments is ErrTooLarge. The errors are ErrInvalid and ErrClosed.
func (b *RawBroadcaster) SetFragmentSize(size int) error {
	const op = "set the fragment size of the broadcaster on"
	switch {
	case b.closed.Load():
		return closedError(op, b.res.conn.String())
	case size < 1 || size > fragmentSizeMax:
		return outOfRange(op, b.res.conn, "the fragment size", int64(size), 1, fragmentSizeMax)
	}
	b.nextFragmentSize.Store(int32(size))
	return nil
}

// Stats returns the counters since the broadcaster was opened.
func (b *RawBroadcaster) Stats() BroadcasterStats {
	return BroadcasterStats{Messages: b.messages.Load(), Datagrams: b.datagrams.Load(), Bytes: b.bytes.Load(),
		SendErrors: b.errors.Load()}
}

// Connection returns the connection with its defaults filled in.
func (b *RawBroadcaster) Connection() Connection { return b.res.conn }

// Settings returns what was asked for and what the kernel granted.
func (b *RawBroadcaster) Settings() Settings {
	s := b.res.settings()
	s.SendBufferAsked = b.res.conn.SendBuffer
	s.SendBuffer = int64(b.sender.SendBuffer())
	s.LocalPort = b.sender.LocalPort()
	s.InterfaceIndex = b.sender.Interface()
	return s
}

// Socket returns the descriptor of the socket by which messages leave, connected to the group once one has been published. It is
// for a program that sends those that fit into a datagram without this package, at the price of a system call; they are not in
// Stats. It belongs to the broadcaster. -1: there is none, or its
// messages must pass through here, since they are of a type or wait to be coalesced.
func (b *RawBroadcaster) Socket() int {
	if b.opts.Type != nil || b.waiting != nil {
		return -1
	}
	return b.sender.Descriptor()
}

// SocketUses is how often a publish has turned to Socket, which is then connected anew where the network has changed. When it is
// greater after a publish that succeeded than before, Socket is connected as the network was before, or as it is since.
func (b *RawBroadcaster) SocketUses() uint64 {
	return b.uses.Load()
}

// Close closes the sockets; a publish that waits for room in a socket's buffer returns ErrClosed. What waits to be coalesced
// is sent before. Closing again is ErrClosed.
func (b *RawBroadcaster) Close() error {
	const op = "close broadcaster on"
	locked := b.lockToClose()
	var err error
	if locked && !b.closed.Load() {
		err = errors.Join(b.takeFailure(), b.sendAtClose())
	}
	closed := b.closed.Swap(true)
	if locked {
		b.mu.Unlock()
	}
	if closed {
		return closedError(op, b.res.conn.String())
	}
	if b.waiting != nil {
		b.waiting.waiter.Wake() // its goroutine ends
	}
	return errors.Join(err, b.sender.Close())
}

func (b *RawBroadcaster) tell(descriptors []int, open bool) {
	for _, fd := range descriptors {
		if b.opts.OnDescriptor != nil && fd >= 0 {
			b.opts.OnDescriptor(fd, open)
		}
	}
}

// A MessageBroadcaster publishes messages of one type. Its methods may be called from any goroutine.
type MessageBroadcaster struct{ raw *RawBroadcaster }

// NewMessageBroadcaster opens a broadcaster for the messages of t, on t's connection. topic is as for NewRawBroadcaster.
func NewMessageBroadcaster(t *Type, topic ...string) (*MessageBroadcaster, error) {
	if t == nil {
		return nil, noType("open broadcaster")
	}
	o := BroadcasterOptions{Type: t}
	if err := o.setTopic(topic); err != nil {
		return nil, err
	}
	raw, err := OpenBroadcaster(t.conn, o)
	if err != nil {
		return nil, err
	}
	return &MessageBroadcaster{raw}, nil
}

// Publish sends a message with the default topic: a *Message of the type, or a struct or map that Type.From takes. The
// errors are those of both.
func (b *MessageBroadcaster) Publish(v any) error { return b.PublishTopic(nil, v) }

// PublishTopic is Publish with a topic; nil means the default.
func (b *MessageBroadcaster) PublishTopic(topic *string, v any) error {
	m, err := b.raw.opts.Type.From(v)
	if err != nil {
		return err
	}
	return b.raw.PublishMessage(topic, m)
}

// Raw returns the broadcaster underneath, for Stats, Settings and packed messages.
func (b *MessageBroadcaster) Raw() *RawBroadcaster { return b.raw }

// Stats returns the counters since the broadcaster was opened.
func (b *MessageBroadcaster) Stats() BroadcasterStats { return b.raw.Stats() }

// Close closes the socket, as RawBroadcaster.Close does.
func (b *MessageBroadcaster) Close() error { return b.raw.Close() }
