/* SPDX-License-Identifier: MIT
 *
 * A pool used by one thread: order, size, limits of time, what is refused, what is reported.
 */
#include "test_pool.h"

static with_pool_item *acquire(with_pool *pool, double seconds, int line)
{
    with_pool_item *item = NULL;
    const int code = with_pool_acquire(pool, seconds, &item);

    test_integers(code, 0, __FILE__, line, "acquired");
    return item;
}
#define ACQUIRE(POOL) acquire(POOL, -1, __LINE__)

static void test_reuse(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 2);
    with_pool_item *one, *two, *none = NULL;
    struct thing *first, *second;

    CHECK_INT(all.opened, 0); /* lazily */
    one = ACQUIRE(pool);
    two = ACQUIRE(pool);
    first = one->value;
    second = two->value;
    CHECK(first != second);
    CHECK_INT(with_pool_acquire(pool, -1, &none), -ETIMEDOUT);
    CHECK(!none);
    CHECK_INT(with_pool_release(one), 0);
    CHECK_INT(with_pool_release(two), 0);
    CHECK_INT(with_pool_release(two), -EINVAL);
    one = ACQUIRE(pool);
    CHECK(one->value == second); /* the most recently used one */
    CHECK_INT(all.opened, 2);
    CHECK_INT(with_pool_release(one), 0);
    CHECK_INT(all.resets, 3);
    CHECK_INT(measure(pool).acquired, 3);
    CHECK_INT(measure(pool).timeouts, 1);
    end_pool(pool, &all);
}

static void test_with(void)
{
    static struct things all;

    with (cm_pool(&thing_maker, &all, .maximum_size = 1), pool) {
        with (cm_acquire(pool), value) {
            struct thing *thing = value;
            CHECK_INT(thing->number, 1);
            thing->dirty = true;
            CHECK_INT(with_pool_dump(NULL, pool), 1);
        }
        with (cm_acquire_within(pool, 1), value) CHECK(!((struct thing *)value)->dirty);
        CHECK_INT(all.opened, 1);
    }
    CHECK_INT(all.closed, 1);
}

WITH_POOL_ACQUIRE(cm_acquire_thing, struct thing *);

static void test_typed(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);

    with (cm_acquire_thing(pool), thing) CHECK_INT(thing->number, 1);
    with (cm_acquire_thing_within(pool, 0.5), thing) CHECK_INT(thing->number, 1);
    end_pool(pool, &all);
}

/* ---- Items that are not kept --------------------------------------------------------------- */

static void test_discard(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);

    with (cm_acquire(pool), value) {
        CHECK_INT(with_pool_discard(pool, value), 0);
        CHECK_INT(all.closed, 0); /* still in use */
    }
    CHECK_INT(all.closed, 1);
    CHECK_INT(all.resets, 0);
    CHECK_INT(with_pool_discard(pool, &all), -ENOENT);
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 2);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_BROKEN], 1);
    end_pool(pool, &all);
}

static void test_failed_reset(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);

    all.reset_fails = 1;
    errno = EDOM;
    with (cm_acquire(pool))
        ;
    CHECK_INT(errno, EDOM);
    CHECK_INT(all.closed, 1);
    CHECK_INT(all.reports[WITH_POOL_RESET_FAILED], 1);
    CHECK_STR(all.message, "the pool things: resetting an item: Connection reset by peer");
    CHECK_INT(all.report.code, ECONNRESET);
    all.reset_throws = 1;
    with (cm_acquire(pool))
        ;
    CHECK_INT(all.closed, 2);
    CHECK_STR(all.message, "the pool things: resetting an item: ConnectionResetError: gone");
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_RESET], 2);
    end_pool(pool, &all);
}

static void test_checked(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .check_seconds = -1);

    with (cm_acquire(pool))
        ;
    CHECK_INT(all.checks, 0); /* it was new */
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 1);
    CHECK_INT(all.checks, 1);
    all.check_fails = 1;
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 2);
    all.check_throws = 1;
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 3);
    CHECK_INT(all.reports[WITH_POOL_CHECK_FAILED], 2);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_CHECK], 2);
    end_pool(pool, &all);
}

