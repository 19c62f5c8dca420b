package wire

import "encoding/binary"

// FragmentSize is both the largest packed message that travels as one datagram and the size of the fragments of
// a larger one. It is the reference's MTU.
const FragmentSize = 60000

// datagramMax is what UDP over IPv6 carries at most without jumbograms: 65535 minus the UDP header (RFC 8200, 768).
const datagramMax = 65527

// A Datagram is one parsed envelope. Its slices point into the bytes it was parsed from.
type Datagram struct {
	Topic    []byte
	HasTopic bool   // false: the topic is nil
	Payload  []byte // the packed payload, or the fragment of one
	Packet   uint32 // of a fragment: its number, from 1
	Packets  uint32 // of a fragment: how many there are. 0: the payload is whole
}

// Parse takes a datagram apart. messageMax is the largest payload that is accepted, in bytes.
func Parse(b []byte, messageMax int64) (d Datagram, cause Cause) {
	n, rest, ok := CutArray(b)
	if !ok || n != 2 && n != 4 {
		// Tell garbage from msgpack that is no message.
		if _, _, cause := Scan(b); cause != OK {
			return d, cause
		}
		return d, BadShape
	}
	topic, hasTopic, rest, cause := cutTopic(rest)
	if cause != OK {
		return d, cause
	}
	d.Topic, d.HasTopic = topic, hasTopic
	if n == 2 {
		size, _, cause := Scan(rest)
		if cause != OK {
			return d, cause
		}
		if size != len(rest) {
			return d, BadTrailing
		}
		if int64(size) > messageMax {
			return d, BadSize
		}
		d.Payload = rest
		return d, OK
	}
	packet, rest, cause := cutInt(rest)
	if cause != OK {
		return d, cause
	}
	packets, rest, cause := cutInt(rest)
	if cause != OK {
		return d, cause
	}
	d.Payload, rest, cause = cutBytes(rest)
	switch {
	case cause != OK:
		return d, cause
	case len(rest) != 0:
		return d, BadTrailing
	case packets < 1 || packets > messageMax/FragmentSize+1:
		return d, BadPackets
	case packet < 1 || packet > packets:
		return d, BadPacket
	}
	d.Packet, d.Packets = uint32(packet), uint32(packets)
	return d, OK
}

// CutArray reads the header of an array.
func CutArray(b []byte) (n int, rest []byte, ok bool) {
	return cutContainer(b, 0x90, codeArray16)
}

// CutMap reads the header of a map.
func CutMap(b []byte) (n int, rest []byte, ok bool) {
	return cutContainer(b, 0x80, codeMap16)
}

func cutContainer(b []byte, fix, code16 byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) == 0:
	case b[0]&0xf0 == fix:
		return int(b[0] & 0x0f), b[1:], true
	case b[0] == code16 && len(b) >= 3:
		return int(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case b[0] == code16+1 && len(b) >= 5:
		return int(binary.BigEndian.Uint32(b[1:])), b[5:], true
	}
	return 0, nil, false
}

// AppendMapHeader appends what precedes n keys and values.
func AppendMapHeader(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x80|byte(n))
	case n < 1<<16:
		return append(dst, codeMap16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, codeMap16+1), uint32(n))
}

// CutString reads a str or a bin; ok is false for anything else.
func CutString(b []byte) (data, rest []byte, ok bool) {
	data, rest, cause := cutBytes(b)
	return data, rest, cause == OK
}

func cutTopic(b []byte) (topic []byte, ok bool, rest []byte, cause Cause) {
	if len(b) > 0 && b[0] == codeNil {
		return nil, false, b[1:], OK
	}
	topic, rest, cause = cutBytes(b)
	if cause == BadShape {
		cause = BadTopic
	}
	return topic, cause == OK, rest, cause
}

// cutBytes reads a str or a bin. cause is BadShape for another well-formed object.
func cutBytes(b []byte) (data, rest []byte, cause Cause) {
	if len(b) == 0 {
		return nil, nil, BadMsgpack
	}
	head := 0
	switch c := b[0]; {
	case c&0xe0 == 0xa0:
		head = 1
	case c == codeStr8 || c == codeBin8:
		head = 2
	case c == codeStr16 || c == codeBin16:
		head = 3
	case c == codeStr32 || c == codeBin32:
		head = 5
	}
	if head == 0 {
		if _, _, cause := Scan(b); cause != OK {
			return nil, nil, cause
		}
		return nil, nil, BadShape
	}
	size, _ := measure(b)
	if size > len(b) {
		return nil, nil, BadMsgpack
	}
	return b[head:size:size], b[size:], OK
}

// cutInt reads an integer of any width; one that is negative or beyond int64 is given as -1,
// which no count may be.
func cutInt(b []byte) (v int64, rest []byte, cause Cause) {
	if len(b) == 0 {
		return 0, nil, BadMsgpack
	}
	c := b[0]
	if c < 0x80 || c >= 0xe0 {
		return max(int64(int8(c)), -1), b[1:], OK
	}
	if c < codeUint8 || c > 0xd3 {
		if _, _, cause := Scan(b); cause != OK {
			return 0, nil, cause
		}
		return 0, nil, BadShape
	}
	size, _ := measure(b)
	if size > len(b) {
		return 0, nil, BadMsgpack
	}
	v = bigEndian(b[1:size])
	if v < 0 || c >= 0xd0 && b[1]&0x80 != 0 {
		v = -1
	}
	return v, b[size:], OK
}

func bigEndian(b []byte) (v int64) {
	for _, c := range b {
		v = v<<8 | int64(c)
	}
	return v
}

// AppendString appends a string as the encoders of msgpack 0.4 write it: never str8, never bin.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	switch n := len(s); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<16:
		dst = append(dst, codeStr16, byte(n>>8), byte(n))
	default:
		dst = append(dst, codeStr32)
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	return append(dst, s...)
}

// AppendTopic appends a topic; nil stands for none.
func AppendTopic(dst []byte, topic *string) []byte {
	if topic == nil {
		return append(dst, codeNil)
	}
	return AppendString(dst, *topic)
}

// AppendUint appends an integer in its shortest form.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(dst, byte(v))
	case v < 1<<8:
		return append(dst, codeUint8, byte(v))
	case v < 1<<16:
		return append(dst, codeUint16, byte(v>>8), byte(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, codeUint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeUint64), v)
}

// AppendSingle appends what precedes the payload of a message that travels as one datagram.
func AppendSingle(dst []byte, topic *string) []byte {
	return AppendTopic(append(dst, 0x92), topic)
}

// AppendFragment appends what precedes a fragment of size bytes.
func AppendFragment(dst []byte, topic *string, packet, packets uint32, size int) []byte {
	dst = AppendTopic(append(dst, 0x94), topic)
	dst = AppendUint(dst, uint64(packet))
	dst = AppendUint(dst, uint64(packets))
	if size < 32 {
		return append(dst, 0xa0|byte(size))
	}
	return append(dst, codeStr16, byte(size>>8), byte(size))
}

// Packets is the number of datagrams that a payload of size bytes travels in, behind a single-datagram header of
// head bytes: 0 when it goes whole. As the reference counts, an exact multiple of FragmentSize takes one more, empty.
func Packets(head, size int) uint32 {
	if head+size <= FragmentSize {
		return 0
	}
	return uint32(size/FragmentSize + 1)
}

// TopicFits tells whether a fragment with this topic fits a datagram.
func TopicFits(topic *string) bool {
	return topic == nil || len(*topic)+1+5+5+5+3+FragmentSize <= datagramMax
}
