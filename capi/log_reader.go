package main

// #include "shim.h"
import "C"

import (
	"errors"
	"io"
	"math"
	"sync"
	"time"
	"unsafe"

	mcl "libmcl/core"
)

// A logReader is the core's, with what was read from it and could not be given to C yet.
type logReader struct {
	*mcl.LogReader

	mu     sync.Mutex // protects what follows, and is held by each call on the reader
	replay bool       // a replay has it, which reads without mu
	closed bool

	holding sync.Mutex    // protects what follows
	held    *mcl.LogEntry // valid until the next is read
	heldErr error
}

// hold keeps what the next Next is to give.
func (r *logReader) hold(e *mcl.LogEntry, err error) {
	r.holding.Lock()
	defer r.holding.Unlock()
	r.held, r.heldErr = e, err
}

// Next, Reset and Pending are those of the core's, and for a replay, too.
func (r *logReader) Next() (*mcl.LogEntry, error) {
	r.holding.Lock()
	e, err := r.held, r.heldErr
	r.held, r.heldErr = nil, nil
	r.holding.Unlock()
	if e != nil || err != nil {
		return e, err
	}
	return r.LogReader.Next()
}

func (r *logReader) Reset() error {
	r.hold(nil, nil)
	return r.LogReader.Reset()
}

func (r *logReader) Pending() bool {
	r.holding.Lock()
	held := r.held != nil || r.heldErr != nil
	r.holding.Unlock()
	return held || r.LogReader.Pending()
}

// lend gives the reader to a replay, until its giveBack.
func (r *logReader) lend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.free(); err != nil {
		return err
	}
	r.replay = true
	return nil
}

func (r *logReader) giveBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replay = false
}

// free tells whether the caller may use it. mu must be held.
func (r *logReader) free() error {
	switch {
	case r.closed:
		return closedHandle(logReaderKind)
	case r.replay:
		return &handleError{mcl.ErrBusy, "a replay reads from the mcl_log_reader: close the replay first"}
	}
	return nil
}

//export mclgo_log_reader_open
func mclgo_log_reader_open(directory C.int, path *C.const_char, options *C.const_log_read_options, handle *C.uintptr_t,
	function *C.const_char, out *C.mcl_error) (code C.int) {
	op := viewName(function)
	defer guard(out, op, &code)
	o := mcl.LogReadOptions{RefuseRaw: options.refuse_raw == C.MCL_ON, OnDescriptor: tellDescriptor}
	if options.has_min_time == C.MCL_ON {
		least := time.Duration(options.min_time)
		o.MinTime = &least
	}
	if options.has_max_time == C.MCL_ON {
		most := time.Duration(options.max_time)
		o.MaxTime = &most
	}
	open := mcl.OpenLog
	if directory != 0 {
		open = mcl.OpenLogDirectory
	}
	r, err := open(copyText(path), o)
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(logReaderKind, &logReader{LogReader: r}, nil)
	return C.MCL_OK
}

// onReader is for what a replay must not be disturbed by.
func onReader(handle C.uintptr_t, out *C.mcl_error, op string, do func(*logReader) (int, error)) C.int {
	return on(handle, logReaderKind, out, op, func(r *logReader) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.free(); err != nil {
			return 0, err
		}
		return do(r)
	})
}

// mclgo_log_reader_read fills the caller's records and buffer with the next entries.
//
//export mclgo_log_reader_read
func mclgo_log_reader_read(handle C.uintptr_t, records *C.shim_log_record, count C.size_t, buffer *C.uchar, size C.size_t,
	needed *C.size_t, out *C.mcl_error) C.int {
	return onReader(handle, out, "mcl_log_reader_read", func(r *logReader) (int, error) {
		f := logFiller{filler: newFiller(buffer, size)}
		all := unsafe.Slice(records, int(count))
		for n := range all {
			e, err := r.Next()
			switch {
			case errors.Is(err, io.EOF):
				return n, nil
			case err != nil && n > 0: // what was read before comes first
				r.hold(nil, err)
				return n, nil
			case err != nil:
				return 0, err
			}
			want := f.want(e)
			if want <= len(f.buffer) {
				f.record(&all[n], e)
				continue
			}
			r.hold(e, nil)
			if n > 0 {
				return n, nil
			}
			if needed != nil {
				*needed = C.size_t(want)
			}
			return 0, bufferError(int(size), want)
		}
		return int(count), nil
	})
}

