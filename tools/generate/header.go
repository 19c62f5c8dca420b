package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A constant is one #define or one member of an enum.
type constant struct {
	name   string // as in the header: MCL_PORT_DEFAULT
	enum   string // its enum, such as mcl_code; "" for a #define
	number int64
	text   string // the value of a string or decimal #define
	kind   kind
	remark string // the comment behind it
}

type kind int

const (
	numeric kind = iota
	textual
	decimal // a fraction such as 0.01, as text
	maxSize // ((size_t)-1), which has no number that fits all machines
)

type header struct {
	constants []constant
	source    string
}

var (
	defines  = regexp.MustCompile(`(?m)^#define[ \t]+(MCL_\w+)[ \t]+(.+?)[ \t]*(?:/\*(.*?)\*/)?$`)
	enums    = regexp.MustCompile(`(?s)enum[ \n]+(mcl_\w+)[ \n]*\{(.*?)\};`)
	members  = regexp.MustCompile(`(?m)^[ \t]*(MCL_\w+)[ \t]*=[ \t]*(-?\d+),?[ \t]*(?:/\*(.*?)\*/)?[ \t]*$`)
	decimals = regexp.MustCompile(`^\d+\.\d+$`)
	anyName  = regexp.MustCompile(`(?m)^[ \t]*MCL_\w+`)
)

// parse understands the few forms that mcl.h uses and refuses any other, so that a constant written in a new
// way is an error here and not a gap in another language.
func parse(source string) (*header, error) {
	h := &header{source: source}
	for _, m := range defines.FindAllStringSubmatch(source, -1) {
		c := constant{name: m[1], remark: strings.TrimSpace(m[3])}
		value := m[2]
		switch {
		case strings.HasPrefix(value, "{"): // an initializer: of use to C alone
			continue
		case value == "((size_t)-1)":
			c.kind = maxSize
		case strings.HasPrefix(value, `"`):
			text, err := strconv.Unquote(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no string", c.name, value)
			}
			c.kind, c.text = textual, text
		case decimals.MatchString(value):
			c.kind, c.text = decimal, value
		default:
			number, err := strconv.ParseInt(strings.Trim(value, "()"), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no value that the generator knows", c.name, value)
			}
			c.number = number
		}
		h.constants = append(h.constants, c)
	}
	for _, e := range enums.FindAllStringSubmatch(source, -1) {
		found := members.FindAllStringSubmatch(e[2], -1)
		if len(found) == 0 || len(found) != len(anyName.FindAllString(e[2], -1)) {
			return nil, fmt.Errorf("enum %s has a member that is not `NAME = number, /* remark */`", e[1])
		}
		for _, m := range found {
			number, err := strconv.ParseInt(m[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m[1], err)
			}
			h.constants = append(h.constants, constant{name: m[1], enum: e[1], number: number,
				remark: strings.TrimSpace(m[3])})
		}
	}
	for _, name := range []string{"mcl_code", "mcl_malformed"} {
		if len(h.members(name)) == 0 {
			return nil, fmt.Errorf("there is no enum %s", name)
		}
	}
	return h, nil
}

// members gives the constants of one enum; of the name "" the #defines.
func (h *header) members(enum string) []constant {
	var of []constant
	for _, c := range h.constants {
		if c.enum == enum {
			of = append(of, c)
		}
	}
	return of
}

// enumNames gives the enums in the header's order.
func (h *header) enumNames() []string {
	var names []string
	for _, c := range h.constants {
		if c.enum != "" && (len(names) == 0 || names[len(names)-1] != c.enum) {
			names = append(names, c.enum)
		}
	}
	return names
}

// codeText is a code's meaning for people. MCL_OK is no error, so the header has no remark on it.
func codeText(c constant) string {
	if c.remark == "" && c.number == 0 {
		return "success"
	}
	return c.remark
}

// unknownText is what the header promises for a number that is no code.
const unknownText = "unknown error"

// causeName is MCL_MALFORMED_TRAILING's "trailing".
func causeName(c constant) string {
	return strings.ToLower(strings.TrimPrefix(c.name, "MCL_MALFORMED_"))
}
