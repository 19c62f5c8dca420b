package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"libmcl/tools/cheader"
)

// library gives a library's soname and the functions and data that it exports.
func library(path string) (soname string, exports map[string]bool, err error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", nil, fmt.Errorf("%w: run `make lib`", err)
	}
	defer file.Close()
	names, err := file.DynString(elf.DT_SONAME)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(names) != 1 {
		return "", nil, fmt.Errorf("%s has %d sonames", path, len(names))
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	exports = map[string]bool{}
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && elf.ST_BIND(s.Info) != elf.STB_LOCAL {
			exports[s.Name] = true
		}
	}
	return names[0], exports, nil
}

// compile has the C compiler print the layout of the header's structs and the values of its constants, as a record has them.
func compile(h *cheader.Header) (string, error) {
	dir, err := os.MkdirTemp("", "mcl-abi-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	source, program := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi")
	if err := os.WriteFile(source, programText(h), 0o600); err != nil {
		return "", err
	}
	compiler := strings.Fields(os.Getenv("CC"))
	if len(compiler) == 0 {
		compiler = []string{"cc"}
	}
	command := exec.Command(compiler[0], append(compiler[1:], "-std=c11", "-Iinclude", source, "-o", program)...)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", command, err, output)
	}
	output, err := exec.Command(program).Output()
	if err != nil {
		return "", fmt.Errorf("print the layout: %w", err)
	}
	return string(output), nil
}

func programText(h *cheader.Header) []byte {
	var b bytes.Buffer
	b.WriteString(`#include <stdio.h>
#include "mcl.h"
#define NUMBER(c) _Generic((c), char *: 0, default: (c))
#define SHOW(c) _Generic((c), \
    char *: printf("constant %s = \"%s\"\n", #c, _Generic((c), char *: (c), default: "")), \
    double: printf("constant %s = %g\n", #c, (double)NUMBER(c)), \
    size_t: printf("constant %s = %zu\n", #c, (size_t)NUMBER(c)), \
    default: printf("constant %s = %lld\n", #c, (long long)NUMBER(c)))
#define PLACE(s, f) printf("    %zu %zu \n", offsetof(s, f), sizeof((s *)0)->f)
int main(void)
{
    if (sizeof(void *) != 8) {
        fputs("the record is of systems with 64 bits\n", stderr);
        return 1;
    }
`)
	for _, s := range h.Structs {
		fmt.Fprintf(&b, "    printf(\"struct %s %%zu\\n\", sizeof(%s));\n", s.Name, s.Name)
		for _, f := range s.Fields {
			fmt.Fprintf(&b, "    PLACE(%s, %s);\n", s.Name, f.Name)
		}
	}
	for _, name := range h.Constants {
		fmt.Fprintf(&b, "    SHOW(%s);\n", name)
	}
	fmt.Fprint(&b, "    return 0;\n}\n")
	return b.Bytes()
}
