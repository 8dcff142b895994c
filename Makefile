# SPDX-License-Identifier: MIT
#
# The front door. CMake does the building, in $(BUILD); sanitizers and the like get directories of
# their own below it. `make help` lists what there is.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# What ctest gets, such as CTEST="-R core".
CTEST ?=

# Debian packages, installed by name where they are missing.
PACKAGES = cmake gcc libc6-dev make
TEST_PACKAGES = $(PACKAGES) clang g++ libdw-dev mandoc musl-tools pkgconf python3

INSTALL_PACKAGES = @tools/install-packages
CONFIGURE = @cmake -S . -DCMAKE_INSTALL_PREFIX=$(PREFIX) -DCMAKE_RULE_MESSAGES=OFF --log-level=WARNING
MAKE_IN = +@cmake --build
RUN_TESTS = ctest --output-on-failure -j $(JOBS) $(CTEST) --test-dir

.PHONY: all demo test bench install asan tsan valgrind coverage check-format format clean help

all: ## build everything
	$(INSTALL_PACKAGES) $(PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(MAKE_IN) $(BUILD) -j $(JOBS) -- -s

demo: ## build the tour and run it; DEMO=directory to walk another one
	$(INSTALL_PACKAGES) $(PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(MAKE_IN) $(BUILD) -j $(JOBS) --target tour -- -s
	@$(BUILD)/examples/tour $(DEMO)

test: ## build and run all tests; CTEST="-R core" to choose
	$(INSTALL_PACKAGES) $(TEST_PACKAGES)
	$(CONFIGURE) -B $(BUILD)
	$(MAKE_IN) $(BUILD) -j $(JOBS) -- -s
	@$(RUN_TESTS) $(BUILD)

clean: ## remove what was built
	rm -rf $(BUILD)
