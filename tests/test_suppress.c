/* SPDX-License-Identifier: MIT
 *
 * cm_suppress, cm_suppress_into, cm_expect and cm_nullcontext. What says CPython is also true of
 * contextlib, whose tests (Lib/test/test_contextlib.py) look at the same.
 */
#include "test_files.h"

#include <with/contextlib.h>

WITH_EXCEPTION(ConfigurationError, ValueError);

/* ---- cm_suppress --------------------------------------------------------------------------- */

static void throw_type(const with_exception_type *type)
{
    throw(*type, "the message");
}

static void divide(void)
{
    throw(ZeroDivisionError, "division by zero");
}

/* CPython: no exception, the exact one, one of a hierarchy, several types. */
static void test_suppress(void)
{
    volatile int ended = 0;

    with (cm_suppress(ValueError)) ended++;
    with (cm_suppress(ZeroDivisionError)) {
        divide();
        ended = 100;
    }
    with (cm_suppress(LookupError)) throw(KeyError, "below");
    with (cm_suppress(ValueError)) throw(ConfigurationError, "of ours");
    with (cm_suppress(ZeroDivisionError, TypeError)) divide();
    with (cm_suppress(ZeroDivisionError, TypeError)) throw(TypeError, "the second");
    with (cm_suppress(BaseException)) throw(KeyboardInterrupt, "every one");
    CHECK_INT(ended, 1);
    CHECK(!with_current());
    CHECK_INT(with_dump(NULL), 0);
}

static void throw_another(void *unused)
{
    (void)unused;
    with (cm_suppress(TypeError)) divide();
}

static void throw_base(void *unused)
{
    (void)unused;
    with (cm_suppress(Exception)) throw(KeyboardInterrupt, "not an Exception");
}

static void throw_above(void *unused)
{
    (void)unused;
    with (cm_suppress(KeyError)) throw(LookupError, "the base is not the type");
}

/* CPython: another exception passes. */
static void test_others_pass(void)
{
    CHECK_THROWS(throw_another, NULL, ZeroDivisionError, "division by zero");
    CHECK_THROWS(throw_base, NULL, KeyboardInterrupt, "not an Exception");
    CHECK_THROWS(throw_above, NULL, LookupError, "the base is not the type");
}

/* CPython: one value, used again and within itself. */
static void test_reentrant(void)
{
    const struct cm_suppress ignore = cm_suppress(Exception);
    volatile int outer = 0, inner = 0;

    with (ignore) throw(TypeError, "once");
    with (ignore) {
        with (ignore) throw(TypeError, "twice");
        outer++;
        with (ignore) {
            inner++;
            divide();
            inner = 100;
        }
        outer++;
        divide();
        outer = 100;
    }
    CHECK_INT(outer, 2);
    CHECK_INT(inner, 1);
}

/* clang 14 loses a static array inside of a constant initializer. */
static void test_in_initializer(void)
{
    const struct {
        int number;
        struct cm_suppress manager;
    } pair = {1, cm_suppress(KeyError, IndexError)};

    with (pair.manager) throw(IndexError, "in a list of initial values");
    CHECK(pair.manager.types[0] == &KeyError && pair.manager.types[1] == &IndexError);
    CHECK(!pair.manager.types[2]);
}

static void test_many_types(void)
{
    const with_exception_type *const chosen[] = {&KeyError, &ConfigurationError, NULL};

    with (cm_suppress(KeyError, IndexError, OSError, EOFError, MemoryError, TypeError, BufferError,
                      SystemError, ReferenceError, AttributeError, AssertionError, ArithmeticError,
                      UnicodeError, StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt,
                      RuntimeError, ChildProcessError, ValueError))
        throw(ConfigurationError, "the twentieth");
    for (const with_exception_type *const *type = chosen; *type; type++)
        with (WITH_NEW(cm_suppress, .types = chosen)) throw_type(*type);
}

