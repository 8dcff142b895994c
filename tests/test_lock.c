/* SPDX-License-Identifier: MIT
 *
 * cm_lock over each kind of lock, and each way out of its block.
 */
#include "test.h"
#include "test_locks.h"

/* ---- Ways out ------------------------------------------------------------------------------ */

enum way { END, RETURN, GOTO, THROW, CONTINUE, CANCEL, EXIT_THREAD, BREAK };

static void leave_thread(enum way way)
{
    if (way == CANCEL) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    if (way == EXIT_THREAD) pthread_exit(NULL);
}

/* For each kind: a block held by `with`, and a loop whose rounds hold the lock by `using`. */
#define DEFINE_WAYS(NAME, MANAGER, IS_FREE)                                                        \
    static const char *with_##NAME(enum way way)                                                   \
    {                                                                                              \
        with (MANAGER) {                                                                           \
            CHECK(!IS_FREE());                                                                     \
            CHECK_INT(with_dump(NULL), 1);                                                         \
            if (way == RETURN) return "return";                                                    \
            if (way == GOTO) goto out;                                                             \
            if (way == CONTINUE) continue;                                                         \
            if (way == THROW) throw(KeyError, "thrown");                                           \
            leave_thread(way);                                                                     \
        }                                                                                          \
        return "end";                                                                              \
out:                                                                                               \
        CHECK(IS_FREE());                                                                          \
        return "goto";                                                                             \
    }                                                                                              \
                                                                                                   \
    static const char *using_##NAME(enum way way)                                                  \
    {                                                                                              \
        int rounds = 0;                                                                            \
                                                                                                   \
        while (rounds < 2) {                                                                       \
            CHECK(IS_FREE());                                                                      \
            rounds++;                                                                              \
            using (MANAGER);                                                                       \
            CHECK(!IS_FREE());                                                                     \
            if (way == RETURN) return "return";                                                    \
            if (way == GOTO) goto out;                                                             \
            if (way == CONTINUE) continue;                                                         \
            if (way == BREAK) break;                                                               \
            if (way == THROW) throw(KeyError, "thrown");                                           \
            leave_thread(way);                                                                     \
        }                                                                                          \
        CHECK_INT(rounds, way == BREAK ? 1 : 2);                                                   \
        return "end";                                                                              \
out:                                                                                               \
        CHECK(IS_FREE());                                                                          \
        return "goto";                                                                             \
    }

DEFINE_WAYS(mutex, cm_lock(&locks.mutex), mutex_is_free)
DEFINE_WAYS(rwlock, cm_lock(&locks.rwlock), rwlock_is_free)
DEFINE_WAYS(write, cm_lock_write(&locks.rwlock), rwlock_is_free)
DEFINE_WAYS(read, cm_lock_read(&locks.rwlock), rwlock_is_free)
DEFINE_WAYS(semaphore, cm_lock(&locks.semaphore), semaphore_is_free)
DEFINE_WAYS(spin, cm_lock(&locks.spin), spin_is_free)
DEFINE_WAYS(mtx, cm_lock(&locks.mtx), mtx_is_free)
DEFINE_WAYS(mutex_within, cm_lock_within(&locks.mutex, 60), mutex_is_free)
DEFINE_WAYS(rwlock_within, cm_lock_within(&locks.rwlock, 60), rwlock_is_free)
DEFINE_WAYS(write_within, cm_lock_write_within(&locks.rwlock, 60), rwlock_is_free)
DEFINE_WAYS(read_within, cm_lock_read_within(&locks.rwlock, 60), rwlock_is_free)
DEFINE_WAYS(semaphore_within, cm_lock_within(&locks.semaphore, 60), semaphore_is_free)
DEFINE_WAYS(spin_within, cm_lock_within(&locks.spin, 60), spin_is_free)
DEFINE_WAYS(mtx_within, cm_lock_within(&locks.mtx, 60), mtx_is_free)

static const struct kind {
    const char *name;
    const char *(*by_with)(enum way), *(*by_using)(enum way);
    bool (*is_free)(void);
} kinds[] = {
#define KIND(NAME, IS_FREE)                                                                        \
    {                                                                                              \
#NAME, with_##NAME, using_##NAME, IS_FREE                                                  \
    }
    KIND(mutex, mutex_is_free),
    KIND(rwlock, rwlock_is_free),
    KIND(write, rwlock_is_free),
    KIND(read, rwlock_is_free),
    KIND(semaphore, semaphore_is_free),
    KIND(spin, spin_is_free),
    KIND(mtx, mtx_is_free),
    KIND(mutex_within, mutex_is_free),
    KIND(rwlock_within, rwlock_is_free),
    KIND(write_within, rwlock_is_free),
    KIND(read_within, rwlock_is_free),
    KIND(semaphore_within, semaphore_is_free),
    KIND(spin_within, spin_is_free),
    KIND(mtx_within, mtx_is_free),
};

static void check_way(const struct kind *kind, const char *(*function)(enum way), enum way way,
                      const char *wanted)
{
    const char *volatile got = "nothing";

    try {
        got = function(way);
    } catch (KeyError) {
        got = "throw";
    }
    if (!CHECK_STR(got, wanted)) fprintf(stderr, "    kind   %s\n", kind->name);
    if (!CHECK(kind->is_free())) fprintf(stderr, "    kind   %s\n", kind->name);
    CHECK_INT(with_dump(NULL), 0);
}

