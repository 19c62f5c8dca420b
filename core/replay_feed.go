package mcl

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"libmcl/core/internal/notify"
	"libmcl/core/internal/wire"
)

const (
	// feedBytes is how much payload and topic may wait in a feed: 5000 entries of 64 MiB would fill any memory. One entry
	// may always wait.
	feedBytes = 64 << 20
	// feedKeep is how large a slot's memory may be to be used again.
	feedKeep = 4 << 10
)

// A ReplayFeed is a ReplaySource that others fill, by Push, and that one Replay empties. Its methods may be called from any
// goroutine.
type ReplayFeed struct {
	mu      sync.Mutex // protects what follows
	limit   int
	slots   []feedSlot // a ring, which grows to limit
	head, n int
	bytes   int
	round   int // of Reset: who waits to push is told
	ended   bool
	closed  bool
	lent    bool             // Next gave the first entry
	room    chan struct{}    // holds a token when who waits to push should look again
	filled  chan struct{}    // holds a token when who waits in Next should look again
	starved bool             // the replay waits for an entry
	wake    func()           // wakes the replay; nil: the feed has none
	signal  *notify.Notifier // nil until FD is called
	stats   ReplayStats      // Read = Published + Errors + Discarded + Buffered, at every moment
}

type feedSlot struct {
	entry  LogEntry
	memory []byte // of topic and payload
}

// NewReplayFeed makes a feed in which up to length entries may wait; 0: 5000. It holds 64 MiB at most, but always one entry.
func NewReplayFeed(length int) *ReplayFeed {
	if length <= 0 {
		length = replayBufferDefault
	}
	return &ReplayFeed{limit: length, room: make(chan struct{}, 1), filled: make(chan struct{}, 1)}
}

// Push adds a copy of an entry, and waits while the feed is full. The errors are ErrFormat (the payload is not exactly one
// msgpack object), ErrTimeout, wrapping ctx.Err(), when ctx is over, and ErrClosed after End, or when the replay is stopped
// or closed meanwhile.
func (f *ReplayFeed) Push(ctx context.Context, entry *LogEntry) error {
	if err := checkEntry(entry); err != nil {
		return err
	}
	err := f.push(ctx.Done(), entry)
	if errors.Is(err, errNotPushed) {
		return &OpError{Op: "push to replay", Kind: ErrTimeout, Detail: "it is full", Err: ctx.Err(),
			Remedy: "start it, or wait longer"}
	}
	return err
}

// TryPush adds a copy of an entry, unless the feed is full: then it returns false. The errors are those of Push.
func (f *ReplayFeed) TryPush(entry *LogEntry) (bool, error) {
	if err := checkEntry(entry); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || f.closed {
		return false, errEnded()
	}
	return f.put(entry), nil
}

func checkEntry(entry *LogEntry) error {
	const op = "push to replay"
	if entry == nil {
		return &OpError{Op: op, Kind: ErrInvalid, Detail: "the entry is nil", Remedy: "give one"}
	}
	if _, cause := wire.ScanOne(entry.Payload); cause != wire.OK {
		return formatError(op, entry.Type, cause)
	}
	return nil
}

func errEnded() error {
	return &OpError{Op: "push to replay", Kind: ErrClosed, Detail: "its end was told, or it was stopped",
		Remedy: "start it again before more is pushed"}
}

var errNotPushed = errors.New("not pushed")

// push is Push until over is closed: then it is errNotPushed.
func (f *ReplayFeed) push(over <-chan struct{}, entry *LogEntry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for round := f.round; ; {
		if f.ended || f.closed || round != f.round {
			token(f.room) // others may wait as well
			return errEnded()
		}
		if f.put(entry) {
			if !f.full() {
				token(f.room)
			}
			return nil
		}
		f.mu.Unlock()
		select {
		case <-f.room:
			f.mu.Lock()
		case <-over:
			f.mu.Lock()
			token(f.room) // perhaps it was this one that it was for
			return errNotPushed
		}
	}
}

func (f *ReplayFeed) full() bool { return f.n >= f.limit || f.bytes >= feedBytes }

// put adds a copy of an entry if there is room. mu is held.
func (f *ReplayFeed) put(entry *LogEntry) bool {
	size := len(entry.Topic) + len(entry.Payload)
	if f.n > 0 && (f.full() || f.bytes+size > feedBytes) {
		f.fullSignal()
		return false
	}
	if f.n == len(f.slots) {
		f.grow()
	}
	slot := &f.slots[(f.head+f.n)%len(f.slots)]
	slot.memory = append(append(slot.memory[:0], entry.Payload...), entry.Topic...)
	slot.entry = *entry
	n := len(entry.Payload)
	slot.entry.Payload, slot.entry.Topic = slot.memory[:n:n], slot.memory[n:]
	f.n++
	f.bytes += size
	f.stats.Read++
	if f.full() {
		f.fullSignal()
	}
	token(f.filled)
	f.rouse()
	return true
}

