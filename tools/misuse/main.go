// Misuse writes the table of calls that tests/capi/misuse plays: each function of include/mcl.h with how its arguments are
// drawn, and which results the header allows. It is made anew by each build of the test, so a function that is added to
// the header is played at once. What it takes to draw an argument of a new type is for tests/capi/misuse/draw.c; the
// compiler names what is missing there.
//
//	go run ./tools/misuse >calls.c    from the top of the tree
package main

import (
	"fmt"
	"os"

	"libmcl/tools/cheader"
)

const headerPath = "include/mcl.h"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "misuse:", err)
		os.Exit(1)
	}
}

func run() error {
	source, err := os.ReadFile(headerPath)
	if err != nil {
		return fmt.Errorf("%w (run it from the top of the tree)", err)
	}
	h, err := cheader.Parse(string(source))
	if err != nil {
		return fmt.Errorf("%s: %w", headerPath, err)
	}
	text, err := emit(h)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
