package mcl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// contents gives the files of a folder, and of each its entries as numbers gives them.
func contents(t testing.TB, folder string) string {
	t.Helper()
	var all []string
	for _, name := range strings.Fields(files(t, folder)) {
		all = append(all, fmt.Sprint(name, numbers(t, openLog(t, filepath.Join(folder, name), LogReadOptions{}))))
	}
	return strings.Join(all, " ")
}

// writeLog writes a log of the numbers from first to last.
func writeLog(t testing.TB, prefix string, o LogOptions, first, last int) {
	t.Helper()
	w := createLog(t, prefix, o)
	for i := first; i <= last; i++ {
		put(t, w, i)
	}
	closeLog(t, w)
}

func TestAnOldLogIsMoved(t *testing.T) {
	var told errorsOf
	defer func(was func(error)) { Complain = was }(Complain)
	Complain = told.add
	folder := t.TempDir()
	prefix := filepath.Join(folder, "x")
	single, split := LogOptions{Existing: LogMove}, LogOptions{Existing: LogMove, MaxEntries: 2}
	for _, c := range []struct {
		o     LogOptions
		first int
		last  int
		want  string
		told  string
	}{
		{single, 0, 0, "x.log[0]", ""},
		{single, 1, 0, "x.log[0]", ""}, // nothing arrived
		{single, 1, 2, "x.log[1 2] x.log.1[0]", "x.log: an older log had this name, and is called x.log.1 now"},
		{single, 3, 3, "x.log[3] x.log.1[0] x.log.2[1 2]", "x.log.2 now"},
		{split, 4, 8, "x.log.1[0] x.log.2[1 2] x.log.3[3] x_000.log[4 5] x_001.log[6 7] x_002.log[8]", "x.log.3 now"},
		{split, 9, 9, "x.log.1[0] x.log.2[1 2] x.log.3[3] x_000.log[9] x_000.log.4[4 5] x_001.log.4[6 7] x_002.log.4[8]", "x_000.log.4 now"},
		{single, 10, 10, "x.log[10] x.log.1[0] x.log.2[1 2] x.log.3[3] x_000.log.4[4 5] x_000.log.5[9] x_001.log.4[6 7] x_002.log.4[8]", "x_000.log.5 now"},
	} {
		writeLog(t, prefix, c.o, c.first, c.last)
		if got := contents(t, folder); got != c.want {
			t.Fatalf("%s,\nwant %s", got, c.want)
		}
		all := told.take()
		if c.told == "" && len(all) != 0 || c.told != "" && (len(all) != 1 || !strings.Contains(all[0].Error(), c.told)) {
			t.Errorf("told %v, want %s", all, c.told)
		}
		if got := len(numbers(t, openLogs(t, folder, LogReadOptions{}))); got != 0 { // raw logs are left out
			t.Errorf("%d entries", got)
		}
	}
}

// All files of an old log go before the first new one has its name, a .tmp that a killed program left too; until then it is
// what the prefix stands for.
func TestAllOfAnOldSplitLogIsMovedAtOnce(t *testing.T) {
	var told errorsOf
	folder := t.TempDir()
	prefix := filepath.Join(folder, "x")
	writeLog(t, prefix, LogOptions{MaxEntries: 1}, 0, 2)
	if err := os.Rename(prefix+"_002.log", prefix+"_002.tmp"); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder, "x_y_000")
	writeLog(t, other, LogOptions{}, 7, 7)
	w := createLog(t, prefix, LogOptions{MaxEntries: 2, Existing: LogMove})
	w.onMoved = told.add
	put(t, w, 3)
	put(t, w, 4)
	if got := contents(t, folder); got != "x_000.log[0] x_000.tmp[3] x_001.log[1] x_002.tmp[2] x_y_000.log[7]" && !strings.Contains(got, "x_000.tmp[3 4]") {
		t.Errorf("%s", got)
	}
	if got := fmt.Sprint(numbers(t, openLog(t, prefix, LogReadOptions{}))); got != "[0 1 2]" {
		t.Errorf("%s", got)
	}
	put(t, w, 5)
	const want = "x_000.log[3 4] x_000.log.1[0] x_001.log.1[1] x_001.tmp[5] x_002.tmp.1[2] x_y_000.log[7]"
	if got := contents(t, folder); got != want {
		t.Errorf("%s,\nwant %s", got, want)
	}
	put(t, w, 6)
	put(t, w, 7)
	closeLog(t, w)
	if got := fmt.Sprint(numbers(t, openLog(t, prefix, LogReadOptions{}))); got != "[3 4 5 6 7]" || len(told.take()) != 1 {
		t.Errorf("%s", got)
	}
	// What comes into being later, in the way of a later file, is no old log.
	w = createLog(t, prefix, LogOptions{MaxEntries: 1, Existing: LogMove})
	w.onMoved = told.add
	put(t, w, 0)
	put(t, w, 1)
	writeLog(t, prefix+"_002", LogOptions{}, 9, 9)
	put(t, w, 2)
	wantText(t, w.Stats().Err, ErrExists, "x_002.log", "exists already")
	os.Remove(prefix + "_002.log")
	closeLog(t, w)
}

func TestAnUnfinishedLogIsInTheWay(t *testing.T) {
	for _, existing := range []LogExisting{LogRefuse, LogMove, LogContinue} {
		for _, name := range []string{"x.tmp", "x_000.tmp"} {
			prefix := filepath.Join(writeFiles(t, name, ""), "x")
			for _, o := range []LogOptions{{Existing: existing}, {Existing: existing, MaxEntries: 1}} {
				_, err := CreateLog(prefix, o)
				wantText(t, err, ErrExists, name, "exists already")
			}
		}
	}
	for _, existing := range []LogExisting{-1, 3} {
		_, err := CreateLog(filepath.Join(t.TempDir(), "x"), LogOptions{Existing: existing})
		wantText(t, err, ErrInvalid, "(existing)", "LogMove")
	}
}

