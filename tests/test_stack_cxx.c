/* SPDX-License-Identifier: MIT
 *
 * An exception of C++ passes through an exit stack: out of its block, or out of one of its exits. The rest
 * of the exits run, each once, as on a return.
 */
#include <with.h>
#include <with/stack.h>

#include "test.h"

void throw_foreign(void *value);
bool catch_foreign(void (*function)(void), int *ret_value);

static char seen[40];
static int thrown = 7;

static bool look(void *text, const with_exception *exception)
{
    strcat(seen, text);
    if (exception) strcat(seen, "!");
    return false;
}

static void from_body(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_push(stack, look, "1");
        with_stack_push(stack, look, "2");
        throw_foreign(&thrown);
    }
}

static void from_exit(void)
{
    using (cm_plain_exit_stack(), outer);
    with_stack_push(outer, look, "0");
    with (cm_exit_stack(), stack) {
        with_stack_push(stack, look, "1");
        with_stack_callback(stack, throw_foreign, &thrown);
        with_stack_push(stack, look, "2");
    }
}

/* Replaces an exception of ours, as it does in nested blocks. */
static void from_exit_of_throw(void)
{
    with (cm_exit_stack(), stack) {
        with_exit_stack *inner = with_stack_enter(stack, cm_exit_stack());
        with_stack_push(stack, look, "3");
        with_stack_push(inner, look, "1");
        with_stack_callback(inner, throw_foreign, &thrown);
        with_stack_push(inner, look, "2");
        throw(KeyError, "replaced");
    }
}

static void from_close(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_push(stack, look, "1");
        with_stack_callback(stack, throw_foreign, &thrown);
        with_stack_push(stack, look, "2");
        with_stack_close(stack);
    }
}

static void check(void (*function)(void), const char *wanted)
{
    int caught = 0;

    seen[0] = 0;
    CHECK(catch_foreign(function, &caught));
    CHECK_INT(caught, thrown);
    CHECK_STR(seen, wanted);
    CHECK_INT((long long)with_dump(NULL), 0);
    CHECK(!with_current());
}

int main(void)
{
    for (int i = 0; i < 100; i++) {
        check(from_body, "21");
        check(from_exit, "210");
        check(from_exit_of_throw, "3!2!1");
        check(from_close, "21");
    }
    return test_result();
}
