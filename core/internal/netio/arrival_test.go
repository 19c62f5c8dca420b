package netio

import (
	"slices"
	"testing"
)

func TestArrivals(t *testing.T) {
	type batches [][]int64
	for _, test := range []struct {
		name        string
		read, times batches // 0: none given. The clock is at 50 when the first batch was read, and at 100 after the second.
	}{
		{"none", batches{{}}, batches{{}}},
		{"all", batches{{10, 20, 20, 45}, {40, 60}}, batches{{10, 20, 20, 45}, {40, 60}}},
		{"not the first", batches{{0, 0, 30, 40}, {45}}, batches{{30, 30, 30, 40}, {45}}},
		{"at first none", batches{{0, 0}, {60, 70}}, batches{{50, 50}, {60, 70}}},
		{"some that arrived before the guess", batches{{0, 0}, {45, 48}, {49}, {60}}, batches{{50, 50}, {50, 50}, {50}, {60}}},
		{"no more to come of these", batches{{0}, {60}, {40}}, batches{{50}, {60}, {40}}},
		{"none twice", batches{{0}, {0}, {90, 120}}, batches{{50}, {100}, {100, 120}}},
		{"the clock set back", batches{{0}, {50 - ahead}, {40}}, batches{{50}, {50 - ahead}, {40}}},
	} {
		var a arrivals
		for n, batch := range test.read {
			packets := make([]Packet, len(batch))
			for i, time := range batch {
				packets[i].Time = time
			}
			a.set(packets, func() int64 { return int64(n+1) * 50 })
			got := []int64{}
			for _, p := range packets {
				got = append(got, p.Time)
			}
			if !slices.Equal(got, test.times[n]) {
				t.Errorf("%s, batch %d: %v, want %v", test.name, n, got, test.times[n])
			}
		}
	}
}
