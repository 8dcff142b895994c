/* SPDX-License-Identifier: MIT
 *
 * The throwing layer: a pool for a block, an item for a block, and what is said when there is none.
 */
#include "internal.h"

#include <math.h>
#include <string.h>

enum { HOLDERS_NAMED = 20 };

/* ---- Exceptions ---------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
set_message(struct with__exception *self, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    with__set_message(self, 0, format, arguments);
    va_end(arguments);
}

static void __attribute__((noreturn)) throw_made(struct with__exception *self)
{
    with__add_traceback(self, WITH_SITE_(WITH_THROW_SITE_, "throw(OSError, ...)"));
    with__unwind(self);
}

/* A note for each holder, those longest held first. */
static void name_holders(const with_exception *exception, with_pool *pool)
{
    struct with__holder holders[HOLDERS_NAMED];
    const size_t count = with__holders(pool, holders, HOLDERS_NAMED);

    for (size_t i = 0; i < count && i < HOLDERS_NAMED; i++)
        with_add_note(exception, "held for %.3f s by thread %d: %s, line %d, in %s: %s",
                      (double)holders[i].held_ns / 1e9, holders[i].thread, holders[i].site->file,
                      holders[i].site->line, holders[i].site->function, holders[i].site->text);
    if (count > HOLDERS_NAMED)
        with_add_note(exception, "and %zu more holders", count - HOLDERS_NAMED);
}

/* Why opening does not help either. */
static void name_failure(const with_exception *exception, with_pool *pool)
{
    char text[sizeof pool->failure] = "";
    double age;

    pthread_mutex_lock(&pool->lock);
    age = (double)(with__pool_clock() - pool->failed_at) / 1e9;
    if (pool->failures > 0) memcpy(text, pool->failure, sizeof text);
    pthread_mutex_unlock(&pool->lock);
    if (text[0]) with_add_note(exception, "%.3f s ago, %s", age, text);
}

static struct with__exception *made(int code)
{
    struct with__exception *self =
        with__exception_new(code == -ENOMEM ? &with_MemoryError : with__error_type(-code));

    if (code != -ENOMEM) with__set_code(self, -code);
    return self;
}

/* ---- No item ------------------------------------------------------------------------------- */

static void say_timeout(struct with__exception *self, with_pool *pool, double waited)
{
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;

    with_pool_measure(pool, &s);
    set_message(
        self, "the pool %s gave nothing within %.3g seconds: %u of %u held, %u idle, %u waiting%s",
        pool->name, waited, s.held, s.maximum_size, s.idle, s.waiting,
        s.suspended ? "; it is suspended" : "");
}

static void say_deadlock(struct with__exception *self, with_pool *pool)
{
    set_message(self,
                "the pool %s would never give this item: all its %u are held by threads that wait "
                "for another one, and this thread is one of them",
                pool->name, pool->maximum_size);
}

/* The class is quick, so this names the block. */
static void __attribute__((noreturn, cold))
acquire_failed(with_pool *pool, double wait_seconds, const with_site *block, int code,
               const struct with__refusal *refusal)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));
    struct with__exception *self;

    with_cross_(&crossing, block);
    if (refusal->exception) {
        with_add_note(refusal->exception, "while opening an item for the pool %s", pool->name);
        with__unpin(pool);
        with_throw_again(refusal->exception);
    }
    if (wait_seconds == 0) wait_seconds = (double)pool->wait_limit / 1e9;
    self = made(code);
    switch (refusal->by_open ? 0 : code) {
    case -ETIMEDOUT: say_timeout(self, pool, wait_seconds > 0 ? wait_seconds : 0); break;
    case -EDEADLK: say_deadlock(self, pool); break;
    case -ECANCELED: set_message(self, "the pool %s is closed", pool->name); break;
    default: set_message(self, "the pool %s could not open an item", pool->name);
    }
    if (!refusal->by_open && (code == -ETIMEDOUT || code == -EDEADLK))
        name_holders(&self->exception, pool);
    if (refusal->by_open || (code != -EDEADLK && code != -ECANCELED))
        name_failure(&self->exception, pool);
    with__unpin(pool);
    throw_made(self);
}

static void __attribute__((noreturn, cold)) misused(with_pool *pool, const with_site *block)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));

    with_cross_(&crossing, block);
    if (!pool) with_throw(with_ValueError, "there is no pool: it is NULL");
    with_throw(with_ValueError, "the seconds to wait for the pool %s are not a number", pool->name);
}

with_pool_item *with_acquire_enter_(with_pool *pool, double wait_seconds, const with_site *block)
{
    struct with__refusal refusal;
    with_pool_item *item;
    int code;

    if (__builtin_expect(!pool || isnan(wait_seconds), 0)) misused(pool, block);
    code = with__acquire(pool, wait_seconds, block, &item, &refusal);
    if (__builtin_expect(code != 0, 0)) acquire_failed(pool, wait_seconds, block, code, &refusal);
    return item;
}

void with_acquire_exit_(with_pool_item *item)
{
    with__release((struct with__slot *)(void *)item);
}

/* ---- cm_pool ------------------------------------------------------------------------------- */

void with_pool_enter_(struct cm_pool *self)
{
    const with_exception *exception = NULL;
    struct with__bad_option bad;
    const int code =
        with__pool_new(self->maker_, self->argument_, &self->options_, &self->as, &exception, &bad);

    if (code == 0) return;
    if (exception) {
        with_add_note(exception, "while opening the first items of a pool");
        with_throw_again(exception);
    }
    if (code == -EINVAL && bad.name)
        with_throw(with_ValueError, "cm_pool: %s cannot be %g", bad.name, bad.value);
    if (code == -EINVAL)
        with_throw(with_ValueError, "cm_pool: there is no maker, or none with open and close");
    if (code == -ENOMEM) with_throw(with_MemoryError, "no memory for a pool");
    with_throw_error(code, "opening the first items of a pool");
}

static const char *text_of(int code)
{
    return code == -EDEADLK ? "this thread still holds" : "there are still held";
}

/* What is still held is named, and the rest is done when it comes back. */
bool with_pool_exit_(struct cm_pool *self, const with_exception *exception)
{
    with_pool *pool = self->as;
    const double seconds = pool->close_seconds;
    const int error = errno, code = with_pool_close(pool, seconds);
    struct with__exception *failure = NULL;
    const with_exception *told = exception;

    if (code != 0) {
        const size_t held = with_pool_dump(NULL, pool);
        if (exception)
            with_add_note(exception, "closing the pool %s: %s %zu items", pool->name, text_of(code),
                          held);
        else {
            failure = made(code);
            told = &failure->exception;
            if (code == -EDEADLK || seconds <= 0)
                set_message(failure, "closing the pool %s: %s %zu items", pool->name, text_of(code),
                            held);
            else
                set_message(failure, "closing the pool %s: %s %zu items after %.3g seconds",
                            pool->name, text_of(code), held, seconds);
        }
        name_holders(told, pool);
    }
    with_pool_free(pool);
    if (failure) throw_made(failure);
    errno = error;
    return false;
}
