/* SPDX-License-Identifier: MIT
 *
 * What is in an exit stack is left as nested blocks are: each choice of up to four managers of six kinds is
 * entered both ways, the body is left in each way, and what the exits saw must be the same.
 */
#include <with.h>
#include <with/stack.h>

#include "test.h"

#include <stdarg.h>
#include <stdlib.h>

enum kind { PLAIN, EATS, THROWS, THROWS_FROM, THROWS_AGAIN, ENTER_THROWS, KINDS };
enum leaving { ENDS, THROWN, THROWN_IN_HANDLER, RETURNS, CLOSES, POPPED, AGAIN, LEAVINGS };
enum { MOST = 4 };

static struct {
    char text[4000];
    size_t length;
} trace;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    trace.length += (size_t)vsnprintf(trace.text + trace.length, sizeof trace.text - trace.length,
                                      format, arguments);
    va_end(arguments);
    if (trace.length >= sizeof trace.text) abort();
}

static void describe(const with_exception *e)
{
    for (; e; e = e->context) say(" %s(%s)%s", e->type->name, e->message, e->cause ? "!" : "");
}

/* ---- The manager --------------------------------------------------------------------------- */

struct one {
    WITH_SUPPRESSOR;
    int as;
    enum kind kind;
};

static void one_enter(struct one *self)
{
    say("enter %d;", self->as);
    if (self->kind == ENTER_THROWS) throw(IndexError, "enter %d", self->as);
}

static bool one_exit(struct one *self, const with_exception *exception)
{
    say("exit %d %d:", self->as, with_completed(self));
    describe(exception);
    if (with_current()) say(" in %s", with_current()->message);
    say(";");
    switch (self->kind) {
    case EATS: return true;
    case THROWS: throw(KeyError, "exit %d", self->as);
    case THROWS_FROM: throw_from(exception, ValueError, "exit %d", self->as);
    case THROWS_AGAIN:
        if (exception) with_rethrow();
        return false;
    default: return false;
    }
}

WITH_CLASS(one, one_enter, one_exit);

static struct one cm_one(int number, enum kind kind)
{
    return WITH_NEW(one, .as = number, .kind = kind);
}

/* ---- Both ways ----------------------------------------------------------------------------- */

static enum kind kinds[MOST];
static int count;
static enum leaving leaving;

static void throw_from_body(void)
{
    say("body;");
    if (leaving == THROWN) throw(RuntimeError, "body");
    if (leaving == THROWN_IN_HANDLER) {
        try {
            throw(OSError, "first");
        } catch (OSError) {
            throw(RuntimeError, "body");
        }
    }
}

/* Whether the function is being left by a return. */
static bool nest(int at)
{
    if (at == count) {
        throw_from_body();
        return leaving == RETURNS;
    }
    with (cm_one(at, kinds[at]), number) {
        if (number != at) abort();
        if (nest(at + 1)) return true;
    }
    return false;
}

static void fill(with_exit_stack *stack)
{
    for (int i = 0; i < count; i++)
        if (with_stack_enter(stack, cm_one(i, kinds[i])) != i) abort();
}

static void stack(void)
{
    with_exit_stack *popped = NULL;

    with (cm_exit_stack(), stack) {
        fill(stack);
        throw_from_body();
        if (leaving == RETURNS) return;
        if (leaving == CLOSES) with_stack_close(stack);
        if (leaving == POPPED || leaving == AGAIN) popped = with_stack_pop_all(stack);
    }
    if (leaving == POPPED) with_stack_close(popped);
    if (leaving == AGAIN) {
        with (cm_exit_stack_of(popped), again) CHECK(again != popped);
    }
}

/* A stack in a stack: what is in the inner one stands for it. */
static void stack_in_stack(void)
{
    with (cm_exit_stack(), outer) {
        with_exit_stack *inner = with_stack_enter(outer, cm_exit_stack());
        fill(inner);
        throw_from_body();
        if (leaving == RETURNS) return;
    }
}

/* Two functions must see the same. */
static void run(void (*function)(void), char *seen, size_t size)
{
    trace.length = 0;
    trace.text[0] = 0;
    try {
        try {
            throw(AssertionError, "handled");
        } catch (AssertionError) {
            function();
            say("after;");
        }
    } catch (BaseException, e) {
        say("escaped:");
        describe(e);
    }
    snprintf(seen, size, "%s", trace.text);
    CHECK_INT((long long)with_dump(NULL), 0);
    CHECK(!with_current());
}

static void nested(void)
{
    nest(0);
}

/* After a return, what is suppressed in a stack does not end the return, as it would that of nested blocks. */
static bool return_is_lost(void)
{
    bool thrown = false;

    for (int i = count; i-- > 0;) {
        if (thrown && kinds[i] == EATS) return true;
        if (kinds[i] == ENTER_THROWS) return false;
        thrown = thrown || kinds[i] == THROWS || kinds[i] == THROWS_FROM;
    }
    return false;
}

static void compare(void)
{
    static char by_blocks[sizeof trace.text], by_stack[sizeof trace.text];

    if (leaving == RETURNS && return_is_lost()) return;
    run(nested, by_blocks, sizeof by_blocks);
    run(stack, by_stack, sizeof by_stack);
    CHECK_STR(by_stack, by_blocks);
    if (leaving >= CLOSES) return;
    run(stack_in_stack, by_stack, sizeof by_stack);
    CHECK_STR(by_stack, by_blocks);
}

static void choose(int at)
{
    if (at == count) {
        for (leaving = 0; leaving < LEAVINGS; leaving++) compare();
        return;
    }
    for (kinds[at] = 0; kinds[at] < KINDS; kinds[at]++) choose(at + 1);
}

int main(void)
{
    for (count = 0; count <= MOST; count++) choose(0);
    return test_result();
}
