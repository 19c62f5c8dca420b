package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	python2     = python{two: true}
	python2Wide = python{two: true, times: true, wide: true}
	python36    = python{times: true}
	python38    = python{times: true, xx: true}
)

func packedInt(v int64) []byte   { return binary.BigEndian.AppendUint64([]byte{codeInt64}, uint64(v)) }
func packedUint(v uint64) []byte { return binary.BigEndian.AppendUint64([]byte{codeUint64}, v) }
func packedFloat(v float64) []byte {
	return binary.BigEndian.AppendUint64([]byte{codeFloat64}, math.Float64bits(v))
}
func packedTime(seconds int64, nanoseconds uint32) []byte {
	b := binary.BigEndian.AppendUint32([]byte{codeExt8, 12, 0xff}, nanoseconds)
	return binary.BigEndian.AppendUint64(b, uint64(seconds))
}
func packedText(s string) []byte { return AppendString(nil, s) }

// packedMap is a map of n keys to nil.
func packedMap(n int, key func(i int) []byte) []byte {
	b := AppendMapHeader(nil, n)
	for i := range n {
		b = append(append(b, key(i)...), codeNil)
	}
	return b
}

// Hashes as the interpreters give them.
func TestHashes(t *testing.T) {
	for _, c := range []struct {
		packed []byte
		two    int64
		three  int64
	}{
		{packedInt(0), 0, 0},
		{packedInt(1), 1, 1},
		{packedInt(-1), -2, -2},
		{packedInt(-2), -2, -2},
		{[]byte{127}, 127, 127},
		{[]byte{0xe0}, -32, -32},
		{packedInt(1 << 31), 2147483648, 2147483648},
		{packedInt(1<<61 - 1), 2305843009213693951, 0},
		{packedInt(1 << 61), 2305843009213693952, 1},
		{packedInt(1<<62 + 5), 4611686018427387909, 7},
		{packedInt(math.MaxInt64), 9223372036854775807, 3},
		{packedInt(math.MinInt64), -9223372036854775808, -4},
		{packedUint(math.MaxUint64), -2, 7},
		{packedUint(math.MaxUint64 - 1), -2, 6},
		{packedInt(1 - 1<<61), -2305843009213693951, 0},
		{packedFloat(0.5), 1073741824, 1152921504606846976},
		{packedFloat(-0.5), -1073741824, -1152921504606846976},
		{packedFloat(1.5), 1610645504, 1152921504606846977},
		{packedFloat(0.1), 2576882278, 230584300921369408},
		{packedFloat(-0.1), -2577078886, -230584300921369408},
		{packedFloat(1e300), 8474648701417850880, 1224995262755759164},
		{packedFloat(-1e300), -8474648701417850880, -1224995262755759164},
		{packedFloat(1e19), -8446744073709551616, 776627963145224196},
		{packedFloat(1e18), 1000000000000000000, 1000000000000000000},
		{packedFloat(1e-300), 3316461835, 482449582752280463},
		{packedFloat(5e-324), 1038581760, 16777216},
		{packedFloat(math.Inf(1)), 314159, 314159},
		{packedFloat(math.Inf(-1)), -271828, -314159},
		{[]byte{codeFloat32, 0x7f, 0x7f, 0xff, 0xff}, -1099511627776, 2305834213120671807},
		{packedFloat(1 << 64), 1, 8},
		{packedFloat(1 << 61), 2305843009213693952, 1},
		{packedFloat(1700000000.123456), 1966135552, 284670159200973056},
	} {
		for p, want := range map[python]int64{python2: c.two, python36: c.three, python38: c.three} {
			checker := checker{python: p}
			if got := int64(checker.hash(readKey(c.packed))); got != want {
				t.Errorf("%+v: the hash of %x is %d, not %d", p, c.packed, got, want)
			}
		}
	}
	for _, c := range []struct {
		packed []byte
		hashes map[python]int64
	}{
		{packedTime(0, 0), map[python]int64{python2Wide: 3713080549408328131, python36: 3713080549408328131, python38: -8458139203682520985}},
		{packedTime(1, 0), map[python]int64{python2Wide: 3713081631936575706, python36: 3713081631936575706, python38: -5164621852614943976}},
		{packedTime(-1, 5), map[python]int64{python2Wide: -3713082714459215594, python36: -3713082714459215594, python38: 7913930892179122687}},
		{packedTime(8589934592, 999999999), map[python]int64{python2Wide: 5401082426914549142, python36: 5401082426914549142, python38: -2710061948662198629}},
		{packedTime(-4611686018427387904, 1), map[python]int64{python2Wide: 8324766567836798560, python36: -3713082714463545694, python38: 9083154820904886697}},
		{packedText(""), map[python]int64{python2: 0}},
		{packedText("a"), map[python]int64{python2: 12416037344}},
		{packedText("hello"), map[python]int64{python2: 840651671246116861}},
		{packedText("\xff\x00"), map[python]int64{python2: 32640195839293759}},
		{packedText(strings.Repeat("x", 50)), map[python]int64{python2: -2623594685116204382}},
		{packedText(""), map[python]int64{python2Wide: 0}},
		{packedText("é"), map[python]int64{python2Wide: 29824089448}},
		{packedText("h€😀"), map[python]int64{python2Wide: -6429308866348048961}},
		{[]byte("\xd6\xffabcd"), map[python]int64{python2: -7536677890089327227}},
		{[]byte{codeExt8, 0, 5}, map[python]int64{python2: 3713085962049566006}},
	} {
		for p, want := range c.hashes {
			checker := checker{python: p}
			if got := int64(checker.hash(readKey(c.packed))); got != want {
				t.Errorf("%+v: the hash of %x is %d, not %d", p, c.packed, got, want)
			}
		}
	}
}

