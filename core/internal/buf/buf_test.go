package buf

import "testing"

func TestGetGivesAtLeastTheSizeAskedFor(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 65536, 65537, 1 << 20} {
		b := Get(size)
		if len(b.Bytes()) < size {
			t.Errorf("Get(%d) gave %d bytes", size, len(b.Bytes()))
		}
		b.Release()
	}
}

func TestSharedUntilTheOtherReferenceIsGone(t *testing.T) {
	b := Get(10)
	if b.Shared() {
		t.Fatal("a new buffer is shared")
	}
	b.Retain()
	if !b.Shared() {
		t.Fatal("a retained buffer is not shared")
	}
	b.Release()
	if b.Shared() {
		t.Fatal("still shared after the other reference was released")
	}
	b.Release()
}

func TestReleasingTooOftenPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a second release went unnoticed")
		}
	}()
	b := Get(10)
	b.Release()
	b.Release()
}
