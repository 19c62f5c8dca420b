package main

// #include <string.h>
// #include "shim.h"
import "C"

import (
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
	return C.MCL_OK
}

// broadcaster is what each export on a broadcaster does: find it, call do, translate the error.
func broadcaster(handle C.uintptr_t, out *C.mcl_error, op string, do func(*mcl.RawBroadcaster) error) (code C.int) {
	defer guard(out, op, &code)
	e, err := enter(handle, broadcasterKind)
	if err != nil {
		return report(out, op, err)
	}
	defer e.leave()
	return report(out, op, do(e.object.(*mcl.RawBroadcaster)))
}

//export mclgo_broadcaster_publish
func mclgo_broadcaster_publish(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, packed *C.const_byte,
	size C.size_t, connected *C.int, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish", func(b *mcl.RawBroadcaster) error {
		defer tellConnected(b, b.SocketUses(), connected)
		return b.PublishPacked(viewTopic(topic, topicSize), view(unsafe.Pointer(packed), size))
	})
}

// tellConnected tells the C half whether its socket follows the network, after a publish before which it had been used so often.
func tellConnected(b *mcl.RawBroadcaster, uses uint64, connected *C.int) {
	*connected = C.int(boolean(b.SocketUses() > uses))
}

//export mclgo_broadcaster_publish_message
func mclgo_broadcaster_publish_message(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	message C.uintptr_t, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_message", func(b *mcl.RawBroadcaster) error {
		e, err := enter(message, messageKind)
		if err != nil {
			return err
		}
		defer e.leave()
		return b.PublishMessage(viewTopic(topic, topicSize), e.object.(*mcl.Message))
	})
}

//export mclgo_broadcaster_publish_nil
func mclgo_broadcaster_publish_nil(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_nil", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), nil)
	})
}

//export mclgo_broadcaster_publish_bool
func mclgo_broadcaster_publish_bool(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.int,
	out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_bool", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), value != 0)
	})
}

//export mclgo_broadcaster_publish_int
func mclgo_broadcaster_publish_int(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.int64_t,
	out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_int", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), int64(value))
	})
}

//export mclgo_broadcaster_publish_uint
func mclgo_broadcaster_publish_uint(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.uint64_t,
	out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_uint", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), uint64(value))
	})
}

//export mclgo_broadcaster_publish_double
func mclgo_broadcaster_publish_double(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t, value C.double,
	out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_double", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), float64(value))
	})
}

//export mclgo_broadcaster_publish_string
func mclgo_broadcaster_publish_string(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	value *C.const_char, size C.size_t, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_string", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), viewText(value, size))
	})
}

//export mclgo_broadcaster_publish_bytes
func mclgo_broadcaster_publish_bytes(handle C.uintptr_t, topic *C.const_char, topicSize C.size_t,
	value *C.const_byte, size C.size_t, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_bytes", func(b *mcl.RawBroadcaster) error {
		return b.PublishTopic(viewTopic(topic, topicSize), view(unsafe.Pointer(value), size))
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
	connected *C.int, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_publish_many", func(b *mcl.RawBroadcaster) error {
		defer tellConnected(b, b.SocketUses(), connected)
		l := itemLists.Get().(*itemList)
		defer l.put()
		n, err := b.PublishMany(l.view(unsafe.Slice((*C.shim_item)(items), int(count))))
		*sent = C.size_t(n)
		return err
	})
}

//export mclgo_broadcaster_set_fragment_size
func mclgo_broadcaster_set_fragment_size(handle C.uintptr_t, bytes C.int, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_set_fragment_size", func(b *mcl.RawBroadcaster) error {
		return b.SetFragmentSize(int(bytes))
	})
}

//export mclgo_broadcaster_flush
func mclgo_broadcaster_flush(handle C.uintptr_t, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_flush", (*mcl.RawBroadcaster).Flush)
}

//export mclgo_broadcaster_get_stats
func mclgo_broadcaster_get_stats(handle C.uintptr_t, stats *C.mcl_broadcaster_stats, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_get_stats", func(b *mcl.RawBroadcaster) error {
		s := b.Stats()
		stats.messages = C.uint64_t(s.Messages)
		stats.datagrams = C.uint64_t(s.Datagrams)
		stats.bytes = C.uint64_t(s.Bytes)
		stats.send_errors = C.uint64_t(s.SendErrors)
		return nil
	})
}

//export mclgo_broadcaster_get_settings
func mclgo_broadcaster_get_settings(handle C.uintptr_t, settings *C.mcl_settings, out *C.mcl_error) C.int {
	return broadcaster(handle, out, "mcl_broadcaster_get_settings", func(b *mcl.RawBroadcaster) error {
		putSettings(settings, b.Settings())
		return nil
	})
}

//export mclgo_broadcaster_close
func mclgo_broadcaster_close(handle C.uintptr_t) (code C.int) {
	const op = "mcl_broadcaster_close"
	defer guard(nil, op, &code)
	return report(nil, op, closeHandle(handle, broadcasterKind, (*mcl.RawBroadcaster).Close))
}
