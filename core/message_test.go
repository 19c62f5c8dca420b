package mcl

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"libmcl/core/internal/netio/netiotest"
)

func define(t testing.TB, name string, mandatory []string, conn Connection) *Type {
	t.Helper()
	typ, err := Define(name, mandatory, conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Remove(name) })
	return typ
}

func TestATypeThatIsNotRegistered(t *testing.T) {
	conn := newConnection()
	define(t, "Registered", []string{"x"}, conn)
	// Neither its name nor its connection need be new, and nobody finds it.
	typ, err := NewType("Registered", []string{"y"}, conn)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewType("Unregistered", []string{"y"}, conn)
	if err != nil || other.Name() != "Unregistered" || other.Connection() != conn {
		t.Fatal(other, err)
	}
	if _, err := Lookup("Unregistered"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if found, err := Lookup("Registered"); found == typ || err != nil {
		t.Error("it took the registered one's place", err)
	}
	if _, err := typ.From(map[string]any{"x": 1}); !errors.Is(err, ErrType) {
		t.Error(err)
	}
	if m, err := typ.From(map[string]any{"y": 1}); err != nil || m.Type() != typ {
		t.Error(err)
	}
	for _, name := range []string{"", "Message", "a\x00b"} {
		_, err := NewType(name, nil, conn)
		wantKind(t, err, ErrInvalid)
	}
	for _, key := range []string{"", "mandatory", "connection", "a\x00b", "twice"} {
		_, err := NewType("New", []string{"twice", key}, conn)
		wantKind(t, err, ErrInvalid)
	}
	_, err = NewType("New", nil, Connection{URL: "10.0.0.1"})
	wantKind(t, err, ErrAddress)
}

func TestTheRegistry(t *testing.T) {
	conn := newConnection()
	typ := define(t, "Registered", []string{"x", "y"}, conn)
	if got, err := Lookup("Registered"); got != typ || err != nil {
		t.Error(got, err)
	}
	_, err := Define("Registered", nil, newConnection())
	wantKind(t, err, ErrExists)
	same := conn
	same.URL = "ff15:0:0::4d43:004c" // written otherwise
	_, err = Define("Other", nil, same)
	wantKind(t, err, ErrExists)
	for _, mandatory := range [][]string{{"a", "a"}, {"mandatory"}, {"connection"}, {""}} {
		_, err = Define("Other", mandatory, newConnection())
		wantKind(t, err, ErrInvalid)
	}
	for _, name := range []string{"", "Message"} {
		_, err = Define(name, nil, newConnection())
		wantKind(t, err, ErrInvalid)
	}
	_, err = Define("Other", nil, Connection{URL: "10.0.0.1"})
	wantKind(t, err, ErrAddress)
	define(t, "Another", nil, newConnection())
	var names []string
	for _, typ := range Types() {
		names = append(names, typ.Name())
	}
	if !reflect.DeepEqual(names, []string{"Another", "Registered"}) {
		t.Error(names)
	}
	if err := Remove("Registered"); err != nil {
		t.Error(err)
	}
	wantKind(t, Remove("Registered"), ErrUnknown)
	_, err = Lookup("Registered")
	wantKind(t, err, ErrUnknown)
	define(t, "Registered", nil, conn)
}

func TestANewMessageHasItsKeys(t *testing.T) {
	typ := define(t, "New", []string{"a", "b"}, newConnection())
	before := float64(time.Now().UnixMicro()) / 1e6
	m := typ.New()
	if m.Len() != 4 {
		t.Errorf("%s", m)
	}
	if k, err := m.Kind("a"); k != KindNil || err != nil {
		t.Error(k, err)
	}
	if name, _ := m.Text("name"); string(name) != "New" {
		t.Errorf("name %q", name)
	}
	stamp, err := m.Float("timestamp")
	if err != nil || stamp < before || stamp > before+10 {
		t.Error(stamp, before, err)
	}
	wantKind(t, m.SetString("name", "Else"), ErrInvalid)
}

func TestSettersAndGetters(t *testing.T) {
	m := define(t, "Values", []string{"v"}, newConnection()).New()
	for _, c := range []struct {
		set  any
		kind Kind
		get  any // as Get gives it
	}{
		{nil, KindNil, nil},
		{true, KindBool, true},
		{5, KindUint, int64(5)},
		{-5, KindInt, int64(-5)},
		{int64(math.MinInt64), KindInt, int64(math.MinInt64)},
		{uint64(math.MaxUint64), KindUint, uint64(math.MaxUint64)},
		{2.5, KindFloat, 2.5},
		{"text", KindString, "text"},
		{strings.Repeat("x", 100), KindString, strings.Repeat("x", 100)},
		{[]byte{0, 0xff}, KindBytes, []byte{0, 0xff}},
		{[]int{1, 2}, KindArray, []any{int64(1), int64(2)}},
		{map[string]int{"k": 1}, KindMap, map[string]any{"k": int64(1)}},
	} {
		if err := m.Set("v", c.set); err != nil {
			t.Fatal(err)
		}
		kind, err := m.Kind("v")
		if kind != c.kind || err != nil {
			t.Errorf("%v is %v, %v", c.set, kind, err)
		}
		if got, err := m.Get("v"); err != nil || !equal(got, c.get) {
			t.Errorf("%v came back as %v (%T), %v", c.set, got, got, err)
		}
	}
	for _, c := range []struct {
		set           any
		i, u, f, b, s bool // which getters take it
	}{
		{7, true, true, true, false, false}, {-7, true, false, true, false, false}, {uint64(math.MaxUint64), false, true, true, false, false},
		{1.0, false, false, true, false, false}, {"1", false, false, false, false, true}, {[]byte("1"), false, false, false, false, true},
		{true, false, false, false, true, false}, {nil, false, false, false, false, false}, {[]int{1}, false, false, false, false, false},
	} {
		m.Set("v", c.set)
		_, errI := m.Int("v")
		_, errU := m.Uint("v")
		_, errF := m.Float("v")
		_, errB := m.Bool("v")
		_, errS := m.Text("v")
		for i, e := range []struct {
			err error
			ok  bool
		}{{errI, c.i}, {errU, c.u}, {errF, c.f}, {errB, c.b}, {errS, c.s}} {
			if (e.err == nil) != e.ok {
				t.Errorf("%v by getter %d: %v", c.set, i, e.err)
			}
			if e.err != nil {
				wantKind(t, e.err, ErrType)
			}
		}
	}
	_, err := m.Int("missing")
	wantKind(t, err, ErrUnknown)
	wantKind(t, m.SetPacked("v", []byte{0x92, 1}), ErrFormat)
	wantKind(t, m.SetPacked("v", []byte{1, 2}), ErrFormat)
	wantKind(t, m.SetPacked("v", bytes.Repeat([]byte{0x91}, 1000)), ErrFormat)
	wantKind(t, m.Set("v", make(chan int)), ErrType)
}

// equal compares numbers by value: msgpack's integers have no width.
func equal(a, b any) bool {
	return reflect.DeepEqual(a, b) || reflect.DeepEqual(jsonOf(a), jsonOf(b)) && a != nil && b != nil
}

func jsonOf(v any) string { s, _ := json.Marshal(v); return string(s) }

func TestDecodingKeepsEveryByte(t *testing.T) {
	typ := define(t, "Pose", []string{"x", "y"}, newConnection())
	for _, packed := range []string{ // captured from the reference: keys as str and as bin, in its order
		"84a179fea974696d657374616d70cb41d5ccf30dd00000a46e616d65a4506f7365a178cb3ff8000000000000",
		"85c40179fec40974696d657374616d70cb0000000000000000c4056578747261c4046d6f7265c4046e616d65c404506f7365c40178cb3ff8000000000000",
		"86a179fea974696d657374616d70cb0000000000000000a46e616d65a4506f7365a178cb3ff800000000000001a161c0c0", // other keys
	} {
		b, _ := hex.DecodeString(packed)
		m, err := typ.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b) // it is a copy
		if got := hex.EncodeToString(m.AppendPacked(nil)); got != packed {
			t.Errorf("\n got %s\nwant %s", got, packed)
		}
		x, _ := m.Float("x")
		y, _ := m.Int("y")
		if x != 1.5 || y != -2 {
			t.Errorf("x %v, y %v", x, y)
		}
		if got := m.Clone().String(); got != m.String() {
			t.Errorf("the clone is %s", got)
		}
	}
}

