package mcl

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/logfile"
)

const opReadLog = "read log"

// A LogReader reads a log, or all logs of a directory, in memory that does not grow with them. Its methods may be called
// from any goroutine, one after the other; since an entry is lent until the next one is read, several goroutines need a
// lock of their own around Next and what they do with the entry.
type LogReader struct {
	op   string
	path string

	mu      sync.Mutex
	closed  bool
	sources []*logSource // by name
	coming  logQueue     // those that have something to give; nil until one is asked for
	lent    *logSource   // whose entry was given last
	entry   LogEntry
}

// OpenLog opens a log for reading. path is a file of any name; or the prefix of a log, whether it is PREFIX.log, or else
// PREFIX.tmp (one that is written now, or was not closed), or else split in PREFIX_000.log and so on. A file whose last entry
// was cut short gives all entries before it; see Torn. A later file of a split log can be opened alone; it has no header.
//
// The errors are ErrInvalid (the options), ErrFormat (it begins with neither a header nor an entry, or is of another version; a
// file of a split log is missing), ErrDescriptors, and ErrSystem for all else that the system says: there is no such file, it
// is a folder, it must not be read.
func OpenLog(path string, o LogReadOptions) (*LogReader, error) {
	const op = "open log"
	low, high, err := o.window(op, path)
	if err != nil {
		return nil, err
	}
	if err := startRuntime(op, path); err != nil {
		return nil, err
	}
	files, err := findLog(op, path)
	if err != nil {
		return nil, err
	}
	s := &logSource{op: op, files: files, tell: o.OnDescriptor, reader: logfile.NewReader()}
	s.reader.Min, s.reader.Max = low, high
	err = s.begin()
	if err == nil && s.header == nil {
		if bad := s.reader.CheckFirst(); bad != nil {
			err = s.translate(op, bad)
		}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return &LogReader{op: op, path: path, sources: []*logSource{s}}, nil
}

// Next gives the next entry within the window; at the end the error is io.EOF. The entry is lent until the next call of
// Next, Reset or Close. A line that is no entry is ErrFormat, and told once all entries before it were given; the next call
// goes on with the line after it. The other errors are ErrClosed and ErrSystem; a file that cannot be read ends there.
func (r *LogReader) Next() (*LogEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, closedError(opReadLog, r.path)
	}
	r.lent = nil
	s := r.first()
	if s == nil {
		return nil, io.EOF
	}
	s.looked = false
	if s.err != nil {
		return nil, s.err
	}
	r.lent = s
	r.entry = LogEntry{Elapsed: time.Duration(s.head.Elapsed), Topic: s.head.Topic, Payload: s.head.Payload, Type: s.typeName,
		File: s.current, Line: s.head.Line}
	return &r.entry, nil
}

// first is the source whose turn it is; nil at the end. What it looks at may be taken once, by looked = false.
func (r *LogReader) first() *logSource {
	if r.coming == nil {
		r.coming = make(logQueue, 0, len(r.sources))
		for _, s := range r.sources {
			if s.look(false); s.err != io.EOF {
				r.coming = append(r.coming, s)
			}
		}
		heap.Init(&r.coming)
	} else if len(r.coming) > 0 && !r.coming[0].looked {
		s := r.coming[0]
		if s.look(s == r.lent); s.err == io.EOF {
			heap.Pop(&r.coming)
		} else {
			heap.Fix(&r.coming, 0)
		}
	}
	if len(r.coming) == 0 {
		return nil
	}
	return r.coming[0]
}

// A logQueue is a heap of sources: errors come first, then the earliest entry, of several the one whose log's name is first.
type logQueue []*logSource

func (q logQueue) Len() int      { return len(q) }
func (q logQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *logQueue) Push(s any)   { *q = append(*q, s.(*logSource)) }

func (q logQueue) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case a.err != nil || b.err != nil:
		return a.err != nil && (b.err == nil || a.place < b.place)
	case a.head.Elapsed != b.head.Elapsed:
		return a.head.Elapsed < b.head.Elapsed
	}
	return a.place < b.place
}

func (q *logQueue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	*q = (*q)[:last]
	return s
}

// Pending tells whether Next has something to give that is not the end: an entry within the window, or an error. It may
// have to read ahead. False when the reader is closed.
func (r *LogReader) Pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.closed && r.first() != nil
}

// Reset goes back to the beginning. The errors are ErrClosed, and those of OpenLog when a file cannot be opened again.
func (r *LogReader) Reset() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return closedError("reset log", r.path)
	}
	r.lent, r.coming = nil, nil
	for _, s := range r.sources {
		if err := s.begin(); err != nil {
			s.looked, s.err = true, io.EOF
			return err
		}
	}
	return nil
}

// Header returns the header of the log. It is nil where there is none, as in a later file of a split log, and for a
// directory.
func (r *LogReader) Header() *LogHeader {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.op == opOpenDirectory || r.sources[0].header == nil {
		return nil
	}
	h := *r.sources[0].header
	return &h
}

// Headers returns the headers of all logs that are read, by the names of their files.
func (r *LogReader) Headers() []LogHeader {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []LogHeader
	for _, s := range r.sources {
		if s.header != nil {
			all = append(all, *s.header)
		}
	}
	return all
}

