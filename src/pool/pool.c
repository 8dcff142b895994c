/* SPDX-License-Identifier: MIT
 *
 * The life of a pool, from its options to its end.
 */
#include "internal.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options ------------------------------------------------------------------------------- */

static double or_default(double value, double otherwise)
{
    return value == 0 ? otherwise : value;
}

static void fill_in_defaults(struct with_pool_options *o)
{
    if (o->maximum_size == 0) o->maximum_size = 10;
    o->wait_seconds = or_default(o->wait_seconds, 30);
    o->idle_seconds = or_default(o->idle_seconds, 600);
    o->lifetime_seconds = or_default(o->lifetime_seconds, 1800);
    o->check_seconds = or_default(o->check_seconds, 1);
    o->keepalive_seconds = or_default(o->keepalive_seconds, 120);
    o->leak_seconds = or_default(o->leak_seconds, 60);
    o->close_seconds = or_default(o->close_seconds, 10);
    o->backoff_seconds = or_default(o->backoff_seconds, 0.1);
    o->backoff_limit_seconds = or_default(o->backoff_limit_seconds, 10);
}

/* The option that cannot be, or one without a name. */
static struct with__bad_option find_bad_option(const struct with_pool_options *o)
{
    const struct {
        const char *name;
        double seconds;
        bool may_be_negative;
    } times[] = {
        {"wait_seconds", o->wait_seconds, true},
        {"check_seconds", o->check_seconds, true},
        {"close_seconds", o->close_seconds, true},
        {"idle_seconds", o->idle_seconds, false},
        {"lifetime_seconds", o->lifetime_seconds, false},
        {"keepalive_seconds", o->keepalive_seconds, false},
        {"leak_seconds", o->leak_seconds, false},
        {"backoff_seconds", o->backoff_seconds, false},
        {"backoff_limit_seconds", o->backoff_limit_seconds, false},
    };

    if (o->maximum_size > INT_MAX)
        return (struct with__bad_option){"maximum_size", o->maximum_size};
    if (o->minimum_idle > o->maximum_size)
        return (struct with__bad_option){"minimum_idle", o->minimum_idle};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (isnan(times[i].seconds) || (times[i].seconds <= 0 && !times[i].may_be_negative))
            return (struct with__bad_option){times[i].name, times[i].seconds};
    return (struct with__bad_option){NULL, 0};
}

/* Copies what a caller that was compiled with another version knows of; the rest is 0. */
static void copy_sized(void *to, size_t size, const void *from, size_t from_size)
{
    memset(to, 0, size);
    memcpy(to, from, from_size < size ? from_size : size);
}

static void set_limits(with_pool *pool, const struct with_pool_options *o)
{
    pool->maximum_size = o->maximum_size;
    pool->minimum_idle = o->minimum_idle;
    pool->wait_limit = o->wait_seconds < 0 ? 0 : with__nanoseconds(o->wait_seconds);
    pool->idle_limit = with__nanoseconds(o->idle_seconds);
    pool->lifetime = with__nanoseconds(o->lifetime_seconds);
    pool->check_after = o->check_seconds < 0 ? 0 : with__nanoseconds(o->check_seconds);
    pool->keepalive_after = with__nanoseconds(o->keepalive_seconds);
    pool->leak_after = with__nanoseconds(o->leak_seconds);
    pool->backoff = with__nanoseconds(o->backoff_seconds);
    pool->backoff_limit = with__nanoseconds(o->backoff_limit_seconds);
    pool->close_seconds = o->close_seconds;
    pool->fail_fast = o->fail_fast;
    pool->strict_order = o->strict_order;
    pool->no_thread = o->no_thread;
    pool->report = o->report;
    pool->report_argument = o->report_argument;
    if (!pool->maker.check) pool->check_after = pool->keepalive_after = WITH__NEVER;
}

/* ---- Beginning ----------------------------------------------------------------------------- */

static void free_slots(struct with__slot *slot)
{
    while (slot) {
        struct with__slot *next = slot->older;
        free(slot);
        slot = next;
    }
}

static void free_memory(with_pool *pool)
{
    free_slots(pool->spare);
    free(pool->slots);
    free(pool->name);
    free(pool);
}

