/* SPDX-License-Identifier: MIT
 *
 * The pool's clock, and waiting by it.
 */
#include "internal.h"

int64_t with__pool_clock(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t with__nanoseconds(double seconds)
{
    return seconds < 1e9 ? (int64_t)(seconds * 1e9) : WITH__NEVER;
}

#ifdef __APPLE__ /* its conditions know the time of day alone, or how long to wait */

void with__condition_init(pthread_cond_t *condition)
{
    pthread_cond_init(condition, NULL);
}

int with__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    int64_t left;

    if (until == WITH__NEVER) return pthread_cond_wait(condition, lock);
    left = until - with__pool_clock();
    if (left < 0) left = 0;
    return pthread_cond_timedwait_relative_np(
        condition, lock,
        &(struct timespec){(time_t)(left / 1000000000), (long)(left % 1000000000)});
}

#else

void with__condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int with__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until)
{
    if (until == WITH__NEVER) return pthread_cond_wait(condition, lock);
    return pthread_cond_timedwait(
        condition, lock,
        &(struct timespec){(time_t)(until / 1000000000), (long)(until % 1000000000)});
}

#endif