// honest are keys that programs have. What they cost decides probesMax.
var honest = map[string]func(i int) []byte{
	"counted":            func(i int) []byte { return AppendUint(nil, uint64(i)) },
	"counted down":       func(i int) []byte { return packedInt(int64(-i)) },
	"multiples of 8":     func(i int) []byte { return packedInt(int64(i) * 8) },
	"multiples of 2**20": func(i int) []byte { return packedInt(int64(i) << 20) },
	"multiples of 2**32": func(i int) []byte { return packedInt(int64(i) << 32) },
	"multiples of 2**40": func(i int) []byte { return packedInt(int64(i) << 40) },
	"thousands":          func(i int) []byte { return packedInt(int64(i) * 1000) },
	"addresses":          func(i int) []byte { return packedUint(0x7f3a_1c00_0000 + uint64(i)*64) },
	"IPv4 addresses":     func(i int) []byte { return packedInt(0x0a000001 + int64(i)<<8) },
	"random":             func(int) []byte { return packedUint(rand.Uint64()) },
	"squares":            func(i int) []byte { return packedInt(int64(i) * int64(i)) },
	"tiles":              func(i int) []byte { return packedInt(int64(i%1000)<<32 | int64(i/1000)) },
	"whole floats":       func(i int) []byte { return packedFloat(float64(i)) },
	"halves":             func(i int) []byte { return packedFloat(float64(i) / 2) },
	"1/1024":             func(i int) []byte { return packedFloat(float64(i) / 1024) },
	"2**-40":             func(i int) []byte { return packedFloat(math.Ldexp(float64(i), -40)) },
	"2**-20":             func(i int) []byte { return packedFloat(math.Ldexp(float64(i), -20)) },
	"1/256":              func(i int) []byte { return packedFloat(float64(i) / 256) },
	"multiples of 2**50": func(i int) []byte { return packedUint(uint64(i) << 50) },
	"powers of two":      func(i int) []byte { return packedFloat(math.Ldexp(1, i%2040-1020)) },
	"infinities":         func(i int) []byte { return packedFloat([]float64{math.Inf(1), math.Inf(-1), float64(i)}[i%3]) },
	"2**-30":             func(i int) []byte { return packedFloat(math.Ldexp(float64(i), -30)) },
	"hundredths":         func(i int) []byte { return packedFloat(float64(i) / 100) },
	"angles":             func(i int) []byte { return packedFloat(float64(i) * math.Pi / 180) },
	"random floats":      func(int) []byte { return packedFloat(rand.Float64()) },
	"of 32 bits": func(i int) []byte {
		return binary.BigEndian.AppendUint32([]byte{codeFloat32}, math.Float32bits(float32(i)/128))
	},
	"seconds":             func(i int) []byte { return packedFloat(1700000000 + float64(i)/100) },
	"microseconds":        func(i int) []byte { return packedInt(1700000000_000000 + int64(i)*10000) },
	"nanoseconds":         func(i int) []byte { return packedInt(1700000000_000000000 + int64(i)*10000000) },
	"timestamps":          func(i int) []byte { return packedTime(1700000000+int64(i), 0) },
	"timestamps of 100Hz": func(i int) []byte { return packedTime(1700000000+int64(i/100), uint32(i%100)*10_000_000) },
	"short timestamps": func(i int) []byte {
		return binary.BigEndian.AppendUint32([]byte{codeFixext1 + 2, 0xff}, uint32(1700000000+i))
	},
	"exts":             func(i int) []byte { return binary.BigEndian.AppendUint32([]byte{codeFixext1 + 2, 5}, uint32(i)) },
	"names":            func(i int) []byte { return packedText(fmt.Sprint("joint_", i)) },
	"digits":           func(i int) []byte { return packedText(fmt.Sprint(i)) },
	"accents":          func(i int) []byte { return packedText(fmt.Sprint("größe ", i)) },
	"paths":            func(i int) []byte { return packedText(fmt.Sprintf("/robot/arm/%d/joint/%d", i/7, i%7)) },
	"UUIDs":            func(int) []byte { return packedText(fmt.Sprintf("%016x-%016x", rand.Uint64(), rand.Uint64())) },
	"bytes":            func(i int) []byte { return binary.BigEndian.AppendUint64([]byte{codeBin8, 8}, uint64(i)) },
	"one and the same": func(int) []byte { return packedText("a") },
	"each twice":       func(i int) []byte { return packedFloat(float64(i/2) / 4) },
	"mixed": func(i int) []byte {
		return [][]byte{packedInt(int64(i)), packedText(fmt.Sprint(i)), packedFloat(float64(i) / 10)}[i%3]
	},
}

