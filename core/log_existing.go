package mcl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LogExisting says what becomes of a log that has the prefix of a new one. A .tmp of the prefix (of a split log: of its first
// file), which may be in use, is refused by all of them.
type LogExisting int

const (
	// LogRefuse has CreateLog fail with ErrExists.
	LogRefuse LogExisting = logRefuse
	// LogMove moves the old log out of the way when the new one takes its name: all of its files get ".1" behind theirs, or the
	// next number that is free, so that none takes them for a log. That is told once: by Complain, or a recorder's OnError.
	LogMove LogExisting = logMove
	// LogContinue goes on with the log, by the time origin in its header: a split log with its next file, which has no header;
	// another in its file, which is called .tmp again meanwhile. ErrType: it is of another type. ErrFormat: it has no header,
	// or ends amid a line. Where there is no log, one is begun.
	LogContinue LogExisting = logContinue
)

// checkPlace tells what would keep a file from being made, and sees to a log that has the name.
func (w *LogWriter) checkPlace(op string) error {
	folder := filepath.Dir(w.prefix)
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	if err != nil {
		return folderError(op, w.prefix, err)
	}
	if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
		return logFileError(op, w.prefix, err)
	}
	if _, err := os.Lstat(w.prefix + "_000000" + logDone); errors.Is(err, unix.ENAMETOOLONG) {
		return logFileError(op, w.prefix, err)
	}
	if info, err := os.Stat(w.prefix); err == nil && info.IsDir() {
		return &OpError{Op: op, On: w.prefix, Kind: ErrExists, Err: unix.EISDIR, Detail: "it is a folder",
			Remedy: "choose another name, or add one: " + filepath.Join(w.prefix, "NAME")}
	}
	for i, path := range []string{w.prefix, w.prefix + "_000"} {
		own := w.isSplit() == (i == 1) // it would be this log's
		if err := checkNew(op, path, w.opts.Existing == LogMove || w.opts.Existing == LogContinue && own); err != nil {
			return err
		}
	}
	if w.opts.Existing == LogMove {
		return nil
	}
	var files []piece
	if w.isSplit() {
		if files, err = findPieces(w.prefix); err != nil {
			return logFileError(op, folder, err)
		}
	} else if _, err := os.Lstat(w.prefix + logDone); err == nil {
		files = []piece{{path: w.prefix + logDone}}
	}
	if len(files) == 0 {
		return nil
	}
	for _, p := range files {
		if p.writing || w.opts.Existing == LogRefuse {
			return logFileError(op, p.path, unix.EEXIST)
		}
	}
	return w.resume(op, files)
}

// checkNew tells whether PATH.tmp is there, or, unless that may be, PATH.log.
func checkNew(op, path string, mayBe bool) error {
	finishLinking(path)
	ends := []string{logDone, logWriting}
	if mayBe {
		ends = ends[1:]
	}
	for _, end := range ends {
		if _, err := os.Lstat(path + end); err == nil {
			return logFileError(op, path+end, unix.EEXIST)
		}
	}
	return nil
}

// resume prepares to go on with a log.
func (w *LogWriter) resume(op string, files []piece) error {
	first, last := files[0].path, files[len(files)-1]
	r, err := OpenLog(first, LogReadOptions{OnDescriptor: w.opts.OnDescriptor})
	if err != nil {
		return err
	}
	h := r.Header()
	r.Close()
	whole, err := endsWithLine(last.path)
	switch {
	case err != nil:
		return logFileError(op, last.path, err)
	case h == nil:
		return &OpError{Op: op, On: first, Kind: ErrFormat, Detail: "it has no header, so it cannot be gone on with", Remedy: "choose another prefix"}
	case h.Type != w.opts.Type:
		return &OpError{Op: op, On: first, Kind: ErrType, Detail: fmt.Sprintf("it is a log of %s, not of %s", typeText(h.Type), typeText(w.opts.Type)),
			Remedy: "choose another prefix"}
	case !whole:
		return &OpError{Op: op, On: last.path, Kind: ErrFormat, Detail: "it ends amid a line", Remedy: "delete that line, or choose another prefix"}
	}
	w.origin, w.hasOrigin = h.Created.UnixMicro(), true
	w.begun, w.appends, w.number = true, !w.isSplit(), last.number+1
	return nil
}

func typeText(name string) string {
	if name == "" {
		return "raw data"
	}
	return name
}

func endsWithLine(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() == 0 {
		return true, nil
	}
	var end [1]byte
	_, err = file.ReadAt(end[:], info.Size()-1)
	return end[0] == '\n', err
}

// moveOld moves the old log out of the way, where that is wanted, before the first file takes its name.
func (w *LogWriter) moveOld() error {
	if w.opts.Existing != LogMove || w.owns {
		return nil
	}
	folder, base := filepath.Split(w.prefix)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	// ofLog tells whether a file is one of this prefix. A log that is not split has others only if one is the first.
	_, none := os.Lstat(w.prefix + "_000" + logDone)
	ofLog := func(name string) bool {
		stem, _, isPiece := cutPiece(name)
		return name == base+logDone || isPiece && stem == base && (w.isSplit() || none == nil)
	}
	var old []string
	number := 1
	for _, e := range entries {
		name := e.Name()
		if ofLog(name) && !e.IsDir() && filepath.Join(folder, name) != w.path {
			old = append(old, name)
		}
		end := filepath.Ext(name)
		if n, err := strconv.Atoi(strings.TrimPrefix(end, ".")); err == nil && ofLog(strings.TrimSuffix(name, end)) {
			number = max(number, n+1)
		}
	}
	slices.Sort(old)
	for _, name := range slices.Backward(old) { // so that what is left, should it end amid this, begins with the first file
		to := fmt.Sprintf("%s.%d", name, number)
		if err := renameNew(filepath.Join(folder, name), filepath.Join(folder, to)); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
		w.moved = &OpError{Op: "close log", On: filepath.Join(folder, name), Kind: ErrExists,
			Detail: "an older log had this name, and is called " + to + " now", Remedy: "choose another prefix for each log to keep their names"}
	}
	w.owns = true
	return nil
}
