package wire

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
)

// Whoever knows the hashes of a dict's keys can choose keys that each look at every one before: 240 kB of such take Python
// 13 s. Python randomizes the hashes of text since 3.4, but never those of numbers. So maps with many keys are put into the
// tables that Python 2.7 and 3.6 to 3.13 would make of them on 64 bits, and refused when keys meet too often.
//
// A map below keysLeast costs half as many comparisons a key as it has keys, at most. Timestamps are compared by Python code, ten
// times as slowly: where there are any, smaller maps are looked at, too.
const (
	keysLeast         = 256
	keysLeastExtended = 16 // what a map16 is for
	extMeets          = 8  // comparisons that one of exts counts for

	meetsMax = 20 // other keys of its hash that a key is compared with, on average; of powers of two, Python 3 has 33 of each
)

// probesMax is how many places may be looked at for each of n keys on average, when it is put there and whenever the table grows.
// Honest keys come to half of it (keys_test.go): steps of 2**-10 and multiples of 2**32, whose hashes differ in their high bits.
func probesMax(n int64) int64 { return 64 + min(128, int64(math.Sqrt(float64(n)))/8) }

// hasCostlyKeys reports whether one of the maps with at least so many keys of b, one well-formed object (see [Scan]), is refused.
// Its time is linear in len(b).
func hasCostlyKeys(b []byte, least uint64) bool {
	type level struct {
		left uint64
		keys int // where its keys begin; -1: it is not looked at
	}
	var stack [DepthMax]level
	var c checker
	depth, l := 0, level{1, -1}
	for pos := 0; ; {
		for l.left == 0 {
			if l.keys >= 0 {
				if c.areCostly(b, c.keys[l.keys:]) {
					return true
				}
				c.keys = c.keys[:l.keys]
			}
			if depth == 0 {
				return false
			}
			depth--
			l = stack[depth]
		}
		if l.keys >= 0 && l.left%2 == 0 {
			c.keys = append(c.keys, uint32(pos))
		}
		l.left--
		size, children := measure(b[pos:])
		if children > 0 {
			stack[depth] = l
			depth++
			l = level{children, -1}
			if isMap(b[pos]) && children >= 2*least {
				l.keys = len(c.keys)
				c.keys = slices.Grow(c.keys, int(children/2))
			}
		}
		pos += size
	}
}

func isMap(code byte) bool { return code&0xf0 == 0x80 || code == codeMap16 || code == codeMap16+1 }

// A python is how a kind of Python puts keys into a dict.
type python struct {
	two   bool // Python 2.7
	times bool // timestamps are objects, else tuples of a code and a string
	xx    bool // tuples are hashed as by Python 3.8 and later
	wide  bool // text is unicode, for codec.configure(text=True)
}

// A checker holds the memory of a check.
type checker struct {
	keys []uint32 // where they lie, those of a map behind those of the map around it

	python
	b      []byte
	held   []uint32 // those in the dict
	hashes []uint64 // of them
	table  []uint32 // one plus an index of held; 0: free
	old    []uint32
	probes int64 // places that may still be looked at
	meets  int64 // comparisons that there may still be
	probed int64 // places that were looked at for the keys before
	met    int64 // comparisons of them
}

func (c *checker) areCostly(b []byte, keys []uint32) bool {
	c.b = b
	var numbers, times, strings, wide bool
	for _, at := range keys {
		switch k := readKey(b[at:]); k.kind {
		case intKey, floatKey:
			numbers = true
		case extKey:
			_, _, isTime := k.time()
			times, strings = times || isTime, true
		case strKey, binKey:
			strings = true
			wide = wide || slices.ContainsFunc(k.data, func(c byte) bool { return c >= 0x80 })
		}
	}
	pythons := make([]python, 0, 5)
	if numbers || times {
		pythons = append(pythons, python{times: true, xx: true})
	}
	if times {
		pythons = append(pythons, python{times: true}, python{two: true, times: true})
	}
	if numbers || strings {
		pythons = append(pythons, python{two: true})
	}
	if wide {
		pythons = append(pythons, python{two: true, times: true, wide: true})
	}
	return slices.ContainsFunc(pythons, func(p python) bool { return c.areCostlyTo(p, keys) })
}

