/* SPDX-License-Identifier: MIT
 *
 * WITH_NO_KEYWORDS: all that the keywords do is there under prefixed names, and none of the short
 * names is taken.
 */
#define WITH_NO_KEYWORDS
#include <with.h>

#include "test.h"

/* These are the user's own here. */
enum { with = 1, using, try, catch, throw, throw_from, throw_error, throw_errno };
typedef struct Exception {
    int OSError, ValueError, MemoryError;
} Exception;

static int held;

struct counter {
    WITH_MANAGER;
    int as;
};

static void counter_enter(struct counter *self)
{
    self->as = ++held;
}

static bool counter_exit(struct counter *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    held--;
    return false;
}

WITH_CLASS(counter, counter_enter, counter_exit);

static void test_statements(void)
{
    int handled = 0;

    with_with (WITH_NEW(counter)) CHECK_INT(held, 1);
    with_with (WITH_NEW(counter), n) {
        for (int i = 0; i < 2; i++) {
            with_using (WITH_NEW(counter))
                ;
            with_using (WITH_NEW(counter), m)
                ;
            CHECK_INT(m, n + 2);
            if (i == 0) continue;
            break;
        }
        with_try
        {
            with_throw(with_ValueError, "number %d", n);
        }
        with_catch (with_KeyError) {
            handled = -1;
        }
        with_catch (with_ValueError, e) {
            CHECK_STR(e->message, "number 1");
            handled++;
        }
    }
    CHECK_INT(held, 0);
    CHECK_INT(handled, 1);
}

static void test_throws(void)
{
    with_try
    {
        with_try
        {
            errno = ENOENT;
            with_throw_errno("name");
        }
        with_catch (with_FileNotFoundError, e) {
            with_throw_from(e, with_RuntimeError, "because");
        }
    }
    with_catch (with_RuntimeError, e) {
        CHECK_INT(e->cause->code, ENOENT);
    }
    with_try
    {
        with_throw_error(EACCES, "file");
    }
    with_catch (with_OSError, e) {
        CHECK(e->type == &with_PermissionError);
    }
}

int main(void)
{
    Exception user = {with, using, try};

    test_statements();
    test_throws();
    CHECK_INT(user.OSError + catch + throw +throw_from + throw_error + throw_errno, 31);
    return test_result();
}
