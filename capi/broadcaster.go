package main

// #include <string.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	mcl "libmcl/core"
)

//export mclgo_broadcaster_open
func mclgo_broadcaster_open(c *C.const_connection, options *C.const_broadcaster_options, handle *C.uintptr_t,
	socket *C.shim_socket, out *C.mcl_error) (code C.int) {
	const op = "mcl_broadcaster_open"
	defer guard(out, op, &code)
	t, err := optionalType(options._type)
	if err != nil {
		return report(out, op, err)
	}
	o := mcl.BroadcasterOptions{
		Type:         t,
		Verbatim:     options.verbatim == C.MCL_ON,
		Coalesce:     time.Duration(options.coalesce_us) * time.Microsecond,
		OnDescriptor: tellDescriptor,
	}
	if topic := viewTopic((*C.const_char)(options.topic), options.topic_size); topic != nil {
		kept := strings.Clone(*topic)
		o.Topic = &kept
	}
	b, err := mcl.OpenBroadcaster(connection(c), o)
	if err != nil {
		return report(out, op, err)
	}
	*handle = newHandle(broadcasterKind, b, nil)
	socket.fd, socket.verbatim = C.int(b.Socket()), C.int32_t(boolean(o.Verbatim))
	socket.message_max = C.int64_t(b.Connection().MessageMax)
	socket.objects_max = C.int64_t(b.Connection().ObjectsMax)
	return C.MCL_OK
}

// A waiter is how the caller of a publish waits.
type waiter C.shim_wait

// Wait implements mcl.Waiter.
func (w *waiter) Wait(fd int, most time.Duration) bool {
	return C.shim_wait_on((*C.shim_wait)(w), C.int(fd), C.int64_t(most)) != 0
}

// publishing is what each export does that may wait: 1 when all has left, 0 when the time is over.
func publishing(handle C.uintptr_t, wait *C.shim_wait, out *C.mcl_error, op string,
	do func(*mcl.RawBroadcaster, mcl.Publisher) error) C.int {
	return on(handle, broadcasterKind, out, op, func(b *mcl.RawBroadcaster) (int, error) {
		err := do(b, b.By((*waiter)(wait)))
		switch {
		case err == nil:
			return 1, nil
		case err == mcl.ErrLeaving:
			return C.MCL_LEAVING, nil
		case wait.interrupted == 0 && errors.Is(err, mcl.ErrInterrupted):
			return 0, nil
		}
		return 0, err
	})
}

//export mclgo_broadcaster_publish
func mclgo_broadcaster_publish(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, packed *C.const_byte,
	size C.size_t, connected *C.int, wait *C.shim_wait, op *C.const_char, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, viewName(op), func(b *mcl.RawBroadcaster, p mcl.Publisher) error {
		defer tellConnected(b, b.SocketUses(), connected)
		return p.PublishPacked(viewTopic(topic, topicSize), view(unsafe.Pointer(packed), size))
	})
}

// tellConnected tells the C half whether its socket follows the network, after a publish before which it had been used so often.
func tellConnected(b *mcl.RawBroadcaster, uses uint64, connected *C.int) {
	*connected = C.int(boolean(b.SocketUses() > uses))
}

//export mclgo_broadcaster_publish_message
func mclgo_broadcaster_publish_message(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	message C.uintptr_t, wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_message", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		e, err := enter(message, messageKind)
		if err != nil {
			return err
		}
		defer e.leave()
		return p.PublishMessage(viewTopic(topic, topicSize), e.object.(*mcl.Message))
	})
}

//export mclgo_broadcaster_publish_nil
func mclgo_broadcaster_publish_nil(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_nil", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), nil)
	})
}

//export mclgo_broadcaster_publish_bool
func mclgo_broadcaster_publish_bool(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.int,
	wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_bool", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), value != 0)
	})
}

//export mclgo_broadcaster_publish_int
func mclgo_broadcaster_publish_int(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.int64_t,
	wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_int", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), int64(value))
	})
}

//export mclgo_broadcaster_publish_uint
func mclgo_broadcaster_publish_uint(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.uint64_t,
	wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_uint", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), uint64(value))
	})
}

//export mclgo_broadcaster_publish_double
func mclgo_broadcaster_publish_double(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.double,
	wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_double", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), float64(value))
	})
}

//export mclgo_broadcaster_publish_string
func mclgo_broadcaster_publish_string(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	value *C.const_char, size C.size_t, wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_string", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), viewText(value, size))
	})
}

