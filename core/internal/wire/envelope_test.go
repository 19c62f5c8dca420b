package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseRefusesWithItsCause(t *testing.T) {
	for _, c := range []struct {
		what, datagram string
		want           Cause
	}{
		{"empty", "", BadMsgpack},
		{"reserved code", "c1", BadMsgpack},
		{"reserved code as payload", "92 c0 c1", BadMsgpack},
		{"array cut short", "92", BadMsgpack},
		{"payload missing", "92 c0", BadMsgpack},
		{"string cut short", "92 c0 a5 61", BadMsgpack},
		{"array 16 cut short", "dc 00", BadMsgpack},
		{"lie about a length", "92 c0 dd ffffffff 01", BadMsgpack},
		{"lie about a string's length", "92 c0 db ffffffff 01", BadMsgpack},
		{"map of odd length", "92 c0 81 01", BadMsgpack},
		{"no array", "01", BadShape},
		{"a map", "81 c0 01", BadShape},
		{"array of 0", "90", BadShape},
		{"array of 1", "91 c0", BadShape},
		{"array of 3", "93 c0 01 01", BadShape},
		{"array of 5", "95 c0 01 01 a0 01", BadShape},
		{"packet is a string", "94 c0 a131 01 a0", BadShape},
		{"packet is a float", "94 c0 cb3ff0000000000000 01 a0", BadShape},
		{"fragment is an integer", "94 c0 01 01 05", BadShape},
		{"byte after the array", "92 c0 01 00", BadTrailing},
		{"second message behind it", "92 c0 01 92 c0 01", BadTrailing},
		{"byte after a fragment", "94 c0 01 01 a0 00", BadTrailing},
		{"topic is an integer", "92 05 01", BadTopic},
		{"topic is an array", "92 90 01", BadTopic},
		{"topic is a map", "94 80 01 01 a0", BadTopic},
		{"topic is false", "92 c2 01", BadTopic},
		{"packet 0", "94 c0 00 02 a0", BadPacket},
		{"packet beyond packets", "94 c0 03 02 a0", BadPacket},
		{"packet negative", "94 c0 ff 02 a0", BadPacket},
		{"packet beyond int64", "94 c0 cf8000000000000000 02 a0", BadPacket},
		{"packets 0", "94 c0 01 00 a0", BadPackets},
		{"packets negative", "94 c0 01 d0ff a0", BadPackets},
		{"packets absurd", "94 c0 01 ceffffffff a0", BadPackets},
		{"too deep", "92 c0" + strings.Repeat("91", DepthMax+1) + "c0", BadDepth},
	} {
		if _, cause := Parse(unhex(t, c.datagram), Limits{MessageMax: 64 << 20}); cause != c.want {
			t.Errorf("%s: cause %d, want %d", c.what, cause, c.want)
		}
	}
	if _, cause := Parse(unhex(t, "92 c0 a3616263"), Limits{MessageMax: 3}); cause != BadSize {
		t.Errorf("payload over the limit: cause %d", cause)
	}
}

func TestParseAcceptsWhatIsUnusualButRight(t *testing.T) {
	for _, c := range []struct{ what, datagram, topic, payload string }{
		{"array 16", "dc0002 a174 05", "t", "05"},
		{"array 32", "dd00000002 a174 05", "t", "05"},
		{"topic as bin", "92 c40174 05", "t", "05"},
		{"topic as str8", "92 d90174 05", "t", "05"},
		{"topic as str32", "92 db0000000174 05", "t", "05"},
		{"topic not UTF-8", "92 a2fffe 05", "\xff\xfe", "05"},
		{"deepest payload", "92 a174" + strings.Repeat("91", DepthMax) + "c0", "t", strings.Repeat("91", DepthMax) + "c0"},
		{"an extension", "92 a174 d47f01", "t", "d47f01"},
		{"a map with maps as keys", "92 a174 8180c0", "t", "8180c0"},
		{"an array of empties", "92 a174 93 90 80 a0", "t", "939080a0"},
	} {
		d, cause := Parse(unhex(t, c.datagram), Limits{MessageMax: 64 << 20})
		if cause != OK || string(d.Topic) != c.topic || !bytes.Equal(d.Payload, unhex(t, c.payload)) {
			t.Errorf("%s: cause %d, topic %q, payload %x", c.what, cause, d.Topic, d.Payload)
		}
	}
	d, cause := Parse(unhex(t, "94 c0 cd0002 cc03 c40161"), Limits{MessageMax: 64 << 20})
	if cause != OK || d.HasTopic || d.Packet != 2 || d.Packets != 3 || string(d.Payload) != "a" {
		t.Errorf("fragment with long integers and bin: cause %d, %+v", cause, d)
	}
}

