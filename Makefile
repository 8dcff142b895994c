# The front door. CMake does the building, in build/.

BUILD ?= build

.PHONY: all test clean
all:
	cmake -S . -B $(BUILD)
	cmake --build $(BUILD) --parallel

test: all
	ctest --test-dir $(BUILD) --output-on-failure

clean:
	rm -rf $(BUILD)