func TestALogIsGoneOnWith(t *testing.T) {
	for name, o := range map[string]LogOptions{"single": {Type: "A", Revision: "r"}, "split": {Type: "A", MaxEntries: 2}} {
		o.Existing = LogContinue
		folder := t.TempDir()
		prefix := filepath.Join(folder, "x")
		writeLog(t, prefix, o, 0, 4)
		writeLog(t, prefix, o, 5, 4) // nothing arrived
		before := files(t, folder)
		w := createLog(t, prefix, o)
		if got := files(t, folder); got != before {
			t.Errorf("%s: %s", name, got)
		}
		put(t, w, 5)
		if got := strings.Count(files(t, folder), ".tmp"); got != 1 {
			t.Errorf("%s: %s", name, files(t, folder))
		}
		put(t, w, 6)
		closeLog(t, w)
		r := openLog(t, prefix, LogReadOptions{})
		all := readLog(t, r)
		if len(all) != 7 || r.Header().Created != logOrigin {
			t.Fatalf("%s: %+v", name, all)
		}
		for i, e := range all {
			if e.topic != fmt.Sprint("topic ", i) || e.elapsed != time.Duration(i)*time.Second {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if want := map[string]string{"single": "x.log", "split": "x_000.log x_001.log x_002.log x_003.log"}[name]; files(t, folder) != want {
			t.Errorf("%s: %s", name, files(t, folder))
		}
	}
}

func TestWhatCannotBeGoneOnWith(t *testing.T) {
	a, single, split := logText("A", 0, "a", 1), LogOptions{Type: "A"}, LogOptions{Type: "A", MaxEntries: 1}
	for _, c := range []struct {
		files []string
		o     LogOptions
		kind  Error
		texts []string
	}{
		{[]string{"x.log", logText("B", 0, "a", 1)}, single, ErrType, []string{"x.log", "a log of B, not of A"}},
		{[]string{"x.log", logText("", 0, "a", 1)}, single, ErrType, []string{"a log of raw data, not of A"}},
		{[]string{"x.log", logText("A", -1, "a", 1)}, single, ErrFormat, []string{"x.log", "no header"}},
		{[]string{"x.log", a[:len(a)-3]}, single, ErrFormat, []string{"x.log", "amid a line"}},
		{[]string{"x_000.log", a, "x_001.log", a[len(a)-20 : len(a)-3]}, split, ErrFormat, []string{"x_001.log", "amid a line"}},
		{[]string{"x.log", ""}, single, ErrFormat, []string{"x.log", "no header"}},
		{[]string{"x.log", "garbage"}, single, ErrFormat, []string{"x.log"}},
		{[]string{"x.log", a}, split, ErrExists, []string{"x.log"}},
		{[]string{"x_000.log", a}, single, ErrExists, []string{"x_000.log"}},
		{[]string{"x_000.log", a, "x_001.tmp", a}, split, ErrExists, []string{"x_001.tmp"}},
	} {
		folder := writeFiles(t, c.files...)
		before := files(t, folder)
		c.o.Existing = LogContinue
		_, err := CreateLog(filepath.Join(folder, "x"), c.o)
		wantText(t, err, c.kind, append(c.texts, folder)...)
		if got := files(t, folder); got != before {
			t.Errorf("%s of %s", got, before)
		}
	}
}

// Where it was removed, or another has begun to go on with it, when the first entry comes.
func TestALogThatVanishesBeforeItIsGoneOnWith(t *testing.T) {
	folder := t.TempDir()
	prefix := filepath.Join(folder, "x")
	o := LogOptions{Existing: LogContinue}
	writeLog(t, prefix, o, 0, 0)
	one, other := createLog(t, prefix, o), createLog(t, prefix, o)
	put(t, one, 1)
	put(t, other, 2)
	wantText(t, other.Stats().Err, ErrExists, "x.tmp")
	closeLog(t, one)
	if got := contents(t, folder); !strings.HasPrefix(got, "x.log[0 1]") {
		t.Errorf("%s", got)
	}
	wantKind(t, other.Close(), ErrExists)

	gone := createLog(t, prefix, o)
	os.Remove(prefix + ".log")
	put(t, gone, 3)
	closeLog(t, gone)
	if got := contents(t, folder); got != "x.log[3]" {
		t.Errorf("%s", got)
	}
}

func TestAnUnbufferedEntryIsInTheFileAtOnce(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "x")
	w := createLog(t, prefix, LogOptions{Unbuffered: true, MaxEntries: 3})
	w.age = time.Hour
	for i := range 10 {
		put(t, w, i)
		if got := fmt.Sprint(numbers(t, openLog(t, prefix, LogReadOptions{}))); got != upTo(i+1) {
			t.Fatalf("%s after %d", got, i)
		}
	}
}

// A recorder tells of it where it tells of errors.
func TestARecorderTellsOfAnOldLog(t *testing.T) {
	folder, conn := t.TempDir(), newConnection()
	var told errorsOf
	for range 2 {
		r := record(t, filepath.Join(folder, "x"), conn, RecordOptions{Log: LogOptions{Existing: LogMove}, OnError: told.add})
		publish(t, dial(t, nil, conn, BroadcasterOptions{}), "", 1)
		recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Delivered == 1 })
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if all := told.take(); len(all) != 1 || !strings.Contains(all[0].Error(), "x.log.1") {
		t.Errorf("told %v", all)
	}
	if got := files(t, folder); got != "x.log x.log.1" {
		t.Errorf("%s", got)
	}
}
