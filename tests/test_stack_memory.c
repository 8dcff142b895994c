/* SPDX-License-Identifier: MIT
 *
 * The memory of exit stacks: none for small ones, little for large ones, and when there is none, nothing
 * is lost: what could not be put on a stack has not been entered.
 */
#define _GNU_SOURCE
#include <with.h>
#include <with/stack.h>

#include "test.h"
#include "test_allocator.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- What is put on stacks ----------------------------------------------------------------- */

static int entered, exited, called, depth;

/* As large as a manager of the usual size is at most. */
struct counted {
    WITH_MANAGER;
    int as;
    char more[96 - sizeof(struct with_manager_) - sizeof(int)];
};

static void counted_enter(struct counted *self)
{
    self->as = ++depth;
    entered++;
}

static bool counted_exit(struct counted *self, const with_exception *exception)
{
    (void)exception;
    CHECK_INT(self->as, depth--);
    exited++;
    return false;
}

WITH_CLASS(counted, counted_enter, counted_exit);

struct large {
    WITH_MANAGER;
    char more[100000];
};

static void large_enter(struct large *self)
{
    memset(self->more, 'x', sizeof self->more);
    entered++;
}

static bool large_exit(struct large *self, const with_exception *exception)
{
    (void)exception;
    for (size_t i = 0; i < sizeof self->more; i++)
        if (self->more[i] != 'x') return CHECK(!"spoiled");
    exited++;
    return false;
}

WITH_CLASS(large, large_enter, large_exit);

static void count(void *cell)
{
    ++*(int *)cell;
}

static void count_and_throw(void *cell)
{
    throw(KeyError, "%d", ++*(int *)cell);
}

/* ---- None ---------------------------------------------------------------------------------- */

static void fill(with_exit_stack *stack)
{
    for (int i = 0; i < 8; i++) with_stack_hold(stack, WITH_NEW(counted));
}

/* In a new thread there is nothing in its cache; a stack that holds a stack has one entry. */
static void *use_small(void *unused)
{
    for (int i = 0; i < 3; i++) {
        with (cm_exit_stack(), stack) {
            fill(stack);
            with_exit_stack *popped = with_stack_pop_all(stack);
            fill(stack);
            with_stack_close(stack);
            with (cm_exit_stack_of(popped)) entered += 0;
        }
        using (cm_plain_exit_stack(), stack);
        fill(stack);
    }
    return unused;
}

static void no_allocation(void)
{
    pthread_t thread;
    long before;

    /* What the first thread and the first use of a library take is not ours. */
    pthread_create(&thread, NULL, use_small, NULL);
    pthread_join(thread, NULL);
    before = allocations;
    use_small(NULL);
    CHECK_INT(allocations - before, 0);
    CHECK_INT(entered, exited);
}

static void nest(int deep)
{
    if (deep == 0) return;
    with (cm_exit_stack(), stack) {
        with_stack_callback(stack, count, &called);
        nest(deep - 1);
    }
}

/* The reserve is enough for 32 at a time. It is what it was when they are left. */
static void reserve(void)
{
    const long before = allocations, alive = live;

    called = 0;
    nest(32);
    CHECK_INT(allocations - before, 0);
    nest(40);
    CHECK_INT(allocations - before, 8);
    nest(32);
    CHECK_INT(allocations - before, 8);
    CHECK_INT(called, 104);
    CHECK(live - alive <= 4); /* in the thread's cache */
}

/* ---- Much ---------------------------------------------------------------------------------- */

static void *nest_deep(void *unused)
{
    nest(50);
    return unused;
}

/* What a thread keeps for its next stacks goes with it, to the reserve or to free(). */
static void threads(void)
{
    pthread_t thread;
    long alive = 0;

    for (int i = 0; i < 20; i++) {
        if (i == 2) alive = live;
        pthread_create(&thread, NULL, nest_deep, NULL);
        pthread_join(thread, NULL);
    }
    CHECK_INT(live, alive);
}

