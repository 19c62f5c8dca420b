// Package logfile is the text format of logs, version 1.0: headers and entries to bytes and back. It is pure: it knows no
// file and no clock.
//
// A log is a header, lines that begin with '#', and one line for each message:
//
//	0.05000    'topic'     84a974696d65…
//
// The time is in seconds since the log's origin, with five digits behind the point; the payload is msgpack in hexadecimal.
// The topic stands between quotes as it is, quotes and blanks included: the payload holds neither, so that the last quote
// of the line ends it. Only a line feed would break the line. It is written as C0 8A, a form that no text holds; and so
// that this is exact for topics that are no text, a C0 before 8A or 81 is written as C0 81.
package logfile

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"libmcl/core/internal/wire"
)

// Version is the version of the format.
const Version = "1.0"

// TopicMax is how long a topic may be, in bytes: longer than one on the wire can be.
const TopicMax = 1 << 16

// headMax is the length of all that may stand before a payload.
const headMax = timeMax + 2*TopicMax + 64

// timeMax is how much of a line tells whether it begins like an entry.
const timeMax = 128

// LineMax is the length of the longest line: of a message of 1 GiB, the largest there is, and a topic.
const LineMax = headMax + 2<<30

// An Entry is one message of a log.
type Entry struct {
	Elapsed int64 // nanoseconds since the log's origin
	Topic   []byte
	Payload []byte // exactly one msgpack object
	Line    int    // in its file, from 1
}

// AppendEntry appends the line of an entry: micros are the microseconds since the log's origin, packed is its payload.
func AppendEntry[T string | []byte](dst []byte, micros int64, topic T, packed []byte) []byte {
	dst = appendElapsed(dst, micros)
	dst = append(dst, "    '"...)
	start := len(dst)
	for i := range len(topic) {
		c := topic[i]
		switch {
		case c == '\n':
			dst = append(dst, 0xc0, 0x8a)
		case c == 0xc0 && i+1 < len(topic) && (topic[i+1] == 0x8a || topic[i+1] == 0x81):
			dst = append(dst, 0xc0, 0x81)
		default:
			dst = append(dst, c)
		}
	}
	dst = append(dst, '\'')
	for n := len(dst) - start; n < 7; n++ {
		dst = append(dst, ' ')
	}
	dst = append(dst, "    "...)
	at := len(dst)
	if need := at + 2*len(packed) + 1; need > cap(dst) {
		dst = append(make([]byte, 0, max(need, 2*cap(dst))), dst...)
	}
	dst = dst[:at+2*len(packed)]
	for i, c := range packed {
		pair := hexPairs[c]
		dst[at+2*i], dst[at+2*i+1] = byte(pair>>8), byte(pair)
	}
	return append(dst, '\n')
}

const hexDigits = "0123456789abcdef"

var hexPairs = func() (pairs [256]uint16) {
	for i := range pairs {
		pairs[i] = uint16(hexDigits[i>>4])<<8 | uint16(hexDigits[i&15])
	}
	return pairs
}()

const noHex = 0xff

var hexValues = func() (values [256]byte) {
	for i := range values {
		values[i] = noHex
	}
	for i := range hexDigits {
		values[hexDigits[i]] = byte(i)
		if i >= 10 {
			values[hexDigits[i]-'a'+'A'] = byte(i)
		}
	}
	return values
}()

// appendElapsed writes seconds as C's "%12.5f" writes the double that is nearest to micros / 1e6: that is what the legacy
// writer does. It rounds that double, so that the sixth digit alone does not decide.
func appendElapsed(dst []byte, micros int64) []byte {
	size := uint64(micros)
	if micros < 0 {
		size = -size
	}
	units := size / 10
	if last := size % 10; last > 5 || last == 5 && roundsUp(size, units) {
		units++
	}
	var text [32]byte
	at := len(text)
	for digits := 0; digits < 7 || units > 0; digits++ {
		at--
		if digits == 5 {
			text[at] = '.'
			continue
		}
		text[at] = byte('0' + units%10)
		units /= 10
	}
	if micros < 0 {
		at--
		text[at] = '-'
	}
	for len(text)-at < 12 {
		at--
		text[at] = ' '
	}
	return append(dst, text[at:]...)
}

func roundsUp(size, units uint64) bool {
	seconds := float64(size) / 1e6
	switch above := math.FMA(seconds, 1e6, -float64(size)); {
	case above > 0:
		return true
	case above < 0:
		return false
	}
	return units%2 == 1 // the double is just in between: to the even one
}

