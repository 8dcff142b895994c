/* SPDX-License-Identifier: MIT
 *
 * What fails: the maker, again and again, and the system: memory, threads.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "test_pool.h"

#include <dlfcn.h>
#include <limits.h>

/* ---- Functions that fail on demand --------------------------------------------------------- */

static atomic_int threads_refused;
static int allocations_left = -1; /* of this thread; not negative: so many more succeed */

/* LeakSanitizer knows by the caller what ld.so allocates, and clang's would take it for a leak. */
#if defined(__clang__) && defined(TEST_SANITIZED)
#define NO_CALLOC
#endif

#ifndef NO_CALLOC
/* This runs before a sanitizer is ready to look on. */
#ifdef __clang__
#define UNCHECKED
#else
#define UNCHECKED __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

/* The next allocator: the sanitizer's where it stands in front of libc's. */
void *__interceptor_calloc(size_t, size_t) __attribute__((weak));

/* The pool's own allocations. dlsym() may want memory too, which it keeps. */
UNCHECKED void *calloc(size_t count, size_t size)
{
    static char early[4096] __attribute__((aligned(16)));
    static void *(*found)(size_t, size_t);
    static size_t used;
    static bool looking;

    if (!found) found = __interceptor_calloc;
    if (!found && looking) {
        void *memory = early + used;
        used += (count * size + 15) & ~(size_t)15;
        return memory;
    }
    if (!found) {
        looking = true;
        found = (__typeof__(&calloc))dlsym(RTLD_NEXT, "calloc");
        looking = false;
    }
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    return found(count, size);
}
#endif

/* ThreadSanitizer must hear of the thread. clang's stands in the program itself, before what is next. */
int __interceptor_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)
    __attribute__((weak));

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                   void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (!real) real = __interceptor_pthread_create;
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (take_one(&threads_refused)) return EAGAIN;
    return real(thread, attributes, function, argument);
}

/* ---- The maker ----------------------------------------------------------------------------- */

/* Tries again, with pauses, until it works. */
static void test_open_comes_back(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .wait_seconds = 60, .backoff_seconds = 0.001);

    all.open_fails = 4;
    all.open_throws = 1;
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, 1);
    CHECK_INT(measure(pool).open_failures, 5);
    CHECK_INT(all.reports[WITH_POOL_OPEN_FAILED], 5);
    CHECK_INT(measure(pool).opened, 1);
    end_pool(pool, &all);
}

/* After the limit it says what open said, not only that the time is over. */
static void test_open_fails_until_the_limit(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .backoff_seconds = 0.001, .backoff_limit_seconds = 0.002);
    with_pool_item *item = NULL;

    all.open_fails = 1000000;
    CHECK_INT(with_pool_acquire(pool, 0.02, &item), -ECONNREFUSED);
    try {
        with (cm_acquire_within(pool, 0.02)) CHECK(false);
        CHECK(false);
    } catch (ConnectionRefusedError, e) {
        CHECK_STR(e->message, "the pool things could not open an item");
        CHECK_INT(e->code, ECONNREFUSED);
        CHECK(e->notes && strstr(e->notes->text, " s ago, opening an item: Connection refused"));
    }
    CHECK(all.reports[WITH_POOL_OPEN_FAILED] > 2);
    all.open_fails = 0;
    all.open_throws = 1000000;
    CHECK_INT(with_pool_acquire(pool, 0.02, &item), -EIO);
    try {
        with (cm_acquire_within(pool, 0.02)) CHECK(false);
        CHECK(false);
    } catch (ConnectionRefusedError, e) {
        CHECK_STR(e->message, "nobody listens");
        CHECK_STR(e->notes->text, "while opening an item for the pool things");
    }
    all.open_throws = 0;
    end_pool(pool, &all);
}

/* While it backs off, what is idle can be had. */
static void test_backoff(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .backoff_seconds = 60);
    with_pool_item *one = NULL, *two = NULL;

    CHECK_INT(with_pool_acquire(pool, 0, &one), 0);
    all.open_fails = 1;
    CHECK_INT(with_pool_acquire(pool, 0.001, &two), -ECONNREFUSED);
    CHECK_INT(with_pool_acquire(pool, 0.001, &two), -ETIMEDOUT); /* did not even try */
    CHECK_INT(measure(pool).open_failures, 1);
    try {
        with (cm_acquire_within(pool, 0.001)) CHECK(false);
    } catch (TimeoutError, e) {
        CHECK(e->notes && e->notes->next &&
              strstr(e->notes->next->text, " s ago, opening an item: Connection refused"));
    }
    CHECK_INT(with_pool_release(one), 0);
    CHECK_INT(with_pool_acquire(pool, 0.001, &two), 0);
    CHECK_INT(with_pool_release(two), 0);
    end_pool(pool, &all);
}

/* None fails before all that are to fail have begun. */
static int open_together(void *argument, void **ret_value)
{
    struct things *all = argument;

    if (!take_one(&all->open_fails)) return thing_open(argument, ret_value);
    WAIT_UNTIL(all->open_fails == 0);
    return -ECONNREFUSED;
}

static void *acquire_and_release(void *pool)
{
    with_pool_item *item = NULL;
    const int code = with_pool_acquire(pool, 60, &item);

    return (void *)(intptr_t)(code == 0 ? with_pool_release(item) : code);
}

