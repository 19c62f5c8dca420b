package mcl

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vmihailenco/msgpack/v5"

	"libmcl/core/internal/wire"
)

// An Ext is an extension of msgpack, as Received.Value gives it.
type Ext struct {
	Type int8
	Data []byte
}

// EncodeMsgpack makes it go out as it came.
func (x Ext) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeExtHeader(x.Type, len(x.Data)); err != nil {
		return err
	}
	_, err := e.Writer().Write(x.Data)
	return err
}

// decodeAny gives one well-formed object as a Go value. The msgpack library would give integers in one of two types by how
// wide they were encoded, and panic on map keys that Go cannot hash.
func decodeAny(packed []byte) (any, error) {
	v, _, err := decodeValue(packed)
	return v, err
}

// decodeValue recurses at most depthMax deep.
func decodeValue(b []byte) (v any, rest []byte, err error) {
	kind := kindOf(b)
	switch kind {
	case KindArray:
		n, rest, _ := wire.CutArray(b)
		list := make([]any, 0, n)
		for range n {
			var e any
			if e, rest, err = decodeValue(rest); err != nil {
				return nil, nil, err
			}
			list = append(list, e)
		}
		return list, rest, nil
	case KindMap:
		return decodeMap(b)
	}
	size, _, _ := wire.Scan(b)
	one, rest := b[:size], b[size:]
	switch kind {
	case KindNil:
		return nil, rest, nil
	case KindBool:
		return one[0] == 0xc3, rest, nil
	case KindInt, KindUint:
		i, u, _ := readInt(one)
		if i >= 0 && u > math.MaxInt64 {
			return u, rest, nil
		}
		return i, rest, nil
	case KindFloat:
		return readFloat(one), rest, nil
	case KindString:
		s, _, _ := wire.CutString(one)
		return string(s), rest, nil
	case KindBytes:
		s, _, _ := wire.CutString(one)
		return append([]byte{}, s...), rest, nil
	}
	head := 2 // fixext
	switch one[0] {
	case 0xc7:
		head = 3
	case 0xc8:
		head = 4
	case 0xc9:
		head = 6
	}
	return Ext{int8(one[head-1]), append([]byte{}, one[head:]...)}, rest, nil
}

// decodeMap gives a map[string]any where all keys are strings, else a map[any]any.
func decodeMap(b []byte) (v any, rest []byte, err error) {
	n, rest, _ := wire.CutMap(b)
	byName := make(map[string]any, n)
	var byAny map[any]any
	for range n {
		var key, value any
		if key, rest, err = decodeValue(rest); err != nil {
			return nil, nil, err
		}
		if value, rest, err = decodeValue(rest); err != nil {
			return nil, nil, err
		}
		if bin, ok := key.([]byte); ok { // what encoders of msgpack 1.0 make of a Python 2 string
			key = string(bin)
		}
		name, isName := key.(string)
		if isName && byAny == nil {
			byName[name] = value
			continue
		}
		if byAny == nil {
			byAny = make(map[any]any, n)
			for k, v := range byName {
				byAny[k] = v
			}
		}
		switch key.(type) {
		case []any, map[string]any, map[any]any, Ext:
			return nil, nil, &OpError{Op: "decode", Kind: ErrType, Detail: fmt.Sprintf("Go has no map with a %T for a key", key),
				Remedy: "read the packed payload"}
		}
		byAny[key] = value
	}
	if byAny != nil {
		return byAny, rest, nil
	}
	return byName, rest, nil
}

func readFloat(packed []byte) float64 {
	if packed[0] == 0xca {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(packed[1:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(packed[1:]))
}
