package main

import (
	"regexp"
	"strings"

	"libmcl/tools/cheader"
)

// Results are what a function may return by the header's prose.
type results struct {
	codes map[string]bool // MCL_E...
	most  string          // the largest number, as C
}

var (
	codeName   = regexp.MustCompile(`\bMCL_E[A-Z]+\b`)
	references = regexp.MustCompile(`\b(?:those of|as|like) (mcl_\w+)(?: and (mcl_\w+))?`)
	countWords = regexp.MustCompile(`\b(?:Returns (?:their count|n\b)|The number of|A descriptor)`)
	oneOrNone  = regexp.MustCompile(`(?i)\breturns 1\b`)
	isLeaving  = regexp.MustCompile(`\bMCL_LEAVING:`)
	anyKind    = regexp.MustCompile(`^The kind of .* one of MCL_KIND_`)
	anyState   = regexp.MustCompile(`^The state, one of MCL_REPLAY_`)
)

// resultsOf reads a function's prose, and that of those it refers to.
func resultsOf(f cheader.Function, h *cheader.Header) results {
	r := results{codes: map[string]bool{}, most: "0"}
	visit(f, h, r.codes, map[string]bool{})
	// CONVENTIONS of the header: what each function may return.
	if len(f.Params) > 0 {
		r.codes["MCL_EINVAL"] = true
	}
	if takesHandle(f, h) {
		r.codes["MCL_EHANDLE"], r.codes["MCL_ECLOSED"] = true, true
	}
	switch {
	case countWords.MatchString(f.Prose):
		r.most = "INT_MAX"
	case anyKind.MatchString(f.Prose):
		r.most = "MCL_KIND_EXT"
	case anyState.MatchString(f.Prose):
		r.most = "MCL_REPLAY_FINISHED"
	case isLeaving.MatchString(f.Prose):
		r.most = "MCL_LEAVING"
	case oneOrNone.MatchString(f.Prose):
		r.most = "1"
	}
	return r
}

func visit(f cheader.Function, h *cheader.Header, codes, seen map[string]bool) {
	if seen[f.Name] {
		return
	}
	seen[f.Name] = true
	for _, code := range codeName.FindAllString(f.Prose, -1) {
		codes[code] = true
	}
	// Where the prose lists errors, what it says before of other functions is not about errors.
	list := f.Prose
	if at := strings.Index(list, "Errors"); at >= 0 {
		list = list[at:]
	}
	for _, m := range references.FindAllStringSubmatch(list, -1) {
		for _, other := range h.Functions {
			if other.Name == m[1] || other.Name == m[2] {
				visit(other, h, codes, seen)
			}
		}
	}
}

// takesHandle tells whether a function is given a handle, be it in a struct.
func takesHandle(f cheader.Function, h *cheader.Header) bool {
	return anyHandle(f.Params, h)
}

func anyHandle(params []cheader.Param, h *cheader.Header) bool {
	for _, p := range params {
		if handleOf(p.Type, h) != "" || strings.HasSuffix(p.Type, "*const *") && handleOf(strings.TrimSuffix(p.Type, "const *"), h) != "" {
			return true
		}
		for _, s := range h.Structs {
			if p.Type == "const "+s.Name+" *" && anyHandle(s.Fields, h) {
				return true
			}
		}
	}
	return false
}

// handleOf is "listener" for "mcl_listener *", and "" for what is no handle.
func handleOf(typ string, h *cheader.Header) string {
	for _, name := range h.Handles {
		if typ == name+" *" {
			return strings.TrimPrefix(name, "mcl_")
		}
	}
	return ""
}
