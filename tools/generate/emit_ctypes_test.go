package main

import (
	"strings"
	"testing"
)

const thing = `typedef struct mcl_thing mcl_thing;
typedef struct mcl_other mcl_other;

typedef struct mcl_thing_options {
    size_t size;
    const char *name;
    const char *const *names;
    mcl_other *other;
    char text[MCL_TEXT_MAX];
} mcl_thing_options;

typedef struct mcl_received {
    const char *topic;
    size_t topic_size;
} mcl_received;

int mcl_thing_open(const mcl_thing_options *options, mcl_thing **thing);
int mcl_thing_take(mcl_thing *thing, const mcl_received *from, void *buffer, size_t *needed);
int mcl_thing_unused(mcl_thing *thing);
`

func TestCtypes(t *testing.T) {
	text, err := writeCtypes(thing, map[string]bool{"mcl_thing_open": true, "mcl_thing_take": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"class Thing(c_void_p):", "class Other(c_void_p):",
		"class ThingOptions(Sized):", "('name', c_char_p)", "('names', POINTER(c_char_p))", "('other', Other)",
		"('text', c_char * constants.MCL_TEXT_MAX)",
		"class Received(ctypes.Structure):", "('topic', c_void_p)",
		"'mcl_thing_open': (c_int, [POINTER(ThingOptions), POINTER(Thing)]),",
		"'mcl_thing_take': (c_int, [Thing, POINTER(Received), c_void_p, POINTER(c_size_t)]),",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "unused") {
		t.Error("a function is declared that nothing calls")
	}
}

func TestATypeThatCtypesCannotHave(t *testing.T) {
	if _, err := writeCtypes(thing+"int mcl_f(float x);\n", map[string]bool{"mcl_f": true}); err == nil || !strings.Contains(err.Error(), "float") {
		t.Errorf("got %v", err)
	}
}
