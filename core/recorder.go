package mcl

// RecordOptions are the options of Record and RecordNetwork. The zero value is the default.
type RecordOptions struct {
	Log      LogOptions      // Type is taken from Listener.Type where it is empty
	Listener ListenerOptions // topics, type and limits of the queue; Queued is of no meaning

	// OnError is told of what fails while recording goes on, at most once a second of each kind. The default prints to
	// stderr, once until it works again.
	OnError func(error)
}

// RecorderStats counts what a Recorder did, as LogWriterStats does: of one log, or summed.
type RecorderStats = LogWriterStats

// A Recorder writes what arrives on connections to logs.
type Recorder struct{}

// Record writes the messages of one connection to one log.
func Record(prefix string, conn Connection, o RecordOptions) (*Recorder, error) {
	return nil, unwritten("record")
}

// RecordNetwork writes the messages of each type to a log of its own, all in one directory.
func RecordNetwork(root string, types []*Type, o RecordOptions) (*Recorder, error) {
	return nil, unwritten("record")
}

// Directory is the folder that holds the logs.
func (r *Recorder) Directory() string { return "" }

// Stats returns the counters of all logs, summed.
func (r *Recorder) Stats() RecorderStats { return RecorderStats{} }

// ListenerStats returns the counters of all listeners, summed.
func (r *Recorder) ListenerStats() ListenerStats { return ListenerStats{} }

// Logs is the number of logs.
func (r *Recorder) Logs() int { return 0 }

// LogStats returns the counters of one log and its listener, taken at once; -1: of all, summed.
func (r *Recorder) LogStats(i int) (RecorderStats, ListenerStats) {
	return RecorderStats{}, ListenerStats{}
}

// Close ends the recording.
func (r *Recorder) Close() error { return unwritten("close recorder") }
