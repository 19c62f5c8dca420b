package main

// #include "shim.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	mcl "libmcl/core"
)

// A replay is the core's, with what it takes its entries from.
type replay struct {
	*mcl.Replay
	reader *logReader      // nil: entries are pushed
	feed   *mcl.ReplayFeed // nil: they are read
	ended  pollFD
	space  pollFD

	closing atomic.Bool

	mu    sync.Mutex // protects stops, and a push from a stop that comes amid it
	stops uint64     // times that it was stopped, and one
}

// release runs when no call is left that could poll.
func (r *replay) release() {
	r.ended.forget()
	r.Release()
	if r.feed != nil {
		r.space.forget()
		r.feed.Release()
	}
}

//export mclgo_replay_open
func mclgo_replay_open(readerHandle C.uintptr_t, speed C.double, buffer C.int64_t, quiet C.int32_t, linger C.int64_t,
	handle *C.uintptr_t, out *C.mcl_error) (code C.int) {
	const op = "mcl_replay_open"
	defer guard(out, op, &code)
	r := &replay{stops: 1}
	var source mcl.ReplaySource
	if readerHandle == 0 {
		length := int(buffer)
		if length == 0 {
			length = C.MCL_REPLAY_BUFFER_DEFAULT
		}
		if length < 0 {
			return report(out, op, &handleError{mcl.ErrInvalid, "options.buffer is negative: give a number of entries"})
		}
		r.feed = mcl.NewReplayFeed(length)
		source = r.feed
	} else {
		e, err := enter(readerHandle, logReaderKind)
		if err != nil {
			return report(out, op, err)
		}
		r.reader = e.object.(*logReader)
		defer e.leave()
		if err := r.reader.lend(); err != nil {
			return report(out, op, err)
		}
		source = r.reader
	}
	core, err := mcl.NewReplay(source, float64(speed), mcl.ReplayOptions{
		Buffer:       int(buffer),
		Linger:       time.Duration(linger),
		OnError:      silence(quiet),
		OnDescriptor: tellDescriptor,
	})
	if err != nil {
		if r.reader != nil {
			r.reader.giveBack()
		}
		return report(out, op, err)
	}
	r.Replay = core
	*handle = newHandle(replayKind, r, r.release)
	return C.MCL_OK
}

func onReplay(handle C.uintptr_t, out *C.mcl_error, op string, do func(*replay) (int, error)) C.int {
	return on(handle, replayKind, out, op, do)
}

// pushed refuses what only a replay without a reader can do.
func (r *replay) pushed() error {
	if r.feed == nil {
		return &handleError{mcl.ErrInvalid, "the mcl_replay has a reader: open one with NULL for it to push entries"}
	}
	return nil
}

//export mclgo_replay_target
func mclgo_replay_target(handle C.uintptr_t, name *C.const_char, target C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_target", func(r *replay) (int, error) {
		if target == 0 {
			return 0, r.SetTarget(copyText(name), nil)
		}
		e, err := enter(target, broadcasterKind)
		if err != nil {
			return 0, err
		}
		defer e.leave()
		// Once it is closed, publishing on it is an error that the replay counts.
		return 0, r.SetTarget(copyText(name), e.object.(*mcl.RawBroadcaster))
	})
}

// mclgo_replay_push is called again while there is no room, with the same *stops, which is 0 at first: what was to be pushed
// before a stop is not pushed after it.
//
//export mclgo_replay_push
func mclgo_replay_push(handle C.uintptr_t, stops *C.uint64_t, elapsed C.int64_t, topic *C.const_char, topicSize C.size_t,
	payload *C.const_byte, size C.size_t, name *C.const_char, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_push", func(r *replay) (int, error) {
		if err := r.pushed(); err != nil {
			return 0, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if *stops == 0 {
			*stops = C.uint64_t(r.stops)
		} else if *stops != C.uint64_t(r.stops) {
			return 0, &handleError{mcl.ErrClosed, "the replay was stopped: push from the beginning when it is started again"}
		}
		// TryPush copies. A view is enough.
		taken, err := r.feed.TryPush(&mcl.LogEntry{
			Elapsed: time.Duration(elapsed),
			Topic:   view(unsafe.Pointer(topic), topicSize),
			Payload: view(unsafe.Pointer(payload), size),
			Type:    copyText(name),
		})
		return boolean(taken), err
	})
}