// A logFiller writes a type's name once for several entries on end.
type logFiller struct {
	filler
	name   string
	nameAt C.uintptr_t // its address; 0: none is there yet
}

func (f *logFiller) named(e *mcl.LogEntry) bool { return f.nameAt != 0 && f.name == e.Type }

func (f *logFiller) want(e *mcl.LogEntry) int {
	size := len(e.Topic) + len(e.Payload)
	if !f.named(e) {
		size += len(e.Type) + 1
	}
	return size
}

func (f *logFiller) record(to *C.shim_log_record, e *mcl.LogEntry) {
	to.elapsed = C.int64_t(e.Elapsed)
	to.topic, to.topic_size = f.put(e.Topic)
	to.payload, to.payload_size = f.put(e.Payload)
	if !f.named(e) {
		f.name, f.nameAt = e.Type, f.text(e.Type)
	}
	to.type_name = f.nameAt
}

//export mclgo_log_reader_pending
func mclgo_log_reader_pending(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReader(handle, out, "mcl_log_reader_pending", func(r *logReader) (int, error) {
		return boolean(r.Pending()), nil
	})
}

//export mclgo_log_reader_reset
func mclgo_log_reader_reset(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReader(handle, out, "mcl_log_reader_reset", func(r *logReader) (int, error) {
		return 0, r.Reset()
	})
}

//export mclgo_log_reader_get_header
func mclgo_log_reader_get_header(handle C.uintptr_t, index C.size_t, header *C.shim_log_header, buffer *C.uchar, size C.size_t,
	needed *C.size_t, out *C.mcl_error) C.int {
	return on(handle, logReaderKind, out, "mcl_log_reader_get_header", func(r *logReader) (int, error) {
		h, ok := r.HeaderAt(int(min(index, math.MaxInt32)))
		if !ok {
			return 0, &handleError{mcl.ErrUnknown, "there is no header of that index: mind that the later files of a split " +
				"log have none"}
		}
		f := newFiller(buffer, size)
		texts := []string{h.Text, h.Version, h.Revision, h.Type, h.File}
		want := 0
		for _, text := range texts {
			want += len(text) + 1
		}
		if needed != nil {
			*needed = C.size_t(want)
		}
		if want > len(f.buffer) {
			return 0, bufferError(int(size), want)
		}
		header.created = C.int64_t(h.Created.UnixNano())
		header.end = C.int64_t(h.End)
		header.text = f.text(h.Text)
		header.version = f.text(h.Version)
		header.revision = f.text(h.Revision)
		header.type_name = f.text(h.Type)
		header.path = f.text(h.File)
		return 0, nil
	})
}

//export mclgo_log_reader_torn
func mclgo_log_reader_torn(handle C.uintptr_t, count *C.uint64_t, out *C.mcl_error) C.int {
	return on(handle, logReaderKind, out, "mcl_log_reader_torn", func(r *logReader) (int, error) {
		*count = C.uint64_t(r.Torn())
		return 0, nil
	})
}

//export mclgo_log_reader_close
func mclgo_log_reader_close(handle C.uintptr_t) (code C.int) {
	const op = "mcl_log_reader_close"
	defer guard(nil, op, &code)
	code = onReader(handle, nil, op, func(r *logReader) (int, error) {
		r.closed = true // for a replay that has found the handle already
		return 0, nil
	})
	if code < 0 {
		return code
	}
	return report(nil, op, closeHandle(handle, logReaderKind, func(r *logReader) error { return r.LogReader.Close() }))
}
