package main

import (
	"os"
	"strings"
	"testing"
)

const enough = "enum mcl_code {\n MCL_OK = 0,\n MCL_EINVAL = -1 /* bad */\n};\n" +
	"enum mcl_malformed {\n MCL_MALFORMED_SHAPE = 0\n};\n"

func TestForms(t *testing.T) {
	h, err := parse("#define MCL_H\n#define MCL_A_B (-1) /* why */\n#define MCL_V \"1.0\"\n" +
		"#define MCL_NUL ((size_t)-1)\n#define MCL_X_INIT {sizeof(x), 0}\n#define MCL_R 0.01\n" + enough)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range h.constants {
		got = append(got, goName(c))
	}
	if want := "aB v nul r codeOK codeEINVAL malformedShape"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if a := h.constants[0]; a.number != -1 || a.remark != "why" {
		t.Errorf("MCL_A_B is %+v", a)
	}
}

// A form that the generator does not know must stop it: a constant left out would be missed much later.
func TestUnknownFormsAreRefused(t *testing.T) {
	for _, source := range []string{
		"#define MCL_A (1 << 3)\n" + enough,
		enough + "enum mcl_other {\n MCL_IMPLICIT,\n MCL_ONE = 1\n};\n",
		"#define MCL_A 1\n",
	} {
		if h, err := parse(source); err == nil {
			t.Errorf("%q gave %+v", source, h.constants)
		}
	}
}

// Each constant that a C compiler would see in the header is found: they all begin a line or follow #define.
func TestNothingIsMissed(t *testing.T) {
	source, err := os.ReadFile("../../" + headerPath)
	if err != nil {
		t.Fatal(err)
	}
	h, err := parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range h.constants {
		known[c.name] = true
	}
	for _, line := range strings.Split(string(source), "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || !(words[0] == "#define" || strings.HasPrefix(words[0], "MCL_") && words[1] == "=") {
			continue
		}
		name := strings.TrimPrefix(words[0], "#define")
		if name == "" {
			name = words[1]
		}
		if !known[name] && !strings.HasSuffix(name, "_INIT") {
			t.Errorf("%s is missed", name)
		}
	}
}
