/* SPDX-License-Identifier: MIT
 *
 * The locks of threads, as far as they are not inline: what is said when one fails, and the mutex
 * whose owner died.
 *
 * A throw from with_lock_failed_() leaves nothing locked, but for a mutex whose owner died: that is
 * owned by the exception, until a cm_lock_recover() takes it over or the exception goes.
 */
#include "internal.h"

const with_exception_type with_OwnerDiedError = {"OwnerDiedError", &with_OSError};

static const char *const type_names[] = {
    [WITH_LOCK_MUTEX_] = "pthread_mutex_t",   [WITH_LOCK_READ_] = "pthread_rwlock_t",
    [WITH_LOCK_WRITE_] = "pthread_rwlock_t",  [WITH_LOCK_SEMAPHORE_] = "sem_t",
    [WITH_LOCK_SPIN_] = "pthread_spinlock_t", [WITH_LOCK_MTX_] = "mtx_t",
};

const char *with__lock_type(enum with_lock_kind_ kind)
{
    return type_names[kind];
}

void with__throw_coded(const with_site *site, struct with__exception *self, int code,
                       const char *format, ...)
{
    va_list arguments;

    with__set_code(self, code);
    va_start(arguments, format);
    with__set_message(self, 0, format, arguments);
    va_end(arguments);
    with__add_traceback(self, site);
    with__unwind(self);
}

/* ---- A mutex whose owner died -------------------------------------------------------------- */

static void make_consistent(pthread_mutex_t *mutex)
{
#ifdef __APPLE__ /* has no robust mutexes */
    (void)mutex;
#else
    pthread_mutex_consistent(mutex);
#endif
}

/* Unlocked without having been made consistent, the mutex is not recoverable (POSIX). */
static void give_up(void *mutex)
{
    pthread_mutex_unlock(mutex);
}

static void __attribute__((noreturn)) throw_owner_died(const volatile void *lock)
{
    struct with__exception *self = with__exception_new(&with_OwnerDiedError);

    if (!with__own(self, give_up, (void *)lock)) give_up((void *)lock);
    with__throw_coded(
        WITH_SITE_(WITH_THROW_SITE_, "throw(OwnerDiedError, ...)"), self, EOWNERDEAD,
        "the thread that held the pthread_mutex_t at %p died, and what it guards may be "
        "half changed: repair that under cm_lock_recover()",
        (void *)lock);
}

/* Whether this exception owns the mutex; if so, it does no longer. */
static bool take_over_from(const with_exception *exception, const pthread_mutex_t *mutex)
{
    struct with__exception *self = with__whole(exception);

    if (self == &with__last_resort || self->release != give_up || self->owned != mutex ||
        self->owner != &with_thread_)
        return false;
    self->release = NULL;
    return true;
}

/* Looks through what is being handled, its contexts, and the causes of each. */
static bool take_over(const pthread_mutex_t *mutex)
{
    for (const with_exception *e = with_current(); e; e = e->context)
        for (const with_exception *at = e; at; at = at->cause)
            if (take_over_from(at, mutex)) return true;
    return false;
}

static void recover_enter(struct cm_lock_recover *self)
{
    int error;

    if (!self->lock) with_lock_failed_(NULL, WITH_LOCK_MUTEX_, NULL, 0);
    self->as = take_over(self->lock);
    if (self->as) return;
    error = pthread_mutex_lock(self->lock);
    if (error && error != EOWNERDEAD) with_lock_failed_(NULL, WITH_LOCK_MUTEX_, self->lock, error);
    self->as = error == EOWNERDEAD;
}

static bool recover_exit(struct cm_lock_recover *self, const with_exception *exception)
{
    int error;

    /* It fails only if the block itself made the mutex consistent. */
    if (self->as && with_completed(self)) make_consistent(self->lock);
    error = pthread_mutex_unlock(self->lock);
    if (error) with_unlock_failed_(NULL, WITH_LOCK_MUTEX_, self->lock, error, exception);
    return false;
}

WITH_CLASS(cm_lock_recover, recover_enter, recover_exit);

struct cm_lock_recover cm_lock_recover(pthread_mutex_t *mutex)
{
    return WITH_NEW(cm_lock_recover, .lock = mutex);
}

/* ---- What is said of a failure ------------------------------------------------------------- */

void with_lock_failed_(const with_site *block, enum with_lock_kind_ kind, const volatile void *lock,
                       int error)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));
    const char *const type = type_names[kind];
    void *const at = (void *)lock;

    if (block) with_cross_(&crossing, block);
    if (!lock) with_throw(with_ValueError, "there is no lock: the %s * is NULL", type);
    if (kind == WITH_LOCK_MTX_) /* C11 says no more than that it failed */
        with_throw_error(0, "locking the %s at %p: error", type, at);
    if (kind == WITH_LOCK_MUTEX_ && error == EOWNERDEAD) throw_owner_died(lock);
    with_throw_error(error, "locking the %s at %p%s", type, at,
                     error == EDEADLK ? ", which this thread holds already" : "");
}

void with_unlock_failed_(const with_site *block, enum with_lock_kind_ kind,
                         const volatile void *lock, int error, const with_exception *exception)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));
    const char *const type = type_names[kind];
    void *const at = (void *)lock;

    if (block) with_cross_(&crossing, block);
    if (kind == WITH_LOCK_MTX_)
        with_release_error(exception, 0, "unlocking the %s at %p: error", type, at);
    else
        with_release_error(exception, error, "unlocking the %s at %p%s", type, at,
                           error == EPERM ? ", which this thread does not hold" : "");
}
