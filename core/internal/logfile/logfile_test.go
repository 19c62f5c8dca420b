package logfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// outcome is what a reader gave: an entry, or an error's text.
type outcome struct {
	ns             int64
	topic, payload string
	line           int
	err            string
}

// read reads a log to its end. Each entry is compared with what it was, once the one after it was read with keep.
func read(t testing.TB, r *Reader, src io.Reader) (h *Header, all []outcome, failed error) {
	t.Helper()
	r.Reset(src)
	h, err := r.Header()
	if err != nil {
		return nil, nil, err
	}
	var e Entry
	for {
		given := e
		var was outcome
		if len(all) > 0 {
			was = all[len(all)-1]
		}
		err := r.Next(&e, true)
		if was.err == "" && (string(given.Topic) != was.topic || string(given.Payload) != was.payload) {
			t.Fatalf("an entry did not stay: %q, it was %q", given.Topic, was.topic)
		}
		var format *FormatError
		switch {
		case err == io.EOF:
			return h, all, nil
		case errors.As(err, &format):
			all = append(all, outcome{line: format.Line, err: format.Detail})
			e = Entry{}
		case err != nil:
			return h, all, err
		default:
			all = append(all, outcome{e.Elapsed, string(e.Topic), string(e.Payload), e.Line, ""})
		}
	}
}

func TestElapsedIsWrittenAsCWritesIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	check := func(micros int64) {
		t.Helper()
		want := fmt.Sprintf("%12s", strconv.FormatFloat(float64(micros)/1e6, 'f', 5, 64))
		if got := string(appendElapsed(nil, micros)); got != want {
			t.Fatalf("%d is written as %q, want %q", micros, got, want)
		}
	}
	// The last is 0.015625 exactly, half way: it goes to the even digit.
	for i, want := range []string{"     0.00000", "     0.00001", "    -0.00000", "    -0.00001", "123456789.00001", "     0.01562"} {
		micros := []int64{0, 5, -4, -6, 123456789000005, 15625}[i]
		if got := string(appendElapsed(nil, micros)); got != want {
			t.Errorf("%d is written as %q, want %q", micros, got, want)
		}
	}
	for micros := range int64(30_000) {
		check(micros)
		check(-micros)
	}
	for range 200_000 {
		micros := random.Int64N(1 << random.IntN(53))
		check(micros)
		check(micros/10*10 + 5)
		check(-micros)
	}
}