func TestNumberOfPackets(t *testing.T) {
	const messageMax = 1 << 20
	for _, c := range []struct {
		what                  string
		packet, packets, size int
		want                  Cause
	}{
		{"the most, in the largest fragments of so many", 1, FragmentsMax, 8, OK},
		{"one more", 1, FragmentsMax + 1, 1, BadPackets},
		{"the largest message, and an empty fragment", 1, 5, messageMax / 4, OK},
		{"its last", 5, 5, 0, OK},
		{"a message that is larger", 1, 5, messageMax/4 + 1, BadPackets},
		{"its last but one", 4, 5, messageMax/4 + 1, BadPackets},
		{"a last fragment, which is as long as the others", 5, 5, messageMax/4 + 1, BadPackets},
	} {
		datagram := AppendFragment(nil, nil, uint32(c.packet), uint32(c.packets), c.size)
		if c.size >= 1<<16 { // which no datagram has
			datagram = binary.BigEndian.AppendUint32(append(datagram[:len(datagram)-3], codeStr32), uint32(c.size))
		}
		d, cause := Parse(append(datagram, make([]byte, c.size)...), Limits{MessageMax: messageMax})
		if cause != c.want || cause == OK && d.Packets != uint32(c.packets) {
			t.Errorf("%s: cause %d, %d packets", c.what, cause, d.Packets)
		}
	}
}

func TestEveryCutOfADatagramIsRefused(t *testing.T) {
	whole := unhex(t, "92a174"+"87"+"a161cb3ff0000000000000"+"a162d90161"+"a163c40161"+"a164da000161"+"a165c70101ff"+
		"a166de0001c0c0"+"a167cf0102030405060708")
	if _, cause := Parse(whole, Limits{MessageMax: 1 << 20}); cause != OK {
		t.Fatalf("the whole: cause %d", cause)
	}
	for n := range whole {
		if _, cause := Parse(whole[:n], Limits{MessageMax: 1 << 20}); cause != BadMsgpack {
			t.Errorf("cut to %d bytes: cause %d", n, cause)
		}
	}
}

func TestAppendLegacyReplacesStr8OnlyWhereOneBegins(t *testing.T) {
	long := strings.Repeat("d9", 40) // bytes that look like a str8
	src := unhex(t, "93"+"d928"+long+"c428"+long+"81"+"d902d9d9"+"90")
	want := unhex(t, "93"+"da0028"+long+"c428"+long+"81"+"da0002d9d9"+"90")
	if got := AppendLegacy([]byte{1}, src); !bytes.Equal(got[1:], want) || got[0] != 1 {
		t.Errorf("\n got %x\nwant %x", got[1:], want)
	}
	if str8, _ := ScanOne(src); !str8 {
		t.Error("a nested str8 was not noticed")
	}
	if str8, _ := ScanOne(want); str8 {
		t.Error("a str8 was noticed where there is none")
	}
}

func TestPacketsFollowsTheReference(t *testing.T) {
	for _, c := range []struct {
		head, size, fragment int
		want                 uint32
	}{
		{2, 59998, 60000, 0}, {2, 59999, 60000, 1}, {2, 60000, 60000, 2}, {2, 119999, 60000, 2}, {2, 120000, 60000, 3},
		{2, 98, 100, 0}, {2, 99, 100, 1}, {2, 200, 100, 3}, {20, 5, 10, 1}, {2, 3, 1, 4},
	} {
		if got := Packets(c.head, c.size, c.fragment); got != c.want {
			t.Errorf("Packets(%d, %d, %d) = %d, want %d", c.head, c.size, c.fragment, got, c.want)
		}
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	single := unhex(t, "92a174"+"82a16193010203a162cb3ff0000000000000")
	if n := testing.AllocsPerRun(100, func() { Parse(single, Limits{MessageMax: 1 << 20}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"92c005", "94a1740102a161", "92a17481a16101", "dc0002c0d90161", "92c0dd00000001c0"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, cause := Parse(b, Limits{MessageMax: 1 << 20})
		if cause != OK {
			if cause < 0 || cause >= numCauses {
				t.Fatalf("cause %d", cause)
			}
			return
		}
		var topic *string
		if d.HasTopic {
			s := string(d.Topic)
			topic = &s
		}
		var again []byte
		if d.Packets == 0 {
			again = append(AppendSingle(nil, topic), d.Payload...)
		} else if len(d.Payload) < 1<<16 {
			again = append(AppendFragment(nil, topic, d.Packet, d.Packets, len(d.Payload)), d.Payload...)
		} else {
			return
		}
		d2, cause := Parse(again, Limits{MessageMax: 1 << 20})
		if cause != OK || !bytes.Equal(d.Payload, d2.Payload) || !bytes.Equal(d.Topic, d2.Topic) || d.HasTopic != d2.HasTopic ||
			d.Packet != d2.Packet || d.Packets != d2.Packets {
			t.Fatalf("%x came back as %x", b, again)
		}
		if d.Packets == 0 {
			legacy := AppendLegacy(nil, d.Payload)
			if str8, cause := ScanOne(legacy); cause != OK || str8 {
				t.Fatalf("legacy form of %x is %x", d.Payload, legacy)
			}
		}
	})
}
