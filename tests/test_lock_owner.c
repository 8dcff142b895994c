/* SPDX-License-Identifier: MIT
 *
 * A robust mutex whose owner died: OwnerDiedError holds it, cm_lock_recover() takes it over, and who
 * does neither leaves it unusable, not locked.
 */
#include "test.h"
#include "test_locks.h"

#include <sys/mman.h>
#include <sys/wait.h>

static pthread_mutex_t *mutex; /* in memory that children share */

static void make_mutex(int type)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_settype(&attributes, type);
    CHECK_INT(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

static void *die_holding(void *unused)
{
    pthread_mutex_lock(mutex);
    return unused;
}

static void lose_owner(void)
{
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, die_holding, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

/*
 * What another thread gets of the mutex: 0, EBUSY, EOWNERDEAD, ... It gives back what it got. (Not by
 * pthread_mutex_trylock(): that of glibc 2.36 leaves a mutex locked that is not recoverable.)
 */
static void *try_lock(void *result)
{
    const struct timespec past = {0, 0};
    int error = pthread_mutex_timedlock(mutex, &past);

    if (error == EOWNERDEAD) pthread_mutex_consistent(mutex);
    if (error == 0 || error == EOWNERDEAD) pthread_mutex_unlock(mutex);
    *(int *)result = error == ETIMEDOUT ? EBUSY : error;
    return NULL;
}

static int state_elsewhere(void)
{
    pthread_t thread;
    int result = -1;

    CHECK_INT(pthread_create(&thread, NULL, try_lock, &result), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return result;
}

/* ---- Recovering ---------------------------------------------------------------------------- */

static void enter(void *seconds)
{
    if (seconds) {
        with (cm_lock_within(mutex, *(double *)seconds)) CHECK(!"the owner is dead");
    } else {
        with (cm_lock(mutex)) CHECK(!"the owner is dead");
    }
}

static void recover_in_handler(double *seconds)
{
    volatile int recovered = 0;

    lose_owner();
    try {
        enter(seconds);
    } catch (OwnerDiedError, e) {
        CHECK_STR(e->type->name, "OwnerDiedError");
        CHECK(with_isinstance(e, &OSError));
        CHECK_INT(e->code, EOWNERDEAD);
        CHECK_INT(with_dump(NULL), 0);
        CHECK_INT(state_elsewhere(), EBUSY);
        with (cm_lock_recover(mutex), owner_died) {
            recovered += owner_died;
            CHECK_INT(state_elsewhere(), EBUSY);
        }
        CHECK_INT(state_elsewhere(), 0);
        with (cm_lock(mutex)) recovered++; /* and here it is as any other */
    }
    CHECK_INT(recovered, 2);
    CHECK_INT(state_elsewhere(), 0);
    with (cm_lock(mutex)) recovered++;
    CHECK_INT(recovered, 3);
}

static void test_recovering(int type)
{
    double seconds[] = {60, 0};

    make_mutex(type);
    recover_in_handler(NULL);
    recover_in_handler(&seconds[0]);
    recover_in_handler(&seconds[1]);
    pthread_mutex_destroy(mutex);
}

/* With no exception before it, the manager locks and says whether the owner died. */
static void test_recovering_at_once(void)
{
    int died = 0, alive = 0;

    make_mutex(PTHREAD_MUTEX_NORMAL);
    with (cm_lock_recover(mutex), owner_died) alive += !owner_died;
    lose_owner();
    with (cm_lock_recover(mutex), owner_died) died += owner_died;
    with (cm_lock_recover(mutex), owner_died) alive += !owner_died;
    CHECK_INT(died, 1);
    CHECK_INT(alive, 2);
    CHECK_INT(state_elsewhere(), 0);
    pthread_mutex_destroy(mutex);
}

static void recover_further_in(void)
{
    try {
        throw(KeyError, "in the handler");
    } catch (KeyError) {
        with (cm_lock_recover(mutex), owner_died) CHECK(owner_died);
    }
}

static void recover_from_cause(const with_exception *cause)
{
    try {
        throw_from(cause, ValueError, "a better word for it");
    } catch (ValueError) {
        with (cm_lock_recover(mutex), owner_died) CHECK(owner_died);
    }
}

static void test_recovering_further_in(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL);
    for (int from_cause = 0; from_cause < 2; from_cause++) {
        lose_owner();
        try {
            enter(NULL);
        } catch (OwnerDiedError, e) {
            if (from_cause) recover_from_cause(e);
            else recover_further_in();
            CHECK_INT(state_elsewhere(), 0);
        }
        CHECK_INT(state_elsewhere(), 0);
    }
    pthread_mutex_destroy(mutex);
}

/* ---- Not recovering ------------------------------------------------------------------------ */

static void lose_twice(void)
{
    volatile bool caught = false;

    CHECK_INT(state_elsewhere(), ENOTRECOVERABLE);
    try {
        with (cm_lock(mutex)) CHECK(!"nobody recovered it");
    } catch (OSError, e) {
        caught = e->type == &OSError && e->code == ENOTRECOVERABLE;
    }
    CHECK(caught);
    caught = false;
    try {
        with (cm_lock_within(mutex, 60)) CHECK(!"nobody recovered it");
    } catch (OSError, e) {
        caught = e->type == &OSError && e->code == ENOTRECOVERABLE;
    }
    CHECK(caught);
    if (!UNDER_TSAN) CHECK_INT(state_elsewhere(), ENOTRECOVERABLE); /* there, trylock locked it */
    pthread_mutex_destroy(mutex);
}

/* A handler that knows nothing of it does not leave it locked. */
static void test_handler_without_recovery(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL);
    lose_owner();
    try {
        enter(NULL);
    } catch (OSError) {
        CHECK_INT(state_elsewhere(), EBUSY);
    }
    lose_twice();
}

static void test_call_without_recovery(void)
{
    const with_exception *e;

    make_mutex(PTHREAD_MUTEX_NORMAL);
    lose_owner();
    e = with_call(enter, NULL);
    CHECK(with_isinstance(e, &OwnerDiedError));
    CHECK_INT(state_elsewhere(), EBUSY);
    with_exception_unref(e);
    lose_twice();
}

static void test_throw_out_of_handler(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL);
    lose_owner();
    try {
        try {
            enter(NULL);
        } catch (OwnerDiedError) {
            throw(KeyError, "instead");
        }
    } catch (KeyError) {
        CHECK_INT(state_elsewhere(), EBUSY); /* the context still holds it */
    }
    lose_twice();
}