func TestDecodingRefusesWhatIsNotOfTheType(t *testing.T) {
	typ := define(t, "Strict", []string{"x"}, newConnection())
	for _, c := range []struct {
		packed string
		kind   Error
		says   string
	}{
		{"", ErrFormat, "cut short"},
		{"81a178", ErrFormat, "cut short"},
		{"81a1780100", ErrFormat, "follow"},
		{"93010203", ErrFormat, "no map"},
		{"80", ErrType, `"x"`},
		{"81a17901", ErrType, `"x"`},
		{"82a17801a46e616d65a54f74686572", ErrType, "Other"},
		{"82a17801a46e616d6505", ErrType, "an integer"},
		{"82a17801a46e616d65" + strings.Repeat("81", 400) + "c0" + strings.Repeat("c0", 400), ErrType, "a map"},
		{"82a17801a46e616d65db0000ffff" + strings.Repeat("00", 0xffff), ErrType, "its name is"},
	} {
		b, _ := hex.DecodeString(c.packed)
		_, err := typ.Decode(b)
		wantKind(t, err, c.kind)
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.100s: %v does not say %s", c.packed, err, c.says)
		}
		if err != nil && len(err.Error()) >= errorTextMax {
			t.Errorf("%.100s: an error of %d bytes", c.packed, len(err.Error()))
		}
	}
}

