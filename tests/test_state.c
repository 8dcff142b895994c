/* SPDX-License-Identifier: MIT
 *
 * with_state_swap(): two stacks in one thread, each with blocks and handlers of its own, that take
 * turns.
 */
#include <with.h>

#include "test.h"

#include <stdlib.h>
#include <ucontext.h>

/* ---- A coroutine --------------------------------------------------------------------------- */

/* The sanitizers must be told of a change of stacks. */
void __sanitizer_start_switch_fiber(void **, const void *, size_t) __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *, const void **, size_t *) __attribute__((weak));
void *__tsan_get_current_fiber(void) __attribute__((weak));
void *__tsan_create_fiber(unsigned) __attribute__((weak));
void __tsan_destroy_fiber(void *) __attribute__((weak));
void __tsan_switch_to_fiber(void *, unsigned) __attribute__((weak));

enum { STACK = 256 * 1024 };

struct side {
    ucontext_t context;
    const void *stack;
    size_t size;
    void *fiber, *fake;
};

static struct side caller, coroutine;
static with_state suspended; /* of the side that is not running */
static void (*body)(void);
static bool ended;

static void arrive(struct side *self, struct side *from)
{
    if (__sanitizer_finish_switch_fiber)
        __sanitizer_finish_switch_fiber(self->fake, &from->stack, &from->size);
}

static void leave(struct side *self, struct side *to, bool for_good)
{
    with_state_swap(&suspended);
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(for_good ? NULL : &self->fake, to->stack, to->size);
    if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(to->fiber, 0);
    swapcontext(&self->context, &to->context);
    arrive(self, to);
}

static void run_body(void)
{
    arrive(&coroutine, &caller);
    body();
    ended = true;
    leave(&coroutine, &caller, true);
}

static void resume(void)
{
    leave(&caller, &coroutine, false);
}

static void yield(void)
{
    leave(&coroutine, &caller, false);
}

/* Runs start up to its first yield(). */
static void start(void (*function)(void), void *stack)
{
    const with_state fresh = WITH_STATE_INIT;

    body = function;
    ended = false;
    suspended = fresh;
    coroutine = (struct side){.stack = stack, .size = STACK};
    if (__tsan_create_fiber) {
        caller.fiber = __tsan_get_current_fiber();
        coroutine.fiber = __tsan_create_fiber(0);
    }
    getcontext(&coroutine.context);
    coroutine.context.uc_stack.ss_sp = stack;
    coroutine.context.uc_stack.ss_size = STACK;
    makecontext(&coroutine.context, run_body, 0);
    resume();
}

/* ---- A manager that logs ------------------------------------------------------------------- */

static char log_text[300];

struct named {
    WITH_MANAGER;
    const char *as;
};

static void named_enter(struct named *self)
{
    strcat(strcat(log_text, " "), self->as);
}

static bool named_exit(struct named *self, const with_exception *exception)
{
    strcat(strcat(log_text, exception ? " !" : " /"), self->as);
    return false;
}

WITH_CLASS(named, named_enter, named_exit);

#define NAMED(NAME) WITH_NEW(named, .as = NAME)
#define CHECK_LOG(WANTED) (CHECK_STR(log_text, WANTED), *log_text = '\0')

/* ---- Taking turns -------------------------------------------------------------------------- */

static void overlap(void)
{
    CHECK(with_current() == NULL);
    CHECK_INT((long long)with_dump(NULL), 0);
    with (NAMED("c1")) {
        yield();
        CHECK_INT((long long)with_dump(NULL), 1);
        try {
            with (NAMED("c2")) {
                yield();
                throw(ValueError, "in the coroutine");
            }
        } catch (ValueError, e) {
            yield();
            CHECK(with_current() == e);
            CHECK(e->context == NULL);
        }
        yield();
    }
}

/* The blocks of the two sides do not nest in each other: each side leaves only its own. */
static void test_overlapping_blocks(void *stack)
{
    with (NAMED("m1")) {
        start(overlap, stack);
        CHECK_INT((long long)with_dump(NULL), 1);
    }
    CHECK_LOG(" m1 c1 /m1");
    try {
        with (NAMED("m2")) {
            resume();
            throw(KeyError, "in the caller");
        }
    } catch (KeyError, e) {
        CHECK_STR(e->message, "in the caller");
        resume(); /* throws and catches there */
        CHECK(with_current() == e);
        with (NAMED("m3")) resume();
    }
    CHECK_LOG(" m2 c2 !m2 !c2 m3 /m3");
    CHECK(with_current() == NULL);
    CHECK(!ended);
    resume();
    CHECK(ended);
    CHECK_LOG(" /c1");
}

static void handle_and_rethrow(void)
{
    try {
        try {
            throw(EOFError, "of the coroutine");
        } catch (EOFError) {
            yield();
            with_rethrow();
        }
    } catch (EOFError, e) {
        CHECK_STR(e->message, "of the coroutine");
    }
}

/* What is rethrown, and what becomes a context, is what the own side is handling. */
static void test_handling(void *stack)
{
    try {
        try {
            throw(KeyError, "of the caller");
        } catch (KeyError) {
            start(handle_and_rethrow, stack);
            try {
                throw(ValueError, "next");
            } catch (ValueError, e) {
                CHECK_STR(e->context->message, "of the caller");
                resume();
                CHECK(ended);
                CHECK(with_current() == e);
            }
            with_rethrow();
        }
    } catch (KeyError, e) {
        CHECK_STR(e->message, "of the caller");
    }
}

/* What leaves a coroutine goes by hand, for there is no way for it over the change of stacks. */
static const with_exception *escaped;

static void fail(void *unused)
{
    (void)unused;
    using (NAMED("c"));
    yield();
    throw(OSError, "out of the coroutine");
}

static void carry_out(void)
{
    escaped = with_call(fail, NULL);
}

static void test_carry_out(void *stack)
{
    start(carry_out, stack);
    try {
        with (NAMED("m")) {
            resume();
            CHECK(ended);
            with_throw_again(escaped);
        }
    } catch (OSError, e) {
        CHECK_STR(e->message, "out of the coroutine");
    }
    CHECK_LOG(" c m !c !m");
}

int main(void)
{
    void *stack = malloc(STACK);

    test_overlapping_blocks(stack);
    if (__tsan_destroy_fiber) __tsan_destroy_fiber(coroutine.fiber);
    test_handling(stack);
    if (__tsan_destroy_fiber) __tsan_destroy_fiber(coroutine.fiber);
    test_carry_out(stack);
    if (__tsan_destroy_fiber) __tsan_destroy_fiber(coroutine.fiber);
    CHECK_INT((long long)with_dump(NULL), 0);
    free(stack);
    return test_result();
}
