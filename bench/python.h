/* SPDX-License-Identifier: MIT
 *
 * The same thing in CPython, measured in the same run. Nothing is printed where there is no python3.
 */
#ifndef BENCH_PYTHON_H
#define BENCH_PYTHON_H

#include "bench.h"

/* Nanoseconds that CPython takes for statement after setup: timeit's median. 0 without python3. */
double bench_python(const char *setup, const char *statement);

/* Prints how many times faster ours is than CPython's statement; goal: how many it is to be, or 0. */
void bench_beside_python(const char *name, bench_function *ours, const char *setup,
                         const char *statement, double goal);

#endif
