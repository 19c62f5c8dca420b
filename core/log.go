package mcl

import "time"

// LogHeader is the header of a log file.
type LogHeader struct {
	Text     string    // its lines, as they stand in the file
	End      int64     // offset in bytes at which the entries begin
	Version  string    // of the format
	Revision string    // of the recording program's source, say; may be empty
	Created  time.Time // the time origin that elapsed times count from: UTC, to the microsecond
	Type     string    // name of the message type; empty: raw data
}

// LogOptions says what CreateLog is to write. The zero value is one file of raw data.
type LogOptions struct {
	Type       string        // name of the message type; empty: raw data
	Revision   string        // of the recording program's source, say; may be empty
	Origin     time.Time     // elapsed times count from it; zero: the first entry's time
	MaxEntries int           // a new file after so many entries; 0: never
	MaxTime    time.Duration // a new file after so much time of data; 0: never
}

// LogReadOptions selects what is read. The zero value is everything.
type LogReadOptions struct {
	MinTime, MaxTime *time.Duration // elapsed; both ends are included; nil: open
	RefuseRaw        bool           // directories: a log of raw data is an error; false: it is skipped
}

// A LogEntry is one message of a log.
type LogEntry struct {
	Elapsed time.Duration // since the log's time origin
	Topic   []byte        // empty: none
	Payload []byte        // exactly one msgpack object
	Type    string        // name of the message type of its log; empty: raw data
	File    string        // that it was read from
	Line    int           // in File, from 1
}

func unwritten(op string) error {
	return &OpError{Op: op, Kind: ErrInternal, Detail: "not written yet"}
}
