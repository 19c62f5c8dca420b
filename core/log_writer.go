package mcl

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/logfile"
	"libmcl/core/internal/wire"
)

const (
	logBuffer = 64 << 10    // what is written at a time
	logAge    = time.Second // an entry waits no longer than this, nor is writing tried again sooner when it failed
	logHeld   = 4 << 20     // bytes of entries that are kept while they cannot be written
)

// A LogWriter writes a log: the file PREFIX.log, or PREFIX_000.log, PREFIX_001.log and so on when it is split. While it is
// written a file ends in .tmp. Existing files are never written over: see LogExisting.
//
// What is written is in the system's hands a second later at the latest (at once, where LogOptions.Unbuffered is set), so that
// a program that crashes loses no more; and on the disk when its file is closed, not before.
//
// When writing fails, as on a full disk, the file keeps the whole entries that it has, and further ones wait in memory, up
// to 4 MiB; what comes on top is dropped and counted. It is tried again once a second, and goes on where it was. When the
// file was removed, with its folder or without, a new one is begun as soon as the folder is there again: it has a header,
// and in a split log the next number.
//
// Its methods may be called from any goroutine.
type LogWriter struct {
	prefix string
	opts   LogOptions
	age    time.Duration // logAge, but in tests

	// Both are called with no lock held, and set before the first entry.
	onError func(error) // told of each failure; nil: nobody is told
	onMoved func(error) // told of an old log that got another name

	// mu is held for moments only, never over a call that could wait for a disk: Stats never waits for one that is stuck, and
	// an entry only when the buffer before it is full.
	mu        sync.Mutex
	stats     LogWriterStats
	closed    bool
	failing   bool
	retry     time.Time
	timer     *time.Timer
	armed     bool
	hasOrigin bool
	origin    int64   // microseconds since the epoch
	buf       []byte  // entries that come next, each with its one line feed
	held      int     // bytes in buf and out
	marks     []int64 // where in the stream of entries' bytes the next files begin
	stream    int64   // length of that stream
	entries   int     // in the file that the next entry goes to, unless that begins another
	first     int64   // the time of its first

	// disk is held while files are touched; it comes before mu.
	disk     sync.Mutex
	out      []byte // what is written now, from done on
	done     int
	at       int64 // where out[done] is in the stream
	file     *os.File
	fd       int
	path     string // of file, or of the next
	stat     unix.Stat_t
	header   []byte // what is still to be written of it
	number   int
	begun    bool  // a file was begun already
	appends  bool  // the next file is there, complete, and gone on with
	owns     bool  // the names are this log's: nothing more is moved
	moved    error // that an old log got another name, until it is told
	failures []error
	inner    error // of the first file before the last that may not be on the disk, or has not got its name
}

// LogWriterStats counts what a LogWriter did. Each entry that was given to it is in one of Entries, Buffered and Dropped, at
// every moment.
type LogWriterStats struct {
	Entries  uint64 // written whole to files, those included that somebody removed since
	Buffered uint64 // in no file yet
	Dropped  uint64 // lost because they could not be written
	Errors   uint64 // failures to write, begin, sync or rename a file
	Files    uint64 // begun
	Bytes    uint64 // written to files, headers included
	Err      error  // why writing fails now; nil when it does not
}

