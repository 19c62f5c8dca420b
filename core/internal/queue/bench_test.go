package queue

import (
	"fmt"
	"testing"

	"libmcl/core/internal/buf"
)

// One operation is a message into the ring and out of it. Batches are what a socket gives in one read.
func BenchmarkQueue(b *testing.B) {
	for _, size := range []int{64, 1000, 8000, 59000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) { benchmarkQueue(b, size, 64, DropOldest, 1<<18) })
	}
	// Four times as much as the ring holds: what the policy costs, and loses.
	b.Run("full/drop=oldest", func(b *testing.B) { benchmarkQueue(b, 64, 64, DropOldest, 16) })
	b.Run("full/drop=newest", func(b *testing.B) { benchmarkQueue(b, 64, 64, DropNewest, 16) })
}

func benchmarkQueue(b *testing.B, size, batch int, policy Policy, limit int) {
	ring := Ring{MaxEntries: limit, MaxBytes: 1 << 28, Policy: policy}
	var w Writer
	source := buf.Get(1 << 16)
	defer source.Release()
	payload := source.Bytes()[:size]
	b.ReportAllocs()
	dropped, sent := 0, 0
	for b.Loop() {
		e := Entry{Payload: payload, Datagrams: 1}
		w.Own(&e, source)
		lost, _ := ring.Put(e)
		dropped += lost
		if sent++; sent%batch == 0 {
			for e, ok := ring.Take(); ok; e, ok = ring.Take() {
				e.Owner.Release()
			}
		}
	}
	for e, ok := ring.Take(); ok; e, ok = ring.Take() {
		e.Owner.Release()
	}
	w.Close()
	b.ReportMetric(100*float64(dropped)/float64(sent), "lost%")
}
