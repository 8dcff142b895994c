/* SPDX-License-Identifier: MIT
 *
 * What does acquire and release cost, on an idle pool of 4, with the holder recorded, in 1, 2 and 8
 * threads, beside a bare stack under a mutex with a condition, and where they are there apr_reslist and
 * the pool of Go's database/sql? Then: the memory of an idle slot, and 1,000 threads that wait for one
 * item.
 *
 * Unlike the other benchmarks this one measures threads against each other; so it takes turns in rounds
 * of its own, and the processors are not chosen.
 */
#define _GNU_SOURCE
#include <with.h>
#include <with/pool.h>

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef BENCH_APR
#include <apr_general.h>
#include <apr_reslist.h>
#endif

enum { SIZE = 4, ROUNDS = 15, MOST_THREADS = 8, WAITERS = 1000 };

static int things[SIZE];
static atomic_int next_thing;

static int open_thing(void *argument, void **ret_value)
{
    (void)argument;
    *ret_value = &things[next_thing++ % SIZE];
    return 0;
}

static void close_thing(void *argument, void *value)
{
    (void)argument;
    (void)value;
}

static const struct with_pool_maker maker = {
    .size = sizeof maker, .name = "bench", .open = open_thing, .close = close_thing};

static void use(void *thing)
{
    __asm__ volatile("" : : "r"(thing) : "memory");
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* ---- The peers ----------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t some;
    void *items[SIZE];
    int count, waiting;
} stack = {.lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER};

static __attribute__((noinline)) void *stack_pop(void)
{
    void *item;

    pthread_mutex_lock(&stack.lock);
    while (stack.count == 0) {
        stack.waiting++;
        pthread_cond_wait(&stack.some, &stack.lock);
        stack.waiting--;
    }
    item = stack.items[--stack.count];
    pthread_mutex_unlock(&stack.lock);
    return item;
}

static __attribute__((noinline)) void stack_push(void *item)
{
    pthread_mutex_lock(&stack.lock);
    stack.items[stack.count++] = item;
    if (stack.waiting > 0) pthread_cond_signal(&stack.some);
    pthread_mutex_unlock(&stack.lock);
}

static void run_stack(long count)
{
    while (count-- > 0) {
        void *thing = stack_pop();
        use(thing);
        stack_push(thing);
    }
}

static with_pool *pool;

static void run_with(long count)
{
    while (count-- > 0)
        with (cm_acquire(pool), thing) use(thing);
}

static void run_codes(long count)
{
    with_pool_item *item;

    while (count-- > 0) {
        if (with_pool_acquire(pool, 0, &item) != 0) abort();
        use(item->value);
        with_pool_release(item);
    }
}

#ifdef BENCH_APR
static apr_reslist_t *reslist, *reslist_limited;

static apr_status_t apr_open(void **resource, void *parameters, apr_pool_t *p)
{
    (void)p;
    return open_thing(parameters, resource);
}

static apr_status_t apr_close(void *resource, void *parameters, apr_pool_t *p)
{
    (void)resource;
    (void)parameters;
    (void)p;
    return APR_SUCCESS;
}

static void make_reslists(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_reslist_create(&reslist, SIZE, SIZE, SIZE, 0, apr_open, apr_close, NULL, p);
    apr_reslist_create(&reslist_limited, SIZE, SIZE, SIZE, 600 * 1000000, apr_open, apr_close, NULL,
                       p);
}

static void run_reslist(long count)
{
    void *thing;

    while (count-- > 0) {
        if (apr_reslist_acquire(reslist, &thing) != APR_SUCCESS) abort();
        use(thing);
        apr_reslist_release(reslist, thing);
    }
}

static void run_reslist_limited(long count)
{
    void *thing;

    while (count-- > 0) {
        if (apr_reslist_acquire(reslist_limited, &thing) != APR_SUCCESS) abort();
        use(thing);
        apr_reslist_release(reslist_limited, thing);
    }
}
#endif

/* ---- Threads against threads --------------------------------------------------------------- */

struct run {
    void (*function)(long count);
    long count;
    pthread_barrier_t *start;
    double begun, ended;
    pthread_t thread;
};

static void *run_thread(void *argument)
{
    struct run *run = argument;

    pthread_barrier_wait(run->start);
    run->begun = now();
    run->function(run->count);
    run->ended = now();
    return NULL;
}

/* Nanoseconds for each operation, all threads taken together, from the first start to the last end. */
static double measure(void (*function)(long count), int threads, long count)
{
    struct run runs[MOST_THREADS];
    pthread_barrier_t start;
    double begun, ended;

    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        runs[i] = (struct run){.function = function, .count = count / threads, .start = &start};
        if (pthread_create(&runs[i].thread, NULL, run_thread, &runs[i]) != 0) abort();
    }
    for (int i = 0; i < threads; i++) pthread_join(runs[i].thread, NULL);
    pthread_barrier_destroy(&start);
    begun = runs[0].begun;
    ended = runs[0].ended;
    for (int i = 1; i < threads; i++) {
        if (runs[i].begun < begun) begun = runs[i].begun;
        if (runs[i].ended > ended) ended = runs[i].ended;
    }
    return (ended - begun) / (double)(count / threads * threads);
}

