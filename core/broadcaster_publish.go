package mcl

import (
	"fmt"

	"libmcl/core/internal/wire"
)

// Publish sends one value with the default topic: anything that msgpack can hold, such as nil, booleans, numbers, strings,
// []byte, slices, maps and structs. It has left for the kernel when Publish returns; Publish waits while the socket's
// buffer is full.
//
// The errors are ErrClosed, ErrType (it cannot be encoded, or the broadcaster is for messages of a type), ErrFormat (nested
// more than 512 deep, or with keys as CheckPacked refuses them), ErrTooLarge, ErrRoute (the network cannot carry it now), ErrNoBuffers and ErrSystem. A large message may
// have gone out in part after the last three; receivers drop such a part. Publishing works again as soon as the network does.
func (b *RawBroadcaster) Publish(v any) error { return b.PublishTopic(nil, v) }

// PublishTopic is Publish with a topic; nil means the default.
func (b *RawBroadcaster) PublishTopic(topic *string, v any) error {
	return b.By(nil).PublishTopic(topic, v)
}

// PublishTopic is RawBroadcaster.PublishTopic.
func (p Publisher) PublishTopic(topic *string, v any) error {
	if b := p.broadcaster; b.opts.Type != nil {
		m, ok := v.(*Message)
		if !ok {
			return &OpError{Op: "publish on", On: b.res.conn.String(), Kind: ErrType,
				Detail: fmt.Sprintf("a %T is no message of type %s", v, b.opts.Type.name), Remedy: "publish such a message"}
		}
		return p.PublishMessage(topic, m)
	}
	e := getEncoder()
	defer e.put()
	packed, err := e.encode(v)
	if err != nil {
		return err
	}
	return p.sendOne(topic, packed)
}

// PublishPacked publishes a payload that is msgpack already: exactly one object, else the error is ErrFormat. A nil topic
// means the default. It does not keep packed.
func (b *RawBroadcaster) PublishPacked(topic *string, packed []byte) error {
	return b.By(nil).PublishPacked(topic, packed)
}

// PublishPacked is RawBroadcaster.PublishPacked.
func (p Publisher) PublishPacked(topic *string, packed []byte) error {
	e := getEncoder()
	defer e.put()
	e.legacy = e.legacy[:0]
	payload, err := p.broadcaster.check(e, packed)
	if err != nil {
		return err
	}
	return p.sendOne(topic, payload)
}

// check tells whether packed may be published here, and returns what is to be sent for it, which may lie in e.
func (b *RawBroadcaster) check(e *encoder, packed []byte) ([]byte, error) {
	if b.opts.Type != nil {
		m, err := b.opts.Type.Decode(packed)
		if err != nil {
			return nil, err
		}
		packed = m.AppendPacked(nil) // with what was missing
	}
	str8, cause := wire.ScanOne(packed)
	if cause != wire.OK {
		return nil, formatError("publish on", b.res.conn.String(), cause)
	}
	if str8 && !b.opts.Verbatim {
		start := len(e.legacy)
		// An append may move what was appended before; that stays valid where it was.
		e.legacy = wire.AppendLegacy(e.legacy, packed)
		return e.legacy[start:], nil
	}
	return packed, nil
}

// PublishMessage publishes a message; one of another type than the broadcaster's is ErrType.
func (b *RawBroadcaster) PublishMessage(topic *string, m *Message) error {
	return b.By(nil).PublishMessage(topic, m)
}

// PublishMessage is RawBroadcaster.PublishMessage.
func (p Publisher) PublishMessage(topic *string, m *Message) error {
	b := p.broadcaster
	if err := m.notNil("publish"); err != nil {
		return err
	}
	if t := b.opts.Type; t != nil && m.typ != t {
		return &OpError{Op: "publish on", On: b.res.conn.String(), Kind: ErrType,
			Detail: fmt.Sprintf("a message of type %s is none of type %s", m.typ.name, t.name), Remedy: "publish such a message"}
	}
	e := getEncoder()
	defer e.put()
	e.legacy = m.AppendPacked(e.legacy[:0])
	packed := e.legacy
	str8, cause := wire.ScanOne(packed)
	if cause != wire.OK { // keys that are wrong together
		return formatError("publish on", b.res.conn.String(), cause)
	}
	if str8 && !b.opts.Verbatim {
		packed = wire.AppendLegacy(nil, packed) // a message that came so from elsewhere: rare
	}
	return p.sendOne(topic, packed)
}

func (p Publisher) sendOne(topic *string, payload []byte) error {
	one := [1]Item{{topic, payload}}
	_, err := p.broadcaster.send(one[:], p.by)
	return err
}
