package wire

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"libmcl/core/internal/buf"
)

// Bodies of one datagram, in bytes.
var benchSizes = []int{64, 1000, 8000, 59000}

// packedBin is a msgpack bin of size bytes.
func packedBin(size int) []byte { return AppendString(nil, make([]byte, size)) }

func BenchmarkAppendSingle(b *testing.B) {
	topic := "pose"
	b.ReportAllocs()
	var head []byte
	for b.Loop() {
		head = AppendSingle(head[:0], &topic)
	}
}

func BenchmarkAppendFragment(b *testing.B) {
	topic := "pose"
	b.ReportAllocs()
	var head []byte
	for b.Loop() {
		head = AppendFragment(head[:0], &topic, 7, 17, FragmentSize)
	}
}

func BenchmarkParse(b *testing.B) {
	topic := "pose"
	double := "\xcb\x3f\xf8" + strings.Repeat("\x00", 6)
	imu := []byte("\x83\xa4gyro\x93" + double + double + double + "\xa4name\xa3Imu\xa9timestamp" + double)
	cases := map[string][]byte{"map": imu}
	names := []string{"map"}
	for _, size := range benchSizes {
		name := fmt.Sprintf("bin=%d", size)
		cases[name], names = packedBin(size), append(names, name)
	}
	for _, name := range names {
		datagram := append(AppendSingle(nil, &topic), cases[name]...)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, cause := Parse(datagram, Limits{MessageMax: 1 << 26}); cause != OK {
					b.Fatal(cause)
				}
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	double := "\xcb\x3f\xf8" + strings.Repeat("\x00", 6)
	wide := []byte("\xde\x00\xc8")
	for i := range 200 {
		wide = append(wide, fmt.Sprintf("\xa8field%03d", i)+double...)
	}
	for _, c := range []struct {
		name   string
		packed []byte
	}{
		{"map", []byte("\x83\xa4gyro\x93" + double + double + double + "\xa4name\xa3Imu\xa9timestamp" + double)},
		{"200keys", wide},
		{"doubles", []byte("\xdc\x03\xe8" + strings.Repeat(double, 1000))},
		{"small", []byte("\xdc\x03\xe8" + strings.Repeat("\x07", 1000))},
		{"maps", []byte("\xdc\x03\xe8" + strings.Repeat("\x82\xa1x\x01\xa1y\x02", 1000))},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, cause := ScanOne(c.packed); cause != OK {
					b.Fatal(cause)
				}
			}
		})
	}
}

func BenchmarkAppendLegacy(b *testing.B) {
	packed := []byte("\xd9\x40")
	packed = append(packed, make([]byte, 64)...)
	b.ReportAllocs()
	var legacy []byte
	for b.Loop() {
		legacy = AppendLegacy(legacy[:0], packed)
	}
}

// One operation is a message of a megabyte, from its datagrams to its payload. Loss is what a receiver would see: with every
// hundredth datagram lost, one message in six.
func BenchmarkReassemble(b *testing.B) {
	const size, messageMax = 1_000_000, 1 << 26
	payload := packedBin(size)
	packets := Packets(1, len(payload), FragmentSize)
	for _, lostEach := range []int{0, 100} {
		b.Run(fmt.Sprintf("lost=%d%%", min(lostEach, 1)), func(b *testing.B) {
			r := NewReassembler(Limits{MessageMax: messageMax}, 1<<28, 5e9)
			datagrams := make([]Datagram, packets)
			for i := range datagrams {
				part := payload[i*FragmentSize:]
				datagrams[i] = Datagram{Payload: part[:min(len(part), FragmentSize)], Packet: uint32(i + 1), Packets: packets}
			}
			b.ReportAllocs()
			b.SetBytes(size)
			whole, sent, now := 0, 0, int64(0)
			for b.Loop() {
				// As a broadcaster does: messages in a row from other ports.
				from := netip.AddrPortFrom(netip.IPv6Loopback(), uint16(40000+now/1000%8))
				for i := range datagrams {
					if sent++; lostEach > 0 && sent%lostEach == 0 {
						continue
					}
					owner := buf.Get(1 << 16)
					res := r.Add(from, &datagrams[i], owner, now, Arrival{})
					if res.Payload != nil {
						whole++
						res.Owner.Release()
					}
					owner.Release()
				}
				now += 1000
			}
			b.ReportMetric(100*float64(b.N-whole)/float64(b.N), "lost%")
		})
	}
}