static with_pool *allocate(const struct with_pool_maker *maker, void *argument,
                           const struct with_pool_options *options)
{
    const char *name = options->name ? options->name : maker->name ? maker->name : "pool";
    with_pool *pool = calloc(1, sizeof *pool);

    if (!pool) return NULL;
    pool->name = strdup(name);
    pool->slots = calloc(options->maximum_size, sizeof *pool->slots);
    if (!pool->name || !pool->slots) {
        free_memory(pool);
        return NULL;
    }
    pool->maker = *maker;
    pool->argument = argument;
    pool->has_reset = maker->reset;
    pool->random = (uint64_t)with__pool_clock() ^ (uint64_t)(uintptr_t)pool;
    pool->random |= 1;
    set_limits(pool, options);
    pool->running = true;
    pthread_mutex_init(&pool->lock, NULL);
    with__condition_init(&pool->work);
    with__condition_init(&pool->emptied);
    return pool;
}

static int open_first(with_pool *pool, unsigned wanted, const with_exception **ret_exception)
{
    int code = 0;

    for (unsigned i = 0; i < wanted && code == 0; i++) {
        struct with__slot *slot;
        pthread_mutex_lock(&pool->lock);
        slot = with__slot_new_locked(pool, with__pool_thread());
        pthread_mutex_unlock(&pool->lock);
        code = slot ? with__open(slot, NULL, ret_exception) : -ENOMEM;
    }
    return code;
}

/* Cancelled while it opens the first items. */
static void free_cancelled(void *pool)
{
    with_pool_free(pool);
}

/* The pool's thread comes later: nobody would be told of what it fails to open. */
static int begin(with_pool *pool, bool open_at_start, const with_exception **ret_exception)
{
    const bool no_thread = pool->no_thread;
    int code = 0;

    pool->no_thread = true;
    with__registry_add(pool);
    pthread_cleanup_push(free_cancelled, pool);
    if (open_at_start)
        code = open_first(pool, pool->minimum_idle > 0 ? pool->minimum_idle : 1, ret_exception);
    pthread_cleanup_pop(0);
    if (code != 0) {
        with_pool_free(pool);
        return code;
    }
    pthread_mutex_lock(&pool->lock);
    pool->no_thread = no_thread;
    if (open_at_start || pool->minimum_idle > 0) with__work_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    return 0;
}

int with__pool_new(const struct with_pool_maker *maker, void *argument,
                   const struct with_pool_options *options, with_pool **ret_pool,
                   const with_exception **ret_exception, struct with__bad_option *ret_bad)
{
    struct with_pool_maker own_maker;
    struct with_pool_options own_options = WITH_POOL_OPTIONS_INIT;
    with_pool *pool;
    int code;

    *ret_bad = (struct with__bad_option){NULL, 0};
    if (!maker || !ret_pool) return -EINVAL;
    if (options && options->size < sizeof options->size) return -EINVAL; /* nobody set it */
    copy_sized(&own_maker, sizeof own_maker, maker, maker->size);
    if (options) copy_sized(&own_options, sizeof own_options, options, options->size);
    fill_in_defaults(&own_options);
    *ret_bad = find_bad_option(&own_options);
    if (!own_maker.open || !own_maker.close || ret_bad->name) return -EINVAL;
    pool = allocate(&own_maker, argument, &own_options);
    if (!pool) return -ENOMEM;
    code = begin(pool, own_options.open_at_start, ret_exception);
    if (code == 0) *ret_pool = pool;
    return code;
}

int with_pool_new(const struct with_pool_maker *maker, void *argument,
                  const struct with_pool_options *options, with_pool **ret_pool)
{
    const with_exception *exception = NULL;
    struct with__bad_option bad;
    const int code = with__pool_new(maker, argument, options, ret_pool, &exception, &bad);

    with_exception_unref(exception);
    return code;
}

/* ---- Idle items that are to go ------------------------------------------------------------- */

static void close_idle(with_pool *pool, enum with_pool_reason reason, bool drained)
{
    struct with__slot *slot;

    do {
        pthread_mutex_lock(&pool->lock);
        for (slot = pool->oldest; slot && drained && !(slot->flags & WITH__DRAIN);)
            slot = slot->newer;
        if (slot) {
            with__idle_remove_locked(pool, slot);
            with__slot_closing_locked(slot, WITH__IDLE, with__pool_thread());
        }
        pthread_mutex_unlock(&pool->lock);
        if (slot) with__slot_close(slot, reason);
    } while (slot);
}

