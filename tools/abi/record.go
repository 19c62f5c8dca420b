package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A record is the binary interface. Each map has what is recorded by its name.
type record struct {
	soname    string
	functions map[string]string   // signatures
	constants map[string]string   // values
	structs   map[string][]string // the size, then of each field: offset, size and declaration
}

const preface = `# The binary interface of the library: what programs rely on that are compiled already. A test compares it with the header
# and the library. After a change that is meant: ` + "`make abi`" + `, which says what the change does to such programs.
# Structs have their size, and for each field its offset and size (in bytes, on systems with 64 bits).
`

func (r *record) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nsoname %s\n\n", preface, r.soname)
	for _, name := range slices.Sorted(maps.Keys(r.functions)) {
		fmt.Fprintf(&b, "function %s\n", r.functions[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.structs)) {
		fmt.Fprintf(&b, "\nstruct %s %s\n", name, r.structs[name][0])
		for _, field := range r.structs[name][1:] {
			fmt.Fprintf(&b, "    %s\n", field)
		}
	}
	b.WriteByte('\n')
	for _, name := range slices.Sorted(maps.Keys(r.constants)) {
		fmt.Fprintf(&b, "constant %s = %s\n", name, r.constants[name])
	}
	return b.String()
}

// parseRecord reads what String writes. It skips what it does not know: the record is then not the one that is written now.
func parseRecord(text string) *record {
	r := &record{functions: map[string]string{}, constants: map[string]string{}, structs: map[string][]string{}}
	current := ""
	for _, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "soname":
			r.soname = rest
		case word == "function":
			name, _, _ := strings.Cut(rest, "(")
			r.functions[name[strings.LastIndexAny(name, " *")+1:]] = rest
		case word == "constant":
			if name, value, ok := strings.Cut(rest, " = "); ok {
				r.constants[name] = value
			}
		case word == "struct":
			name, size, _ := strings.Cut(rest, " ")
			r.structs[name], current = []string{size}, name
		case strings.HasPrefix(line, "    ") && current != "":
			r.structs[current] = append(r.structs[current], strings.TrimPrefix(line, "    "))
		}
	}
	return r
}
