package mcl

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	"libmcl/core/internal/wire"
)

// appendJSON appends one well-formed msgpack object as JSON. It recurses at most depthMax deep.
func appendJSON(dst, packed []byte) []byte {
	dst, _ = appendJSONValue(dst, packed)
	return dst
}

func appendJSONValue(dst, b []byte) (json, rest []byte) {
	kind := kindOf(b)
	one := b
	if kind != KindArray && kind != KindMap { // of which only the elements know where they end
		size, _, _ := wire.Scan(b)
		one, rest = b[:size], b[size:]
	}
	switch kind {
	case KindNil:
		dst = append(dst, "null"...)
	case KindBool:
		dst = strconv.AppendBool(dst, one[0] == 0xc3)
	case KindInt, KindUint:
		if i, u, _ := readInt(one); kind == KindInt {
			dst = strconv.AppendInt(dst, i, 10)
		} else {
			dst = strconv.AppendUint(dst, u, 10)
		}
	case KindFloat:
		dst = appendJSONFloat(dst, one)
	case KindString:
		s, _, _ := wire.CutString(one)
		dst = appendJSONString(dst, s)
	case KindBytes:
		s, _, _ := wire.CutString(one)
		dst = appendBase64(dst, s)
	case KindArray:
		n, elements, _ := wire.CutArray(one)
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst, elements = appendJSONValue(dst, elements)
		}
		dst, rest = append(dst, ']'), elements
	case KindMap:
		n, entries, _ := wire.CutMap(one)
		dst = append(dst, '{')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			size, _, _ := wire.Scan(entries)
			dst = appendJSONKey(dst, entries[:size])
			dst = append(dst, ':')
			dst, entries = appendJSONValue(dst, entries[size:])
		}
		dst, rest = append(dst, '}'), entries
	default:
		dst = appendBase64(dst, one)
	}
	return dst, rest
}

// appendJSONKey makes a string of a key that is none: a number's or bool's text, and of anything else the base64 of its
// msgpack. The text of its JSON, as a string in a string, would double its escapes with each level that a hostile sender
// nests.
func appendJSONKey(dst, packed []byte) []byte {
	switch kindOf(packed) {
	case KindString, KindBytes:
		s, _, _ := wire.CutString(packed)
		return appendJSONString(dst, s)
	case KindArray, KindMap, KindExt:
		return appendBase64(dst, packed)
	}
	dst = append(dst, '"')
	dst = appendJSON(dst, packed)
	return append(dst, '"')
}

func appendJSONString(dst, s []byte) []byte {
	text, _ := json.Marshal(string(s)) // a string has no error; what is no UTF-8 becomes U+FFFD
	return append(dst, text...)
}

func appendBase64(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, s)
	return append(dst, '"')
}

func appendJSONFloat(dst, packed []byte) []byte {
	v, bits := readFloat(packed), 64
	if packed[0] == 0xca {
		bits = 32
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...) // JSON has no word for them (RFC 8259, 6)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}
