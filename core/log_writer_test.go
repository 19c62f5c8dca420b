package mcl

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var logOrigin = time.Date(2016, 5, 12, 0, 20, 7, 123456000, time.UTC)

// logPayload is a payload of 200 bytes.
var logPayload = append([]byte{0xc4, 198}, make([]byte, 198)...)

// createLog makes a log that waits only 10 ms before it writes, or tries again.
func createLog(t testing.TB, prefix string, o LogOptions) *LogWriter {
	t.Helper()
	w, err := CreateLog(prefix, o)
	if err != nil {
		t.Fatal(err)
	}
	w.age = 10 * time.Millisecond
	t.Cleanup(func() { w.Close() })
	return w
}

// put writes the entry of a number: its time is as many seconds after the origin, its payload is the number.
func put(t testing.TB, w *LogWriter, i int) {
	t.Helper()
	if err := w.Write(fmt.Sprint("topic ", i), appendInt(nil, int64(i)), logOrigin.Add(time.Duration(i)*time.Second)); err != nil {
		t.Fatal(err)
	}
}

// numbers gives what put wrote.
func numbers(t testing.TB, r *LogReader) (all []int) {
	t.Helper()
	for _, e := range readLog(t, r) {
		var i int
		if _, err := fmt.Sscanf(e.topic, "topic %d", &i); err != nil {
			t.Fatalf("%+v", e)
		}
		all = append(all, i)
	}
	return all
}

// upTo is 0 to n-1, as numbers gives it.
func upTo(n int) string {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return fmt.Sprint(all)
}

// files lists a folder.
func files(t testing.TB, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func closeLog(t testing.TB, w *LogWriter) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantText checks that an error is of a kind, and says all of texts.
func wantText(t testing.TB, err error, kind Error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestALogIsWrittenAsTheLegacySystemWritesIt(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "Imu")
	w := createLog(t, prefix, LogOptions{Type: "Imu", Revision: "0123456789abcdef0123456789abcdef01234567", Origin: logOrigin})
	theirs := openLog(t, filepath.Join(logVectors, "Imu.log"), LogReadOptions{})
	for {
		e, err := theirs.Next()
		if err != nil {
			break
		}
		if err := w.Write(string(e.Topic), e.Payload, logOrigin.Add(e.Elapsed)); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, w)
	ours, err := os.ReadFile(prefix + ".log")
	if err != nil {
		t.Fatal(err)
	}
	vector, err := os.ReadFile(filepath.Join(logVectors, "Imu.log"))
	if err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(string(ours), "\n"), strings.Split(string(vector), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if i >= 6 && i <= 15 && len(want[i]) > 1 { // the explanation
			if !strings.HasPrefix(got[i], "# ") {
				t.Errorf("line %d is %q", i+1, got[i])
			}
		} else if got[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i+1, got[i], want[i])
		}
	}
}

func TestAFileAppearsWithTheFirstEntryAndGetsItsNameWhenClosed(t *testing.T) {
	folder := t.TempDir()
	w := createLog(t, filepath.Join(folder, "Gps"), LogOptions{})
	if got := files(t, folder); got != "" {
		t.Errorf("before an entry there is %s", got)
	}
	put(t, w, 0)
	if got := files(t, folder); got != "Gps.tmp" {
		t.Errorf("after an entry there is %s", got)
	}
	if got := numbers(t, openLog(t, filepath.Join(folder, "Gps"), LogReadOptions{})); len(got) != 1 {
		t.Errorf("the first entry is not in the file: %v", got)
	}
	closeLog(t, w)
	if got := files(t, folder); got != "Gps.log" {
		t.Errorf("after Close there is %s", got)
	}
	wantKind(t, w.Close(), ErrClosed)
	wantKind(t, w.Flush(), ErrClosed)
	wantKind(t, w.Write("", []byte{0xc0}, logOrigin), ErrClosed)

	empty := createLog(t, filepath.Join(folder, "Empty"), LogOptions{})
	closeLog(t, empty)
	if got := files(t, folder); got != "Gps.log" {
		t.Errorf("a log without entries leaves %s", got)
	}
}

