package mcl

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func record(t testing.TB, prefix string, conn Connection, o RecordOptions) *Recorder {
	t.Helper()
	if o.OnError == nil {
		o.OnError = func(err error) { t.Error(err) }
	}
	r, err := Record(prefix, conn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// recorded waits until the counters of all logs fulfil a condition, and checks their sums each time.
func recorded(t testing.TB, r *Recorder, condition func(RecorderStats, ListenerStats) bool) (RecorderStats, ListenerStats) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		w, l := r.LogStats(-1)
		balanced(t, l)
		if sum := w.Entries + w.Buffered + w.Dropped; l.Delivered != sum || int64(l.Queued) < 0 {
			t.Fatalf("delivered %d, but %d are accounted for; %d are queued", l.Delivered, sum, l.Queued)
		}
		if condition(w, l) {
			return w, l
		}
		if time.Now().After(end) {
			t.Fatalf("it did not happen: %+v, %+v", w, l)
		}
	}
}

// errorsOf keeps what OnError is told.
type errorsOf struct {
	mu  sync.Mutex
	all []error
}

func (e *errorsOf) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, err)
}

func (e *errorsOf) take() (all []error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all, e.all = e.all, nil
	return all
}

func TestRecordingIsReadBack(t *testing.T) {
	conn, prefix := newConnection(), filepath.Join(t.TempDir(), "raw")
	r := record(t, prefix, conn, RecordOptions{Log: LogOptions{Revision: "r1"}})
	l := open(t, nil, conn, ListenerOptions{})
	kernelStamps(t)
	b := dial(t, nil, conn, BroadcasterOptions{})
	topics := []string{"", "odometry", "two words", "a 'quote'"}
	values := []any{1, "text", []any{nil, true}, string(make([]byte, 200_000))} // the last in fragments
	const n = 40
	for i := range n {
		publish(t, b, topics[i%4], values[i/4%4])
	}
	var none *string
	empty := ""
	b.PublishTopic(none, 7)
	b.PublishTopic(&empty, 7)
	recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Delivered == n+2 })
	if r.Directory() != filepath.Dir(prefix) || r.Logs() != 1 {
		t.Error(r.Directory(), r.Logs())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	wantKind(t, r.Close(), ErrClosed)
	w, s := recorded(t, r, func(RecorderStats, ListenerStats) bool { return true })
	if w.Entries != n+2 || w.Files != 1 || s.Delivered != n+2 || s.Discarded != 0 || w.Err != nil {
		t.Errorf("%+v, %+v", w, s)
	}
	log := openLog(t, prefix+".log", LogReadOptions{})
	if h := log.Header(); h.Revision != "r1" || h.Type != "" {
		t.Errorf("%+v", h)
	}
	for i := range n + 2 {
		e, err := log.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Receive(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Topic) != string(got.Topic) || string(e.Payload) != string(got.Payload) {
			t.Errorf("entry %d: topic %q, %d bytes", i, e.Topic, len(e.Payload))
		}
		// Both times are the kernel's, of one datagram; the log's last digit is ten microseconds.
		if off := log.Header().Created.Add(e.Elapsed).Sub(got.When()); off.Abs() > 20*time.Microsecond && !portableSockets {
			t.Errorf("entry %d: recorded %v off the time of receipt", i, off)
		}
	}
	if log.Pending() {
		t.Error("more than was published")
	}
}

// What has arrived by the time of Close is recorded, wherever it is on its way.
func TestClosingRecordsWhatHasArrived(t *testing.T) {
	conn, prefix := newConnection(), filepath.Join(t.TempDir(), "rest")
	r := record(t, prefix, conn, RecordOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	const n = 200
	for i := range n {
		publish(t, b, "", i)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(readLog(t, openLog(t, prefix+".log", LogReadOptions{}))); got != n {
		t.Errorf("%d entries of %d", got, n)
	}
}

// What waits while the goroutine that writes is held up is written by Close, however much it is.
func TestClosingRecordsWhatWaits(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	os.Mkdir(folder, 0o777)
	conn := newConnection()
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := record(t, filepath.Join(folder, "log"), conn, RecordOptions{OnError: func(error) {
		once.Do(func() { close(held); <-release })
	}})
	b := dial(t, nil, conn, BroadcasterOptions{})
	os.Remove(folder)
	publish(t, b, "", 0) // begins the log at once, in vain
	<-held
	os.Mkdir(folder, 0o777)
	const n = 40_000
	for i := uint64(1); i < n; i++ {
		publish(t, b, "", i)
		if i%500 == 0 { // no more than the socket holds
			recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Queued == i })
		}
	}
	closed := make(chan error)
	go func() { closed <- r.Close() }()
	<-r.logs[0].last
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if got := len(readLog(t, openLog(t, filepath.Join(folder, "log"), LogReadOptions{}))); got != n {
		t.Errorf("%d entries of %d", got, n)
	}
}

