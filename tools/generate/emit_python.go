package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// emitPython writes the constants for the ctypes binding, under their C names.
func emitPython(h *header) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\"\"\"The constants of mcl.h, under their C names.\"\"\"\nimport sys\n\n", doNotEdit)
	for _, c := range h.members("") {
		switch c.kind {
		case numeric:
			fmt.Fprintf(&b, "%s = %d\n", c.name, c.number)
		case textual:
			fmt.Fprintf(&b, "%s = %s\n", c.name, strconv.QuoteToASCII(c.text))
		case decimal:
			fmt.Fprintf(&b, "%s = %s\n", c.name, c.text)
		case maxSize:
			// A size_t is as wide as Python's own sizes, of which sys.maxsize is the signed half.
			fmt.Fprintf(&b, "%s = 2 * sys.maxsize + 1\n", c.name)
		}
	}
	for _, enum := range h.enumNames() {
		fmt.Fprintf(&b, "\n# enum %s\n", enum)
		for _, c := range h.members(enum) {
			fmt.Fprintf(&b, "%s = %d\n", c.name, c.number)
		}
	}
	return b.Bytes(), nil
}
