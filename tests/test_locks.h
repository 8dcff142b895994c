/* SPDX-License-Identifier: MIT
 *
 * For the tests of with/lock.h: one lock of each kind, and whether it is free.
 */
#ifndef TEST_LOCKS_H
#define TEST_LOCKS_H

#include <with/lock.h>

/* ThreadSanitizer does not see what a thread unlocks that is cancelled in a call that blocks. */
#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif

static struct {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    sem_t semaphore;
    pthread_spinlock_t spin;
    mtx_t mtx;
} locks;

static inline void make_locks(void)
{
    pthread_mutex_init(&locks.mutex, NULL);
    pthread_rwlock_init(&locks.rwlock, NULL);
    sem_init(&locks.semaphore, 0, 1);
    pthread_spin_init(&locks.spin, PTHREAD_PROCESS_PRIVATE);
    mtx_init(&locks.mtx, mtx_plain);
}

static inline void destroy_locks(void)
{
    pthread_mutex_destroy(&locks.mutex);
    pthread_rwlock_destroy(&locks.rwlock);
    sem_destroy(&locks.semaphore);
    pthread_spin_destroy(&locks.spin);
    mtx_destroy(&locks.mtx);
}

static inline bool mutex_is_free(void)
{
    return pthread_mutex_trylock(&locks.mutex) == 0 && pthread_mutex_unlock(&locks.mutex) == 0;
}

static inline bool rwlock_is_free(void)
{
    return pthread_rwlock_trywrlock(&locks.rwlock) == 0 &&
           pthread_rwlock_unlock(&locks.rwlock) == 0;
}

static inline bool semaphore_is_free(void)
{
    return sem_trywait(&locks.semaphore) == 0 && sem_post(&locks.semaphore) == 0;
}

static inline bool spin_is_free(void)
{
    return pthread_spin_trylock(&locks.spin) == 0 && pthread_spin_unlock(&locks.spin) == 0;
}

static inline bool mtx_is_free(void)
{
    return mtx_trylock(&locks.mtx) == thrd_success && mtx_unlock(&locks.mtx) == thrd_success;
}

#endif