func TestRecordingANetwork(t *testing.T) {
	root := t.TempDir()
	var types []*Type
	var out []*RawBroadcaster
	for _, name := range []string{"Rec1", "Rec2", "Silent"} {
		typ, err := NewType(name, []string{"x"}, newConnection())
		if err != nil {
			t.Fatal(err)
		}
		types, out = append(types, typ), append(out, dial(t, nil, typ.conn, BroadcasterOptions{}))
	}
	origin := time.Now().Add(-time.Minute)
	var told errorsOf
	r, err := RecordNetwork(root, types, RecordOptions{Log: LogOptions{Origin: origin}, OnError: told.add})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		m, _ := types[i%2].From(map[string]any{"x": i})
		if err := out[i%2].PublishMessage(nil, m); err != nil {
			t.Fatal(err)
		}
		// One after the other, where a time is that of reading: two sockets are read in any order.
		recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Delivered == uint64(i+1) })
	}
	publish(t, out[1], "", "it fits no type") // of two at one microsecond, Rec1's comes first
	recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Delivered == 21 })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	first, _ := r.LogStats(0)
	second, _ := r.LogStats(1)
	if first.Entries != 10 || second.Entries != 11 || r.ListenerStats().Rejected != 0 || r.Logs() != 3 {
		t.Errorf("%+v", r.Stats())
	}
	if all := told.take(); len(all) != 0 {
		t.Errorf("told %v", all)
	}
	if !strings.HasPrefix(filepath.Base(r.Directory()), origin.Local().Format("20060102T150405_")) {
		t.Error(r.Directory())
	}
	names, _ := filepath.Glob(filepath.Join(r.Directory(), "*"))
	if len(names) != 2 { // a silent type leaves no file
		t.Errorf("%q", names)
	}
	logs := openLogs(t, r.Directory(), LogReadOptions{})
	next := map[string]int64{"Rec1": 0, "Rec2": 1}
	for i := range 20 {
		e, err := logs.Next()
		if err != nil {
			t.Fatal(err)
		}
		typ := types[map[string]int{"Rec1": 0, "Rec2": 1}[e.Type]]
		m, err := typ.Decode(e.Payload)
		if err != nil || e.Elapsed < time.Minute {
			t.Fatalf("%d: %v at %v: %v", i, m, e.Elapsed, err)
		}
		if x, _ := m.Int("x"); x != next[e.Type] {
			t.Errorf("%s: %d, want %d", e.Type, x, next[e.Type])
		}
		next[e.Type] += 2
	}
	if e, err := logs.Next(); err != nil || e.Type != "Rec2" || string(e.Payload) != string(pack("it fits no type")) {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestTheLogsOfANetworkCountFromOneMoment(t *testing.T) {
	var types []*Type
	for _, name := range []string{"Early", "Late"} {
		typ, err := NewType(name, nil, newConnection())
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, typ)
	}
	begun := time.Now()
	r, err := RecordNetwork(t.TempDir(), types, RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, typ := range types {
		b := dial(t, nil, typ.conn, BroadcasterOptions{})
		if err := b.PublishMessage(nil, typ.New()); err != nil {
			t.Fatal(err)
		}
		recorded(t, r, func(_ RecorderStats, l ListenerStats) bool { return l.Delivered == uint64(i+1) })
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	headers := openLogs(t, r.Directory(), LogReadOptions{}).Headers()
	if len(headers) != 2 || !headers[0].Created.Equal(headers[1].Created) {
		t.Fatalf("%+v", headers)
	}
	if since := headers[0].Created.Sub(begun); since < -time.Microsecond || since > patience {
		t.Errorf("they count from %v after the beginning", since)
	}
}

func TestANetworkIsRecordedWholeOrNotAtAll(t *testing.T) {
	good := func(name string) *Type {
		typ, err := NewType(name, nil, newConnection())
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	nowhere := newConnection()
	nowhere.Interface = "no/where"
	bad, err := NewType("Bad", nil, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	twice := good("Twice")
	root := t.TempDir()
	goroutines, fds := runtime.NumGoroutine(), descriptorCount(t)
	for _, c := range []struct {
		types []*Type
		kind  Error
	}{
		{nil, ErrInvalid},
		{[]*Type{good("A"), nil}, ErrInvalid},
		{[]*Type{twice, good("A"), twice}, ErrInvalid},
		{[]*Type{good("A"), good("../A")}, ErrInvalid},
		{[]*Type{good("A"), good("/A")}, ErrInvalid},
		{[]*Type{good("A"), good("A/")}, ErrInvalid},
		{[]*Type{good("A"), good("..")}, ErrInvalid},
		{[]*Type{good("A"), good(".A")}, ErrInvalid},
		{[]*Type{good("A"), good("A\nB")}, ErrInvalid},
		{[]*Type{good("A"), good(strings.Repeat("A", 250))}, ErrSystem},
		{[]*Type{good("A"), good("A.log")}, ErrInvalid},
		{[]*Type{good("A"), good("B"), bad}, ErrInterface},
	} {
		_, err := RecordNetwork(root, c.types, RecordOptions{})
		wantKind(t, err, c.kind)
	}
	if left, _ := os.ReadDir(root); len(left) != 0 {
		t.Errorf("%v stays", left)
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := descriptorCount(t); n > fds {
		t.Errorf("%d descriptors, %d before", n, fds)
	}
	_, err = RecordNetwork(filepath.Join(root, "nowhere"), []*Type{good("A")}, RecordOptions{})
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
}

func TestWhatCannotBeRecorded(t *testing.T) {
	conn, folder := newConnection(), t.TempDir()
	os.WriteFile(filepath.Join(folder, "there.log"), nil, 0o666)
	for prefix, kind := range map[string]Error{
		filepath.Join(folder, "there"):                  ErrExists,
		filepath.Join(folder, "x.log"):                  ErrInvalid,
		filepath.Join(folder, "nowhere", "x"):           ErrSystem,
		filepath.Join(folder, strings.Repeat("x", 250)): ErrSystem,
	} {
		_, err := Record(prefix, conn, RecordOptions{})
		wantKind(t, err, kind)
		if err != nil && !strings.Contains(err.Error(), prefix) {
			t.Error(err)
		}
	}
	_, err := Record(filepath.Join(folder, "x"), Connection{URL: "::1"}, RecordOptions{})
	wantKind(t, err, ErrAddress)
}

// While it records, at every moment: what the listener delivered is in the log, waits for it, or was dropped.
func TestTheRecordersSumsAreExact(t *testing.T) {
	conn, prefix := newConnection(), filepath.Join(t.TempDir(), "sums")
	r := record(t, prefix, conn, RecordOptions{Listener: ListenerOptions{QueueMessages: 100, OnError: func(error) {}}})
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range 2 {
		b := dial(t, nil, conn, BroadcasterOptions{})
		running.Add(1)
		go func() {
			defer running.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					publish(t, b, "topic", i)
				}
			}
		}()
	}
	last := uint64(0)
	recorded(t, r, func(w RecorderStats, l ListenerStats) bool {
		if l.Delivered < last {
			t.Fatal("counted back")
		}
		last = l.Delivered
		return w.Entries > 20000
	})
	close(stop)
	running.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	w, l := recorded(t, r, func(RecorderStats, ListenerStats) bool { return true })
	if l.Queued != 0 || w.Buffered != 0 || l.Delivered != w.Entries || l.Messages != w.Entries+l.DroppedQueue {
		t.Errorf("%+v, %+v", w, l)
	}
	if n := len(readLog(t, openLog(t, prefix+".log", LogReadOptions{}))); n != int(w.Entries) {
		t.Errorf("%d entries in the log, %d counted", n, w.Entries)
	}
}

// hurry makes a log not wait a second before it writes.
func hurry(r *Recorder) {
	w := r.logs[0].w
	w.mu.Lock()
	w.age = 10 * time.Millisecond
	w.mu.Unlock()
}

// With nobody to tell, stderr is told once, and once again when it has worked in between.
func TestFailingIsToldOnceUntilItWorks(t *testing.T) {
	var told errorsOf
	defer func(was func(error)) { Complain = was }(Complain)
	Complain = told.add
	folder := filepath.Join(t.TempDir(), "folder")
	conn := newConnection()
	os.Mkdir(folder, 0o777)
	r, err := Record(filepath.Join(folder, "log"), conn, RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	hurry(r)
	b := dial(t, nil, conn, BroadcasterOptions{})
	for round := range 2 {
		publish(t, b, "", 1)
		w, _ := recorded(t, r, func(w RecorderStats, _ ListenerStats) bool { return w.Buffered == 0 && w.Entries > 0 })
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		publish(t, b, "", 2)
		recorded(t, r, func(now RecorderStats, _ ListenerStats) bool { return now.Errors >= w.Errors+3 }) // some attempts
		if all := told.take(); len(all) != 1 || !strings.Contains(all[0].Error(), folder) {
			t.Errorf("round %d: told %v", round, all)
		}
		os.Mkdir(folder, 0o777)
		recorded(t, r, func(w RecorderStats, _ ListenerStats) bool { return w.Err == nil && w.Buffered == 0 })
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "log.log")); err != nil {
		t.Error(err)
	}
}

// A disk that stands still is beyond a test: the lock that is held while it is written to stands for it.
func TestADiskThatStandsStill(t *testing.T) {
	conn, prefix := newConnection(), filepath.Join(t.TempDir(), "stuck")
	r := record(t, prefix, conn, RecordOptions{Listener: ListenerOptions{QueueMessages: 50}})
	r.patience = 50 * time.Millisecond
	b := dial(t, nil, conn, BroadcasterOptions{})
	r.logs[0].w.disk.Lock()
	const n = 100
	publish(t, b, "", 0)
	recorded(t, r, func(w RecorderStats, l ListenerStats) bool { return w.Buffered == 1 }) // and there it stands
	for i := range n - 1 {
		publish(t, b, "", i)
	}
	w, l := recorded(t, r, func(w RecorderStats, l ListenerStats) bool { return l.Messages == n })
	if w.Buffered != 1 || l.DroppedQueue == 0 || l.Queued < 49 {
		t.Errorf("%+v, %+v", w, l)
	}
	err := r.Close()
	wantKind(t, err, ErrBusy)
	if err != nil && !strings.Contains(err.Error(), "stands still: 1 messages are not written") {
		t.Error(err)
	}
	r.logs[0].w.disk.Unlock()
	<-r.logs[0].done // what the log had is written, after all
	w, _ = recorded(t, r, func(RecorderStats, ListenerStats) bool { return true })
	if w.Entries == 0 || w.Dropped != 0 {
		t.Errorf("%+v", w)
	}
	if n := len(readLog(t, openLog(t, prefix+".log", LogReadOptions{}))); n != int(w.Entries) {
		t.Errorf("%d entries, %d counted", n, w.Entries)
	}
}

func TestARecorderLeavesNothingBehind(t *testing.T) {
	folder, n := t.TempDir(), 0
	cycle := func() {
		n++
		conn := newConnection()
		r, err := Record(filepath.Join(folder, fmt.Sprint(n)), conn, RecordOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b := dial(t, nil, conn, BroadcasterOptions{})
		publish(t, b, "", 1)
		b.Close()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	goroutines, fds := runtime.NumGoroutine(), descriptorCount(t)
	for range 10 {
		cycle()
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := descriptorCount(t); n > fds {
		t.Errorf("%d descriptors, %d before", n, fds)
	}
}

func TestRecordingAllocatesNothingForAMessage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	if portableSockets {
		t.Skip("the portable sockets allocate")
	}
	conn, prefix := newConnection(), filepath.Join(t.TempDir(), "alloc")
	r := record(t, prefix, conn, RecordOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	topic, packed := "topic", pack(make([]byte, 200))
	messages := func(n int) {
		before := r.ListenerStats().Delivered
		for range n {
			b.PublishPacked(&topic, packed)
		}
		for r.ListenerStats().Delivered < before+uint64(n) {
			time.Sleep(time.Millisecond) // each look allocates
		}
	}
	messages(3000)
	const n = 5000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	messages(n)
	runtime.ReadMemStats(&after)
	if each := float64(after.Mallocs-before.Mallocs) / n; each >= 0.05 {
		t.Errorf("%.3f allocations a message", each)
	}
}

// What was recorded is replayed to the same network.
func TestWhatIsRecordedIsReplayed(t *testing.T) {
	typ := define(t, "Recorded", []string{"x"}, newConnection())
	r, err := RecordNetwork(t.TempDir(), []*Type{typ}, RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := dial(t, nil, typ.conn, BroadcasterOptions{})
	const n = 20
	for i := range n {
		m, _ := typ.From(map[string]any{"x": i})
		publish(t, b, fmt.Sprint("topic ", i), m)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.Directory(), "Recorded.log")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[len(lines)-3] = "     nonsense\n" // of the last but one
	os.WriteFile(path, []byte(strings.Join(lines, "")), 0o666)

	l := open(t, nil, Connection{}, ListenerOptions{Type: typ})
	source := openLogs(t, r.Directory(), LogReadOptions{})
	var told errorsOf
	p := replay(t, source, 1, ReplayOptions{OnError: told.add})
	if !p.Pending() {
		t.Error("nothing to replay")
	}
	for range 2 {
		start(t, p)
		finish(t, p)
		for i := range n {
			if i == n-2 {
				continue
			}
			got, err := l.Receive(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if x, _ := got.Message().Int("x"); x != int64(i) || string(got.Topic) != fmt.Sprint("topic ", i) {
				t.Errorf("%d: %d, %q", i, x, got.Topic)
			}
		}
		if all := told.take(); len(all) != 1 || !strings.Contains(all[0].Error(), path) {
			t.Errorf("told %v", all)
		}
	}
	p.Stop()
	if !p.Pending() {
		t.Error("nothing to replay after it was stopped")
	}
}
