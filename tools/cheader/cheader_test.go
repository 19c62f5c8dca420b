package cheader

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const sample = `/* h.h - a header. */
#define MCL_PORT 5 /* of all */
#define MCL_OPTIONS_INIT {0}
#ifdef __cplusplus
extern "C" {
#endif

typedef struct mcl_thing mcl_thing;

enum mcl_mode { /* which */
    MCL_SLOW = 1,
    MCL_FAST = 2 /* ; not slow, */
};

typedef struct mcl_options {
    size_t size; /* of it */
    const char *const *names;
    uint8_t address[16];
    void (*call)(void *context, const mcl_options *o);
} mcl_options;

/* Opens. Errors: MCL_EINVAL. */
int mcl_open(const mcl_options *options, mcl_thing *const *others, size_t count,
             mcl_thing **thing);
int mcl_look(mcl_thing *thing); /* behind */

const char *mcl_version(void);

#ifdef __cplusplus
}
#endif
`

func TestParse(t *testing.T) {
	h, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	var prototypes, fields []string
	for _, f := range h.Functions {
		prototypes = append(prototypes, f.Prototype()+" | "+f.Prose)
	}
	if got, want := h.Functions[0].Signature(), "int mcl_open(const mcl_options *, mcl_thing *const *, size_t, mcl_thing **)"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	for _, f := range h.Structs[0].Fields {
		fields = append(fields, f.String())
	}
	for _, c := range []struct{ got, want []string }{
		{prototypes, []string{
			"int mcl_open(const mcl_options *options, mcl_thing *const *others, size_t count, mcl_thing **thing) | Opens. Errors: MCL_EINVAL.",
			"int mcl_look(mcl_thing *thing) | Opens. Errors: MCL_EINVAL.",
			"const char *mcl_version(void) | ",
		}},
		{fields, []string{"size_t size", "const char *const *names", "uint8_t address[16]",
			"void (*call)(void *context, const mcl_options *o)"}},
		{h.Handles, []string{"mcl_thing"}},
		{h.Constants, []string{"MCL_PORT", "MCL_SLOW", "MCL_FAST"}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%q\nnot %q", c.got, c.want)
		}
	}
}

func TestUnknownForms(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{"size_t count", "size_t counts[3][4]"},
		{"int mcl_look(mcl_thing *thing);", "static inline int mcl_look(mcl_thing *t) { return 0; }"},
		{"enum mcl_mode {", "enum {"},
		{"size_t size; /*", "size_t size : 3; /*"},
		{"} mcl_options;", "} mcl_settings;"},
		{"const char *mcl_version(void);", "const char *mcl_version(void)"},
		{"/* behind */", "/* behind"},
	} {
		source := strings.Replace(sample, c.old, c.new, 1)
		if source == sample {
			t.Fatalf("%q is not there", c.old)
		}
		if h, err := Parse(source); err == nil {
			t.Errorf("%q passes: %+v", c.new, h)
		}
	}
}

// Every name that the real header declares is found.
func TestRealHeader(t *testing.T) {
	source, err := os.ReadFile("../../include/mcl.h")
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(string(source))
	if err != nil {
		t.Fatal(err)
	}
	// Of the lines that end a declaration of a function, two are those of callbacks.
	if n := strings.Count(string(source), ");\n") - strings.Count(string(source), ")(void *context"); len(h.Functions) != n {
		t.Errorf("%d functions, not %d", len(h.Functions), n)
	}
	if n := strings.Count(string(source), "typedef struct "); len(h.Structs)+len(h.Handles) != n {
		t.Errorf("%d structs and handles, not %d", len(h.Structs)+len(h.Handles), n)
	}
}
