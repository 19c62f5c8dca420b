package gopoller

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStartTellsThatNoDescriptorIsLeft(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	err := Start()
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("without descriptors: %v", err)
	}
	for range 2 {
		if err := Start(); err != nil {
			t.Errorf("with descriptors: %v", err)
		}
	}
}
