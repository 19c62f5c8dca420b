package mcl

import (
	"context"
	"time"
)

// A ReplaySource gives the entries of a replay, in order: a *LogReader, a *ReplayFeed, or your own.
type ReplaySource interface {
	Next() (*LogEntry, error)
}

// ReplayOptions are the options of NewReplay. The zero value is the default.
type ReplayOptions struct {
	Buffer  int                        // entries read ahead; default 5000
	Targets map[string]*RawBroadcaster // by LogEntry.Type
	OnError func(error)
}

// A ReplayState says what a Replay is doing.
type ReplayState int

const (
	ReplayStopped  ReplayState = 0
	ReplayRunning  ReplayState = 1
	ReplayPaused   ReplayState = 2
	ReplayFinished ReplayState = 3 // the source has ended, and all is published
)

// ReplayStats counts what a replay did.
type ReplayStats struct {
	Read      uint64        // entries
	Published uint64        // entries
	Errors    uint64        // bad lines, and entries that could not be published
	Buffered  uint64        // entries read and not published yet
	LateMax   time.Duration // by how much the latest publish came after its time
}

// A Replay publishes the entries of a source with their recorded timing.
type Replay struct{}

// NewReplay makes a replay, which Start begins.
func NewReplay(source ReplaySource, speed float64, o ReplayOptions) (*Replay, error) {
	return nil, unwritten("open replay")
}

// Start begins, or goes on after Pause.
func (r *Replay) Start() (bool, error) { return false, unwritten("start replay") }

// Pause makes recorded time stand still.
func (r *Replay) Pause() bool { return false }

// Stop ends the replay.
func (r *Replay) Stop() bool { return false }

// SetSpeed changes the speed.
func (r *Replay) SetSpeed(speed float64) error { return unwritten("set speed of replay") }

// Speed returns the speed.
func (r *Replay) Speed() float64 { return 0 }

// State returns what the replay is doing.
func (r *Replay) State() ReplayState { return ReplayStopped }

// Pending tells whether anything is left to be published.
func (r *Replay) Pending() bool { return false }

// Wait waits until the replay is finished or stopped.
func (r *Replay) Wait(ctx context.Context) error { return unwritten("wait for replay") }

// Stats returns the counters.
func (r *Replay) Stats() ReplayStats { return ReplayStats{} }

// Close stops the replay and closes what it opened.
func (r *Replay) Close() error { return unwritten("close replay") }