func (c *checker) areCostlyTo(p python, keys []uint32) bool {
	c.python = p
	c.held, c.hashes = c.held[:0], c.hashes[:0]
	c.table = cleared(c.table, 8)
	c.probed, c.met = 0, 0
	some := min(len(keys), keysLeast)
	for i, at := range keys {
		k := readKey(c.b[at:])
		if k.kind == containerKey {
			continue // Python refuses it
		}
		// What the keys up to here may cost, so that many bad ones are refused after a few.
		n := int64(i + some)
		c.probes, c.meets = probesMax(n)*n-c.probed, meetsMax*n-c.met
		probes, meets := c.probes, c.meets
		if c.insert(c.hash(k), &k, at); c.probes < 0 || c.meets < 0 {
			return true
		}
		c.probed, c.met = c.probed+probes-c.probes, c.met+meets-c.meets
	}
	return false
}

// insert adds a key, unless an equal one is there.
func (c *checker) insert(hash uint64, k *dictKey, at uint32) {
	mask := uint64(len(c.table) - 1)
	slot, perturb := hash&mask, hash
	for {
		c.probes--
		e := c.table[slot]
		if e == 0 {
			break
		}
		if c.hashes[e-1] == hash {
			if other := readKey(c.b[c.held[e-1]:]); c.equal(k, &other) {
				return
			}
			if c.meets--; k.kind == extKey {
				c.meets -= extMeets - 1
			}
		}
		if c.probes < 0 || c.meets < 0 {
			return
		}
		slot = c.next(slot, &perturb) & mask
	}
	c.held, c.hashes = append(c.held, at), append(c.hashes, hash)
	c.table[slot] = uint32(len(c.held))
	c.grow(len(c.held), len(c.table))
}

// grow gives the dict a larger table when n keys are too many for one of this size. Of Python 3, the size doubles before the key
// is put into it that has no room; of Python 2, it is four times the keys, and grows afterwards.
func (c *checker) grow(n, size int) {
	switch {
	case !c.two && n > 2*size/3:
		c.resize(2 * size)
	case c.two && 3*n >= 2*size:
		least := 4 * n
		if n > 50000 {
			least = 2 * n
		}
		for size = 8; size <= least; {
			size *= 2
		}
		c.resize(size)
	}
}

// next is the place that is looked at after another (Objects/dictobject.c).
func (c *checker) next(slot uint64, perturb *uint64) uint64 {
	if c.two {
		slot = 5*slot + *perturb + 1
		*perturb >>= 5
		return slot
	}
	*perturb >>= 5
	return 5*slot + *perturb + 1
}

// resize gives the dict a table of another size: Python 3 fills it in the order of the keys, Python 2 of the old table.
func (c *checker) resize(size int) {
	c.old, c.table = c.table, cleared(c.old, size)
	if !c.two {
		for i := range c.held {
			c.move(uint32(i + 1))
		}
		return
	}
	for _, e := range c.old {
		if e > 0 {
			c.move(e)
		}
	}
}

func (c *checker) move(e uint32) {
	hash := c.hashes[e-1]
	mask := uint64(len(c.table) - 1)
	slot, perturb := hash&mask, hash
	for c.probes--; c.table[slot] != 0 && c.probes >= 0; c.probes-- {
		slot = c.next(slot, &perturb) & mask
	}
	c.table[slot] = e
}

func cleared(s []uint32, size int) []uint32 {
	s = slices.Grow(s[:0], size)[:size]
	clear(s)
	return s
}

type keyKind uint8

const (
	nilKey keyKind = iota
	intKey         // also a bool, and a float that equals an integer
	floatKey
	strKey
	binKey
	extKey
	containerKey
)

type dictKey struct {
	kind     keyKind
	code     int8   // of an ext
	negative bool   // an integer's
	number   uint64 // an integer without its sign, the bits of a float
	data     []byte
}