// HeaderAt is Headers()[index]; false when there are not so many.
func (r *LogReader) HeaderAt(index int) (LogHeader, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if index < 0 || index >= len(r.sources) || r.sources[index].header == nil { // only a log that is read alone has none
		return LogHeader{}, false
	}
	return *r.sources[index].header, true
}

// Torn is how many entries were left out so far, since the last Reset, because they were cut short at the end of a file:
// that is what a program leaves that was killed while it wrote.
func (r *LogReader) Torn() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := uint64(0)
	for _, s := range r.sources {
		n += s.torn
	}
	return n
}

// Close closes the files. Closing again is ErrClosed.
func (r *LogReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return closedError("close log", r.path)
	}
	r.closed, r.lent = true, nil
	for _, s := range r.sources {
		s.close()
		s.reader, s.head = nil, logfile.Entry{}
	}
	return nil
}

// A logSource is one log: a file, or those of a split log in their order.
type logSource struct {
	op       string
	place    int // among the sources
	files    []string
	next     int // of files
	current  string
	file     *os.File
	reader   *logfile.Reader
	header   *LogHeader
	typeName string
	torn     uint64
	tell     func(fd int, open bool)

	looked bool // head or err is what comes next
	head   logfile.Entry
	err    error
}

// begin goes to the beginning, and reads the header.
func (s *logSource) begin() error {
	s.looked, s.torn = false, 0
	if s.file != nil && len(s.files) == 1 {
		// It may have been renamed meanwhile.
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			e := logFileError(s.op, s.current, err).(*OpError)
			if errors.Is(err, unix.ESPIPE) {
				e.Detail, e.Remedy = "a pipe cannot be read again", "copy it to a file first"
			}
			return e
		}
		s.reader.Reset(s.file)
	} else if err := s.open(0); err != nil {
		return err
	}
	s.next = 1
	h, err := s.reader.Header()
	if err != nil {
		return s.translate(s.op, err)
	}
	if h == nil {
		s.header, s.typeName = nil, ""
		return nil
	}
	s.header = &LogHeader{Text: h.Text, End: h.End, Version: h.Version, Revision: h.Revision, Created: h.Created, Type: h.Type,
		File: s.current}
	s.typeName = h.Type
	return nil
}

func (s *logSource) open(i int) error {
	s.close()
	s.current = s.files[i]
	file, err := openLogFile(s.op, s.current)
	if errors.Is(err, unix.ENOENT) && strings.HasSuffix(s.current, logWriting) { // finished meanwhile
		done := strings.TrimSuffix(s.current, logWriting) + logDone
		if other, failed := openLogFile(s.op, done); failed == nil {
			s.current, file, err = done, other, nil
		}
	}
	if err != nil {
		return err
	}
	s.file = file
	if s.tell != nil {
		s.tell(int(file.Fd()), true)
	}
	s.reader.Reset(file)
	return nil
}

func openLogFile(op, path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, logFileError(op, path, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, folderGiven(op, path)
	}
	return file, nil
}

func folderGiven(op, path string) error {
	return &OpError{Op: op, On: path, Kind: ErrSystem, Err: unix.EISDIR, Detail: "it is a folder",
		Remedy: "give one of its logs, or open it as a directory (OpenLogDirectory, ReadDirectory)"}
}

func (s *logSource) close() {
	if s.file == nil {
		return
	}
	if s.tell != nil {
		s.tell(int(s.file.Fd()), false)
	}
	s.file.Close()
	s.file = nil
}

// look sees to it that head or err is what comes next. With keep, what was given last stays valid.
func (s *logSource) look(keep bool) {
	if s.looked {
		return
	}
	s.looked = true
	for {
		if s.file == nil {
			s.err = io.EOF
		} else if s.err = s.reader.Next(&s.head, keep); s.err == nil {
			return
		}
		if s.err != io.EOF {
			s.err = s.translate(opReadLog, s.err)
			return
		}
		if s.file != nil && s.reader.Torn() {
			s.torn++
		}
		if s.next == len(s.files) {
			if len(s.files) > 1 {
				s.close()
			}
			return
		}
		s.next++
		if s.err = s.follow(s.next - 1); s.err != nil {
			return
		}
	}
}

// follow opens a later file of a split log. It has a header only when files before it were lost while it was written.
func (s *logSource) follow(i int) error {
	if err := s.open(i); err != nil {
		return err
	}
	h, err := s.reader.Header()
	if err == nil && h != nil && (s.header == nil || h.Type != s.header.Type || !h.Created.Equal(s.header.Created)) {
		err = &logfile.FormatError{Line: 1, Detail: "it belongs to another recording than " + s.files[0], Remedy: "open it by its own name"}
	}
	if err != nil {
		err = s.translate(opReadLog, err)
		s.close()
	}
	return err
}

func (s *logSource) translate(op string, err error) error {
	var format *logfile.FormatError
	if errors.As(err, &format) {
		remedy := format.Remedy
		if remedy == "" {
			remedy = "mend or delete the line; reading can go on after it"
		}
		return &OpError{Op: op, On: fmt.Sprintf("%s, line %d", s.current, format.Line), Kind: ErrFormat, Detail: format.Detail,
			Remedy: remedy}
	}
	return logFileError(op, s.current, err)
}
