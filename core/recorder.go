package mcl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// RecordOptions are the options of Record and RecordNetwork. The zero value is the default.
type RecordOptions struct {
	Log      LogOptions      // Type is taken from Listener.Type where it is empty
	Listener ListenerOptions // topics, limits of the queue; Type gives the connection and Log.Type; Queued is of no meaning

	// OnError is told of writing that fails while recording goes on, at most once a second for each log and kind of error, and
	// of what Listener.OnError is told of where that is nil. It runs on the recorder's goroutines, and may close the recorder.
	// The default prints to stderr: that writing fails, once until it works again.
	OnError func(error)
}

// RecorderStats counts what was recorded, as LogWriterStats does: to one log, or summed.
type RecorderStats = LogWriterStats

// recorderPatience is how long Close waits while nothing can be written. A disk may well need some seconds to keep what it
// was given.
const recorderPatience = 30 * time.Second

// A Recorder writes what arrives on connections to logs, each with a goroutine of its own. Between the socket and the log is
// the listener's queue: a disk that is slow, or stands still, loses nothing within the queue's limits; what is beyond them is
// counted in ListenerStats.DroppedQueue. All that arrives is recorded, whether it fits a message type or not: that is for the
// header, and for whoever reads the log. The time of an entry is when the kernel received it. A message without a topic and
// one with an empty topic are recorded alike.
//
// Writing that fails (the disk is full, the folder was removed) is told to OnError and by Stats; recording goes on once it
// works again, as said at LogWriter.
//
// Its methods may be called from any goroutine.
type Recorder struct {
	directory string
	logs      []*recording
	patience  time.Duration

	closed atomic.Bool
}

// A recording is one connection on its way to one log.
type recording struct {
	prefix  string
	l       *Listener
	w       *LogWriter
	onError func(error) // nil: stderr

	failed chan error    // the latest failure, to be told
	last   chan struct{} // closed when nothing more will be queued
	done   chan struct{} // closed when the log is closed
	err    error         // of that; to be read after done
	writer atomic.Uint64 // goroutine that writes

	told      map[Error]time.Time // when each kind was; the writing goroutine's
	toldBytes uint64              // Stats().Bytes then, plus 1
}

// Record records one connection to one log, PREFIX.log, or PREFIX_000.log and so on where o.Log says so. A zero conn means
// that of o.Listener.Type. The errors are those of CreateLog and Listen.
func Record(prefix string, conn Connection, o RecordOptions) (*Recorder, error) {
	c, err := newRecording(prefix, conn, o)
	if err != nil {
		return nil, err
	}
	return startRecorder(filepath.Dir(prefix), c), nil
}

// RecordNetwork records the messages of each type to a log <name>.log in a folder that CreateLogDirectory makes in root. All
// logs have the same time origin: o.Log.Origin, or now. All are opened or none. o.Log.Type and o.Listener.Type are of no
// meaning. The errors are ErrInvalid (no types, one twice, a name that no file can have), those of CreateLogDirectory, CreateLog
// and Listen.
func RecordNetwork(root string, types []*Type, o RecordOptions) (*Recorder, error) {
	if err := checkRecordable(types); err != nil {
		return nil, err
	}
	if o.Log.Origin.IsZero() {
		o.Log.Origin = time.Now()
	}
	directory, err := CreateLogDirectory(root, o.Log.Origin)
	if err != nil {
		return nil, err
	}
	var logs []*recording
	for _, t := range types {
		o.Log.Type, o.Listener.Type = t.name, t
		c, err := newRecording(filepath.Join(directory, t.name), t.conn, o)
		if err != nil {
			for _, c := range logs {
				c.l.Close()
				c.w.Close() // nothing was written: there is no file
			}
			os.Remove(directory)
			return nil, err
		}
		logs = append(logs, c)
	}
	return startRecorder(directory, logs...), nil
}

