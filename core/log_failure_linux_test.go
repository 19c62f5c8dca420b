package mcl

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// onThread runs f on a thread of its own, which ends with it: f may change what belongs to a thread.
func onThread(t testing.TB, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// mountSmall gives a file system in memory of 256 KiB, or with other options. It is mounted where nobody else sees it, and
// goes with its descriptor.
func mountSmall(t testing.TB, options string, flags uintptr) string {
	t.Helper()
	fd := -1
	onThread(t, func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return fmt.Errorf("make mounts private: %w", err)
		}
		at := t.TempDir()
		if err := unix.Mount("none", at, "tmpfs", flags, options); err != nil {
			return fmt.Errorf("mount: %w", err)
		}
		fd, err = unix.Open(at, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	t.Cleanup(func() { unix.Close(fd) })
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

const smallDisk = "size=256k"

// fill takes all space of a disk but some, and gives back what frees it.
func fillDisk(t testing.TB, folder string, but int) (free func()) {
	t.Helper()
	filler := filepath.Join(folder, "filler")
	if err := os.WriteFile(filler, make([]byte, 256<<10-but), 0o666); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
}

// failures collects what onError is told.
type failures struct {
	sync.Mutex
	all []error
}

func (f *failures) tell(err error) {
	f.Lock()
	defer f.Unlock()
	f.all = append(f.all, err)
}

func (f *failures) count() int {
	f.Lock()
	defer f.Unlock()
	return len(f.all)
}

func putLarge(t testing.TB, w *LogWriter, i int) error {
	t.Helper()
	return w.Write(fmt.Sprint("topic ", i), logPayload, logOrigin.Add(time.Duration(i)*time.Second))
}

func wantSum(t testing.TB, w *LogWriter, sum int) LogWriterStats {
	t.Helper()
	s := w.Stats()
	if int(s.Entries+s.Buffered+s.Dropped) != sum {
		t.Fatalf("of %d entries: %+v", sum, s)
	}
	return s
}

func TestAFullDiskLosesNothingThatFitsInMemory(t *testing.T) {
	for _, o := range []LogOptions{{}, {MaxEntries: 300}} {
		folder := mountSmall(t, smallDisk, 0)
		prefix := filepath.Join(folder, "Imu")
		w := createLog(t, prefix, o)
		var told failures
		w.onError = told.tell
		free := fillDisk(t, folder, 100<<10)
		const n = 500 // 226 kB
		for i := range n {
			if err := putLarge(t, w, i); err != nil {
				t.Fatal(err)
			}
			wantSum(t, w, i+1)
		}
		waitFor(t, func() bool { return w.Stats().Errors > 2 }) // by the timer, too
		s := wantSum(t, w, n)
		wantText(t, s.Err, ErrSystem, "write log "+prefix, ".tmp", "disk is full", "no space left", "df -h "+folder)
		if !errors.Is(s.Err, unix.ENOSPC) || s.Entries == 0 || s.Entries >= n || s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
		wantText(t, w.Flush(), ErrSystem, "disk is full")
		// What is there can be read, and is all that is said to be there.
		r := openLog(t, prefix, LogReadOptions{})
		if got := numbers(t, r); fmt.Sprint(got) != upTo(int(w.Stats().Entries)) || r.Torn() != 0 {
			t.Errorf("%d entries of %d, %d torn", len(got), w.Stats().Entries, r.Torn())
		}
		free()
		waitFor(t, func() bool { return w.Stats().Buffered == 0 })
		if s := wantSum(t, w, n); s.Entries != n || s.Err != nil {
			t.Errorf("%+v", s)
		}
		if uint64(told.count()) != w.Stats().Errors {
			t.Errorf("told of %d failures of %d", told.count(), w.Stats().Errors)
		}
		closeLog(t, w)
		if got := numbers(t, openLog(t, prefix, LogReadOptions{})); fmt.Sprint(got) != upTo(n) {
			t.Errorf("%d entries: %v", len(got), got)
		}
	}
}

func TestMemoryIsBoundedWhileTheDiskIsFull(t *testing.T) {
	folder := mountSmall(t, smallDisk, 0)
	prefix := filepath.Join(folder, "Imu")
	w := createLog(t, prefix, LogOptions{})
	free := fillDisk(t, folder, 64<<10)
	n, dropped := 0, 0
	var why error
	for ; dropped < 1000 && n < 50_000; n++ {
		if err := putLarge(t, w, n); err != nil {
			why = err
			dropped++
		}
	}
	wantText(t, why, ErrSystem, prefix+".tmp", "entry was dropped", "disk is full", "df -h")
	if !errors.Is(why, unix.ENOSPC) {
		t.Errorf("%v", why)
	}
	s := wantSum(t, w, n)
	if s.Dropped != uint64(dropped) || len(w.buf)+len(w.out) > logHeld+2*logBuffer || s.Buffered < 9000 {
		t.Errorf("%+v, %d dropped", s, dropped)
	}
	// Less than all of it fits on this disk, even when it is empty.
	free()
	waitFor(t, func() bool { return w.Stats().Entries > s.Entries+100 })
	s = wantSum(t, w, n)
	lost := s.Buffered
	err := w.Close()
	wantText(t, err, ErrSystem, "close log "+prefix, fmt.Sprintf("could not be written: %d", lost), "disk is full")
	w.tick() // one that was late changes nothing
	if s := wantSum(t, w, n); s.Buffered != 0 || s.Dropped != uint64(dropped)+lost || !errors.Is(s.Err, unix.ENOSPC) {
		t.Errorf("%+v", s)
	}
	r := openLog(t, prefix+".log", LogReadOptions{})
	if got := numbers(t, r); uint64(len(got)) != w.Stats().Entries || fmt.Sprint(got) != upTo(len(got)) || r.Torn() != 0 {
		t.Errorf("%d entries of %d, %d torn", len(got), w.Stats().Entries, r.Torn())
	}
}

func TestAFullDiskIsNotTriedAtEveryEntry(t *testing.T) {
	folder := mountSmall(t, smallDisk, 0)
	w := createLog(t, filepath.Join(folder, "Imu"), LogOptions{})
	w.age = time.Hour
	free := fillDisk(t, folder, 16<<10)
	const n = 400
	for i := range n {
		if err := putLarge(t, w, i); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.Stats(); s.Errors != 1 {
		t.Errorf("%+v", s)
	}
	free()
	if err := w.Flush(); err != nil { // which does not wait
		t.Error(err)
	}
	if s := w.Stats(); s.Err != nil || s.Entries != n {
		t.Errorf("%+v", s)
	}
}

// What a program that is killed has written a second before is there.
func TestAProgramIsKilledWhileItWrites(t *testing.T) {
	const variable, n = "MCL_TEST_LOG_PREFIX", 1000
	if prefix := os.Getenv(variable); prefix != "" {
		w, err := CreateLog(prefix, LogOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			put(t, w, i)
		}
		select {} // neither flushed nor closed
	}
	prefix := filepath.Join(t.TempDir(), "Imu")
	program := exec.Command(os.Args[0], "-test.run=^TestAProgramIsKilledWhileItWrites$")
	program.Env = append(os.Environ(), variable+"="+prefix)
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	read := func() int {
		r, err := OpenLog(prefix, LogReadOptions{})
		if err != nil {
			return 0
		}
		defer r.Close()
		return len(numbers(t, r))
	}
	waitFor(t, func() bool { return read() == n })
	program.Process.Kill()
	program.Wait()
	if got := read(); got != n || files(t, filepath.Dir(prefix)) != "Imu.tmp" {
		t.Errorf("%d entries of %d in %s", got, n, files(t, filepath.Dir(prefix)))
	}
}

func TestADiskThatIsFullFromTheBeginning(t *testing.T) {
	for what, fill := range map[string]func(folder string) (free func()){
		"no space": func(folder string) func() { return fillDisk(t, folder, 0) },
		"no files": func(folder string) func() {
			var made []string
			for i := 0; ; i++ {
				name := filepath.Join(folder, fmt.Sprint("filler", i))
				if err := os.WriteFile(name, nil, 0o666); err != nil {
					break
				}
				made = append(made, name)
			}
			return func() {
				for _, name := range made {
					os.Remove(name)
				}
			}
		},
	} {
		folder := mountSmall(t, smallDisk+",nr_inodes=20", 0)
		free := fill(folder)
		prefix := filepath.Join(folder, "Imu")
		w := createLog(t, prefix, LogOptions{Type: "Imu"})
		put(t, w, 0)
		put(t, w, 1)
		if s := wantSum(t, w, 2); s.Entries != 0 || !errors.Is(s.Err, unix.ENOSPC) {
			t.Errorf("%s: %+v", what, s)
		}
		free()
		waitFor(t, func() bool { return w.Stats().Entries == 2 })
		closeLog(t, w)
		r := openLog(t, prefix, LogReadOptions{})
		if got := numbers(t, r); len(got) != 2 || r.Header() == nil || r.Header().Type != "Imu" {
			t.Errorf("%s: %v, %+v", what, got, r.Header())
		}
	}
}

func TestAFolderThatVanishes(t *testing.T) {
	for _, o := range []LogOptions{{Type: "Imu", Origin: logOrigin}, {Type: "Imu", Origin: logOrigin, MaxEntries: 100}} {
		folder := filepath.Join(t.TempDir(), "recording")
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		prefix := filepath.Join(folder, "Imu")
		w := createLog(t, prefix, o)
		var told failures
		w.onError = told.tell
		put(t, w, 0)
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		put(t, w, 1)
		waitFor(t, func() bool { return told.count() >= 2 })
		wantText(t, told.all[0], ErrSystem, prefix, ".tmp", "file was removed", "begun once its folder is there")
		wantText(t, told.all[1], ErrSystem, prefix, "folder does not exist", "mkdir -p "+folder)
		if s := wantSum(t, w, 2); s.Entries != 1 || s.Buffered != 1 || s.Err == nil || !errors.Is(s.Err, unix.ENOENT) {
			t.Errorf("%+v", s)
		}
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return w.Stats().Entries == 2 })
		put(t, w, 2)
		closeLog(t, w)
		if s := wantSum(t, w, 3); s.Files != 2 || s.Err != nil || s.Dropped != 0 {
			t.Errorf("%+v", s)
		}
		r := openLog(t, prefix, LogReadOptions{})
		if got := numbers(t, r); fmt.Sprint(got) != "[1 2]" || r.Header() == nil || !r.Header().Created.Equal(logOrigin) {
			t.Errorf("%v, %+v", got, r.Header())
		}
		if got, want := files(t, folder), map[bool]string{false: "Imu.log", true: "Imu_001.log"}[w.isSplit()]; got != want {
			t.Errorf("there is %s, want %s", got, want)
		}
	}
}

func TestAFileThatVanishes(t *testing.T) {
	folder := t.TempDir()
	prefix := filepath.Join(folder, "Imu")
	w := createLog(t, prefix, LogOptions{Type: "Imu", MaxEntries: 2})
	for i := range 3 {
		put(t, w, i)
	}
	if err := os.Remove(prefix + "_001.tmp"); err != nil {
		t.Fatal(err)
	}
	put(t, w, 3)
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	put(t, w, 4)
	closeLog(t, w)
	// The gap is told by no error, since nothing of what is there is out of place.
	if got := numbers(t, openLog(t, prefix, LogReadOptions{})); fmt.Sprint(got) != "[0 1 3 4]" {
		t.Errorf("%v of %s", got, files(t, folder))
	}

	// One that was moved away is written on to, and told when it is closed.
	moved := createLog(t, filepath.Join(folder, "Gps"), LogOptions{})
	put(t, moved, 0)
	elsewhere := filepath.Join(folder, "elsewhere")
	if err := os.Rename(filepath.Join(folder, "Gps.tmp"), elsewhere); err != nil {
		t.Fatal(err)
	}
	put(t, moved, 1)
	wantText(t, moved.Close(), ErrSystem, filepath.Join(folder, "Gps.tmp"), "not there any more", "whoever moved it")
	if got := numbers(t, openLog(t, elsewhere, LogReadOptions{})); fmt.Sprint(got) != upTo(2) {
		t.Errorf("%v", got)
	}
}

// A program that is killed leaves its log as it was then. What it had not handed to the system yet is lost.
func TestALogWithoutAnEnd(t *testing.T) {
	folder := t.TempDir()
	prefix := filepath.Join(folder, "Imu")
	w := createLog(t, prefix, LogOptions{MaxEntries: 4})
	for i := range 10 {
		put(t, w, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	last := prefix + "_002.tmp"
	text, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(text) {
		if err := os.WriteFile(last, text[:size], 0o666); err != nil {
			t.Fatal(err)
		}
		r := openLog(t, prefix, LogReadOptions{})
		whole := bytes.Count(text[:size+1], []byte{'\n'}) // the last byte may be missing
		torn := size > 0 && text[size] != '\n' && text[size-1] != '\n'
		if got := numbers(t, r); fmt.Sprint(got) != upTo(8+whole) || (r.Torn() == 1) != torn {
			t.Fatalf("of %d bytes: %v, %d torn", size, got, r.Torn())
		}
		r.Close()
	}
}

func TestAReadOnlyDisk(t *testing.T) {
	folder := mountSmall(t, smallDisk, unix.MS_RDONLY)
	_, err := CreateLog(filepath.Join(folder, "Imu"), LogOptions{})
	wantText(t, err, ErrSystem, "create log "+folder+"/Imu", "read-only", "choose another folder")
	if !errors.Is(err, unix.EROFS) {
		t.Errorf("%v", err)
	}
	_, err = CreateLogDirectory(folder, logOrigin)
	wantText(t, err, ErrSystem, "create log directory in "+folder, "read-only", "choose another folder")
}

// unprivileged runs f without the rights of root.
func unprivileged(t testing.TB, f func()) {
	t.Helper()
	onThread(t, func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			return fmt.Errorf("capset: %w", err)
		}
		f()
		return nil
	})
}

func TestWhatMustNotBeReadOrWritten(t *testing.T) {
	folder := t.TempDir()
	locked, secret := filepath.Join(folder, "locked"), filepath.Join(folder, "secret.log")
	if err := errors.Join(os.Mkdir(locked, 0o555), os.WriteFile(secret, nil, 0)); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		_, err := CreateLog(filepath.Join(locked, "Imu"), LogOptions{})
		wantText(t, err, ErrSystem, "create log "+locked+"/Imu", "permission denied", "ls -ld "+locked)
		_, err = CreateLogDirectory(locked, logOrigin)
		wantText(t, err, ErrSystem, "create log directory in "+locked, "permission denied", "ls -ld")
		_, err = OpenLog(secret, LogReadOptions{})
		wantText(t, err, ErrSystem, "open log "+secret, "permission denied", "ls -ld")
		_, err = OpenLog(filepath.Join(folder, "secret"), LogReadOptions{})
		wantText(t, err, ErrSystem, "open log "+secret, "permission denied")
		_, err = OpenLogDirectory(folder, LogReadOptions{})
		wantText(t, err, ErrSystem, "open log directory "+secret, "permission denied")

		// It is locked after the log was made.
		w, err := CreateLog(filepath.Join(folder, "Gps"), LogOptions{})
		if err == nil {
			err = os.Chmod(folder, 0o555)
		}
		if err != nil {
			t.Error(err)
			return
		}
		put(t, w, 0)
		wantText(t, w.Stats().Err, ErrSystem, "begin log "+folder+"/Gps.tmp", "permission denied")
		wantText(t, w.Close(), ErrSystem, "could not be written: 1")
		os.Chmod(folder, 0o777)
	})
}