static void fail_to_repair(int way)
{
    with (cm_lock_recover(mutex)) {
        if (way == 0) throw(KeyError, "no");
        if (way == 1) return;
        if (way == 2) pthread_mutex_consistent(mutex);
        if (way == 2) throw(KeyError, "but it was repaired before");
        if (way == 3) pthread_mutex_consistent(mutex);
    }
}

/* Left early it is lost, unless the block had said that all is well. */
static void test_failing_repair(int way, int wanted)
{
    make_mutex(PTHREAD_MUTEX_NORMAL);
    lose_owner();
    try {
        enter(NULL);
    } catch (OwnerDiedError) {
        try {
            fail_to_repair(way);
        } catch (KeyError) {
        }
        CHECK_INT(state_elsewhere(), wanted);
    }
    CHECK_INT(state_elsewhere(), wanted);
    pthread_mutex_destroy(mutex);
}

static void *catch_and_end(void *exception)
{
    *(const with_exception **)exception = with_call(enter, NULL);
    return NULL;
}

/* A thread that ends with the exception still kept is one more owner that died. */
static void test_thread_that_keeps_it(void)
{
    const with_exception *e = NULL;
    pthread_t thread;

    make_mutex(PTHREAD_MUTEX_NORMAL);
    lose_owner();
    CHECK_INT(pthread_create(&thread, NULL, catch_and_end, &e), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(with_isinstance(e, &OwnerDiedError));
    recover_in_handler(NULL);
    with_exception_unref(e); /* and it is nothing to this thread */
    CHECK_INT(state_elsewhere(), 0);
    pthread_mutex_destroy(mutex);
}

/* ---- Another process ----------------------------------------------------------------------- */

static void test_process_that_dies(void)
{
    pid_t child;
    int status, *shared = (int *)(mutex + 1);

    make_mutex(PTHREAD_MUTEX_NORMAL);
    *shared = 0;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        with (cm_lock(mutex)) {
            *shared = 1; /* half of a change */
            _exit(0);
        }
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    try {
        with (cm_lock_within(mutex, 60)) CHECK(!"the owner is dead");
    } catch (OwnerDiedError) {
        with (cm_lock_recover(mutex)) {
            CHECK_INT(*shared, 1);
            *shared = 2;
        }
    }
    with (cm_lock(mutex)) CHECK_INT(*shared, 2);
    pthread_mutex_destroy(mutex);
}

/* A child that forgets what its parent holds leaves a shared mutex alone. */
static void test_child_that_forgets(void)
{
    pid_t child = -1;
    int status;

    make_mutex(PTHREAD_MUTEX_NORMAL);
    fflush(NULL);
    with (cm_lock(mutex)) {
        child = fork();
        if (child == 0) with_state_swap(&(with_state)WITH_STATE_INIT);
        else {
            CHECK(waitpid(child, &status, 0) == child);
            CHECK_INT(status, 0);
            CHECK_INT(state_elsewhere(), EBUSY);
        }
    }
    if (child == 0) _exit(pthread_mutex_trylock(mutex) != EBUSY);
    CHECK_INT(state_elsewhere(), 0);
    pthread_mutex_destroy(mutex);
}

int main(void)
{
    mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mutex == MAP_FAILED) return 1;
    test_recovering(PTHREAD_MUTEX_NORMAL);
    test_recovering(PTHREAD_MUTEX_ERRORCHECK);
    test_recovering(PTHREAD_MUTEX_RECURSIVE);
    test_recovering_at_once();
    test_recovering_further_in();
    test_handler_without_recovery();
    test_call_without_recovery();
    test_throw_out_of_handler();
    test_failing_repair(0, ENOTRECOVERABLE);
    test_failing_repair(1, ENOTRECOVERABLE);
    test_failing_repair(2, 0);
    test_failing_repair(3, 0);
    test_thread_that_keeps_it();
    test_process_that_dies();
    test_child_that_forgets();
    munmap(mutex, 4096);
    return test_result();
}
