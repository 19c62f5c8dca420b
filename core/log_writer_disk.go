package mcl

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/logfile"
)

// This is the side of a LogWriter that meets the disk. All of it is called with disk held.

// fail notes a failure.
func (w *LogWriter) fail(err error) error {
	w.failures = append(w.failures, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Errors++
	w.stats.Err = err
	return err
}

// drain writes what remains of out, and then what is in buf.
func (w *LogWriter) drain() error {
	err := w.writeOut()
	if err == nil {
		w.mu.Lock()
		w.out, w.buf, w.done = w.buf, w.out[:0], 0
		w.mu.Unlock()
		err = w.writeOut()
	}
	if err == nil {
		if w.out = w.out[:0]; cap(w.out) > logHeld {
			w.out = nil // a large message's
		}
		w.done = 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing = err != nil; w.failing {
		w.retry = time.Now().Add(w.age)
	} else if len(w.failures) == 0 {
		w.stats.Err = nil
	}
	if w.held > 0 {
		w.arm()
	}
	return err
}

func (w *LogWriter) writeOut() error {
	for w.done < len(w.out) {
		part := w.out[w.done:]
		w.mu.Lock()
		ends := false
		if len(w.marks) > 0 {
			if left := w.marks[0] - w.at; left == 0 {
				ends = true
				w.marks = w.marks[:copy(w.marks, w.marks[1:])]
			} else if left < int64(len(part)) {
				part = part[:left]
			}
		}
		w.mu.Unlock()
		if ends {
			// What fails keeps nothing else from being written. Close tells.
			if err := w.finish(); w.inner == nil {
				w.inner = err
			}
			continue
		}
		if err := w.prepare(); err != nil {
			return w.fail(err)
		}
		n, err := w.file.Write(part)
		kept := n
		if err != nil {
			kept = w.takeBack(part, n)
		}
		w.count(kept, bytes.Count(part[:kept], []byte{'\n'}))
		if err != nil {
			return w.fail(logFileError("write log", w.path, err))
		}
	}
	return nil
}

// count notes that bytes of the stream are in the file.
func (w *LogWriter) count(size, entries int) {
	w.done += size
	w.at += int64(size)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held -= size
	w.stats.Bytes += uint64(size)
	w.stats.Entries += uint64(entries)
	w.stats.Buffered -= uint64(entries)
}

// takeBack cuts the file to the last whole entry of the n bytes that were written, and returns how many stay. When that
// fails the entry's beginning stays, and the next attempt goes on in its middle.
func (w *LogWriter) takeBack(part []byte, n int) (kept int) {
	kept = bytes.LastIndexByte(part[:n], '\n') + 1
	if kept == n {
		return n
	}
	if err := unix.Fstat(w.fd, &w.stat); err != nil || w.file.Truncate(w.stat.Size-int64(n-kept)) != nil {
		return n
	}
	return kept
}

// prepare sees to it that there is a file with a header.
func (w *LogWriter) prepare() error {
	if w.file != nil {
		if err := unix.Fstat(w.fd, &w.stat); err == nil && w.stat.Nlink == 0 {
			w.fail(&OpError{Op: "write log", On: w.path, Kind: ErrSystem, Err: unix.ENOENT,
				Detail: "the file was removed while it was written; what it held is lost", Remedy: "a new one is begun once its folder is there"})
			w.closeFile()
			w.number++
			w.begun = false
		}
	}
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	for len(w.header) > 0 {
		n, err := w.file.Write(w.header)
		if err != nil && w.file.Truncate(0) == nil {
			n = 0
		}
		w.header = w.header[n:]
		w.mu.Lock()
		w.stats.Bytes += uint64(n)
		w.mu.Unlock()
		if err != nil {
			return logFileError("write log", w.path, err)
		}
	}
	return nil
}

// nextPath is the path of the next file.
func (w *LogWriter) nextPath() string {
	if w.isSplit() {
		return fmt.Sprintf("%s_%03d%s", w.prefix, w.number, logWriting)
	}
	return w.prefix + logWriting
}

func (w *LogWriter) begin() error {
	const op = "begin log"
	w.path = w.nextPath()
	name := strings.TrimSuffix(w.path, logWriting)
	flags := os.O_CREATE | os.O_EXCL
	if w.appends {
		err := renameNew(name+logDone, w.path)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return logFileError(op, w.path, err)
		}
		w.appends = false
		if w.begun = err == nil; w.begun { // else it was removed meanwhile
			flags = 0
		}
	} else if err := checkNew(op, name, w.opts.Existing == LogMove && !w.owns); err != nil {
		return err
	}
	file, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|flags, 0o666)
	if err != nil {
		return folderError(op, w.path, err)
	}
	w.file, w.fd = file, int(file.Fd())
	if w.opts.OnDescriptor != nil {
		w.opts.OnDescriptor(w.fd, true)
	}
	w.mu.Lock()
	w.stats.Files++
	origin := w.origin
	w.mu.Unlock()
	w.header = nil
	if !w.begun {
		w.header = logfile.AppendHeader(nil, &logfile.Header{Type: w.opts.Type, Revision: w.opts.Revision,
			Created: time.UnixMicro(origin)})
	}
	w.begun = true
	return nil
}

func (w *LogWriter) closeFile() error {
	if w.opts.OnDescriptor != nil {
		w.opts.OnDescriptor(w.fd, false)
	}
	err := w.file.Close()
	w.file = nil
	return err
}

// finish brings the file to the disk and gives it its name, if there is one, and goes on to the next number.
func (w *LogWriter) finish() error {
	if w.file == nil {
		return nil
	}
	const op = "close log"
	err := w.file.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // what cannot be synced
	}
	if failed := w.closeFile(); err == nil {
		err = failed
	}
	if err != nil {
		err = w.fail(logFileError(op, w.path, err))
	}
	w.number++
	done := strings.TrimSuffix(w.path, logWriting) + logDone
	failed := w.moveOld()
	if failed == nil {
		failed = renameNew(w.path, done)
	}
	if failed != nil {
		translated := logFileError(op, w.path, failed)
		var e *OpError
		if errors.As(translated, &e) {
			switch {
			case errors.Is(failed, unix.EEXIST):
				e.Detail = done + " exists already; what was written stays in the .tmp file"
				e.Remedy = "rename it yourself: logs are read from .tmp files, too"
			case errors.Is(failed, unix.ENOENT):
				e.Detail = "the file is not there any more under this name"
				e.Remedy = "whoever moved it has what was written"
			}
		}
		err = w.fail(translated)
	}
	return err
}

// finishLinking takes the name PATH.tmp from a file that is also PATH.log: its writer was killed amid linkNew.
func finishLinking(path string) {
	writing, err := os.Lstat(path + logWriting)
	done, failed := os.Lstat(path + logDone)
	if err == nil && failed == nil && os.SameFile(writing, done) {
		_ = os.Remove(path + logWriting)
	}
}

// linkNew renames a file by links, which never replace one another.
func linkNew(from, to string) error {
	switch err := unix.Link(from, to); err {
	case nil:
		if err := unix.Unlink(from); err != unix.ENOENT { // somebody finished it (finishLinking)
			return err
		}
		return nil
	case unix.EPERM, unix.ENOTSUP, unix.ENOSYS: // a file system without links
		if _, err := os.Lstat(to); err == nil {
			return unix.EEXIST
		}
		return os.Rename(from, to)
	default:
		return err
	}
}
