package main

// #include "shim.h"
import "C"

import (
	"strings"
	"syscall"
	"unsafe"

	mcl "libmcl/core"
)

// A listener is the core's, with what only C needs.
type listener struct {
	*mcl.Listener
	callbacks callbacks
	pollFD    pollFD
	packets   []mcl.Packet // of Feed
}

// fd gives the descriptor to poll.
func (l *listener) fd() (int, error) { return l.pollFD.note(l.FD()) }

// release runs when no call is left that could poll.
func (l *listener) release() {
	l.pollFD.forget()
	l.Release()
}

//export mclgo_listener_open
func mclgo_listener_open(c *C.const_connection, options *C.const_listener_options, hot *C.hot_listener, handle *C.uintptr_t,
	limits *C.shim_limits, out *C.mcl_error) (code C.int) {
	const op = "mcl_listener_open"
	defer guard(out, op, &code)
	o, err := listenerOptions(options)
	if err != nil {
		return report(out, op, err)
	}
	if hot != nil {
		o.Unread = true
		o.OnDescriptor = func(fd int, open bool) {
			tellDescriptor(fd, open)
			if open && C.shim_hot_descriptor(hot, C.int(fd)) != 0 {
				go C.shim_hot_turn(hot) // who told of it must not be held up
			}
		}
	}
	core, err := mcl.Listen(connection(c), o)
	if err != nil {
		return report(out, op, err)
	}
	l := &listener{Listener: core}
	*handle = newHandle(listenerKind, l, l.release)
	limits.message_max, limits.objects_max = C.int64_t(core.Connection().MessageMax), C.int64_t(core.Connection().ObjectsMax)
	return C.MCL_OK
}

func listenerOptions(options *C.const_listener_options) (mcl.ListenerOptions, error) {
	t, err := optionalType(options._type)
	return mcl.ListenerOptions{
		Topics:        copyTopics(options),
		Type:          t,
		Queued:        options.queued == C.MCL_ON,
		Policy:        mcl.Policy(options.policy),
		QueueMessages: int(options.queue_messages),
		QueueBytes:    int64(options.queue_bytes),
		OnError:       silence(options.quiet),
		OnDescriptor:  tellDescriptor,
	}, err
}

// silence is where errors go that no call can return: nowhere, or to complain.
func silence(quiet C.int32_t) func(error) {
	if quiet == C.MCL_ON {
		return func(error) {}
	}
	return nil
}

// complain writes to stderr as C does. Go's own os.Stderr ends the process when nobody reads it any more.
func complain(err error) { syscall.Write(2, append([]byte(err.Error()), '\n')) }

func copyTopics(options *C.const_listener_options) []string {
	n := int(options.topic_count)
	if n == 0 {
		return nil
	}
	topics := make([]string, n)
	for i, text := range unsafe.Slice((**C.const_char)(unsafe.Pointer(options.topics)), n) {
		if options.topic_sizes == nil {
			topics[i] = copyText(text)
			continue
		}
		size := unsafe.Slice((*C.size_t)(unsafe.Pointer(options.topic_sizes)), n)[i]
		if size == upToNUL {
			topics[i] = copyText(text)
		} else {
			topics[i] = strings.Clone(viewText(text, size))
		}
	}
	return topics
}

func onListener(handle C.uintptr_t, out *C.mcl_error, op string, do func(*listener) (int, error)) C.int {
	return on(handle, listenerKind, out, op, do)
}

//export mclgo_listener_subscribe
func mclgo_listener_subscribe(handle C.uintptr_t, callback *C.shim_callback, id *C.uint64_t,
	out *C.mcl_error) C.int {
	return onListener(handle, out, "mcl_listener_subscribe", func(l *listener) (int, error) {
		number, err := l.callbacks.subscribe(l.Listener, callback)
		*id = C.uint64_t(number)
		return 0, err
	})
}

//export mclgo_listener_unsubscribe
func mclgo_listener_unsubscribe(handle C.uintptr_t, id C.uint64_t, out *C.mcl_error) C.int {
	return onListener(handle, out, "mcl_listener_unsubscribe", func(l *listener) (int, error) {
		return 0, l.Unsubscribe(uint64(id))
	})
}

//export mclgo_listener_fd
func mclgo_listener_fd(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onListener(handle, out, "mcl_listener_fd", (*listener).fd)
}

//export mclgo_listener_get_stats
func mclgo_listener_get_stats(handle C.uintptr_t, stats *C.mcl_listener_stats, out *C.mcl_error) C.int {
	return onListener(handle, out, "mcl_listener_get_stats", func(l *listener) (int, error) {
		putListenerStats(stats, l.Stats())
		return 0, nil
	})
}

func putListenerStats(out *C.mcl_listener_stats, s mcl.ListenerStats) {
	out.datagrams = C.uint64_t(s.Datagrams)
	out.bytes = C.uint64_t(s.Bytes)
	out.filtered = C.uint64_t(s.Filtered)
	out.repeated = C.uint64_t(s.Repeated)
	out.evicted = C.uint64_t(s.Evicted)
	out.assembling = C.uint64_t(s.Assembling)
	out.joined = C.uint64_t(s.Joined)
	out.messages = C.uint64_t(s.Messages)
	out.delivered = C.uint64_t(s.Delivered)
	out.rejected = C.uint64_t(s.Rejected)
	out.dropped_queue = C.uint64_t(s.DroppedQueue)
	out.discarded = C.uint64_t(s.Discarded)
	out.queued = C.uint64_t(s.Queued)
	out.queued_bytes = C.uint64_t(s.QueuedBytes)
	out.dropped_kernel = C.uint64_t(s.DroppedKernel)
	out.messages_evicted = C.uint64_t(s.MessagesEvicted)
	out.assembling_bytes = C.uint64_t(s.AssemblingBytes)
	for cause, n := range s.Malformed {
		out.malformed[cause] = C.uint64_t(n)
	}
}

//export mclgo_listener_get_settings
func mclgo_listener_get_settings(handle C.uintptr_t, settings *C.mcl_settings, out *C.mcl_error) C.int {
	return onListener(handle, out, "mcl_listener_get_settings", func(l *listener) (int, error) {
		putSettings(settings, l.Settings())
		return 0, nil
	})
}

// mclgo_listener_close waits for calls in flight, as they are woken and leave; but not when it is called from a callback,
// since one of them may be waiting for just that callback.
//
//export mclgo_listener_close
func mclgo_listener_close(handle C.uintptr_t, stats *C.mcl_listener_stats) (code C.int) {
	const op = "mcl_listener_close"
	defer guard(nil, op, &code)
	e, err := enter(handle, listenerKind)
	if err != nil {
		return report(nil, op, err)
	}
	if err := e.shut(); err != nil {
		e.leave()
		return report(nil, op, err)
	}
	l := e.object.(*listener)
	inside := l.callbacks.runHere()
	err = l.Close()
	e.leave()
	if !inside {
		<-e.gone
	}
	putListenerStats(stats, l.Stats())
	return report(nil, op, err)
}

// mclgo_listener_wait_begin begins a wait (wait.h).
//
//export mclgo_listener_wait_begin
func mclgo_listener_wait_begin(handle C.uintptr_t, fd *C.int, function *C.const_char, out *C.mcl_error) C.int {
	return beginWait(handle, listenerKind, fd, function, out, func(l *listener) (bool, error) { return l.Pending() }, (*listener).fd)
}
