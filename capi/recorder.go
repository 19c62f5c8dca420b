package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	mcl "libmcl/core"
)

func recordOptions(log *C.const_log_options, listener *C.const_listener_options) (mcl.RecordOptions, error) {
	l, err := listenerOptions(listener)
	return mcl.RecordOptions{Log: logOptions(log), Listener: l, OnError: silence(listener.quiet)}, err
}

//export mclgo_recorder_open
func mclgo_recorder_open(prefix *C.const_char, c *C.const_connection, log *C.const_log_options,
	listener *C.const_listener_options, handle *C.uintptr_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_recorder_open"
	defer guard(out, op, &code)
	o, err := recordOptions(log, listener)
	if err != nil {
		return report(out, op, err)
	}
	r, err := mcl.Record(copyText(prefix), connection(c), o)
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(recorderKind, r, nil)
	return C.MCL_OK
}

//export mclgo_recorder_open_network
func mclgo_recorder_open_network(root *C.const_char, handles *C.const_handle, count C.size_t,
	log *C.const_log_options, listener *C.const_listener_options, handle *C.uintptr_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_recorder_open_network"
	defer guard(out, op, &code)
	o, err := recordOptions(log, listener)
	if err != nil {
		return report(out, op, err)
	}
	var types []*mcl.Type
	for _, h := range unsafe.Slice((*C.uintptr_t)(unsafe.Pointer(handles)), int(count)) {
		e, t, err := enterType(h)
		if err != nil {
			return report(out, op, err)
		}
		e.leave() // a type is never undone
		types = append(types, t)
	}
	r, err := mcl.RecordNetwork(copyText(root), types, o)
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(recorderKind, r, nil)
	return C.MCL_OK
}

//export mclgo_recorder_directory
func mclgo_recorder_directory(handle C.uintptr_t, buffer unsafe.Pointer, size C.size_t, needed *C.size_t,
	out *C.mcl_error) C.int {
	return on(handle, recorderKind, out, "mcl_recorder_directory", func(r *mcl.Recorder) (int, error) {
		return 0, put(append([]byte(r.Directory()), 0), buffer, size, needed)
	})
}

//export mclgo_recorder_get_stats
func mclgo_recorder_get_stats(handle C.uintptr_t, index C.int, log *C.mcl_log_writer_stats, listener *C.mcl_listener_stats,
	last *C.mcl_error, out *C.mcl_error) C.int {
	const op = "mcl_recorder_get_stats"
	return on(handle, recorderKind, out, op, func(r *mcl.Recorder) (int, error) {
		if index < -1 || int(index) >= r.Logs() {
			return 0, &handleError{mcl.ErrInvalid, "there is no log of that index: give one below the number of types, or -1"}
		}
		written, received := r.LogStats(int(index))
		putLogStats(log, written)
		putListenerStats(listener, received)
		putLast(last, op, written.Err)
		return 0, nil
	})
}

//export mclgo_recorder_close
func mclgo_recorder_close(handle C.uintptr_t, log *C.mcl_log_writer_stats, listener *C.mcl_listener_stats,
	out *C.mcl_error) (code C.int) {
	const op = "mcl_recorder_close"
	defer guard(out, op, &code)
	return report(out, op, closeHandle(handle, recorderKind, func(r *mcl.Recorder) error {
		err := r.Close()
		written, received := r.LogStats(-1)
		putLogStats(log, written)
		putListenerStats(listener, received)
		return err
	}))
}
