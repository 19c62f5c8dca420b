package mcl

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"

	"libmcl/core/internal/netio/netiotest"
	"libmcl/core/internal/wire"
	"libmcl/tests/hostile"
)

// FuzzMessage has anything decoded as a message: what is accepted can be read by every getter, and comes back the same from
// its msgpack and from what legacy encoders write.
func FuzzMessage(f *testing.F) {
	typ, err := NewType("Fuzz", []string{"x"}, Connection{URL: "ff15::f"})
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range []any{1, map[string]any{"x": 1}, map[string]any{"x": nil, "name": "Fuzz", "timestamp": 1.5},
		map[string]any{"x": []any{1, "two", 3.0, []byte{4}, map[string]any{"five": -5}}}, map[any]any{"x": 1, 2: 3}} {
		e := getEncoder()
		packed, err := e.encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(packed))
		e.put()
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		_, cause := wire.ScanOne(packed)
		m, err := typ.Decode(packed)
		if err != nil {
			if kind := CodeOf(err); kind != ErrFormat && kind != ErrType && kind != ErrTooLarge {
				t.Fatalf("%v", err)
			}
			if cause == wire.OK {
				decodeAny(packed)
			}
			return
		}
		switch v, err := decodeAny(packed); v.(type) {
		case map[string]any, map[any]any:
		default:
			if err == nil {
				t.Fatalf("%x is a message, and a %T", packed, v)
			}
		}
		for i := range m.Len() {
			key := string(m.Key(i))
			m.Kind(key)
			m.Bool(key)
			m.Int(key)
			m.Uint(key)
			m.Float(key)
			m.Text(key)
			m.Bytes(key)
		}
		if text := m.AppendJSON(nil); !json.Valid(text) {
			t.Fatalf("the JSON of %x is %s", packed, text)
		}
		out := m.AppendPacked(nil)
		again, err := typ.Decode(out)
		if err != nil || !bytes.Equal(again.AppendPacked(nil), out) {
			t.Fatalf("%x went out as %x, and came back as %v, %v", packed, out, again, err)
		}
		if err := m.Set("x", 7); err != nil {
			t.Fatal(err)
		}
		if x, err := m.Int("x"); x != 7 || err != nil {
			t.Fatalf("x is set to 7, and is %d, %v", x, err)
		}
	})
}

// FuzzListener has a listener receive anything. The script is datagrams, each behind its size in two bytes and its sender in
// one. Every datagram is accounted for, everything delivered can be decoded, and what is sent between them arrives.
func FuzzListener(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	var all []byte
	for kind := range hostile.Kinds {
		if d := hostile.Of(kind, random); len(d) < 1000 {
			all = appendDatagram(all, byte(kind), d)
		}
	}
	f.Add(all)
	var whole []byte
	for packet := range uint32(3) {
		whole = appendDatagram(whole, 1, hostile.Fragment("t", packet+1, 3, [][]byte{{0x92}, {0x01}, {0x02}}[packet]))
	}
	f.Add(whole)
	f.Add(appendDatagram(nil, 2, []byte{0x92, 0xa1, 't', 0x81, 0xa1, 'x', 0x01}))
	typ, err := NewType("Fuzz", []string{"x"}, Connection{URL: "ff15::f"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		n, conn := netiotest.New(1), Connection{URL: "ff15::f", Port: 31999}
		conn.MessageMax, conn.ReassemblyBytes = 1<<20, 1<<20
		all := open(t, n, conn, ListenerOptions{})
		typed := open(t, n, conn, ListenerOptions{Type: typ, QueueMessages: 10, Policy: DropNewest})
		good := []byte{0x92, 0xa4, 'g', 'o', 'o', 'd', 0x2a}
		sent, goods := uint64(0), 0
		for len(script) >= 3 {
			size, from := int(binary.BigEndian.Uint16(script)), script[2]
			script = script[3:]
			size = min(size, len(script))
			n.Inject(conn.addrPort(), netip.AddrPortFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 15: from & 3}), uint16(from)), script[:size])
			n.Inject(conn.addrPort(), netip.MustParseAddrPort("[fe80::ff]:9"), good)
			script = script[size:]
			sent += 2
			goods++
		}
		eventually(t, all, func(s ListenerStats) bool { return s.Datagrams == sent })
		eventually(t, typed, func(s ListenerStats) bool { return s.Datagrams == sent })
		all.drain(new(Hand), 1<<20, func(r *Received) {
			if string(r.Topic) == "good" && bytes.Equal(r.Payload, good[6:]) {
				goods--
			}
			r.Value()
		})
		if goods > 0 {
			t.Errorf("%d of the healthy messages are missing", goods)
		}
		typed.drain(new(Hand), 1<<20, func(r *Received) {
			if m := r.Message(); m == nil || !json.Valid(m.AppendJSON(nil)) {
				t.Errorf("a message of the type is %v", m)
			}
		})
		for _, l := range []*Listener{all, typed} {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			s := l.Stats()
			balanced(t, s)
			if s.Assembling != 0 || s.AssemblingBytes != 0 || s.Queued != 0 {
				t.Errorf("after the end: %+v", s)
			}
		}
	})
}

func appendDatagram(script []byte, from byte, d []byte) []byte {
	script = append(binary.BigEndian.AppendUint16(script, uint16(len(d))), from)
	return append(script, d...)
}
