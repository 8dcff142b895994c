/* SPDX-License-Identifier: MIT
 *
 * Exceptions without memory: the Nth allocation fails, alone or with all after it, for N = 1, 2, ...
 * until a case needs no more than that. What is thrown arrives, of its type, and every exit runs;
 * nothing is lost but text, places and notes, and those are counted or cut, not spoiled.
 */
#define _GNU_SOURCE
#include <with.h>
#include <with/lock.h>

#include "test.h"
#include "test_allocator.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- A manager whose enters and exits are counted ------------------------------------------ */

static int entered, exited;
static FILE *nowhere;

struct counted {
    WITH_MANAGER;
    int code; /* what its release fails with, or 0 */
};

static void counted_enter(struct counted *self)
{
    (void)self;
    entered++;
}

static bool counted_exit(struct counted *self, const with_exception *exception)
{
    exited++;
    if (self->code) with_release_error(exception, self->code, "release %d", exited);
    return false;
}

WITH_CLASS(counted, counted_enter, counted_exit);

/* ---- Cases --------------------------------------------------------------------------------- */

static void throw_short(void)
{
    int caught = 0;

    try {
        with (WITH_NEW(counted)) throw(KeyError, "key %d", 7);
    } catch (KeyError, e) {
        CHECK_STR(e->message, "key 7");
        CHECK_INT((long long)e->traceback_length, 3);
        caught++;
    }
    CHECK_INT(caught, 1);
}

static void throw_number(void)
{
    try {
        using (WITH_NEW(counted));
        errno = ECHILD;
        throw_errno("process %d", 1);
    } catch (ChildProcessError, e) {
        CHECK_INT(e->code, ECHILD);
        CHECK_STR(e->message, "process 1: No child processes");
    }
}

static char long_text[3000];

static void throw_long(void)
{
    try {
        with (WITH_NEW(counted)) throw(ValueError, "%s!", long_text);
    } catch (ValueError, e) {
        const size_t length = strlen(e->message);
        if (length == sizeof long_text) CHECK_STR(e->message + length - 1, "!");
        else CHECK(length >= 200 && strncmp(e->message, long_text, length) == 0);
    }
}

static void throw_long_constant(void)
{
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
    static const char text[] = HUNDRED HUNDRED HUNDRED HUNDRED;

    try {
        with (WITH_NEW(counted)) throw(ValueError, HUNDRED HUNDRED HUNDRED HUNDRED);
    } catch (ValueError, e) {
        const size_t length = strlen(e->message);
        CHECK(length >= 200 && strncmp(e->message, text, length) == 0);
    }
}

/* By a function of its own, so that gcc does not take what follows for endless recursion. */
static __attribute__((noinline)) void throw_last(void)
{
    static volatile bool always = true;

    if (always) throw(KeyError, "in the inmost");
}

static void throw_in_handlers(int depth)
{
    try {
        throw(ValueError, "at %d", depth);
    } catch (ValueError) {
        using (WITH_NEW(counted));
        if (depth == 9) throw_last();
        else throw_in_handlers(depth + 1);
    }
}

static void throw_chain(void)
{
    try {
        throw_in_handlers(0);
    } catch (KeyError, e) {
        char message[20];
        int depth = 9;
        for (const with_exception *at = e->context; at; at = at->context, depth--) {
            snprintf(message, sizeof message, "at %d", depth);
            CHECK_STR(at->message, message);
        }
        CHECK_INT(depth, -1);
        with_print_exception(nowhere, e);
    }
}

static void throw_with_cause(void)
{
    try {
        try {
            throw(ValueError, "cause");
        } catch (ValueError, e) {
            with (WITH_NEW(counted)) throw_from(e, KeyError, "effect");
        }
    } catch (KeyError, e) {
        CHECK_STR(e->cause->message, "cause");
        with_print_exception(nowhere, e);
    }
}

static void add_notes(void)
{
    enum { NOTES = 40 };
    int last = -1;
    size_t kept = 0;

    try {
        with (WITH_NEW(counted, .code = EIO)) throw(ValueError, "with notes");
    } catch (ValueError, e) {
        for (int i = 0; i < NOTES; i++) {
            errno = i;
            with_add_note(e, "%d: %.100s", i, long_text);
            CHECK_INT(errno, i);
        }
        CHECK(e->notes && strncmp(e->notes->text, "release ", 8) == 0);
        for (const with_note *note = e->notes->next; note; note = note->next, kept++) {
            const int number = atoi(note->text);
            CHECK(number > last && strchr(note->text, ':'));
            last = number;
        }
        CHECK_INT((long long)(kept + e->notes_lost), NOTES);
        with_print_exception(nowhere, e);
    }
}

