/* SPDX-License-Identifier: MIT
 *
 * with/lock.h: managers that hold a lock for a block, between threads and between processes.
 *
 * Taking and giving back a lock of threads is inline, so that a block costs what the two calls cost
 * that it stands for. Since 0.1. Reference: docs/reference/lock.md.
 */
#ifndef WITH_LOCK_H
#define WITH_LOCK_H

#include <with.h>

#include <pthread.h>
#include <semaphore.h>
#include <sys/types.h>
#include <unistd.h>

#if !defined(__cplusplus) && !defined(__STDC_NO_THREADS__) && __has_include(<threads.h>)
#include <threads.h>
#define WITH_HAS_MTX_
#endif

#ifndef PTHREAD_RWLOCK_INITIALIZER
#error "with/lock.h needs the locks of POSIX: compile with -std=gnu11, or define _POSIX_C_SOURCE "  \
       "as 200809L before the first #include"
#endif

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An OSError with the code EOWNERDEAD: a thread or process died while it held a robust mutex, so that
 * what the mutex guards may be half changed. The exception holds the mutex: see cm_lock_recover().
 */
extern WITH_API const with_exception_type with_OwnerDiedError;
#ifndef WITH_NO_KEYWORDS
#define OwnerDiedError with_OwnerDiedError
#endif

#ifdef __cplusplus
}
#else

/* ---- Plumbing ------------------------------------------------------------------------------ */

enum with_lock_kind_ {
    WITH_LOCK_MUTEX_,
    WITH_LOCK_READ_,
    WITH_LOCK_WRITE_,
    WITH_LOCK_SEMAPHORE_,
    WITH_LOCK_SPIN_,
    WITH_LOCK_MTX_,
};

/*
 * What is left to do when a lock cannot be had (NULL: there is none), or cannot be given back. block is
 * the statement that wanted it, or NULL if the traceback will name that anyway.
 */
WITH_API void with_lock_failed_(const with_site *block, enum with_lock_kind_ kind,
                                const volatile void *lock, int error) WITH_RAISES_;
WITH_API void with_unlock_failed_(const with_site *block, enum with_lock_kind_ kind,
                                  const volatile void *lock, int error,
                                  const with_exception *exception) __attribute__((cold));
WITH_API void with_lock_within_(enum with_lock_kind_ kind, volatile void *lock, double seconds);

/*
 * Defines struct cm_lock_NAME, which holds a lock of TYPE, and struct cm_lock_NAME_within, which waits
 * for it a limited time. ACQUIRE and RELEASE take a TYPE * and return 0 or an error number.
 */
