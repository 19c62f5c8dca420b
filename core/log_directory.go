package mcl

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/logfile"
)

const opOpenDirectory = "open log directory"

// All logs of a directory together are read in chunks of so many bytes, but each in chunks of no less than chunkMin.
const (
	directoryChunks = 16 << 20
	chunkMin        = 4 << 10
)

// OpenLogDirectory opens all logs of a directory, and reads them as one, in the order of their entries' times; of entries
// with the same time, in the order of the logs' names. Other files and folders in it are left alone. One file stays open for
// each log. Where there are none, as when nothing arrived while it was recorded, there is nothing to read.
//
// The errors are those of OpenLog for each log; ErrFormat when the logs do not count their times from the same moment; ErrType
// for a log of raw data, if RefuseRaw is set.
func OpenLogDirectory(path string, o LogReadOptions) (*LogReader, error) {
	const op = opOpenDirectory
	low, high, err := o.window(op, path)
	if err != nil {
		return nil, err
	}
	if err := startRuntime(op, path); err != nil {
		return nil, err
	}
	logs, err := findLogs(path)
	if err != nil {
		return nil, err
	}
	r := &LogReader{op: op, path: path}
	fail := func(err error) (*LogReader, error) {
		r.Close()
		return nil, err
	}
	for _, files := range logs {
		s := &logSource{op: op, place: len(r.sources), files: files, tell: o.OnDescriptor, reader: logfile.NewReader()}
		s.reader.Min, s.reader.Max = low, high
		s.reader.Chunk = min(logfile.Chunk, max(directoryChunks/len(logs), chunkMin))
		r.sources = append(r.sources, s)
		if err := s.begin(); err != nil {
			var e *OpError
			if errors.As(err, &e) && e.Kind == ErrDescriptors {
				e.Detail = fmt.Sprintf("each of the %d logs in the directory takes a descriptor", len(logs))
			}
			return fail(err)
		}
		if s.header == nil {
			if s.look(false); s.err == io.EOF {
				r.drop(s) // an empty file: its writer was killed when it had just made it
				continue
			}
			return fail(&OpError{Op: op, On: s.current, Kind: ErrFormat, Detail: "it has no header",
				Remedy: "move it away, or open it alone"})
		}
		if s.typeName == "" {
			if o.RefuseRaw {
				return fail(&OpError{Op: op, On: s.current, Kind: ErrType, Detail: "it is a log of raw data, not of messages",
					Remedy: "move it away, or have such logs skipped"})
			}
			r.drop(s)
			continue
		}
		if first := r.sources[0]; !s.header.Created.Equal(first.header.Created) {
			return fail(&OpError{Op: op, On: path, Kind: ErrFormat,
				Detail: fmt.Sprintf("its logs count their times from different moments: %s from %s, %s from %s", first.current,
					first.header.Created.Format(time.RFC3339Nano), s.current, s.header.Created.Format(time.RFC3339Nano)),
				Remedy: "keep logs of one recording in a directory of their own"})
		}
	}
	return r, nil
}

// drop leaves out the source that was added last.
func (r *LogReader) drop(s *logSource) {
	s.close()
	r.sources = r.sources[:len(r.sources)-1]
}

// findLogs finds the logs of a directory, by name, each with its files.
func findLogs(path string) ([][]string, error) {
	const op = opOpenDirectory
	entries, err := os.ReadDir(path)
	if errors.Is(err, unix.ENOTDIR) {
		return nil, &OpError{Op: op, On: path, Kind: ErrSystem, Err: unix.ENOTDIR, Detail: "it is a file",
			Remedy: "open it as one log (OpenLog, ReadFile)"}
	}
	if err != nil {
		return nil, logFileError(op, path, err)
	}
	pieces := make(map[string][]piece)
	single := make(map[string]string)
	for _, e := range entries {
		name, file := e.Name(), filepath.Join(path, e.Name())
		end := filepath.Ext(name)
		if end != logDone && end != logWriting {
			continue
		}
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		if stem, p, ok := cutPiece(name); ok {
			p.path = file
			pieces[stem] = append(pieces[stem], p)
			continue
		}
		name = strings.TrimSuffix(name, end)
		if end == logDone || single[name] == "" { // while a log takes the place of another, that one is the log
			single[name] = file
		}
	}
	logs := make(map[string][]string) // by name; a name of a split log gets a separator, which no other has
	for name, file := range single {
		logs[name] = []string{file}
	}
	for stem, all := range pieces {
		sortPieces(all)
		if logs[stem+"/"], err = join(op, filepath.Join(path, stem), all); err != nil {
			return nil, err
		}
	}
	names := make([]string, 0, len(logs))
	for name := range logs {
		names = append(names, name)
	}
	slices.Sort(names)
	sorted := make([][]string, 0, len(names))
	for _, name := range names {
		sorted = append(sorted, logs[name])
	}
	return sorted, nil
}

// LocalTime gives a moment in local time. A program whose time zone is not that of Go (a C program, which may call setenv and
// tzset) sets it before it opens anything.
var LocalTime = time.Time.Local

// CreateLogDirectory makes a new directory for the logs of a recording, and returns its path: in root, which must exist, by
// the origin in local time (zero: now) and the host's name, as 20160512T002007_robot. When there is one already, _1, _2 and
// so on is added. The errors are ErrInvalid (an origin beyond the years 1678 to 2261) and ErrSystem.
func CreateLogDirectory(root string, origin time.Time) (string, error) {
	const op = "create log directory in"
	if origin.IsZero() {
		origin = time.Now()
	}
	if _, err := momentOf(op, root, origin); err != nil {
		return "", err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	name := LocalTime(origin).Format("20060102T150405") + "_" + strings.ReplaceAll(host, "/", "_")
	for i := 0; ; i++ {
		path := filepath.Join(root, name)
		if i > 0 {
			path = fmt.Sprintf("%s_%d", path, i)
		}
		switch err := os.Mkdir(path, 0o777); {
		case err == nil:
			return path, nil
		case errors.Is(err, unix.EEXIST) && i < 10000:
		default:
			e := logFileError(op, root, err).(*OpError)
			if errors.Is(err, unix.ENOENT) {
				e.Detail, e.Remedy = "the folder does not exist", "make it: `mkdir -p "+root+"`"
			}
			return "", e
		}
	}
}
