/* SPDX-License-Identifier: MIT
 *
 * Exceptions and threads: each thread has its own blocks and its own handling; a kept exception goes
 * from one to another; the reserve and the ends of threads are shared without races.
 */
#include <with.h>

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 2000 };

static atomic_int held;

struct counted {
    WITH_MANAGER;
    int as;
};

static void counted_enter(struct counted *self)
{
    self->as = ++held;
}

static bool counted_exit(struct counted *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    held--;
    return false;
}

WITH_CLASS(counted, counted_enter, counted_exit);

static void run_threads(void *(*function)(void *), void *argument)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, function, argument)) abort();
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        CHECK(failed == NULL);
    }
    CHECK_INT(held, 0);
}

/* ---- Each thread by itself ----------------------------------------------------------------- */

static void *throw_and_catch(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        try {
            try {
                using (WITH_NEW(counted));
                throw(KeyError, "%d", i);
            } catch (KeyError, e) {
                with_add_note(e, "handled in round %d", i);
                with (WITH_NEW(counted)) throw_from(e, ValueError, "%d", -i);
            }
        } catch (ValueError, e) {
            if (atoi(e->cause->message) != i || e->context != e->cause) CHECK_INT(i, -1);
            if (with_current() != e || with_dump(NULL) != 0) CHECK_INT(i, -2);
        }
    }
    return unused;
}

static pthread_barrier_t barrier;

/* What is held and handled in one thread is not seen by another. */
static void *hold_and_handle(void *unused)
{
    try {
        throw(KeyError, "in each");
    } catch (KeyError, e) {
        using (WITH_NEW(counted));
        pthread_barrier_wait(&barrier);
        CHECK_INT((long long)with_dump(NULL), 1);
        CHECK(with_current() == e);
        CHECK_INT(held, THREADS);
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

static void test_apart(void)
{
    run_threads(throw_and_catch, NULL);
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_threads(hold_and_handle, NULL);
    pthread_barrier_destroy(&barrier);
}

/* ---- From one thread to another ------------------------------------------------------------ */

static void fail(void *number)
{
    using (WITH_NEW(counted));
    try {
        throw(KeyError, "first");
    } catch (KeyError) {
        throw(ValueError, "number %d", *(int *)number);
    }
}

static void *fail_in_thread(void *number)
{
    return (void *)with_call(fail, number);
}

static void test_throw_again_elsewhere(void)
{
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        void *result;
        if (pthread_create(&thread, NULL, fail_in_thread, &i)) abort();
        pthread_join(thread, &result);
        try {
            try {
                throw(EOFError, "of the joining thread");
            } catch (EOFError) {
                with_throw_again((const with_exception *)result);
            }
        } catch (ValueError, e) {
            CHECK_INT(atoi(e->message + strlen("number ")), i);
            CHECK_STR(e->context->message, "of the joining thread");
            CHECK_STR(e->traceback[0]->function, "fail");
        }
    }
}

/* One exception, whose references many threads take and drop; the last frees it. */
static void *share(void *exception)
{
    for (int i = 0; i < ROUNDS; i++) {
        const with_exception *mine = with_exception_ref(exception);
        if (strcmp(mine->message, "number 7") != 0) CHECK_STR(mine->message, "number 7");
        if (!with_isinstance(mine, &ValueError)) CHECK_INT(i, -1);
        with_exception_unref(mine);
    }
    with_exception_unref(exception);
    return NULL;
}

static void test_shared_references(void)
{
    int number = 7;
    const with_exception *exception = with_call(fail, &number);

    for (int i = 0; i < THREADS; i++) with_exception_ref(exception);
    run_threads(share, (void *)exception);
    CHECK_STR(exception->context->message, "first");
    with_exception_unref(exception);
}

/* The last reference may be dropped by any of them. */
static void test_shared_to_the_end(void)
{
    for (int i = 0; i < 20; i++) {
        const with_exception *exception = NULL;
        try {
            throw(ValueError, "number %d", 7);
        } catch (ValueError, e) {
            exception = with_exception_ref(e);
        }
        for (int k = 1; k < THREADS; k++) with_exception_ref(exception);
        run_threads(share, (void *)exception);
    }
}

/* ---- The ends of threads ------------------------------------------------------------------- */

static pthread_key_t key;

/* A destructor may throw and hold, also after the core's own destructor has run. */
static void use_at_end(void *value)
{
    try {
        using (WITH_NEW(counted));
        throw(KeyError, "in a destructor");
    } catch (KeyError, e) {
        CHECK_STR(e->message, "in a destructor");
    }
    if (value == &barrier) pthread_setspecific(key, &key); /* and once more */
}

static void *end_with_destructor(void *unused)
{
    pthread_setspecific(key, &barrier);
    return unused;
}

static void *end_by_throw_and_destructor(void *unused)
{
    pthread_setspecific(key, &barrier);
    return throw_and_catch(unused);
}

static void test_ends(void)
{
    CHECK_INT(pthread_key_create(&key, use_at_end), 0);
    run_threads(end_with_destructor, NULL);
    run_threads(end_by_throw_and_destructor, NULL);
    pthread_key_delete(key);
}

#ifdef __GLIBC__
/* Cancelled from outside, while it waits. */
static void *wait_to_be_cancelled(void *unused)
{
    with (WITH_NEW(counted)) {
        try {
            throw(KeyError, "being handled");
        } catch (KeyError) {
            using (WITH_NEW(counted));
            pthread_barrier_wait(&barrier);
            for (;;) pthread_testcancel();
        }
    }
    return unused;
}

static void test_cancelled_from_outside(void)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *result;
        pthread_barrier_init(&barrier, NULL, 2);
        if (pthread_create(&thread, NULL, wait_to_be_cancelled, NULL)) abort();
        pthread_barrier_wait(&barrier);
        CHECK_INT(held, 2);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        CHECK_INT(held, 0);
        pthread_barrier_destroy(&barrier);
    }
}
#endif

int main(void)
{
    test_apart();
    test_throw_again_elsewhere();
    test_shared_references();
    test_shared_to_the_end();
    test_ends();
#ifdef __GLIBC__
    test_cancelled_from_outside();
#endif
    return test_result();
}
