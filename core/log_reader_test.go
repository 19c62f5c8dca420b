package mcl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/logfile"
)

// logText is a log of a type with entries at times in seconds; the topics tell which is which. A negative origin: without a
// header.
func logText(typ string, origin int, topic string, times ...float64) string {
	var text []byte
	if origin >= 0 {
		text = logfile.AppendHeader(nil, &logfile.Header{Type: typ, Created: logOrigin.Add(time.Duration(origin) * time.Second)})
	}
	for i, seconds := range times {
		text = logfile.AppendEntry(text, int64(seconds*1e6), fmt.Sprint(topic, i), []byte{byte(i % 100)})
	}
	return string(text)
}

// writeFiles makes files in a new folder: names and texts in turn.
func writeFiles(t testing.TB, namesAndTexts ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for i := 0; i < len(namesAndTexts); i += 2 {
		path := filepath.Join(folder, namesAndTexts[i])
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(namesAndTexts[i+1]), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// topics gives the topics of what is left in a log, as "a0 a1".
func topics(t testing.TB, r *LogReader) string {
	t.Helper()
	var all []string
	for _, e := range readLog(t, r) {
		all = append(all, e.topic)
	}
	return strings.Join(all, " ")
}

func TestAPrefixStandsForItsFiles(t *testing.T) {
	first, later := logText("A", 0, "a", 1), logText("A", -1, "b", 2)
	for _, c := range []struct {
		files []string
		path  string
		want  string
	}{
		{[]string{"x.log", first}, "x", "a0"}, {[]string{"x.tmp", first}, "x", "a0"}, {[]string{"x.tmp", first}, "x.tmp", "a0"},
		{[]string{"odd", first}, "odd", "a0"}, {[]string{"x.log", first, "x/y", ""}, "x", "a0"},
		{[]string{"x_000.log", first, "x_001.tmp", later}, "x", "a0 b0"}, {[]string{"x_000.tmp", first}, "x", "a0"},
		{[]string{"x_000.log", first, "x_001.log", later}, "x_000.log", "a0"}, {[]string{"x_000.log", first, "x_001.log", later}, "x_001.log", "b0"},
		{[]string{"x_000.log", first, "x_001.log", later}, "x_001", "b0"},
		// Logs without an entry.
		{[]string{"x.log", ""}, "x", ""}, {[]string{"x.log", logText("A", 0, "")}, "x", ""}, {[]string{"x_000.tmp", ""}, "x", ""},
		// Other files are left alone.
		{[]string{"x_000.log", first, "x_0.log", later, "x_1.log", later, "x_0001.log", later, "x_abc.log", later, "x_001.txt", later,
			"xx_001.log", later, "x_001.log/file", ""}, "x", "a0"},
		{[]string{"x.log", first, "x_000.log", later}, "x", "a0"},
		// While a log takes the place of another.
		{[]string{"x.log", first, "x.tmp", later}, "x", "a0"}, {[]string{"x_000.log", first, "x_000.tmp", later, "x_001.log", later}, "x", "a0 b0"},
		{[]string{"x.log", first, "x.tmp", later}, "x.tmp", "b0"},
		// The first entry was cut short, or comes after blank lines.
		{[]string{"x.log", "    0."}, "x", ""}, {[]string{"x.log", "    0.5    '"}, "x", ""}, {[]string{"x.log", "  \n\n" + later}, "x", "b0"},
		{[]string{"x.log", " -"}, "x", ""}, {[]string{"x.log", " 1e"}, "x", ""}, {[]string{"x.log", "\n\n"}, "x", ""},
		// A file that was begun anew since others vanished.
		{[]string{"x_003.log", first, "x_004.log", later}, "x", "a0 b0"}, {[]string{"x_000.log", first, "x_007.log", first}, "x", "a0 a0"},
	} {
		folder := writeFiles(t, c.files...)
		if got := topics(t, openLog(t, filepath.Join(folder, c.path), LogReadOptions{})); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.path, files(t, folder), got, c.want)
		}
	}
}

