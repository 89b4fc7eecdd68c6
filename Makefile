# make run     installs missing packages, builds, and starts Monoport at http://localhost:8000 (ARGS="--port 9000" to change)
# make build   builds build/monoport; names missing packages and installs nothing
# make setup   installs the packages that the build needs (Debian); setup-test also those for the tests
# make install copies programs, man pages, systemd unit and example configuration below PREFIX=/usr/local (DESTDIR= before it)
# make test    installs the packages for the tests and runs all tests (SANITIZE=1: with AddressSanitizer and UBSan)
# make simulate  runs the simulator for SECONDS=60 with fresh seeds (FROM=1: from seed 1 on)
# make fuzz      runs all fuzz targets, SECONDS=60 in total; make coverage reports the branch coverage of the parsers
# make bench   measures the server beside a plain reference and writes bench/RESULTS.md (ten minutes, alone on the machine)
# make soak    hours of joins, calls and faults at once: HOURS=1 (the default); writes its results to build/soak
# make lab     a call from every kind of network with every browser; writes docs/nat-matrix.md and its picture (ten minutes)
# make quality  measures picture and sound of viewers on bad lines; writes docs/quality.md and its pictures (half an hour, alone on the machine, as root)
# make interop  other WebRTC stacks against the server; writes docs/interop.md (ten minutes)
# make experiments  shows packet by packet why a call works behind each kind of NAT; writes docs/experiments.md (four minutes)
# make debian13  builds the program and runs its unit tests in a Debian 13 root, which it creates first (build-debian13)
# make mutants  puts small mistakes into the core and lists those that no test finds: tests/mutants --help, ARGS="--sample 400"
# make analyze  runs the clang analyzer over src (a few minutes)
# make format  formats the C sources with clang-format
# make clean   removes the build folders

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
.PHONY: run build install check build-tests test simulate fuzz fuzz-targets coverage bench lab quality interop interop-stacks experiments soak asan tsan clang debian13 mutants analyze page setup setup-test format clean

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

quality: setup-test build tests/e2e/node_modules/.stamp
	@lab/quality/quality.mjs $(ARGS)

interop: setup-test build tests/e2e/node_modules/.stamp interop-stacks
	@lab/interop/interop.mjs $(ARGS)

interop-stacks: lab/interop/node_modules/.stamp $(BUILD)/interop/pion

# Debian installs Go packages into a GOPATH. Go resolves an import path with /v3 only for sources inside a GOPATH.
$(BUILD)/interop/pion: $(wildcard lab/interop/pion/*) | setup-test
	@echo "Building the client of Pion"
	@mkdir -p $(@D)/go/src && ln -sfn $(CURDIR)/lab/interop/pion $(@D)/go/src/pion
	@cd $(@D) && GO111MODULE=off GOFLAGS= GOCACHE=$(CURDIR)/$(@D)/cache GOPATH=$(CURDIR)/$(@D)/go:/usr/share/gocode go build -o pion pion

experiments: setup-test build tests/e2e/node_modules/.stamp
	@lab/experiments/experiments.mjs $(ARGS)

debian13: setup-test page
	@tools/debian13

# Takes hours, so it is never a part of `make test`. build-mutants keeps the results of each mutant for the next run.
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

# Names missing packages; "make setup" installs them on Debian.
check:
	@tools/setup check

setup:
	@tools/setup run

setup-test:
	@tools/setup test

# The slow checks of the clang analyzer over src: a few minutes. `make test` runs the fast ones (tests/tidy).
analyze: build-tests
	@tests/tidy --analyze $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD) $(ASAN) $(TSAN) $(CLANG) $(FUZZ) $(COVERAGE) build-mutants web/dist
	rm -rf --one-file-system build-debian13