// readKey reads a well-formed object.
func readKey(b []byte) dictKey {
	c := b[0]
	switch {
	case c < 0x80:
		return dictKey{kind: intKey, number: uint64(c)}
	case c >= 0xe0:
		return signedKey(int64(int8(c)))
	case c&0xe0 == 0xa0 || c >= codeStr8 && c <= codeStr32:
		data, _, _ := cutBytes(b)
		return dictKey{kind: strKey, data: data}
	case c == codeNil:
		return dictKey{kind: nilKey}
	case c == codeNil+2 || c == codeNil+3:
		return dictKey{kind: intKey, number: uint64(c & 1)}
	case c >= codeBin8 && c <= codeBin32:
		data, _, _ := cutBytes(b)
		return dictKey{kind: binKey, data: data}
	case c == codeFloat32:
		return newFloatKey(float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))))
	case c == codeFloat64:
		return newFloatKey(math.Float64frombits(binary.BigEndian.Uint64(b[1:])))
	case c >= codeUint8 && c <= codeUint64:
		return dictKey{kind: intKey, number: uint64(bigEndian(b[1 : 1+1<<(c-codeUint8)]))}
	case c >= codeInt8 && c <= codeInt64:
		width := 1 << (c - codeInt8)
		unused := 64 - 8*width
		return signedKey(bigEndian(b[1:1+width]) << unused >> unused)
	case isExt(c):
		size, _ := measure(b)
		head := 2
		if c < codeFixext1 {
			head += 1 << (c - codeExt8)
		}
		return dictKey{kind: extKey, code: int8(b[head-1]), data: b[head:size]}
	}
	return dictKey{kind: containerKey}
}

func isExt(c byte) bool {
	return c >= codeExt8 && c <= codeExt8+2 || c >= codeFixext1 && c <= codeFixext1+4
}

func signedKey(v int64) dictKey {
	if v < 0 {
		return dictKey{kind: intKey, negative: true, number: -uint64(v)}
	}
	return dictKey{kind: intKey, number: uint64(v)}
}

func newFloatKey(v float64) dictKey {
	if size := math.Abs(v); size < 1<<64 && size == math.Trunc(size) {
		return dictKey{kind: intKey, negative: v < 0, number: uint64(size)}
	}
	return dictKey{kind: floatKey, number: math.Float64bits(v)}
}

// time reads a timestamp; ok is false for another ext.
func (k *dictKey) time() (seconds int64, nanoseconds uint32, ok bool) {
	if k.code == -1 {
		switch len(k.data) {
		case 4:
			return int64(binary.BigEndian.Uint32(k.data)), 0, true
		case 8:
			both := binary.BigEndian.Uint64(k.data)
			return int64(both & (1<<34 - 1)), uint32(both >> 34), true
		case 12:
			return int64(binary.BigEndian.Uint64(k.data[4:])), binary.BigEndian.Uint32(k.data), true
		}
	}
	return 0, 0, false
}

// equal tells whether Python takes two keys of the same hash for equal.
func (c *checker) equal(a, b *dictKey) bool {
	if a.kind != b.kind {
		return c.two && (a.kind == strKey && b.kind == binKey || a.kind == binKey && b.kind == strKey) && bytes.Equal(a.data, b.data)
	}
	switch a.kind {
	case intKey:
		return a.number == b.number && a.negative == b.negative
	case floatKey:
		return a.number == b.number && !math.IsNaN(math.Float64frombits(a.number))
	case extKey:
		s1, n1, isTime1 := a.time()
		s2, n2, isTime2 := b.time()
		if c.times && isTime1 && isTime2 {
			return s1 == s2 && n1 == n2
		}
		return a.code == b.code && bytes.Equal(a.data, b.data)
	}
	return bytes.Equal(a.data, b.data)
}