func TestEntriesAreInTheFileSoonWithoutAFlush(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "Gps")
	w := createLog(t, prefix, LogOptions{})
	for i := range 10 {
		put(t, w, i)
	}
	waitFor(t, func() bool { return fmt.Sprint(numbers(t, openLog(t, prefix, LogReadOptions{}))) == upTo(10) })
	if s := w.Stats(); s.Entries != 10 || s.Buffered != 0 || s.Files != 1 {
		t.Errorf("%+v", s)
	}
	w.age = time.Hour
	put(t, w, 10)
	if s := w.Stats(); s.Buffered != 1 {
		t.Errorf("%+v", s)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Entries != 11 || s.Buffered != 0 {
		t.Errorf("%+v", s)
	}
}

// waitFor waits for what must happen.
func waitFor(t testing.TB, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
	}
}

func TestElapsedTimesCountFromTheOrigin(t *testing.T) {
	for _, c := range []struct {
		what    string
		origin  time.Time
		times   []time.Duration // after logOrigin
		want    string
		created time.Time
	}{
		{"the first entry's", time.Time{}, []time.Duration{1500, 1500 + 20_000}, "[0s 20µs]", logOrigin.Add(time.Microsecond)},
		{"given", logOrigin, []time.Duration{20_999, 14_999, 0, -1, -20_000}, "[20µs 10µs 0s 0s -20µs]", logOrigin},
		{"given in another zone, with nanoseconds", logOrigin.Add(999).In(time.FixedZone("", 3600)), []time.Duration{time.Second}, "[1s]", logOrigin},
	} {
		prefix := filepath.Join(t.TempDir(), "log")
		w := createLog(t, prefix, LogOptions{Origin: c.origin})
		for _, d := range c.times {
			if err := w.Write("", []byte{0xc0}, logOrigin.Add(d)); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, w)
		r := openLog(t, prefix, LogReadOptions{})
		var got []time.Duration
		for _, e := range readLog(t, r) {
			got = append(got, e.elapsed)
		}
		if fmt.Sprint(got) != c.want || !r.Header().Created.Equal(c.created) {
			t.Errorf("%s: %v from %v, want %v from %v", c.what, got, r.Header().Created, c.want, c.created)
		}
	}
}

func TestSplitting(t *testing.T) {
	for _, c := range []struct {
		o    LogOptions
		want string // entries in each file
	}{
		{LogOptions{MaxEntries: 4}, "[4 4 2]"}, {LogOptions{MaxEntries: 1}, "[1 1 1 1 1 1 1 1 1 1]"}, {LogOptions{MaxEntries: 10}, "[10]"},
		{LogOptions{MaxTime: 4 * time.Second}, "[4 4 2]"}, {LogOptions{MaxTime: 3500 * time.Millisecond}, "[4 4 2]"},
		{LogOptions{MaxTime: 4 * time.Second, MaxEntries: 3}, "[3 3 3 1]"}, {LogOptions{MaxTime: time.Hour}, "[10]"},
	} {
		folder := t.TempDir()
		prefix := filepath.Join(folder, "Imu")
		w := createLog(t, prefix, c.o)
		w.age = time.Hour
		for i := range 10 {
			put(t, w, i)
			if got := files(t, folder); !strings.HasSuffix(got, ".tmp") || strings.Count(got, ".tmp") != 1 {
				t.Errorf("while it is written there are %s", got)
			}
		}
		closeLog(t, w)
		if got := numbers(t, openLog(t, prefix, LogReadOptions{})); fmt.Sprint(got) != upTo(10) {
			t.Errorf("%+v: %v", c.o, got)
		}
		var sizes []int
		for i := range w.Stats().Files {
			r := openLog(t, fmt.Sprintf("%s_%03d.log", prefix, i), LogReadOptions{})
			if (r.Header() != nil) != (i == 0) {
				t.Errorf("file %d: header %v", i, r.Header())
			}
			sizes = append(sizes, len(numbers(t, r)))
		}
		if fmt.Sprint(sizes) != c.want || len(strings.Fields(files(t, folder))) != len(sizes) {
			t.Errorf("%+v: %v, want %v; there are %s", c.o, sizes, c.want, files(t, folder))
		}
	}
}

