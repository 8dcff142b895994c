/* SPDX-License-Identifier: MIT
 *
 * For the tests of with/pool.h: a maker whose functions sleep, fail and throw on request, and which
 * notices when an item is in two hands, or closed twice, or when there are too many.
 */
#ifndef TEST_POOL_H
#define TEST_POOL_H

#include "test.h"

#include <with.h>
#include <with/pool.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer does not see what a thread unlocks that is cancelled in a call that blocks, and lets no
 * child of a program with threads start one. */
#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif

struct thing {
    int number;
    atomic_int users; /* of a test that says so: enter(), leave() */
    atomic_bool broken;
    bool dirty;
};

/* Of all things of a test. */
struct things {
    atomic_int opened, closed, abandoned, live, most, checks, resets;
    atomic_int open_fails, check_fails, reset_fails; /* how often from now on */
    atomic_int open_throws, check_throws, reset_throws, close_throws;
    atomic_int open_us, check_us, reset_us, close_us; /* how long it takes */
    atomic_int reports[WITH_POOL_CLOSE_FAILED + 1];
    char message[768]; /* of the last report; for tests of one thread at a time */
    struct with_pool_report report;
};

static inline void nap_us(long us)
{
    const struct timespec time = {us / 1000000, us % 1000000 * 1000};

    if (us > 0) nanosleep(&time, NULL);
}

static inline bool take_one(atomic_int *left)
{
    int now = atomic_load(left);

    while (now > 0)
        if (atomic_compare_exchange_weak(left, &now, now - 1)) return true;
    return false;
}

static int thing_open(void *argument, void **ret_value)
{
    struct things *all = argument;
    struct thing *thing;
    int live, most;

    nap_us(all->open_us);
    if (take_one(&all->open_throws)) throw(ConnectionRefusedError, "nobody listens");
    if (take_one(&all->open_fails)) return -ECONNREFUSED;
    thing = calloc(1, sizeof *thing);
    if (!thing) return -ENOMEM;
    thing->number = ++all->opened;
    live = ++all->live;
    for (most = all->most; live > most;)
        if (atomic_compare_exchange_weak(&all->most, &most, live)) break;
    *ret_value = thing;
    return 0;
}

static int thing_check(void *argument, void *value)
{
    struct things *all = argument;
    struct thing *thing = value;

    all->checks++;
    nap_us(all->check_us);
    if (take_one(&all->check_throws)) throw(ConnectionResetError, "gone");
    return take_one(&all->check_fails) || thing->broken ? -ECONNRESET : 0;
}

static int thing_reset(void *argument, void *value)
{
    struct things *all = argument;
    struct thing *thing = value;

    all->resets++;
    nap_us(all->reset_us);
    if (take_one(&all->reset_throws)) throw(ConnectionResetError, "gone");
    if (take_one(&all->reset_fails) || thing->broken) return -ECONNRESET;
    thing->dirty = false;
    return 0;
}

static void thing_close(void *argument, void *value)
{
    struct things *all = argument;

    nap_us(all->close_us);
    all->closed++;
    all->live--;
    free(value);
    if (take_one(&all->close_throws)) throw(ConnectionResetError, "gone");
}

static void thing_abandon(void *argument, void *value)
{
    struct things *all = argument;

    all->abandoned++;
    free(value);
}

static void thing_report(void *argument, const struct with_pool_report *report)
{
    struct things *all = argument;

    all->reports[report->event]++;
}

/* As above, and keeps the report. */
static inline void thing_keep_report(void *argument, const struct with_pool_report *report)
{
    struct things *all = argument;

    snprintf(all->message, sizeof all->message, "%s", report->message);
    all->report = *report;
    thing_report(argument, report);
}

static const struct with_pool_maker thing_maker = {
    .size = sizeof thing_maker,
    .name = "things",
    .open = thing_open,
    .check = thing_check,
    .reset = thing_reset,
    .close = thing_close,
    .abandon = thing_abandon,
};

/* Uses a thing; false if somebody else does. */
static inline bool use_thing(struct thing *thing, long us)
{
    const bool alone = ++thing->users == 1;

    nap_us(us);
    thing->users--;
    return alone;
}

static inline struct with_pool_statistics measure(with_pool *pool)
{
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;

    with_pool_measure(pool, &s);
    return s;
}

static inline uint64_t closed_in_all(const struct with_pool_statistics *s)
{
    uint64_t sum = 0;

    for (int i = 0; i < WITH_POOL_REASONS_; i++) sum += s->closed[i];
    return sum;
}

/* What holds of every pool at every moment. */
static inline bool is_sound(with_pool *pool)
{
    const struct with_pool_statistics s = measure(pool);
    const unsigned open = s.idle + s.held + s.checking + s.closing;

    const bool balanced = test_integers((long long)s.opened, (long long)(closed_in_all(&s) + open),
                                        __FILE__, __LINE__, "opened == closed + held");

    return test_check(open + s.opening <= s.maximum_size, __FILE__, __LINE__, "size in limits") &&
           balanced;
}

/* Waits until the condition holds; a test that waits for ever is ended by ctest. */
#define WAIT_UNTIL(CONDITION)                                                                      \
    do nap_us(500);                                                                                \
    while (!(CONDITION))

static inline with_pool *new_pool(struct things *all, struct with_pool_options options)
{
    with_pool *pool = NULL;

    options.size = sizeof options;
    if (!options.report) options.report = thing_keep_report;
    options.report_argument = all;
    CHECK_INT(with_pool_new(&thing_maker, all, &options, &pool), 0);
    return pool;
}

#define NEW_POOL(THINGS, ...) new_pool(THINGS, (struct with_pool_options){__VA_ARGS__})

/* Frees, and checks that what was opened has been closed. */
static inline void end_pool(with_pool *pool, struct things *all)
{
    CHECK(is_sound(pool));
    CHECK_INT(with_pool_close(pool, 10), 0);
    CHECK(is_sound(pool));
    with_pool_free(pool);
    CHECK_INT(all->live, 0);
    CHECK_INT(all->opened, all->closed);
}

#endif
