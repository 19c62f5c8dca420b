package mcl

import "time"

// OpenLogDirectory merges the logs of a directory.
func OpenLogDirectory(path string, o LogReadOptions) (*LogReader, error) {
	return nil, unwritten("open log directory")
}

// CreateLogDirectory makes a directory for the logs of a recording.
func CreateLogDirectory(root string, origin time.Time) (string, error) {
	return "", unwritten("create log directory")
}
