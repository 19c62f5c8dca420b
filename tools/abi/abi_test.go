package main

import (
	"strings"
	"testing"
)

func sample() *record {
	return &record{
		soname:    "libmcl.so.0",
		functions: map[string]string{"mcl_open": "int mcl_open(mcl_thing **thing)", "mcl_text": "const char *mcl_text(void)"},
		constants: map[string]string{"MCL_PORT": "5", "MCL_VERSION": `"0.1.0"`},
		structs: map[string][]string{
			"mcl_options":  {"16", "0 8 size_t size", "8 4 int32_t a"},
			"mcl_received": {"8", "0 8 size_t topic_size"},
		},
	}
}

func TestReadWhatIsWritten(t *testing.T) {
	text := sample().String()
	if again := parseRecord(text).String(); again != text {
		t.Errorf("%s\nis read as\n%s", text, again)
	}
	if changes := compare(parseRecord(text), sample()); len(changes) != 0 {
		t.Error(changes)
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		change func(r *record)
		want   string
		breaks bool
	}{
		{func(r *record) { r.functions["mcl_new"] = "int mcl_new(void)" }, "function mcl_new is new", false},
		{func(r *record) { delete(r.functions, "mcl_open") }, "function mcl_open is gone", true},
		{func(r *record) { r.functions["mcl_open"] = "int mcl_open(void)" }, "function mcl_open was", true},
		{func(r *record) { r.constants["MCL_PORT"] = "6" }, "MCL_PORT was 5 and is 6", true},
		{func(r *record) { r.constants["MCL_VERSION"] = `"0.2.0"` }, "MCL_VERSION was", false},
		{func(r *record) { r.constants["MCL_MORE"] = "1" }, "MCL_MORE is new", false},
		{func(r *record) { r.structs["mcl_more"] = []string{"8", "0 8 size_t size"} }, "mcl_more is new", false},
		{func(r *record) { delete(r.structs, "mcl_received") }, "mcl_received is gone", true},
		{func(r *record) {
			r.structs["mcl_options"] = []string{"24", "0 8 size_t size", "8 4 int32_t a", "16 8 int64_t b"}
		}, "mcl_options has more fields", false},
		{func(r *record) { r.structs["mcl_options"] = []string{"16", "0 8 size_t size", "8 8 int64_t a"} }, "mcl_options has another", true},
		{func(r *record) { r.structs["mcl_options"] = []string{"8", "0 8 size_t size"} }, "mcl_options has another", true},
		{func(r *record) {
			r.structs["mcl_received"] = []string{"16", "0 8 size_t topic_size", "8 8 size_t more"}
		}, "mcl_received has another", true},
		{func(r *record) { r.soname = "libmcl.so.1"; delete(r.functions, "mcl_open") }, "soname", false},
	} {
		now := sample()
		c.change(now)
		changes := compare(sample(), now)
		if len(changes) != 1 || !strings.Contains(changes[0].String(), c.want) || breaks(changes) != c.breaks {
			t.Errorf("%q: %v", c.want, changes)
		}
	}
}
