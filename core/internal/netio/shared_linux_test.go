//go:build !mcl_portable

package netio

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

// Who polls the socket that another has taken the place of would find nothing there to read, again and again.
func TestNothingIsSharedWhileTheSocketIsReplaced(t *testing.T) {
	r := listen(t, newGroup()).(*receiver)
	before := r.Shared()
	if before != r.Descriptor() {
		t.Fatalf("descriptor %d is shared, not %d", before, r.Descriptor())
	}
	buffer := r.first.buffer
	r.mu.Lock()
	r.group.RecvBuffer = buffer / 4
	_, err := r.replace(0)
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if fd := r.Shared(); fd != -1 {
		t.Errorf("descriptor %d is shared before the reader has come to the new socket", fd)
	}
	r.SetDeadline(time.Unix(1, 0))
	var reading sync.Mutex
	if err := r.Receive(&reading, func([]Packet) {}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if fd := r.Shared(); fd == -1 || fd == before || fd != r.Descriptor() {
		t.Errorf("descriptor %d is shared, after %d", fd, before)
	}
	// Who paces by it must know what the new one was granted.
	if r.first.buffer >= buffer || r.first.buffer != r.RecvBuffer() {
		t.Errorf("the reader takes the buffer for one of %d bytes, which was %d and is %d now", r.first.buffer, buffer, r.RecvBuffer())
	}
}
