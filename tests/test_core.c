/* SPDX-License-Identifier: MIT
 *
 * The core's functions, one by one.
 */
#include <with.h>

#include "test.h"

static void fail(void *argument)
{
    throw(ValueError, "bad %s", (const char *)argument);
}

static void test_call(void)
{
    const with_exception *e = with_call(fail, "number");

    CHECK_STR(e->message, "bad number");
    CHECK(with_isinstance(e, &Exception));
    CHECK(!with_isinstance(e, &OSError));
    CHECK(!with_isinstance(NULL, &BaseException));
    CHECK(with_current() == NULL);
    with_exception_unref(e);
}

int main(void)
{
    test_call();
    return test_result();
}
