/* SPDX-License-Identifier: MIT
 *
 * The statement's small print: what may be written where, what is evaluated when, and what an exit is
 * told about its block.
 */
#include <with.h>

#include "test.h"

static char log_text[400];

static void note(const char *word)
{
    if (*log_text) strcat(log_text, " ");
    strcat(log_text, word);
}

#define CHECK_LOG(WANTED)                                                                          \
    (CHECK_STR(log_text, WANTED), *log_text = '\0', CHECK_INT((long long)with_dump(NULL), 0))

/* ---- A manager that logs, and one that suppresses ------------------------------------------ */

struct named {
    WITH_MANAGER;
    const char *as;
    bool answer; /* what its exit returns */
};

static void named_enter(struct named *self)
{
    note(self->as);
}

static bool named_exit(struct named *self, const with_exception *exception)
{
    char word[40];

    snprintf(word, sizeof word, "/%s%s%s", self->as, with_completed(self) ? "+" : "",
             exception ? "!" : "");
    note(word);
    return self->answer;
}

WITH_CLASS(named, named_enter, named_exit);

static int evaluations;

static struct named cm_named(const char *name)
{
    evaluations++;
    return WITH_NEW(named, .as = name);
}

struct quiet {
    WITH_SUPPRESSOR;
    const with_exception_type *type;
};

static void quiet_enter(struct quiet *self)
{
    (void)self;
    note("quiet");
}

static bool quiet_exit(struct quiet *self, const with_exception *exception)
{
    note(with_completed(self) ? "/quiet+" : "/quiet");
    return with_isinstance(exception, self->type);
}

WITH_CLASS(quiet, quiet_enter, quiet_exit);

/* A manager that its exit copies, as it was then. */
struct copied {
    WITH_MANAGER;
    struct copied *copy;
};

static void copied_enter(struct copied *self)
{
    (void)self;
}

static bool copied_exit(struct copied *self, const with_exception *exception)
{
    (void)exception;
    note(with_completed(self) ? "completed" : "left");
    if (self->copy) *self->copy = *self;
    return false;
}

WITH_CLASS(copied, copied_enter, copied_exit);

static struct quiet cm_quiet(const with_exception_type *type)
{
    return WITH_NEW(quiet, .type = type);
}

/* ---- Shapes -------------------------------------------------------------------------------- */

static void test_nesting_without_braces(void)
{
    with (cm_named("a"))
        with (cm_named("b")) note("body");
    CHECK_LOG("a b body /b+ /a+");
    with (cm_named("a"), x)
        with (cm_quiet(&ValueError))
            with (cm_named("b"), y) {
                note(x);
                note(y);
                throw(ValueError, "in the inmost");
            }
    CHECK_LOG("a quiet b a b /b! /quiet /a+");
    with (cm_named("a"))
        for (int i = 0; i < 2; i++)
            with (cm_named("b")) note(i ? "1" : "0");
    CHECK_LOG("a b 0 /b+ b 1 /b+ /a+");
}

static void test_under_if(void)
{
    for (int i = 0; i < 2; i++) {
        if (i) {
            with (cm_named("yes")) note("then");
        } else {
            with (cm_named("no")) note("else");
        }
    }
    CHECK_LOG("no else /no+ yes then /yes+");
    for (int i = 0; i < 2; i++) {
        if (i) {
            try {
                note("then");
            } catch (Exception) {
            }
        } else note("else");
    }
    CHECK_LOG("else then");
}

static void test_one_line(void)
{
    /* clang-format off */
    { using (cm_named("a")); using (cm_named("b"), b); note(b); }
    CHECK_LOG("a b b /b /a");
    with (cm_named("a"), x) { with (cm_named("b"), y) { note(x); note(y); } with (cm_named("c"), x) { note(x); } }
    CHECK_LOG("a b a b /b+ c c /c+ /a+");
    try { try { throw(KeyError, "k"); } catch (ValueError) { note("v"); } } catch (KeyError) { note("k"); } catch (Exception) { note("e"); }
    CHECK_LOG("k");
    /* clang-format on */
}