// parseElapsed reads seconds as nanoseconds, exactly as the text says, to the nearest one: what Python's float takes, but
// for infinity, no number, and underscores.
func parseElapsed(text []byte) (ns int64, ok bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	var number uint64
	scale, digits, point := 9, 0, false
	for len(text) > 0 {
		c := text[0]
		if c == '.' && !point {
			point = true
		} else if c >= '0' && c <= '9' {
			digits++
			switch full := number > (math.MaxUint64-9)/10; {
			case !full && point:
				number, scale = number*10+uint64(c-'0'), scale-1
			case !full:
				number = number*10 + uint64(c-'0')
			case !point:
				scale++
			}
		} else {
			break
		}
		text = text[1:]
	}
	if digits == 0 {
		return 0, false
	}
	if len(text) > 0 {
		if text[0]|0x20 != 'e' {
			return 0, false
		}
		text = text[1:]
		if len(text) == 0 || len(text) > 9 {
			return 0, false
		}
		exponent, err := strconv.Atoi(string(text))
		if err != nil {
			return 0, false
		}
		scale += exponent
	}
	if number == 0 {
		return 0, true
	}
	for ; scale > 0; scale-- {
		if number > math.MaxInt64/10 {
			return 0, false
		}
		number *= 10
	}
	if scale < -20 {
		return 0, true
	}
	for ; scale < -1; scale++ {
		number /= 10
	}
	if scale == -1 {
		number = number/10 + number%10/5
	}
	if number > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(number), true
	}
	return int64(number), true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }

// parseHead reads a line up to the topic, which begins at line[at].
func parseHead(line []byte) (ns int64, at int, problem string) {
	line = line[:min(len(line), timeMax)]
	for at < len(line) && isBlank(line[at]) {
		at++
	}
	start := at
	for at < len(line) && !isBlank(line[at]) && line[at] != '\'' {
		at++
	}
	ns, ok := parseElapsed(line[start:at])
	if !ok {
		return 0, 0, quote(line[start:at]) + " is no time in seconds"
	}
	for at < len(line) && isBlank(line[at]) {
		at++
	}
	if at == len(line) || line[at] != '\'' {
		return 0, 0, "no topic in quotes follows the time"
	}
	return ns, at + 1, ""
}

// parseRest reads a line from its topic on, without its line feed, into e, which then refers to it: the topic and the
// payload are decoded in place. It returns what is wrong, or "".
func parseRest(rest []byte, e *Entry) (problem string) {
	end := bytes.LastIndexByte(rest, '\'')
	if end < 0 {
		return "the quote after the topic is missing"
	}
	topic, text := rest[:end], bytes.TrimSpace(rest[end+1:])
	switch {
	case len(topic) > 2*TopicMax:
		return "the topic is too long"
	case len(text) == 0:
		return "the payload is missing"
	}
	payload := text[: len(text)/2 : len(text)/2]
	for i := range payload {
		high, low := hexValues[text[2*i]], hexValues[text[2*i+1]]
		if high|low == noHex {
			if high == noHex {
				return noHexadecimal(text[2*i])
			}
			return noHexadecimal(text[2*i+1])
		}
		payload[i] = high<<4 | low
	}
	if len(text)%2 != 0 {
		if last := text[len(text)-1]; hexValues[last] == noHex {
			return noHexadecimal(last)
		}
		return "the payload has an odd number of digits"
	}
	switch _, cause := wire.ScanOne(payload); cause {
	case wire.OK:
	case wire.BadTrailing:
		return "bytes follow the payload's msgpack object"
	case wire.BadDepth:
		return fmt.Sprintf("the payload's arrays and maps stand in each other more than %d deep", wire.DepthMax)
	case wire.BadKeys:
		return "the payload has a map whose keys would make a dict of Python's very slow"
	default:
		return "the payload is no msgpack, or cut short"
	}
	e.Topic, e.Payload = unescape(topic), payload
	return ""
}

func noHexadecimal(c byte) string {
	return fmt.Sprintf("the payload is no hexadecimal: it holds %s", quote([]byte{c}))
}

// quote gives text that is not under our control, shortened, for an error.
func quote(text []byte) string {
	if len(text) > 32 {
		return strconv.Quote(string(text[:32])) + "…"
	}
	return strconv.Quote(string(text))
}

func unescape(topic []byte) []byte {
	at := bytes.IndexByte(topic, 0xc0)
	if at < 0 {
		return topic[:len(topic):len(topic)]
	}
	to := at
	for ; at < len(topic); at++ {
		c := topic[at]
		if c == 0xc0 && at+1 < len(topic) && (topic[at+1] == 0x8a || topic[at+1] == 0x81) {
			at++
			if topic[at] == 0x8a {
				c = '\n'
			}
		}
		topic[to] = c
		to++
	}
	return topic[:to:to]
}