void with_pool_drain(with_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->pins++;
    for (unsigned i = 0; i < pool->occupied; i++) pool->slots[i]->flags |= WITH__DRAIN;
    pthread_mutex_unlock(&pool->lock);
    close_idle(pool, WITH_POOL_CLOSED_DRAINED, true);
    with__unpin(pool);
}

static void set_suspended(with_pool *pool, bool suspended)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->suspended = suspended;
    pool->running = !pool->suspended && !pool->closed;
    with__dispatch_locked(pool);
    pthread_mutex_unlock(&pool->lock);
}

void with_pool_suspend(with_pool *pool)
{
    set_suspended(pool, true);
}

void with_pool_resume(with_pool *pool)
{
    set_suspended(pool, false);
}

/* ---- The end ------------------------------------------------------------------------------- */

/* What this thread holds, or is in a call of the maker's with: waiting for that would never end. */
static unsigned own_locked(const with_pool *pool)
{
    const struct with__pool_thread *thread = with__pool_thread();
    unsigned own = 0;

    for (unsigned i = 0; i < pool->occupied; i++) own += pool->slots[i]->thread == thread;
    return own;
}

static bool in_own_thread(const with_pool *pool)
{
    return pool->thread_made && pthread_equal(pool->thread, pthread_self());
}

/* Waits for the holders and the pool's thread. 0 or a negative errno. */
static int wait_until_empty_locked(with_pool *pool, int64_t until)
{
    int error = 0;

    while (pool->occupied > own_locked(pool) || (pool->thread_runs && !in_own_thread(pool))) {
        if (error == ETIMEDOUT) break;
        error = with__condition_wait(&pool->emptied, &pool->lock, until);
    }
    if (pool->occupied == 0) return 0;
    return pool->occupied == own_locked(pool) ? -EDEADLK : -ETIMEDOUT;
}

/* A thread that does not end in time, being in a call of the maker's, ends later by itself. */
static void part_with_thread(pthread_t thread, bool ended)
{
    if (ended) pthread_join(thread, NULL);
    else pthread_detach(thread);
}

static int end(with_pool *pool, int64_t until)
{
    pthread_t thread;
    bool made, ended;
    int code;

    pthread_mutex_lock(&pool->lock);
    pool->pins++;
    pool->closed = true;
    pool->running = false;
    pool->work_asked = true;
    pthread_cond_signal(&pool->work);
    with__dispatch_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    with__abandon_inherited(pool);
    close_idle(pool, WITH_POOL_CLOSED_POOL, false);

    pthread_mutex_lock(&pool->lock);
    code = wait_until_empty_locked(pool, until);
    made = pool->thread_made && !in_own_thread(pool);
    ended = !pool->thread_runs;
    thread = pool->thread;
    if (made) pool->thread_made = false;
    pthread_mutex_unlock(&pool->lock);
    if (made) part_with_thread(thread, ended);
    with__unpin(pool);
    return code;
}

int with_pool_close(with_pool *pool, double wait_seconds)
{
    int code, old;

    if (!pool || isnan(wait_seconds)) return -EINVAL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    code = end(pool, wait_seconds > 0
                         ? with__after(with__pool_clock(), with__nanoseconds(wait_seconds))
                         : 0);
    pthread_setcancelstate(old, &old);
    return code;
}

void with_pool_free(with_pool *pool)
{
    const int error = errno;
    bool over;

    if (!pool) return;
    with_pool_close(pool, 0);
    pthread_mutex_lock(&pool->lock);
    pool->freed = true;
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (over) with__pool_destroy(pool);
    errno = error;
}

bool with__pool_is_over_locked(const with_pool *pool)
{
    return pool->freed && pool->occupied == 0 && pool->pins == 0 && !pool->thread_runs &&
           pool->count[WITH__INHERITED] == 0;
}

void with__pin(with_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->pins++;
    pthread_mutex_unlock(&pool->lock);
}

void with__unpin(with_pool *pool)
{
    bool over;

    pthread_mutex_lock(&pool->lock);
    pool->pins--;
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (over) with__pool_destroy(pool);
}

void with__pool_destroy(with_pool *pool)
{
    with__registry_remove(pool);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->emptied);
    pthread_mutex_destroy(&pool->lock);
    free_memory(pool);
}
