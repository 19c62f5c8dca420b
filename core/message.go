package mcl

import (
	"bytes"
	"fmt"
	"slices"

	"libmcl/core/internal/wire"
)

// A Message is a message of a Type: an ordered map from keys to values. The values are kept as msgpack, so that what came
// from the network goes out again byte for byte, whoever encoded it.
//
// A Message must not be changed by one goroutine while another uses it. One that a callback was given is valid until the
// callback returns; Clone keeps it.
type Message struct {
	typ    *Type
	fields []field
}

type field struct {
	key    []byte // without its header; nil when it is no string
	packed []byte // the key
	value  []byte
}

// Type returns the message's type.
func (m *Message) Type() *Type { return m.typ }

// Len is the number of keys, name and timestamp included.
func (m *Message) Len() int { return len(m.fields) }

// Key returns the key at an index from 0 to Len()-1, in the message's order; one that is no string as its msgpack.
func (m *Message) Key(i int) []byte {
	if f := &m.fields[i]; f.key != nil {
		return f.key
	} else {
		return f.packed
	}
}

// Clone returns a copy that shares nothing with m.
func (m *Message) Clone() *Message {
	c := &Message{typ: m.typ}
	if err := c.index(m.AppendPacked(nil)); err != nil {
		panic(err) // what a message holds was checked when it came in
	}
	return c
}

// index makes m the message in packed, without a copy.
func (m *Message) index(packed []byte) error {
	if _, cause := wire.ScanOne(packed); cause != wire.OK {
		return formatError("decode message", m.typ.name, cause)
	}
	n, rest, ok := wire.CutMap(packed)
	if !ok {
		return &OpError{Op: "decode message", On: m.typ.name, Kind: ErrFormat, Detail: "it is no map",
			Remedy: "publish messages as maps"}
	}
	m.fields = slices.Grow(m.fields[:0], min(n, 64))
	for range n {
		var f field
		size, _, _ := wire.Scan(rest)
		f.packed, rest = rest[:size:size], rest[size:]
		f.key, _, _ = wire.CutString(f.packed)
		size, _, _ = wire.Scan(rest)
		f.value, rest = rest[:size:size], rest[size:]
		m.fields = append(m.fields, f)
	}
	return m.check()
}

// check tells whether m is of its type.
func (m *Message) check() error {
	if f := m.find(keyName); f != nil {
		name, _, ok := wire.CutString(f.value)
		if !ok || string(name) != m.typ.name {
			return m.mismatch(fmt.Sprintf("its name is %s", appendJSON(nil, f.value)))
		}
	}
	for _, key := range m.typ.mandatory {
		if m.find(key) == nil {
			return m.mismatch(fmt.Sprintf("the mandatory key %q is missing", key))
		}
	}
	return nil
}

func (m *Message) mismatch(detail string) error {
	return &OpError{Op: "decode message", On: m.typ.name, Kind: ErrType, Detail: detail,
		Remedy: "let each message type have an address of its own, and all programs the same definition of it"}
}

// find returns the last field of this key, as the later one of two wins in every decoder.
func (m *Message) find(key string) *field {
	for i := len(m.fields) - 1; i >= 0; i-- {
		if f := &m.fields[i]; string(f.key) == key && f.key != nil {
			return f
		}
	}
	return nil
}

// put sets a key's value, which becomes the message's.
func (m *Message) put(key string, value []byte) {
	if f := m.find(key); f != nil {
		f.value = value
		return
	}
	packed := appendString(nil, key)
	name, _, _ := wire.CutString(packed)
	m.fields = append(m.fields, field{key: name, packed: packed, value: value})
}

// set is put for the public setters.
func (m *Message) set(key string, value []byte) error {
	if key == keyName {
		return &OpError{Op: "set key of message", On: m.typ.name, Kind: ErrInvalid, Detail: "the name cannot be changed",
			Remedy: "make a message of the other type"}
	}
	m.put(key, value)
	return nil
}

// Set sets a key's value, adding the key when it is new; v is anything that msgpack can encode. The timestamp is left
// alone: see Touch. The name cannot be set: ErrInvalid. The error is ErrType for a v that cannot be encoded.
func (m *Message) Set(key string, v any) error {
	e := getEncoder()
	defer e.put()
	packed, err := e.encode(v)
	if err != nil {
		return err
	}
	return m.set(key, bytes.Clone(packed))
}

// The setters of a known type do what Set does.

func (m *Message) SetNil(key string) error              { return m.set(key, packedNil) }
func (m *Message) SetBool(key string, v bool) error     { return m.set(key, appendBool(nil, v)) }
func (m *Message) SetInt(key string, v int64) error     { return m.set(key, appendInt(nil, v)) }
func (m *Message) SetUint(key string, v uint64) error   { return m.set(key, wire.AppendUint(nil, v)) }
func (m *Message) SetFloat(key string, v float64) error { return m.set(key, appendFloat(nil, v)) }
func (m *Message) SetString(key string, v string) error { return m.set(key, appendString(nil, v)) }
func (m *Message) SetBytes(key string, v []byte) error  { return m.set(key, appendBytes(nil, v)) }
func (m *Message) SetPacked(key string, packed []byte) error {
	if _, cause := wire.ScanOne(packed); cause != wire.OK {
		return formatError("set key of message", m.typ.name, cause)
	}
	return m.set(key, bytes.Clone(packed))
}

// AppendPacked appends the message as its msgpack map.
func (m *Message) AppendPacked(dst []byte) []byte {
	dst = wire.AppendMapHeader(dst, len(m.fields))
	for i := range m.fields {
		dst = append(dst, m.fields[i].packed...)
		dst = append(dst, m.fields[i].value...)
	}
	return dst
}

// AppendJSON appends the message as a JSON object. Bytes that are no UTF-8 become U+FFFD, NaN and infinities null, bin
// base64, keys that are no strings the text of their JSON.
func (m *Message) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range m.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONKey(dst, m.fields[i].packed)
		dst = append(dst, ':')
		dst = appendJSON(dst, m.fields[i].value)
	}
	return append(dst, '}')
}

// MarshalJSON is AppendJSON for encoding/json.
func (m *Message) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// String is the message as JSON.
func (m *Message) String() string { return string(m.AppendJSON(nil)) }

// formatError says what is wrong with bytes that should be one msgpack object.
func formatError(op, on string, cause wire.Cause) error {
	e := &OpError{Op: op, On: on, Kind: ErrFormat, Remedy: "pass exactly one msgpack object"}
	switch cause {
	case wire.BadMsgpack:
		e.Detail = "it is no msgpack, or cut short"
	case wire.BadTrailing:
		e.Detail = "bytes follow the msgpack object"
	case wire.BadDepth:
		e.Detail = fmt.Sprintf("arrays and maps stand in each other more than %d deep", depthMax)
	}
	return e
}