static void test_into(void)
{
    volatile bool missing = true;

    with (cm_suppress_into(&missing, FileNotFoundError, KeyError)) CHECK(!missing);
    CHECK(!missing);
    with (cm_suppress_into(&missing, FileNotFoundError, KeyError)) throw(KeyError, "x");
    CHECK(missing);
    try {
        with (cm_suppress_into(&missing, FileNotFoundError)) throw(KeyError, "x");
    } catch (KeyError) {
        CHECK(!missing);
    }
    for (int i = 0; i < 3; i++)
        with (cm_suppress_into(&missing, FileNotFoundError)) {
            if (i == 1) throw_error(ENOENT, "gone");
            if (i == 2) continue;
        }
    CHECK(!missing);
}

static int leave(int way)
{
    with (cm_suppress(ValueError)) {
        if (way == 1) return 1;
        if (way == 2) goto out;
        if (way == 3) continue;
        if (way == 4) throw(ValueError, "suppressed");
    }
    return 0;
out:
    return 2;
}

static void test_ways_out(void)
{
    CHECK_INT(leave(0), 0);
    CHECK_INT(leave(1), 1);
    CHECK_INT(leave(2), 2);
    CHECK_INT(leave(3), 0);
    CHECK_INT(leave(4), 0);
    CHECK_INT(with_dump(NULL), 0);
}

/* What is suppressed does not become the context of what is thrown later, in a handler or not. */
static void test_contexts(void)
{
    try {
        try {
            throw(KeyError, "handled");
        } catch (KeyError) {
            with (cm_suppress(ValueError)) throw(ValueError, "suppressed");
            CHECK_STR(with_current()->message, "handled");
            throw(RuntimeError, "after");
        }
    } catch (RuntimeError, e) {
        CHECK_STR(e->context->message, "handled");
        CHECK(!e->context->context);
    }
}

/* ---- cm_expect ----------------------------------------------------------------------------- */

static int expect_line;

static void expect_way(void *way)
{
    for (int i = 0; i < 1; i++) {
        expect_line = __LINE__ + 1;
        with (cm_expect(ValueError)) {
            switch (*(int *)way) {
            case 0: throw(ConfigurationError, "a subtype");
            case 1: continue;
            case 2: goto out;
            case 3: return;
            case 4: throw(KeyError, "another");
            }
        }
    }
out:;
}

static void check_not_thrown(int way)
{
    char wanted[300];

    /* The line depends on where a compiler counts the block from, but it is known here. */
    (void)with_call(expect_way, &(int){0});
    snprintf(wanted, sizeof wanted, "ValueError was not thrown by the block at %s:%d", __FILE__,
             expect_line);
    CHECK_THROWS(expect_way, &way, AssertionError, wanted);
}

static void test_expect(void)
{
    int way = 0;

    CHECK_NO_THROW(expect_way, &way);
    for (way = 1; way <= 3; way++) check_not_thrown(way);
    check_not_thrown(5);
    way = 4;
    CHECK_THROWS(expect_way, &way, KeyError, "another");
}

static void test_caught(void)
{
    const with_exception *volatile e = with_current();

    with (cm_expect(OSError, .caught = &e)) {
        CHECK(!e);
        throw_error(ENOENT, "name");
    }
    CHECK(e->type == &FileNotFoundError);
    CHECK_INT(e->code, ENOENT);
    CHECK_STR(e->message, "name: No such file or directory");
    with_exception_unref(e);

    try {
        with (cm_expect(OSError, .caught = &e)) throw(KeyError, "another");
    } catch (KeyError) {
    }
    CHECK(!e);
}

static void expect_message(void *message)
{
    with (cm_expect(ValueError, .message = message)) throw(ConfigurationError, "line 3: bad");
}