func TestWhatIsNoLogIsToldWhenItIsOpened(t *testing.T) {
	first, later := logText("A", 0, "a", 1), logText("A", -1, "b", 2)
	for _, c := range []struct {
		files []string
		path  string
		kind  Error
		errno error
		texts []string
	}{
		{nil, "x", ErrSystem, unix.ENOENT, []string{"no such file, nor a log of this prefix", "`ls "}},
		{nil, "nowhere/x", ErrSystem, unix.ENOENT, []string{"nowhere/x"}},
		{nil, "", ErrSystem, unix.EISDIR, []string{"it is a folder", "OpenLogDirectory"}},
		{[]string{"y/z", ""}, "y", ErrSystem, unix.EISDIR, []string{"it is a folder", "one of its logs"}},
		{[]string{"x", ""}, "x/y", ErrSystem, unix.ENOTDIR, []string{"no folder"}},
		{[]string{"x_001.log", later}, "x", ErrFormat, unix.ENOENT, []string{"x_000.log", "missing", "x_001.log is there", "bring it back"}},
		{[]string{"x_000.log", first, "x_002.log", later}, "x", ErrFormat, nil, []string{"x_001.log: this file of a split log is missing"}},
		{[]string{"x.log", strings.Replace(first, "1.0", "2.0", 1)}, "x", ErrFormat, nil, []string{"x.log, line 3", `version "2.0"; this reads 1.0`}},
		{[]string{"x.log", first[:300]}, "x", ErrFormat, nil, []string{"x.log", "header has no end", "killed"}},
		{[]string{"x.log", "#!/bin/sh\n"}, "x", ErrFormat, nil, []string{"x.log, line 1", "not like a log", "give a log file"}},
		{[]string{"x.log", "x,y\n1,2\n"}, "x", ErrFormat, nil, []string{"x.log, line 1", "neither a header nor an entry", `"x,y" is no time`, "give a log file"}},
		{[]string{"x.log", "\n\n5 apples"}, "x", ErrFormat, nil, []string{"x.log, line 3", "neither a header nor an entry"}},
		{[]string{"x.log", strings.Repeat("x", 1<<20)}, "x", ErrFormat, nil, []string{"x.log, line 1", "neither a header nor an entry"}},
	} {
		folder := writeFiles(t, c.files...)
		path := folder + "/" + c.path
		if c.path == "" {
			path = folder
		}
		_, err := OpenLog(path, LogReadOptions{})
		wantText(t, err, c.kind, append(c.texts, "open log "+folder)...)
		if c.errno != nil && !errors.Is(err, c.errno) {
			t.Errorf("%v has no %v", err, c.errno)
		}
	}
	_, err := OpenLog("x", LogReadOptions{MinTime: pointTo(2), MaxTime: pointTo(1)})
	wantText(t, err, ErrInvalid, "2ns, is after the greatest, 1ns", "exchange")
	_, err = OpenLogDirectory("x", LogReadOptions{MinTime: pointTo(2), MaxTime: pointTo(1)})
	wantText(t, err, ErrInvalid, "is after")
	if r, err := OpenLog("../tests/vectors/logs/Imu", LogReadOptions{MinTime: pointTo(50 * time.Millisecond), MaxTime: pointTo(50 * time.Millisecond)}); err != nil || len(readLog(t, r)) != 1 {
		t.Errorf("a window of one moment: %v", err)
	}
}

