// Package cheader reads include/mcl.h: its functions with their prose, its structs, its constants. It knows the forms that
// mcl.h uses and refuses any other, so that a declaration written in a new way is an error here, and not one that is
// overlooked by whatever is generated from it.
package cheader

import (
	"fmt"
	"regexp"
	"strings"
)

// A Header is what mcl.h declares, each in the header's order.
type Header struct {
	Functions []Function
	Structs   []Struct
	Handles   []string // opaque structs: mcl_listener, ...
	Constants []string // names of the #defines that have a value, and of the members of enums
}

// A Function is a prototype.
type Function struct {
	Name   string
	Result string // its type, such as "int"
	Params []Param
	Prose  string // the comments of its paragraph, down to it
}

// A Param is a parameter of a function, or a field of a struct.
type Param struct {
	Type string // such as "const char *"; one space between words and before the first *
	Name string
	Size string // of an array: what is between its brackets; else ""
}

// A Struct is one with fields that programs can see.
type Struct struct {
	Name   string
	Fields []Param
}

// Prototype is the function as one line of C.
func (f Function) Prototype() string {
	return join(f.Result, f.Name) + parameters(f.Params)
}

func parameters(params []Param) string {
	if len(params) == 0 {
		return "(void)"
	}
	all := make([]string, len(params))
	for i, p := range params {
		all[i] = p.String()
	}
	return "(" + strings.Join(all, ", ") + ")"
}

// Signature is the prototype without the names of parameters, on which no compiled program depends.
func (f Function) Signature() string {
	params := make([]Param, len(f.Params))
	for i, p := range f.Params {
		params[i] = Param{Type: p.Type, Size: p.Size}
	}
	return join(f.Result, f.Name) + parameters(params)
}

func (p Param) String() string {
	if at := strings.Index(p.Type, "(*)"); at >= 0 { // of a function: the name is inside
		return p.Type[:at+2] + p.Name + p.Type[at+2:]
	}
	s := join(p.Type, p.Name)
	if p.Size != "" {
		s += "[" + p.Size + "]"
	}
	return s
}

// join writes a name behind its type.
func join(typ, name string) string {
	if name == "" || strings.HasSuffix(typ, "*") {
		return typ + name
	}
	return typ + " " + name
}

var (
	defines   = regexp.MustCompile(`^#define[ \t]+(MCL_\w+)[ \t]+([^{\s].*)$`)
	opaque    = regexp.MustCompile(`^typedef struct (mcl_\w+) (mcl_\w+)$`)
	structs   = regexp.MustCompile(`(?s)^typedef struct (mcl_\w+) \{(.*)\} (mcl_\w+)$`)
	enums     = regexp.MustCompile(`(?s)^enum mcl_\w+ \{(.*)\}$`)
	functions = regexp.MustCompile(`^([\w ]+[ *])(mcl_\w+) ?\((.*)\)$`)
	pointers  = regexp.MustCompile(`^([\w ]+?) ?\( ?\* ?(\w+) ?\) ?\((.*)\)$`)
	params    = regexp.MustCompile(`^((?:const )?\w+(?: ?\*(?: ?const)?)*)[ ]?\b(\w+) ?(?:\[ ?(\w+) ?\])?$`)
	blanks    = regexp.MustCompile(`\s+`)
)