static void test_message(void)
{
    const with_exception *e;

    CHECK_NO_THROW(expect_message, "line 3");
    CHECK_NO_THROW(expect_message, "");
    CHECK_NO_THROW(expect_message, NULL);

    e = with_call(expect_message, "line 4");
    CHECK(with_isinstance(e, &AssertionError));
    CHECK(strstr(e->message, "but \"line 4\" is not in \"line 3: bad\""));
    CHECK(strstr(e->message, "ConfigurationError was thrown by the block at "));
    CHECK_STR(e->context->message, "line 3: bad");
    with_exception_unref(e);
}

/* With an array of text as the message, that is: with the macro's own conversion. */
static void test_expect_literals(void)
{
    const char wanted[] = "literal";
    const with_exception *volatile e;

    with (cm_expect(ValueError, .message = wanted, .caught = &e)) throw(ValueError, "literal");
    CHECK_STR(e->message, "literal");
    with_exception_unref(e);
    with (cm_expect(AssertionError, .message = "ValueError was not thrown by the block at "))
        with (cm_expect(ValueError)) {}
}

/* ---- cm_nullcontext ------------------------------------------------------------------------ */

static int evaluations;

static int evaluate(void)
{
    return ++evaluations;
}

struct pair {
    double x, y;
};

/* CPython: what is named is what was given. */
static void test_nullcontext(void)
{
    const char text[] = "text";
    const int constant = 5;
    struct pair pair = {1.5, 2.5};

    with (cm_nullcontext(evaluate()), n) CHECK_INT(n, 1);
    CHECK_INT(evaluations, 1);
    with (cm_nullcontext(&pair), same) CHECK(same == &pair);
    with (cm_nullcontext(pair), copy) CHECK(copy.y == pair.y && &copy != &pair);
    with (cm_nullcontext(text), pointer) CHECK(pointer == text);
    with (cm_nullcontext(constant), n) CHECK_INT(n, 5);
    with (cm_nullcontext((struct pair){3, 4}), copy) CHECK(copy.x == 3);
    with (cm_nullcontext(1.25f), f) CHECK(_Generic(f, float : true, default : false) && f == 1.25f);
    with (cm_nullcontext(cm_nullcontext(7L)), inner)
        with (inner, n) CHECK(_Generic(n, long : true, default : false) && n == 7);
    with (cm_nullcontext()) CHECK_INT(with_dump(NULL), 1);
    CHECK_INT(with_dump(NULL), 0);
}

static int leave_nullcontext(int way)
{
    for (;;) {
        using (cm_nullcontext(way), same);
        if (same == 0) break;
        if (same == 1) return 1;
        if (same == 2) goto out;
        throw(ValueError, "%d", same);
    }
    return 0;
out:
    return 2;
}

static void test_nullcontext_ways_out(void)
{
    for (int way = 0; way < 3; way++) CHECK_INT(leave_nullcontext(way), way);
    with (cm_expect(ValueError, .message = "3")) leave_nullcontext(3);
    CHECK_INT(with_dump(NULL), 0);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static void *suppress_and_cancel(void *unused)
{
    (void)unused;
    with (cm_suppress(BaseException)) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return NULL; /* a cancellation is no exception */
}

static void *expect_and_throw(void *unused)
{
    for (int i = 0; i < 1000; i++) {
        const with_exception *volatile e;
        with (cm_expect(KeyError, .caught = &e)) throw(KeyError, "%d", i);
        CHECK_INT(atoi(e->message), i);
        with_exception_unref(e);
    }
    return unused;
}

static void test_threads(void)
{
    pthread_t threads[2];
    void *result = NULL;

    CHECK(pthread_create(&threads[0], NULL, suppress_and_cancel, NULL) == 0);
    CHECK(pthread_join(threads[0], &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, expect_and_throw, NULL) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
    test_suppress();
    test_others_pass();
    test_reentrant();
    test_in_initializer();
    test_many_types();
    test_into();
    test_ways_out();
    test_contexts();
    test_expect();
    test_caught();
    test_message();
    test_expect_literals();
    test_nullcontext();
    test_nullcontext_ways_out();
    test_threads();
    return test_result();
}