func TestReadingGoesOnAfterABadLine(t *testing.T) {
	folder := writeFiles(t, "x_000.log", logText("A", 0, "a", 1)+"garbage\n"+logText("A", -1, "b", 2), "x_001.log", "0.5 '' zz\n"+logText("A", -1, "c", 3),
		"x_002.log", logText("B", 1, "d", 4), "x_003.log", logText("A", -1, "e", 5)+"6.0 'torn")
	r := openLog(t, filepath.Join(folder, "x"), LogReadOptions{})
	var got []string
	for range 20 {
		if !r.Pending() {
			break
		}
		if e, err := r.Next(); err == nil {
			got = append(got, string(e.Topic)+"@"+filepath.Base(e.File)+fmt.Sprint(":", e.Line))
		} else {
			var op *OpError
			if !errors.As(err, &op) || op.Kind != ErrFormat || op.Remedy == "" {
				t.Fatal(err)
			}
			got = append(got, strings.TrimPrefix(op.On, folder+"/")+": "+op.Detail)
		}
	}
	want := []string{"a0@x_000.log:21", `x_000.log, line 22: "garbage" is no time in seconds`, "b0@x_000.log:23",
		`x_001.log, line 1: the payload is no hexadecimal: it holds "z"`, "c0@x_001.log:2",
		"x_002.log, line 1: it belongs to another recording than " + folder + "/x_000.log", "e0@x_003.log:1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q,\nwant %q", got, want)
	}
	if _, err := r.Next(); err != io.EOF || r.Torn() != 1 {
		t.Errorf("%v, %d torn", err, r.Torn())
	}
	if err := r.Reset(); err != nil || r.Torn() != 0 {
		t.Errorf("%v, %d torn", err, r.Torn())
	}
	if e, err := r.Next(); err != nil || string(e.Topic) != "a0" {
		t.Errorf("after Reset: %v", err)
	}
}

func TestAFileThatIsMissingWhenItsTurnComes(t *testing.T) {
	folder := writeFiles(t, "x_000.log", logText("A", 0, "a", 1), "x_001.log", logText("A", -1, "b", 2), "x_002.tmp", logText("A", -1, "c", 3))
	r := openLog(t, filepath.Join(folder, "x"), LogReadOptions{})
	if err := errors.Join(os.Remove(filepath.Join(folder, "x_001.log")), os.Rename(filepath.Join(folder, "x_002.tmp"), filepath.Join(folder, "x_002.log"))); err != nil {
		t.Fatal(err)
	}
	if e, err := r.Next(); err != nil || string(e.Topic) != "a0" {
		t.Error(err)
	}
	_, err := r.Next()
	wantText(t, err, ErrSystem, "x_001.log", "does not exist")
	if e, err := r.Next(); err != nil || string(e.Topic) != "c0" || filepath.Base(e.File) != "x_002.log" { // it was finished meanwhile
		t.Errorf("%v %+v", err, e)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error(err)
	}
}

