/* SPDX-License-Identifier: MIT
 *
 * What the functions of a maker and of the owner may do themselves: use their own pool, end it, throw.
 */
#include "test_pool.h"

/* ---- Calling back -------------------------------------------------------------------------- */

static with_pool *called;

static int close_in_open(void *argument, void **ret_value)
{
    CHECK_INT(with_pool_close(called, INFINITY), -EDEADLK);
    return thing_open(argument, ret_value);
}

static int close_in_check(void *argument, void *value)
{
    CHECK_INT(with_pool_close(called, INFINITY), -EDEADLK);
    return thing_check(argument, value);
}

static void close_in_close(void *argument, void *value)
{
    CHECK_INT(with_pool_close(called, INFINITY), -EDEADLK);
    thing_close(argument, value);
}

/* All items are in this thread's call: nothing would ever come back. */
static void acquire_in_call(void)
{
    with_pool_item *item;

    CHECK_INT(with_pool_acquire(called, 60, &item), -EDEADLK);
}

static int acquire_in_open(void *argument, void **ret_value)
{
    acquire_in_call();
    return thing_open(argument, ret_value);
}

static int acquire_in_check(void *argument, void *value)
{
    acquire_in_call();
    return thing_check(argument, value);
}

static int acquire_in_reset(void *argument, void *value)
{
    acquire_in_call();
    return thing_reset(argument, value);
}

static void acquire_in_close(void *argument, void *value)
{
    if (!measure(called).ended) acquire_in_call();
    thing_close(argument, value);
}

static void test_acquired_in_a_call(void)
{
    static struct things all;
    const struct with_pool_maker maker = {
        .size = sizeof maker,
        .open = acquire_in_open,
        .check = acquire_in_check,
        .reset = acquire_in_reset,
        .close = acquire_in_close,
    };
    const struct with_pool_options options = {
        .size = sizeof options, .maximum_size = 1, .check_seconds = -1, .no_thread = true};

    CHECK_INT(with_pool_new(&maker, &all, &options, &called), 0);
    with (cm_acquire(called))
        ;
    with (cm_acquire(called), value) CHECK_INT(with_pool_discard(called, value), 0);
    CHECK_INT(all.checks, 1);
    CHECK_INT(all.resets, 1);
    CHECK_INT((int)measure(called).deadlocks, 4); /* open, check, reset, close */
    end_pool(called, &all);
}

/* What open fails with is its own, even if the pool has words for such a code. */
static int open_refuses(void *argument, void **ret_value)
{
    (void)ret_value;
    return *(const int *)argument;
}

static void acquire_once(void *pool)
{
    with (cm_acquire_within(pool, 0.01))
        ;
}

static void test_codes_of_open(void)
{
    static const int codes[] = {-EDEADLK, -ECANCELED, -ETIMEDOUT, -EACCES};
    int code;
    const struct with_pool_maker maker = {
        .size = sizeof maker, .open = open_refuses, .close = thing_close};
    const struct with_pool_options options = {.size = sizeof options,
                                              .name = "refused",
                                              .fail_fast = true,
                                              .no_thread = true,
                                              .backoff_seconds = 60};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const with_exception *e;
        with_pool *pool;
        code = codes[i];
        CHECK_INT(with_pool_new(&maker, &code, &options, &pool), 0);
        for (int round = 0; round < 2; round++) { /* the second while the pool backs off */
            e = with_call(acquire_once, pool);
            CHECK_INT(e ? e->code : 0, -code);
            CHECK(e && strstr(e->message, "the pool refused could not open an item"));
            CHECK(e && e->notes && strstr(e->notes->text, "opening an item: "));
            with_exception_unref(e);
        }
        with_pool_free(pool);
    }
}

/* A maker that closes its own pool does not wait for itself. */
static void test_closed_in_a_call(void)
{
    static struct things all;
    struct with_pool_maker makers[] = {thing_maker, thing_maker, thing_maker};
    struct with_pool_options options = {.size = sizeof options, .check_seconds = -1};
    const int wanted[] = {-ECANCELED, 0, 0};

    makers[0].open = close_in_open;
    makers[1].check = close_in_check;
    makers[2].close = close_in_close;
    for (int i = 0; i < 3; i++) {
        with_pool_item *item = NULL;
        int code = 0;
        CHECK_INT(with_pool_new(&makers[i], &all, &options, &called), 0);
        for (int n = 0; n < 2 && code == 0; n++) {
            code = with_pool_acquire(called, 1, &item);
            if (code == 0) CHECK_INT(with_pool_release(item), 0);
        }
        CHECK_INT(code, wanted[i]);
        CHECK_INT(with_pool_close(called, 10), 0);
        with_pool_free(called);
    }
    CHECK_INT(all.live, 0);
}

static void free_in_report(void *argument, const struct with_pool_report *report)
{
    if (report->event == WITH_POOL_LEAK_SUSPECTED) with_pool_free(report->pool);
    thing_report(argument, report);
}

/* Then nobody is left who would join the pool's thread. */
static void test_freed_in_its_thread(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .leak_seconds = 0.001, .report = free_in_report);
    with_pool_item *item = NULL;

    CHECK_INT(with_pool_acquire(pool, 1, &item), 0);
    WAIT_UNTIL(all.reports[WITH_POOL_LEAK_SUSPECTED] == 1);
    CHECK_INT(with_pool_release(item), 0);
    CHECK_INT(all.live, 0);
}

static void throw_in_report(void *argument, const struct with_pool_report *report)
{
    thing_report(argument, report);
    throw(ValueError, "in the report");
}

static void test_report_throws(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .report = throw_in_report);

    all.reset_fails = 1;
    with (cm_acquire(pool))
        ;
    CHECK_INT(all.reports[WITH_POOL_RESET_FAILED], 1);
    end_pool(pool, &all);
}

int main(void)
{
    test_acquired_in_a_call();
    test_codes_of_open();
    test_closed_in_a_call();
    test_freed_in_its_thread();
    test_report_throws();
    return test_result();
}
