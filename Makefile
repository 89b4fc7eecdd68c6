# make run     installs what is missing, builds, and starts Monoport at http://localhost:8000 (ARGS="--port 9000" to change)
# make build   builds build/monoport; names what is missing and installs nothing
# make setup   installs what the build needs (Debian); setup-test what the tests need, too
# make install copies programs, man pages, systemd unit and example configuration below PREFIX=/usr/local (DESTDIR= before it)
# make test    installs what the tests need and runs them all (SANITIZE=1: with AddressSanitizer and UBSan)
# make simulate  runs the simulator for SECONDS=60, seeds from now on (FROM=1 to choose them)
# make fuzz      runs the fuzz targets for SECONDS=60 in all; make coverage says how much of the parsers tests and corpora reach
# make bench   measures the server beside a plain reference and writes bench/RESULTS.md (ten minutes, alone on the machine)
# make soak    hours of joins, calls and faults at once: HOURS=1 (the default); build/soak has what came of it
# make lab     a call from every kind of network with every browser; writes docs/nat-matrix.md and its picture (ten minutes)
# make interop  other people's WebRTC stacks against the server; writes docs/interop.md (ten minutes)
# make experiments  what makes a call work behind each kind of NAT, packet by packet; writes docs/experiments.md (four minutes)
# make debian13  builds the program and runs its unit tests in a root of Debian 13, which it makes first (build-debian13)
# make mutants  puts small mistakes into the core and says which ones no test finds: tests/mutants --help, ARGS="--sample 400"
# make format  puts the C sources into the project's form
# make clean   removes what was built

SHELL := bash
.DELETE_ON_ERROR:

BUILD     := build
ASAN      := build-asan
TSAN      := build-tsan
CLANG     := build-clang
FUZZ      := build-fuzz
COVERAGE  := build-coverage
NPM       := npm --no-fund --no-audit --loglevel=error
WEB       := $(shell find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
ARGS      ?=
SECONDS   ?= 60
PREFIX    ?= /usr/local
DESTDIR   ?=
export SANITIZE

.NOTPARALLEL:
.PHONY: run build install check build-tests test simulate fuzz fuzz-targets coverage bench lab interop interop-stacks experiments soak asan tsan clang debian13 mutants page setup setup-test format clean

run: setup build
	exec $(BUILD)/monoport $(ARGS)

build: check page
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) >/dev/null
	@ninja --quiet -C $(BUILD)

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja --quiet -C $(BUILD)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

# The same with the unit tests in it.
build-tests: setup-test build
	@meson configure $(BUILD) -Dtests=true
	@ninja --quiet -C $(BUILD)

asan: setup-test page
	@[ -f $(ASAN)/build.ninja ] || meson setup $(ASAN) -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
	@ninja --quiet -C $(ASAN)

tsan: setup-test page
	@[ -f $(TSAN)/build.ninja ] || meson setup $(TSAN) -Dtests=true -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
	@ninja --quiet -C $(TSAN)

# The other compiler: its warnings are errors too.
clang: setup-test page
	@[ -f $(CLANG)/build.ninja ] || CC=clang meson setup $(CLANG) -Dtests=true >/dev/null
	@ninja --quiet -C $(CLANG)

test: setup-test $(if $(SANITIZE),asan,build-tests asan tsan clang fuzz-targets) tests/e2e/node_modules/.stamp interop-stacks
	@tests/run

simulate: build-tests
	@$(BUILD)/simulate --seconds $(SECONDS) $(if $(FROM),--from $(FROM))

fuzz-targets: setup-test page
	@[ -f $(FUZZ)/build.ninja ] || CC=clang meson setup $(FUZZ) -Dtests=true -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
	@ninja --quiet -C $(FUZZ) fuzz

fuzz: fuzz-targets
	@fuzz/run --seconds $(SECONDS)

coverage: setup-test page
	@[ -f $(COVERAGE)/build.ninja ] || CC=clang meson setup $(COVERAGE) -Dtests=true -Dbuildtype=debug -Dc_args='-fprofile-instr-generate -fcoverage-mapping' -Dc_link_args=-fprofile-instr-generate >/dev/null
	@ninja --quiet -C $(COVERAGE)
	@fuzz/coverage

bench: setup-test build
	@bench/run $(ARGS)

HOURS ?= 1
soak: setup-test build
	@tests/soak/run --hours $(HOURS) $(ARGS)

lab: setup-test build tests/e2e/node_modules/.stamp
	@lab/matrix/matrix.mjs $(ARGS)

interop: setup-test build tests/e2e/node_modules/.stamp interop-stacks
	@lab/interop/interop.mjs $(ARGS)

interop-stacks: lab/interop/node_modules/.stamp $(BUILD)/interop/pion

# Debian's Go packages lie in a GOPATH; only what is in one itself finds those of a /v3.
$(BUILD)/interop/pion: $(wildcard lab/interop/pion/*) | setup-test
	@echo "Building the client of Pion"
	@mkdir -p $(@D)/go/src && ln -sfn $(CURDIR)/lab/interop/pion $(@D)/go/src/pion
	@cd $(@D) && GO111MODULE=off GOFLAGS= GOCACHE=$(CURDIR)/$(@D)/cache GOPATH=$(CURDIR)/$(@D)/go:/usr/share/gocode go build -o pion pion

experiments: setup-test build tests/e2e/node_modules/.stamp
	@lab/experiments/experiments.mjs $(ARGS)

debian13: setup-test page
	@tools/debian13

# Hours: never a part of `make test`. What was tried is remembered in build-mutants.
mutants: setup-test page
	@tests/mutants $(ARGS)

page: web/dist/.stamp

web/dist/.stamp: $(WEB) web/node_modules/.stamp
	@echo "Building the page"
	@cd web && $(NPM) run --silent build
	@touch $@

web/node_modules/.stamp tests/e2e/node_modules/.stamp lab/interop/node_modules/.stamp: %/node_modules/.stamp: %/package-lock.json | check
	@echo "Installing npm packages for $*"
	@cd $* && $(NPM) ci
	@touch $@

# What the build lacks is named; "make setup" installs it on Debian.
check:
	@tools/setup check

setup:
	@tools/setup run

setup-test:
	@tools/setup test

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD) $(ASAN) $(TSAN) $(CLANG) $(FUZZ) $(COVERAGE) build-mutants web/dist
	rm -rf --one-file-system build-debian13
