# make demo       builds everything and shows it at work
# make test       runs all tests; its parts are test-go, test-capi, test-c, test-python, test-interop, test-networks,
#                  test-soak, test-readme, test-builds, test-demo and test-bench
# make lint       runs the linters (tests/lint/run), which make lint-tools installs into build/lint; with them the
#                  type checks of test-types and the comparison of the binary interface
# make misuse     CALLS=1000000 SEED= THREADS=4 CYCLES=100000: random calls from C, under AddressSanitizer and the race
#                  detector, and what is left of so many objects
# make exits      TIMES=40: programs in C and on every interpreter end in every way amid whatever the library does
# make fuzz       MINUTES=1: looks for input that breaks something, so long in each of ten places (tests/fuzz/run)
# make flood      DATAGRAMS=10000000: so many hostile datagrams beside a healthy publisher
# make mixing     MESSAGES=100000: so many large messages over each of ten bad networks; none may be a mixture
# make soak       MINUTES=60 SEED=: everything at once amid faults, and every minute all is accounted for (tests/soak/run)
# make bench      measures all, against bare sockets and other systems (tests/bench/README.md); bench-quick in under
#                  two minutes; bench-go the core by itself; bench-record, bench-replay and bench-read logs
# make lib        builds build/libmcl.so
# make install    PREFIX=/usr/local DESTDIR= LIB=lib; make uninstall
# make generate   carries the numbers of include/mcl.h to the other languages
# make abi        records a change of the binary interface, and says what it breaks (tests/capi/abi.txt)
# make clean      removes what was built
# make help       prints this

PREFIX  ?= /usr/local
PYTHON  ?= python3
BUILD   := build
# One compiler for all C, also that of cgo, whose sanitizers know it by its name. Go is run by tools/go: GO=... names another
# than the one on PATH.
ifeq ($(origin CC),default)
CC      := $(notdir $(shell command -v gcc || command -v clang || echo cc))
endif
export CC

.PHONY: all help clean
all: lib

help:
	@sed -n '/^$$/q; s/^# //p' Makefile

