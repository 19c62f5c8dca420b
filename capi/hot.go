package main

// #include "shim.h"
import "C"

import (
	"math"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	mcl "libmcl/core"
)

// What C asks of Go for a listener that it reads itself (hot.h). One call of these at a time for each listener.

//export mclgo_listener_feed
func mclgo_listener_feed(handle C.uintptr_t, records *C.const_record, count C.size_t, fed *C.shim_fed) C.int {
	return onListener(handle, nil, "mclgo_listener_feed", func(l *listener) (int, error) {
		l.packets = l.packets[:0]
		datagrams := unsafe.Slice((*C.shim_record)(records), int(count))
		for i := range datagrams {
			l.packets = append(l.packets, packet(&datagrams[i]))
		}
		f := l.Feed(l.packets)
		clear(l.packets)
		fed.queued, fed.again = C.size_t(f.Queued), C.int32_t(boolean(f.Again))
		fed.wait_ms = C.int64_t((f.Wait + 999_999).Milliseconds())
		return 0, nil
	})
}

// packet is a datagram, whose bytes stay C's.
func packet(r *C.shim_record) mcl.Packet {
	return mcl.Packet{
		Data:      view(*(*unsafe.Pointer)(unsafe.Pointer(&r.payload)), r.payload_size),
		Time:      int64(r.time_received),
		From:      netip.AddrPortFrom(netip.AddrFrom16(*(*[16]byte)(unsafe.Pointer(&r.sender))), uint16(r.sender_port)),
		Interface: int(r.interface_index),
	}
}

// lent is Go's memory that C has, by number.
var lent = struct {
	sync.Mutex
	last    C.uint64_t
	batches map[C.uint64_t]*lentBatch
	spare   []*lentBatch
}{batches: make(map[C.uint64_t]*lentBatch)}

type lentBatch struct {
	messages []mcl.Received
	hand     *mcl.Hand // of a listener of Go's, whose messages they are
	pinned   runtime.Pinner
}

//export mclgo_listener_lend
func mclgo_listener_lend(handle C.uintptr_t, records *C.shim_record, count C.size_t, datagrams *C.uint64_t, left *C.size_t,
	number *C.uint64_t) C.int {
	return onListener(handle, nil, "mclgo_listener_lend", func(l *listener) (int, error) {
		b := newLentBatch()
		n, came, behind := l.Lend(b.messages[:count])
		*datagrams, *left, *number = C.uint64_t(came), C.size_t(behind), 0
		if n > 0 {
			*number = b.lend(unsafe.Slice(records, n))
		}
		return n, nil
	})
}

func newLentBatch() *lentBatch {
	lent.Lock()
	defer lent.Unlock()
	if n := len(lent.spare); n > 0 {
		b := lent.spare[n-1]
		lent.spare = lent.spare[:n-1]
		return b
	}
	return &lentBatch{messages: make([]mcl.Received, C.SHIM_LENT_MAX)}
}

// lend describes the messages to C, and keeps them where they are.
func (b *lentBatch) lend(records []C.shim_record) C.uint64_t {
	for i := range records {
		m, r := &b.messages[i], &records[i]
		r.topic, r.topic_size = 0, 0
		if m.HasTopic {
			r.topic, r.topic_size = b.keep(m.Topic)
		}
		r.payload, r.payload_size = b.keep(m.Payload)
		setOrigin(r, m)
	}
	lent.Lock()
	defer lent.Unlock()
	lent.last++
	lent.batches[lent.last] = b
	return lent.last
}

var nothing = []byte{0}

func (b *lentBatch) keep(data []byte) (C.uintptr_t, C.size_t) {
	at := &nothing[0] // an empty topic is not none
	if len(data) > 0 {
		at = &data[0]
	}
	b.pinned.Pin(at)
	return C.uintptr_t(uintptr(unsafe.Pointer(at))), C.size_t(len(data))
}

func takeLent(number C.uint64_t) *lentBatch {
	lent.Lock()
	defer lent.Unlock()
	b := lent.batches[number]
	delete(lent.batches, number)
	return b
}

//export mclgo_listener_give_back
func mclgo_listener_give_back(number C.uint64_t) {
	b := takeLent(number)
	b.pinned.Unpin()
	mcl.GiveBack(b.messages)
	clear(b.messages)
	lent.Lock()
	defer lent.Unlock()
	if len(lent.spare) < 16 {
		lent.spare = append(lent.spare, b)
	}
}

// mclgo_listener_take is for a listener of Go's. What it gives is lent until mclgo_hand_settle.
//
//export mclgo_listener_take
func mclgo_listener_take(handle C.uintptr_t, records *C.shim_record, most C.size_t, number *C.uint64_t,
	function *C.const_char, out *C.mcl_error) C.int {
	return onListener(handle, out, viewName(function), func(l *listener) (int, error) {
		h, err := l.TakeNow(int(min(most, math.MaxInt32)))
		if h == nil {
			return 0, err
		}
		b := &lentBatch{messages: h.Messages, hand: h}
		*number = b.lend(unsafe.Slice(records, len(h.Messages)))
		return len(h.Messages), nil
	})
}

//export mclgo_hand_settle
func mclgo_hand_settle(number C.uint64_t, delivered, rejected C.size_t, function *C.const_char, out *C.mcl_error) (code C.int) {
	op := viewName(function)
	defer guard(out, op, &code)
	b := takeLent(number)
	b.pinned.Unpin()
	return report(out, op, b.hand.Settle(int(delivered), int(rejected)))
}

// mclgo_listener_check says what is wrong with a handle.
//
//export mclgo_listener_check
func mclgo_listener_check(handle C.uintptr_t, function *C.const_char, out *C.mcl_error) C.int {
	return onListener(handle, out, viewName(function), func(*listener) (int, error) { return 0, nil })
}

//export mclgo_listener_turn
func mclgo_listener_turn(handle C.uintptr_t) C.int {
	return onListener(handle, nil, "mclgo_listener_turn", func(l *listener) (int, error) { return l.Turn(), nil })
}

//export mclgo_listener_read_failed
func mclgo_listener_read_failed(handle C.uintptr_t, errno C.int) {
	onListener(handle, nil, "mclgo_listener_read_failed", func(l *listener) (int, error) {
		l.ReadFailed(syscall.Errno(errno))
		return 0, nil
	})
}
