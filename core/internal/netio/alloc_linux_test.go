//go:build !mcl_portable && !race

package netio

import (
	"sync"
	"testing"
)

// Not with the race detector, which makes sync.Pool forget at random.
func TestSendingAndReceivingAllocateNothing(t *testing.T) {
	g := newGroup()
	r, s := listen(t, g), dial(t, g)
	for _, sizes := range [][]int{{100}, repeat(64, 100), repeat(8, 8000)} {
		datagrams := datagramsOf(sizes...)
		var reading sync.Mutex
		count := 0
		handle := func(packets []Packet) { count += len(packets) }
		once := func() {
			s.Send(datagrams, nil)
			for count = 0; count < len(sizes); {
				if err := r.Receive(&reading, handle); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 100 {
			once()
		}
		if n := testing.AllocsPerRun(200, once); n >= 1 {
			t.Errorf("%d datagrams of %d bytes: %v allocations", len(sizes), sizes[0], n)
		}
	}
}
