// Abi records the binary interface of libmcl.so, on which programs rely that are compiled already: its soname and exported
// functions with the types of their arguments, the layout of structs, and the values of constants. The record is a file that is committed, so
// that no change of the interface goes unnoticed.
//
//	go run ./tools/abi           writes tests/capi/abi.txt, from the top of the tree, and says what changed
//	go run ./tools/abi -check    writes nothing; fails when the record differs, and says what would break
//
// It needs build/libmcl.so and a C compiler ($CC, or cc). The layout is that of systems with 64 bits.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"libmcl/tools/cheader"
)

const (
	headerPath  = "include/mcl.h"
	libraryPath = "build/libmcl.so"
	recordPath  = "tests/capi/abi.txt"
)

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "abi:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	now, err := look()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(recordPath)
	if err != nil && (check || !os.IsNotExist(err)) {
		return err
	}
	changes := compare(parseRecord(string(text)), now)
	for _, c := range changes {
		fmt.Println(c)
	}
	if !check {
		return os.WriteFile(recordPath, []byte(now.String()), 0o644)
	}
	if now.String() == string(text) {
		return nil
	}
	advice := "if that is meant, run `make abi` and commit " + recordPath
	if breaks(changes) {
		advice += "; since programs break that are compiled already, raise the library's soname, too (SONAME in Makefile)"
	}
	return fmt.Errorf("the binary interface is not the recorded one: %s", advice)
}

// look gives the interface as the header and the library have it.
func look() (*record, error) {
	source, err := os.ReadFile(headerPath)
	if err != nil {
		return nil, fmt.Errorf("%w (run it from the top of the tree)", err)
	}
	h, err := cheader.Parse(string(source))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", headerPath, err)
	}
	soname, exports, err := library(libraryPath)
	if err != nil {
		return nil, err
	}
	r := &record{soname: soname, functions: map[string]string{}}
	for _, f := range h.Functions {
		if !exports[f.Name] {
			return nil, fmt.Errorf("%s does not export %s", libraryPath, f.Name)
		}
		delete(exports, f.Name)
		r.functions[f.Name] = f.Signature()
	}
	for name := range exports {
		return nil, fmt.Errorf("%s exports %s, which %s does not declare", libraryPath, name, headerPath)
	}
	values, err := compile(h)
	if err != nil {
		return nil, err
	}
	rest := parseRecord(values)
	r.structs, r.constants = rest.structs, rest.constants
	for name, fields := range rest.structs { // a field's type is known to the header, its place to the compiler
		for _, s := range h.Structs {
			if s.Name == name {
				for i, f := range s.Fields {
					fields[i+1] += f.String()
				}
			}
		}
	}
	return r, nil
}

func breaks(changes []change) bool {
	for _, c := range changes {
		if strings.HasPrefix(c.verdict, breaking) {
			return true
		}
	}
	return false
}
