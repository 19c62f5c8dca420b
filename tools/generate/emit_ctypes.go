package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"libmcl/tools/cheader"
)

const (
	bindingPath = "bindings/python/mcl"
	ctypesPath  = bindingPath + "/_native.py"
)

var functionNames = regexp.MustCompile(`\bmcl_\w+`)

// usedNames returns what the binding names of C, the file that is generated aside.
func usedNames(folder string) (map[string]bool, error) {
	used := make(map[string]bool)
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".py" || filepath.ToSlash(path) == ctypesPath {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range functionNames.FindAllString(string(text), -1) {
			used[name] = true
		}
		return err
	})
	return used, err
}

// ctypesWriter writes declarations for Python's ctypes.
type ctypesWriter struct {
	*cheader.Header
	structs map[string]cheader.Struct
	needed  map[string]bool // structs and handles
}

// emitCtypes writes the functions of mcl.h that the binding names, and the structs and handles that those need.
func emitCtypes(h *header) ([]byte, error) {
	used, err := usedNames(bindingPath)
	if err != nil {
		return nil, err
	}
	return writeCtypes(h.source, used)
}

func writeCtypes(source string, used map[string]bool) ([]byte, error) {
	parsed, err := cheader.Parse(source)
	if err != nil {
		return nil, err
	}
	w := ctypesWriter{parsed, make(map[string]cheader.Struct), make(map[string]bool)}
	for _, s := range w.Structs {
		w.structs[s.Name] = s
	}
	var functions []cheader.Function
	for _, f := range w.Functions {
		if used[f.Name] {
			functions = append(functions, f)
			for _, p := range f.Params {
				w.need(p.Type)
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\"\"\"What is used here of mcl.h: its handles, structs and functions, for ctypes.\"\"\"\nimport ctypes\n"+
		"from ctypes import (POINTER, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint8,\n"+
		"                    c_uint32, c_uint64, c_void_p)\n\nfrom mcl import _constants as constants\n\n\n"+
		"class Sized(ctypes.Structure):\n    \"\"\"A struct that begins with its size, which is set when it is made.\"\"\"\n\n"+
		"    def __init__(self, **fields):\n        super(Sized, self).__init__(size=ctypes.sizeof(self), **fields)\n\n\n"+
		"# Handles are distinct types, so that ctypes refuses a listener where a broadcaster belongs.\n", doNotEdit)
	for i, name := range w.Handles {
		if w.needed[name] {
			if i > 0 {
				b.WriteString("\n\n")
			}
			fmt.Fprintf(&b, "class %s(c_void_p):\n    \"\"\"%s *\"\"\"\n", className(name), name)
		}
	}
	var names []string
	for _, s := range w.Structs {
		if !w.needed[s.Name] {
			continue
		}
		names = append(names, s.Name)
		if err := w.writeStruct(&b, s); err != nil {
			return nil, err
		}
	}
	b.WriteString("\n\nSTRUCTS = {\n")
	for _, name := range names {
		fmt.Fprintf(&b, "    '%s': %s,\n", name, className(name))
	}
	b.WriteString("}\n\n# name: (result, arguments)\nPROTOTYPES = {\n")
	for _, f := range functions {
		if err := w.writePrototype(&b, f); err != nil {
			return nil, err
		}
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// need notes the struct or handle of a type, and those in it.
func (w ctypesWriter) need(typ string) {
	base := baseOf(typ)
	if w.needed[base] {
		return
	}
	if s, ok := w.structs[base]; ok {
		w.needed[base] = true
		for _, f := range s.Fields {
			w.need(f.Type)
		}
	} else if slices.Contains(w.Handles, base) {
		w.needed[base] = true
	}
}

func (w ctypesWriter) writeStruct(b *bytes.Buffer, s cheader.Struct) error {
	parent := "ctypes.Structure"
	if s.Fields[0].Name == "size" && s.Fields[0].Type == "size_t" {
		parent = "Sized"
	}
	fmt.Fprintf(b, "\n\nclass %s(%s):\n    _fields_ = [\n", className(s.Name), parent)
	for _, f := range s.Fields {
		typ, err := w.fieldType(s.Name, f)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", s.Name, f.Name, err)
		}
		fmt.Fprintf(b, "        ('%s', %s),\n", f.Name, typ)
	}
	b.WriteString("    ]\n")
	return nil
}

// given are the structs in which the library tells where data lies. It has no NUL behind it, up to which ctypes would copy.
var given = []string{"mcl_received", "mcl_log_record", "mcl_hand"}

func (w ctypesWriter) fieldType(structName string, f cheader.Param) (string, error) {
	isGiven := slices.Contains(given, structName)
	switch {
	case isGiven && strings.HasSuffix(f.Type, "*") && f.Name != "type_name":
		return "c_void_p", nil
	case f.Type == "const void *":
		return "c_char_p", nil
	}
	typ, err := w.argumentType(f.Type)
	if err != nil || f.Size == "" {
		return typ, err
	}
	size := f.Size
	if strings.HasPrefix(size, "MCL_") {
		size = "constants." + size
	}
	return typ + " * " + size, nil
}

func (w ctypesWriter) writePrototype(b *bytes.Buffer, f cheader.Function) error {
	result, err := w.argumentType(f.Result)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	arguments := make([]string, len(f.Params))
	for i, p := range f.Params {
		if arguments[i], err = w.argumentType(p.Type); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	const width, indent = 100, "        "
	line := fmt.Sprintf("    '%s': (%s, [", f.Name, result)
	if one := line + strings.Join(arguments, ", ") + "]),"; len(one) <= width {
		b.WriteString(one + "\n")
		return nil
	}
	b.WriteString(line + "\n")
	line = indent
	for i, a := range arguments {
		a += ","
		if i == len(arguments)-1 {
			a = arguments[i] + "]),"
		}
		if line != indent && len(line)+1+len(a) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += a
	}
	b.WriteString(line + "\n")
	return nil
}

func (w ctypesWriter) argumentType(c string) (string, error) {
	base, stars := baseOf(c), strings.Count(c, "*")
	_, isStruct := w.structs[base]
	switch {
	case c == "mcl_log_record *": // a buffer that struct.unpack_from reads
		return "c_void_p", nil
	case base == "char" && stars == 1:
		if strings.HasPrefix(c, "const ") {
			return "c_char_p", nil
		}
		return "c_void_p", nil
	case base == "char" && stars == 0:
		return "c_char", nil
	case base == "void" && stars == 1:
		return "c_void_p", nil
	case isStruct && stars == 1:
		return "POINTER(" + className(base) + ")", nil
	case slices.Contains(w.Handles, base):
		if stars == 1 {
			return className(base), nil
		}
		return "POINTER(" + className(base) + ")", nil
	}
	name := "c_" + strings.TrimSuffix(base, "_t")
	switch base {
	case "char":
		name, stars = "c_char_p", stars-1
	case "size_t":
		name = "c_size_t"
	case "int", "double", "int32_t", "uint32_t", "int64_t", "uint64_t", "uint8_t":
	default:
		return "", fmt.Errorf("%s is no type that the generator knows", c)
	}
	for range stars {
		name = "POINTER(" + name + ")"
	}
	return name, nil
}

// baseOf is the word that is left of a type.
func baseOf(typ string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(typ, "const", ""), "*", ""))
}

// className is mcl_log_writer's "LogWriter".
func className(name string) string {
	var b strings.Builder
	for _, word := range strings.Split(strings.TrimPrefix(name, "mcl_"), "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