/* After a time in use there is no check; after a time of quiet there is. */
static void test_check_after_quiet(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .check_seconds = 0.3);

    with (cm_acquire(pool)) nap_us(350000);
    with (cm_acquire(pool))
        ;
    CHECK_INT(all.checks, 0);
    nap_us(350000);
    with (cm_acquire(pool))
        ;
    CHECK_INT(all.checks, 1);
    end_pool(pool, &all);
}

static void test_lifetime(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .lifetime_seconds = 0.3, .no_thread = true);

    with (cm_acquire(pool)) nap_us(350000); /* closed when it comes back */
    CHECK_INT(all.closed, 1);
    with (cm_acquire(pool))
        ;
    CHECK_INT(all.closed, 1);
    nap_us(350000);
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 3);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_LIFETIME], 2);
    end_pool(pool, &all);
}

static void test_drain(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);
    with_pool_item *held = ACQUIRE(pool), *idle = ACQUIRE(pool);

    CHECK_INT(with_pool_release(idle), 0);
    with_pool_drain(pool);
    CHECK_INT(all.closed, 1);
    idle = ACQUIRE(pool); /* a new one */
    CHECK_INT(((struct thing *)idle->value)->number, 3);
    CHECK_INT(with_pool_release(held), 0);
    CHECK_INT(all.closed, 2);
    CHECK_INT(with_pool_release(idle), 0);
    CHECK_INT(all.closed, 2);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_DRAINED], 2);
    end_pool(pool, &all);
}

static with_pool *moved;

/* An opening during which the pool is drained: it is to the old server. */
static int open_old(void *argument, void **ret_value)
{
    const int code = thing_open(argument, ret_value);

    if (((struct things *)argument)->opened == 1) with_pool_drain(moved);
    return code;
}

static void test_drain_while_opening(unsigned minimum_idle)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    struct with_pool_options options = {
        .size = sizeof options, .minimum_idle = minimum_idle, .no_thread = true};

    memset(&all, 0, sizeof all);
    maker.open = open_old;
    CHECK_INT(with_pool_new(&maker, &all, &options, &moved), 0);
    with_pool_maintain(moved);
    with (cm_acquire(moved), value)
        CHECK_INT(((struct thing *)value)->number, minimum_idle > 0 ? 2 : 1);
    with (cm_acquire(moved), value) CHECK_INT(((struct thing *)value)->number, 2);
    CHECK_INT(measure(moved).closed[WITH_POOL_CLOSED_DRAINED], 1);
    end_pool(moved, &all);
}

/* ---- Maintenance --------------------------------------------------------------------------- */

static void test_maintain(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .minimum_idle = 2, .idle_seconds = 0.05,
                               .keepalive_seconds = 0.03, .leak_seconds = 0.02, .no_thread = true);
    with_pool_item *items[3];
    double left;

    left = with_pool_maintain(pool);
    CHECK(left > 0 && left <= 0.02);
    CHECK_INT(measure(pool).idle, 2);
    for (int i = 0; i < 3; i++) items[i] = ACQUIRE(pool);
    with_pool_maintain(pool); /* fills up again */
    CHECK_INT(measure(pool).idle, 2);
    nap_us(30000);
    with_pool_maintain(pool);
    CHECK_INT(all.reports[WITH_POOL_LEAK_SUSPECTED], 3);
    CHECK(strstr(all.message, "suspected leak: thread ") != NULL);
    CHECK(strstr(all.message, "in acquire: with_pool_acquire(pool, seconds, &item)") != NULL);
    CHECK(all.report.held_seconds >= 0.02);
    CHECK_INT(all.report.thread, getpid());
    CHECK_STR(all.report.site->function, "acquire");
    with_pool_maintain(pool);
    CHECK_INT(all.reports[WITH_POOL_LEAK_SUSPECTED], 3); /* once */
    for (int i = 0; i < 3; i++) CHECK_INT(with_pool_release(items[i]), 0);
    CHECK_INT(all.reports[WITH_POOL_LEAK_RETURNED], 3);
    CHECK(strstr(all.message, "has come back") != NULL);
    CHECK_INT(measure(pool).leaks_suspected, 3);
    CHECK_INT(measure(pool).leaks_returned, 3);
    CHECK_INT(measure(pool).idle, 5);
    all.checks = 0;
    nap_us(40000);
    with_pool_maintain(pool); /* some may be due to be closed by now */
    CHECK(all.checks >= 2);
    nap_us(60000);
    with_pool_maintain(pool);
    CHECK_INT(measure(pool).idle, 2); /* the minimum stays */
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_IDLE], 3);
    end_pool(pool, &all);
}

