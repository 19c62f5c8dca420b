package main

// #include "shim.h"
import "C"

import (
	"os"
	"time"
	"unsafe"

	mcl "libmcl/core"
)

// moment is a time as C gives it: nanoseconds since the Unix epoch.
func moment(ns C.int64_t) time.Time { return time.Unix(0, int64(ns)).UTC() }

func logOptions(options *C.const_log_options) mcl.LogOptions {
	o := mcl.LogOptions{
		Type:       copyText((*C.const_char)(options.type_name)),
		Revision:   copyText((*C.const_char)(options.revision)),
		MaxEntries: int(options.max_entries),
		MaxTime:    time.Duration(options.max_time),
		Existing:   mcl.LogExisting(options.existing),
		Unbuffered: options.unbuffered == C.MCL_ON,

		OnDescriptor: tellDescriptor,
	}
	if options.has_time_origin == C.MCL_ON {
		o.Origin = moment(options.time_origin)
	}
	return o
}

//export mclgo_log_writer_open
func mclgo_log_writer_open(prefix *C.const_char, options *C.const_log_options, handle *C.uintptr_t,
	out *C.mcl_error) (code C.int) {
	const op = "mcl_log_writer_open"
	defer guard(out, op, &code)
	w, err := mcl.CreateLog(copyText(prefix), logOptions(options))
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(logWriterKind, w, nil)
	return C.MCL_OK
}

//export mclgo_log_writer_write
func mclgo_log_writer_write(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, packed *C.const_byte, size C.size_t,
	received C.int64_t, out *C.mcl_error) C.int {
	return on(handle, logWriterKind, out, "mcl_log_writer_write", func(w *mcl.LogWriter) (int, error) {
		return 0, w.Write(viewText(topic, topicSize), view(unsafe.Pointer(packed), size), moment(received))
	})
}

//export mclgo_log_writer_flush
func mclgo_log_writer_flush(handle C.uintptr_t, out *C.mcl_error) C.int {
	return on(handle, logWriterKind, out, "mcl_log_writer_flush", func(w *mcl.LogWriter) (int, error) {
		return 0, w.Flush()
	})
}

//export mclgo_log_writer_get_stats
func mclgo_log_writer_get_stats(handle C.uintptr_t, stats *C.mcl_log_writer_stats, last *C.mcl_error, out *C.mcl_error) C.int {
	const op = "mcl_log_writer_get_stats"
	return on(handle, logWriterKind, out, op, func(w *mcl.LogWriter) (int, error) {
		s := w.Stats()
		putLogStats(stats, s)
		putLast(last, op, s.Err)
		return 0, nil
	})
}

// putLogStats also sets the size, by which the C half tells that there are stats.
func putLogStats(out *C.mcl_log_writer_stats, s mcl.LogWriterStats) {
	out.size = C.sizeof_mcl_log_writer_stats
	out.entries = C.uint64_t(s.Entries)
	out.bytes = C.uint64_t(s.Bytes)
	out.buffered = C.uint64_t(s.Buffered)
	out.dropped = C.uint64_t(s.Dropped)
	out.errors = C.uint64_t(s.Errors)
	out.files = C.uint64_t(s.Files)
}

// putLast tells why writing fails at present, or that it does not.
func putLast(last *C.mcl_error, op string, err error) {
	if last != nil && report(last, op, err) == C.MCL_OK {
		last.code, last.system, last.text[0] = C.MCL_OK, 0, 0
	}
}

//export mclgo_log_writer_close
func mclgo_log_writer_close(handle C.uintptr_t, stats *C.mcl_log_writer_stats, out *C.mcl_error) (code C.int) {
	const op = "mcl_log_writer_close"
	defer guard(out, op, &code)
	return report(out, op, closeHandle(handle, logWriterKind, func(w *mcl.LogWriter) error {
		err := w.Close()
		putLogStats(stats, w.Stats())
		return err
	}))
}

//export mclgo_log_make_directory
func mclgo_log_make_directory(root *C.const_char, origin C.int64_t, buffer unsafe.Pointer, size C.size_t,
	needed *C.size_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_log_make_directory"
	defer guard(out, op, &code)
	path, err := mcl.CreateLogDirectory(copyText(root), moment(origin))
	if err != nil {
		return report(out, op, err)
	}
	err = put(append([]byte(path), 0), buffer, size, needed)
	if err != nil {
		_ = os.Remove(path) // its caller does not learn of it
	}
	return report(out, op, err)
}