static void test_empty_bodies(void)
{
    with (cm_named("a")) {}
    with (cm_named("b"))
        ;
    try {
    } catch (Exception) {
    }
    CHECK_LOG("a /a+ b /b+");
}

static void test_evaluated_once(void)
{
    volatile int n = 0;
    const char *names[] = {"zero", "one", "two", "three"};

    evaluations = 0;
    with (cm_named(names[n++])) note("body");
    with (cm_named(names[n++]), name) note(name);
    {
        using (cm_named(names[n++]));
        using (cm_named(names[n++]), name);
        note(name);
    }
    CHECK_INT(n, 4);
    CHECK_INT(evaluations, 4);
    CHECK_LOG("zero body /zero+ one one /one+ two three three /three /two");
    try {
        n = 0;
        throw_error(ENOENT, "file %d", ++n);
    } catch (FileNotFoundError, e) {
        CHECK_STR(e->message, "file 1: No such file or directory");
    }
    try {
        throw(ValueError, "%d %d", n++, 7);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "1 7");
    }
    CHECK_INT(n, 2);
}

/* The manager may be an expression with commas, a variable or another's copy. */
static void test_manager_expressions(void)
{
    struct named kept = cm_named("kept");
    bool which = evaluations > 0;

    with (kept, name) note(name);
    with (which ? cm_named("left") : cm_named("right")) note("body");
    with (WITH_NEW(named, .as = "new", .answer = true), name) note(name);
    with (kept) note("again");
    CHECK_LOG("kept kept /kept+ left body /left+ new new /new+ kept again /kept+");
}

/* Whether a block is completed has nothing to do with what its manager went through before. */
static void test_copy_of_a_completed_manager(void)
{
    struct copied copy;

    with (WITH_NEW(copied, .copy = &copy)) {}
    try {
        with (copy) throw(ValueError, "in the next block");
    } catch (ValueError) {
        note("caught");
    }
    {
        using (copy);
    }
    CHECK_LOG("completed left caught left");
}

static void nothing(void) {}

/* At -O0 gcc 12 crashed on blocks in which it sees that nothing throws, beside others. */
static void test_nothing_throws(void)
{
    {
        using (WITH_NEW(named, .as = "a"));
        nothing();
    }
    with (WITH_NEW(named, .as = "b")) {
        using (WITH_NEW(named, .as = "c"));
        nothing();
    }
    try {
        nothing();
    } catch (Exception) {
        nothing();
    }
    with (cm_quiet(&Exception)) nothing();
    CHECK_LOG("a /a b c /c /b+ quiet /quiet+");
}

/* ---- Ways out of loops --------------------------------------------------------------------- */

static void test_using_in_loops(void)
{
    for (int i = 0; i < 4; i++) {
        using (cm_named(i == 0 ? "a" : i == 1 ? "b" : "c"), name);
        if (i == 0) continue;
        if (i == 2) break;
        note(name);
    }
    CHECK_LOG("a /a b b /b c /c");
    switch (evaluations ? 1 : 0) {
    default: {
        using (cm_named("s"));
        if (evaluations) break;
        note("not reached");
    }
    }
    CHECK_LOG("s /s");
    for (int i = 0; i < 2; i++) {
        with (cm_named("w")) {
            using (cm_named("u"));
            if (i == 0) continue; /* ends the block of with, as completed */
            note("end");
        }
        note("after");
    }
    CHECK_LOG("w u /u /w+ after w u end /u /w+ after");
}

static void test_loops_inside(void)
{
    with (cm_named("a")) {
        for (int i = 0; i < 3; i++) {
            if (i == 1) break;
            note("round");
        }
        switch (evaluations ? 1 : 0) {
        case 1: note("case"); break;
        default: note("default");
        }
    }
    CHECK_LOG("a round case /a+");
    try {
        while (true) break;
        do {
            if (evaluations) continue;
        } while (false);
        throw(ValueError, "after loops");
    } catch (ValueError) {
        for (;;) break;
        note("handler");
    }
    CHECK_LOG("handler");
}