func TestHonestKeysPass(t *testing.T) {
	for name, key := range honest {
		sizes := []int{keysLeastExtended, keysLeast, 342, 1000, 3000}
		if !testing.Short() && !raceEnabled {
			sizes = append(sizes, 87_382)
			if name == "multiples of 2**32" || name == "names" || name == "timestamps" || name == "hundredths" {
				sizes = append(sizes, 1_000_000)
			}
		}
		for _, n := range sizes {
			b := packedMap(n, key)
			if _, cause := ScanOne(b); cause != OK {
				t.Errorf("%d keys, %s: refused for cause %d", n, name, cause)
			}
			if probes, meets := costOf(b); probes > 0.75 || meets > 0.9 {
				t.Errorf("%d keys, %s: %.2f of the places and %.2f of the comparisons that there may be", n, name, probes, meets)
			}
		}
	}
}

// costOf is what any Python does at most with a map, as a part of what it may.
func costOf(b []byte) (probes, meets float64) {
	var keys []uint32
	n, rest, _ := CutMap(b)
	pos := len(b) - len(rest)
	for range n {
		keys = append(keys, uint32(pos))
		size, _, _ := Scan(b[pos:])
		pos += size + 1
	}
	for _, p := range []python{python2, python2Wide, python36, python38} {
		c := checker{b: b}
		c.areCostlyTo(p, keys)
		probes = max(probes, float64(c.probed)/float64(int64(n)*probesMax(int64(n))))
		meets = max(meets, float64(c.met)/float64(n*meetsMax))
	}
	return probes, meets
}

func inverse(odd uint64) uint64 {
	x := odd
	for range 6 {
		x *= 2 - odd*x
	}
	return x
}

// chosen are keys that a sender has made up, for a Python.
var chosen = map[string]func(i int) []byte{
	"NaN":            func(i int) []byte { return packedFloat(math.Float64frombits(0x7ff8_0000_0000_0000 | uint64(i+1))) },
	"equal NaN":      func(int) []byte { return packedFloat(math.NaN()) },
	"NaN of 32 bits": func(i int) []byte { return binary.BigEndian.AppendUint32([]byte{codeFloat32}, 0x7fc0_0000|uint32(i+1)) },
	"timestamps for 3.8": func(i int) []byte {
		const prime1, prime2, prime5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
		for nanoseconds := uint64(i) << 10; ; nanoseconds++ { // most have none
			x := uint64(0x1234567890abcdef)
			x = (x - (2 ^ prime5 ^ 3527539)) * inverse(prime1)
			x = (bits.RotateLeft64(x, -31) - nanoseconds*prime2) * inverse(prime1)
			seconds := int64((bits.RotateLeft64(x, -31) - prime5) * inverse(prime2))
			if seconds > -prime && seconds < prime && seconds != -1 {
				return packedTime(seconds, uint32(nanoseconds))
			}
		}
	},
	"timestamps for 3.6": func(i int) []byte {
		for nanoseconds := uint64(i) << 10; ; nanoseconds++ {
			const multiplier, second = 1000003, 1000003 + 82520 + 2
			x := (0x1234567890abcdef-uint64(97531))*inverse(second) ^ nanoseconds
			seconds := int64(x*inverse(multiplier) ^ 0x345678)
			if seconds > -prime && seconds < prime && seconds != -1 {
				return packedTime(seconds, uint32(nanoseconds))
			}
		}
	},
	"texts for 2.7": func(i int) []byte { return packedText(collidingText(i)) },
	// The hash is the sum of two halves: one goes down where the other goes up.
	"floats for 2.7": func(i int) []byte { return packedFloat(math.Ldexp(float64((1<<31-1-512*int64(i))<<22|int64(i)), -53)) },
}

