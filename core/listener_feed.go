package mcl

import (
	"time"

	"libmcl/core/internal/netio"
)

// What follows is for a listener whose socket the caller reads (ListenerOptions.Unread): one thread at a time.

// A Packet is one datagram as it was read. Buf is nil: the bytes stay the caller's.
type Packet = netio.Packet

// Fed says what Feed left behind.
type Fed struct {
	Queued int           // messages that wait to be taken
	Wait   time.Duration // Feed must be called again after so long, with nothing; 0: never
	Again  bool          // the next packets must come to Feed, whatever they are: their times may need it
}

// Feed takes datagrams that were read from the socket, in order of arrival, and queues the messages in them, within the
// queue's limits. Time 0 stands for one that the kernel did not tell.
func (l *Listener) Feed(packets []Packet) Fed {
	l.reading.Lock()
	defer l.reading.Unlock()
	fed := Fed{Again: l.rx.(netio.Unread).Stamp(packets)}
	l.process(packets, true)
	fed.Wait = time.Duration(l.reader.parts.Wait())
	l.mu.Lock()
	defer l.mu.Unlock()
	fed.Queued = l.ring.Len()
	return fed
}

// Lend takes the oldest messages out of the queue and out of the counters, as if their datagrams had never been fed: the caller
// counts them, and gives their memory back by GiveBack. It returns how many they are, in how many datagrams they came, and how
// many wait behind them. After Close there are none.
func (l *Listener) Lend(dst []Received) (n, datagrams, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; n < len(dst); n++ {
		e, ok := l.ring.Take()
		if !ok {
			break
		}
		dst[n].set(&e, l.opts.Type)
		dst[n].owner = e.Owner
		datagrams += e.Datagrams
	}
	l.stats.Messages -= uint64(n)
	l.stats.Joined -= uint64(datagrams)
	l.stats.Datagrams -= uint64(datagrams)
	return n, datagrams, l.ring.Len()
}

// GiveBack returns the memory of messages that Lend gave, which must not be touched after it.
func GiveBack(lent []Received) {
	for i := range lent {
		lent[i].release()
	}
}

// Turn returns the descriptor of the socket to be read, after OnDescriptor has told of another, and the one read so far was
// found empty. That one is closed.
func (l *Listener) Turn() int { return l.rx.(netio.Unread).Turn() }

// ReadFailed reports an error in reading the socket.
func (l *Listener) ReadFailed(err error) {
	l.report(reportSocket, networkError("receive on", &l.res, err))
}
