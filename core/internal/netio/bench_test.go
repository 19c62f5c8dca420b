package netio

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// One operation is a datagram from Send to Receive, over the machine's loopback interface, at the full rate of the sender.
// What is lost was dropped by the kernel, since the receiver did not keep up.
func BenchmarkSendReceive(b *testing.B) {
	for _, size := range []int{64, 1000, 8000, 59000} {
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("size=%d/batch=%d", size, batch), func(b *testing.B) { benchmarkSendReceive(b, size, batch) })
		}
	}
}

func benchmarkSendReceive(b *testing.B, size, batch int) {
	g := Group{Addr: netip.MustParseAddrPort("[ff15::be9c]:26000"), Hops: 1, Loopback: true, RecvBuffer: 4 << 20}
	r, err := System.Listen(g)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	s, err := System.Dial(g)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()

	const last = 1 // the size of the datagram that says that no more will come
	var received atomic.Int64
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ended := false; !ended; {
			n := 0
			err := r.Receive(new(sync.Mutex), func(packets []Packet) {
				for i := range packets {
					if ended = ended || len(packets[i].Data) == last; !ended {
						n++
					}
				}
			})
			received.Add(int64(n))
			if err != nil {
				b.Error(err)
				return
			}
		}
	}()

	datagrams := make([]Datagram, batch)
	for i := range datagrams {
		datagrams[i] = Datagram{Head: []byte{0x92, 0xc0}, Body: make([]byte, size-2)}
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	sent := 0
	for sent < b.N {
		n, err := s.Send(datagrams[:min(batch, b.N-sent)], nil)
		if sent += n; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	for end := []Datagram{{Body: make([]byte, last)}}; ; { // it may be lost, too
		if _, err := s.Send(end, nil); err != nil {
			b.Fatal(err)
		}
		select {
		case <-over:
			b.ReportMetric(100*float64(int64(sent)-received.Load())/float64(sent), "lost%")
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
