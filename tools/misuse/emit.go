package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"libmcl/tools/cheader"
)

var (
	changes = regexp.MustCompile(`^mcl_message_(set|touch)`)
	closes  = regexp.MustCompile(`_close(_reader)?$`)
	sizes   = regexp.MustCompile(`^(?:\w+_)?size$|^count$`)
)

// emit writes calls.c.
func emit(h *cheader.Header) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* Written by `go run ./tools/misuse` from include/mcl.h. */\n\n#include \"play.h\"\n\n#include <limits.h>\n")
	for i, name := range h.Handles {
		// The enum is written by hand where it is used: it must know each kind.
		fmt.Fprintf(&b, "_Static_assert(KIND_%s == %d, \"play.h has the kinds of handles in the header's order\");\n",
			strings.TrimPrefix(name, "mcl_"), i)
	}
	fmt.Fprintf(&b, "_Static_assert(KINDS == %d, \"play.h has all kinds of handles\");\n", len(h.Handles))
	for _, f := range h.Functions {
		if err := emitPlay(&b, f, h); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	fmt.Fprintf(&b, "\nconst function functions[] = {\n")
	for _, f := range h.Functions {
		r := resultsOf(f, h)
		var codes []string
		for code := range r.codes {
			codes = append(codes, "CODE("+code+")")
		}
		slices.Sort(codes)
		fmt.Fprintf(&b, "    {%q, play_%s, %s, %s, %s, %s},\n", f.Name, f.Name, strings.Join(append(codes, "0"), " | "), r.most,
			kindOpened(f, h), kindClosed(f, h))
	}
	fmt.Fprintf(&b, "};\nconst int function_count = sizeof functions / sizeof *functions;\n")
	err := emitClosers(&b, h)
	return b.Bytes(), err
}

// kindOpened is the kind that a function opens, as C.
func kindOpened(f cheader.Function, h *cheader.Header) string {
	for _, p := range f.Params {
		if kind := handleOf(strings.TrimSuffix(p.Type, "*"), h); strings.HasSuffix(p.Type, " **") && kind != "" {
			return "KIND_" + kind
		}
	}
	return "-1"
}

// kindClosed is the kind that a function closes, as C.
func kindClosed(f cheader.Function, h *cheader.Header) string {
	if closes.MatchString(f.Name) {
		return "KIND_" + handleOf(f.Params[0].Type, h)
	}
	return "-1"
}

// emitPlay writes the function that draws a call's arguments and makes the call.
func emitPlay(b *bytes.Buffer, f cheader.Function, h *cheader.Header) error {
	fmt.Fprintf(b, "\nstatic int play_%s(player *p)\n{\n", f.Name)
	var names []string
	for i, p := range f.Params {
		drawn, err := draw(f, i, h)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "    %s = %s;\n", p, drawn)
		names = append(names, p.Name)
	}
	call := f.Name + "(" + strings.Join(names, ", ") + ")"
	fmt.Fprintf(b, "    begin(p);\n")
	if f.Result == "const char *" {
		fmt.Fprintf(b, "    return look_at_text(p, %s);\n}\n", call)
		return nil
	}
	if f.Result != "int" {
		return fmt.Errorf("it returns %s", f.Result)
	}
	fmt.Fprintf(b, "    return %s;\n}\n", call)
	return nil
}

// draw is the expression that draws an argument.
func draw(f cheader.Function, index int, h *cheader.Header) (string, error) {
	p := f.Params[index]
	if kind := handleOf(p.Type, h); kind != "" {
		how := "USE"
		switch {
		case index == 0 && closes.MatchString(f.Name):
			how = "CLOSE"
		case changes.MatchString(f.Name):
			how = "CHANGE"
		case (index > 0 || kindOpened(f, h) != "-1") && strings.Contains(f.Prose, " NULL: "):
			how = "USE_OR_NULL"
		}
		return fmt.Sprintf("draw_handle(p, KIND_%s, %s)", kind, how), nil
	}
	if strings.HasSuffix(p.Type, " **") {
		if kind := handleOf(strings.TrimSuffix(p.Type, "*"), h); kind != "" {
			return fmt.Sprintf("draw_opened(p, KIND_%s)", kind), nil
		}
	}
	if p.Type == "size_t" && index > 0 && sizes.MatchString(p.Name) && strings.Contains(f.Params[index-1].Type, "*") {
		return "drawn_size(p)", nil
	}
	if p.Type == "mcl_error *" {
		return "draw_" + p.Name + "(p)", nil
	}
	several := index+1 < len(f.Params) && f.Params[index+1].Name == "count"
	if kind := handleOf(strings.TrimSuffix(p.Type, "const *"), h); kind != "" && several {
		return fmt.Sprintf("draw_handles(p, KIND_%s)", kind), nil
	}
	for _, s := range h.Structs {
		word := map[string]string{"const " + s.Name + " *": "in", s.Name + " *": "out"}[p.Type]
		if word == "" {
			continue
		}
		if several {
			word += "s"
		}
		return "draw_" + word + "_" + strings.TrimPrefix(s.Name, "mcl_") + "(p)", nil
	}
	switch p.Type {
	case "const char *":
		return "draw_text_" + p.Name + "(p)", nil
	case "const void *":
		return "draw_bytes_" + p.Name + "(p)", nil
	case "const char *const *":
		return "draw_texts_" + p.Name + "(p)", nil
	case "char *", "void *":
		return "draw_room(p)", nil
	case "size_t *", "int *", "int64_t *", "uint64_t *", "double *":
		return "draw_out_" + strings.TrimSuffix(strings.TrimSuffix(p.Type, " *"), "_t") + "(p)", nil
	case "size_t", "int", "int64_t", "uint64_t", "double":
		return "draw_" + strings.TrimSuffix(p.Type, "_t") + "_" + p.Name + "(p)", nil
	}
	return "", fmt.Errorf("no argument of type %q can be drawn: teach tools/misuse/emit.go and tests/capi/misuse/draw.c", p.Type)
}

// emitClosers writes the functions that close a handle of each kind when all is over.
func emitClosers(b *bytes.Buffer, h *cheader.Header) error {
	fmt.Fprintf(b, "\nint close_handle(int kind, void *handle)\n{\n    switch (kind) {\n")
	for _, name := range h.Handles {
		kind := strings.TrimPrefix(name, "mcl_")
		closer := ""
		for _, f := range h.Functions {
			if closes.MatchString(f.Name) && f.Params[0].Type == name+" *" {
				closer = f.Name + "(handle" + strings.Repeat(", NULL", len(f.Params)-1) + ")"
			}
		}
		if closer == "" {
			return fmt.Errorf("nothing closes an %s", name)
		}
		fmt.Fprintf(b, "    case KIND_%s:\n        return %s;\n", kind, closer)
	}
	fmt.Fprintf(b, "    }\n    return MCL_EINVAL;\n}\n")
	fmt.Fprintf(b, "\nconst char *const kind_names[KINDS] = {\"%s\"};\n", strings.Join(h.Handles, `", "`))
	return nil
}