static void throw_deep(int depth)
{
    with (WITH_NEW(counted)) {
        if (depth < 150) throw_deep(depth + 1);
        else throw_last();
    }
}

static void long_traceback(void)
{
    try {
        throw_deep(1);
    } catch (KeyError, e) {
        CHECK_INT((long long)(e->traceback_length + e->traceback_lost), 152);
        CHECK(e->traceback_length >= 16);
        CHECK_STR(e->traceback[0]->text, "throw(KeyError, \"in the inmost\")");
        with_print_exception(nowhere, e);
    }
}

static void throw_for_call(void *unused)
{
    (void)unused;
    using (WITH_NEW(counted));
    throw(EOFError, "kept");
}

static void keep_and_throw_again(void)
{
    const with_exception *kept = with_call(throw_for_call, NULL);

    try {
        try {
            throw(ValueError, "handled");
        } catch (ValueError) {
            with_throw_again(kept);
        }
    } catch (EOFError, e) {
        CHECK(e == kept);
        CHECK_STR(e->context->message, "handled");
    }
}

static void make_and_throw(void)
{
    const with_exception *e = with_exception_new(&ValueError, 7, "%s!", long_text);

    CHECK_INT(e->code, 7);
    with_add_note(e, "%.200s", long_text);
    try {
        with (WITH_NEW(counted)) with_throw_again(e);
    } catch (ValueError, caught) {
        const size_t length = strlen(caught->message);
        CHECK(caught == e && caught->code == 7);
        CHECK(length >= 200 && strncmp(caught->message, long_text, length - 1) == 0);
        CHECK(caught->notes || caught->notes_lost == 1);
    }
}

/* ---- The Nth allocation fails -------------------------------------------------------------- */

/* Whether an allocation failed, that is, whether the case may need still more of them. */
static bool run_once(void (*run)(void), long from, long to)
{
    const long live_before = live;

    entered = exited = 0;
    failures = allocations = 0;
    fail_from = from;
    fail_to = to;
    run();
    fail_from = fail_to = 0;
    CHECK_INT(entered, exited);
    CHECK_INT(live, live_before);
    CHECK(with_current() == NULL);
    CHECK_INT((long long)with_dump(NULL), 0);
    return failures > 0;
}

static void test_each_allocation(void)
{
    static void (*const cases[])(void) = {
        throw_short,      throw_number, throw_long,     throw_long_constant,  throw_chain,
        throw_with_cause, add_notes,    long_traceback, keep_and_throw_again, make_and_throw,
    };

    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cases[i](); /* the thread's own exception, and what stdio needs once */
        for (long n = 1; run_once(cases[i], n, n); n++) {}
        for (long n = 1; run_once(cases[i], n, LONG_MAX); n++) {}
    }
}

/* ---- Beyond the reserve -------------------------------------------------------------------- */

enum { RESERVE = 64, OVER = 10 };

static void throw_number_of(void *number)
{
    throw(ValueError, "number %d", *(int *)number);
}

/* Throws and keeps as many as it takes to use up all; gives how many there were. */
static int keep_all(const with_exception *kept[RESERVE + OVER])
{
    int count = 0;

    for (int i = 0; i < RESERVE + OVER; i++) {
        kept[i] = with_call(throw_number_of, &i);
        if (kept[i]->type == &ValueError) CHECK_INT(atoi(kept[i]->message + 7), count++);
    }
    return count;
}

static void check_last_resort(const with_exception *last)
{
    CHECK(last->type == &MemoryError);
    CHECK_STR(last->message, "no memory left to raise an exception");
    try {
        with (WITH_NEW(counted, .code = EIO)) throw_from(last, ValueError, "%s", long_text);
    } catch (MemoryError, e) {
        CHECK(e == last);
        with_add_note(e, "never kept");
        try {
            throw_error(EIO, "within");
        } catch (MemoryError, again) {
            CHECK(again == last && again->context == NULL && again->cause == NULL);
        }
        try {
            with_throw_again(with_exception_ref(e));
        } catch (MemoryError, again) {
            CHECK(again == last && again->notes == NULL && again->traceback_length == 0);
        }
        with_print_exception(nowhere, e);
    }
    try {
        with_exit(3);
    } catch (SystemExit) {
        CHECK(!"not the last resort");
    } catch (MemoryError, e) {
        CHECK_INT(e->code, 0);
    }
}