// mclgo_replay_push_begin waits for room. Whether there is any is for the next push to see.
//
//export mclgo_replay_push_begin
func mclgo_replay_push_begin(handle C.uintptr_t, fd *C.int, function *C.const_char, out *C.mcl_error) C.int {
	return beginWait(handle, replayKind, fd, function, out, func(r *replay) (bool, error) {
		return false, r.pushed()
	}, func(r *replay) (int, error) { return r.space.note(r.feed.FD()) })
}

//export mclgo_replay_end
func mclgo_replay_end(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_end", func(r *replay) (int, error) {
		if err := r.pushed(); err != nil {
			return 0, err
		}
		r.feed.End()
		return 0, nil
	})
}

//export mclgo_replay_start
func mclgo_replay_start(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_start", func(r *replay) (int, error) {
		began, err := r.Start()
		return boolean(began), err
	})
}

//export mclgo_replay_pause
func mclgo_replay_pause(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_pause", func(r *replay) (int, error) { return boolean(r.Pause()), nil })
}

//export mclgo_replay_stop
func mclgo_replay_stop(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_stop", func(r *replay) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stops++
		return boolean(r.Stop()), nil
	})
}

//export mclgo_replay_set_speed
func mclgo_replay_set_speed(handle C.uintptr_t, speed C.double, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_set_speed", func(r *replay) (int, error) {
		return 0, r.SetSpeed(float64(speed))
	})
}

//export mclgo_replay_get_state
func mclgo_replay_get_state(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_get_state", func(r *replay) (int, error) { return int(r.State()), nil })
}

//export mclgo_replay_pending
func mclgo_replay_pending(handle C.uintptr_t, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_pending", func(r *replay) (int, error) { return boolean(r.Pending()), nil })
}

//export mclgo_replay_wait_begin
func mclgo_replay_wait_begin(handle C.uintptr_t, fd *C.int, function *C.const_char, out *C.mcl_error) C.int {
	return beginWait(handle, replayKind, fd, function, out, func(r *replay) (bool, error) {
		state := r.State()
		if r.closing.Load() { // and that is why it is stopped
			return false, closedHandle(replayKind)
		}
		return state == mcl.ReplayStopped || state == mcl.ReplayFinished, nil
	}, func(r *replay) (int, error) { return r.ended.note(r.FD()) })
}

//export mclgo_replay_get_stats
func mclgo_replay_get_stats(handle C.uintptr_t, stats *C.mcl_replay_stats, out *C.mcl_error) C.int {
	return onReplay(handle, out, "mcl_replay_get_stats", func(r *replay) (int, error) {
		putReplayStats(stats, r.Stats())
		return 0, nil
	})
}

// putReplayStats also sets the size, by which the C half tells that there are stats.
func putReplayStats(out *C.mcl_replay_stats, s mcl.ReplayStats) {
	out.size = C.sizeof_mcl_replay_stats
	out.read = C.uint64_t(s.Read)
	out.published = C.uint64_t(s.Published)
	out.errors = C.uint64_t(s.Errors)
	out.buffered = C.uint64_t(s.Buffered)
	out.discarded = C.uint64_t(s.Discarded)
	out.late_max = C.int64_t(s.LateMax)
}

//export mclgo_replay_close
func mclgo_replay_close(handle C.uintptr_t, stats *C.mcl_replay_stats) (code C.int) {
	const op = "mcl_replay_close"
	defer guard(nil, op, &code)
	return report(nil, op, closeHandle(handle, replayKind, func(r *replay) error {
		r.closing.Store(true)
		err := r.Close()
		putReplayStats(stats, r.Stats())
		if r.reader != nil && mcl.CodeOf(err) != mcl.ErrBusy { // then it is still being read
			r.reader.giveBack()
		}
		return err
	}))
}
