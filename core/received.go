package mcl

import (
	"net/netip"
	"time"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/queue"
)

// A Received is one message as it arrived. One that a callback was given is valid until that returns, one in a Hand until that is
// settled, and one from Receive for good.
type Received struct {
	Topic     []byte
	HasTopic  bool   // false: the message has no topic
	Payload   []byte // one msgpack object, checked to be well formed
	Time      int64  // nanoseconds since the Unix epoch, when the kernel received its last datagram
	Sender    netip.AddrPort
	Interface int // index of the interface it came in by; 0: unknown

	typ     *Type
	message *Message
	owner   *buf.Buf // of Lend
}

// When returns the time of receipt.
func (r *Received) When() time.Time { return time.Unix(0, r.Time) }

// Value returns the payload as a Go value: nil, bool, int64 (uint64 beyond its range), float64, string, []byte, Ext, []any,
// map[string]any, or map[any]any where a key is no string. ErrType when Go cannot hold it, as with an array for a key.
func (r *Received) Value() (any, error) { return decodeAny(r.Payload) }

// Decode fills what v points to from the payload, as the msgpack library does: structs by `msgpack:"key"` tags.
func (r *Received) Decode(v any) error { return decodeInto(r.Payload, v) }

// Message returns the message of a listener for a message type, nil for others. It is valid as long as r is.
func (r *Received) Message() *Message {
	if r.typ == nil {
		return nil
	}
	if r.message == nil {
		r.message = new(Message)
	}
	if r.message.typ == nil {
		r.message.typ = r.typ
		if r.message.index(r.Payload) != nil {
			panic("mcl: a message that was checked does not decode")
		}
		r.message.addImplied()
	}
	return r.message
}

// set fills r from an entry, keeping its memory for messages.
func (r *Received) set(e *queue.Entry, t *Type) {
	r.Topic, r.HasTopic, r.Payload, r.Time = e.Topic, e.HasTopic, e.Payload, e.Time
	r.Sender, r.Interface, r.typ = e.From, e.Interface, t
	if r.message != nil {
		r.message.typ = nil // to be decoded anew when it is asked for
	}
}

func (r *Received) release() {
	if r.owner != nil {
		r.owner.Release()
		r.owner = nil
	}
}