/* Checks that take longer than they keep an item alive: each is checked once. */
static void test_maintain_ends(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .keepalive_seconds = 0.01, .no_thread = true);
    with_pool_item *items[2] = {ACQUIRE(pool), ACQUIRE(pool)};

    for (int i = 0; i < 2; i++) CHECK_INT(with_pool_release(items[i]), 0);
    nap_us(30000);
    all.check_us = 30000;
    with_pool_maintain(pool);
    CHECK_INT(all.checks, 2);
    end_pool(pool, &all);
}

static void test_keepalive_finds_broken(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .keepalive_seconds = 0.01, .no_thread = true);

    with (cm_acquire(pool))
        ;
    all.check_fails = 1;
    nap_us(20000);
    with_pool_maintain(pool);
    CHECK_INT(all.closed, 1);
    CHECK_INT(measure(pool).closed[WITH_POOL_CLOSED_CHECK], 1);
    end_pool(pool, &all);
}

/* The same in the pool's thread. */
static void test_thread(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .minimum_idle = 1, .idle_seconds = 0.02,
                               .keepalive_seconds = 0.01, .leak_seconds = 0.02);
    with_pool_item *item;

    WAIT_UNTIL(measure(pool).idle == 1);
    item = ACQUIRE(pool);
    WAIT_UNTIL(measure(pool).idle == 1 && all.reports[WITH_POOL_LEAK_SUSPECTED] == 1);
    CHECK_INT(with_pool_release(item), 0);
    CHECK_INT(all.reports[WITH_POOL_LEAK_RETURNED], 1);
    WAIT_UNTIL(measure(pool).idle == 1 && all.checks > 2);
    all.check_fails = 1;
    WAIT_UNTIL(measure(pool).closed[WITH_POOL_CLOSED_CHECK] == 1 && measure(pool).idle == 1);
    end_pool(pool, &all);
}

/* ---- The end ------------------------------------------------------------------------------- */

static void test_close(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);
    with_pool_item *held = ACQUIRE(pool), *none = NULL;

    with (cm_acquire(pool))
        ;
    CHECK_INT(with_pool_close(pool, 60), -EDEADLK); /* this thread's own: no sense in waiting */
    CHECK_INT(all.closed, 1);
    CHECK_INT(with_pool_acquire(pool, 0, &none), -ECANCELED);
    CHECK_INT(with_pool_release(held), 0);
    CHECK_INT(all.closed, 2);
    CHECK_INT(with_pool_close(pool, 0), 0);
    end_pool(pool, &all);
}

static void test_free_before_release(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);
    with_pool_item *held = ACQUIRE(pool);

    with_pool_free(pool);
    CHECK_INT(all.closed, 0);
    CHECK_INT(with_pool_release(held), 0);
    CHECK_INT(all.closed, 1);
    with_pool_free(NULL);
}

static void leak_in_block(void *argument)
{
    struct things *all = argument;
    with_pool_item *item;

    with (cm_pool(&thing_maker, all, .close_seconds = 0.01), pool) item = ACQUIRE(pool);
    (void)item;
}

