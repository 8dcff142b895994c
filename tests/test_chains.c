/* SPDX-License-Identifier: MIT
 *
 * Contexts and causes, where they could go wrong: no chain ever becomes a loop, and what a handler or
 * an exit leaves behind is what CPython leaves behind.
 */
#include <with.h>

#include "test.h"

/* The messages of a chain of contexts, newest first. */
static const char *contexts(const with_exception *exception)
{
    static char text[400];

    *text = '\0';
    for (const with_exception *e = exception; e; e = e->context) {
        if (strlen(text) > sizeof text / 2) return "a loop";
        strcat(strcat(text, *text ? " " : ""), e->message);
    }
    return text;
}

static const with_exception *kept_a, *kept_b, *kept_c;

static void throw_a(void *unused)
{
    (void)unused;
    throw(ValueError, "a");
}

/* ---- Loops --------------------------------------------------------------------------------- */

/* Raised again while its own context's descendant is handled: that one lets go of it. */
static void test_context_of_its_context(void)
{
    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError, a) {
            kept_a = with_exception_ref(a);
            try {
                throw(KeyError, "b");
            } catch (KeyError, b) {
                kept_b = with_exception_ref(b);
                try {
                    throw(EOFError, "c");
                } catch (EOFError, c) {
                    CHECK_STR(contexts(c), "c b a");
                    with_throw_again(with_exception_ref(kept_a));
                }
            }
        }
    } catch (ValueError, a) {
        CHECK(a == kept_a);
        CHECK_STR(contexts(a), "a c b");
    }
    with_exception_unref(kept_a);
    with_exception_unref(kept_b);
}

static void test_itself(void)
{
    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError, a) {
            with_throw_again(with_exception_ref(a));
        }
    } catch (ValueError, a) {
        CHECK_STR(contexts(a), "a");
        CHECK(a->cause == NULL);
    }
}

/* CPython would make a loop through the cause here, for its collector; here the context stays off. */
static void test_loop_through_a_cause(void)
{
    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError, a) {
            kept_a = with_exception_ref(a);
        }
        try {
            throw_from(kept_a, KeyError, "b");
        } catch (KeyError) {
            with_throw_again(kept_a);
        }
    } catch (ValueError, a) {
        CHECK_STR(contexts(a), "a");
    }
}

/* The same with more in between: causes and contexts that meet again. */
static void test_loop_through_many(void)
{
    kept_a = with_call(throw_a, NULL);
    try {
        throw_from(kept_a, KeyError, "b");
    } catch (KeyError, b) {
        kept_b = with_exception_ref(b);
        try {
            throw_from(kept_a, EOFError, "c");
        } catch (EOFError, c) {
            kept_c = with_exception_ref(c);
        }
    }
    CHECK(kept_c->context == kept_b && kept_c->cause == kept_b->cause);
    try {
        try {
            with_throw_again(with_exception_ref(kept_c));
        } catch (EOFError) {
            try {
                throw_from(kept_b, OSError, "d");
            } catch (OSError) {
                with_throw_again(with_exception_ref(kept_a));
            }
        }
    } catch (ValueError, a) {
        CHECK_STR(contexts(a), "a");
    }
    with_exception_unref(kept_a);
    with_exception_unref(kept_b);
    with_exception_unref(kept_c);
}

/* The old exception is a cause, and there is more to the chain beside it. */
static void test_loop_through_a_side(void)
{
    kept_a = with_call(throw_a, NULL);
    try {
        try {
            throw(OSError, "e");
        } catch (OSError) {
            try {
                throw(EOFError, "d");
            } catch (EOFError) {
                throw_from(kept_a, KeyError, "b");
            }
        }
    } catch (KeyError, b) {
        CHECK_STR(contexts(b), "b d e");
        try {
            with_throw_again(kept_a);
        } catch (ValueError, a) {
            CHECK_STR(contexts(a), "a");
            CHECK_STR(contexts(b), "b d e");
        }
    }
}

/* What is thrown from what is being handled has it as both. */
static void test_cause_and_context_alike(void)
{
    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError, a) {
            throw_from(a, KeyError, "b");
        }
    } catch (KeyError, b) {
        CHECK(b->cause == b->context);
        CHECK_STR(contexts(b), "b a");
    }
}