static void test_reserve(void)
{
    const with_exception *kept[RESERVE + OVER], *last;
    const long live_before = live;

    for (int round = 0; round < 3; round++) {
        allocations = 0;
        fail_from = 1;
        fail_to = LONG_MAX;
        CHECK_INT(keep_all(kept), RESERVE + 1); /* one is the thread's own */
        last = kept[RESERVE + OVER - 1];
        CHECK(kept[RESERVE + 1] == last);
        check_last_resort(last);
        with_exception_unref(kept[round]); /* one is free again */
        kept[round] = with_call(throw_number_of, &round);
        CHECK(kept[round]->type == &ValueError);
        fail_from = fail_to = 0;
        for (int i = 0; i < RESERVE + OVER; i++) with_exception_unref(kept[i]);
    }
    CHECK_INT(live, live_before);
}

/* When the reserve is used up too, what is made is the last resort, which keeps nothing. */
static void test_new_beyond_the_reserve(void)
{
    const with_exception *kept[RESERVE + OVER], *made;

    allocations = 0;
    fail_from = 1;
    fail_to = LONG_MAX;
    keep_all(kept);
    made = with_exception_new(&ValueError, 7, "lost");
    with_add_note(made, "lost too");
    fail_from = fail_to = 0;
    CHECK(made->type == &MemoryError);
    CHECK_INT(made->code, 0);
    CHECK(made->notes == NULL);
    try {
        with_throw_again(made);
    } catch (MemoryError, e) {
        CHECK(e == made);
    }
    for (int i = 0; i < RESERVE + OVER; i++) with_exception_unref(kept[i]);
}

/* A last resort that is a cause or a context of another. */
static void test_chain_to_the_last_resort(void)
{
    const with_exception *kept[RESERVE + OVER], *last;

    allocations = 0;
    fail_from = 1;
    fail_to = LONG_MAX;
    keep_all(kept);
    last = kept[RESERVE + 1];
    fail_from = fail_to = 0;
    try {
        with_throw_again(last);
    } catch (MemoryError) {
        try {
            throw_from(last, KeyError, "later");
        } catch (KeyError, e) {
            CHECK(e->context == last && e->cause == last);
            with_print_exception(nowhere, e);
            try {
                with_throw_again(with_exception_ref(kept[0]));
            } catch (ValueError, oldest) {
                CHECK(oldest->context == e);
            }
        }
    }
    try {
        with_throw_again(last);
    } catch (MemoryError, e) {
        try {
            with_throw_again(with_exception_ref(kept[1]));
        } catch (ValueError, oldest) {
            CHECK(e == last && oldest->context == NULL);
            try {
                with_throw_again(last);
            } catch (MemoryError, again) {
                CHECK(again->context == NULL);
            }
        }
    }
    for (int i = 0; i < RESERVE + OVER; i++) with_exception_unref(kept[i]);
}

/* ---- A mutex whose owner died -------------------------------------------------------------- */

static pthread_mutex_t mutex;

static void *die_with_mutex(void *unused)
{
    pthread_mutex_lock(&mutex);
    return unused;
}

/* The last resort cannot hold the mutex for a handler, so that it is given up at once. */
static void test_owner_died(void)
{
    const with_exception *kept[RESERVE + OVER];
    pthread_mutexattr_t attributes;
    pthread_t thread;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    if (pthread_create(&thread, NULL, die_with_mutex, NULL)) abort();
    pthread_join(thread, NULL);
    allocations = 0;
    fail_from = 1;
    fail_to = LONG_MAX;
    keep_all(kept);
    try {
        with (cm_lock(&mutex)) CHECK(!"locked");
    } catch (MemoryError, e) {
        CHECK(e == kept[RESERVE + 1]);
    }
    fail_from = fail_to = 0;
    for (int i = 0; i < RESERVE + OVER; i++) with_exception_unref(kept[i]);
    CHECK_INT(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    pthread_mutex_destroy(&mutex);
}

/* Valgrind puts its own allocator in front of every other. */
static bool is_ours(void)
{
    void *(*volatile allocate)(size_t) = malloc; /* which the compiler does not know */

    allocations = 0;
    free(allocate(1));
    return allocations > 0;
}

int main(void)
{
    static char buffer[BUFSIZ];

    if (!is_ours()) {
        puts("nothing checked: the allocator is not ours");
        return 0;
    }
    nowhere = fopen("/dev/null", "w");
    if (!nowhere) return 1;
    setvbuf(nowhere, buffer, _IOFBF, sizeof buffer);
    test_each_allocation();
    test_reserve();
    test_new_beyond_the_reserve();
    test_chain_to_the_last_resort();
    test_owner_died();
    fclose(nowhere);
    return test_result();
}
