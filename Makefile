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

.PHONY: test-c
test-c: lib wrapper
	tests/c/run

## ---- demo ----
