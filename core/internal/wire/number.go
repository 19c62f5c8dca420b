package wire

// A message that travels in fragments can carry a number in how wide their headers are written: msgpack allows an array's
// header, an integer and a string's length to be longer than they need be, and legacy receivers, whose decoders take any
// width, see the same values. So a receiver can tell fragments of neighbouring messages apart whatever the network loses,
// repeats or reorders. Legacy senders write the shortest forms always, which is number 0: none.
//
// All fragments of a message have the same number. It is written in base len(forms), len(forms), 6: the form of packet, the
// form of packets, and the widths of the array's header and of the fragment's length.

// numberForms returns the codes of the integers in which packet and packets can both be written, for so many packets: those
// that hold packets, the narrowest first. A legacy sender's fragments with all narrowest forms have no number: it is 0.
func numberForms(packets uint32) []byte {
	switch {
	case packets < 1<<7:
		return forms7
	case packets < 1<<15:
		return forms15
	}
	return forms31
}

// codeFixint stands for all integers from 0 to 127, which are their own codes.
const codeFixint = 0

var (
	forms7  = []byte{codeFixint, codeUint8, codeUint16, codeUint32, codeUint64, codeInt8, codeInt16, codeInt32, codeInt64}
	forms15 = []byte{codeUint16, codeUint32, codeUint64, codeInt16, codeInt32, codeInt64}
	forms31 = []byte{codeUint32, codeUint64, codeInt32, codeInt64}
)

// Widths of an array's header and of a string's length.
const arrayWidths, lengthWidths = 3, 2

// Numbers returns how many numbers a message of so many packets can have, from 1 on: 485, or fewer from 128 packets on.
func Numbers(packets uint32) int {
	forms := len(numberForms(packets))
	return forms*forms*arrayWidths*lengthWidths - 1
}

// firstNumbers is what the number of the first message of a process is a multiple of, and no other one. So what is left of another
// process's messages, which had the same port before, is told apart.
const firstNumbers = 5

// FirstNumber returns the number of a process's first message from a port, of so many packets, for any random.
func FirstNumber(packets uint32, random uint32) int {
	return firstNumbers * (1 + int(random%uint32(Numbers(packets)/firstNumbers)))
}

// NextNumber returns the number of another message, of so many packets. They follow each other as n does.
func NextNumber(packets uint32, n uint32) int {
	between := uint32(Numbers(packets) / firstNumbers * (firstNumbers - 1))
	n %= between
	return int(n/(firstNumbers-1)*firstNumbers + n%(firstNumbers-1) + 1)
}

// AppendNumberedFragment is AppendFragment for a message with a number, from 1 to Numbers(packets).
func AppendNumberedFragment(dst []byte, topic *string, packet, packets uint32, size, number int) []byte {
	forms := numberForms(packets)
	head := number / (len(forms) * len(forms))
	switch head % arrayWidths {
	case 0:
		dst = append(dst, 0x94)
	case 1:
		dst = append(dst, codeArray16, 0, 4)
	case 2:
		dst = append(dst, codeArray32, 0, 0, 0, 4)
	}
	dst = AppendTopic(dst, topic)
	dst = appendForm(dst, forms[number%len(forms)], packet)
	dst = appendForm(dst, forms[number/len(forms)%len(forms)], packets)
	if head/arrayWidths == 0 {
		return append(dst, codeStr16, byte(size>>8), byte(size))
	}
	return append(dst, codeStr32, 0, 0, byte(size>>8), byte(size))
}

func appendForm(dst []byte, code byte, v uint32) []byte {
	if code == codeFixint {
		return append(dst, byte(v))
	}
	dst = append(dst, code)
	for width := 8 << formSize(code); width > 0; {
		if width -= 8; width >= 32 {
			dst = append(dst, 0)
		} else {
			dst = append(dst, byte(v>>width))
		}
	}
	return dst
}

// formSize returns the logarithm of an integer's bytes behind its code, which both the unsigned and the signed ones count up.
func formSize(code byte) int { return int(code-codeUint8) & 3 }

// numberOf returns the number of a fragment whose parts begin with these codes, 0 for none.
func numberOf(packets uint32, array, packet, total, length byte) int {
	forms := numberForms(packets)
	first, second := formIndex(forms, packet), formIndex(forms, total)
	head := 0
	switch array {
	case codeArray16:
		head = 1
	case codeArray32:
		head = 2
	}
	switch {
	case first < 0 || second < 0 || length != codeStr16 && length != codeStr32:
		return 0
	case length == codeStr32:
		head += arrayWidths
	}
	return (head*len(forms)+second)*len(forms) + first
}

func formIndex(forms []byte, code byte) int {
	if code < 1<<7 {
		code = codeFixint
	}
	for i, form := range forms {
		if form == code {
			return i
		}
	}
	return -1
}
