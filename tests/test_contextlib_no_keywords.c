/* SPDX-License-Identifier: MIT
 *
 * with/contextlib.h and with/redirect.h with WITH_NO_KEYWORDS: their macros use none of the short
 * names, which are the user's own here, nor do they see the user's variables.
 */
#define WITH_NO_KEYWORDS
#include <with/contextlib.h>
#include <with/redirect.h>

#include "test.h"

enum { with = 1, using, try, catch, throw };

typedef struct KeyError {
    int OSError, ValueError;
} KeyError;

static int called;

static void call(KeyError *error)
{
    called += error->OSError;
}

static int number(int n)
{
    return n + using;
}

WITH_CLOSING(KeyError *, error, call);
WITH_CLOSING(int, number, number, .empty = -1, .returns_error = true);

static void test_managers(KeyError *error)
{
    const with_exception *volatile caught;
    volatile bool as = false;

    with_with (cm_suppress(with_KeyError, with_OSError)) with_throw_error(EIO, "text");
    with_with (cm_suppress_into(&as, with_KeyError)) with_throw(with_KeyError, "text");
    CHECK(as);
    with_with (cm_expect(with_OSError, .message = "text", .caught = &caught))
        with_throw_error(EIO, "text");
    CHECK_INT(caught->code, EIO);
    with_exception_unref(caught);
    with_with (cm_expect(with_OSError, .message = "closing number"))
        with_with (cm_closing_number(throw)) continue;
    with_with (cm_closing_error(error), value) CHECK(value == error);
    with_with (cm_callback(call, error)) {}
    with_with (cm_nullcontext()) {}
    with_with (cm_nullcontext(number(1)), n) CHECK_INT(n, 3);
    CHECK_INT(with_inside(cm_nullcontext(), number(2)), 4);
}

static void test_process(void)
{
    FILE *stream = stderr;

    with_with (cm_redirect_stdout("/dev/null")) puts("nowhere");
    with_with (cm_redirect_stderr(1)) {}
    with_with (cm_redirect_stream(&stream, stdout)) CHECK(stream == stdout);
    with_with (cm_chdir("/"), fd) CHECK(fd > 0);
}

int main(void)
{
    KeyError error = {with, try + catch};

    test_managers(&error);
    test_process();
    CHECK_INT(called, 2);
    return test_result();
}
