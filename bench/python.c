/* SPDX-License-Identifier: MIT
 *
 * Asks python3 to measure: see python.h.
 */
#define _GNU_SOURCE
#include "python.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPEATS = 21 };

double bench_python(const char *setup, const char *statement)
{
    FILE *python;
    double ns = 0;

    setenv("BENCH_SETUP", setup, 1);
    setenv("BENCH_STATEMENT", statement, 1);
    python =
        popen("python3 -c 'import os, statistics, timeit\n"
              "t = timeit.Timer(os.environ[\"BENCH_STATEMENT\"], os.environ[\"BENCH_SETUP\"])\n"
              "n = t.autorange()[0] // 10 or 1\n"
              "print(statistics.median(t.repeat(21, n)) / n * 1e9)' 2>/dev/null",
              "r");
    if (!python) return 0;
    if (fscanf(python, "%lf", &ns) != 1) ns = 0;
    pclose(python);
    return ns;
}

static double seconds_for(bench_function *run, long count)
{
    struct timespec before, after;

    clock_gettime(CLOCK_MONOTONIC, &before);
    run(count);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median_ns(bench_function *run)
{
    double ns[REPEATS];
    long count = 1;

    while (seconds_for(run, count) < 0.01) count *= 2;
    for (int i = 0; i < REPEATS; i++) ns[i] = seconds_for(run, count) / (double)count * 1e9;
    qsort(ns, REPEATS, sizeof *ns, compare);
    return ns[REPEATS / 2];
}

void bench_beside_python(const char *name, bench_function *ours, const char *setup,
                         const char *statement, double goal)
{
    const double python_ns = bench_python(setup, statement), ours_ns = median_ns(ours);

    if (python_ns <= 0) return;
    printf("%-24s %9.2f ns   %-24s %9.2f ns   %.0f times faster", name, ours_ns, "CPython",
           python_ns, python_ns / ours_ns);
    if (goal > 0) printf("   goal %.3g: %s", goal, python_ns / ours_ns >= goal ? "met" : "not met");
    putchar('\n');
}
