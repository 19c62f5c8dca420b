// Package queue is the ring between receiving and delivering.
//
// The receiving side owns a [Writer], which copies small payloads into shared chunks without any lock; only putting
// the finished entries into the ring takes one. Entries leave in order. The ring grows to its limit as it is needed and
// shrinks when it is empty; chunks go back to their pool with the last entry in them.
package queue

import (
	"net/netip"

	"libmcl/core/internal/buf"
)

// An Entry is one message. Its slices lie in Owner, whose reference the holder of the entry must give back.
type Entry struct {
	Topic     []byte
	HasTopic  bool
	Payload   []byte
	Time      int64
	From      netip.AddrPort
	Interface int
	Datagrams int // that it travelled in
	Owner     *buf.Buf
}

// Size is the bytes that count against a Ring's limit.
func (e *Entry) Size() int64 { return int64(len(e.Payload) + len(e.Topic)) }

// A Policy says what happens to an entry beyond the limit.
type Policy int

const (
	DropOldest Policy = iota + 1
	DropNewest
	Block
)

// A Ring is a queue with a limit in entries and bytes. It is not locked: its user has counters that must change
// together with it.
type Ring struct {
	MaxEntries int
	MaxBytes   int64
	Policy     Policy

	entries []Entry // a power of two long
	head    int
	n       int
	bytes   int64
}

// minRing is what an idle ring keeps.
const minRing = 64

// Len is the number of entries, Bytes the size of their topics and payloads.
func (r *Ring) Len() int     { return r.n }
func (r *Ring) Bytes() int64 { return r.bytes }

// full tells whether an entry of this size is beyond the limit. One entry always fits, whatever its size.
func (r *Ring) full(size int64) bool {
	return r.n > 0 && (r.n >= r.MaxEntries || r.bytes+size > r.MaxBytes)
}

// Put takes e, or applies the policy: dropped is the number of entries lost, e among them under DropNewest. ok is false
// under Block when there is no room: then e is still the caller's.
func (r *Ring) Put(e Entry) (dropped int, ok bool) {
	for r.full(e.Size()) {
		switch r.Policy {
		case Block:
			return dropped, false
		case DropNewest:
			e.Owner.Release()
			return dropped + 1, true
		}
		old, _ := r.Take()
		old.Owner.Release()
		dropped++
	}
	r.grow()
	r.entries[(r.head+r.n)&(len(r.entries)-1)] = e
	r.n++
	r.bytes += e.Size()
	return dropped, true
}

// Take removes the oldest entry.
func (r *Ring) Take() (e Entry, ok bool) {
	if r.n == 0 {
		return e, false
	}
	p := &r.entries[r.head]
	e, *p = *p, Entry{}
	r.head = (r.head + 1) & (len(r.entries) - 1)
	r.n--
	r.bytes -= e.Size()
	if r.n == 0 && len(r.entries) > 1024 {
		r.entries, r.head = nil, 0
	}
	return e, true
}

// PutBack returns an entry that Take gave to the head, past every limit.
func (r *Ring) PutBack(e Entry) {
	r.grow()
	r.head = (r.head - 1) & (len(r.entries) - 1)
	r.entries[r.head] = e
	r.n++
	r.bytes += e.Size()
}

func (r *Ring) grow() {
	if r.n < len(r.entries) {
		return
	}
	bigger := make([]Entry, max(minRing, 2*len(r.entries)))
	for i := range r.n {
		bigger[i] = r.entries[(r.head+i)&(len(r.entries)-1)]
	}
	r.entries, r.head = bigger, 0
}

const (
	chunkSize = 1 << 16
	// copyMax is up to where a payload is copied into a chunk; a larger one keeps the buffer it was received into, of which
	// it fills half at least.
	copyMax = 32 << 10
)

// A Writer turns what was received into entries that own their memory. It is used by one goroutine.
type Writer struct {
	chunk *buf.Buf
	used  int
}

// Own makes e the owner of its bytes, which lie in source, where they were received; nil: in memory that must be copied. An entry that has an Owner is left as it
// is: nothing else writes to its bytes.
func (w *Writer) Own(e *Entry, source *buf.Buf) {
	switch {
	case e.Owner != nil:
	case len(e.Payload) >= copyMax && source != nil:
		source.Retain()
		e.Owner = source
	default:
		w.copy(e)
	}
}

func (w *Writer) copy(e *Entry) {
	size := len(e.Payload) + len(e.Topic)
	owner := w.chunk
	switch {
	case size > chunkSize/2:
		owner = buf.Get(size) // a long topic
		b := owner.Bytes()[:0:size]
		e.place(b)
		e.Owner = owner
		return
	case owner == nil || chunkSize-w.used < size:
		w.Close()
		owner = buf.Get(chunkSize)
		w.chunk = owner
	}
	e.place(owner.Bytes()[w.used : w.used : w.used+size])
	w.used += size
	owner.Retain()
	e.Owner = owner
}

func (e *Entry) place(b []byte) {
	b = append(append(b, e.Payload...), e.Topic...)
	n := len(e.Payload)
	e.Payload, e.Topic = b[:n:n], b[n:]
}

// Close lets go of the current chunk; an idle listener holds none.
func (w *Writer) Close() {
	if w.chunk != nil {
		w.chunk.Release()
	}
	w.chunk, w.used = nil, 0
}
