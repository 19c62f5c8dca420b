package logfile

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// A FormatError is a line that is not as it should be.
type FormatError struct {
	Line   int // from 1
	Detail string
	Remedy string // may be empty
}

func (e *FormatError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Detail) }

// Chunk is how much is read at a time by default, while no line is longer.
const Chunk = 64 << 10

const headerMax = 1 << 20

// A Reader reads one log after the other, in memory that follows the longest line. A line that cannot be an entry takes
// none, however long it is.
type Reader struct {
	Min, Max int64 // entries whose times are outside of these are skipped: nothing but their time is looked at
	Chunk    int   // bytes that are read at a time, while no line is longer: it holds twice as many

	src     io.Reader
	err     error // of src; io.EOF
	buf     []byte
	at, end int    // what is read and not used yet: buf[at:end]
	seen    int    // of it, no line feed is in
	spare   []byte // takes turns with buf, so that what was given may be kept
	given   bool   // what was given last lies in buf, and must stay
	line    int    // lines used so far
	torn    bool
	lineMax int64
}

// NewReader returns a reader without bounds and without a log.
func NewReader() *Reader {
	return &Reader{Min: math.MinInt64, Max: math.MaxInt64, Chunk: Chunk, lineMax: LineMax}
}

// Reset begins a log. What Next gave last stays valid.
func (r *Reader) Reset(src io.Reader) {
	r.src, r.err, r.at, r.end, r.seen, r.line, r.torn = src, nil, 0, 0, 0, 0, false
}

// Torn tells, at the end of a log, whether its last entry was cut short and left out.
func (r *Reader) Torn() bool { return r.torn }

