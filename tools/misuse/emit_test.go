package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"libmcl/tools/cheader"
)

func realHeader(t *testing.T) *cheader.Header {
	source, err := os.ReadFile("../../include/mcl.h")
	if err != nil {
		t.Fatal(err)
	}
	h, err := cheader.Parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What the prose of some functions comes to, that of others through references.
func TestResults(t *testing.T) {
	h := realHeader(t)
	for _, c := range []struct{ function, most, codes string }{
		{"mcl_version", "0", ""},
		{"mcl_type_list", "INT_MAX", "MCL_EBUFFER MCL_EINVAL"},
		{"mcl_type_new", "0", "MCL_EADDRESS MCL_EINVAL"},
		{"mcl_message_kind", "MCL_KIND_EXT", "MCL_ECLOSED MCL_EHANDLE MCL_EINVAL MCL_EUNKNOWN"},
		{"mcl_listener_wait", "1", "MCL_EBUSY MCL_ECLOSED MCL_EDESCRIPTORS MCL_EHANDLE MCL_EINTR MCL_EINVAL"},
		{"mcl_replay_get_state", "MCL_REPLAY_FINISHED", "MCL_ECLOSED MCL_EHANDLE MCL_EINVAL"},
		{"mcl_log_writer_close", "0", "MCL_ECLOSED MCL_EDESCRIPTORS MCL_EEXISTS MCL_EHANDLE MCL_EINVAL MCL_ESYSTEM"},
	} {
		for _, f := range h.Functions {
			if f.Name != c.function {
				continue
			}
			r := resultsOf(f, h)
			var codes []string
			for code := range r.codes {
				codes = append(codes, code)
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != c.codes || r.most != c.most {
				t.Errorf("%s: at most %s, %s; not at most %s, %s", c.function, r.most, got, c.most, c.codes)
			}
		}
	}
}

// A function whose arguments cannot be drawn is an error.
func TestUnknownArgument(t *testing.T) {
	h := realHeader(t)
	h.Functions = append(h.Functions, cheader.Function{Name: "mcl_new", Result: "int",
		Params: []cheader.Param{{Type: "mcl_unheard_of *", Name: "x"}}})
	if _, err := emit(h); err == nil || !strings.Contains(err.Error(), "mcl_new") {
		t.Errorf("the error is %v", err)
	}
}