func TestADirectoryIsReadInTheOrderOfTimes(t *testing.T) {
	folder := writeFiles(t, "B.log", logText("B", 0, "b", 1, 2, 2, 5), "A.log", logText("A", 0, "a", 1, 2, 6), "C_000.log", logText("C", 0, "c", 0, 1),
		"C_001.tmp", logText("", -1, "cc", 0.5, 2), "raw.log", logText("", 3, "raw", 0), "empty.tmp", "", "notes.txt", "hello", "sub/D.log", "hello")
	r := openLogs(t, folder, LogReadOptions{})
	const want = "c0 a0 b0 c1 cc0 a1 b1 b2 cc1 b3 a2"
	for range 2 {
		if got := topics(t, r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if err := r.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	var types []string
	for _, h := range r.Headers() {
		types = append(types, h.Type+" of "+filepath.Base(h.File))
	}
	if got := strings.Join(types, ", "); got != "A of A.log, B of B.log, C of C_000.log" || r.Header() != nil {
		t.Errorf("%s", got)
	}
	if e, err := r.Next(); err != nil || e.Type != "C" || e.File != filepath.Join(folder, "C_000.log") || e.Line != 21 {
		t.Errorf("%+v, %v", e, err)
	}
	if got := topics(t, openLogs(t, folder, LogReadOptions{MinTime: pointTo(time.Second), MaxTime: pointTo(2 * time.Second)})); got != "a0 b0 c1 a1 b1 b2 cc1" {
		t.Errorf("%s", got)
	}
	_, err := OpenLogDirectory(folder, LogReadOptions{RefuseRaw: true})
	wantText(t, err, ErrType, folder+"/raw.log", "raw data", "skipped")
}

func TestWhatIsNoDirectoryOfLogs(t *testing.T) {
	a := logText("A", 0, "a", 1)
	for _, c := range []struct {
		files []string
		kind  Error
		texts []string
	}{
		{[]string{"A.log", a, "B.log", logText("B", 5, "b", 1)}, ErrFormat, []string{"different moments", "A.log from 2016-05-12T00:20:07.123456Z", "B.log from 2016-05-12T00:20:12"}},
		{[]string{"A_001.log", a[len(a)-20:]}, ErrFormat, []string{"A_000.log", "missing"}},
		{[]string{"A.log", logText("A", -1, "a", 1)}, ErrFormat, []string{"A.log", "no header", "move it away"}},
		{[]string{"A.log", a[:200]}, ErrFormat, []string{"A.log", "header has no end"}},
	} {
		folder := writeFiles(t, c.files...)
		_, err := OpenLogDirectory(folder, LogReadOptions{})
		wantText(t, err, c.kind, append(c.texts, "open log directory "+folder)...)
	}
	folder := writeFiles(t, "A.log", a)
	_, err := OpenLogDirectory(folder+"/A.log", LogReadOptions{})
	wantText(t, err, ErrSystem, folder+"/A.log", "it is a file", "OpenLog")
	_, err = OpenLogDirectory(folder+"/nowhere", LogReadOptions{})
	wantText(t, err, ErrSystem, folder+"/nowhere", "does not exist")
	for want, names := range map[string][]string{
		"":      {"raw.log", logText("", 0, "a", 1), "sub/A.log", a, "A.log.1", a}, // nothing to be read
		"a0 b0": {"A.log", a, "A.tmp", logText("A", 9, "x", 1), "B_000.log", logText("B", 0, "b", 2), "B_000.tmp", logText("B", 9, "x", 1)},
	} {
		r := openLogs(t, writeFiles(t, names...), LogReadOptions{})
		if got := topics(t, r); got != want || r.Pending() || r.Reset() != nil {
			t.Errorf("%s", got)
		}
	}
}

func TestABadLineInADirectoryStandsInNobodysWay(t *testing.T) {
	folder := writeFiles(t, "A.log", logText("A", 0, "a", 1)+"garbage\n"+logText("A", -1, "aa", 9), "B.log", logText("B", 0, "b", 2, 3)+"4.0 'torn")
	r := openLogs(t, folder, LogReadOptions{})
	var got []string
	for r.Pending() {
		if e, err := r.Next(); err != nil {
			wantText(t, err, ErrFormat, folder+"/A.log, line 22", "garbage")
			got = append(got, "bad")
		} else {
			got = append(got, string(e.Topic))
		}
	}
	if fmt.Sprint(got) != "[a0 bad b0 b1 aa0]" || r.Torn() != 1 {
		t.Errorf("%v, %d torn", got, r.Torn())
	}
}

// An entry stays as it is while Pending reads ahead, however far that is.
func TestPendingKeepsTheEntry(t *testing.T) {
	var text []byte
	large := append([]byte{0xc6, 0, 3, 0, 0}, bytes.Repeat([]byte{5}, 3<<16)...)
	for i := range 200 {
		text = logfile.AppendEntry(text, int64(i)*1e6, fmt.Sprint("small ", i), logPayloadOf(i))
		if i%20 == 0 {
			text = logfile.AppendEntry(text, int64(i)*1e6, fmt.Sprint("large ", i), large)
		}
		if i%30 == 0 {
			text = append(text, bytes.Repeat([]byte("garbage "), 30_000)...)
			text = append(text, '\n')
		}
	}
	header := logText("A", 0, "")
	folder := writeFiles(t, "x_000.log", header+string(text), "x_001.log", string(text), "y.log", strings.Replace(header, "A", "B", 1)+string(text))
	for _, open := range []func() (*LogReader, error){
		func() (*LogReader, error) { return OpenLog(filepath.Join(folder, "x"), LogReadOptions{}) },
		func() (*LogReader, error) { return OpenLogDirectory(folder, LogReadOptions{}) },
	} {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		entries, bad := 0, 0
		for {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				bad++
				continue
			}
			entries++
			topic, payload := string(e.Topic), string(e.Payload)
			elapsed, line := e.Elapsed, e.Line
			r.Pending()
			r.Pending()
			if string(e.Topic) != topic || string(e.Payload) != payload || e.Elapsed != elapsed || e.Line != line {
				t.Fatalf("%q became %q", topic, e.Topic)
			}
		}
		if entries%210 != 0 || entries < 420 || bad%7 != 0 || bad < 14 {
			t.Errorf("%d entries, %d bad lines", entries, bad)
		}
		r.Close()
	}
}

func logPayloadOf(i int) []byte {
	return append([]byte{0xc4, 200}, bytes.Repeat([]byte{byte(i)}, 200)...)
}

func TestSeveralGoroutinesReadEachEntryOnce(t *testing.T) {
	var times []float64
	for i := range 2000 {
		times = append(times, float64(i))
	}
	r := openLog(t, filepath.Join(writeFiles(t, "x.log", logText("A", 0, "a", times...)), "x"), LogReadOptions{})
	var reading sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for range 4 {
		reading.Add(1)
		go func() {
			defer reading.Done()
			for {
				r.Pending()
				r.Header()
				_, err := r.Next()
				if err != nil {
					if err != io.EOF {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				n++
				mu.Unlock()
			}
		}()
	}
	reading.Wait()
	if n != len(times) {
		t.Errorf("%d entries of %d", n, len(times))
	}
}

func TestAReaderThatIsClosed(t *testing.T) {
	r := openLog(t, filepath.Join(logVectors, "Imu"), LogReadOptions{})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Next()
	wantText(t, err, ErrClosed, "Imu")
	wantKind(t, r.Reset(), ErrClosed)
	wantKind(t, r.Close(), ErrClosed)
	if r.Pending() || r.Header() == nil {
		t.Error("a closed reader")
	}
}

func TestALogIsReadInConstantMemory(t *testing.T) {
	size := 256 << 20
	if raceEnabled {
		size = 64 << 20 // which takes as long
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	go func() {
		defer write.Close()
		var lines []byte
		for range 1000 {
			lines = logfile.AppendEntry(lines, 123456, "topic", logPayload)
		}
		write.WriteString(logText("A", 0, ""))
		for n := 0; n < size; n += len(lines) {
			if _, err := write.Write(lines); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	r := openLog(t, fmt.Sprintf("/dev/fd/%d", read.Fd()), LogReadOptions{})
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, bytes := 0, 0
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		bytes += 2*len(e.Payload) + len(e.Topic)
		if n%1000 == 0 {
			r.Pending()
		}
	}
	runtime.ReadMemStats(&after)
	if bytes < size*9/10 || r.Torn() != 0 {
		t.Errorf("%d entries of %d bytes, %d torn", n, bytes, r.Torn())
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	wantText(t, r.Reset(), ErrSystem, "a pipe cannot be read again")
}

func TestDirectoriesForRecordingsAreNew(t *testing.T) {
	root := t.TempDir()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	defer func(was func(time.Time) time.Time) { LocalTime = was }(LocalTime)
	LocalTime = func(t time.Time) time.Time { return t.In(time.FixedZone("", -3600)) }
	for _, end := range []string{"", "_1", "_2"} {
		path, err := CreateLogDirectory(root, logOrigin)
		if want := filepath.Join(root, "20160511T232007_"+host+end); path != want || err != nil {
			t.Errorf("%s, %v, want %s", path, err, want)
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			t.Errorf("%v", err)
		}
	}
	LocalTime = time.Time.Local
	before := time.Now().Truncate(time.Second)
	path, err := CreateLogDirectory(root, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	stamp, _, _ := strings.Cut(filepath.Base(path), "_")
	if at, err := time.ParseInLocation("20060102T150405", stamp, time.Local); err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("%s, %v", path, err)
	}
	_, err = CreateLogDirectory(filepath.Join(root, "nowhere"), logOrigin)
	wantText(t, err, ErrSystem, "create log directory in "+root+"/nowhere", "folder does not exist", "mkdir -p "+root+"/nowhere")
	_, err = CreateLogDirectory(root, time.Date(1, 2, 3, 4, 5, 6, 7, time.UTC))
	wantText(t, err, ErrInvalid, root, "year", "1678 to 2261")
}

func TestTheVersionOfTheFormatIsTheHeaders(t *testing.T) {
	if logVersion != logfile.Version {
		t.Errorf("%s in mcl.h, %s in the format", logVersion, logfile.Version)
	}
}

func BenchmarkLogRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.log")
	var lines []byte
	for range 100_000 {
		lines = logfile.AppendEntry(lines, 123456, "topic", logPayloadOf(7))
	}
	if err := os.WriteFile(path, lines, 0o666); err != nil {
		b.Fatal(err)
	}
	r, err := OpenLog(path, LogReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.SetBytes(int64(len(lines) / 100_000))
	b.ReportAllocs()
	for b.Loop() {
		_, err := r.Next()
		if err == io.EOF {
			err = r.Reset()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// A writer may be killed after it has given a file its name by a link, and before it has taken the old name away.
func TestALogUnderBothNamesIsOne(t *testing.T) {
	copied := func(from, to string) error {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o666)
	}
	for what, make := range map[string]func(from, to string) error{"killed": os.Link, "killed, and the folder copied": copied} {
		folder := t.TempDir()
		at := func(name string) string { return filepath.Join(folder, name) }
		for prefix, o := range map[string]LogOptions{"One": {Type: "One", Origin: logOrigin}, "Split": {Type: "Split", Origin: logOrigin, MaxEntries: 2}} {
			w := createLog(t, at(prefix), o)
			for i := range 5 {
				put(t, w, i)
			}
			closeLog(t, w)
		}
		for _, name := range []string{"One", "Split_000", "Split_002"} {
			if err := make(at(name+".log"), at(name+".tmp")); err != nil {
				t.Fatal(err)
			}
		}
		for _, prefix := range []string{"One", "Split"} {
			if got := numbers(t, openLog(t, at(prefix), LogReadOptions{})); fmt.Sprint(got) != upTo(5) {
				t.Errorf("%s: %s: %v", what, prefix, got)
			}
		}
		r, err := OpenLogDirectory(folder, LogReadOptions{})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if n := len(readLog(t, r)); n != 10 {
			t.Errorf("%s: the directory has %d entries", what, n)
		}
		r.Close()
	}
}

func TestANewLogFinishesWhatAKilledWriterBegan(t *testing.T) {
	folder := t.TempDir()
	for _, o := range []LogOptions{{}, {MaxEntries: 1}} {
		prefix := filepath.Join(folder, "Imu")
		name := prefix
		if o.MaxEntries > 0 {
			name += "_000"
		}
		w := createLog(t, prefix, o)
		put(t, w, 0)
		closeLog(t, w)
		if err := os.Link(name+".log", name+".tmp"); err != nil {
			t.Fatal(err)
		}
		_, err := CreateLog(prefix, o)
		wantText(t, err, ErrExists, name+".log")
		if got := files(t, folder); got != filepath.Base(name)+".log" {
			t.Errorf("there are %s", got)
		}
		os.Remove(name + ".log")
		closeLog(t, createLog(t, prefix, o))
	}
}