/* What fails at the same time fails once: else the pauses would soon be as long as they may be. */
static void test_backoff_of_many(void)
{
    enum { MANY = 24 };
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    struct with_pool_options options = {.size = sizeof options,
                                        .maximum_size = MANY,
                                        .backoff_seconds = 0.001,
                                        .backoff_limit_seconds = 10000};
    with_pool *pool = NULL;
    pthread_t threads[MANY];
    void *result;

    maker.open = open_together;
    all.open_fails = MANY;
    CHECK_INT(with_pool_new(&maker, &all, &options, &pool), 0);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, acquire_and_release, pool), 0);
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], &result);
        CHECK(!result);
    }
    CHECK_INT(measure(pool).open_failures, MANY);
    end_pool(pool, &all);
}

static int open_oddly(void *argument, void **ret_value)
{
    (void)ret_value;
    ((struct things *)argument)->opened++;
    return INT_MIN;
}

/* A pause for ever, after a code that is no error number. */
static void test_backoff_for_ever(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    struct with_pool_options options = {
        .size = sizeof options, .backoff_seconds = INFINITY, .backoff_limit_seconds = INFINITY};
    with_pool_item *item = NULL;

    maker.open = open_oddly;
    for (int i = 0; i < 20; i++) { /* the jitter is at random */
        with_pool *pool = NULL;
        CHECK_INT(with_pool_new(&maker, &all, &options, &pool), 0);
        CHECK_INT(with_pool_acquire(pool, -1, &item), -EIO);
        CHECK_INT(with_pool_acquire(pool, 0.001, &item), -ETIMEDOUT);
        CHECK_INT(all.opened, i + 1);
        with_pool_free(pool);
    }
}

static void test_fail_fast(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .backoff_seconds = 60, .fail_fast = true);
    with_pool_item *item = NULL;

    all.open_fails = 1;
    CHECK_INT(with_pool_acquire(pool, 60, &item), -ECONNREFUSED);
    CHECK_INT(with_pool_acquire(pool, 60, &item), -ECONNREFUSED); /* still backing off */
    CHECK_INT(measure(pool).open_failures, 1);
    try {
        with (cm_acquire(pool)) CHECK(false);
    } catch (ConnectionRefusedError, e) {
        CHECK_STR(e->message, "the pool things could not open an item");
    }
    end_pool(pool, &all);
}

static void *cancelled_in_open(void *pool)
{
    with (cm_acquire((with_pool *)pool)) CHECK(false);
    return NULL;
}

static void test_cancelled_in_open(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    with_pool *pool = NULL;
    pthread_t thread;
    void *result;
    struct with_pool_options options = {.size = sizeof options, .maximum_size = 1};

    maker.open_is_cancellable = true;
    all.open_us = 100000000;
    CHECK_INT(with_pool_new(&maker, &all, &options, &pool), 0);
    CHECK_INT(pthread_create(&thread, NULL, cancelled_in_open, pool), 0);
    WAIT_UNTIL(measure(pool).opening == 1);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_INT(measure(pool).opening, 0);
    all.open_us = 0;
    with (cm_acquire(pool))
        ; /* there is room */
    end_pool(pool, &all);
}

/* The system's own limit: for an EAGAIN, nothing else happens than that the thread comes later. */
static void test_no_thread(void)
{
    static struct things all;
    with_pool *pool;

    threads_refused = 2;
    pool = NEW_POOL(&all, .minimum_idle = 1);
    with (cm_acquire(pool))
        ;
    CHECK_INT(threads_refused, 0);
    with_pool_drain(pool); /* opened once more: asked once more */
    with (cm_acquire(pool))
        ;
    WAIT_UNTIL(measure(pool).idle >= 1);
    end_pool(pool, &all);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* Valgrind puts its own allocator in front of every other. */
static bool is_ours(void)
{
    void *(*volatile allocate)(size_t, size_t) = calloc; /* which the compiler does not know */
    void *memory;

    allocations_left = 0;
    memory = allocate(1, 1);
    allocations_left = -1;
    free(memory);
    return !memory;
}

static void test_memory(void)
{
    static struct things all;
    struct with_pool_options options = {
        .size = sizeof options, .maximum_size = 1, .backoff_seconds = 1e-9, .fail_fast = true};
    with_pool *pool = NULL;
    with_pool_item *item = NULL;
    int code = -ENOMEM, failures = 0;

    for (int left = 0; code == -ENOMEM; left++) {
        allocations_left = left;
        code = with_pool_new(&thing_maker, &all, &options, &pool);
        allocations_left = -1;
        failures += code != 0;
    }
    CHECK_INT(code, 0);
    CHECK_INT(failures, 2);                /* the pool and its table */
    for (int left = 0; left < 2; left++) { /* the slot, and the thing itself */
        allocations_left = left;
        code = with_pool_acquire(pool, -1, &item);
        allocations_left = -1;
        CHECK_INT(code, -ENOMEM);
        CHECK(!item);
    }
    allocations_left = 0;
    try {
        with (cm_acquire_within(pool, -1)) CHECK(false);
        CHECK(false);
    } catch (MemoryError) {
        CHECK(true);
    }
    allocations_left = -1;
    CHECK_INT(with_pool_acquire(pool, 10, &item), 0);
    CHECK_INT(with_pool_release(item), 0);
    end_pool(pool, &all);
}

int main(void)
{
    test_open_comes_back();
    test_open_fails_until_the_limit();
    test_backoff();
    test_backoff_of_many();
    test_backoff_for_ever();
    test_fail_fast();
    if (!UNDER_TSAN) test_cancelled_in_open();
    test_no_thread();
    if (is_ours()) test_memory();
    return test_result();
}