static void test_leak_in_block(void)
{
    static struct things all;
    with_pool_item *volatile kept = NULL;
    const with_exception *e = with_call(leak_in_block, &all);

    CHECK(with_isinstance(e, &OSError));
    CHECK_INT(e ? e->code : 0, EDEADLK);
    CHECK(e && strstr(e->message, "closing the pool things: this thread still holds 1 items"));
    CHECK(e && !strstr(e->message, "after")); /* for which it does not wait */
    CHECK(e && e->notes && strstr(e->notes->text, "in acquire: with_pool_acquire("));
    with_exception_unref(e);
    try {
        with (cm_pool(&thing_maker, &all), pool) {
            kept = ACQUIRE(pool);
            throw(ValueError, "first");
        }
    } catch (ValueError, v) {
        CHECK(v->notes && strstr(v->notes->text, "closing the pool things: this thread still"));
        CHECK(v->notes && v->notes->next && strstr(v->notes->next->text, "held for "));
    }
    CHECK_INT(with_pool_release(kept), 0);
    CHECK_INT(all.closed, 1); /* that of leak_in_block() is closed at exit, or never */
}

/* ---- Misuse -------------------------------------------------------------------------------- */

static void test_misuse(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    with_pool *pool = NULL;
    with_pool_item *item = NULL;
    struct with_pool_options bad[] = {
        {.minimum_idle = 11},           {.maximum_size = 1, .minimum_idle = 2},
        {.wait_seconds = NAN},          {.check_seconds = NAN},
        {.close_seconds = NAN},         {.idle_seconds = -1},
        {.lifetime_seconds = -1},       {.keepalive_seconds = NAN},
        {.leak_seconds = -1},           {.backoff_seconds = -1},
        {.backoff_limit_seconds = NAN}, {.maximum_size = 0x80000000u},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bad[i].size = sizeof *bad;
        CHECK_INT(with_pool_new(&thing_maker, &all, &bad[i], &pool), -EINVAL);
    }
    CHECK_INT(
        with_pool_new(&thing_maker, &all, &(struct with_pool_options){.maximum_size = 3}, &pool),
        -EINVAL);
    CHECK_INT(with_pool_new(NULL, &all, NULL, &pool), -EINVAL);
    CHECK_INT(with_pool_new(&thing_maker, &all, NULL, NULL), -EINVAL);
    maker.close = NULL;
    CHECK_INT(with_pool_new(&maker, &all, NULL, &pool), -EINVAL);
    maker = thing_maker;
    maker.size = offsetof(struct with_pool_maker, open); /* knows of no functions */
    CHECK_INT(with_pool_new(&maker, &all, NULL, &pool), -EINVAL);
    CHECK(!pool);
    CHECK_INT(with_pool_acquire(NULL, 0, &item), -EINVAL);
    CHECK_INT(with_pool_release(NULL), -EINVAL);
    CHECK_INT(with_pool_discard(NULL, NULL), -EINVAL);
    CHECK_INT(with_pool_adopt(NULL), -EINVAL);
    CHECK_INT(with_pool_close(NULL, 0), -EINVAL);
    CHECK_INT(with_pool_dump(stderr, NULL), 0);
    with_pool_suspend(NULL);
    with_pool_drain(NULL);
    CHECK_INT(with_pool_maintain(NULL), 0);

    pool = NEW_POOL(&all);
    CHECK_INT(with_pool_acquire(pool, NAN, &item), -EINVAL);
    CHECK_INT(with_pool_close(pool, NAN), -EINVAL);
    try {
        with (cm_acquire_within(pool, NAN)) CHECK(false);
        CHECK(false);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "the seconds to wait for the pool things are not a number");
    }
    try {
        with (cm_acquire(NULL)) CHECK(false);
        CHECK(false);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "there is no pool: it is NULL");
        CHECK_INT(e->traceback_length, 3);
        CHECK_STR(e->traceback[1]->text, "with (cm_acquire(NULL))");
    }
    try {
        with (cm_pool(&thing_maker, &all, .minimum_idle = 11)) CHECK(false);
        CHECK(false);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "cm_pool: minimum_idle cannot be 11");
    }
    try {
        with (cm_pool(&thing_maker, &all, .leak_seconds = -2.5)) CHECK(false);
        CHECK(false);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "cm_pool: leak_seconds cannot be -2.5");
    }
    try {
        with (cm_pool(&maker, &all)) CHECK(false);
        CHECK(false);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "cm_pool: there is no maker, or none with open and close");
    }
    end_pool(pool, &all);
}

