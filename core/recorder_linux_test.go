package mcl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fullDisk makes a disk of some size and fills it; what it returns makes room.
func fullDisk(t *testing.T, size string) (path string, makeRoom func()) {
	t.Helper()
	path = mountSmall(t, "size="+size, 0)
	ballast := filepath.Join(path, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return path, func() { os.Remove(ballast) }
}

func TestRecordingOutlivesAFullDisk(t *testing.T) {
	folder, makeRoom := fullDisk(t, "16m")
	conn, prefix := newConnection(), filepath.Join(folder, "log")
	var told errorsOf
	r := record(t, prefix, conn, RecordOptions{OnError: told.add})
	hurry(r)
	b := dial(t, nil, conn, BroadcasterOptions{})
	payload := pack(make([]byte, 30_000))
	sent, begin := uint64(0), time.Now()
	recorded(t, r, func(w RecorderStats, l ListenerStats) bool { // beyond what memory may hold
		if l.Delivered == sent { // no faster than it is taken
			if err := b.PublishPacked(nil, payload); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		return w.Dropped > 10 && w.Errors > 5
	})
	w, _ := recorded(t, r, func(w RecorderStats, l ListenerStats) bool { return l.Delivered == sent })
	if !errors.Is(w.Err, unix.ENOSPC) || w.Entries != 0 {
		t.Errorf("%+v", w)
	}
	makeRoom()
	recorded(t, r, func(w RecorderStats, l ListenerStats) bool { return w.Err == nil && w.Entries > 0 })
	publish(t, b, "", "after all")
	sent++
	recorded(t, r, func(w RecorderStats, l ListenerStats) bool { return l.Delivered == sent })
	err := r.Close()
	w = r.Stats()
	if want := fmt.Sprintf("%d messages of %d could not be written", w.Dropped, sent); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	all := told.take()
	if len(all) == 0 || !errors.Is(all[0], unix.ENOSPC) || !strings.Contains(all[0].Error(), prefix) {
		t.Errorf("told %v", all)
	}
	if most := 1 + int(time.Since(begin)/time.Second); len(all) > most {
		t.Errorf("told %d times, of %d failures", len(all), w.Errors)
	}
	entries := readLog(t, openLog(t, prefix+".log", LogReadOptions{}))
	if len(entries) != int(w.Entries) || w.Entries+w.Dropped != sent || entries[len(entries)-1].payload != fmt.Sprintf("%x", pack("after all")) {
		t.Errorf("%d entries, %+v", len(entries), w)
	}
}

func TestClosingOnAFullDisk(t *testing.T) {
	folder, _ := fullDisk(t, "64k")
	conn := newConnection()
	r := record(t, filepath.Join(folder, "log"), conn, RecordOptions{OnError: func(error) {}})
	b := dial(t, nil, conn, BroadcasterOptions{})
	for i := range 10 {
		publish(t, b, "", i)
	}
	err := r.Close()
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "10 messages of 10 could not be written") {
		t.Error(err)
	}
	if w, _ := recorded(t, r, func(RecorderStats, ListenerStats) bool { return true }); w.Dropped != 10 {
		t.Errorf("%+v", w)
	}
}

func TestOnErrorMayCloseItsRecorder(t *testing.T) {
	folder, _ := fullDisk(t, "64k")
	conn := newConnection()
	closed := make(chan error, 10)
	ready := make(chan struct{})
	var r *Recorder
	r = record(t, filepath.Join(folder, "log"), conn,
		RecordOptions{OnError: func(error) { <-ready; closed <- r.Close(); panic("a defect") }})
	close(ready)
	publish(t, dial(t, nil, conn, BroadcasterOptions{}), "", 1)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	<-r.logs[0].done
}
