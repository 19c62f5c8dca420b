package mcl

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const logVectors = "../tests/vectors/logs"

type logVector struct {
	Header  *map[string]*string
	Entries []struct {
		Elapsed float64 `json:"elapsed_time"`
		Topic   string
		Payload string `json:"payload_msgpack"`
	}
}

func (v *logVector) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, &v.Entries)
	}
	type plain logVector
	return json.Unmarshal(text, (*plain)(v))
}

// logged is a LogEntry that is kept.
type logged struct {
	elapsed        time.Duration
	topic, payload string
	typ            string
}

// readLog reads what is left in a log, and checks that Pending tells what Next does.
func readLog(t testing.TB, r *LogReader) (all []logged) {
	t.Helper()
	for {
		pending := r.Pending()
		e, err := r.Next()
		if pending != (err != io.EOF) {
			t.Fatalf("pending %v, but %v", pending, err)
		}
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, logged{e.Elapsed, string(e.Topic), hex.EncodeToString(e.Payload), e.Type})
	}
}

func openLog(t testing.TB, path string, o LogReadOptions) *LogReader {
	t.Helper()
	r, err := OpenLog(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func openLogs(t testing.TB, path string, o LogReadOptions) *LogReader {
	t.Helper()
	r, err := OpenLogDirectory(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// unpacked gives the value of hexadecimal msgpack: the payloads of the vectors were packed again, in another order of keys.
func unpacked(t *testing.T, text string) any {
	packed, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decodeAny(packed)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func pointTo(d time.Duration) *time.Duration { return &d }

func TestLegacyLogsAreReadAsTheLegacyReaderReadsThem(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(logVectors, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]logVector
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) < 7 {
		t.Fatalf("only %d vectors", len(expected))
	}
	for name, want := range expected {
		t.Run(name, func(t *testing.T) {
			var r *LogReader
			switch name {
			case "Imu.log min_time=0.2 max_time=0.5":
				r = openLog(t, filepath.Join(logVectors, "Imu.log"), LogReadOptions{MinTime: pointTo(200 * time.Millisecond),
					MaxTime: pointTo(500 * time.Millisecond)})
			case "directory (Imu + Gps merged)":
				r = openLogs(t, logVectors, LogReadOptions{})
			case "split/Imu (all)":
				r = openLog(t, filepath.Join(logVectors, "split/Imu"), LogReadOptions{})
			default:
				r = openLog(t, filepath.Join(logVectors, name), LogReadOptions{})
			}
			for round := range 2 {
				got := readLog(t, r)
				if len(got) != len(want.Entries) || len(got) == 0 {
					t.Fatalf("%d entries, want %d", len(got), len(want.Entries))
				}
				for i, e := range want.Entries {
					ns := time.Duration(math.Round(e.Elapsed * 1e9))
					if got[i].elapsed != ns || got[i].topic != e.Topic ||
						!reflect.DeepEqual(unpacked(t, got[i].payload), unpacked(t, e.Payload)) {
						t.Errorf("round %d, entry %d: %+v, want %+v", round, i, got[i], e)
					}
				}
				if err := r.Reset(); err != nil {
					t.Fatal(err)
				}
			}
			if want.Header == nil {
				return
			}
			h := r.Header()
			value := func(key string) string {
				if s := (*want.Header)[key]; s != nil && *s != "None" {
					return *s
				}
				return ""
			}
			if h.Text != value("text") || h.Version != value("version") || h.Revision != value("revision") || h.Type != value("type") {
				t.Errorf("header %+v", h)
			}
			if created := h.Created.Format("2006-01-02 15:04:05.000000"); created != value("created") {
				t.Errorf("created %s", created)
			}
			if int64(len(h.Text)) != h.End {
				t.Errorf("the header ends at %d", h.End)
			}
		})
	}
}

func TestTopicsWithSpacesAreRead(t *testing.T) {
	// The legacy reader cannot read these.
	got := readLog(t, openLog(t, filepath.Join(logVectors, "raw/spaces.log"), LogReadOptions{}))
	if len(got) == 0 || !strings.Contains(got[0].topic, " ") {
		t.Errorf("%+v", got)
	}
}