func checkRecordable(types []*Type) error {
	const op = "record network"
	if len(types) == 0 {
		return &OpError{Op: op, Kind: ErrInvalid, Detail: "no message types", Remedy: "give those to be recorded"}
	}
	for i, t := range types {
		switch {
		case t == nil:
			return noType(op)
		case strings.ContainsRune(t.name, filepath.Separator) || strings.HasPrefix(t.name, "."):
			// Otherwise it would be recorded elsewhere, or hidden from who looks for it.
			return &OpError{Op: op, On: fmt.Sprintf("%q", t.name), Kind: ErrInvalid, Detail: "no log can have this name",
				Remedy: "record it alone, by Record, to a log of another name"}
		case slices.ContainsFunc(types[:i], func(o *Type) bool { return o != nil && o.name == t.name }):
			return &OpError{Op: op, On: fmt.Sprintf("%q", t.name), Kind: ErrInvalid, Detail: "the message type is given twice",
				Remedy: "give it once"}
		}
	}
	return nil
}

// newRecording opens log and listener; run must follow, or both must be closed.
func newRecording(prefix string, conn Connection, o RecordOptions) (*recording, error) {
	if t := o.Listener.Type; t != nil {
		if o.Log.Type == "" {
			o.Log.Type = t.name
		}
		if conn == (Connection{}) {
			conn = t.conn
		}
		o.Listener.Type = nil // what does not fit it is recorded too
	}
	o.Listener.Queued = false // without callbacks both queue alike, and this needs one goroutine less
	if o.Listener.OnError == nil {
		o.Listener.OnError = o.OnError
	}
	w, err := CreateLog(prefix, o.Log)
	if err != nil {
		return nil, err
	}
	l, err := Listen(conn, o.Listener)
	if err != nil {
		w.Close()
		return nil, err
	}
	c := &recording{prefix: prefix, l: l, w: w, onError: o.OnError, failed: make(chan error, 1), last: make(chan struct{}),
		done: make(chan struct{}), told: make(map[Error]time.Time)}
	w.onError = c.fail
	if o.OnError != nil {
		w.onMoved = o.OnError
	}
	return c, nil
}

func startRecorder(directory string, logs ...*recording) *Recorder {
	for _, c := range logs {
		go c.run()
	}
	return &Recorder{directory: directory, logs: logs, patience: recorderPatience}
}

// run is the writing goroutine: queue → log.
func (c *recording) run() {
	defer close(c.done)
	c.writer.Store(goroutineID())
	var hand Hand
	write := func(m *Received) { c.w.write(m.Topic, m.Payload, m.Time) }
	const some = 1 << 12 // then look whether there is anything to tell
	for {
		c.l.drain(&hand, some, write)
		select {
		case <-c.l.ready:
		case err := <-c.failed:
			c.tell(err)
		case <-c.last:
			for n := some; n == some; {
				n = c.l.drain(&hand, some, write)
			}
			c.err = c.w.Close()
			c.l.Close()
			return
		}
	}
}

// fail is what the log calls when it could not write. Being told takes the writing goroutine, so that OnError may do anything.
func (c *recording) fail(err error) {
	select {
	case c.failed <- err:
	default: // one waits already
	}
}

func (c *recording) tell(err error) {
	if c.onError == nil {
		if bytes := c.w.Stats().Bytes + 1; bytes != c.toldBytes { // it worked since, or it never was told
			c.toldBytes = bytes
			Complain(err)
		}
		return
	}
	if kind := CodeOf(err); time.Since(c.told[kind]) >= time.Second {
		c.told[kind] = time.Now()
		defer func() { _ = recover() }() // whom could it be told
		c.onError(err)
	}
}

// finish lets what has arrived be queued and written, and ends the recording.
func (c *recording) finish() {
	for end := time.Now().Add(closeWaitMs * time.Millisecond); c.arriving() && time.Now().Before(end); {
	}
	c.l.rx.Close()
	<-c.l.stopped
	close(c.last)
}

// arriving tells, after a moment, whether the reader has not read all of the socket yet.
func (c *recording) arriving() bool {
	fd := c.l.rx.Descriptor()
	if fd < 0 { // not known: look whether it reads
		before := c.l.Stats().Datagrams
		time.Sleep(10 * time.Millisecond)
		return c.l.Stats().Datagrams != before
	}
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	if n > 0 {
		time.Sleep(time.Millisecond)
	}
	return n > 0
}

// Directory returns the folder that holds the logs.
func (r *Recorder) Directory() string { return r.directory }

// Logs is the number of logs.
func (r *Recorder) Logs() int { return len(r.logs) }