// blocks are pairs of 11 bytes after which string_hash of Python 2.7 is in the same state. The differences are a short vector of
// the lattice of those that cancel out modulo 2**64.
var blocks = func() (pairs [20][2]string) {
	differences := [11]int{-36, -3, -5, -12, -1, 20, -29, 10, -8, -15, 7}
	const multiplier = 1000003
	random := rand.New(rand.NewPCG(1, 2))
	x := uint64('x')<<7*multiplier ^ 'x'
	for i := range pairs {
		for len(pairs[i][0]) < len(differences) {
			one, other := x, x
			pairs[i] = [2]string{}
			for _, d := range differences {
				one, other = one*multiplier, other*multiplier
				low, otherLow := int(one&0xff), int(other&0xff)
				change := random.IntN(256) - low
				if otherLow+change+d < 0 || otherLow+change+d > 255 {
					break
				}
				pairs[i][0] += string([]byte{byte(low ^ (low + change))})
				pairs[i][1] += string([]byte{byte(otherLow ^ (otherLow + change + d))})
				one, other = one+uint64(change), other+uint64(change+d)
			}
			if len(pairs[i][0]) == len(differences) {
				x = one
			}
		}
	}
	return pairs
}()

// collidingText gives one of 2**20 texts whose hashes are equal on Python 2.7.
func collidingText(i int) string {
	text := "x"
	for bit := range blocks {
		text += blocks[bit][i>>bit&1]
	}
	return text
}

// chainedInts are n integers with different hashes, each of which p looks for at as many places as of some hundred could be found.
func chainedInts(p python, n int) (keys [][]byte) {
	random := rand.New(rand.NewPCG(3, 4))
	c := checker{python: p, table: make([]uint32, 8)}
	c.probes, c.meets = math.MaxInt64, math.MaxInt64
	for slot, first := uint64(1), true; len(keys) < n; first = false {
		number := slot
		if full := len(c.held)*3 >= len(c.table); full && !first {
			cost := int64(0)
			for range 300 {
				candidate := random.Uint64N(uint64(len(c.table)) << 10)
				before := c.probes
				if c.probe(candidate); before-c.probes > cost {
					cost, number = before-c.probes, candidate
				}
			}
		} else {
			slot = (5*slot + 1) & uint64(max(2*n, len(c.table))-1)
		}
		b := packedUint(number)
		k := readKey(b)
		c.b = append(c.b, b...)
		c.insert(c.hash(k), &k, uint32(len(c.b)-len(b)))
		keys = append(keys, b)
	}
	return keys
}

func (c *checker) probe(hash uint64) {
	mask := uint64(len(c.table) - 1)
	slot, perturb := hash&mask, hash
	for c.probes--; c.table[slot] != 0; c.probes-- {
		slot = c.next(slot, &perturb) & mask
	}
}

func TestChosenKeysAreRefused(t *testing.T) {
	for name, key := range chosen {
		for _, n := range []int{keysLeast, 300, 1000, 10_000} {
			b := packedMap(n, key)
			if _, cause := ScanOne(b); cause != BadKeys {
				t.Errorf("%d keys, %s: cause %d", n, name, cause)
			}
		}
	}
	for _, p := range []python{python2, python36} {
		keys := chainedInts(p, 8192)
		b := packedMap(len(keys), func(i int) []byte { return keys[i] })
		if _, cause := ScanOne(b); cause != BadKeys {
			probes, _ := costOf(b)
			t.Errorf("integers for %+v: cause %d, %.2f of the places", p, cause, probes)
		}
	}
	// Of timestamps, fewer cost as much.
	for _, name := range []string{"timestamps for 3.8", "timestamps for 3.6"} {
		if _, cause := ScanOne(packedMap(keysLeastExtended, chosen[name])); cause != BadKeys {
			t.Errorf("%d %s: cause %d", keysLeastExtended, name, cause)
		}
	}
}

