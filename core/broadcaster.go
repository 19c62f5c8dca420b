package mcl

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/wire"
)

// BroadcasterOptions are the options of OpenBroadcaster. The zero value is the default.
type BroadcasterOptions struct {
	Topic *string // the default topic; nil: none
	Type  *Type   // publish only messages of this type; nil: anything

	// Verbatim sends packed payloads exactly as given. Otherwise a string of 32 to 255 bytes is written as legacy encoders
	// write it (str16 instead of str8: the same value for every decoder).
	Verbatim bool

	// OnDescriptor is told of each socket's descriptor: when it was opened (the first large messages open some more), and
	// before it is closed. It is for a program that must close them in a forked child, and must not call the broadcaster.
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
	messages  atomic.Uint64
	datagrams atomic.Uint64
	bytes     atomic.Uint64
	errors    atomic.Uint64

	sender netio.Sender

	sockets sync.Mutex     // protects large
	large   []netio.Sender // for messages in fragments, in turn

	mu    sync.Mutex // one message at a time: fragments leave in order. Protects what follows
	head  []byte
	batch []netio.Datagram
	turn  int // of large
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

// OpenBroadcaster opens a broadcaster with options. A zero conn means that of o.Type. A missing route is no error here,
// since it may appear later: each publish reports it. The errors are ErrAddress, ErrInvalid, ErrInterface,
// ErrDescriptors and ErrSystem.
func OpenBroadcaster(conn Connection, o BroadcasterOptions) (*RawBroadcaster, error) {
	const op = "open broadcaster"
	if o.Type != nil && conn == (Connection{}) {
		conn = o.Type.conn
	}
	res, err := conn.resolve(op)
	if err != nil {
		return nil, err
	}
	if err := res.findInterface(op); err != nil {
		return nil, err
	}
	if o.Topic != nil {
		topic := *o.Topic
		o.Topic = &topic
	}
	if o.network == nil {
		o.network = netio.System
	}
	sender, err := o.network.Dial(res.group)
	if err != nil {
		return nil, systemError(op, conn.String(), err)
	}
	b := &RawBroadcaster{res: res, opts: o, sender: sender}
	b.tell(sender, true)
	return b, nil
}

// Publish sends one value with the default topic: anything that msgpack can hold, such as nil, booleans, numbers, strings,
// []byte, slices, maps and structs. It has left for the kernel when Publish returns; Publish waits while the socket's
// buffer is full.
//
// The errors are ErrClosed, ErrType (it cannot be encoded, or the broadcaster is for messages of a type), ErrFormat (nested
// more than 512 deep), ErrTooLarge, ErrRoute, ErrNoBuffers and ErrSystem. A large message may have gone out in part after the last three; receivers drop
// such a part.
func (b *RawBroadcaster) Publish(v any) error { return b.PublishTopic(nil, v) }

// PublishTopic is Publish with a topic; nil means the default.
func (b *RawBroadcaster) PublishTopic(topic *string, v any) error {
	if b.opts.Type != nil {
		m, ok := v.(*Message)
		if !ok {
			return &OpError{Op: "publish on", On: b.res.conn.String(), Kind: ErrType,
				Detail: fmt.Sprintf("a %T is no message of type %s", v, b.opts.Type.name), Remedy: "publish such a message"}
		}
		return b.PublishMessage(topic, m)
	}
	e := getEncoder()
	defer e.put()
	packed, err := e.encode(v)
	if err != nil {
		return err
	}
	return b.send(topic, packed)
}

// PublishPacked publishes a payload that is msgpack already: exactly one object, else the error is ErrFormat. A nil topic
// means the default. It does not keep packed.
func (b *RawBroadcaster) PublishPacked(topic *string, packed []byte) error {
	if b.opts.Type != nil {
		m, err := b.opts.Type.Decode(packed)
		if err != nil {
			return err
		}
		return b.PublishMessage(topic, m)
	}
	str8, cause := wire.ScanOne(packed)
	if cause != wire.OK {
		return formatError("publish on", b.res.conn.String(), cause)
	}
	if str8 && !b.opts.Verbatim {
		e := getEncoder()
		defer e.put()
		e.legacy = wire.AppendLegacy(e.legacy[:0], packed)
		packed = e.legacy
	}
	return b.send(topic, packed)
}

// PublishMessage publishes a message; one of another type than the broadcaster's is ErrType.
func (b *RawBroadcaster) PublishMessage(topic *string, m *Message) error {
	if err := m.notNil("publish"); err != nil {
		return err
	}
	if t := b.opts.Type; t != nil && m.typ != t {
		return &OpError{Op: "publish on", On: b.res.conn.String(), Kind: ErrType,
			Detail: fmt.Sprintf("a message of type %s is none of type %s", m.typ.name, t.name), Remedy: "publish such a message"}
	}
	e := getEncoder()
	defer e.put()
	e.legacy = m.AppendPacked(e.legacy[:0])
	packed := e.legacy
	if str8, _ := wire.ScanOne(packed); str8 && !b.opts.Verbatim {
		packed = wire.AppendLegacy(nil, packed) // a message that came so from elsewhere: rare
	}
	return b.send(topic, packed)
}

// send hands payload to the kernel: as it is, behind a header, or behind one for each of its fragments.
func (b *RawBroadcaster) send(topic *string, payload []byte) error {
	const op = "publish on"
	if topic == nil {
		topic = b.opts.Topic
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return closedError(op, b.res.conn.String())
	}
	if limit := b.res.conn.MessageMax; int64(len(payload)) > limit {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the payload has %d bytes, the limit is %d", len(payload), limit),
			Remedy: "raise MessageMax (message_max) here and at the receivers, or split the message"}
	}
	b.head, b.batch = b.head[:0], b.batch[:0]
	b.head = wire.AppendSingle(b.head, topic)
	packets := wire.Packets(len(b.head), len(payload))
	if packets == 0 {
		b.batch = append(b.batch, netio.Datagram{Head: b.head, Body: payload})
	} else if !wire.TopicFits(topic) {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("a topic of %d bytes does not fit beside a fragment of a large message", len(*topic)),
			Remedy: "use a shorter topic"}
	} else {
		b.fragment(topic, payload, packets)
	}
	sender := b.sender
	if packets > 0 {
		sender = b.senderInTurn()
	}
	sent, err := b.sendPaced(sender)
	b.datagrams.Add(uint64(sent))
	size := 0
	for i := range b.batch {
		if i < sent {
			size += len(b.batch[i].Head) + len(b.batch[i].Body)
		}
		b.batch[i] = netio.Datagram{} // keep none of the caller's memory
	}
	b.bytes.Add(uint64(size))
	switch {
	case err == nil:
		b.messages.Add(1)
		return nil
	case errors.Is(err, net.ErrClosed):
		return closedError(op, b.res.conn.String())
	}
	b.errors.Add(1)
	return systemError(op, b.res.conn.String(), err)
}

