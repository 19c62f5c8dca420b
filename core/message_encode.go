package mcl

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"libmcl/core/internal/wire"
)

var packedNil = []byte{0xc0}

// The forms below are those of the encoders of msgpack 0.4, byte for byte, strings included.

func appendString(dst []byte, s string) []byte { return wire.AppendString(dst, s) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return wire.AppendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, 0xd0, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
}

func appendBytes(dst, v []byte) []byte {
	switch n := len(v); {
	case n < 1<<8:
		dst = append(dst, 0xc4, byte(n))
	case n < 1<<16:
		dst = append(dst, 0xc5, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, v...)
}

// An encoder turns Go values into msgpack, in memory that it uses again.
type encoder struct {
	buffer  bytes.Buffer
	library *msgpack.Encoder
	legacy  []byte
	items   []Item // of a PublishMany
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.library = msgpack.NewEncoder(&e.buffer)
	e.library.UseCompactInts(true)
	e.library.SetSortMapKeys(true)
	return e
}}

func getEncoder() *encoder { return encoders.Get().(*encoder) }

func (e *encoder) put() {
	if e.buffer.Cap()+cap(e.legacy)+cap(e.items)*int(unsafe.Sizeof(Item{})) <= 1<<20 {
		encoders.Put(e)
	}
}

// encode gives v as msgpack, valid until put. Scalars are encoded here without an allocation, all else by the msgpack
// library, whose str8 is then written as legacy encoders do.
func (e *encoder) encode(v any) (packed []byte, err error) {
	e.legacy = e.legacy[:0]
	switch v := v.(type) {
	case nil:
		e.legacy = append(e.legacy, 0xc0)
	case bool:
		e.legacy = appendBool(e.legacy, v)
	case int:
		e.legacy = appendInt(e.legacy, int64(v))
	case int64:
		e.legacy = appendInt(e.legacy, v)
	case uint64:
		e.legacy = wire.AppendUint(e.legacy, v)
	case float64:
		e.legacy = appendFloat(e.legacy, v)
	case string:
		e.legacy = appendString(e.legacy, v)
	case []byte:
		if v == nil {
			e.legacy = append(e.legacy, 0xc0)
		} else {
			e.legacy = appendBytes(e.legacy, v)
		}
	case *Message:
		if err := v.notNil("encode"); err != nil {
			return nil, err
		}
		e.legacy = v.AppendPacked(e.legacy)
	default:
		// The library recurses with the value, and Go cannot recover from a stack that overflows: a value that holds itself
		// must be found before.
		if depth(reflect.ValueOf(v), 0) > depthMax {
			return nil, &OpError{Op: "encode", On: fmt.Sprintf("%T", v), Kind: ErrFormat,
				Detail: fmt.Sprintf("it is nested more than %d deep, or holds itself", depthMax), Remedy: "publish flatter values"}
		}
		// A *Message or an Ext among other values encodes itself.
		e.buffer.Reset()
		if err := e.library.Encode(v); err != nil {
			return nil, &OpError{Op: "encode", On: fmt.Sprintf("%T", v), Kind: ErrType, Detail: "msgpack cannot hold it", Err: err,
				Remedy: "publish nil, bools, numbers, strings, bytes, and slices, maps and structs of them"}
		}
		packed = e.buffer.Bytes()
		str8, cause := wire.ScanOne(packed)
		if cause != wire.OK { // a type's own EncodeMsgpack
			return nil, formatError("encode", fmt.Sprintf("%T", v), cause)
		}
		if !str8 {
			return packed, nil
		}
		e.legacy = wire.AppendLegacy(e.legacy, packed)
	}
	return e.legacy, nil
}

// depth tells how deep a value is nested, as far as msgpack sees it; it stops beyond depthMax.
func depth(v reflect.Value, above int) int {
	if above > depthMax || !v.IsValid() || encodesItself(v.Type()) {
		return above
	}
	deepest := above
	deeper := func(v reflect.Value) { deepest = max(deepest, depth(v, above+1)) }
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		deeper(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); (f.IsExported() || f.Anonymous) && f.Tag.Get("msgpack") != "-" {
				deeper(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		if isFlat(v.Type().Elem()) {
			return above + 1
		}
		for i := range v.Len() {
			deeper(v.Index(i))
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			deeper(entries.Key())
			deeper(entries.Value())
		}
	}
	return deepest
}

var selfEncoders = []reflect.Type{reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
	reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler]()}

// encodesItself tells the types that the library asks for their encoding instead of looking into them.
func encodesItself(t reflect.Type) bool {
	return slices.ContainsFunc(selfEncoders, t.Implements)
}

// isFlat tells the types whose values hold no others, so that large arrays of them are not looked through.
func isFlat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return false
	}
	return true
}

// decodeInto fills what v points to from one well-formed object.
func decodeInto(packed []byte, v any) (err error) {
	if p, ok := v.(*any); ok {
		*p, err = decodeAny(packed)
		return err
	}
	defer func() {
		// The library hashes map keys of any type, and an array as a key is none that Go can hash.
		if r := recover(); r != nil {
			err = &OpError{Op: "decode", On: fmt.Sprintf("%T", v), Kind: ErrType, Detail: fmt.Sprint(r)}
		}
	}()
	d := msgpack.GetDecoder()
	defer msgpack.PutDecoder(d)
	d.ResetReader(bytes.NewReader(packed))
	if err := d.Decode(v); err != nil {
		return &OpError{Op: "decode", On: fmt.Sprintf("%T", v), Kind: ErrType, Detail: "the payload does not fit", Err: err,
			Remedy: "look at it with Value"}
	}
	return nil
}