func TestADiskThatFailsWhileItIsRead(t *testing.T) {
	// Reading the memory of a process where none is fails with EIO.
	_, err := OpenLog("/proc/self/mem", LogReadOptions{})
	wantText(t, err, ErrSystem, "open log /proc/self/mem", "disk has failed", "dmesg")
	folder := writeFiles(t, "x_000.log", logText("A", 0, "a", 1), "x_002.log", logText("A", -1, "c", 3))
	if err := os.Symlink("/proc/self/mem", filepath.Join(folder, "x_001.log")); err != nil {
		t.Fatal(err)
	}
	r := openLog(t, filepath.Join(folder, "x"), LogReadOptions{})
	var got []string
	for r.Pending() {
		if e, err := r.Next(); err != nil {
			wantText(t, err, ErrSystem, "read log "+folder+"/x_001.log", "disk has failed")
			got = append(got, "failure")
		} else {
			got = append(got, string(e.Topic))
		}
	}
	if fmt.Sprint(got) != "[a0 failure c0]" {
		t.Errorf("%v", got)
	}
}

// withoutSync runs f on a thread whose calls of fsync fail, as those of a disk do that has lost data.
func withoutSync(t testing.TB, f func()) {
	t.Helper()
	onThread(t, func() error {
		filter := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FSYNC, Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EIO)},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		}
		program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no_new_privs: %w", err)
		}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
		f()
		return nil
	})
}