// LogStats returns the counters of one log and of its listener, in the order of the types; -1: those of all, summed. They are
// taken at once, and stay readable after Close. Besides the listener's own sums
//
//	Delivered = Entries + Buffered + Dropped
//
// holds at every moment, exactly. It panics when there is no such log.
func (r *Recorder) LogStats(i int) (RecorderStats, ListenerStats) {
	if i != -1 {
		return r.logs[i].counters()
	}
	var sum RecorderStats
	var received ListenerStats
	for _, c := range r.logs {
		w, l := c.counters()
		sum.Entries += w.Entries
		sum.Buffered += w.Buffered
		sum.Dropped += w.Dropped
		sum.Errors += w.Errors
		sum.Files += w.Files
		sum.Bytes += w.Bytes
		if sum.Err == nil {
			sum.Err = w.Err
		}
		received.addAll(&l)
	}
	return sum, received
}

// counters takes the log's first: what it has written by then the listener has counted, be it as still in hand.
func (c *recording) counters() (RecorderStats, ListenerStats) {
	w := c.w.Stats()
	l := c.l.Stats()
	written := w.Entries + w.Buffered + w.Dropped
	l.Queued += l.Delivered - written
	l.Delivered = written
	return w, l
}

// Stats returns the counters of all logs, summed; Err is of the first that has one.
func (r *Recorder) Stats() RecorderStats {
	s, _ := r.LogStats(-1)
	return s
}

// ListenerStats returns the counters of all listeners, summed.
func (r *Recorder) ListenerStats() ListenerStats {
	_, s := r.LogStats(-1)
	return s
}

// Close records what has arrived by now, writes everything and gives the logs their names. It waits for that, unless it is
// called from OnError. The error says what could not be written, of each log. Closing again is ErrClosed.
//
// When a disk stands still Close gives up after 30 seconds in which nothing could be written: that is ErrBusy, and what is
// still queued is discarded (and counted). What the system has taken by then may yet be written, and the log get its name,
// when the disk works again.
func (r *Recorder) Close() error {
	if r.closed.Swap(true) {
		return closedError("close recorder in", r.directory)
	}
	own := false
	for _, c := range r.logs {
		go c.finish()
		own = own || c.writer.Load() == goroutineID() || c.l.ownGoroutine()
	}
	if own {
		return nil
	}
	var errs []error
	for _, c := range r.logs {
		errs = append(errs, c.close(r.patience))
	}
	return errors.Join(errs...)
}

// close waits for the end of the recording as long as it gets on.
func (c *recording) close(patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for before := (RecorderStats{}); ; {
		select {
		case <-c.done:
			return c.lost()
		case <-timer.C:
		}
		s := c.w.Stats()
		if s.Bytes == before.Bytes && s.Entries+s.Dropped == before.Entries+before.Dropped {
			c.l.Close()
			return &OpError{Op: "close recorder to", On: c.prefix, Kind: ErrBusy, Err: s.Err,
				Detail: fmt.Sprintf("the disk stands still: %d messages are not written, %d discarded", s.Buffered, c.l.Stats().Discarded),
				Remedy: "look at the disk; the last file keeps the ending .tmp unless it works again"}
		}
		before = s
		timer.Reset(patience)
	}
}

// lost says what could not be written, after all.
func (c *recording) lost() error {
	s := c.w.Stats()
	if s.Dropped == 0 {
		return c.err
	}
	e := &OpError{Op: "close recorder to", On: c.prefix, Kind: ErrSystem, Err: c.err,
		Detail: fmt.Sprintf("%d messages of %d could not be written", s.Dropped, s.Dropped+s.Entries),
		Remedy: "see what was told while it recorded: a full disk, as a rule"}
	if c.err != nil {
		e.Kind, e.Remedy = CodeOf(c.err), ""
	}
	return e
}

// addAll adds the counters of another listener.
func (s *ListenerStats) addAll(o *ListenerStats) {
	s.merge(o)
	s.Assembling += o.Assembling
	s.Delivered += o.Delivered
	s.DroppedQueue += o.DroppedQueue
	s.Discarded += o.Discarded
	s.Queued += o.Queued
	s.QueuedBytes += o.QueuedBytes
	s.DroppedKernel += o.DroppedKernel
	s.AssemblingBytes += o.AssemblingBytes
}
