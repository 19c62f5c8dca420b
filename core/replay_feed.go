package mcl

import "context"

// A ReplayFeed is a source that others fill.
type ReplayFeed struct{}

// NewReplayFeed makes a feed that holds up to length entries.
func NewReplayFeed(length int) *ReplayFeed { return &ReplayFeed{} }

// Push adds a copy of an entry, and waits while the feed is full.
func (f *ReplayFeed) Push(ctx context.Context, entry *LogEntry) error { return unwritten("push to replay") }

// TryPush adds a copy of an entry, unless the feed is full.
func (f *ReplayFeed) TryPush(entry *LogEntry) (bool, error) { return false, unwritten("push to replay") }

// End says that nothing more comes.
func (f *ReplayFeed) End() {}

// Next waits for the next entry.
func (f *ReplayFeed) Next() (*LogEntry, error) { return nil, unwritten("replay") }

// Len is the number of entries that wait.
func (f *ReplayFeed) Len() int { return 0 }