//export mclgo_broadcaster_publish_bytes
func mclgo_broadcaster_publish_bytes(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	value *C.const_byte, size C.size_t, wait *C.shim_wait, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, "mcl_broadcaster_publish_bytes", func(_ *mcl.RawBroadcaster, p mcl.Publisher) error {
		return p.PublishTopic(viewTopic(topic, topicSize), view(unsafe.Pointer(value), size))
	})
}

// An itemList is a batch as the core takes it, in memory that is used again.
type itemList struct {
	items  []mcl.Item
	topics []string
}

var itemLists = sync.Pool{New: func() any { return new(itemList) }}

// itemsAtHand is how many are kept for the next batch.
const itemsAtHand = 4096

func (l *itemList) view(items []C.shim_item) []mcl.Item {
	l.items, l.topics = slices.Grow(l.items[:0], len(items)), slices.Grow(l.topics[:0], len(items))
	for i := range items {
		c := &items[i]
		item := mcl.Item{Payload: view(pointerTo(c.payload), c.payload_size)}
		if c.topic != 0 {
			topic := (*C.const_char)(pointerTo(c.topic))
			size := c.topic_size
			if size == upToNUL {
				size = C.strlen((*C.char)(unsafe.Pointer(topic)))
			}
			l.topics = append(l.topics, viewText(topic, size))
			item.Topic = &l.topics[len(l.topics)-1]
		}
		l.items = append(l.items, item)
	}
	return l.items
}

func (l *itemList) put() {
	clear(l.items)
	clear(l.topics)
	if cap(l.items) <= itemsAtHand {
		itemLists.Put(l)
	}
}

//export mclgo_broadcaster_publish_many
func mclgo_broadcaster_publish_many(handle C.uintptr_t, items *C.const_item, count C.size_t, sent *C.size_t,
	connected *C.int, wait *C.shim_wait, op *C.const_char, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, viewName(op), func(b *mcl.RawBroadcaster, p mcl.Publisher) error {
		defer tellConnected(b, b.SocketUses(), connected)
		l := itemLists.Get().(*itemList)
		defer l.put()
		n, err := p.PublishMany(l.view(unsafe.Slice((*C.shim_item)(items), int(count))))
		*sent = C.size_t(n)
		return err
	})
}

//export mclgo_broadcaster_set_fragment_size
func mclgo_broadcaster_set_fragment_size(handle C.uintptr_t, bytes C.int, out *C.mcl_error) C.int {
	return on(handle, broadcasterKind, out, "mcl_broadcaster_set_fragment_size", func(b *mcl.RawBroadcaster) (int, error) {
		return 0, b.SetFragmentSize(int(bytes))
	})
}

//export mclgo_broadcaster_flush
func mclgo_broadcaster_flush(handle C.uintptr_t, wait *C.shim_wait, op *C.const_char, out *C.mcl_error) C.int {
	return publishing(handle, wait, out, viewName(op), func(_ *mcl.RawBroadcaster, p mcl.Publisher) error { return p.Flush() })
}

//export mclgo_broadcaster_get_stats
func mclgo_broadcaster_get_stats(handle C.uintptr_t, stats *C.mcl_broadcaster_stats, out *C.mcl_error) C.int {
	return on(handle, broadcasterKind, out, "mcl_broadcaster_get_stats", func(b *mcl.RawBroadcaster) (int, error) {
		s := b.Stats()
		stats.messages = C.uint64_t(s.Messages)
		stats.datagrams = C.uint64_t(s.Datagrams)
		stats.bytes = C.uint64_t(s.Bytes)
		stats.send_errors = C.uint64_t(s.SendErrors)
		return 0, nil
	})
}

//export mclgo_broadcaster_get_settings
func mclgo_broadcaster_get_settings(handle C.uintptr_t, settings *C.mcl_settings, out *C.mcl_error) C.int {
	return on(handle, broadcasterKind, out, "mcl_broadcaster_get_settings", func(b *mcl.RawBroadcaster) (int, error) {
		putSettings(settings, b.Settings())
		return 0, nil
	})
}

//export mclgo_broadcaster_close
func mclgo_broadcaster_close(handle C.uintptr_t) (code C.int) {
	const op = "mcl_broadcaster_close"
	defer guard(nil, op, &code)
	return report(nil, op, closeHandle(handle, broadcasterKind, (*mcl.RawBroadcaster).Close))
}
