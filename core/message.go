package mcl

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/vmihailenco/msgpack/v5"

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

// EncodeMsgpack lets a message stand inside of other values that are encoded.
func (m *Message) EncodeMsgpack(e *msgpack.Encoder) error {
	return e.Encode(msgpack.RawMessage(m.AppendPacked(nil)))
}

func (m *Message) notNil(op string) error {
	if m != nil {
		return nil
	}
	return &OpError{Op: op, Kind: ErrInvalid, Detail: "the message is nil", Remedy: "make one with Type.New"}
}

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

// keysMax is how many keys a message may have. A field costs some 40 times the two bytes that a pair may have on the wire:
// without a limit a message of 64 MiB would take gigabytes.
const keysMax = 1 << 16

// index makes m the message in packed, without a copy.
func (m *Message) index(packed []byte) error {
	if err := m.typ.check(packed); err != nil {
		return err
	}
	n, rest, _ := wire.CutMap(packed)
	m.fields = slices.Grow(m.fields[:0], min(n, 64))
	for range n {
		var f field
		f.packed, f.key, f.value, rest = cutPair(rest)
		m.fields = append(m.fields, f)
	}
	return nil
}

// cutPair reads a key and its value from a map; key is nil when it is no string.
func cutPair(b []byte) (packed, key, value, rest []byte) {
	size, _, _ := wire.Scan(b)
	packed, rest = b[:size:size], b[size:]
	key, _, _ = wire.CutString(packed)
	size, _, _ = wire.Scan(rest)
	return packed, key, rest[:size:size], rest[size:]
}

// check tells whether packed is a message of the type. It is what every message passes on its way in: one pass, no
// memory but for maps of 256 keys and more, and texts that do not grow with what a sender made up.
func (t *Type) check(packed []byte) error {
	if _, cause := wire.ScanOne(packed); cause != wire.OK {
		return formatError("decode message", t.name, cause)
	}
	n, rest, ok := wire.CutMap(packed)
	if !ok {
		return &OpError{Op: "decode message", On: t.name, Kind: ErrFormat, Detail: "it is no map, but " + kindOf(packed).String(),
			Remedy: "publish messages as maps"}
	}
	if n > keysMax {
		return &OpError{Op: "decode message", On: t.name, Kind: ErrTooLarge, Detail: fmt.Sprintf("it has %d keys, the limit is %d", n, keysMax),
			Remedy: "put them into a nested map"}
	}
	var few [4]uint64 // which mandatory keys are there
	seen := few[:]
	if len(t.mandatory) > 64*len(few) {
		seen = make([]uint64, len(t.mandatory)/64+1)
	}
	missing := len(t.mandatory)
	var name []byte
	for range n {
		var key, value []byte
		_, key, value, rest = cutPair(rest)
		if key == nil {
			continue
		}
		if string(key) == keyName {
			name = value // the last counts, as in every decoder
		}
		if i, ok := t.index[string(key)]; ok && seen[i/64]&(1<<(i%64)) == 0 {
			seen[i/64] |= 1 << (i % 64)
			missing--
		}
	}
	if name != nil {
		if text, _, ok := wire.CutString(name); !ok {
			return t.mismatch("its name is " + kindOf(name).String())
		} else if string(text) != t.name {
			return t.mismatch(fmt.Sprintf("its name is %.100q", text))
		}
	}
	if missing > 0 {
		for i, key := range t.mandatory {
			if seen[i/64]&(1<<(i%64)) == 0 {
				return t.mismatch(fmt.Sprintf("the mandatory key %q is missing", key))
			}
		}
	}
	return nil
}

func (t *Type) mismatch(detail string) error {
	return &OpError{Op: "decode message", On: t.name, Kind: ErrType, Detail: detail,
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

// SetNil sets a key's value to nil. The errors of this and the following setters are those of Set.
func (m *Message) SetNil(key string) error { return m.set(key, packedNil) }

// SetBool sets a key's value to a bool.
func (m *Message) SetBool(key string, v bool) error { return m.set(key, appendBool(nil, v)) }

// SetInt sets a key's value to an integer.
func (m *Message) SetInt(key string, v int64) error { return m.set(key, appendInt(nil, v)) }

// SetUint sets a key's value to an integer that is not negative.
func (m *Message) SetUint(key string, v uint64) error { return m.set(key, wire.AppendUint(nil, v)) }

// SetFloat sets a key's value to a float.
func (m *Message) SetFloat(key string, v float64) error { return m.set(key, appendFloat(nil, v)) }

// SetString sets a key's value to a string; any bytes will do. ErrTooLarge for one that no message can hold.
func (m *Message) SetString(key, v string) error {
	if len(v) > messageMaxLimit {
		return m.valueTooLarge(key, len(v))
	}
	return m.set(key, appendString(nil, v))
}

// SetBytes sets a key's value to a copy of v, as msgpack's bin. ErrTooLarge for one that no message can hold.
func (m *Message) SetBytes(key string, v []byte) error {
	if len(v) > messageMaxLimit {
		return m.valueTooLarge(key, len(v))
	}
	return m.set(key, appendBytes(nil, v))
}

func (m *Message) valueTooLarge(key string, size int) error {
	return &OpError{Op: "set key of message", On: m.typ.name, Kind: ErrTooLarge,
		Detail: fmt.Sprintf("the value of %q has %d bytes", key, size), Remedy: fmt.Sprintf("no message can be larger than %d", messageMaxLimit)}
}

// SetPacked sets a key's value to a copy of one object that is msgpack already. The error is ErrFormat for anything else.
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
// base64, as do keys that are arrays, maps or extensions; other keys that are no strings become the text of their JSON.
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

// CheckPacked looks at bytes that came from elsewhere as everything does here that takes a payload, before a decoder sees them:
// they are exactly one msgpack object, nested no more than 512 deep, and none of its maps has keys that were chosen so that a dict
// of Python's would take very long. Else the error is ErrFormat.
func CheckPacked(packed []byte) error {
	if _, cause := wire.ScanOne(packed); cause != wire.OK {
		return formatError("check", fmt.Sprintf("%d bytes", len(packed)), cause)
	}
	return nil
}

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
	case wire.BadKeys:
		e.Detail = "a map's keys would make a dict of Python's very slow: many have one hash, as NaN, or nearly so"
		e.Remedy = "use other keys, or an array of pairs"
	}
	return e
}