// hash is Python's, on 64 bits. One that nobody can know is one that nobody can know here.
func (c *checker) hash(k dictKey) uint64 {
	switch k.kind {
	case intKey:
		return c.hashInt(k.negative, k.number)
	case floatKey:
		v := math.Float64frombits(k.number)
		if c.two {
			return hashFloat2(v)
		}
		return hashFloat3(v)
	case extKey:
		seconds, nanoseconds, isTime := k.time()
		if isTime && c.times {
			s := signedKey(seconds)
			return c.hashPair(c.hashInt(s.negative, s.number), c.hashInt(false, uint64(nanoseconds)))
		}
		if c.two {
			code := signedKey(int64(k.code))
			return c.hashPair(c.hashInt(code.negative, code.number), hashText2(k.data))
		}
	case strKey, binKey:
		switch {
		case c.wide && k.kind == strKey:
			return hashUnicode2(k.data)
		case c.two:
			return hashText2(k.data)
		}
	}
	return maphash.Bytes(seed, k.data)
}

// notMinusOne is the rule that no hash is -1, which says that there was an error.
func notMinusOne(hash uint64) uint64 {
	if hash == math.MaxUint64 {
		return hash - 1
	}
	return hash
}

const prime = 1<<61 - 1 // by which Python 3 divides numbers

func (c *checker) hashInt(negative bool, size uint64) uint64 {
	if !c.two {
		size %= prime
	}
	if negative {
		size = -size
	}
	return notMinusOne(size)
}

// mantissa gives a finite v as an integer times a power of two.
func mantissa(v float64) (m uint64, exponent int) {
	fraction, exponent := math.Frexp(math.Abs(v))
	return uint64(fraction * (1 << 53)), exponent - 53
}

// hashFloat3 is _Py_HashDouble of Python 3: the value modulo the prime, where a power of two is a rotation.
func hashFloat3(v float64) uint64 {
	switch {
	case math.IsNaN(v):
		return 0 // from 3.10 on, each has its own
	case math.IsInf(v, 0):
		return hashInfinity(v, -314159)
	}
	m, exponent := mantissa(v)
	shift := (exponent%61 + 61) % 61
	x := (m<<shift | m>>(61-shift)) & prime
	if v < 0 {
		x = -x
	}
	return notMinusOne(x)
}

// hashFloat2 is _Py_HashDouble of Python 2.7.
func hashFloat2(v float64) uint64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 0):
		return hashInfinity(v, -271828)
	case v == math.Trunc(v): // of a long, modulo 2**64 - 1
		m, exponent := mantissa(v)
		x := bits.RotateLeft64(m, exponent%64)
		if v < 0 {
			x = -x
		}
		return notMinusOne(x)
	}
	fraction, exponent := math.Frexp(v)
	fraction *= 1 << 31
	high := int64(fraction)
	low := int64((fraction - float64(high)) * (1 << 31))
	return notMinusOne(uint64(high + low + int64(exponent)<<15))
}

func hashInfinity(v float64, negative int64) uint64 {
	if v < 0 {
		return uint64(negative)
	}
	return 314159
}

// hashText2 is string_hash of Python 2.7 without -R.
func hashText2(s []byte) uint64 {
	if len(s) == 0 {
		return 0
	}
	x := uint64(s[0]) << 7
	for _, c := range s {
		x = 1000003*x ^ uint64(c)
	}
	return notMinusOne(x ^ uint64(len(s)))
}

// hashUnicode2 is unicode_hash of Python 2.7 without -R, with characters of four bytes, as Linux has them.
func hashUnicode2(s []byte) uint64 {
	x, n := uint64(0), 0
	for _, r := range string(s) {
		if n == 0 {
			x = uint64(r) << 7
		}
		x = 1000003*x ^ uint64(r)
		n++
	}
	return notMinusOne(x ^ uint64(n))
}

// hashPair is tuplehash, for two (Objects/tupleobject.c).
func (c *checker) hashPair(a, b uint64) uint64 {
	if !c.xx {
		x := uint64(0x345678)
		x = (x ^ a) * 1000003
		x = (x ^ b) * (1000003 + 82520 + 2)
		return notMinusOne(x + 97531)
	}
	const prime1, prime2, prime5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
	x := uint64(prime5)
	for _, lane := range [2]uint64{a, b} {
		x = bits.RotateLeft64(x+lane*prime2, 31) * prime1
	}
	x += 2 ^ prime5 ^ 3527539
	if x == math.MaxUint64 {
		return 1546275796
	}
	return x
}
