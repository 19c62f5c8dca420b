// Overlay prepares a build of libmcl.so in which Go's threads leave every signal that a program can handle to the
// program. Go's runtime unblocks four of them on its own threads, and on each that calls into Go, whatever mask it finds:
// SIGCHLD, SIGPROF, SIGSTKFLT and signal 34 (glibc's SIGRTMIN). A handler without SA_ONSTACK that runs there overwrites
// memory, and a program that takes SIGCHLD by signalfd or sigwait loses it to a thread that it does not know.
//
//	go run ./tools/overlay DIR
//
// writes DIR/overlay.json for `go build -overlay`, and beside it the runtime's table of signals without those four flags.
// Where Go's source does not look as expected the overlay is empty: the library then works as Go does by itself, and
// tests/capi/signals.c says so.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", "sigtab_linux_generic.go")
	replace := map[string]string{}
	if changed, err := changedTable(original); err != nil {
		fmt.Fprintln(os.Stderr, "overlay: warning: SIGCHLD and SIGPROF are not kept off Go's threads:", err)
	} else {
		replace[original] = filepath.Join(dir, "sigtab_linux_generic.go")
		if err := write(replace[original], changed); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "overlay.json"), text)
}

// line is the entry of a signal that a program can handle and that Go unblocks. Signals 32 and 33 are not for programs:
// glibc cancels threads and changes their user with them. The others with this flag are raised by what a thread itself does.
var line = regexp.MustCompile(`(?m)^(\s*/\* (?:16|17|27|34) \*/ \{.*?) \+ _SigUnblock`)

func changedTable(path string) ([]byte, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if n := len(line.FindAll(source, -1)); n != 4 {
		return nil, errors.New(path + " does not look as expected")
	}
	return line.ReplaceAll(source, []byte("$1")), nil
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