// CreateLog prepares a log. Its prefix is a path without .log or .tmp; the folder must exist. The file is created at the
// first entry, so that a log without entries leaves none.
//
// The errors are ErrInvalid (the prefix or an option), ErrExists (there is a log of this prefix; see LogExisting), ErrType and
// ErrFormat (of LogContinue), and ErrSystem for all that the system says, such as a folder that does not exist or may not be
// written to.
func CreateLog(prefix string, o LogOptions) (*LogWriter, error) {
	const op = "create log"
	invalid := func(detail, remedy string) error {
		return &OpError{Op: op, On: prefix, Kind: ErrInvalid, Detail: detail, Remedy: remedy}
	}
	name := filepath.Base(prefix)
	switch {
	case prefix == "" || os.IsPathSeparator(prefix[len(prefix)-1]) || name == "." || name == "..":
		return nil, invalid("the prefix has no name for the file", "give a path such as FOLDER/NAME")
	case strings.ContainsRune(prefix, 0):
		return nil, invalid("the prefix contains NUL", "choose another")
	case strings.HasSuffix(name, logDone) || strings.HasSuffix(name, logWriting):
		return nil, invalid("the prefix ends in "+name[len(name)-4:], "leave that out: it is added")
	case o.MaxEntries < 0:
		return nil, invalid(fmt.Sprintf("MaxEntries (max_entries) is %d", o.MaxEntries), "give 0 (never) or more")
	case o.MaxTime < 0:
		return nil, invalid(fmt.Sprintf("MaxTime (max_time) is %v", o.MaxTime), "give 0 (never) or more")
	case o.Existing < LogRefuse || o.Existing > LogContinue:
		return nil, invalid(fmt.Sprintf("Existing (existing) is %d", o.Existing), "give one of LogRefuse, LogMove and LogContinue (MCL_LOG_...)")
	}
	if problem, remedy := logfile.CheckHeader(o.Revision, o.Type); problem != "" {
		return nil, invalid(problem, remedy)
	}
	path, err := filepath.Abs(prefix)
	if err != nil {
		return nil, logFileError(op, prefix, err)
	}
	w := &LogWriter{prefix: path, opts: o, age: logAge, onMoved: Complain}
	if !o.Origin.IsZero() {
		ns, err := momentOf(op, prefix, o.Origin)
		if err != nil {
			return nil, err
		}
		w.origin, w.hasOrigin = microsOf(ns), true
	}
	if err := startRuntime(op, prefix); err != nil {
		return nil, err
	}
	if err := w.checkPlace(op); err != nil {
		return nil, err
	}
	w.path = w.nextPath()
	w.timer = time.AfterFunc(time.Hour, w.tick)
	w.timer.Stop()
	return w, nil
}

func (w *LogWriter) isSplit() bool { return w.opts.MaxEntries > 0 || w.opts.MaxTime > 0 }

// folderError is the error that the folder of a path is not there.
func folderError(op, path string, err error) error {
	translated := logFileError(op, path, err)
	var e *OpError
	if errors.Is(err, unix.ENOENT) && errors.As(translated, &e) {
		e.Detail = "the folder does not exist"
		e.Remedy = "make it: `mkdir -p " + filepath.Dir(path) + "`"
	}
	return translated
}

// Write adds an entry: a topic (empty: none), a payload that is exactly one msgpack object, and the time at which it was
// received. It keeps neither. Entries stand in the log in the order of the calls, whatever their times.
//
// The errors are ErrClosed, ErrFormat, ErrInvalid (a time outside of the years 1678 to 2261), ErrTooLarge (a topic of more
// than 64 KiB, a payload of more than 1 GiB), and what keeps the log from being written when the entry was dropped for that.
// An entry that waits in memory is no error: Flush, Stats and Close tell.
func (w *LogWriter) Write(topic string, packed []byte, received time.Time) error {
	const op = "write log"
	if _, cause := wire.ScanOne(packed); cause != wire.OK {
		return formatError(op, w.prefix, cause)
	}
	ns, err := momentOf(op, w.prefix, received)
	if err != nil {
		return err
	}
	switch {
	case len(topic) > logfile.TopicMax:
		return &OpError{Op: op, On: w.prefix, Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the topic has %d bytes, the limit is %d", len(topic), logfile.TopicMax), Remedy: "use a shorter topic"}
	case len(packed) > messageMaxLimit:
		return &OpError{Op: op, On: w.prefix, Kind: ErrTooLarge,
			Detail: fmt.Sprintf("the payload has %d bytes, the limit is %d", len(packed), messageMaxLimit), Remedy: "split the message"}
	}
	dropped, err := addEntry(w, topic, packed, ns)
	if dropped && err == nil {
		err = w.droppedError()
	}
	return err
}

// write is Write for what a listener received. Each call adds one to the sum of Entries, Buffered and Dropped. Its error is
// ErrClosed; failures to write go to onError and Stats.
func (w *LogWriter) write(topic, packed []byte, ns int64) error {
	_, err := addEntry(w, topic, packed, ns)
	return err
}

func (w *LogWriter) droppedError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &OpError{Op: "write log", On: w.prefix, Kind: ErrSystem, Detail: "the entry was dropped, since the log cannot be written"}
	var cause *OpError
	if errors.As(w.stats.Err, &cause) {
		e.On, e.Kind, e.Err, e.Remedy = cause.On, cause.Kind, cause.Err, cause.Remedy
		e.Detail += ": " + cause.Detail
	}
	return e
}

