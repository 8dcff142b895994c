/* SPDX-License-Identifier: MIT
 *
 * The harness of the benchmarks. A program names its cases (each does its operation a number of
 * times) and its questions (which two cases to compare); bench_main() measures them in a process of
 * one thread, then in one of two, the second idle, and prints medians of ratios.
 *
 * The machine may be busy with other things. So a round is short (some 50 microseconds), the two
 * cases of a question alternate, each pair of neighbouring rounds gives one ratio, and the median
 * of the ratios is what counts; the quartiles tell how noisy it was.
 */
#ifndef BENCH_H
#define BENCH_H

/* Does an operation count times. */
typedef void bench_function(long count);

struct bench_case {
    const char *name;
    bench_function *run;
};

enum { BENCH_NO_GOAL = 0, BENCH_ONE_THREAD = 1, BENCH_TWO_THREADS = 2, BENCH_BOTH = 3 };

/* The time of ours divided by that of peer; the goal is an upper bound. */
struct bench_question {
    const char *ours, *peer;
    double goal;
    int goal_for; /* in which process the goal counts: the values above */
};

/*
 * The main function of a benchmark. Without arguments it prints the answers to the questions, with
 * names of cases to those about them (by `ours`). With
 * "--run CASE COUNT THREADS" it only runs the operation of one case COUNT times, for
 * bench/count-instructions; with "--list" it prints the names of the cases. Both tables end with a
 * zero element; a question about a case that is not there is skipped.
 */
int bench_main(int argc, char **argv, const struct bench_case *cases,
               const struct bench_question *questions);

/* In a file of its own, so that the compiler cannot see what it does: nothing. */
void bench_opaque(void);
int bench_opaque_value(int value);

#endif
