package logfile

import (
	"fmt"
	"strings"
	"time"
)

// A Header is the header of a log.
type Header struct {
	Text     string // its lines, as they stand in the file
	End      int64  // offset in bytes at which the entries begin
	Version  string
	Revision string    // may be empty
	Created  time.Time // the origin of the entries' times: UTC, to the microsecond
	Type     string    // name of the message type; empty: raw data
}

// rawType stands for the type of raw data.
const rawType = "None"

// createdLayout reads with and without a fraction; the legacy system writes none when it is zero.
const createdLayout = "2006-01-02 15:04:05"

var frame = "#" + strings.Repeat("-", 65)

// AppendHeader appends the header of a log. Lines and their order are those of the legacy system, its explanation is not.
func AppendHeader(dst []byte, h *Header) []byte {
	created := h.Created.UTC()
	layout := createdLayout
	if created.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	name := h.Type
	if name == "" {
		name = rawType
	}
	return fmt.Appendf(dst, `%s
# MCL_LOG
#     -- version     %s
#     -- revision    %s
#     -- created     %s
#
# One line stands for one message, in the order in which they were
# received. From left to right it holds:
#
#     1) when the message was received, in seconds since the time
#        above, which is in UTC;
#     2) its topic, between quotes;
#     3) its payload: msgpack, in hexadecimal.
#
# These are messages of the type
#
#      >>> %s
#
#     <Time>    <Topic>     <Payload>
%s
`, frame, Version, h.Revision, created.Format(layout), name, frame)
}

// CheckHeader tells what is wrong with a revision and a type's name: what cannot be read back; or "".
func CheckHeader(revision, typeName string) (problem, remedy string) {
	switch {
	case strings.Contains(revision, "\n"):
		return "the revision holds a line feed", "give it in one line, without the line feed that ends a command's output"
	case strings.Contains(typeName, "\n"), typeName != strings.TrimSpace(typeName):
		return fmt.Sprintf("the type's name %q holds a line feed, or begins or ends with a blank", typeName), "choose another"
	case typeName == rawType:
		return `the type's name is "` + rawType + `", which stands for raw data in a log`, "choose another"
	}
	return "", ""
}

func isFrame(line string) bool {
	return len(line) >= 4 && line[0] == '#' && strings.Trim(line[1:], "-") == ""
}

// parseHeader reads all but the frame and the end of a header from its text.
func parseHeader(text string) (*Header, *FormatError) {
	h := &Header{Text: text, End: int64(len(text))}
	marked, created, typed := false, "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		key, value := line, ""
		if rest, found := strings.CutPrefix(line, "-- "); found {
			key, value, _ = strings.Cut(strings.TrimSpace(rest), " ")
			value = strings.TrimSpace(value)
		} else if rest, found := strings.CutPrefix(line, ">>>"); found {
			key, value = ">>>", strings.TrimSpace(rest)
		}
		switch key {
		case "MCL_LOG":
			marked = true
		case "version":
			h.Version = value
		case "revision":
			h.Revision = value
		case "created":
			created = value
		case ">>>":
			if h.Type = value; value == rawType {
				h.Type = ""
			}
			typed = value != ""
		}
	}
	missing := func(what string) *FormatError {
		return &FormatError{Line: 1, Detail: "the header tells no " + what, Remedy: "mend it after another log's"}
	}
	switch {
	case !marked:
		return nil, &FormatError{Line: 2, Detail: "the header is none of a log: there is no MCL_LOG in it", Remedy: "give a log file"}
	case h.Version == "":
		return nil, missing("version")
	case h.Version != Version:
		return nil, &FormatError{Line: 3, Detail: fmt.Sprintf("it is of version %s; this reads %s", quote([]byte(h.Version)), Version),
			Remedy: "read it with the program that wrote it, or a newer library"}
	case created == "":
		return nil, missing("time of creation")
	case !typed:
		return nil, missing("message type")
	}
	at, err := time.Parse(createdLayout, created)
	if err != nil {
		return nil, &FormatError{Line: 5, Detail: fmt.Sprintf("%s is no time of creation", quote([]byte(created))),
			Remedy: `write it as "YYYY-MM-DD HH:MM:SS.ffffff"`}
	}
	h.Created = at.Truncate(time.Microsecond)
	return h, nil
}