// addEntry is a function since methods cannot have type parameters.
func addEntry[T string | []byte](w *LogWriter, topic T, packed []byte, ns int64) (dropped bool, err error) {
	w.mu.Lock()
	if w.closed {
		w.stats.Dropped++
		w.mu.Unlock()
		return true, closedError("write log", w.prefix)
	}
	if w.failing && w.held > 0 && w.held+2*len(packed)+len(topic)+32 > logHeld {
		w.stats.Dropped++
		w.mu.Unlock()
		return true, nil
	}
	micros := microsOf(ns)
	if !w.hasOrigin {
		w.origin, w.hasOrigin = micros, true
	}
	begins := w.entries == 0
	if w.entries > 0 && (w.opts.MaxEntries > 0 && w.entries >= w.opts.MaxEntries ||
		w.opts.MaxTime > 0 && apart(ns, w.first) >= uint64(w.opts.MaxTime)) {
		w.marks = append(w.marks, w.stream)
		w.entries = 0
		begins = true
	}
	if begins {
		w.first = ns
	}
	w.entries++
	before := len(w.buf)
	w.buf = logfile.AppendEntry(w.buf, micros-w.origin, topic, packed)
	size := len(w.buf) - before
	w.held += size
	w.stream += int64(size)
	w.stats.Buffered++
	due := begins || len(w.buf) >= logBuffer || w.opts.Unbuffered
	if !due {
		w.arm()
	}
	w.mu.Unlock()
	if due {
		w.flush(false)
	}
	return false, nil
}

// apart is how far two times are from one another, either way: a clock that was set back must not make a file endless.
func apart(a, b int64) uint64 { return uint64(max(a, b)) - uint64(min(a, b)) }

// arm makes the timer go off. It is called with mu held.
func (w *LogWriter) arm() {
	if !w.armed && !w.closed {
		w.armed = true
		w.timer.Reset(w.age)
	}
}

func (w *LogWriter) tick() {
	w.mu.Lock()
	w.armed = false
	w.mu.Unlock()
	w.flush(false)
}

// Flush hands everything to the system, so that other programs can read it. It is tried at once, also when it failed a
// moment ago. The errors are ErrClosed and those of the system; what could not be written waits.
func (w *LogWriter) Flush() error {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return closedError("flush log", w.prefix)
	}
	return w.flush(true)
}

// flush writes what is buffered, and tells of failures; without now, not sooner than a second after it failed.
func (w *LogWriter) flush(now bool) error {
	w.mu.Lock()
	wait := !now && w.failing && time.Now().Before(w.retry)
	if wait {
		w.arm()
	}
	closed := w.closed // then Close writes the rest
	w.mu.Unlock()
	if wait || closed {
		return nil
	}
	w.disk.Lock()
	err := w.drain()
	w.unlockAndTell()
	return err
}

// unlockAndTell ends what was done with the disk, and tells what happened.
func (w *LogWriter) unlockAndTell() {
	failures, moved := w.failures, w.moved
	w.failures, w.moved = nil, nil
	w.disk.Unlock()
	if w.onError != nil {
		for _, err := range failures {
			w.onError(err)
		}
	}
	if moved != nil {
		w.onMoved(moved)
	}
}

// Stats returns the counters.
func (w *LogWriter) Stats() LogWriterStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Close writes what is buffered, brings the file to the disk and renames it to .log. Entries that cannot be written are
// counted as dropped; the error tells how many, and why. When the name is taken, the file stays as .tmp: ErrExists. Where
// nothing fails now, but an earlier file of a split log could not be brought to the disk or renamed, the error is that of the
// first such. Closing again is ErrClosed.
func (w *LogWriter) Close() error {
	const op = "close log"
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return closedError(op, w.prefix)
	}
	w.closed = true
	w.timer.Stop()
	w.mu.Unlock()

	w.disk.Lock()
	err := w.drain()
	w.mu.Lock()
	lost := w.stats.Buffered
	w.stats.Dropped += lost
	w.stats.Buffered = 0
	w.buf, w.held, w.marks = nil, 0, nil
	w.mu.Unlock()
	w.out, w.done = nil, 0
	var cause *OpError
	if lost > 0 && errors.As(err, &cause) {
		e := *cause
		e.Op = op
		e.Detail = fmt.Sprintf("entries that could not be written: %d: %s", lost, cause.Detail)
		err = &e
	}
	if failed := w.finish(); err == nil {
		err = cmp.Or(failed, w.inner)
	}
	w.unlockAndTell()
	return err
}
