# SPDX-License-Identifier: MIT
#
# The front door. CMake does the building, in $(BUILD); what is built with other flags has a
# directory of its own below it. `make help` lists what there is.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# What the demo walks; nothing: /usr/include. A PostgreSQL for what it counts, as "host=... dbname=...".
DIRECTORY ?=
POSTGRES ?=
# More for ctest, such as TESTS="-R lock".
TESTS ?=

# Debian packages, installed by name where they are missing.
PACKAGES = cmake gcc libc6-dev make
# What the optional libraries need. Each is built where its client library is found.
OPTIONAL_PACKAGES = libgmp-dev libhiredis-dev libmariadb-dev libmpfr-dev libpq-dev libsqlite3-dev
# The servers that tests run, privately.
SERVER_PACKAGES = mariadb-client-core mariadb-server-core postgresql redis-server
# What benchmarks compare with.
PEER_PACKAGES = g++ golang-go libaprutil1-dev pkgconf python3
# The cases of the decimal specification. Which Python there is is known once apt has its lists.
TESTSUITE = $(or $(shell apt-cache search --names-only '^libpython3\.[0-9]+-testsuite$$' 2>/dev/null | \
	sort -V | head -n 1 | cut -d ' ' -f 1),libpython3.11-testsuite)
TEST_PACKAGES = $(PACKAGES) $(OPTIONAL_PACKAGES) $(SERVER_PACKAGES) clang g++ libdw-dev \
	$(TESTSUITE) mandoc \
	musl-tools pkgconf python3 spin

INSTALL_PACKAGES = @tools/install-packages
CONFIGURE = @>/dev/null cmake -S . --log-level=WARNING -DCMAKE_RULE_MESSAGES=OFF
BUILD_IN = @MAKEFLAGS=--no-print-directory cmake --build
TEST_IN = @ctest --output-on-failure -j $(JOBS) $(TESTS) --test-dir
# Tests of the sources choose their own compilers; they are not run again for other flags.
export ASAN_OPTIONS ?= suppressions=$(CURDIR)/tests/asan.suppressions
OTHER_FLAGS = -DWITH_BUILD_MAN=OFF -DWITH_INSTALL=OFF -DWITH_BUILD_BENCH=OFF
TEST_AGAIN_IN = @$(FIXED) ctest --output-on-failure -j $(JOBS) -LE source $(TESTS) --test-dir
# The sanitizers of gcc 12 and clang 14 do not know the address space layout of newer kernels.
FIXED := $(shell setarch "$$(uname -m)" -R true 2>/dev/null && echo setarch "$$(uname -m)" -R)
FORMATTED = $(wildcard include/*.h include/*/*.h src/*/*.[ch] src/*/*/*.[ch] tests/*.[ch] \
	tests/*.cpp tests/*/*.[ch] tests/*/*/*.[ch] bench/*.[ch] bench/*.cpp \
	examples/*.[ch] examples/*/*.[ch] docs/code/*.[ch])
CLANG_FORMAT ?= $(shell command -v clang-format-14 || echo clang-format)

.DEFAULT_GOAL := all
.PHONY: all demo test bench packages install asan tsan valgrind coverage check-format format clean help

all: ## build the libraries, man pages, examples and tests
	$(INSTALL_PACKAGES) $(PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(BUILD_IN) $(BUILD) -j $(JOBS)

demo: ## build the tour and run it (DIRECTORY=... is what it walks)
	$(INSTALL_PACKAGES) $(PACKAGES) libgmp-dev libmpfr-dev libsqlite3-dev $(if $(POSTGRES),libpq-dev)
	$(CONFIGURE) -B $(BUILD)
	$(BUILD_IN) $(BUILD) -j $(JOBS) --target tour
	@$(BUILD)/examples/tour "$(DIRECTORY)" "$(POSTGRES)"

test: ## build and run all tests (TESTS="-R lock": some)
	$(INSTALL_PACKAGES) $(TEST_PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(BUILD_IN) $(BUILD) -j $(JOBS)
	$(TEST_IN) $(BUILD)

bench: ## build the benchmarks and run one after another
	$(INSTALL_PACKAGES) $(PACKAGES) $(OPTIONAL_PACKAGES) $(SERVER_PACKAGES) $(PEER_PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(BUILD_IN) $(BUILD) -j $(JOBS) --target benches
	$(BUILD_IN) $(BUILD) --target bench

packages: ## install what the tests need, by name where it is missing
	$(INSTALL_PACKAGES) $(TEST_PACKAGES)

install: ## install below PREFIX=/usr/local (and DESTDIR)
	$(INSTALL_PACKAGES) $(PACKAGES)
	$(CONFIGURE) -B $(BUILD)/install -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
	    -DWITH_BUILD_TESTS=OFF -DWITH_BUILD_EXAMPLES=OFF -DWITH_BUILD_BENCH=OFF
	$(BUILD_IN) $(BUILD)/install -j $(JOBS)
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD)/install
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig 2>/dev/null || true; fi

asan: ## run the tests under the address and undefined behaviour sanitizers
	$(INSTALL_PACKAGES) $(TEST_PACKAGES)
	$(CONFIGURE) -B $(BUILD)/asan -DWITH_SANITIZE=address,undefined $(OTHER_FLAGS)
	$(BUILD_IN) $(BUILD)/asan -j $(JOBS)
	$(TEST_AGAIN_IN) $(BUILD)/asan

tsan: ## run the tests under the thread sanitizer
	$(INSTALL_PACKAGES) $(TEST_PACKAGES)
	$(CONFIGURE) -B $(BUILD)/tsan -DWITH_SANITIZE=thread $(OTHER_FLAGS)
	$(BUILD_IN) $(BUILD)/tsan -j $(JOBS)
	$(TEST_AGAIN_IN) $(BUILD)/tsan

valgrind: ## run the tests under valgrind
	$(INSTALL_PACKAGES) $(TEST_PACKAGES) valgrind
	$(CONFIGURE) -B $(BUILD)/valgrind -DWITH_VALGRIND=ON $(OTHER_FLAGS)
	$(BUILD_IN) $(BUILD)/valgrind -j $(JOBS)
	$(TEST_AGAIN_IN) $(BUILD)/valgrind

# -fexceptions gives each call a second branch, taken by foreign exceptions; those are not counted.
# What is required is what is reached: raise it when it rises.
GCOVR = gcovr --root . --filter src/core/ --exclude-throw-branches \
	$(BUILD)/coverage/CMakeFiles/with.dir/src/core

coverage: ## print which lines and branches of the core the tests run
	$(INSTALL_PACKAGES) $(TEST_PACKAGES) gcovr
	$(CONFIGURE) -B $(BUILD)/coverage -DCMAKE_BUILD_TYPE=Debug -DWITH_COVERAGE=ON $(OTHER_FLAGS)
	$(BUILD_IN) $(BUILD)/coverage -j $(JOBS)
	@find $(BUILD)/coverage -name '*.gcda' -delete
	$(TEST_AGAIN_IN) $(BUILD)/coverage
	@$(GCOVR)
	@$(GCOVR) --branches --print-summary --fail-under-line 99 --fail-under-branch 90

check-format: ## check that clang-format would change nothing
	$(INSTALL_PACKAGES) clang-format
	@$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

format: ## have clang-format lay out the sources
	$(INSTALL_PACKAGES) clang-format
	@$(CLANG_FORMAT) -i $(FORMATTED)

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 20
