package mcl

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// CONTRIBUTING.md tells the way of a message, file by file. Each is there.
func TestTheWayOfAMessage(t *testing.T) {
	page, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile("`((?:core|capi|bindings)/[^` ]*\\.[a-z]+)`").FindAllStringSubmatch(string(page), -1)
	if len(files) < 30 {
		t.Fatalf("it names %d files", len(files))
	}
	for _, file := range files {
		if _, err := os.Stat("../" + file[1]); err != nil {
			t.Error(err)
		}
	}
}

// Which package may import which, of this module and of others. What is pure stays pure: wire and queue know no socket, and
// the C layer reaches nothing but the public API.
func TestWhoImportsWhom(t *testing.T) {
	allowed := map[string][]string{
		"libmcl/core/internal/buf":      {},
		"libmcl/core/internal/clock":    {"libmcl/core/internal/notify", "golang.org/x/sys/unix"},
		"libmcl/core/internal/gopoller": {"golang.org/x/sys/unix"},
		"libmcl/core/internal/notify":   {"golang.org/x/sys/unix"},
		"libmcl/core/internal/wire":     {"libmcl/core/internal/buf"},
		"libmcl/core/internal/queue":    {"libmcl/core/internal/buf"},
		"libmcl/core/internal/logfile":  {"libmcl/core/internal/wire"},
		"libmcl/core/internal/netwatch": {"golang.org/x/sys/unix"},
		"libmcl/core/internal/netio":    {"libmcl/core/internal/buf", "libmcl/core/internal/clock", "libmcl/core/internal/netwatch", "golang.org/x/net/ipv6", "golang.org/x/sys/unix"},
		"libmcl/core": {"libmcl/core/internal/buf", "libmcl/core/internal/logfile", "libmcl/core/internal/clock", "libmcl/core/internal/gopoller", "libmcl/core/internal/netio",
			"libmcl/core/internal/netwatch", "libmcl/core/internal/notify",
			"libmcl/core/internal/queue", "libmcl/core/internal/wire", "github.com/vmihailenco/msgpack/v5", "golang.org/x/sys/unix"},
		"libmcl/capi": {"libmcl/core", "github.com/mattn/go-pointer", "C"},
	}
	forbidden := map[string][]string{ // of the standard library
		"libmcl/core/internal/wire":    {"net", "os", "time", "syscall", "sync"},
		"libmcl/core/internal/queue":   {"net", "os", "time", "syscall", "sync"},
		"libmcl/core/internal/logfile": {"net", "os", "syscall", "sync"},
		"libmcl/core":                  {"os/signal", "C"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "libmcl/core/...", "libmcl/capi").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		may, known := allowed[words[0]]
		if !known {
			continue // test helpers
		}
		seen++
		for _, imported := range words[1:] {
			first, _, _ := strings.Cut(imported, "/")
			foreign := strings.Contains(first, ".") || first == "libmcl" || imported == "C"
			if foreign && !slices.Contains(may, imported) || slices.Contains(forbidden[words[0]], imported) {
				t.Errorf("%s imports %s", words[0], imported)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("saw %d packages of %d", seen, len(allowed))
	}
}
