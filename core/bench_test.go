package mcl

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

// One operation is a message of one datagram, published at full rate to a listener of the same process. What arrives faster
// than it is delivered takes memory, which mallocs/op shows, to fractions, where allocs/op is cut to a whole number.
func BenchmarkPublishReceive(b *testing.B) {
	for _, queued := range []bool{false, true} {
		for _, size := range []int{64, 1000, 8000, 59000} {
			b.Run(fmt.Sprintf("queued=%v/size=%d", queued, size), func(b *testing.B) { benchmarkPublishReceive(b, queued, size) })
		}
	}
}

func benchmarkPublishReceive(b *testing.B, queued bool, size int) {
	conn := Connection{URL: "ff15::be9c"}
	l, err := Listen(conn, ListenerOptions{Queued: queued})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var received atomic.Int64
	if _, err := l.Subscribe(func(*Received) { received.Add(1) }); err != nil {
		b.Fatal(err)
	}
	p, err := NewRawBroadcaster(conn)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	packed := append([]byte{0xc5, byte(size >> 8), byte(size)}, make([]byte, size)...)
	publish := func(n int) {
		for range n {
			if err := p.PublishPacked(nil, packed); err != nil {
				b.Fatal(err)
			}
		}
	}
	// What was sent is at the listener's socket when the publish returns, or was dropped there.
	settle := func(sent int64) {
		for received.Load()+int64(l.Stats().DroppedKernel+l.Stats().DroppedQueue) < sent {
			time.Sleep(time.Millisecond)
		}
	}
	const warm = 200
	publish(warm)
	settle(warm)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.SetBytes(int64(size))
	b.ResetTimer()
	publish(b.N)
	settle(int64(warm + b.N))
	b.StopTimer()
	runtime.ReadMemStats(&after)
	lost := int64(warm+b.N) - received.Load()
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "mallocs/op")
	b.ReportMetric(100*float64(lost)/float64(b.N), "lost%")
}

// One operation is a message from publish to callback, one after the other: its time, and what it allocates.
func BenchmarkOneAtATime(b *testing.B) {
	for _, queued := range []bool{false, true} {
		b.Run(fmt.Sprintf("queued=%v", queued), func(b *testing.B) {
			conn := Connection{URL: "ff15::be9c"}
			l, err := Listen(conn, ListenerOptions{Queued: queued})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			arrived := make(chan struct{}, 1)
			if _, err := l.Subscribe(func(*Received) { arrived <- struct{}{} }); err != nil {
				b.Fatal(err)
			}
			p, err := NewRawBroadcaster(conn)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			packed := append([]byte{0xc4, 64}, make([]byte, 64)...)
			once := func() {
				if err := p.PublishPacked(nil, packed); err != nil {
					b.Fatal(err)
				}
				<-arrived
			}
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
			for range 2000 {                                 // through a chunk of the queue, too
				once()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			for range b.N {
				once()
			}
			b.StopTimer()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "mallocs/op")
		})
	}
}