static void many(void)
{
    const long before = allocations, alive = live;

    entered = exited = called = 0;
    with (cm_exit_stack(), stack) {
        for (int i = 0; i < 10000; i++) {
            with_stack_callback(stack, count, &called);
            with_stack_hold(stack, WITH_NEW(counted));
        }
    }
    CHECK_INT(called, 10000);
    CHECK_INT(exited, 10000);
    CHECK(allocations - before < 50);
    CHECK_INT(live, alive);
}

/* Each throws, and has the one before it as its context. The native stack does not grow with them. */
static void many_that_throw(void)
{
    int chain = 0;

    called = 0;
    try {
        with (cm_exit_stack(), stack)
            for (int i = 0; i < 10000; i++) with_stack_callback(stack, count_and_throw, &called);
    } catch (KeyError, e) {
        CHECK_STR(e->message, "10000");
        for (; e; e = e->context) chain++;
    }
    CHECK_INT(called, 10000);
    CHECK_INT(chain, 10000);
}

static void large_ones(void)
{
    const long alive = live;

    entered = exited = 0;
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, WITH_NEW(large));
        with_stack_hold(stack, WITH_NEW(large));
        with_stack_hold(stack, WITH_NEW(counted));
    }
    CHECK_INT(entered, 3);
    CHECK_INT(exited, 3);
    CHECK_INT(live, alive);
}

/* ---- Too little ---------------------------------------------------------------------------- */

static int put, refused;

static void put_all(with_exit_stack *stack)
{
    for (int i = 0; i < 40; i++) {
        int error = with_stack_try_callback(stack, count, &called);
        if (error) {
            CHECK_INT(error, -ENOMEM);
            refused++;
        } else put++;
        with_stack_callback(stack, count, &called);
        put++;
        with_stack_hold(stack, WITH_NEW(counted));
        if (i % 10 == 0) with_stack_hold(stack, WITH_NEW(large));
    }
}

static void use_stacks(void)
{
    with (cm_exit_stack(), stack) {
        put_all(stack);
        with_exit_stack *popped = with_stack_pop_all(stack);
        with (cm_exit_stack_of(popped), again) {
            with_exit_stack *inner = with_stack_enter(again, cm_exit_stack());
            put_all(inner);
            with_stack_close(inner);
        }
    }
}

/* Within so many stacks that the reserve is used up. */
static void use_deep(int deep)
{
    if (deep == 0) {
        use_stacks();
        return;
    }
    with (cm_exit_stack(), stack) {
        with_stack_callback(stack, count, &called);
        put++;
        use_deep(deep - 1);
    }
}

static void use_all(void *unused)
{
    (void)unused;
    use_deep(35);
}

/* Returns whether anything failed. */
static bool run_failing(long from, long to)
{
    const long alive = live, before = failures;
    const with_exception *exception;

    entered = exited = called = put = refused = 0;
    fail_from = allocations + from;
    fail_to = to == LONG_MAX ? to : allocations + to;
    exception = with_call(use_all, NULL);
    fail_from = fail_to = 0;
    if (exception) CHECK(with_isinstance(exception, &MemoryError));
    with_exception_unref(exception);
    if (failures > before) CHECK(exception || refused);
    CHECK_INT(exited, entered);
    CHECK_INT(called, put);
    CHECK(live - alive <= 5);
    return failures > before;
}

static void each_allocation_fails(void)
{
    long cases = 0;

    put = 0;
    for (long n = 1; run_failing(n, n); n++) cases++;
    for (long n = 1; run_failing(n, LONG_MAX); n++) cases++;
    CHECK(cases > 20);
}

/* Valgrind puts its own allocator in front of every other: then nothing is counted, and nothing fails. */
static bool is_ours(void)
{
    void *(*volatile allocate)(size_t) = malloc; /* which the compiler does not know */
    const long before = allocations;

    free(allocate(1));
    return allocations > before;
}

int main(void)
{
    no_allocation();
    many();
    many_that_throw();
    large_ones();
    threads();
    if (is_ours()) {
        reserve();
        each_allocation_fails();
        threads();
        reserve();
    }
    return test_result();
}