clean:
	rm -rf $(BUILD) bindings/python/build bindings/python/*.egg-info

## ---- library (build/libmcl.so) ----

.PHONY: lib generate check-generated
lib: $(BUILD)/libmcl.so.0

LIBRARY_SOURCES := go.mod include/mcl.h capi/exports.map tools/overlay/main.go \
	$(shell find capi core -name '*.go' -not -name '*_test.go') $(wildcard capi/*.c capi/*.h)
SONAME := libmcl.so.0

# The linker's flags are no #cgo LDFLAGS, since cgo refuses these. Of the settings of Go's one leaves SIGURG to the
# program (capi/signals.c), and one lets a wrong pointer of the program's be its own fault, where Go would end the process when
# it comes upon it. As //go:debug lines Go refuses them.
LIBRARY_LDFLAGS := -s -w -X runtime.godebugDefault=asyncpreemptoff=1,invalidptr=0 -extldflags '-Wl,-soname,$(SONAME) \"-Wl,--version-script=$(CURDIR)/capi/exports.map\" -Wl,-z,nodelete'

# The overlay keeps SIGCHLD and SIGPROF off Go's threads (tools/overlay). A library that is in use is replaced, not
# written over. go build also writes a header of the private exports, which nobody is to use.
$(BUILD)/libmcl.so: $(LIBRARY_SOURCES) $(BUILD)/_settings
	tools/go --host run ./tools/overlay $(BUILD)/_overlay
	CGO_ENABLED=1 tools/go build -overlay $(BUILD)/_overlay/overlay.json -trimpath -buildmode=c-shared -ldflags "$(LIBRARY_LDFLAGS)" -o $(BUILD)/_libmcl.so ./capi
	mv -f $(BUILD)/_libmcl.so $@
	rm -f $(BUILD)/_libmcl.h

$(BUILD)/libmcl.so.0: $(BUILD)/libmcl.so
	ln -sf libmcl.so $@

# What was built by another compiler, or for another machine, is built anew.
.PHONY: always
$(BUILD)/_settings: always
	@mkdir -p $(BUILD)
	@echo '$(CC) $(CFLAGS) $(CGO_CFLAGS) $(CGO_LDFLAGS) $(GOOS) $(GOARCH) $(GOARM)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# Writes the constants of the other languages from include/mcl.h.
generate:
	tools/go --host run ./tools/generate

check-generated:
	tools/go --host run ./tools/generate -check

# Records the binary interface, after a change that is meant.
.PHONY: abi
abi: lib
	tools/go --host run ./tools/abi

## ---- install ----

# PREFIX=/usr/local [DESTDIR=...] [LIB=lib64]; uninstall with the same.
.PHONY: wrapper install uninstall
wrapper: $(BUILD)/_settings
	$(MAKE) -C bindings/c BUILD=$(if $(filter /%,$(BUILD)),,../../)$(BUILD)/c

install: lib wrapper
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIB='$(LIB)' bindings/c/package/install $(BUILD)/libmcl.so $(BUILD)/c/libmclw.a

uninstall:
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIB='$(LIB)' bindings/c/package/install uninstall

## ---- linters ----

# PARTS="go c header python types shell" picks some.
.PHONY: lint lint-tools
lint: lib
	tests/lint/run $(PARTS)

lint-tools:
	tests/lint/install

## ---- tests ----

# One after the other, also under -j: they measure time here and there.
.PHONY: test
test:
	$(MAKE) test-go
	$(MAKE) test-capi
	$(MAKE) test-c
	$(MAKE) test-python
	$(MAKE) test-interop
	$(MAKE) test-networks
	$(MAKE) test-soak
	$(MAKE) test-readme
	$(MAKE) test-builds
	$(MAKE) test-demo
	$(MAKE) test-bench

# The packages' tests bring themselves into a private network (tests/testnet).
.PHONY: test-go
test-go:
	@tools/go version
	@files=$$("$$(tools/go env GOROOT)/bin/gofmt" -l core capi tools demo tests); [ -z "$$files" ] || { echo "not formatted: $$files"; exit 1; }
	tools/go vet ./...
	tools/go mod tidy -diff
	tools/go test -race ./core/... ./tools/...
	tools/go test ./core/...
	tools/go test -tags mcl_portable ./core/...
	GOOS=darwin tools/go vet ./core/...
	GOOS=freebsd tools/go build ./core/...

# The demo fails when a listener misses a message.
.PHONY: test-demo
test-demo:
	SPEED=10 $(MAKE) demo

# The benchmarks work: a few messages of each.
.PHONY: test-bench
test-bench: lib
	tests/bench/run --smoke
	tools/go run ./tests/bench/record -rate 1000 -for 1s
	tools/go run ./tests/bench/replay -n 300
	tools/go run ./tests/bench/read -size 20 -python ''

.PHONY: test-readme
test-readme:
	tests/readme/run

# Other compilers, machines and homes than those of whoever runs it.
.PHONY: test-builds
test-builds:
	tests/builds/run

.PHONY: test-capi
test-capi: lib check-generated
	tools/go test ./capi
	tests/capi/static
	tests/capi/run
	tests/capi/run --asan
	tests/fuzz/run
	tests/capi/misuse/run

# Many calls that no program should make (tests/capi/misuse/run); some minutes. test-capi has a short form of it.
.PHONY: misuse
misuse: lib
	CALLS=$(or $(CALLS),1000000) CYCLES=$(or $(CYCLES),100000) SEED='$(SEED)' THREADS=$(or $(THREADS),4) tests/capi/misuse/run

.PHONY: test-c
test-c: lib wrapper
	tests/c/run

# On every interpreter that is found; PYTHONS="2.7 3.11" selects, EVERYTHING=1 has those in between share out nothing.
.PHONY: test-python wheel
test-python: lib
	tests/python/run

# The stubs, by mypy and from a wheel; needs Python 3.10 or later. It is a part of `make lint`, not of `make test`.
.PHONY: test-types
test-types: lib
	tests/python/typing/run

# A wheel for pip, for every Python on this platform.
wheel: lib
	$(PYTHON) -m pip wheel --no-deps -w $(BUILD)/wheel ./bindings/python

# Every language to every language, and to legacy peers (tests/interop/README.md).
.PHONY: test-interop
test-interop: lib wrapper
	tests/interop/run

# Networks that change, lose, repeat and reorder, between hosts that are namespaces (tests/networks/README.md).
.PHONY: test-networks
test-networks:
	tools/go test -count=1 ./tests/networks
	tools/go test -count=1 -tags mcl_portable -skip Netem ./tests/networks

## ---- long tests ----

.PHONY: exits fuzz flood mixing soak
# Of each state so many: programs that end in every way while the library is at something.
exits: lib
	MCL_EXITS=$(or $(TIMES),40) TIME_LIMIT=3600 tests/capi/run exits
	MCL_EXITS=$(or $(TIMES),40) TIME_LIMIT=3600 tests/capi/run --asan exits
	MCL_EXITS=$(or $(TIMES),40) TIME_LIMIT=3600 tests/python/run -k test_exit_states

fuzz: lib
	tests/fuzz/run $(or $(MINUTES),1)

flood:
	MCL_FLOOD=$(or $(DATAGRAMS),10000000) tools/go test -count 1 -timeout 0 -v -run '^TestAFloodOfHostileDatagrams$$' ./core

mixing:
	MCL_MIXING=$(or $(MESSAGES),100000) tools/go test -count 1 -timeout 0 -v -run 'LargeMessages.*Mix' ./tests/networks

soak: lib wrapper
	tests/soak/run $(or $(MINUTES),60) $(SEED)

# The soak for a moment, so that it is known to run.
.PHONY: test-soak
test-soak: lib wrapper
	MCL_SOAK_MINUTE=7 tests/soak/run 3

## ---- benchmarks ----

# Everything, pair by pair (tests/bench/README.md). ARGS passes options, such as ARGS="--only publish".
.PHONY: bench bench-quick bench-go
bench: lib
	tests/bench/run --output $(BUILD)/bench/results $(ARGS)

bench-quick: lib
	tests/bench/run --quick --output $(BUILD)/bench/results-quick $(ARGS)

# In the form that benchstat compares: make bench-go >before, and so on.
bench-go:
	@tools/go test -run '^$$' -bench . -count 10 $(ARGS) ./core ./core/internal/...

# What is lost of 50,000 messages a second that are recorded while another process spins, and while the recording Python
# program itself does; how late a replay is; memory and time that reading 1 GB takes. ARGS passes options.
.PHONY: bench-record bench-replay bench-read
bench-record: lib
	tools/go run ./tests/bench/record $(ARGS)
	tools/go build -o $(BUILD)/bench/record ./tests/bench/record
	tests/netns $(PYTHON) tests/bench/recording.py --sender $(BUILD)/bench/record

bench-replay:
	tools/go run ./tests/bench/replay $(ARGS)

bench-read: lib
	tools/go run ./tests/bench/read -python $(PYTHON) $(ARGS)

## ---- demo ----

# Builds what it needs itself, after it has checked that it can (demo/README.md).
.PHONY: demo
demo:
	@MAKE='$(MAKE)' demo/run