static void test_ways_out(const struct kind *kind)
{
    check_way(kind, kind->by_with, END, "end");
    check_way(kind, kind->by_with, RETURN, "return");
    check_way(kind, kind->by_with, GOTO, "goto");
    check_way(kind, kind->by_with, THROW, "throw");
    check_way(kind, kind->by_with, CONTINUE, "end");
    check_way(kind, kind->by_using, END, "end");
    check_way(kind, kind->by_using, RETURN, "return");
    check_way(kind, kind->by_using, GOTO, "goto");
    check_way(kind, kind->by_using, THROW, "throw");
    check_way(kind, kind->by_using, CONTINUE, "end");
    check_way(kind, kind->by_using, BREAK, "end");
}

/* ---- Ways out of the thread ---------------------------------------------------------------- */

struct thread {
    const char *(*function)(enum way);
    enum way way;
};

static void *run(void *argument)
{
    const struct thread *thread = argument;

    return (void *)thread->function(thread->way);
}

static void check_thread(const struct kind *kind, struct thread thread)
{
    pthread_t id;
    void *result = "nothing";

    CHECK_INT(pthread_create(&id, NULL, run, &thread), 0);
    CHECK_INT(pthread_join(id, &result), 0);
    CHECK(result == (thread.way == CANCEL ? PTHREAD_CANCELED : NULL));
    if (!CHECK(kind->is_free())) fprintf(stderr, "    kind   %s\n", kind->name);
}

/* musl does not unwind the stack of a thread that ends early. */
static void test_thread_ways_out(const struct kind *kind)
{
#ifdef __GLIBC__
    check_thread(kind, (struct thread){kind->by_with, CANCEL});
    check_thread(kind, (struct thread){kind->by_with, EXIT_THREAD});
    check_thread(kind, (struct thread){kind->by_using, CANCEL});
    check_thread(kind, (struct thread){kind->by_using, EXIT_THREAD});
#else
    (void)kind;
    (void)check_thread;
    (void)run;
#endif
}

/* ---- A waiter that is cancelled ------------------------------------------------------------ */

static sem_t waiting, none;

static void *wait_for_none(void *seconds)
{
    with (cm_lock(&locks.mutex)) {
        sem_post(&waiting);
        if (seconds) {
            with (cm_lock_within(&none, *(double *)seconds)) CHECK(!"it was cancelled");
        } else {
            with (cm_lock(&none)) CHECK(!"it was cancelled");
        }
    }
    return NULL;
}

static void cancel_waiter(double *seconds)
{
    pthread_t id;
    void *result;
    int value = -1;

    CHECK_INT(pthread_create(&id, NULL, wait_for_none, seconds), 0);
    while (sem_wait(&waiting)) continue;
    pthread_cancel(id);
    CHECK_INT(pthread_join(id, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_INT(sem_getvalue(&none, &value), 0);
    CHECK_INT(value, 0);
    CHECK(mutex_is_free());
}

static void test_cancelled_waiter(void)
{
#if defined(__GLIBC__) && !UNDER_TSAN
    double seconds = 600;

    sem_init(&waiting, 0, 0);
    sem_init(&none, 0, 0);
    cancel_waiter(NULL);
    cancel_waiter(&seconds);
    sem_destroy(&waiting);
    sem_destroy(&none);
#else
    (void)cancel_waiter;
#endif
}

/* ---- The macros ---------------------------------------------------------------------------- */

static void test_one_evaluation(void)
{
    pthread_mutex_t two[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER}, *next = two;
    double seconds = 0;

    with (cm_lock(next++)) CHECK(next == two + 1);
    with (cm_lock_within(next++, seconds++)) CHECK(next == two + 2);
    CHECK(seconds == 1);
    with (cm_lock(&two[0]))
        with (cm_lock(&two[1])) CHECK_INT(with_dump(NULL), 2);
    pthread_mutex_destroy(&two[0]);
    pthread_mutex_destroy(&two[1]);
}

static void test_readers_share(void)
{
    with (cm_lock_read(&locks.rwlock)) {
        with (cm_lock_read(&locks.rwlock)) CHECK(!rwlock_is_free());
        CHECK(!rwlock_is_free());
    }
    CHECK(rwlock_is_free());
}

static void test_semaphore_of_many(void)
{
    sem_t places;
    int value;

    sem_init(&places, 0, 2);
    with (cm_lock(&places))
        with (cm_lock(&places)) {
            sem_getvalue(&places, &value);
            CHECK_INT(value, 0);
        }
    sem_getvalue(&places, &value);
    CHECK_INT(value, 2);
    sem_destroy(&places);
}

int main(void)
{
    make_locks();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        test_ways_out(&kinds[i]);
        test_thread_ways_out(&kinds[i]);
    }
    test_cancelled_waiter();
    test_one_evaluation();
    test_readers_share();
    test_semaphore_of_many();
    destroy_locks();
    return test_result();
}