/* A new context takes the place of the old one, which is let go. */
static void test_new_context(void)
{
    try {
        try {
            throw(ValueError, "old");
        } catch (ValueError) {
            throw(KeyError, "a");
        }
    } catch (KeyError, a) {
        kept_a = with_exception_ref(a);
    }
    CHECK_STR(contexts(kept_a), "a old");
    try {
        try {
            throw(EOFError, "new");
        } catch (EOFError) {
            with_throw_again(kept_a);
        }
    } catch (KeyError, a) {
        CHECK_STR(contexts(a), "a new");
    }
}

/* ---- Handling ------------------------------------------------------------------------------ */

static void test_rethrow_keeps_all(void)
{
    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError, a) {
            kept_a = a;
            try {
                throw(KeyError, "b");
            } catch (KeyError) {
            }
            CHECK(with_current() == a);
            with_rethrow();
        }
    } catch (ValueError, a) {
        CHECK(a == kept_a);
        CHECK_STR(contexts(a), "a");
        CHECK_STR(a->traceback[0]->text, "throw(ValueError, \"a\")");
    }
    CHECK(with_current() == NULL);
}

/* In a function that a handler calls, the handler's exception is handled. */
static void rethrow_from_a_function(void)
{
    CHECK_STR(with_current()->message, "a");
    with_rethrow();
}

static void test_rethrow_in_a_function(void)
{
    int caught = 0;

    try {
        try {
            throw(ValueError, "a");
        } catch (ValueError) {
            rethrow_from_a_function();
        }
    } catch (ValueError) {
        caught++;
    }
    CHECK_INT(caught, 1);
}

/* ---- Exits --------------------------------------------------------------------------------- */

struct failing {
    WITH_MANAGER;
    const char *as;
    bool rethrows, nested;
};

static void failing_enter(struct failing *self)
{
    (void)self;
}

static bool failing_exit(struct failing *self, const with_exception *exception)
{
    if (self->nested) {
        try {
            throw(EOFError, "inside");
        } catch (EOFError, e) {
            if (exception) CHECK(e->context == exception);
        }
        CHECK(with_current() == exception);
        return false;
    }
    if (self->rethrows) with_rethrow();
    throw(RuntimeError, "%s", self->as);
}

WITH_CLASS(failing, failing_enter, failing_exit);

static void test_each_exit_fails(void)
{
    try {
        with (WITH_NEW(failing, .as = "3"))
            with (WITH_NEW(failing, .as = "2"))
                with (WITH_NEW(failing, .as = "1")) throw(ValueError, "0");
    } catch (RuntimeError, e) {
        CHECK_STR(contexts(e), "3 2 1 0");
    }
    try {
        with (WITH_NEW(failing, .as = "2")) {
            using (WITH_NEW(failing, .as = "1"));
        }
    } catch (RuntimeError, e) {
        CHECK_STR(contexts(e), "2 1");
    }
}

/* An exit that raises its exception again, or handles one of its own, changes nothing. */
static void test_exit_rethrows(void)
{
    try {
        with (WITH_NEW(failing, .as = "", .nested = true))
            with (WITH_NEW(failing, .as = "", .rethrows = true)) throw(ValueError, "0");
    } catch (ValueError, e) {
        CHECK_STR(contexts(e), "0");
    }
    try {
        with (WITH_NEW(failing, .as = "", .nested = true))
            with (WITH_NEW(failing, .as = "", .rethrows = true)) {}
    } catch (RuntimeError, e) {
        CHECK_STR(contexts(e), "no active exception to reraise");
    }
}

int main(void)
{
    test_context_of_its_context();
    test_itself();
    test_loop_through_a_cause();
    test_loop_through_many();
    test_loop_through_a_side();
    test_cause_and_context_alike();
    test_new_context();
    test_rethrow_keeps_all();
    test_rethrow_in_a_function();
    test_each_exit_fails();
    test_exit_rethrows();
    CHECK(with_current() == NULL);
    return test_result();
}