// The last file of a split log may be well, and another not.
func TestCloseTellsOfEachFile(t *testing.T) {
	folder := t.TempDir()
	w := createLog(t, filepath.Join(folder, "Imu"), LogOptions{MaxEntries: 1})
	put(t, w, 0)
	withoutSync(t, func() { put(t, w, 1) })
	put(t, w, 2)
	err := w.Close()
	wantText(t, err, ErrSystem, filepath.Join(folder, "Imu_000.tmp"), "the disk has failed")
	if s := w.Stats(); s.Errors != 1 || s.Entries != 3 || !errors.Is(err, unix.EIO) {
		t.Errorf("%+v, %v", s, err)
	}

	taken := createLog(t, filepath.Join(folder, "Gps"), LogOptions{MaxEntries: 1})
	put(t, taken, 0)
	if err := os.WriteFile(filepath.Join(folder, "Gps_000.log"), []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	put(t, taken, 1)
	wantText(t, taken.Close(), ErrExists, filepath.Join(folder, "Gps_000.tmp"), "exists already")
}

func TestAFileAsLargeAsTheSystemLetsItBe(t *testing.T) {
	err := logFileError("write log", "/data/Imu.tmp", unix.EFBIG)
	wantText(t, err, ErrSystem, "write log /data/Imu.tmp", "file too large", "max_entries", "ulimit -f")
	err = logFileError("write log", "/data/Imu.tmp", unix.EDQUOT)
	wantText(t, err, ErrSystem, "/data/Imu.tmp", "quota")
	err = logFileError("open log", "/data/Imu.log", unix.EMFILE)
	wantText(t, err, ErrDescriptors, "/data/Imu.log", "ulimit -n")
	if !strings.Contains(logFileError("open log", "/data/x", errors.New("odd")).Error(), "odd") {
		t.Error("the cause is missing")
	}
}

// All logs of a directory are open at a time. However many they are, they come in the order of time.
func TestADirectoryOfManyLogs(t *testing.T) {
	const many, entries = 1200, 3
	folder := t.TempDir()
	for i := range many {
		var times []float64
		for k := range entries {
			times = append(times, float64(k*many+(i*7919)%many)/1000)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("T%d.log", i)), []byte(logText("T", 0, "a", times...)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	few := before
	few.Cur = many / 2
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	_, err := OpenLogDirectory(folder, LogReadOptions{})
	wantText(t, err, ErrDescriptors, "each of the 1200 logs in the directory takes a descriptor", "ulimit -n", "may have 600")
	few.Cur = many + 500
	if few.Max < few.Cur {
		t.Skipf("the hard limit of descriptors is %d", few.Max)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	r := openLogs(t, folder, LogReadOptions{})
	for i, e := range readLog(t, r) {
		if want := time.Duration(i) * time.Millisecond; e.elapsed != want {
			t.Fatalf("entry %d is of %v", i, e.elapsed)
		}
	}
	for i, want := range r.Headers() {
		if h, ok := r.HeaderAt(i); !ok || h != want {
			t.Fatalf("header %d: %v, not %v", i, h, want)
		}
	}
	if _, ok := r.HeaderAt(many); ok {
		t.Error("there is one header too many")
	}
}
