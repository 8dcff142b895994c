/* SPDX-License-Identifier: MIT
 *
 * The harness of the benchmarks: see bench.h.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 2001, ROUND_NS = 50000 };

struct quartiles {
    double low, median, high;
};

static sem_t never;

static void *idle(void *unused)
{
    while (sem_wait(&never) != 0) continue;
    return unused;
}

/* glibc skips the atomics of a mutex until the process starts its second thread. */
static void start_second_thread(void)
{
    pthread_t thread;

    sem_init(&never, 0, 0);
    if (pthread_create(&thread, NULL, idle, NULL) == 0) return;
    fputs("no second thread\n", stderr);
    exit(1);
}

/* On one processor neither caches nor clock change within a round. */
static void stay_on_one_cpu(void)
{
#ifdef __linux__
    const int cpu = sched_getcpu();
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
#endif
}

static double nanoseconds(bench_function *run, long count)
{
    struct timespec before, after;

    clock_gettime(CLOCK_MONOTONIC, &before);
    run(count);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
}

/* How often the operation fits into a round. */
static long fitting(bench_function *run)
{
    for (long count = 1;; count *= 2) {
        double best = nanoseconds(run, count);
        for (int i = 0; i < 10; i++) {
            const double again = nanoseconds(run, count);
            if (again < best) best = again;
        }
        if (best < ROUND_NS / 4) continue;
        count = (long)((double)count * ROUND_NS / best);
        return count > 0 ? count : 1;
    }
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static struct quartiles quartiles_of(double *values)
{
    qsort(values, ROUNDS, sizeof *values, compare);
    return (struct quartiles){values[ROUNDS / 4], values[ROUNDS / 2], values[ROUNDS * 3 / 4]};
}

static const struct bench_case *find(const struct bench_case *cases, const char *name)
{
    while (cases->name && strcmp(cases->name, name) != 0) cases++;
    return cases->run ? cases : NULL;
}

static void print_goal(const struct bench_question *question, int threads, double ratio)
{
    if (question->goal_for & threads)
        printf("   goal %.3g: %s", question->goal, ratio <= question->goal ? "met" : "not met");
    putchar('\n');
}

static void answer(const struct bench_question *question, const struct bench_case *cases,
                   int threads)
{
    static double ours_ns[ROUNDS], peer_ns[ROUNDS], ratios[ROUNDS];
    const struct bench_case *ours = find(cases, question->ours),
                            *peer = find(cases, question->peer);
    struct quartiles ratio;
    long ours_count, peer_count;

    if (!ours || !peer) return;
    ours_count = fitting(ours->run);
    peer_count = fitting(peer->run);
    for (int i = 0; i < ROUNDS; i++) {
        /* Which comes first takes turns too. */
        if (i % 2) peer_ns[i] = nanoseconds(peer->run, peer_count) / (double)peer_count;
        ours_ns[i] = nanoseconds(ours->run, ours_count) / (double)ours_count;
        if (i % 2 == 0) peer_ns[i] = nanoseconds(peer->run, peer_count) / (double)peer_count;
        ratios[i] = ours_ns[i] / peer_ns[i];
    }
    ratio = quartiles_of(ratios);
    printf("%-24s %9.2f ns   %-24s %9.2f ns   ratio %6.3f (%.3f to %.3f)", ours->name,
           quartiles_of(ours_ns).median, peer->name, quartiles_of(peer_ns).median, ratio.median,
           ratio.low, ratio.high);
    print_goal(question, threads, ratio.median);
}

static bool asked(const struct bench_question *question, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], question->ours) == 0) return true;
    return argc < 2;
}

static int run_one(const struct bench_case *cases, char **arguments)
{
    const struct bench_case *one = find(cases, arguments[0]);

    if (!one) {
        fprintf(stderr, "no case %s\n", arguments[0]);
        return 1;
    }
    if (atoi(arguments[2]) > 1) start_second_thread();
    one->run(atol(arguments[1]));
    return 0;
}

int bench_main(int argc, char **argv, const struct bench_case *cases,
               const struct bench_question *questions)
{
    if (argc == 5 && strcmp(argv[1], "--run") == 0) return run_one(cases, argv + 2);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (; cases->name; cases++)
            if (cases->run) puts(cases->name);
        return 0;
    }
    stay_on_one_cpu();
    for (int threads = 1; threads <= 2; threads++) {
        if (threads == 2) start_second_thread();
        printf("%s, in a process of %s (median of the ratios of %d pairs of rounds, quartiles):\n",
               strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0],
               threads == 1 ? "one thread" : "two threads, one idle", ROUNDS);
        for (const struct bench_question *q = questions; q->ours; q++)
            if (asked(q, argc, argv)) answer(q, cases, threads);
    }
    return 0;
}
