/* SPDX-License-Identifier: MIT
 *
 * Counters that several threads change under each kind of lock: no round is lost, and
 * ThreadSanitizer sees no race.
 */
#include "test.h"
#include "test_locks.h"

/* ThreadSanitizer does not know mtx_lock(), and would see a race. */
#define MTX_COUNTS (!UNDER_TSAN)

enum { THREADS = 4, ROUNDS = 2000, KINDS = 6 };

static long counters[KINDS];

/* One round in eight leaves its blocks by a throw. */
static void count_under_all(int round)
{
    with (cm_lock(&locks.mutex)) counters[0]++;
    with (cm_lock(&locks.rwlock)) counters[1]++;
    with (cm_lock(&locks.semaphore)) counters[2]++;
    with (cm_lock(&locks.spin)) counters[3]++;
    with (cm_lock(&locks.mtx))
        if (MTX_COUNTS) counters[4]++;
    with (cm_lock_read(&locks.rwlock)) CHECK(counters[1] > 0);
    with (cm_lock(&locks.mutex)) {
        counters[5]++;
        if (round % 8 == 0) throw(KeyError, "round %d", round);
    }
}

static void count_within(int round)
{
    with (cm_lock_within(&locks.mutex, 600)) counters[0]++;
    with (cm_lock_write_within(&locks.rwlock, 600)) counters[1]++;
    with (cm_lock_within(&locks.semaphore, 600)) counters[2]++;
    with (cm_lock_within(&locks.spin, 600)) counters[3]++;
    with (cm_lock_within(&locks.mtx, 600))
        if (MTX_COUNTS) counters[4]++;
    with (cm_lock_read_within(&locks.rwlock, 600)) CHECK(counters[1] > 0);
    using (cm_lock_within(&locks.mutex, 600));
    counters[5]++;
    if (round % 8 == 0) throw(KeyError, "round %d", round);
}

static void *work(void *argument)
{
    volatile int thrown = 0;

    for (volatile int round = 0; round < ROUNDS; round++) {
        try {
            if (round % 2) count_within(round / 2);
            else count_under_all(round / 2);
        } catch (KeyError) {
            thrown++;
        }
    }
    CHECK_INT(thrown, ROUNDS / 8);
    CHECK_INT(with_dump(NULL), 0);
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS];

    make_locks();
    for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < THREADS; i++) CHECK_INT(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < KINDS; i++)
        if (i != 4 || MTX_COUNTS) CHECK_INT(counters[i], THREADS * ROUNDS);
    destroy_locks();
    return test_result();
}
