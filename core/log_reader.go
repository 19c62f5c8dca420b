package mcl

// A LogReader reads a log, or all logs of a directory.
type LogReader struct{}

// OpenLog opens a log.
func OpenLog(path string, o LogReadOptions) (*LogReader, error) { return nil, unwritten("open log") }

// Next returns the next entry.
func (r *LogReader) Next() (*LogEntry, error) { return nil, unwritten("read log") }

// Pending tells whether there is another entry.
func (r *LogReader) Pending() bool { return false }

// Reset goes back to the beginning.
func (r *LogReader) Reset() error { return unwritten("reset log") }

// Header returns the log's header.
func (r *LogReader) Header() *LogHeader { return nil }

// Headers returns the headers of all logs.
func (r *LogReader) Headers() []LogHeader { return nil }

// Torn counts entries cut short.
func (r *LogReader) Torn() uint64 { return 0 }

// Close closes the files.
func (r *LogReader) Close() error { return nil }
