package mcl

import (
	"bytes"
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

// send hands messages to the kernel, in order, or none when one of them can never be sent. It returns how many left whole, or
// leave by themselves.
func (b *RawBroadcaster) send(items []Item, w Waiter) (sent int, err error) {
	const op = "publish on"
	if err := b.mu.lockBy(w); err != nil {
		return 0, b.failed(op, err)
	}
	sent, err = b.sendLocked(items, w)
	if !errors.Is(err, errHandedOver) {
		b.mu.Unlock()
	} else if sent == len(items) {
		err = ErrLeaving
	}
	return sent, err
}

// sendLocked is send with mu held. After errHandedOver it is another goroutine's to unlock.
func (b *RawBroadcaster) sendLocked(items []Item, w Waiter) (sent int, err error) {
	const op = "publish on"
	if b.closed.Load() {
		return 0, closedError(op, b.res.conn.String())
	}
	b.fragmentSize = int(b.nextFragmentSize.Load())
	for i := range items {
		if err := b.fits(&items[i]); err != nil {
			return 0, which(err, i, len(items))
		}
	}
	if b.waiting != nil {
		return b.coalesce(items, w)
	}
	for sent < len(items) {
		n, err := b.sendSome(items[sent:], w)
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
	if !b.res.limits().HasFew(m.Payload) {
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the payload has more than %d objects (keys, values, arrays and maps)", b.res.conn.ObjectsMax),
			Remedy: "raise ObjectsMax (objects_max) here and at the receivers, or send numbers as bytes"}
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
func (b *RawBroadcaster) sendSome(items []Item, w Waiter) (sent int, err error) {
	b.head, b.batch = b.head[:0], b.batch[:0]
	for i := range items[:min(len(items), batchMax)] {
		m := &items[i]
		topic := b.topicOf(m)
		if packets := b.packets(topic, m.Payload); packets > 0 {
			if i > 0 {
				break
			}
			return b.sendLarge(topic, m.Payload, packets, w)
		}
		start := len(b.head)
		b.head = wire.AppendSingle(b.head, topic)
		// An append may move the headers before; those stay valid where they were.
		b.batch = append(b.batch, netio.Datagram{Head: b.head[start:], Body: m.Payload})
	}
	return b.sendBatch(w)
}

// sendBatch sends the batch, whose datagrams are a message each. mu is held.
func (b *RawBroadcaster) sendBatch(w Waiter) (sent int, err error) {
	b.uses.Add(1)
	b.sender.Follow()
	sent, err = b.sender.Send(b.batch, w)
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

// failed translates a failure, and counts it if it is one of sending.
func (b *RawBroadcaster) failed(op string, err error) error {
	switch {
	case errors.Is(err, net.ErrClosed):
		return closedError(op, b.res.conn.String())
	case errors.Is(err, netio.ErrGivenUp), errors.Is(err, errHandedOver):
		return &OpError{Op: op, On: b.res.conn.String(), Kind: ErrInterrupted, Err: err,
			Detail: "a signal handler ran, or the time was over, while the socket had no room", Remedy: "publish it again"}
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
	n := largeSent[uint16(b.sender.LocalPort())].Add(1)
	if n == 1 {
		return wire.FirstNumber(packets, numberBase)
	}
	return wire.NextNumber(packets, numberBase+n)
}

// keepNumber leaves the last number to the next message, since nothing that has it has left: who tries again and again would soon
// come round to that of the message before. mu is held.
func (b *RawBroadcaster) keepNumber() { largeSent[uint16(b.sender.LocalPort())].Add(^uint32(0)) }

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

// sendPaced sends the batch from its datagram `sent` on.
func (b *RawBroadcaster) sendPaced(sent int, w Waiter) (int, error) {
	count := burstBytes / (b.fragmentSize + burstCost)
	for {
		n, err := b.sender.Send(b.batch[sent:min(sent+count, len(b.batch))], w)
		if sent += n; err != nil || sent == len(b.batch) {
			return sent, err
		}
		if !w.Wait(-1, burstPause) {
			return sent, netio.ErrGivenUp
		}
	}
}

// sendLarge sends a message in fragments. mu is held. When w gives up amid them, the rest leaves by itself: errHandedOver.
func (b *RawBroadcaster) sendLarge(topic *string, payload []byte, packets uint32, w Waiter) (sent int, err error) {
	if w == nil {
		w = netio.Until{}
	}
	b.fragment(topic, payload, packets)
	b.uses.Add(1)
	b.sender.Follow()
	datagrams, err := b.sendPaced(0, w)
	if datagrams > 0 && errors.Is(err, netio.ErrGivenUp) {
		b.handOver(datagrams)
		return 1, errHandedOver
	}
	if datagrams == 0 {
		b.keepNumber()
	}
	return b.sentLarge(datagrams, err)
}

// sentLarge counts a large message, or what has left of it.
func (b *RawBroadcaster) sentLarge(datagrams int, err error) (sent int, _ error) {
	b.count(datagrams)
	if err != nil {
		return 0, err
	}
	b.messages.Add(1)
	return 1, nil
}

// errHandedOver means that the rest of a large message leaves by another goroutine, which holds mu until then.
var errHandedOver = errors.New("handed over")

// handOver has the datagrams from `sent` on leave from a copy.
func (b *RawBroadcaster) handOver(sent int) {
	for i := range b.batch[sent:] {
		d := &b.batch[sent+i]
		d.Body = bytes.Clone(d.Body)
	}
	go func() {
		defer b.mu.Unlock()
		datagrams, err := b.sendPaced(sent, netio.Until{})
		if _, err := b.sentLarge(datagrams, err); err != nil {
			if errors.Is(err, net.ErrClosed) {
				b.errors.Add(1) // of a publish that failed so, its caller knows
			}
			b.late = b.failed("publish on", err)
		}
	}()
}