/* A caller that was compiled with an older header. */
static void test_sizes(void)
{
    static struct things all;
    struct with_pool_options options = {.size = offsetof(struct with_pool_options, minimum_idle),
                                        .maximum_size = 1,
                                        .minimum_idle = 1000};
    struct with_pool_maker maker = thing_maker;
    struct with_pool_statistics s;
    with_pool *pool = NULL;

    maker.size = offsetof(struct with_pool_maker, abandon);
    CHECK_INT(with_pool_new(&maker, &all, &options, &pool), 0);
    with (cm_acquire(pool))
        ;
    memset(&s, 0x55, sizeof s);
    s.size = offsetof(struct with_pool_statistics, opening);
    with_pool_measure(pool, &s);
    CHECK_INT(s.maximum_size, 1);
    CHECK_INT(s.opening, 0x55555555);
    end_pool(pool, &all);
}

static void test_open_at_start(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .open_at_start = true, .minimum_idle = 3);
    struct with_pool_options options = {.size = sizeof options, .open_at_start = true};

    WAIT_UNTIL(measure(pool).idle == 3);
    CHECK_INT(all.opened, 3);
    end_pool(pool, &all);
    pool = NULL;
    all.open_fails = 1;
    CHECK_INT(with_pool_new(&thing_maker, &all, &options, &pool), -ECONNREFUSED);
    all.open_throws = 1;
    CHECK_INT(with_pool_new(&thing_maker, &all, &options, &pool), -EIO);
    CHECK(!pool);
    all.open_throws = 1;
    try {
        with (cm_pool(&thing_maker, &all, .open_at_start = true)) CHECK(false);
    } catch (ConnectionRefusedError, e) {
        CHECK_STR(e->message, "nobody listens");
        CHECK_STR(e->notes->text, "while opening the first items of a pool");
    }
    all.open_fails = 1;
    try {
        with (cm_pool(&thing_maker, &all, .open_at_start = true)) CHECK(false);
    } catch (ConnectionRefusedError, e) {
        CHECK_INT(e->code, ECONNREFUSED);
    }
    CHECK_INT(all.live, 0);
}

/* The second and the third one are opened slowly, the third one in vain. */
static int open_two(void *argument, void **ret_value)
{
    struct things *all = argument;

    if (all->opened == 2) {
        nap_us(50000);
        return -ECONNREFUSED;
    }
    if (all->opened == 1) nap_us(20000);
    return thing_open(argument, ret_value);
}

/* Whatever the pool's thread does meanwhile. */
static void test_open_at_start_in_part(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    struct with_pool_options options = {
        .size = sizeof options, .open_at_start = true, .minimum_idle = 3};
    with_pool *pool = NULL;

    maker.open = open_two;
    CHECK_INT(with_pool_new(&maker, &all, &options, &pool), -ECONNREFUSED);
    CHECK(!pool);
    CHECK_INT(all.opened, 2);
    CHECK_INT(all.live, 0);
}

static void test_close_throws(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);

    all.close_throws = 1;
    with (cm_acquire(pool), value) with_pool_discard(pool, value);
    CHECK_STR(all.message, "the pool things: closing an item: ConnectionResetError: gone");
    CHECK_INT(all.reports[WITH_POOL_CLOSE_FAILED], 1);
    end_pool(pool, &all);
}

int main(void)
{
    test_reuse();
    test_with();
    test_typed();
    test_discard();
    test_failed_reset();
    test_checked();
    test_check_after_quiet();
    test_lifetime();
    test_drain();
    test_drain_while_opening(0);
    test_drain_while_opening(1);
    test_maintain();
    test_maintain_ends();
    test_keepalive_finds_broken();
    test_thread();
    test_close();
    test_free_before_release();
    test_leak_in_block();
    test_misuse();
    test_sizes();
    test_open_at_start();
    test_open_at_start_in_part();
    test_close_throws();
    return test_result();
}