func TestElapsedIsReadExactly(t *testing.T) {
	for text, want := range map[string]int64{
		"0.00000": 0, "-0.00000": 0, "1": 1e9, "1.": 1e9, ".5": 5e8, "+2.5": 2.5e9, "-0.00001": -10_000, "0.1": 1e8, "0.29": 29e7,
		"1.123456789": 1_123_456_789, "1.1234567894": 1_123_456_789, "1.1234567895": 1_123_456_790, "1e-9": 1, "1.5E+1": 15e9,
		"25e-11": 0, "5e-10": 1, "9223372036.854775807": 1<<63 - 1, "00000000000000000000000000001.5": 15e8,
		"0.00000000000000000000000000000000001": 0, "0e999": 0, "1e-99999999": 0, "1463012407.12346": 1463012407_123460000,
	} {
		if got, ok := parseElapsed([]byte(text)); !ok || got != want {
			t.Errorf("%q is read as %d (%v), want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", ".", "nan", "inf", "1e", "1e+", "1x", "0x1p3", "1_0", "9223372036.854775808", "1e99", "1 ",
		"--1", "1.2.3", "99999999999999999999999", "1e9999999999"} {
		if got, ok := parseElapsed([]byte(text)); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestEveryTopicComesBack(t *testing.T) {
	topics := []string{"", "a", "odometry", "a longer topic than eight", " ", "'", "''", "' '", "it's 5 o'clock", "a\tb", "\r", "\n", "\n\n", "a\nb",
		"'    c0", "\xc0", "\xc0\x8a", "\xc0\x81", "\xc0\xc0\x8a", "\xc0\n", "\xc0\x81\x8a", "\xc0\xc0\x81\n\x8a", "\x8a", "\x00", "#", "grün",
		"   0.00000    'x'    c0\n   0.00000    'forged'    c0", strings.Repeat("\n", TopicMax)}
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []byte("\xc0\x8a\x81\n' a\r")
	for range 20_000 {
		topic := make([]byte, random.IntN(9))
		for i := range topic {
			topic[i] = alphabet[random.IntN(len(alphabet))]
		}
		topics = append(topics, string(topic))
	}
	var log []byte
	for _, topic := range topics {
		before := len(log)
		log = AppendEntry(log, 0, topic, []byte{0xc0})
		if bytes.Count(log[before:], []byte{'\n'}) != 1 {
			t.Fatalf("%q takes several lines", topic)
		}
	}
	_, all, err := read(t, NewReader(), bytes.NewReader(log))
	if err != nil || len(all) != len(topics) {
		t.Fatalf("%d entries of %d, %v", len(all), len(topics), err)
	}
	for i, topic := range topics {
		if all[i].topic != topic || all[i].payload != "\xc0" || all[i].err != "" {
			t.Errorf("%.40q came back as %+v", topic, all[i])
		}
	}
}

func TestLines(t *testing.T) {
	const good = "     0.05000    'topic'     c3"
	want := outcome{ns: 5e7, topic: "topic", payload: "\xc3"}
	for _, c := range []struct{ line, err string }{
		{good, ""}, {good + "\r", ""}, {good + "  ", ""}, {"0.05 'topic' C3", ""}, {"\t0.05\t'topic'\tc3", ""}, {"5e-2'topic'c3", ""},
		{"hello", `"hello" is no time in seconds`}, {"x 'topic' c3", `"x" is no time in seconds`}, {"'topic' c3", `"" is no time`},
		{"nan 'topic' c3", "no time"}, {"0.05 topic c3", "no topic in quotes"}, {"0.05", "no topic in quotes"}, {"0.05 'topic c3", "quote after the topic"},
		{"0.05 'topic'", "payload is missing"}, {"0.05 'topic'   ", "payload is missing"}, {"0.05 'topic' c", "odd number"}, {"0.05 'topic' c3c", "odd number"},
		{"0.05 'topic' cg", `no hexadecimal: it holds "g"`}, {"0.05 'topic' gc", `"g"`}, {"0.05 'topic' c3g", `"g"`}, {"0.05 'topic' c3 c3", `" "`},
		{"0.05 'topic' c3c3", "bytes follow"}, {"0.05 'topic' a5", "no msgpack, or cut short"}, {"0.05 'topic' c1", "no msgpack"},
		{"0.05 'topic' " + strings.Repeat("91", 600) + "c0", "more than 512 deep"}, {"# a comment", "no time"}, {"\x00\x00\x00", "no time"},
		{strings.Repeat("x", 10_000), `x"… is no time`}, {strings.Repeat(" ", 200) + good, "no time"},
		{"0.05 '" + strings.Repeat("c0", 200_000) + "' c3", "the "}, // one of two reasons
	} {
		for _, reader := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
			_, all, err := read(t, NewReader(), reader(strings.NewReader("\n"+c.line+"\n  \n"+good+"\n")))
			if err != nil || len(all) != 2 {
				t.Fatalf("%.60q: %d, %v", c.line, len(all), err)
			}
			want.line = 4
			if all[1] != want {
				t.Errorf("after %.60q comes %+v", c.line, all[1])
			}
			want.line = 2
			if c.err == "" && all[0] != want {
				t.Errorf("%.60q is read as %+v", c.line, all[0])
			}
			if c.err != "" && (all[0].line != 2 || !strings.Contains(all[0].err, c.err)) {
				t.Errorf("%.60q: line %d: %q", c.line, all[0].line, all[0].err)
			}
		}
	}
}

// A log that ends anywhere gives all entries that were whole, and tells whether one was not.
func TestALogCutShortAnywhere(t *testing.T) {
	entry := func(dst []byte, i int64) []byte {
		return AppendEntry(dst, i*1000, fmt.Sprint("it's ", i), []byte{0x92, byte(i), 0xa2, 'h', 'i'})
	}
	var log []byte
	var ends []int
	for i := range int64(3) {
		log = entry(log, i)
		ends = append(ends, len(log))
	}
	for size := range len(log) + 1 {
		whole, torn := 0, size > 0
		for _, end := range ends {
			if size >= end-1 { // the line feed may be missing
				whole++
				torn = size > end
			}
		}
		r := NewReader()
		_, all, err := read(t, r, bytes.NewReader(log[:size]))
		if err != nil || len(all) != whole || r.Torn() != torn {
			t.Errorf("of %d bytes %d entries (%v), torn %v; want %d, %v", size, len(all), err, r.Torn(), whole, torn)
		}
		for _, e := range all {
			if e.err != "" {
				t.Errorf("of %d bytes: %s", size, e.err)
			}
		}
	}
}

func TestAWindowLooksAtEveryEntry(t *testing.T) {
	var log []byte
	for _, micros := range []int64{0, 100, 200, 300, 100, 250, -50} { // a clock that stepped
		log = AppendEntry(log, micros, "", []byte{0xc0})
	}
	log = append(log, "     9.00000    ''    this is not looked at\n"...)
	log = append(log, "     9.00000    '', nor this, "+strings.Repeat("long", 100_000)+"\n"...)
	log = AppendEntry(log, 200, "last", []byte{0xc0})
	r := NewReader()
	r.Min, r.Max = 100_000, 250_000
	_, all, err := read(t, r, bytes.NewReader(log))
	var got []int64
	for _, e := range all {
		got = append(got, e.ns/1000)
	}
	if fmt.Sprint(got) != "[100 200 100 250 200]" || err != nil || all[4].line != 10 {
		t.Errorf("%v, %v", all, err)
	}
	r.Min, r.Max = 100_001, 199_999
	if _, all, _ := read(t, r, bytes.NewReader(log)); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

func TestHeaders(t *testing.T) {
	for _, want := range []Header{
		{Type: "Imu", Revision: "abc def", Created: time.Date(2016, 5, 12, 0, 20, 7, 123456000, time.UTC)},
		{Created: time.Date(2016, 5, 12, 0, 20, 7, 0, time.UTC)}, {Type: "a 'b' >>> c"},
	} {
		text := AppendHeader(nil, &want)
		want.Text, want.End, want.Version = string(text), int64(len(text)), Version
		for _, ends := range []string{"\n", "\r\n"} {
			log := strings.ReplaceAll(string(text), "\n", ends)
			h, all, err := read(t, NewReader(), iotest.OneByteReader(strings.NewReader(log+"0.5 '' c0"+ends)))
			if err != nil || len(all) != 1 || all[0].line != 21 {
				t.Fatalf("%v, %v", all, err)
			}
			want.Text, want.End = log, int64(len(log))
			if *h != want {
				t.Errorf("%+v, want %+v", *h, want)
			}
		}
	}
	valid := string(AppendHeader(nil, &Header{Type: "Imu"}))
	for _, c := range []struct{ old, new, err string }{
		{"version     1.0", "version     2.0", `version "2.0"; this reads 1.0`}, {"version     1.0", "version", "no version"},
		{"-- created", "-- crated", "no time of creation"}, {"created     0001", "created     yesterday 0001", "is no time of creation"},
		{">>> Imu", ">>>", "no message type"}, {"MCL_LOG", "SOMETHING", "no MCL_LOG"}, {"#---", "# #---", "not like a log"},
		{"\n#     2)", "\n2)", "line 12: the header has no end"},
	} {
		_, _, err := read(t, NewReader(), strings.NewReader(strings.Replace(valid, c.old, c.new, 1)+"0.5 '' c0\n"))
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", c.new, err)
		}
	}
	for size := 1; size < len(valid)-63; size++ { // its last line has at least three dashes
		if _, _, err := read(t, NewReader(), strings.NewReader(valid[:size])); err == nil {
			t.Errorf("%d bytes of a header are taken for one", size)
		}
	}
	if h, all, err := read(t, NewReader(), strings.NewReader(valid)); h == nil || len(all) != 0 || err != nil {
		t.Errorf("a header alone: %v, %v, %v", h, all, err)
	}
	if h, all, err := read(t, NewReader(), strings.NewReader("")); h != nil || len(all) != 0 || err != nil {
		t.Errorf("nothing: %v, %v, %v", h, all, err)
	}
	if problem, _ := CheckHeader("", "None"); problem == "" {
		t.Error("a type may be called None")
	}
}

// endless gives text again and again.
type endless struct {
	text []byte
	left int64
	at   int
}

func (e *endless) Read(b []byte) (n int, err error) {
	for n < len(b) && e.left > 0 {
		c := copy(b[n:], e.text[e.at:min(int64(len(e.text)), int64(e.at)+e.left)])
		e.left -= int64(c)
		e.at = (e.at + c) % len(e.text)
		n += c
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestWhatIsNoEntryTakesNoMemory(t *testing.T) {
	const size = 256 << 20
	good := string(AppendEntry(nil, 0, "good", []byte{0xc0}))
	for what, begins := range map[string]string{"no time": "", "a topic without an end": "0.0 'abc", "no hexadecimal": "0.0 'abc' " + strings.Repeat("c0", 100_000),
		"an entry outside of the window": "9.0 'abc' c0"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := NewReader()
		r.Max = 1e9
		_, all, err := read(t, r, io.MultiReader(strings.NewReader(good+begins),
			&endless{text: bytes.Repeat([]byte("garbage "), 8192), left: size}, strings.NewReader("\n"+good)))
		runtime.ReadMemStats(&after)
		if err != nil || len(all) < 2 || all[len(all)-1].topic != "good" || all[len(all)-1].line != 3 {
			t.Errorf("%s: %v, %v", what, all, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: took %d bytes", what, used)
		}
	}
}

func TestALineThatIsTooLong(t *testing.T) {
	r := NewReader()
	r.lineMax = 1 << 20
	good := string(AppendEntry(nil, 0, "good", []byte{0xc0}))
	_, all, err := read(t, r, io.MultiReader(strings.NewReader("0.0 '' c6ffffffff"), &endless{text: []byte("00"), left: 64 << 20}, strings.NewReader("\n"+good)))
	if err != nil || len(all) != 2 || !strings.Contains(all[0].err, "longer than") || all[1].topic != "good" || len(r.buf) > 4<<20 {
		t.Errorf("%v, %v, %d bytes", all, err, len(r.buf))
	}
}

func TestAFailingSourceEndsTheLog(t *testing.T) {
	failure := errors.New("the disk has failed")
	good := string(AppendEntry(nil, 0, "good", []byte{0xc0}))
	r := NewReader()
	r.Reset(io.MultiReader(strings.NewReader(good+good[:20]), iotest.ErrReader(failure)))
	var e Entry
	var got []error
	for range 4 {
		got = append(got, r.Next(&e, false))
	}
	if got[0] != nil || got[1] != failure || got[2] != io.EOF || got[3] != io.EOF {
		t.Errorf("%v", got)
	}
}

// Whatever is read: no crash, an end, and what was read is written and read again as it was.
func FuzzLog(f *testing.F) {
	header := string(AppendHeader(nil, &Header{Type: "Imu", Created: time.Date(2016, 5, 12, 0, 20, 7, 123456000, time.UTC)}))
	entry := string(AppendEntry(nil, 50_000, "a 'b'\n\xc0\x8a", []byte{0x93, 1, 2, 3}))
	for _, seed := range []string{"", header, header + entry, header + entry + entry[:20], entry + "\r\n\n" + entry, "#---\n# MCL_LOG\n#---",
		"1e5 '' C0\n", strings.Replace(header, "1.0", "9", 1), "-0.5 ''' c0", "\x00\x00", "0.1 'x' c1\n0.2 'y' c2\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		h, all, err := read(t, NewReader(), bytes.NewReader(log))
		h2, all2, err2 := read(t, NewReader(), iotest.OneByteReader(bytes.NewReader(log)))
		if fmt.Sprint(err) != fmt.Sprint(err2) || (h == nil) != (h2 == nil) || fmt.Sprint(all) != fmt.Sprint(all2) {
			t.Fatalf("read in pieces it differs:\n%v %v\n%v %v", all, err, all2, err2)
		}
		if err != nil {
			return
		}
		var again []byte
		if h != nil {
			again = AppendHeader(nil, h)
		}
		var want []outcome
		for _, e := range all {
			// A time of more than five digits behind the point is rounded; and so are doubles of 2^53 microseconds and more.
			if e.err == "" && e.ns%10_000 == 0 && len(e.topic) <= TopicMax && e.ns < 1<<53*1000 && e.ns > -1<<53*1000 {
				again = AppendEntry(again, e.ns/1000, e.topic, []byte(e.payload))
				want = append(want, e)
			}
		}
		h3, all3, err := read(t, NewReader(), bytes.NewReader(again))
		if err != nil || len(all3) != len(want) {
			t.Fatalf("written again: %v, %d entries of %d", err, len(all3), len(want))
		}
		if h != nil && (h3.Type != h.Type || h3.Revision != h.Revision || !h3.Created.Equal(h.Created)) {
			t.Errorf("header %+v, it was %+v", h3, h)
		}
		for i, e := range want {
			if all3[i].ns != e.ns || all3[i].topic != e.topic || all3[i].payload != e.payload {
				t.Errorf("%+v, it was %+v", all3[i], e)
			}
		}
	})
}

func BenchmarkAppendEntry(b *testing.B) {
	packed, _ := hex.DecodeString("c50100" + strings.Repeat("07", 256))
	var dst []byte
	b.SetBytes(int64(len(AppendEntry(nil, 0, "imu", packed))))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst = AppendEntry(dst[:0], int64(i)*1001, "imu", packed)
	}
}

func BenchmarkNext(b *testing.B) {
	packed, _ := hex.DecodeString("c50100" + strings.Repeat("07", 256))
	line := AppendEntry(nil, 123456789, "imu", packed)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	r := NewReader()
	r.Reset(&endless{text: bytes.Repeat(line, 100), left: int64(b.N+1) * int64(len(line))})
	var e Entry
	for range b.N {
		if err := r.Next(&e, false); err != nil {
			b.Fatal(err)
		}
	}
}