func (f *ReplayFeed) fullSignal() {
	if f.signal != nil {
		f.signal.Clear()
	}
}

// rouse wakes the replay where it waits for an entry. mu is held.
func (f *ReplayFeed) rouse() {
	if f.starved {
		f.starved = false
		f.wake()
	}
}

func (f *ReplayFeed) grow() {
	bigger := make([]feedSlot, min(f.limit, max(16, 2*len(f.slots))))
	for i := range f.n {
		bigger[i] = f.slots[(f.head+i)%len(f.slots)]
	}
	f.slots, f.head = bigger, 0
}

// first gives the entry that is to be published next; it stays in the feed, and valid, until drop. ended: none will come.
func (f *ReplayFeed) first() (entry *LogEntry, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n > 0 {
		return &f.slots[f.head].entry, false
	}
	f.starved = !f.ended
	return nil, f.ended
}

// next is the recorded time of what first gives; nil: of nothing.
func (f *ReplayFeed) next() *time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == 0 {
		return nil
	}
	elapsed := f.slots[f.head].entry.Elapsed
	return &elapsed
}

// drop removes the first entry and counts what became of it.
func (f *ReplayFeed) drop(counter *uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove()
	*counter++
}

func (f *ReplayFeed) remove() {
	slot := &f.slots[f.head]
	f.bytes -= len(slot.entry.Topic) + len(slot.entry.Payload)
	slot.entry = LogEntry{}
	if cap(slot.memory) > feedKeep {
		slot.memory = nil
	}
	f.head = (f.head + 1) % len(f.slots)
	f.n--
	token(f.room)
	if f.signal != nil && !f.full() {
		f.signal.Set()
	}
}

// bad counts an entry that could not be read.
func (f *ReplayFeed) bad() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Read++
	f.stats.Errors++
}

// End says that nothing more comes: when all is published, the replay is finished. Stopping it, or starting it anew, takes
// that back.
func (f *ReplayFeed) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.tell()
}

// tell wakes everybody. mu is held.
func (f *ReplayFeed) tell() {
	token(f.room)
	token(f.filled)
	f.rouse()
	if f.signal != nil {
		f.signal.Set()
	}
}

// reset discards what waits and takes the end back.
func (f *ReplayFeed) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Discarded += uint64(f.n)
	for f.n > 0 {
		f.remove()
	}
	f.slots, f.head, f.ended, f.lent, f.starved = nil, 0, f.closed, false, false
	f.round++
	f.tell()
}

// shut refuses what more is pushed, for good.
func (f *ReplayFeed) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.closed = true, true
	f.tell()
}

// Next waits for the next entry, which is lent until the next call; io.EOF when there will be none. It is for who uses a feed
// without a replay: ErrBusy when one has it.
func (f *ReplayFeed) Next() (*LogEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wake != nil {
		return nil, &OpError{Op: "read feed", Kind: ErrBusy, Detail: "a replay has it", Remedy: "let the replay have the entries"}
	}
	if f.lent {
		f.lent = false
		f.remove()
		f.stats.Published++
	}
	for f.n == 0 {
		if f.ended {
			token(f.filled) // others may wait as well
			return nil, io.EOF
		}
		f.mu.Unlock()
		<-f.filled
		f.mu.Lock()
	}
	f.lent = true
	return &f.slots[f.head].entry, nil
}

// Len is the number of entries that wait.
func (f *ReplayFeed) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *ReplayFeed) counters() ReplayStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Buffered = uint64(f.n)
	return s
}

// FD returns a descriptor that poll(2) reports readable while there is room, and for good after End or when the replay is
// closed. It is only to be polled. It stays open until Release.
func (f *ReplayFeed) FD() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signal == nil {
		n, err := notify.New()
		if err != nil {
			return -1, systemError("get descriptor of replay", "", err)
		}
		f.signal = n
		if !f.full() || f.ended {
			f.signal.Set()
		}
	}
	return f.signal.FD(), nil
}

// Release closes the descriptor that FD gave, once nobody polls it any more.
func (f *ReplayFeed) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signal != nil {
		f.signal.Close()
	}
}