/* Stands for the pool of Go's database/sql, which is measured in a process of its own. */
static void run_go(long count)
{
    (void)count;
}

static double measure_go(int threads, long count)
{
#ifdef BENCH_GO
    char command[4096];
    FILE *peer;
    double ns = 0;

    snprintf(command, sizeof command, "'%s' %d %ld", BENCH_GO, threads, count);
    peer = popen(command, "r");
    if (!peer || fscanf(peer, "%lf", &ns) != 1 || pclose(peer) != 0) abort();
    return ns;
#else
    (void)threads;
    (void)count;
    abort();
#endif
}

static double measure_any(void (*function)(long), int threads, long count)
{
    return function == run_go ? measure_go(threads, count) : measure(function, threads, count);
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* The median of the ratios of neighbouring rounds, and the best of each. */
static void answer(const char *name, void (*ours)(long), const char *peer_name, void (*peer)(long),
                   int threads)
{
    double ratios[ROUNDS], best = 1e9, peer_best = 1e9;

    for (int i = 0; i < ROUNDS; i++) {
        const double first = measure_any(i % 2 ? ours : peer, threads, 200000);
        const double second = measure_any(i % 2 ? peer : ours, threads, 200000);
        const double our_ns = i % 2 ? first : second, peer_ns = i % 2 ? second : first;
        ratios[i] = our_ns / peer_ns;
        if (our_ns < best) best = our_ns;
        if (peer_ns < peer_best) peer_best = peer_ns;
    }
    qsort(ratios, ROUNDS, sizeof *ratios, compare);
    printf("%d threads: %-12s %7.1f ns   %-22s %7.1f ns   ratio %6.3f (%.3f to %.3f)\n", threads,
           name, best, peer_name, peer_best, ratios[ROUNDS / 2], ratios[ROUNDS / 4],
           ratios[ROUNDS * 3 / 4]);
}

static void answer_all(int threads)
{
    answer("with", run_with, "mutex and condition", run_stack, threads);
    answer("error codes", run_codes, "mutex and condition", run_stack, threads);
#ifdef BENCH_APR
    answer("with", run_with, "apr_reslist", run_reslist, threads);
    answer("with", run_with, "apr_reslist, limits", run_reslist_limited, threads);
#endif
#ifdef BENCH_GO
    answer("with", run_with, "Go's database/sql", run_go, threads);
#endif
}

/* ---- Memory and many waiters --------------------------------------------------------------- */

static void measure_memory(void)
{
    enum { MANY = 1000 };
    static with_pool_item *items[MANY];
    struct with_pool_options options = {
        .size = sizeof options, .maximum_size = MANY, .no_thread = true};
    with_pool *many = NULL;
    size_t before, after;

    before = mallinfo2().uordblks;
    if (with_pool_new(&maker, NULL, &options, &many) != 0) abort();
    for (int i = 0; i < MANY; i++)
        if (with_pool_acquire(many, 0, &items[i]) != 0) abort();
    for (int i = 0; i < MANY; i++) with_pool_release(items[i]);
    after = mallinfo2().uordblks;
    printf("an idle slot: %.1f bytes (a pool of %d)\n", (double)(after - before) / MANY, MANY);
    with_pool_free(many);
}

static void *wait_once(void *one)
{
    with (cm_acquire_within((with_pool *)one, 600), thing) use(thing);
    return NULL;
}

static void measure_waiters(void)
{
    static pthread_t ids[WAITERS];
    struct with_pool_options options = {.size = sizeof options, .maximum_size = 1};
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;
    pthread_attr_t attributes;
    with_pool_item *item;
    with_pool *one = NULL;
    double begun;

    if (with_pool_new(&maker, NULL, &options, &one) != 0) abort();
    if (with_pool_acquire(one, 0, &item) != 0) abort();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (int i = 0; i < WAITERS; i++)
        if (pthread_create(&ids[i], &attributes, wait_once, one) != 0) abort();
    do with_pool_measure(one, &s);
    while (s.waiting < WAITERS);
    begun = now();
    with_pool_release(item);
    for (int i = 0; i < WAITERS; i++) pthread_join(ids[i], NULL);
    printf("%d waiting threads: served and joined in %.1f ms\n", WAITERS, (now() - begun) / 1e6);
    pthread_attr_destroy(&attributes);
    with_pool_free(one);
}

int main(void)
{
    struct with_pool_options options = {.size = sizeof options, .maximum_size = SIZE};
    with_pool_item *items[SIZE];

    for (int i = 0; i < SIZE; i++) stack_push(&things[i]);
#ifdef BENCH_APR
    make_reslists();
#else
    puts("no libaprutil-1: apr_reslist is left out");
#endif
#ifndef BENCH_GO
    puts("no Go: its database/sql is left out");
#endif
    if (with_pool_new(&maker, NULL, &options, &pool) != 0) abort();
    for (int i = 0; i < SIZE; i++)
        if (with_pool_acquire(pool, 0, &items[i]) != 0) abort();
    for (int i = 0; i < SIZE; i++) with_pool_release(items[i]);
    answer_all(1);
    answer_all(2);
    answer_all(8);
    with_pool_free(pool);
    measure_memory();
    measure_waiters();
    return 0;
}
