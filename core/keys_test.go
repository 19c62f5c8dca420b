package mcl

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"libmcl/core/internal/logfile"
	"libmcl/core/internal/netio/netiotest"
	"libmcl/core/internal/wire"
)

// costly is a map of 300 NaN, which are of one hash to Python before 3.10.
var costly = func() []byte {
	b := wire.AppendMapHeader(nil, 300)
	for range 300 {
		b = append(appendFloat(b, math.NaN()), 0xc0)
	}
	return b
}()

func TestCostlyKeysAreNotPublished(t *testing.T) {
	b := dial(t, nil, newConnection(), BroadcasterOptions{})
	values := map[any]any{}
	for range 300 {
		values[math.NaN()] = nil
	}
	m, err := NewType("T", nil, newConnection())
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"Publish":       b.Publish(values),
		"PublishPacked": b.PublishPacked(nil, costly),
		"PublishMany":   func() error { _, err := b.PublishMany([]Item{{Payload: packedNil}, {Payload: costly}}); return err }(),
		"CheckPacked":   CheckPacked(costly),
		"SetPacked":     m.New().SetPacked("key", costly),
	} {
		if !errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), "array of pairs") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := CheckPacked(packedNil); err != nil {
		t.Error(err)
	}
	if s := b.Stats(); s.Messages != 0 {
		t.Errorf("%d messages were published", s.Messages)
	}
}

// inject delivers what is published, as nobody here publishes it.
func inject(n *netiotest.Network, conn Connection, payload []byte) {
	n.Inject(conn.addrPort(), netip.MustParseAddrPort("[fe80::1]:9"), append([]byte{0x92, 0xc0}, payload...))
}

func TestCostlyKeysAndTooManyObjectsAreCounted(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	conn.ObjectsMax = 5
	l := open(t, n, conn, ListenerOptions{})
	if s := l.Settings(); s.ObjectsMax != 5 {
		t.Errorf("settings: %+v", s)
	}
	for range 2 {
		inject(n, conn, []byte{0x95, 1, 2, 3, 4, 5})
	}
	inject(n, conn, []byte{0x94, 1, 2, 3, 4})
	s := eventually(t, l, func(s ListenerStats) bool { return s.Datagrams == 3 })
	if s.Malformed[MalformedObjects] != 2 || s.Messages != 1 {
		t.Errorf("%+v", s)
	}
	conn = newConnection()
	l = open(t, n, conn, ListenerOptions{})
	inject(n, conn, costly)
	inject(n, conn, []byte{7})
	if v := receive(t, l); v != int64(7) {
		t.Errorf("received %v", v)
	}
	if s := l.Stats(); s.Malformed[MalformedKeys] != 1 || s.Messages != 1 {
		t.Errorf("%+v", s)
	}
	if MalformedKeys.String() != "keys" || MalformedObjects.String() != "objects" {
		t.Errorf("%v %v", MalformedKeys, MalformedObjects)
	}
}

// Legacy programs publish message.encode() as raw data: a string with a message in it.
func TestLimitsHoldForAMessageInAString(t *testing.T) {
	n, conn := netiotest.New(1), newConnection()
	conn.ObjectsMax = 20
	typ, err := NewType("T", nil, conn)
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, n, conn, ListenerOptions{Type: typ})
	message := func(size int, key string, value []byte) []byte {
		m := wire.AppendMapHeader(nil, size)
		m = appendString(appendString(m, "name"), "T")
		m = appendFloat(appendString(m, "timestamp"), 1)
		m = append(appendString(m, key), value...)
		return appendBytes(nil, m)
	}
	inject(n, conn, message(3, "costly", costly))
	inject(n, conn, message(3, "many", append([]byte{0xdc, 0, 20}, make([]byte, 20)...)))
	inject(n, conn, message(3, "few", []byte{0x92, 1, 2}))
	s := eventually(t, l, func(s ListenerStats) bool { return s.Messages == 3 })
	if s.Rejected != 2 || s.Queued != 1 {
		t.Errorf("%+v", s)
	}
}

func TestObjectsMaxOfABroadcaster(t *testing.T) {
	conn := newConnection()
	conn.ObjectsMax = 5
	b := dial(t, nil, conn, BroadcasterOptions{})
	err := b.Publish([]int{1, 2, 3, 4, 5})
	wantKind(t, err, ErrTooLarge)
	if !strings.Contains(fmt.Sprint(err), "ObjectsMax") {
		t.Error(err)
	}
	if err := b.Publish([]int{1, 2, 3, 4}); err != nil {
		t.Error(err)
	}
	for _, bad := range []int64{-1, messageMaxLimit + 1} {
		conn.ObjectsMax = bad
		wantKind(t, conn.Check(), ErrInvalid)
	}
}

func TestCostlyKeysInLogs(t *testing.T) {
	folder := t.TempDir()
	w, err := CreateLog(folder+"/x", LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	wantKind(t, w.Write("", costly, time.Unix(1, 0)), ErrFormat)

	text := logfile.AppendHeader(nil, &logfile.Header{Type: "A"})
	text = fmt.Appendf(text, "0.0 '' %s\n1.0 '' 07\n", hex.EncodeToString(costly))
	r := openLog(t, writeFiles(t, "x.log", string(text))+"/x.log", LogReadOptions{})
	_, err = r.Next()
	wantKind(t, err, ErrFormat)
	if !strings.Contains(fmt.Sprint(err), "keys") || !strings.Contains(fmt.Sprint(err), ", line ") {
		t.Error(err)
	}
	if e, err := r.Next(); err != nil || string(e.Payload) != "\x07" {
		t.Errorf("after it: %v", err)
	}
	f := NewReplayFeed(1)
	if err := f.Push(within(t), &LogEntry{Payload: costly}); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}
