package mcl

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"libmcl/core/internal/wire"
)

// A Kind is the kind of a value in a Message.
type Kind int

const (
	KindNil    Kind = kindNil
	KindBool   Kind = kindBool
	KindInt    Kind = kindInt  // negative
	KindUint   Kind = kindUint // zero or positive
	KindFloat  Kind = kindDouble
	KindString Kind = kindString // text, or any bytes from a legacy sender
	KindBytes  Kind = kindBytes
	KindArray  Kind = kindArray
	KindMap    Kind = kindMap
	KindExt    Kind = kindExt
)

var kindNames = [...]string{"nil", "a bool", "a negative integer", "an integer", "a float", "a string", "bytes",
	"an array", "a map", "an extension"}

// String names the kind for people, such as "a string".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// value gives a key's msgpack.
func (m *Message) value(key string) ([]byte, error) {
	if f := m.find(key); f != nil {
		return f.value, nil
	}
	return nil, &OpError{Op: "get key of message", On: m.typ.name, Kind: ErrUnknown, Detail: fmt.Sprintf("no key %q", key),
		Remedy: "look at its keys"}
}

func (m *Message) wrongKind(key, want string, value []byte) error {
	detail := fmt.Sprintf("the value of %q is %s, not %s", key, kindOf(value), want)
	if k := kindOf(value); k == KindInt || k == KindUint {
		detail = fmt.Sprintf("the value of %q is %s, which is not %s", key, appendJSON(nil, value), want)
	}
	return &OpError{Op: "get key of message", On: m.typ.name, Kind: ErrType, Detail: detail, Remedy: "ask for its kind first"}
}

// Kind returns the kind of a key's value. This and the getters below return ErrUnknown when there is no such key.
func (m *Message) Kind(key string) (Kind, error) {
	v, err := m.value(key)
	if err != nil {
		return 0, err
	}
	return kindOf(v), nil
}

// Bool returns a key's bool. The error of this and the following getters is ErrType when the value is of another kind or
// does not fit: integers are given by Int and Uint where they fit and by Float, strings and bytes by both Text and Bytes.
func (m *Message) Bool(key string) (bool, error) {
	v, err := m.value(key)
	if err == nil && kindOf(v) != KindBool {
		err = m.wrongKind(key, "a bool", v)
	}
	return err == nil && v[0] == 0xc3, err
}

// Int returns a key's integer.
func (m *Message) Int(key string) (int64, error) {
	v, err := m.value(key)
	if err != nil {
		return 0, err
	}
	i, u, ok := readInt(v)
	if !ok || i >= 0 && u > math.MaxInt64 {
		return 0, m.wrongKind(key, "a signed 64-bit integer", v)
	}
	return i, nil
}

// Uint returns a key's integer that is not negative.
func (m *Message) Uint(key string) (uint64, error) {
	v, err := m.value(key)
	if err != nil {
		return 0, err
	}
	i, u, ok := readInt(v)
	if !ok || i < 0 {
		return 0, m.wrongKind(key, "an unsigned 64-bit integer", v)
	}
	return u, nil
}

// Float returns a key's number.
func (m *Message) Float(key string) (float64, error) {
	v, err := m.value(key)
	if err != nil {
		return 0, err
	}
	if kindOf(v) == KindFloat {
		return readFloat(v), nil
	}
	i, u, ok := readInt(v)
	switch {
	case !ok:
		return 0, m.wrongKind(key, "a number", v)
	case i < 0:
		return float64(i), nil
	}
	return float64(u), nil
}

// Text returns a copy of a string.
func (m *Message) Text(key string) ([]byte, error) { return m.stringOrBytes(key, "a string") }

// Bytes returns a copy of bytes.
func (m *Message) Bytes(key string) ([]byte, error) { return m.stringOrBytes(key, "bytes") }

func (m *Message) stringOrBytes(key, want string) ([]byte, error) {
	v, err := m.value(key)
	if err != nil {
		return nil, err
	}
	s, _, ok := wire.CutString(v)
	if !ok {
		return nil, m.wrongKind(key, want, v)
	}
	return append([]byte{}, s...), nil
}

// Packed returns a copy of any value as its msgpack.
func (m *Message) Packed(key string) ([]byte, error) {
	v, err := m.value(key)
	return bytes.Clone(v), err
}

// Get returns any value as a Go value: see Received.Value.
func (m *Message) Get(key string) (any, error) {
	v, err := m.value(key)
	if err != nil {
		return nil, err
	}
	return decodeAny(v)
}

// Decode fills a struct (fields are named by `msgpack:"key"` tags) or map that v points to.
func (m *Message) Decode(v any) error { return decodeInto(m.AppendPacked(nil), v) }

func kindOf(packed []byte) Kind {
	switch c := packed[0]; {
	case c < 0x80 || c >= 0xcc && c <= 0xcf:
		return KindUint
	case c < 0x90 || c >= 0xde && c <= 0xdf:
		return KindMap
	case c < 0xa0 || c >= 0xdc && c <= 0xdd:
		return KindArray
	case c < 0xc0 || c >= 0xd9 && c <= 0xdb:
		return KindString
	case c == 0xc0:
		return KindNil
	case c <= 0xc3:
		return KindBool
	case c <= 0xc6:
		return KindBytes
	case c == 0xca || c == 0xcb:
		return KindFloat
	case c >= 0xe0 || c >= 0xd0 && c <= 0xd3:
		if i, _, _ := readInt(packed); i >= 0 {
			return KindUint // an encoder that does not take the shortest form
		}
		return KindInt
	}
	return KindExt
}

// readInt gives an integer both signed and unsigned; u counts when i is not negative or does not hold it.
func readInt(packed []byte) (i int64, u uint64, ok bool) {
	b := packed[1:]
	switch c := packed[0]; {
	case c < 0x80 || c >= 0xe0:
		i = int64(int8(c))
	case c == 0xcc:
		i = int64(b[0])
	case c == 0xcd:
		i = int64(binary.BigEndian.Uint16(b))
	case c == 0xce:
		i = int64(binary.BigEndian.Uint32(b))
	case c == 0xcf:
		u = binary.BigEndian.Uint64(b)
		return int64(min(u, math.MaxInt64)), u, true
	case c == 0xd0:
		i = int64(int8(b[0]))
	case c == 0xd1:
		i = int64(int16(binary.BigEndian.Uint16(b)))
	case c == 0xd2:
		i = int64(int32(binary.BigEndian.Uint32(b)))
	case c == 0xd3:
		i = int64(binary.BigEndian.Uint64(b))
	default:
		return 0, 0, false
	}
	return i, uint64(i), true
}
