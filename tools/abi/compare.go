package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A change is one of the interface, and what it does to programs that are compiled already.
type change struct{ what, verdict string }

func (c change) String() string { return fmt.Sprintf("%s: %s", c.what, c.verdict) }

const breaking = "BREAKS compiled programs"

// compare tells what changed from one record to another.
func compare(old, now *record) []change {
	if old.soname != now.soname {
		// Another library to programs: the old ones do not find it, and so are not broken by it.
		return []change{{fmt.Sprintf("the soname %q is now %q", old.soname, now.soname), "begins a new interface"}}
	}
	var all []change
	each(&all, "function", old.functions, now.functions, func(string) string { return breaking })
	each(&all, "constant", old.constants, now.constants, func(name string) string {
		if strings.HasPrefix(name, "MCL_VERSION") {
			return "a new version"
		}
		return breaking + ", which have the old value in them"
	})
	for _, name := range slices.Sorted(maps.Keys(old.structs)) {
		before, after := old.structs[name], now.structs[name]
		switch {
		case after == nil:
			all = append(all, change{"struct " + name + " is gone", breaking})
		case slices.Equal(before, after):
		case grew(before, after):
			all = append(all, change{"struct " + name + " has more fields at its end", "compatible: its size tells"})
		default:
			all = append(all, change{"struct " + name + " has another layout", breaking})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.structs)) {
		if old.structs[name] == nil {
			all = append(all, change{"struct " + name + " is new", "compatible"})
		}
	}
	return all
}

func each(all *[]change, what string, old, now map[string]string, verdict func(name string) string) {
	for _, name := range slices.Sorted(maps.Keys(old)) {
		value, there := now[name]
		switch {
		case !there:
			*all = append(*all, change{what + " " + name + " is gone", breaking})
		case value != old[name]:
			*all = append(*all, change{fmt.Sprintf("%s %s was %s and is %s", what, name, old[name], value), verdict(name)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, there := old[name]; !there {
			*all = append(*all, change{what + " " + name + " is new", "compatible"})
		}
	}
}

// grew tells whether a struct only has more at its end, which a struct may that begins with its size.
func grew(before, after []string) bool {
	return len(before) > 1 && strings.HasSuffix(before[1], " size_t size") && len(after) > len(before) &&
		slices.Equal(before[1:], after[1:len(before)])
}