// Parse reads the text of the header.
func Parse(source string) (*Header, error) {
	h := &Header{}
	prose := ""
	for rest := source; rest != ""; {
		var err error
		switch {
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return nil, fmt.Errorf("a comment has no end: %.60q", rest)
			}
			prose += " " + clean(rest[2:end])
			rest = rest[end+2:]
		case rest[0] == '#':
			line := rest
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				line = rest[:end]
			}
			rest = rest[len(line):]
			if m := defines.FindStringSubmatch(line); m != nil {
				h.Constants = append(h.Constants, m[1])
			}
		case strings.HasPrefix(rest, "\n\n"): // a paragraph's end
			prose = ""
			rest = rest[1:]
		case rest[0] == '\n' || rest[0] == ' ':
			rest = rest[1:]
		case strings.HasPrefix(rest, `extern "C" {`):
			rest = rest[len(`extern "C" {`):]
		case rest[0] == '}': // that of extern "C"
			rest = rest[1:]
		default:
			var text string
			if text, rest, err = declaration(rest); err == nil {
				err = h.declare(text, prose)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if len(h.Functions) == 0 || len(h.Structs) == 0 || len(h.Handles) == 0 {
		return nil, fmt.Errorf("it declares %d functions, %d structs and %d handles", len(h.Functions), len(h.Structs),
			len(h.Handles))
	}
	return h, nil
}

// clean is the text of a comment on one line.
func clean(comment string) string {
	lines := strings.Split(comment, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(line), "*")
	}
	return strings.TrimSpace(blanks.ReplaceAllString(strings.Join(lines, " "), " "))
}

// declaration cuts the first declaration off, without its comments and its semicolon.
func declaration(source string) (text, rest string, err error) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case strings.HasPrefix(source[i:], "/*"):
			end := strings.Index(source[i:], "*/")
			if end < 0 {
				return "", "", fmt.Errorf("a comment has no end: %.60q", source[i:])
			}
			i += end + 1
		case c == ';' && depth == 0:
			return strings.TrimSpace(blanks.ReplaceAllString(b.String(), " ")), source[i+1:], nil
		default:
			if c == '{' {
				depth++
			} else if c == '}' {
				depth--
			}
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("a declaration has no end: %.60q", source)
}

func (h *Header) declare(text, prose string) error {
	if m := opaque.FindStringSubmatch(text); m != nil && m[1] == m[2] {
		h.Handles = append(h.Handles, m[1])
		return nil
	}
	if m := structs.FindStringSubmatch(text); m != nil && m[1] == m[3] {
		fields, err := list(m[2], ";")
		if err != nil {
			return fmt.Errorf("struct %s: %w", m[1], err)
		}
		h.Structs = append(h.Structs, Struct{m[1], fields})
		return nil
	}
	if m := enums.FindStringSubmatch(text); m != nil {
		for _, member := range strings.Split(m[1], ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(member), " ")
			if name != "" {
				h.Constants = append(h.Constants, name)
			}
		}
		return nil
	}
	if m := functions.FindStringSubmatch(text); m != nil {
		list, err := list(m[3], ",")
		if err != nil {
			return fmt.Errorf("%s: %w", m[2], err)
		}
		h.Functions = append(h.Functions, Function{m[2], strings.TrimSpace(m[1]), list, strings.TrimSpace(prose)})
		return nil
	}
	return fmt.Errorf("%.100q is written in a way that this package does not know", text)
}

// list reads parameters, or fields.
func list(text, separator string) ([]Param, error) {
	var all []Param
	for _, part := range split(text, separator[0]) {
		part = strings.TrimSpace(part)
		if part == "" || part == "void" {
			continue
		}
		if m := pointers.FindStringSubmatch(part); m != nil {
			inner, err := list(m[3], ",")
			if err != nil {
				return nil, err
			}
			all = append(all, Param{Type: m[1] + " (*)" + parameters(inner), Name: m[2]})
			continue
		}
		m := params.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("%q is written in a way that this package does not know", part)
		}
		typ := strings.ReplaceAll(m[1], " *", "*")
		typ = strings.ReplaceAll(strings.Replace(typ, "*", " *", 1), "const*", "const *")
		all = append(all, Param{typ, m[2], m[3]})
	}
	return all, nil
}

// split is strings.Split outside of parentheses.
func split(text string, separator byte) []string {
	var parts []string
	depth, begin := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		case separator:
			if depth == 0 {
				parts = append(parts, text[begin:i])
				begin = i + 1
			}
		}
	}
	return append(parts, text[begin:])
}