func TestChosenKeysAnywhere(t *testing.T) {
	hostile := packedMap(keysLeast, chosen["NaN"])
	within := func(before string, after string) []byte { return slices.Concat([]byte(before), hostile, []byte(after)) }
	large := packedMap(1000, honest["counted"])
	for name, b := range map[string][]byte{
		"in arrays":        within(strings.Repeat("\x91", DepthMax-1), ""),
		"as a value":       within("\x82\xa1a", "\xa1b\xc0"),
		"as a key":         within("\x82", "\xc0\xa1b\xc0"),
		"after others":     slices.Concat([]byte("\x92"), large, hostile),
		"amid honest keys": slices.Concat(large[:len(large)-1], hostile),
		"around others":    slices.Concat(AppendMapHeader(nil, keysLeast+1), hostile[3:], []byte("\xa1a"), large),
		"among honest keys": packedMap(4*keysLeast, func(i int) []byte {
			if i%2 == 0 {
				return honest["counted"](i)
			}
			return chosen["NaN"](i)
		}),
	} {
		if _, cause := ScanOne(b); cause != BadKeys {
			t.Errorf("%s: cause %d", name, cause)
		}
		if _, _, cause := Scan(b); cause != OK {
			t.Errorf("%s: Scan gives cause %d", name, cause)
		}
		if _, cause := Parse(append([]byte{0x92, codeNil}, b...), Limits{MessageMax: 1 << 20}); cause != BadKeys {
			t.Errorf("%s: Parse gives cause %d", name, cause)
		}
	}
	few := packedMap(1000, func(i int) []byte {
		if i%100 == 0 {
			return chosen["NaN"](i)
		}
		return honest["counted"](i)
	})
	if _, cause := ScanOne(few); cause != OK {
		t.Errorf("a few NaN among others: cause %d", cause)
	}
}

func TestObjects(t *testing.T) {
	for _, c := range []struct {
		packed  string
		objects int64
	}{{"c0", 1}, {"a3616263", 1}, {"90", 1}, {"80", 1}, {"93010203", 4}, {"82a16101a16202", 5}, {"9290 81c093c0c0c0", 8}} {
		b := unhex(t, c.packed)
		for _, most := range []int64{0, c.objects, c.objects + 1} {
			if _, cause := (Limits{MessageMax: 100, ObjectsMax: most}).scanOne(b); cause != OK {
				t.Errorf("%s, %d objects at most: cause %d", c.packed, most, cause)
			}
		}
		if most := c.objects - 1; most > 0 {
			if _, cause := (Limits{MessageMax: 100, ObjectsMax: most}).scanOne(b); cause != BadObjects {
				t.Errorf("%s, %d objects at most: cause %d", c.packed, most, cause)
			}
		}
	}
}

func TestReassembledKeysAndObjects(t *testing.T) {
	for cause, b := range map[Cause][]byte{
		BadKeys:    packedMap(20_000, chosen["NaN"]),
		BadObjects: append([]byte{codeArray32, 0, 2, 0, 0}, make([]byte, 1<<17)...),
	} {
		r := NewReassembler(Limits{MessageMax: 64 << 20, ObjectsMax: 100_000}, 256<<20, 1e9)
		parts := split(b)
		var res Result
		for i, part := range parts {
			res = sendNumbered(r, alice, "t", 1, uint32(i+1), uint32(len(parts)), part, 0)
		}
		if res.Payload != nil || res.Malformed[cause] != len(parts) {
			t.Errorf("cause %d: %d of %d datagrams are counted: %v", cause, res.Malformed[cause], len(parts), res.Malformed)
		}
	}
}

// FuzzKeys compares with maps found by recursion. Small ones are looked at, too.
func FuzzKeys(f *testing.F) {
	for _, key := range chosen {
		f.Add(packedMap(40, key))
	}
	for _, key := range honest {
		f.Add(packedMap(5, key))
	}
	f.Add(packedMap(40, func(i int) []byte { return packedMap(i, honest["counted"]) }))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _, cause := Scan(b)
		if cause != OK {
			return
		}
		const least = 3
		got := hasCostlyKeys(b[:n], least)
		var found bool
		var c checker
		var visit func(pos int) int
		visit = func(pos int) int {
			size, children := measure(b[pos:])
			isMap := isMap(b[pos])
			pos += size
			var keys []uint32
			for i := range children {
				if i%2 == 0 {
					keys = append(keys, uint32(pos))
				}
				pos = visit(pos)
			}
			if isMap && children >= 2*least {
				found = found || c.areCostly(b, keys)
			}
			return pos
		}
		visit(0)
		if got != found {
			t.Errorf("%x: %v, but by recursion %v", b[:n], got, found)
		}
	})
}

// One operation is a key.
func BenchmarkKeys(b *testing.B) {
	for _, name := range []string{"counted", "names", "seconds", "timestamps"} {
		const n = 100_000
		packed := packedMap(n, honest[name])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i += n {
				hasCostlyKeys(packed, keysLeast)
			}
		})
	}
}
