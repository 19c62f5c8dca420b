package main

import (
	"bytes"
	"fmt"
)

// emitC writes the two functions that are nothing but the header's remarks and names. They are C alone, so
// that they work where Go does not: in the child of a fork.
func emitC(h *header) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* %s */\n\n#include \"mcl.h\"\n\n", doNotEdit)
	fmt.Fprintf(&b, "const char *mcl_strerror(int code)\n{\n    switch (code) {\n")
	for _, c := range h.members("mcl_code") {
		fmt.Fprintf(&b, "    case %s:\n        return %q;\n", c.name, codeText(c))
	}
	fmt.Fprintf(&b, "    }\n    return %q;\n}\n\n", unknownText)
	fmt.Fprintf(&b, "const char *mcl_malformed_name(int cause)\n{\n    switch (cause) {\n")
	for _, c := range h.members("mcl_malformed") {
		fmt.Fprintf(&b, "    case %s:\n        return %q;\n", c.name, causeName(c))
	}
	fmt.Fprintf(&b, "    }\n    return NULL;\n}\n")
	return b.Bytes(), nil
}
