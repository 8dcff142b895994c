/* SPDX-License-Identifier: MIT
 *
 * Waiting a limited time for a lock between threads. With glibc the system waits; elsewhere, and for
 * the locks that cannot wait by a clock that nobody sets, we try again and again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_mutex_clocklock() and the like */
#endif
#include "internal.h"

#include <math.h>

#ifdef __GLIBC_PREREQ
#define HAS_CLOCK_FUNCTIONS __GLIBC_PREREQ(2, 30)
#else
#define HAS_CLOCK_FUNCTIONS 0
#endif

enum { FIRST_PAUSE_NS = 20 * 1000, LAST_PAUSE_NS = 10 * 1000 * 1000 };

static struct timespec now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

/* More than 31 years is 31 years, which fits any time_t. */
struct timespec with__deadline_in(double seconds)
{
    struct timespec time = now();

    if (seconds <= 0) return time;
    if (seconds > 1e9) seconds = 1e9;
    time.tv_sec += (time_t)seconds;
    time.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

int with__try_until(int (*attempt)(void *argument), void *argument, struct timespec deadline)
{
    struct timespec pause = {0, FIRST_PAUSE_NS};
    int error;

    while ((error = attempt(argument)) == EBUSY) {
        const struct timespec time = now();
        const double left_ns = (double)(deadline.tv_sec - time.tv_sec) * 1e9 +
                               (double)(deadline.tv_nsec - time.tv_nsec);

        if (left_ns <= 0) return ETIMEDOUT;
        if (left_ns < (double)pause.tv_nsec) pause.tv_nsec = (long)left_ns;
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec < LAST_PAUSE_NS / 2 ? pause.tv_nsec * 2 : LAST_PAUSE_NS;
    }
    return error;
}

/* ---- The locks ----------------------------------------------------------------------------- */

struct wanted {
    enum with_lock_kind_ kind;
    volatile void *lock;
};

/* Where it is the only way to wait, it should also tell a mutex that the thread holds (EDEADLK). */
static int try_mutex(pthread_mutex_t *mutex)
{
#if HAS_CLOCK_FUNCTIONS || defined(__APPLE__)
    return pthread_mutex_trylock(mutex);
#else
    const struct timespec past = {0, 0};
    const int error = pthread_mutex_timedlock(mutex, &past);

    return error == ETIMEDOUT ? EBUSY : error;
#endif
}

static int try_semaphore(sem_t *semaphore)
{
    while (sem_trywait(semaphore))
        if (errno != EINTR) return errno == EAGAIN ? EBUSY : errno;
    return 0;
}

#ifdef WITH_HAS_MTX_
static int try_mtx(mtx_t *mutex)
{
    const int result = mtx_trylock(mutex);

    if (result == thrd_success) return 0;
    return result == thrd_busy ? EBUSY : EINVAL;
}
#endif

static int try_once(void *argument)
{
    const struct wanted *wanted = argument;
    void *const lock = (void *)wanted->lock;

    switch (wanted->kind) {
    case WITH_LOCK_MUTEX_: return try_mutex(lock);
    case WITH_LOCK_READ_: return pthread_rwlock_tryrdlock(lock);
    case WITH_LOCK_WRITE_: return pthread_rwlock_trywrlock(lock);
    case WITH_LOCK_SEMAPHORE_: return try_semaphore(lock);
#if _POSIX_SPIN_LOCKS > 0
    case WITH_LOCK_SPIN_: return pthread_spin_trylock(lock);
#endif
#ifdef WITH_HAS_MTX_
    case WITH_LOCK_MTX_: return try_mtx(lock);
#endif
    default: return ENOTSUP;
    }
}

#if HAS_CLOCK_FUNCTIONS

/* ThreadSanitizer does not know the functions with a clock, and would see no lock taken by them. */
extern void __tsan_init(void) __attribute__((weak));

static int wait_by_clock(struct wanted wanted, struct timespec deadline)
{
    void *const lock = (void *)wanted.lock;

    switch (wanted.kind) {
    case WITH_LOCK_MUTEX_: return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &deadline);
    case WITH_LOCK_READ_: return pthread_rwlock_clockrdlock(lock, CLOCK_MONOTONIC, &deadline);
    case WITH_LOCK_WRITE_: return pthread_rwlock_clockwrlock(lock, CLOCK_MONOTONIC, &deadline);
    case WITH_LOCK_SEMAPHORE_:
        while (sem_clockwait(lock, CLOCK_MONOTONIC, &deadline))
            if (errno != EINTR) return errno;
        return 0;
    default: return EINVAL;
    }
}

/* Old kernels do not know this clock for a mutex that inherits priority: EINVAL. */
static int wait_until(struct wanted wanted, struct timespec deadline)
{
    const int error = __tsan_init ? EINVAL : wait_by_clock(wanted, deadline);

    return error == EINVAL ? with__try_until(try_once, &wanted, deadline) : error;
}

#else

static int wait_until(struct wanted wanted, struct timespec deadline)
{
    return with__try_until(try_once, &wanted, deadline);
}

#endif

void with_lock_within_(enum with_lock_kind_ kind, volatile void *lock, double seconds)
{
    int error;

    if (!lock) with_lock_failed_(NULL, kind, NULL, 0);
    if (isnan(seconds))
        with_throw(with_ValueError, "the seconds to wait for the %s at %p are not a number",
                   with__lock_type(kind), (void *)lock);
    error = wait_until((struct wanted){kind, lock}, with__deadline_in(seconds));
    if (error == ETIMEDOUT)
        WITH__TIMED_OUT(seconds, "the %s at %p", with__lock_type(kind), (void *)lock);
    if (error) with_lock_failed_(NULL, kind, lock, error);
}
