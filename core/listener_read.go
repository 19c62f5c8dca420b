package mcl

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/netio"
	"libmcl/core/internal/queue"
	"libmcl/core/internal/wire"
)

// reader is the state of whichever goroutine reads the socket, or calls Feed.
type reader struct {
	parts    *wire.Reassembler
	start    time.Time // origin of the reassembler's monotonic clock
	deadline time.Time // of the wake-up that is set; zero when none is
	writer   queue.Writer
	entries  []queue.Entry // messages of the batch at hand
	sources  []*buf.Buf    // what each of them was received into
	received Received      // what callbacks see
}

// read is the reading goroutine: socket → wire → queue or callbacks.
func (l *Listener) read() {
	defer l.finishReading()
	l.readerID.Store(goroutineID())
	if !l.opts.Queued {
		l.deliverer.Store(goroutineID())
	}
	handle := l.handle // one closure, not one a call
	for failures := 0; ; {
		err := l.rx.Receive(&l.reading, handle)
		switch {
		case err == nil:
			failures = 0
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.wake()
		default:
			// Nothing is known that a UDP socket cannot recover from; but do not spin.
			failures++
			l.report(reportSocket, networkError("receive on", &l.res, err))
			select {
			case <-l.done:
				return
			case <-time.After(min(time.Duration(failures)*10*time.Millisecond, time.Second)):
			}
		}
	}
}

func (l *Listener) finishReading() {
	l.reading.Lock()
	defer l.reading.Unlock()
	cleared := l.reader.parts.Clear()
	l.reader.writer.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.add(&cleared)
	l.stats.Assembling, l.stats.AssemblingBytes = 0, 0
}

// handle takes a batch of datagrams, on the reading goroutine. reading is held.
func (l *Listener) handle(packets []netio.Packet) { l.process(packets, l.opts.Queued) }

// process takes a batch of datagrams, and queues the messages or delivers them to callbacks. The counters of the whole batch
// change at once, so that their sums always hold. reading is held.
func (l *Listener) process(packets []netio.Packet, queued bool) {
	r := &l.reader
	var delta ListenerStats
	now := int64(time.Since(r.start))
	r.entries, r.sources = r.entries[:0], r.sources[:0]
	for i := range packets {
		l.parse(&packets[i], &delta, now)
	}
	l.expire(&delta, now, len(packets) == 0)
	fragments, held := r.parts.Pending()
	l.setDeadline()
	// Only now: it may have replaced a deadline that was to tell of a subscription.
	direct := !queued && l.subscribed()
	if direct {
		l.deliverBacklog()
	} else {
		for i := range r.entries {
			r.writer.Own(&r.entries[i], r.sources[i])
		}
	}
	l.mu.Lock()
	l.stats.merge(&delta)
	l.stats.Assembling, l.stats.AssemblingBytes = uint64(fragments), uint64(held)
	l.inHand += len(r.entries)
	l.mu.Unlock()
	if direct {
		l.deliverDirect()
	} else {
		l.enqueue(r.entries)
	}
	clear(r.entries)
	clear(r.sources)
}

// parse turns one datagram into at most one entry of the batch, which still lies in the packet's buffer.
func (l *Listener) parse(p *netio.Packet, delta *ListenerStats, now int64) {
	r := &l.reader
	delta.Datagrams++
	delta.Bytes += uint64(len(p.Data))
	d, cause := wire.Parse(p.Data, l.res.limits())
	if cause != wire.OK {
		delta.Malformed[cause]++
		return
	}
	if l.filter != nil {
		if _, wanted := l.filter[string(d.Topic)]; !wanted || !d.HasTopic {
			delta.Filtered++
			return
		}
	}
	e := queue.Entry{Topic: d.Topic, HasTopic: d.HasTopic, Payload: d.Payload, Time: p.Time, From: p.From,
		Interface: p.Interface, Datagrams: 1}
	if d.Packets > 0 {
		joined := r.parts.Add(p.From, &d, p.Buf, now, wire.Arrival{Time: p.Time, Interface: p.Interface})
		l.joined(&joined, delta)
		for joined.More {
			joined = r.parts.Next()
			l.joined(&joined, delta)
		}
		return
	}
	l.accept(e, p.Buf, delta)
}

// joined takes what came of a fragment, or of time: perhaps a message.
func (l *Listener) joined(j *wire.Result, delta *ListenerStats) {
	delta.add(j)
	if j.Payload != nil {
		l.accept(queue.Entry{Topic: []byte(j.Topic), HasTopic: j.HasTopic, Payload: j.Payload, Time: j.Last.Time, From: j.From,
			Interface: j.Last.Interface, Datagrams: j.Joined, Owner: j.Owner}, nil, delta)
	}
}

// accept adds a whole message to the batch, unless it is not of the type.
func (l *Listener) accept(e queue.Entry, source *buf.Buf, delta *ListenerStats) {
	r := &l.reader
	delta.Joined += uint64(e.Datagrams)
	delta.Messages++
	if l.opts.Type != nil {
		err := l.opts.Type.check(e.Payload)
		// Legacy programs publish message.encode() as raw data, whose listeners make messages of it.
		if packed, _, ok := wire.CutString(e.Payload); ok && l.opts.Type.check(packed) == nil && l.res.limits().HasFew(packed) {
			e.Payload, err = packed, nil
		}
		if err != nil {
			delta.Rejected++
			if e.Owner != nil {
				e.Owner.Release()
			}
			l.report(reportRejected, err)
			return
		}
	}
	r.entries = append(r.entries, e)
	r.sources = append(r.sources, source)
}

// expire evicts what waited too long for its rest, and accepts what was held long enough; idle tells that nothing more has come.
func (l *Listener) expire(delta *ListenerStats, now int64, idle bool) {
	for {
		expired := l.reader.parts.Expire(now, idle)
		if expired.Idle() {
			return
		}
		l.joined(&expired, delta)
	}
}

// setDeadline sets a wake-up for the next expire, if there will be something to do.
func (l *Listener) setDeadline() {
	r := &l.reader
	wait := r.parts.Wait()
	if wait == 0 {
		return
	}
	now := time.Now()
	if at := now.Add(time.Duration(wait) + time.Millisecond); r.deadline.IsZero() || at.Before(r.deadline) {
		r.deadline = at
		l.rx.SetDeadline(at)
		if l.unreported.Load() {
			l.reportSoon() // whose deadline it may have replaced
		}
	}
}

// reportSoon has the reading goroutine report a change of the network, whose watcher must not be held up.
func (l *Listener) reportSoon() {
	l.unreported.Store(true)
	l.rx.SetDeadline(time.Unix(1, 0))
}

// reportNetwork says why nothing is received, unless that is over by now.
func (l *Listener) reportNetwork() {
	if _, err := l.rx.Joined(); err != nil {
		l.report(reportNetwork, fmt.Errorf("%w. Receiving begins by itself when the network allows it", networkError("receive on", &l.res, err)))
	}
}

// wake is what a deadline is for: to expire, to deliver what was queued before a subscription, and to report on the network.
func (l *Listener) wake() {
	if l.unreported.Swap(false) {
		l.reportNetwork()
	}
	l.reading.Lock()
	l.reader.deadline = time.Time{}
	l.rx.SetDeadline(time.Time{})
	if s, ok := l.rx.(netio.Looker); ok {
		s.ReceiveNow(l.handle) // what has come meanwhile; an error shows again when it goes on reading
	}
	l.handle(nil)
	l.reading.Unlock()
	if l.unreported.Load() {
		l.reportSoon() // whose deadline was perhaps the one taken back
	}
}