// However the clock was set while it was recorded, a file holds no more time than MaxTime on either side of its first entry.
func TestALogIsSplitWhenTheClockWasSet(t *testing.T) {
	const hour, years = 3600, 50 * 365 * 86400
	for _, c := range []struct {
		what    string
		seconds []int
		want    string // entries in each file
	}{
		{"back by an hour", []int{hour, hour + 1, 0, 1, 2, 3, 4, 5, 6, 7, 8}, "[2 4 4 1]"},
		{"back a little", []int{3, 4, 1, 2, 3, 4, 5, 6, 7, 8}, "[8 2]"},
		{"forward by years", []int{0, 1, years, years + 1}, "[2 2]"},
		{"as far as there are times", []int{-9e9, 9e9, -9e9, -9e9 + 1}, "[1 1 2]"},
		{"disorder", []int{0, 3, 1, 2, 0, 5, 3, 4, 6}, "[5 4]"},
	} {
		prefix := filepath.Join(t.TempDir(), "Imu")
		w := createLog(t, prefix, LogOptions{MaxTime: 4 * time.Second, Origin: time.Unix(0, 0)})
		for i, seconds := range c.seconds {
			if err := w.Write("", []byte{byte(i)}, time.Unix(int64(seconds), 0)); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, w)
		var sizes []int
		for i := range w.Stats().Files {
			sizes = append(sizes, len(readLog(t, openLog(t, fmt.Sprintf("%s_%03d.log", prefix, i), LogReadOptions{}))))
		}
		if fmt.Sprint(sizes) != c.want {
			t.Errorf("%s: %v, want %v", c.what, sizes, c.want)
		}
	}
}

func TestNumbersOfASplitLogGrowBeyondThreeDigits(t *testing.T) {
	folder := t.TempDir()
	w := createLog(t, filepath.Join(folder, "Imu"), LogOptions{MaxEntries: 1})
	w.number = 998
	for i := range 5 {
		put(t, w, i)
	}
	closeLog(t, w)
	if got := files(t, folder); got != "Imu_1000.log Imu_1001.log Imu_1002.log Imu_998.log Imu_999.log" {
		t.Errorf("%s", got)
	}
	if got := numbers(t, openLog(t, filepath.Join(folder, "Imu"), LogReadOptions{})); fmt.Sprint(got) != upTo(5) {
		t.Errorf("%v", got)
	}
}

