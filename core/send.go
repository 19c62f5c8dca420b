package mcl

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/wire"
)

// batchMax is how many messages are handed to a socket at once.
const batchMax = 1024

// send hands messages to the kernel, in order, or none when one of them can never be sent. It returns how many left whole.
func (b *RawBroadcaster) send(items []Item) (sent int, err error) {
	const op = "publish on"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, closedError(op, b.res.conn.String())
	}
	for i := range items {
		if err := b.fits(&items[i]); err != nil {
			return 0, which(err, i, len(items))
		}
	}
	if b.waiting != nil {
		return b.coalesce(items)
	}
	for sent < len(items) {
		n, err := b.sendSome(items[sent:])
		sent += n
		if err != nil {
			return sent, which(b.failed(op, err), sent, len(items))
		}
	}
	return sent, nil
}

// fits tells whether a message can be sent at all, from what is known before.
func (b *RawBroadcaster) fits(m *Item) error {
	const op = "publish on"
	if limit := b.res.conn.MessageMax; int64(len(m.Payload)) > limit {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the payload has %d bytes, the limit is %d", len(m.Payload), limit),
			Remedy: "raise MessageMax (message_max) here and at the receivers, or split the message"}
	}
	topic := b.topicOf(m)
	packets := b.packets(topic, m.Payload)
	if packets > fragmentsMax {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the payload of %d bytes makes %d fragments of %d bytes; receivers take up to %d",
				len(m.Payload), packets, b.fragmentSize, fragmentsMax),
			Remedy: "set a larger fragment size"}
	}
	if packets > 0 && !wire.TopicFits(topic, b.fragmentSize) {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("a topic of %d bytes does not fit beside a fragment of a large message", len(*topic)),
			Remedy: "use a shorter topic"}
	}
	return nil
}

// packets returns how many fragments a message travels in; 0: it goes whole.
func (b *RawBroadcaster) packets(topic *string, payload []byte) uint32 {
	return wire.Packets(wire.SingleSize(topic), len(payload), b.fragmentSize)
}

func (b *RawBroadcaster) topicOf(m *Item) *string {
	if m.Topic == nil {
		return b.opts.Topic
	}
	return m.Topic
}

// sendSome sends the next message or messages: a large one, or those before the next large one. mu is held.
func (b *RawBroadcaster) sendSome(items []Item) (sent int, err error) {
	b.head, b.batch = b.head[:0], b.batch[:0]
	for i := range items[:min(len(items), batchMax)] {
		m := &items[i]
		topic := b.topicOf(m)
		if packets := b.packets(topic, m.Payload); packets > 0 {
			if i > 0 {
				break
			}
			b.fragment(topic, m.Payload, packets)
			datagrams, err := b.sendPaced()
			b.count(datagrams)
			if err != nil {
				return 0, err
			}
			b.messages.Add(1)
			return 1, nil
		}
		start := len(b.head)
		b.head = wire.AppendSingle(b.head, topic)
		// An append may move the headers before; those stay valid where they were.
		b.batch = append(b.batch, netio.Datagram{Head: b.head[start:], Body: m.Payload})
	}
	return b.sendBatch()
}

// sendBatch sends the batch, whose datagrams are a message each. mu is held.
func (b *RawBroadcaster) sendBatch() (sent int, err error) {
	b.uses.Add(1)
	b.sender.Follow()
	sent, err = b.sender.Send(b.batch)
	b.count(sent)
	b.messages.Add(uint64(sent))
	return sent, err
}

// count counts the first datagrams of the batch, which have left, and forgets the caller's memory.
func (b *RawBroadcaster) count(sent int) {
	size := 0
	for i := range b.batch[:sent] {
		size += len(b.batch[i].Head) + len(b.batch[i].Body)
	}
	clear(b.batch)
	b.datagrams.Add(uint64(sent))
	b.bytes.Add(uint64(size))
}

// failed counts a failure and translates it.
func (b *RawBroadcaster) failed(op string, err error) error {
	if errors.Is(err, net.ErrClosed) {
		return closedError(op, b.res.conn.String())
	}
	b.errors.Add(1)
	return networkError(op, &b.res, err)
}

// which says of which of several messages an error tells.
func which(err error, index, count int) error {
	var op *OpError
	if count == 1 || !errors.As(err, &op) {
		return err
	}
	about := *op
	about.Detail = fmt.Sprintf("message %d of %d: %s", index+1, count, cmp.Or(op.Detail, op.Kind.Error()))
	return &about
}

// fragment fills the batch with slices of payload behind their headers: the payload itself is not copied.
func (b *RawBroadcaster) fragment(topic *string, payload []byte, packets uint32) {
	b.head = b.head[:0]
	number := b.nextNumber(packets)
	for packet := range packets {
		part := payload[int(packet)*b.fragmentSize:]
		part = part[:min(len(part), b.fragmentSize)]
		start := len(b.head)
		b.head = wire.AppendNumberedFragment(b.head, topic, packet+1, packets, len(part), number)
		// An append may move the headers before; those stay valid where they were.
		b.batch = append(b.batch, netio.Datagram{Head: b.head[start:], Body: part})
	}
}

// largeSent counts the large messages of each source port of this process, since a port may go from a broadcaster that was closed
// to the next one. They begin anywhere: a process that was started again continues none of the one before.
var (
	largeSent  [1 << 16]atomic.Uint32
	numberBase = rand.Uint32N(1 << 16)
)

// nextNumber returns the number of the next message of so many packets. mu is held.
func (b *RawBroadcaster) nextNumber(packets uint32) int {
	n := numberBase + largeSent[uint16(b.sender.LocalPort())].Add(1)
	return 1 + int(n%uint32(wire.Numbers(packets)))
}

// A message of many fragments goes out in bursts with pauses between them. A kernel hands datagrams over loopback and fast
// links much quicker than a receiver can read them, and tells the sender nothing: of 64 MiB sent at once, four fifths were
// dropped at a receiver's buffer of 4 MiB, and with one fragment all is lost. A burst fills about a third of that buffer;
// in the pause a receiver whose memory is cold can empty it. Messages up to 2 MB are not slowed.
const (
	burst      = 32                                 // fragments of the usual size
	burstBytes = burst * (fragmentSize + burstCost) // in the kernel's memory, which is larger for each by some
	burstCost  = 768
	burstPause = 2 * time.Millisecond
)

func (b *RawBroadcaster) sendPaced() (sent int, err error) {
	b.uses.Add(1)
	b.sender.Follow()
	count := burstBytes / (b.fragmentSize + burstCost)
	for {
		n, err := b.sender.Send(b.batch[sent:min(sent+count, len(b.batch))])
		if sent += n; err != nil || sent == len(b.batch) {
			return sent, err
		}
		time.Sleep(burstPause)
	}
}