// fragment fills the batch with slices of payload behind their headers: the payload itself is not copied.
func (b *RawBroadcaster) fragment(topic *string, payload []byte, packets uint32) {
	b.head = b.head[:0]
	for packet := range packets {
		part := payload[int(packet)*wire.FragmentSize:]
		part = part[:min(len(part), wire.FragmentSize)]
		start := len(b.head)
		b.head = wire.AppendFragment(b.head, topic, packet+1, packets, len(part))
		// An append may move the headers before; those stay valid where they were.
		b.batch = append(b.batch, netio.Datagram{Head: b.head[start:], Body: part})
	}
}

// largeSockets is how many sockets take turns in sending messages that travel in fragments. The wire has no number of the
// message that a fragment belongs to; a receiver goes by the sender's port, among others. So messages that follow each other
// from different ports cannot mix, whatever is lost or overtaken.
const largeSockets = 8

// senderInTurn is called with mu held.
func (b *RawBroadcaster) senderInTurn() netio.Sender {
	b.sockets.Lock()
	defer b.sockets.Unlock()
	if len(b.large) < largeSockets && !b.closed.Load() {
		if s, err := b.opts.network.Dial(b.res.group); err == nil {
			b.large = append(b.large, s)
			b.tell(s, true)
			return s
		}
	}
	if len(b.large) == 0 {
		return b.sender // no descriptor left: one socket must do
	}
	b.turn++
	return b.large[b.turn%len(b.large)]
}

// A message of many fragments goes out in bursts with pauses between them. A kernel hands datagrams over loopback and fast
// links much quicker than a receiver can read them, and tells the sender nothing: of 64 MiB sent at once, four fifths were
// dropped at a receiver's buffer of 4 MiB, and with one fragment all is lost. A burst fills about a third of that buffer;
// in the pause a receiver whose memory is cold can empty it. Messages up to 2 MB are not slowed.
const (
	burst      = 32 // fragments
	burstPause = 2 * time.Millisecond
)

func (b *RawBroadcaster) sendPaced(to netio.Sender) (sent int, err error) {
	for {
		n, err := to.Send(b.batch[sent:min(sent+burst, len(b.batch))])
		if sent += n; err != nil || sent == len(b.batch) {
			return sent, err
		}
		time.Sleep(burstPause)
	}
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
	return s
}

// Close closes the sockets; a publish that waits returns ErrClosed. Closing again is ErrClosed.
func (b *RawBroadcaster) Close() error {
	if b.closed.Swap(true) {
		return closedError("close broadcaster on", b.res.conn.String())
	}
	b.sockets.Lock()
	defer b.sockets.Unlock()
	var err error
	for _, s := range append(b.large, b.sender) {
		b.tell(s, false)
		err = errors.Join(err, s.Close())
	}
	return err
}

func (b *RawBroadcaster) tell(s netio.Sender, open bool) {
	if b.opts.OnDescriptor != nil && s.Descriptor() >= 0 {
		b.opts.OnDescriptor(s.Descriptor(), open)
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
