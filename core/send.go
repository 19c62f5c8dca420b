package mcl

import (
	"errors"
	"fmt"
	"net"
	"time"

	"libmcl/core/internal/netio"
	"libmcl/core/internal/wire"
)

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
