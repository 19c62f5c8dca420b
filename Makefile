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

## ---- tests ----

## ---- demo ----
