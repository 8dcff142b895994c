/* SPDX-License-Identifier: MIT
 *
 * cm_lock_within over each kind of lock: what is free, what is not, and any number of seconds.
 */
#include "test.h"
#include "test_locks.h"

#include <math.h>
#include <unistd.h>

static const double most = 1e300;

/* ---- Holding each kind --------------------------------------------------------------------- */

#define DEFINE_KIND(NAME, WITHIN, LOCK)                                                            \
    static void hold_##NAME(double seconds, void (*body)(void))                                    \
    {                                                                                              \
        with (WITHIN(&locks.LOCK, seconds))                                                        \
            if (body) body();                                                                      \
    }

DEFINE_KIND(mutex, cm_lock_within, mutex)
DEFINE_KIND(rwlock, cm_lock_within, rwlock)
DEFINE_KIND(read, cm_lock_read_within, rwlock)
DEFINE_KIND(write, cm_lock_write_within, rwlock)
DEFINE_KIND(semaphore, cm_lock_within, semaphore)
DEFINE_KIND(spin, cm_lock_within, spin)
DEFINE_KIND(mtx, cm_lock_within, mtx)

static const struct kind {
    const char *type;
    void (*hold)(double seconds, void (*body)(void));
    bool (*is_free)(void);
} kinds[] = {
    {"pthread_mutex_t", hold_mutex, mutex_is_free},
    {"pthread_rwlock_t", hold_rwlock, rwlock_is_free},
    {"pthread_rwlock_t", hold_read, rwlock_is_free},
    {"pthread_rwlock_t", hold_write, rwlock_is_free},
    {"sem_t", hold_semaphore, semaphore_is_free},
    {"pthread_spinlock_t", hold_spin, spin_is_free},
    {"mtx_t", hold_mtx, mtx_is_free},
};

/* ---- Free locks ---------------------------------------------------------------------------- */

static int bodies;

static void count_body(void)
{
    bodies++;
}

static void test_free(const struct kind *kind)
{
    const double seconds[] = {0,   -0.0, 1e-12, 0.999999999, 1,        1.5,
                              1e9, 1e18, most,  -1,          INFINITY, (double)-INFINITY};
    const int count = sizeof seconds / sizeof *seconds;

    bodies = 0;
    for (int i = 0; i < count; i++) kind->hold(seconds[i], count_body);
    CHECK_INT(bodies, count);
    CHECK(kind->is_free());
}

/* ---- Locks that another thread holds ------------------------------------------------------- */

/* The holder holds all locks until it is told to give them back, a while after that. */
static sem_t held, give_back, given_back;
static unsigned delay_us;

static void *hold_all(void *unused)
{
    with (cm_lock(&locks.mutex))
        with (cm_lock(&locks.rwlock))
            with (cm_lock(&locks.semaphore))
                with (cm_lock(&locks.spin))
                    with (cm_lock(&locks.mtx)) {
                        sem_post(&held);
                        while (sem_wait(&give_back)) continue;
                        usleep(delay_us);
                    }
    sem_post(&given_back);
    return unused;
}

static pthread_t start_holder(unsigned us)
{
    pthread_t holder;

    delay_us = us;
    CHECK_INT(pthread_create(&holder, NULL, hold_all, NULL), 0);
    while (sem_wait(&held)) continue;
    return holder;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check_timeout(const struct kind *kind, double seconds)
{
    const double start = now();
    volatile bool caught = false;

    try {
        kind->hold(seconds, count_body);
    } catch (TimeoutError, e) {
        caught = true;
        CHECK_INT(e->code, ETIMEDOUT);
        CHECK(strstr(e->message, kind->type) != NULL);
        CHECK(strstr(e->message, "was not free within") != NULL);
        CHECK(strstr(e->message, seconds > 0 ? "0.02 seconds" : " 0 seconds") != NULL);
    }
    CHECK(caught);
    CHECK(now() - start >= seconds); /* never too early */
    CHECK_INT(with_dump(NULL), 0);
}

static void test_timeouts(void)
{
    pthread_t holder = start_holder(0);

    bodies = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        check_timeout(&kinds[i], 0);
        check_timeout(&kinds[i], -3);
        check_timeout(&kinds[i], (double)-INFINITY);
        check_timeout(&kinds[i], 0.02);
    }
    CHECK_INT(bodies, 0);
    sem_post(&give_back);
    CHECK_INT(pthread_join(holder, NULL), 0);
    while (sem_wait(&given_back)) continue;
}

/* Waits that end well: the holder gives back what we are waiting for, most likely. */
static void test_waits(const struct kind *kind, double seconds)
{
    pthread_t holder = start_holder(2000);

    bodies = 0;
    sem_post(&give_back);
    kind->hold(seconds, count_body);
    CHECK_INT(bodies, 1);
    while (sem_wait(&given_back)) continue;
    CHECK_INT(pthread_join(holder, NULL), 0);
    CHECK(kind->is_free());
}

/* ---- A mutex that inherits priority -------------------------------------------------------- */

static void *lock_for_good(void *lock)
{
    pthread_mutex_lock(lock);
    sem_post(&held);
    while (sem_wait(&give_back)) continue;
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Kernels before 5.14 cannot wait for it by a clock that nobody sets. */
static void test_priority_inheritance(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t lock;
    pthread_t holder;
    volatile bool caught = false;

    pthread_mutexattr_init(&attributes);
    if (pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)) return;
    CHECK_INT(pthread_mutex_init(&lock, &attributes), 0);
    CHECK_INT(pthread_create(&holder, NULL, lock_for_good, &lock), 0);
    while (sem_wait(&held)) continue;
    try {
        with (cm_lock_within(&lock, 0.01)) CHECK(!"it is held");
    } catch (TimeoutError) {
        caught = true;
    }
    CHECK(caught);
    sem_post(&give_back);
    with (cm_lock_within(&lock, INFINITY)) CHECK_INT(with_dump(NULL), 1);
    CHECK_INT(pthread_join(holder, NULL), 0);
    pthread_mutex_destroy(&lock);
    pthread_mutexattr_destroy(&attributes);
}

int main(void)
{
    make_locks();
    sem_init(&held, 0, 0);
    sem_init(&give_back, 0, 0);
    sem_init(&given_back, 0, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        test_free(&kinds[i]);
        test_waits(&kinds[i], 600);
        test_waits(&kinds[i], most);
        test_waits(&kinds[i], INFINITY);
    }
    test_timeouts();
    test_priority_inheritance();
    destroy_locks();
    return test_result();
}