#define WITH_LOCK_(NAME, KIND, TYPE, ACQUIRE, RELEASE)                                             \
    struct cm_lock_##NAME {                                                                        \
        WITH_MANAGER;                                                                              \
        TYPE *lock;                                                                                \
    };                                                                                             \
    struct cm_lock_##NAME##_within {                                                               \
        WITH_MANAGER;                                                                              \
        TYPE *lock;                                                                                \
        double seconds;                                                                            \
    };                                                                                             \
    WITH_INLINE_ void with_lock_##NAME##_enter_(struct cm_lock_##NAME *self)                       \
    {                                                                                              \
        const with_site *const block = self->with_.head.frame.site;                                \
        int error;                                                                                 \
        if (__builtin_expect(!self->lock, 0)) with_lock_failed_(block, KIND, NULL, 0);             \
        error = ACQUIRE(self->lock);                                                               \
        if (__builtin_expect(error, 0)) with_lock_failed_(block, KIND, self->lock, error);         \
    }                                                                                              \
    WITH_INLINE_ void with_lock_##NAME##_within_enter_(struct cm_lock_##NAME##_within *self)       \
    {                                                                                              \
        with_lock_within_(KIND, self->lock, self->seconds);                                        \
    }                                                                                              \
    WITH_INLINE_ bool with_lock_##NAME##_exit_(struct cm_lock_##NAME *self,                        \
                                               const with_exception *exception)                    \
    {                                                                                              \
        const int error = RELEASE(self->lock);                                                     \
        if (__builtin_expect(error, 0))                                                            \
            with_unlock_failed_(self->with_.head.frame.site, KIND, self->lock, error, exception);  \
        return false;                                                                              \
    }                                                                                              \
    WITH_INLINE_ bool with_lock_##NAME##_within_exit_(struct cm_lock_##NAME##_within *self,        \
                                                      const with_exception *exception)             \
    {                                                                                              \
        const int error = RELEASE(self->lock);                                                     \
        if (__builtin_expect(error, 0))                                                            \
            with_unlock_failed_(self->with_.head.frame.site, KIND, self->lock, error, exception);  \
        return false;                                                                              \
    }                                                                                              \
    WITH_CLASS_(cm_lock_##NAME##_with_class_, cm_lock_##NAME, with_lock_##NAME##_enter_,           \
                with_lock_##NAME##_exit_, true);                                                   \
    WITH_CLASS(cm_lock_##NAME##_within, with_lock_##NAME##_within_enter_,                          \
               with_lock_##NAME##_within_exit_);                                                   \
    WITH_INLINE_ struct cm_lock_##NAME cm_lock_##NAME(TYPE *lock) {                                \
        struct cm_lock_##NAME manager; /* WITH_NEW() would store zeros that nobody reads */        \
        manager.with_.head.manager_class = &cm_lock_##NAME##_with_class_;                          \
        manager.lock = lock;                                                                       \
        return manager;                                                                            \
    } WITH_INLINE_ struct cm_lock_##NAME##_within cm_lock_##NAME##_within(TYPE *lock,              \
                                                                          double seconds)          \
    {                                                                                              \
        return WITH_NEW(cm_lock_##NAME##_within, .lock = lock, .seconds = seconds);                \
    }

WITH_INLINE_ int with_semaphore_wait_(sem_t *semaphore)
{
    while (__builtin_expect(sem_wait(semaphore), 0))
        if (errno != EINTR) return errno;
    return 0;
}

WITH_INLINE_ int with_semaphore_post_(sem_t *semaphore)
{
    return __builtin_expect(sem_post(semaphore), 0) ? errno : 0;
}

WITH_LOCK_(mutex, WITH_LOCK_MUTEX_, pthread_mutex_t, pthread_mutex_lock, pthread_mutex_unlock)
WITH_LOCK_(read, WITH_LOCK_READ_, pthread_rwlock_t, pthread_rwlock_rdlock, pthread_rwlock_unlock)
WITH_LOCK_(write, WITH_LOCK_WRITE_, pthread_rwlock_t, pthread_rwlock_wrlock, pthread_rwlock_unlock)
WITH_LOCK_(semaphore, WITH_LOCK_SEMAPHORE_, sem_t, with_semaphore_wait_, with_semaphore_post_)

/* Called in place of a function, so that something else than a pointer to a lock does not compile. */
enum { with_not_a_pointer_to_a_lock_ };

/* Choices nest, because an optional type may be the same as one before it. */
/* clang-format off */
#if _POSIX_SPIN_LOCKS > 0
WITH_LOCK_(spin, WITH_LOCK_SPIN_, pthread_spinlock_t, pthread_spin_lock, pthread_spin_unlock)
#define WITH_SPIN_(LOCK, SUFFIX)                                                                   \
    _Generic((LOCK),                                                                               \
             pthread_spinlock_t *: cm_lock_spin##SUFFIX,                                           \
             default: with_not_a_pointer_to_a_lock_)
#else
#define WITH_SPIN_(LOCK, SUFFIX) with_not_a_pointer_to_a_lock_
#endif
#ifdef WITH_HAS_MTX_
#define WITH_MTX_LOCK_(LOCK) (mtx_lock(LOCK) != thrd_success)
#define WITH_MTX_UNLOCK_(LOCK) (mtx_unlock(LOCK) != thrd_success)
WITH_LOCK_(mtx, WITH_LOCK_MTX_, mtx_t, WITH_MTX_LOCK_, WITH_MTX_UNLOCK_)
#define WITH_MTX_(LOCK, SUFFIX)                                                                    \
    _Generic((LOCK),                                                                               \
             mtx_t *: cm_lock_mtx##SUFFIX,                                                         \
             default: WITH_SPIN_(LOCK, SUFFIX))
#else
#define WITH_MTX_(LOCK, SUFFIX) WITH_SPIN_(LOCK, SUFFIX)
#endif
#define WITH_LOCK_FUNCTION_(LOCK, SUFFIX)                                                          \
    _Generic((LOCK),                                                                               \
             pthread_mutex_t *: cm_lock_mutex##SUFFIX,                                             \
             pthread_rwlock_t *: cm_lock_write##SUFFIX,                                            \
             sem_t *: cm_lock_semaphore##SUFFIX,                                                   \
             default: WITH_MTX_(LOCK, SUFFIX))
/* clang-format on */

/* ---- Between threads ----------------------------------------------------------------------- */

/*
 * cm_lock(LOCK) holds a lock for the block: a pthread_mutex_t *, a pthread_rwlock_t * (exclusively,
 * as cm_lock_write()), a sem_t * (one unit of it), a pthread_spinlock_t * or an mtx_t *. It waits as
 * long as it takes. The lock is borrowed until the block has been left. There is nothing to name.
 *
 * Throws ValueError if LOCK is NULL, OwnerDiedError (see cm_lock_recover()), and OSError with the
 * error number of what refused the lock, such as EDEADLK for an error-checking mutex that this thread
 * holds. A failed unlocking is reported: PermissionError, say, when another thread locked the mutex.
 * Any thread. A semaphore's wait is a cancellation point; a wait that is cancelled holds nothing.
 */
#define cm_lock(LOCK) WITH_LOCK_FUNCTION_(LOCK, )(LOCK)

/*
 * cm_lock_within(LOCK, SECONDS): as cm_lock(), but waits at most so long, by a clock that nobody
 * sets, and then throws TimeoutError. 0 or less tries once; infinity waits for ever; not a number is
 * a ValueError. Where the system cannot wait by such a clock (spin locks, mtx_t, and all locks
 * outside of glibc) it tries again and again, and sleeps 10 milliseconds at most between two tries;
 * such a sleep is a cancellation point.
 */
#define cm_lock_within(LOCK, SECONDS) WITH_LOCK_FUNCTION_(LOCK, _within)(LOCK, SECONDS)

/*
 * cm_lock_read(&rwlock) holds a pthread_rwlock_t together with other readers, cm_lock_write(&rwlock)
 * alone; cm_lock_read_within(&rwlock, seconds) and cm_lock_write_within(&rwlock, seconds) wait at
 * most so long. All as cm_lock() and cm_lock_within().
 */
WITH_INLINE_ struct cm_lock_read cm_lock_read(pthread_rwlock_t *lock);
WITH_INLINE_ struct cm_lock_write cm_lock_write(pthread_rwlock_t *lock);
WITH_INLINE_ struct cm_lock_read_within cm_lock_read_within(pthread_rwlock_t *lock, double seconds);
WITH_INLINE_ struct cm_lock_write_within cm_lock_write_within(pthread_rwlock_t *lock,
                                                              double seconds);

struct cm_lock_recover {
    WITH_MANAGER;
    bool as;
    pthread_mutex_t *lock;
};

/*
 * cm_lock_recover(&mutex) holds a robust mutex for a block that repairs what the mutex guards:
 *
 *     try {
 *         with (cm_lock(&shared->lock)) change(shared);
 *     } catch (OwnerDiedError) {
 *         with (cm_lock_recover(&shared->lock)) repair(shared);
 *     }
 *
 * An OwnerDiedError holds the mutex from when it is thrown, so that nobody comes between; the thread
 * must not lock it in any other way until then. In a handler of that exception (or further in) this
 * manager takes the mutex over; elsewhere it locks it. `as` is whether the owner died: if not,
 * somebody else has repaired it already. When the block ends, the mutex is consistent again and
 * unlocked. A block that is left in another way makes it unusable, unless it called
 * pthread_mutex_consistent() first; so does a handling that ends without this manager: whoever locks
 * it from then on gets an OSError with ENOTRECOVERABLE.
 */
WITH_API struct cm_lock_recover cm_lock_recover(pthread_mutex_t *mutex);

/* ---- Between processes --------------------------------------------------------------------- */

/* How a file is locked. Zero is the default of everything but size, which the macros set. */
struct with_flock_options {
    size_t size;
    bool shared;      /* together with others who share, instead of alone */
    bool nonblocking; /* throw BlockingIOError instead of waiting */
};

struct cm_flock {
    WITH_MANAGER;
    int as;
    pid_t process;
    const char *path;
    double seconds;
    struct with_flock_options options;
};

WITH_API struct cm_flock with_flock_(const char *path, double seconds,
                                     const struct with_flock_options *options);
#define WITH_FLOCK_(PATH, SECONDS, ...)                                                            \
    with_flock_(PATH, SECONDS,                                                                     \
                &(const struct with_flock_options){.size = sizeof(struct with_flock_options),      \
                                                   __VA_ARGS__})

/*
 * cm_flock(PATH), cm_flock(PATH, .shared = true), cm_flock(PATH, .nonblocking = true): holds a lock on
 * a file for the block, against every other cm_flock() of it, in this process or another. `as` is
 * the file's descriptor, to read and write it; the manager closes it. A file that is not there is
 * created (mode 0666 and the umask); none is ever removed. If the file is replaced while cm_flock()
 * waits, the new file is the one that is locked. PATH is borrowed until the block has been left.
 *
 * Locks are advisory, and belong to the open file (F_OFD_SETLK, or flock() where there is none): two
 * blocks of one thread exclude each other too. Waiting is a cancellation point and holds nothing when
 * it is cancelled. A child made by fork() shares the lock: its exit closes, but never unlocks.
 * Throws ValueError if PATH is NULL, BlockingIOError, and what open() and fcntl() refuse, with PATH.
 * Unlocking and closing that fail are reported. Any thread.
 */
#define cm_flock(...) WITH_FLOCK_FOREVER_(__VA_ARGS__, )
#define WITH_FLOCK_FOREVER_(PATH, ...) WITH_FLOCK_(PATH, __builtin_inf(), __VA_ARGS__)

/*
 * cm_flock_within(PATH, SECONDS), cm_flock_within(PATH, SECONDS, .shared = true): as cm_flock(), but
 * waits at most so long (see cm_lock_within()) and then throws TimeoutError. It tries again and
 * again, and sleeps 10 milliseconds at most between two tries.
 */
#define cm_flock_within(PATH, ...) WITH_FLOCK_WITHIN_(PATH, __VA_ARGS__, )
#define WITH_FLOCK_WITHIN_(PATH, SECONDS, ...) WITH_FLOCK_(PATH, SECONDS, __VA_ARGS__)

#endif /* !__cplusplus */

#endif /* WITH_LOCK_H */