// fill reads more into buf, and returns false when there is no more.
func (r *Reader) fill() bool {
	if r.err != nil {
		return false
	}
	rest := r.buf[r.at:r.end]
	size := len(r.buf)
	if len(rest) == size {
		size = max(2*size, r.Chunk)
	}
	switch {
	case r.given && len(r.spare) < size:
		fresh := make([]byte, size)
		copy(fresh, rest)
		r.buf, r.spare = fresh, r.buf
	case r.given:
		copy(r.spare, rest)
		r.buf, r.spare = r.spare, r.buf
	case len(r.buf) < size:
		fresh := make([]byte, size)
		copy(fresh, rest)
		r.buf = fresh
	default:
		copy(r.buf, rest)
	}
	r.given = false
	r.at, r.end = 0, len(rest)
	for range 100 {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// use takes n bytes and the line feed after them, if there is one.
func (r *Reader) use(n int) (line []byte) {
	line = r.buf[r.at : r.at+n]
	r.at = min(r.at+n+1, r.end)
	r.seen = 0
	r.line++
	return line
}

// skip goes to the end of the line, and tells whether it has one.
func (r *Reader) skip() bool {
	for {
		if i := bytes.IndexByte(r.buf[r.at+r.seen:r.end], '\n'); i >= 0 {
			r.use(r.seen + i)
			return true
		}
		r.at, r.seen = r.end, 0
		if !r.fill() {
			r.line++
			return false
		}
	}
}

// Header reads the header with which a log may begin; it returns nil when there is none. It must be called once, before
// Next. The errors are those of the source, and *FormatError.
func (r *Reader) Header() (*Header, error) {
	if r.at == r.end && !r.fill() {
		return nil, r.failure()
	}
	if r.buf[r.at] != '#' {
		return nil, nil
	}
	for size := 0; ; {
		i := bytes.IndexByte(r.buf[r.at+size:r.end], '\n')
		if i < 0 && r.end-r.at < headerMax && r.fill() {
			continue
		}
		if err := r.failure(); err != nil {
			return nil, err
		}
		whole := i >= 0
		if !whole {
			i = r.end - r.at - size
		}
		line := string(bytes.TrimRight(r.buf[r.at+size:r.at+size+i], "\r"))
		r.line++
		switch {
		case size == 0 && !isFrame(line):
			return nil, &FormatError{Line: 1, Detail: "it begins with '#', but not like a log", Remedy: "give a log file"}
		case size > 0 && isFrame(line):
			size = min(size+i+1, r.end-r.at)
			text := string(r.buf[r.at : r.at+size])
			r.at += size
			h, err := parseHeader(text)
			if err != nil {
				return nil, err
			}
			return h, nil
		case !whole || line == "" || line[0] != '#':
			return nil, &FormatError{Line: r.line, Detail: "the header has no end",
				Remedy: "a program was killed when it had just begun the file, or it was edited: mend the header after another log's, or remove the file"}
		}
		size += i + 1
	}
}

// CheckFirst tells, where there is no header, what keeps the first line from being an entry, or from having been one until it
// was cut short; nil also when there is none. It takes nothing.
func (r *Reader) CheckFirst() *FormatError {
	text := func() []byte { return bytes.TrimLeft(r.buf[r.at:r.end], " \t\r\v\f\n") }
	for len(text()) < timeMax && bytes.IndexByte(text(), '\n') < 0 && r.end-r.at < headerMax && r.fill() {
	}
	first := text()
	line, _, whole := bytes.Cut(first, []byte{'\n'})
	_, _, problem := parseHead(line)
	if len(first) == 0 || problem == "" {
		return nil
	}
	if !whole && len(line) < timeMax {
		for _, rest := range []string{"'", "0 '"} {
			if _, _, bad := parseHead([]byte(string(line) + rest)); bad == "" {
				return nil
			}
		}
	}
	before := r.buf[r.at : r.end-len(first)]
	return &FormatError{Line: 1 + bytes.Count(before, []byte{'\n'}), Detail: "it begins with neither a header nor an entry: " + problem,
		Remedy: "give a log file"}
}

// failure is the source's error, other than its end.
func (r *Reader) failure() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// Next gives the next entry, which is valid until the next call; with keep, so is the one given before. At the end of the
// log the error is io.EOF. A *FormatError tells of a line that is no entry; the next call goes on with the line after it.
// Any other error is the source's, and ends the log.
func (r *Reader) Next(e *Entry, keep bool) error {
	r.given = r.given && keep
	for {
		line, whole, problem, err := r.next()
		if err != nil {
			return err
		}
		if problem == "" {
			if whole && len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			var at int
			if e.Elapsed, at, problem = parseHead(line); problem == "" {
				if e.Elapsed < r.Min || e.Elapsed > r.Max {
					continue
				}
				problem = parseRest(line[at:], e)
			}
		}
		switch {
		case problem == "":
			e.Line, r.given = r.line, true
			return nil
		case !whole:
			r.torn = true
			return r.over()
		}
		return &FormatError{Line: r.line, Detail: problem}
	}
}

// over is the error after which there is nothing more.
func (r *Reader) over() error {
	err := r.err
	r.err = io.EOF
	return err
}

// next cuts a line off. What cannot be an entry, or one that is wanted, is not kept in memory; what remains of it is empty.
func (r *Reader) next() (line []byte, whole bool, problem string, err error) {
	checked := false // the beginning
	for {
		if i := bytes.IndexByte(r.buf[r.at+r.seen:r.end], '\n'); i >= 0 {
			return r.use(r.seen + i), true, "", nil
		}
		before := r.seen
		r.seen = r.end - r.at
		text := r.buf[r.at:r.end]
		if !checked && len(text) >= timeMax {
			checked = true
			ns, _, bad := parseHead(text)
			if bad != "" {
				return nil, r.skip(), bad, nil
			}
			if ns < r.Min || ns > r.Max {
				r.skip()
				return nil, true, "", nil
			}
		}
		for _, c := range text[min(max(before, headMax), len(text)):] {
			if hexValues[c] == noHex && !isBlank(c) {
				return nil, r.skip(), noHexadecimal(c), nil
			}
		}
		if int64(len(text)) > r.lineMax {
			return nil, r.skip(), "the line is longer than that of the largest message", nil
		}
		if r.fill() {
			continue
		}
		if r.failure() != nil || len(text) == 0 {
			return nil, false, "", r.over()
		}
		return r.use(len(text)), false, "", nil
	}
}