func TestWhatCannotBeALogIsRefused(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"a.log", "b.tmp", "c_000.log", "d_000.tmp", "e_007.log", "file"} {
		if err := os.WriteFile(at(name), []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", at("dangling.log")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix string
		o      LogOptions
		kind   Error
		errno  error
		texts  []string
	}{
		{"", LogOptions{}, ErrInvalid, nil, []string{"no name", "FOLDER/NAME"}},
		{folder + "/", LogOptions{}, ErrInvalid, nil, []string{folder, "no name"}},
		{folder + "/..", LogOptions{}, ErrInvalid, nil, []string{"no name"}},
		{at("x.log"), LogOptions{}, ErrInvalid, nil, []string{at("x.log"), "ends in .log", "leave that out"}},
		{at("x.tmp"), LogOptions{}, ErrInvalid, nil, []string{"ends in .tmp"}},
		{at("x\x00y"), LogOptions{}, ErrInvalid, nil, []string{"NUL"}},
		{at("x"), LogOptions{MaxEntries: -1}, ErrInvalid, nil, []string{at("x"), "(max_entries) is -1", "give 0"}},
		{at("x"), LogOptions{MaxTime: -time.Second}, ErrInvalid, nil, []string{"(max_time) is -1s"}},
		{at("x"), LogOptions{Revision: "one\ntwo"}, ErrInvalid, nil, []string{"line feed", "in one line"}},
		{at("x"), LogOptions{Type: "one\ntwo"}, ErrInvalid, nil, []string{"line feed", "choose another"}},
		{at("x"), LogOptions{Type: " one"}, ErrInvalid, nil, []string{"blank"}},
		{at("x"), LogOptions{Type: "None"}, ErrInvalid, nil, []string{"raw data"}},
		{at("x"), LogOptions{Origin: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, ErrInvalid, nil, []string{"year", "1678 to 2261"}},
		{at("nowhere/x"), LogOptions{}, ErrSystem, unix.ENOENT, []string{at("nowhere/x"), "folder does not exist", "mkdir -p " + at("nowhere")}},
		{at("file/x"), LogOptions{}, ErrSystem, unix.ENOTDIR, []string{at("file/x"), "no folder", "ls -ld " + at("file")}},
		{folder, LogOptions{}, ErrExists, unix.EISDIR, []string{folder, "it is a folder", folder + "/NAME"}},
		{at("a"), LogOptions{}, ErrExists, unix.EEXIST, []string{at("a.log"), "exists already", "choose another prefix"}},
		{at("b"), LogOptions{}, ErrExists, unix.EEXIST, []string{at("b.tmp")}},
		{at("c"), LogOptions{}, ErrExists, unix.EEXIST, []string{at("c_000.log")}},
		{at("d"), LogOptions{MaxEntries: 5}, ErrExists, unix.EEXIST, []string{at("d_000.tmp")}},
		{at("e"), LogOptions{MaxEntries: 5}, ErrExists, unix.EEXIST, []string{at("e_007.log")}},
		{at("a"), LogOptions{MaxEntries: 5}, ErrExists, unix.EEXIST, []string{at("a.log")}},
		{at("dangling"), LogOptions{}, ErrExists, unix.EEXIST, []string{at("dangling.log")}},
	} {
		w, err := CreateLog(c.prefix, c.o)
		if w != nil {
			t.Errorf("%q %+v is taken", c.prefix, c.o)
			continue
		}
		wantText(t, err, c.kind, append(c.texts, "create log")...)
		if c.errno != nil && !errors.Is(err, c.errno) {
			t.Errorf("error %v has no %v", err, c.errno)
		}
	}
}

func TestEntriesThatCannotBeAreRefusedAndNotCounted(t *testing.T) {
	folder := t.TempDir()
	w := createLog(t, filepath.Join(folder, "x"), LogOptions{})
	now := time.Now()
	wantText(t, w.Write("", nil, now), ErrFormat, filepath.Join(folder, "x"), "no msgpack")
	wantText(t, w.Write("", []byte{0xc1}, now), ErrFormat, "no msgpack")
	wantText(t, w.Write("", []byte{1, 2}, now), ErrFormat, "bytes follow")
	wantText(t, w.Write(strings.Repeat("x", 1<<16+1), []byte{1}, now), ErrTooLarge, "65537 bytes", "shorter topic")
	wantText(t, w.Write("", []byte{1}, time.Time{}), ErrInvalid, "year", "1678 to 2261")
	if s := w.Stats(); s != (LogWriterStats{}) || files(t, folder) != "" {
		t.Errorf("%+v, %s", s, files(t, folder))
	}
}

func TestNoFileIsEverReplaced(t *testing.T) {
	folder := t.TempDir()
	w := createLog(t, filepath.Join(folder, "x"), LogOptions{})
	put(t, w, 0)
	precious := filepath.Join(folder, "x.log")
	if err := os.WriteFile(precious, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	wantText(t, w.Close(), ErrExists, filepath.Join(folder, "x.tmp"), precious+" exists already", "rename it yourself")
	if text, err := os.ReadFile(precious); string(text) != "precious" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if got := numbers(t, openLog(t, filepath.Join(folder, "x.tmp"), LogReadOptions{})); len(got) != 1 {
		t.Errorf("%v", got)
	}
	for what, rename := range map[string]func(from, to string) error{"the system's": renameNew, "by links": linkNew} {
		from := filepath.Join(folder, "from")
		if err := os.WriteFile(from, []byte("new"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := rename(from, precious); !errors.Is(err, unix.EEXIST) {
			t.Errorf("%s: %v", what, err)
		}
		if err := rename(from, from+"2"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := files(t, folder); got != "from2 x.log x.tmp" {
			t.Errorf("%s: %s", what, got)
		}
		os.Remove(from + "2")
	}

	// The names of later files are taken meanwhile.
	split := createLog(t, filepath.Join(folder, "y"), LogOptions{MaxEntries: 1})
	put(t, split, 0)
	taken := filepath.Join(folder, "y_001.log")
	if err := os.WriteFile(taken, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	put(t, split, 1)
	wantText(t, split.Stats().Err, ErrExists, taken, "exists already", "move it away")
	if s := split.Stats(); s.Entries != 1 || s.Buffered != 1 {
		t.Errorf("%+v", s)
	}
	os.Remove(taken)
	waitFor(t, func() bool { return split.Stats().Entries == 2 })
	closeLog(t, split)
	if s := split.Stats(); s.Err != nil || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWritingAnEntryAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	w := createLog(t, filepath.Join(t.TempDir(), "x"), LogOptions{})
	w.age = time.Hour
	topic, packed := []byte("topic"), append([]byte{0xc4, 200}, make([]byte, 200)...)
	ns := logOrigin.UnixNano()
	once := func() {
		ns += 1_234_567
		if w.write(topic, packed, ns) != nil {
			t.Error("it failed")
		}
	}
	for range 2000 {
		once()
	}
	if n := testing.AllocsPerRun(20_000, once); n != 0 {
		t.Errorf("%v allocations an entry", n)
	}
	text := string(topic)
	if n := testing.AllocsPerRun(20_000, func() { w.Write(text, packed, time.Unix(0, ns)) }); n != 0 {
		t.Errorf("%v allocations an entry by Write", n)
	}
}

func TestManyWriteAndCloseAtOnce(t *testing.T) {
	const writers, each = 8, 500
	prefix := filepath.Join(t.TempDir(), "x")
	w := createLog(t, prefix, LogOptions{MaxEntries: 700})
	var writing sync.WaitGroup
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i%10 == 0 {
				w.Flush()
			}
			w.Stats()
			runtime.Gosched()
		}
	}()
	for g := range writers {
		writing.Add(1)
		go func() {
			defer writing.Done()
			for i := range each {
				if err := w.Write(fmt.Sprint(g), appendInt(nil, int64(i)), logOrigin); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	writing.Wait()
	close(stop)
	<-stopped
	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- w.Close() }()
	}
	if one, two := <-closed, <-closed; (one == nil) == (two == nil) {
		t.Errorf("closed twice: %v, %v", one, two)
	}
	if s := w.Stats(); s.Entries != writers*each || s.Files != 6 || s.Buffered+s.Dropped+s.Errors != 0 {
		t.Errorf("%+v", s)
	}
	next := make(map[string]int64)
	for _, e := range readLog(t, openLog(t, prefix, LogReadOptions{})) {
		if v := unpacked(t, e.payload); v != next[e.topic] {
			t.Fatalf("of %s comes %v, want %d", e.topic, v, next[e.topic])
		}
		next[e.topic]++
	}
	for g := range writers {
		if next[fmt.Sprint(g)] != each {
			t.Errorf("of %d there are %d", g, next[fmt.Sprint(g)])
		}
	}
}

func TestALargeMessageIsWrittenAndItsMemoryLetGo(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "x")
	w := createLog(t, prefix, LogOptions{})
	large := append([]byte{0xc6, 1, 0, 0, 0}, bytes.Repeat([]byte{7}, 16<<20)...)
	put(t, w, 0)
	if err := w.Write("large", large, logOrigin); err != nil {
		t.Fatal(err)
	}
	put(t, w, 1)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := cap(w.buf) + cap(w.out); n > 2*logHeld {
		t.Errorf("%d bytes are kept", n)
	}
	closeLog(t, w)
	r := openLog(t, prefix, LogReadOptions{})
	for i := range 3 {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && !bytes.Equal(e.Payload, large) {
			t.Error("it is not as it was")
		}
	}
}

func TestDescriptorsAreTold(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "x")
	var told []bool
	open := 0
	tell := func(fd int, opened bool) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			t.Errorf("%d is not open: %v", fd, err)
		}
		told = append(told, opened)
		if opened {
			open++
		} else {
			open--
		}
	}
	w := createLog(t, prefix, LogOptions{MaxEntries: 2, OnDescriptor: tell})
	for i := range 6 {
		put(t, w, i)
		if open != 1 {
			t.Errorf("%d open", open)
		}
	}
	closeLog(t, w)
	r := openLog(t, prefix, LogReadOptions{OnDescriptor: tell})
	if open != 1 {
		t.Errorf("%d open", open)
	}
	numbers(t, r)
	r.Close()
	if len(told) != 12 || open != 0 {
		t.Errorf("%v", told)
	}
}

func BenchmarkLogWrite(b *testing.B) {
	w, err := CreateLog(filepath.Join(b.TempDir(), "x"), LogOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	topic, packed := []byte("topic"), append([]byte{0xc4, 200}, make([]byte, 200)...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.write(topic, packed, int64(i)*20_000)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.SetBytes(int64(w.Stats().Bytes) / int64(b.N))
}
