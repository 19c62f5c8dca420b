package wire

import (
	"bytes"
	"testing"
)

// FuzzScan compares with somebody else's decoder: what Scan takes for one object, is one there too, of the same size; and
// the other way round, but for what is too deep.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"c0", "92c005", "81a16101", "de0001c0c0", "c1", "dd00000001c0", "d90161", "c70101ff", "d47f01",
		"929291c0c0c0", "dfffffffff", "9181a1619301cb3ff0000000000000c40161"} {
		f.Add(unhex(f, s))
	}
	f.Add(bytes.Repeat([]byte{0x91}, DepthMax+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, str8, cause := Scan(b)
		if cause == BadDepth {
			return
		}
		if cause != OK && cause != BadMsgpack {
			t.Fatalf("cause %d", cause)
		}
		if cause == OK {
			if err := scanAgain(b[:n]); err != nil {
				t.Fatalf("%x, of which %x is taken for an object: %v", b, b[:n], err)
			}
			if again := AppendLegacy(nil, b[:n]); str8 == bytes.Equal(again, b[:n]) {
				t.Fatalf("a str8 in %x: %v, but written as legacy encoders do it is %x", b[:n], str8, again)
			}
			return
		}
		for n := range len(b) + 1 {
			if scanAgain(b[:n]) == nil {
				t.Fatalf("%x begins with the object %x, and is taken for none", b, b[:n])
			}
			if n > 64 {
				break
			}
		}
	})
}
