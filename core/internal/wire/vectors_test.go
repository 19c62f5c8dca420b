package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"testing"

	"libmcl/core/internal/buf"
)

// A vector is a message as the reference implementation published it, with the datagrams that were captured.
type vector struct {
	Name          string
	Topic         *string
	TopicHex      string `json:"topic_hex"`
	PayloadHex    string `json:"payload_msgpack"`
	PayloadSHA    string `json:"payload_msgpack_sha256"`
	PayloadHead   string `json:"payload_msgpack_head"`
	PayloadLen    int    `json:"payload_msgpack_len"`
	PatternLength *int   `json:"payload_pattern_bytes"`
	Datagrams     []json.RawMessage
}

func loadVectors(t *testing.T, encoder string) []vector {
	t.Helper()
	text, err := os.ReadFile("../../../tests/vectors/wire/msgpack-" + encoder + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 40 {
		t.Fatalf("only %d vectors", len(file.Vectors))
	}
	return file.Vectors
}

func (v *vector) topic(t *testing.T) *string {
	if v.Topic == nil {
		return nil
	}
	b, err := hex.DecodeString(v.TopicHex)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	return &s
}

// payload gives the packed payload: as captured, or built from its pattern.
func (v *vector) payload(t *testing.T) []byte {
	if v.PatternLength == nil {
		b, err := hex.DecodeString(v.PayloadHex)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	head, _ := hex.DecodeString(v.PayloadHead)
	size := 3
	if head[0] == codeStr32 || head[0] == codeBin32 {
		size = 5
	}
	b := append([]byte(nil), head[:size]...)
	for i := range *v.PatternLength {
		b = append(b, byte(7*i+i/251))
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != v.PayloadSHA || len(b) != v.PayloadLen {
		t.Fatal("the pattern was not built as it was captured")
	}
	return b
}

// datagram checks one datagram against what was captured, whole or by its head, length and hash.
func (v *vector) datagram(t *testing.T, i int, got []byte) {
	t.Helper()
	var whole string
	if json.Unmarshal(v.Datagrams[i], &whole) == nil {
		if hex.EncodeToString(got) != whole {
			t.Errorf("datagram %d:\n got %x\nwant %s", i, got, whole)
		}
		return
	}
	var digest struct {
		Head   string
		Len    int
		SHA256 string
	}
	if err := json.Unmarshal(v.Datagrams[i], &digest); err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(got); len(got) != digest.Len || hex.EncodeToString(sum[:]) != digest.SHA256 {
		t.Errorf("datagram %d: %d bytes %x…, want %d bytes %s…", i, len(got), got[:min(24, len(got))], digest.Len, digest.Head)
	}
}

// encode is what a broadcaster sends.
func encode(topic *string, payload []byte) (datagrams [][]byte) {
	head := AppendSingle(nil, topic)
	packets := Packets(len(head), len(payload), FragmentSize)
	if packets == 0 {
		return [][]byte{append(head, payload...)}
	}
	for i := range packets {
		part := payload[int(i)*FragmentSize:]
		part = part[:min(len(part), FragmentSize)]
		datagrams = append(datagrams, append(AppendFragment(nil, topic, i+1, packets, len(part)), part...))
	}
	return datagrams
}

func TestLegacyVectorsAreProducedAgainByteForByte(t *testing.T) {
	for _, v := range loadVectors(t, "0.4.8") {
		t.Run(v.Name, func(t *testing.T) {
			datagrams := encode(v.topic(t), v.payload(t))
			if len(datagrams) != len(v.Datagrams) {
				t.Fatalf("%d datagrams, want %d", len(datagrams), len(v.Datagrams))
			}
			for i, d := range datagrams {
				v.datagram(t, i, d)
			}
		})
	}
}

// captured gives the datagrams of a vector, byte for byte: as captured, or rebuilt and checked against their hash. The
// 1.0 encoder writes topics and fragments as bin.
func (v *vector) captured(t *testing.T, bin bool) (datagrams [][]byte) {
	payload := v.payload(t)
	for i := range v.Datagrams {
		var whole string
		if json.Unmarshal(v.Datagrams[i], &whole) == nil {
			b, _ := hex.DecodeString(whole)
			datagrams = append(datagrams, b)
			continue
		}
		var digest struct{ Head string }
		json.Unmarshal(v.Datagrams[i], &digest)
		head, _ := hex.DecodeString(digest.Head)
		d := []byte{head[0]}
		asBytes := AppendString[[]byte]
		if bin {
			asBytes = appendBin
		}
		if topic := v.topic(t); topic == nil {
			d = append(d, codeNil)
		} else {
			d = asBytes(d, []byte(*topic))
		}
		if head[0] == 0x92 {
			d = append(d, payload...)
		} else {
			part := payload[i*FragmentSize:]
			d = AppendUint(AppendUint(d, uint64(i+1)), uint64(len(v.Datagrams)))
			d = asBytes(d, part[:min(len(part), FragmentSize)])
		}
		v.datagram(t, i, d)
		datagrams = append(datagrams, d)
	}
	return datagrams
}

func appendBin(dst, s []byte) []byte {
	if len(s) < 256 {
		return append(append(dst, codeBin8, byte(len(s))), s...)
	}
	return append(append(dst, codeBin16, byte(len(s)>>8), byte(len(s))), s...)
}

func TestVectorsDecodeToWhatWasPublished(t *testing.T) {
	for _, encoder := range []string{"0.4.8", "1.0.0"} {
		for _, v := range loadVectors(t, encoder) {
			t.Run(encoder+"/"+v.Name, func(t *testing.T) {
				r := NewReassembler(Limits{MessageMax: 64 << 20}, 256<<20, 1e9)
				var payload []byte
				for i, bytes := range v.captured(t, encoder == "1.0.0") {
					d, cause := Parse(bytes, Limits{MessageMax: 64 << 20})
					if cause != OK {
						t.Fatalf("datagram %d: cause %d", i, cause)
					}
					if topic := v.topic(t); d.HasTopic != (topic != nil) || topic != nil && string(d.Topic) != *topic {
						t.Fatalf("datagram %d: topic %q", i, d.Topic)
					}
					if d.Packets == 0 {
						payload = d.Payload
						continue
					}
					b := buf.Get(1 << 16)
					copy(b.Bytes(), d.Payload)
					d.Payload = b.Bytes()[:len(d.Payload)]
					if res := r.Add(netip.AddrPort{}, &d, b, 0, Arrival{}); res.Payload != nil {
						payload = res.Payload
					}
					b.Release()
				}
				if !bytes.Equal(payload, v.payload(t)) {
					t.Errorf("payload of %d bytes, want %d", len(payload), len(v.payload(t)))
				}
			})
		}
	}
}
