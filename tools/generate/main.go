// Generate writes the constants of include/mcl.h in the languages that cannot include it, and what Python's ctypes needs to call
// it, so that each number, error text and prototype is written once, in the header.
//
//	go run ./tools/generate           writes the files, from the top of the tree
//	go run ./tools/generate -check    writes nothing; fails when a file differs from what it would be
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const headerPath = "include/mcl.h"

// outputs maps each generated file to what writes it.
var outputs = []struct {
	path string
	emit func(*header) ([]byte, error)
}{
	{"core/constants.go", emitGo},
	{"capi/texts.c", emitC},
	{bindingPath + "/_constants.py", emitPython},
	{ctypesPath, emitCtypes},
}

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	source, err := os.ReadFile(headerPath)
	if err != nil {
		return fmt.Errorf("%w (run it from the top of the tree)", err)
	}
	h, err := parse(string(source))
	if err != nil {
		return fmt.Errorf("%s: %w", headerPath, err)
	}
	for _, output := range outputs {
		text, err := output.emit(h)
		if err != nil {
			return fmt.Errorf("%s: %w", output.path, err)
		}
		if err := write(output.path, text, check); err != nil {
			return err
		}
	}
	return nil
}

// write leaves a file that is right already untouched, so that make does not rebuild what depends on it.
func write(path string, text []byte, check bool) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, text) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is not what %s says: run `make generate`", path, headerPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