func TestJSON(t *testing.T) {
	m := define(t, "Json", nil, newConnection()).New()
	m.SetFloat("timestamp", 1.5)
	m.Set("a", []any{1, -2, 2.5, "q\"\n", nil, true, map[string]any{"k": []int{}}})
	m.SetString("raw", "\xff")
	m.SetBytes("bin", []byte{1, 2, 3})
	m.SetFloat("nan", math.NaN())
	m.SetPacked("odd", []byte{0x82, 0x01, 0x02, 0x91, 0xc0, 0xd4, 0x05, 0x06})
	text := m.String()
	want := `{"name":"Json","timestamp":1.5,"a":[1,-2,2.5,"q\"\n",null,true,{"k":[]}],"raw":"\ufffd","bin":"AQID","nan":null,` +
		`"odd":{"1":2,"kcA=":"1AUG"}}`
	if text != want {
		t.Errorf("\n got %s\nwant %s", text, want)
	}
	if !json.Valid([]byte(text)) {
		t.Error("no JSON")
	}
}

func TestAGoStructCrosses(t *testing.T) {
	type Imu struct {
		Gyro  [3]float64 `msgpack:"gyro"`
		Frame string     `msgpack:"frame"`
	}
	n, conn := netiotest.New(1), newConnection()
	typ := define(t, "Imu", []string{"gyro"}, conn)
	l := open(t, n, conn, ListenerOptions{Type: typ})
	raw := dial(t, n, conn, BroadcasterOptions{Type: typ})
	b := &MessageBroadcaster{raw}
	sent := Imu{[3]float64{1, 2, 3}, strings.Repeat("f", 40)}
	if err := b.Publish(sent); err != nil {
		t.Fatal(err)
	}
	r, err := l.Receive(within(t))
	if err != nil {
		t.Fatal(err)
	}
	var got Imu
	if err := r.Decode(&got); err != nil || got != sent {
		t.Errorf("%+v, %v", got, err)
	}
	if name, _ := r.Message().Text("name"); string(name) != "Imu" {
		t.Errorf("name %q", name)
	}
	wantKind(t, b.Publish(struct{ Other int }{1}), ErrType)
	wantKind(t, b.Publish(5), ErrFormat)
	other := define(t, "Unrelated", nil, newConnection())
	wantKind(t, b.Publish(other.New()), ErrType)
	wantKind(t, b.Publish((*Message)(nil)), ErrInvalid)
	wantKind(t, raw.Publish(5), ErrType)
	wantKind(t, raw.PublishPacked(nil, []byte{0x80}), ErrType)
	if s := raw.Stats(); s.Messages != 1 || s.SendErrors != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAMessageOfManyKeysIsRefusedWithoutMemory(t *testing.T) {
	typ := define(t, "Many", []string{"x"}, newConnection())
	packed := []byte{0xdf, 0, 0x10, 0, 1, 0xa1, 'x', 1}
	packed = append(packed, bytes.Repeat([]byte{1, 1}, 1<<20)...)
	_, err := typ.Decode(packed)
	wantKind(t, err, ErrTooLarge)
	few := append([]byte{0xde, 0, 201, 0xa1, 'x', 1}, bytes.Repeat([]byte{1, 1}, 200)...)
	if n := testing.AllocsPerRun(10, func() {
		if err := typ.check(few); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations to check a message", n)
	}
}

// A map as a key of a map, again and again: the text must not grow faster than the message.
func TestJSONOfNestedKeysStaysSmall(t *testing.T) {
	typ := define(t, "Keys", nil, newConnection())
	deep := append(bytes.Repeat([]byte{0x81}, 500), 0xc0)
	deep = append(deep, bytes.Repeat([]byte{0xc0}, 500)...)
	m, err := typ.Decode(append([]byte{0x81}, append(deep, 0xc0)...))
	if err != nil {
		t.Fatal(err)
	}
	if text := m.String(); len(text) > 2000 || !json.Valid([]byte(text)) {
		t.Errorf("%d bytes of JSON: %.200s", len(text), text)
	}
}

func TestMessagesAndExtensionsInsideOfOtherValues(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	b := dial(t, n, conn, BroadcasterOptions{})
	m := define(t, "Inner", nil, newConnection()).New()
	m.SetFloat("timestamp", 1)
	publish(t, b, "", map[string]any{"inner": m, "list": []any{Ext{5, []byte{1, 2, 3}}}})
	want := map[string]any{"inner": map[string]any{"name": "Inner", "timestamp": 1.0}, "list": []any{Ext{5, []byte{1, 2, 3}}}}
	if got := receive(t, l); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	wantKind(t, b.Publish((*Message)(nil)), ErrInvalid)
	_, err := NewMessageBroadcaster(nil)
	wantKind(t, err, ErrInvalid)
	_, err = NewMessageListener(nil)
	wantKind(t, err, ErrInvalid)
	_, err = NewQueuedListener((*Type)(nil))
	wantKind(t, err, ErrInvalid)
}

func TestAValueThatHoldsItselfIsRefused(t *testing.T) {
	type node struct{ Next *node }
	ring := new(node)
	ring.Next = ring
	m := map[string]any{}
	m["a"] = m
	list := []any{nil}
	list[0] = list
	deep := any(1)
	for range depthMax {
		deep = []any{deep}
	}
	n, conn := netiotest.New(1), newConnection()
	b := dial(t, n, conn, BroadcasterOptions{})
	for _, v := range []any{ring, m, list, []any{[]any{deep}}} {
		wantKind(t, b.Publish(v), ErrFormat)
	}
	type child struct {
		Parent *child `msgpack:"-"`
		Born   time.Time
		hidden *child
	}
	c := &child{Born: time.Unix(1, 0)}
	c.Parent, c.hidden = c, c // which msgpack does not see
	if err := b.Publish(c); err != nil || c.hidden != c {
		t.Error(err)
	}
	l := open(t, n, conn, ListenerOptions{})
	deep = any(1)
	for range 200 {
		deep = []any{deep}
	}
	publish(t, b, "", deep)
	receive(t, l)
}

func TestNameAndTimestampMayBeMandatory(t *testing.T) {
	m := define(t, "Stamped", []string{"timestamp", "name", "x"}, newConnection()).New()
	if name, _ := m.Text("name"); string(name) != "Stamped" {
		t.Errorf("%s", m)
	}
	if _, err := m.Float("timestamp"); err != nil {
		t.Error(err)
	}
	if _, err := m.Type().Decode(m.AppendPacked(nil)); err != nil {
		t.Error(err)
	}
}

func TestAMessageFromElsewhereGoesOutAsLegacyWritesIt(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	l := open(t, n, conn, ListenerOptions{})
	typ := define(t, "Str8", []string{"x"}, conn)
	b := dial(t, n, conn, BroadcasterOptions{Type: typ})
	text := strings.Repeat("t", 40)
	if err := b.PublishPacked(nil, append([]byte{0x81, 0xa1, 'x', 0xd9, 40}, text...)); err != nil {
		t.Fatal(err)
	}
	r, _ := l.Receive(within(t))
	if !bytes.Contains(r.Payload, append([]byte{0xda, 0, 40}, text...)) {
		t.Errorf("%x", r.Payload)
	}
}
