/* SPDX-License-Identifier: MIT
 *
 * C++ exceptions that pass a block, or are caught, on the stacks of generators.
 */
#include <with.h>
#include <with/generator.h>

#include "test.h"

/* In the C++ part: throws an int; runs function and returns the int that it threw, or 0. */
void throw_foreign(int value);
int catch_foreign(void (*function)(void));

static char log_text[100];

WITH_GENERATOR(logged, void, (const char *, name))
{
    strcat(strcat(log_text, " +"), name);
    strcat(strcat(log_text, yield() ? " end " : " early "), name);
}

static void throw_in_block(void)
{
    with (cm_logged("a"))
        with (cm_logged("b")) throw_foreign(7);
}

/* The tear-down catches one of its own while the other is on its way. */
WITH_PLAIN_GENERATOR(catching, void)
{
    yield();
    strcat(log_text, catch_foreign(throw_in_block) == 7 ? " caught" : " lost");
}

static void throw_around_another(void)
{
    using (cm_catching());
    throw_foreign(5);
}

WITH_GENERATOR(inside, void)
{
    strcat(log_text, catch_foreign(throw_in_block) == 7 ? " caught" : " lost");
    yield();
}

static void throw_in_body_of_function(void)
{
    with (cm_inside()) throw_foreign(3);
}

int main(void)
{
    CHECK_INT(catch_foreign(throw_in_block), 7);
    CHECK_STR(log_text, " +a +b early b early a");
    *log_text = '\0';
    CHECK_INT(catch_foreign(throw_around_another), 5);
    CHECK_STR(log_text, " +a +b early b early a caught");
    *log_text = '\0';
    CHECK_INT(catch_foreign(throw_in_body_of_function), 3);
    CHECK_STR(log_text, " +a +b early b early a caught");
    CHECK_INT((long long)with_dump(NULL), 0);
    return test_result();
}
