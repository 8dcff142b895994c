/* SPDX-License-Identifier: MIT
 *
 * How a careful C programmer holds a mutex by hand: both calls are checked, as cm_lock() checks
 * them, and what to do on failure, which names the mutex, is out of line.
 */
#ifndef BENCH_HAND_H
#define BENCH_HAND_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((noreturn, cold, noinline, unused))
hand_failed(const pthread_mutex_t *mutex, int error)
{
    fprintf(stderr, "the mutex at %p: error %d\n", (const void *)mutex, error);
    abort();
}

static inline void hand_lock(pthread_mutex_t *mutex)
{
    const int error = pthread_mutex_lock(mutex);

    if (__builtin_expect(error, 0)) hand_failed(mutex, error);
}

static inline void hand_unlock(pthread_mutex_t *mutex)
{
    const int error = pthread_mutex_unlock(mutex);

    if (__builtin_expect(error, 0)) hand_failed(mutex, error);
}

#endif
