# make demo   builds everything and shows it at work
# make test   runs all tests
# make help   lists the rest

PREFIX  ?= /usr/local
GO      ?= go
PYTHON  ?= python3
BUILD   := build

.PHONY: all help
all: lib

## ---- library (build/libmcl.so) ----

.PHONY: lib generate check-generated
lib: $(BUILD)/libmcl.so.0

LIBRARY_SOURCES := go.mod include/mcl.h capi/exports.map internal/overlay/main.go \
	$(shell find capi core -name '*.go' -not -name '*_test.go') $(wildcard capi/*.c capi/*.h)
SONAME := libmcl.so.0

# The linker's flags are no #cgo LDFLAGS, since cgo refuses these. The setting of Go's leaves SIGURG to the program
# (capi/signals.c); as a //go:debug line Go refuses it.
LIBRARY_LDFLAGS := -s -w -X runtime.godebugDefault=asyncpreemptoff=1 -extldflags '-Wl,-soname,$(SONAME) -Wl,--version-script=$(CURDIR)/capi/exports.map -Wl,-z,nodelete'

# The overlay keeps SIGCHLD and SIGPROF off Go's threads (internal/overlay). go build also writes a header of the private
# exports, which nobody is to use.
$(BUILD)/libmcl.so: $(LIBRARY_SOURCES)
	$(GO) run ./internal/overlay $(BUILD)/overlay
	$(GO) build -overlay $(BUILD)/overlay/overlay.json -trimpath -buildmode=c-shared -ldflags "$(LIBRARY_LDFLAGS)" -o $@ ./capi
	rm -f $(BUILD)/libmcl.h

$(BUILD)/libmcl.so.0: $(BUILD)/libmcl.so
	ln -sf libmcl.so $@

# Writes the constants of the other languages from include/mcl.h.
generate:
	$(GO) run ./internal/generate

check-generated:
	$(GO) run ./internal/generate -check

## ---- install ----

# make install PREFIX=/usr/local [DESTDIR=...] [LIB=lib64]; uninstall with the same.
.PHONY: wrapper install uninstall
wrapper:
	$(MAKE) -C bindings/c BUILD=$(abspath $(BUILD))/c

install: lib wrapper
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIB='$(LIB)' bindings/c/package/install $(BUILD)/libmcl.so $(BUILD)/c/libmclw.a

uninstall:
	PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' LIB='$(LIB)' bindings/c/package/install uninstall

## ---- tests ----

.PHONY: test-capi
test-capi: lib check-generated
	$(GO) test ./internal/...
	tests/capi/static
	tests/capi/run
	tests/capi/run --asan

.PHONY: test-c
test-c: lib wrapper
	tests/c/run

## ---- demo ----

# Builds what it needs itself, after it has checked that it can (demo/README.md).
.PHONY: demo
demo:
	CC='$(CC)' GO='$(GO)' PYTHON='$(PYTHON)' MAKE='$(MAKE)' demo/run