static void test_continue_in_try(void)
{
    for (int i = 0; i < 2; i++) {
        try {
            if (i == 0) continue; /* ends the try */
            throw(ValueError, "second round");
        } catch (ValueError) {
            if (i == 1) continue; /* ends the handler */
            note("not reached");
        }
        note(with_current() ? "still handling" : "after");
    }
    CHECK_LOG("after after");
}

static void test_goto_middle(void)
{
    with (cm_named("a")) {
        with (cm_named("b")) {
            using (cm_named("c"));
            try {
                throw(ValueError, "to be left");
            } catch (ValueError) {
                goto middle;
            }
        }
        note("not reached");
middle:
        note(with_current() ? "still handling" : "middle");
    }
    CHECK_LOG("a b c /c /b middle /a+");
}

static void test_goto_back(void)
{
    volatile int rounds = 0;

again:
    with (cm_named("a")) {
        if (++rounds < 3) goto again;
    }
    CHECK_LOG("a /a a /a a /a+");
}

/* ---- Returning ----------------------------------------------------------------------------- */

static int return_from_try(void)
{
    try {
        using (cm_named("t"));
        return 1;
    } catch (Exception) {
        return 2;
    }
    return 3;
}

static int return_from_handler(void)
{
    try {
        using (cm_named("t"));
        throw(ValueError, "to the handler");
    } catch (KeyError) {
        return 1;
    } catch (ValueError, e) {
        using (cm_named("h"));
        return (int)strlen(e->message);
    }
    return 3;
}

static const char *return_name(void)
{
    with (cm_named("r"), name) return name;
    return "not reached";
}

/* What is returned is worked out before the exits run. */
static int return_before_exit(void)
{
    with (cm_named("r")) return (int)strlen(log_text);
    return -1;
}

static void test_return(void)
{
    CHECK_INT(return_from_try(), 1);
    CHECK_LOG("t /t");
    CHECK_INT(return_from_handler(), (long long)strlen("to the handler"));
    CHECK_LOG("t /t! h /h");
    CHECK(with_current() == NULL);
    CHECK_STR(return_name(), "r");
    CHECK_LOG("r /r");
    CHECK_INT(return_before_exit(), 1);
    CHECK_LOG("r /r");
}

/* ---- What only a suppressor may do --------------------------------------------------------- */

static void test_true_of_a_plain_manager(void)
{
    try {
        with (WITH_NEW(named, .as = "liar", .answer = true)) throw(ValueError, "stays");
        note("not reached");
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "the exit of named returned true, but only a WITH_SUPPRESSOR can "
                              "suppress");
        CHECK_STR(e->context->message, "stays");
    }
    CHECK_LOG("liar /liar!");
}

static void test_suppress_the_right_one(void)
{
    with (cm_quiet(&LookupError)) throw(KeyError, "below LookupError");
    CHECK(with_current() == NULL);
    CHECK_LOG("quiet /quiet");
    try {
        with (cm_quiet(&LookupError)) throw(ValueError, "not below it");
        note("not reached");
    } catch (ValueError) {
        note("caught");
    }
    CHECK_LOG("quiet /quiet caught");
    with (cm_quiet(&Exception)) note("body");
    CHECK_LOG("quiet body /quiet+");
}

static void test_no_class(void)
{
    try {
        with ((struct named){.as = "bare"}) note("not reached");
    } catch (TypeError, e) {
        CHECK_STR(e->message, "a manager without a class: make it with WITH_NEW()");
    }
    CHECK_LOG("");
}

int main(void)
{
    test_nesting_without_braces();
    test_under_if();
    test_one_line();
    test_empty_bodies();
    test_evaluated_once();
    test_manager_expressions();
    test_copy_of_a_completed_manager();
    test_nothing_throws();
    test_using_in_loops();
    test_loops_inside();
    test_continue_in_try();
    test_goto_middle();
    test_goto_back();
    test_return();
    test_true_of_a_plain_manager();
    test_suppress_the_right_one();
    test_no_class();
    return test_result();
}
