package mcl

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A log file is …log when it is whole, and …tmp while it is written, or when whoever wrote it did not close it.
const (
	logDone    = ".log"
	logWriting = ".tmp"
)

// LogHeader is the header of a log.
type LogHeader struct {
	Text     string    // its lines, as they stand in the file
	End      int64     // offset in bytes at which the entries begin
	Version  string    // of the format
	Revision string    // of the recording program's source, say; may be empty
	Created  time.Time // the time origin that elapsed times count from: UTC, to the microsecond
	Type     string    // name of the message type; empty: raw data
	File     string    // that it stands in
}

// LogOptions says what CreateLog is to write. The zero value is one file of raw data.
type LogOptions struct {
	Type       string        // name of the message type; empty: raw data
	Revision   string        // of the recording program's source, say, in one line; may be empty
	Origin     time.Time     // elapsed times count from it, cut to the microsecond; zero: the first entry's time
	MaxEntries int           // a new file after so many entries; 0: never
	MaxTime    time.Duration // a new file for an entry so much later than the first, or earlier (a clock was set back); 0: never
	Existing   LogExisting   // what becomes of a log of this prefix that exists
	Unbuffered bool          // an entry is in the file when Write returns; false: a second later at the latest

	// OnDescriptor is told of each file's descriptor: when it was opened, and before it is closed. It is for a program that
	// must close them in a forked child. It may run on any goroutine, and must not call the writer.
	OnDescriptor func(fd int, open bool)
}

// LogReadOptions selects what is read. The zero value is everything.
type LogReadOptions struct {
	MinTime, MaxTime *time.Duration // elapsed; both ends are included; nil: open
	RefuseRaw        bool           // directories: a log of raw data is an error; false: it is skipped

	// OnDescriptor is told of each file's descriptor: when it was opened, and before it is closed. It must not call the
	// reader.
	OnDescriptor func(fd int, open bool)
}

// A LogEntry is one message of a log.
type LogEntry struct {
	Elapsed time.Duration // since the log's time origin
	Topic   []byte        // empty: none
	Payload []byte        // exactly one msgpack object
	Type    string        // name of the message type of its log; empty: raw data
	File    string        // that it was read from
	Line    int           // in File, from 1
}

// window gives the bounds of a reader.
func (o *LogReadOptions) window(op, path string) (low, high int64, err error) {
	low, high = math.MinInt64, math.MaxInt64
	if o.MinTime != nil {
		low = int64(*o.MinTime)
	}
	if o.MaxTime != nil {
		high = int64(*o.MaxTime)
	}
	if low > high {
		return 0, 0, &OpError{Op: op, On: path, Kind: ErrInvalid,
			Detail: fmt.Sprintf("the least time, %v, is after the greatest, %v", *o.MinTime, *o.MaxTime), Remedy: "exchange them"}
	}
	return low, high, nil
}

// The moments that an int64 of nanoseconds can hold lie in the years between.
const momentYearMin, momentYearMax = 1678, 2261

func momentOf(op, on string, t time.Time) (ns int64, err error) {
	if year := t.UTC().Year(); year < momentYearMin || year > momentYearMax {
		return 0, &OpError{Op: op, On: on, Kind: ErrInvalid, Detail: "the year of " + t.String() + " cannot be held",
			Remedy: fmt.Sprintf("give a time from %d to %d", momentYearMin, momentYearMax)}
	}
	return t.UnixNano(), nil
}

// microsOf cuts nanoseconds to microseconds, towards the past, as Python's datetime does.
func microsOf(ns int64) int64 {
	micros := ns / 1000
	if ns%1000 < 0 {
		micros--
	}
	return micros
}

// logFileError translates an error of the file system. Errors of files have an errno, whatever their kind.
func logFileError(op, path string, err error) error {
	var withPath *fs.PathError
	if errors.As(err, &withPath) {
		err = withPath.Err
	}
	e := &OpError{Op: op, On: path, Kind: ErrSystem, Err: err, Remedy: "look the system's error up in errno(3)"}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return e
	}
	folder := filepath.Dir(path)
	switch errno {
	case unix.EMFILE, unix.ENFILE:
		e.Kind, e.Remedy = ErrDescriptors, descriptorsRemedy(errno)
	case unix.ENOENT:
		e.Detail = "it does not exist"
		e.Remedy = "look at what is there: `ls " + folder + "`"
	case unix.EEXIST:
		e.Kind = ErrExists
		e.Detail = "it exists already, and is left as it is"
		e.Remedy = "choose another prefix, or move it away"
	case unix.EISDIR:
		e.Detail = "it is a folder"
		e.Remedy = "give a file or a prefix"
	case unix.ENOTDIR:
		e.Detail = "a part of the path is no folder"
		e.Remedy = "look at it: `ls -ld " + folder + "`"
	case unix.EACCES, unix.EPERM:
		e.Detail = "the system refuses it"
		e.Remedy = "`ls -ld " + folder + " " + path + "` tells who may do it; `id` who does"
	case unix.EROFS:
		e.Detail = "the file system is read-only"
		e.Remedy = "choose another folder; a disk that became so by itself has failed (`dmesg` tells)"
	case unix.ENOSPC:
		e.Detail = "the disk is full"
		e.Remedy = "free space: `df -h " + folder + "` tells how much there is, `df -i " + folder + "` how many files fit"
	case unix.EDQUOT:
		e.Detail = "the user's share of the disk is full"
		e.Remedy = "free space, or have the share raised (`quota`)"
	case unix.EFBIG:
		e.Detail = "the file is as large as the system lets it be"
		e.Remedy = "split the log (max_entries, max_time), or raise the limit (`ulimit -f`)"
	case unix.EIO:
		e.Detail = "the disk has failed"
		e.Remedy = "`dmesg` tells more; use another disk"
	case unix.ENAMETOOLONG:
		e.Detail = "the name is too long"
		e.Remedy = "choose a shorter one"
	}
	return e
}
