/* SPDX-License-Identifier: MIT
 *
 * What with_print_exception() and with_dump() print: Python's shape, to the letter. In the wanted texts
 * the name of this file is FILE and line numbers are N; one test checks the numbers.
 */
#include <with.h>

#include "test.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- Taking what is printed ---------------------------------------------------------------- */

/* Puts FILE for the name of this file and N for the number of a line. */
static void make_plain(char *text)
{
    static const char file[] = "\"" __FILE__ "\", line ", name[] = __FILE__ ", line ";
    char *to = text;

    for (const char *from = text; *from;) {
        const bool quoted = strncmp(from, file, sizeof file - 1) == 0;
        if (!quoted && strncmp(from, name, sizeof name - 1) != 0) {
            *to++ = *from++;
            continue;
        }
        from += (quoted ? sizeof file : sizeof name) - 1;
        while (isdigit((unsigned char)*from)) from++;
        to += sprintf(to, quoted ? "\"FILE\", line N" : "FILE, line N");
    }
    *to = '\0';
}

static void print_to(char *text, size_t size, const with_exception *exception)
{
    FILE *stream = fmemopen(text, size, "w");

    errno = EDOM;
    with_print_exception(stream, exception);
    CHECK_INT(errno, EDOM);
    fclose(stream);
}

/* Runs the function and compares how what it throws is printed. */
static void check_printed(void (*function)(void), const char *wanted, int line)
{
    char text[8000] = "nothing was thrown";

    try {
        function();
    } catch (BaseException, e) {
        print_to(text, sizeof text, e);
    }
    make_plain(text);
    test_strings(text, wanted, __FILE__, line, "what is printed");
}

#define CHECK_PRINTED(FUNCTION, WANTED) check_printed(FUNCTION, WANTED, __LINE__)
#define AT(FUNCTION, TEXT) "  File \"FILE\", line N, in " FUNCTION "\n    " TEXT "\n"
#define TRACEBACK "Traceback (most recent call last):\n"
#define TRACEBACK_TO_CHECK TRACEBACK AT("check_printed", "try")
#define CAUSED "\nThe above exception was the direct cause of the following exception:\n\n"
#define DURING "\nDuring handling of the above exception, another exception occurred:\n\n"

/* ---- A manager ----------------------------------------------------------------------------- */

struct plain {
    WITH_MANAGER;
    int as;
};

static void plain_enter(struct plain *self)
{
    if (self->as < 0) throw(ValueError, "negative: %d", self->as);
}

static bool plain_exit(struct plain *self, const with_exception *exception)
{
    if (self->as == 0) with_release_error(exception, EIO, "zero");
    return false;
}

WITH_CLASS(plain, plain_enter, plain_exit);

struct absorber {
    WITH_SUPPRESSOR;
};

static void absorber_enter(struct absorber *self)
{
    (void)self;
}

static bool absorber_exit(struct absorber *self, const with_exception *exception)
{
    (void)self;
    return with_isinstance(exception, &StopIteration);
}

WITH_CLASS(absorber, absorber_enter, absorber_exit);

/* ---- One exception ------------------------------------------------------------------------- */

static void throw_inner(int n)
{
    with (WITH_NEW(plain, .as = 1)) throw(ValueError, "bad number %d", n);
}

static void throw_outer(void)
{
    using (WITH_NEW(plain, .as = 2), two);
    try {
        throw_inner(two);
    } catch (KeyError) {
    }
}

static void throw_noted(void)
{
    try {
        throw(ValueError, "%s", "");
    } catch (ValueError, e) {
        with_add_note(e, "first %s", "note");
        with_add_note(e, "second\n  note");
        with_rethrow();
    }
}

static void throw_in_enter(void)
{
    with (WITH_NEW(plain, .as = -1)) {}
}

static void fail_to_release(void)
{
    with (WITH_NEW(plain, .as = 0)) {}
}

static void note_failed_release(void)
{
    with (WITH_NEW(plain, .as = 0)) throw(KeyError, "first");
}

static void throw_number(void)
{
    throw_error(ENOENT, "name");
}

static void throw_nothing_more(void)
{
    with (WITH_NEW(absorber)) throw(OSError, "%s", "in a suppressor's block");
}

static void test_one(void)
{
    CHECK_PRINTED(throw_outer,
                  TRACEBACK_TO_CHECK AT("throw_outer", "using (WITH_NEW(plain, .as = 2), two)") AT(
                      "throw_outer", "try") AT("throw_inner", "with (WITH_NEW(plain, .as = 1))")
                      AT("throw_inner",
                         "throw(ValueError, \"bad number %d\", n)") "ValueError: bad number 2\n");
    CHECK_PRINTED(
        throw_noted,
        TRACEBACK_TO_CHECK AT("throw_noted", "with_rethrow()") AT("throw_noted", "try")
            AT("throw_noted",
               "throw(ValueError, \"%s\", \"\")") "ValueError\nfirst note\nsecond\n  note\n");
    CHECK_PRINTED(
        throw_in_enter,
        TRACEBACK_TO_CHECK AT("throw_in_enter", "with (WITH_NEW(plain, .as = -1))")
            AT("plain_enter",
               "throw(ValueError, \"negative: %d\", self->as)") "ValueError: negative: -1\n");
    CHECK_PRINTED(fail_to_release,
                  TRACEBACK_TO_CHECK AT("fail_to_release", "with (WITH_NEW(plain, .as = 0))") AT(
                      "plain_exit",
                      "with_release_error(exception, EIO)") "OSError: zero: Input/output error\n");
    CHECK_PRINTED(
        note_failed_release,
        TRACEBACK_TO_CHECK AT("note_failed_release", "with (WITH_NEW(plain, .as = 0))")
            AT("note_failed_release",
               "throw(KeyError, \"first\")") "KeyError: first\nzero: Input/output error\n");
    CHECK_PRINTED(throw_number, TRACEBACK_TO_CHECK AT(
                                    "throw_number",
                                    "throw_error(ENOENT, \"name\")") "FileNotFoundError: name: No "
                                                                     "such file or directory\n");
    CHECK_PRINTED(throw_nothing_more,
                  TRACEBACK_TO_CHECK AT("throw_nothing_more", "with (WITH_NEW(absorber))")
                      AT("throw_nothing_more", "throw(OSError, \"%s\", \"in a suppressor's "
                                               "block\")") "OSError: in a suppressor's block\n");
}

/* ---- Chains -------------------------------------------------------------------------------- */

static void throw_during(void)
{
    try {
        throw(KeyError, "old");
    } catch (KeyError) {
        throw(ValueError, "new");
    }
}

static void throw_because(void)
{
    try {
        throw(KeyError, "old");
    } catch (KeyError, e) {
        throw_from(e, ValueError, "new");
    }
}

static void throw_hiding(void)
{
    try {
        throw(KeyError, "old");
    } catch (KeyError) {
        throw_from(NULL, ValueError, "new");
    }
}

/* The cause hides the context: only what led to the cause is printed. */
static void throw_because_of_another(void)
{
    const with_exception *cause = NULL;

    try {
        throw_during();
    } catch (ValueError, e) {
        cause = with_exception_ref(e);
    }
    try {
        throw(EOFError, "hidden");
    } catch (EOFError) {
        try {
            throw_from(cause, RuntimeError, "last");
        } catch (RuntimeError) {
            with_exception_unref(cause);
            with_rethrow();
        }
    }
}

#define OLD(FUNCTION)                                                                              \
    TRACEBACK AT(FUNCTION, "try") AT(FUNCTION, "throw(KeyError, \"old\")") "KeyError: old\n"

static void test_chains(void)
{
    CHECK_PRINTED(throw_during,
                  OLD("throw_during") DURING TRACEBACK_TO_CHECK AT(
                      "throw_during", "throw(ValueError, \"new\")") "ValueError: new\n");
    CHECK_PRINTED(throw_because,
                  OLD("throw_because") CAUSED TRACEBACK_TO_CHECK AT(
                      "throw_because", "throw_from(e, ValueError, \"new\")") "ValueError: new\n");
    CHECK_PRINTED(throw_hiding,
                  TRACEBACK_TO_CHECK AT(
                      "throw_hiding", "throw_from(NULL, ValueError, \"new\")") "ValueError: new\n");
    CHECK_PRINTED(
        throw_because_of_another,
        OLD("throw_during") DURING TRACEBACK AT("throw_because_of_another", "try")
            AT("throw_during",
               "throw(ValueError, \"new\")") "ValueError: new\n" CAUSED TRACEBACK_TO_CHECK
                AT("throw_because_of_another", "with_rethrow()")
                    AT("throw_because_of_another", "try")
                        AT("throw_because_of_another",
                           "throw_from(cause, RuntimeError, \"last\")") "RuntimeError: last\n");
}

static void test_nothing_to_print(void)
{
    char text[10] = "";

    print_to(text, sizeof text, NULL);
    CHECK_STR(text, "");
}

static void lengthen_chain(const with_exception **chain, int number)
{
    try {
        with_throw_again(*chain);
    } catch (BaseException) {
        try {
            throw(ValueError, "number %d", number);
        } catch (ValueError, e) {
            *chain = with_exception_ref(e);
        }
    }
}

/* A chain is printed in one go along it, however long it is. */
static void test_long_chain(void)
{
    enum { LENGTH = 20000 };
    const with_exception *chain = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    try {
        throw(KeyError, "the oldest");
    } catch (KeyError, e) {
        chain = with_exception_ref(e);
    }
    for (int i = 1; i < LENGTH; i++) lengthen_chain(&chain, i);
    with_print_exception(stream, chain);
    fclose(stream);
    CHECK(strstr(text, "KeyError: the oldest\n" DURING) != NULL);
    CHECK(strcmp(text + size - strlen("ValueError: number 19999\n"),
                 "ValueError: number 19999\n") == 0);
    with_exception_unref(chain);
    free(text);
}

/* ---- Long ones ----------------------------------------------------------------------------- */

/* What a traceback holds at most. */
enum { RECORDED = 1000 };

static volatile bool deep = true; /* so that gcc does not prove that all calls recurse */

static void throw_at_depth(int depth)
{
    if (depth == 0 && deep) throw(RecursionError, "deep");
    if (depth == 0) return;
    using (WITH_NEW(plain, .as = depth));
    throw_at_depth(depth - 1);
}

static void check_depth(int depth, size_t recorded, size_t lost)
{
    char line[60], *text = malloc(400000);

    try {
        throw_at_depth(depth);
    } catch (RecursionError, e) {
        CHECK_INT((long long)e->traceback_length, (long long)recorded);
        CHECK_INT((long long)e->traceback_lost, (long long)lost);
        CHECK_STR(e->traceback[0]->text, "throw(RecursionError, \"deep\")");
        for (size_t i = 1; i < recorded && i <= (size_t)depth; i++)
            if (strcmp(e->traceback[i]->function, "throw_at_depth")) CHECK_INT((long long)i, 0);
        print_to(text, 400000, e);
        snprintf(line, sizeof line, TRACEBACK "  [%zu more blocks]\n", lost);
        CHECK(lost ? strncmp(text, line, strlen(line)) == 0 : !strstr(text, "more blocks"));
    }
    free(text);
}

static void test_long_tracebacks(void)
{
    check_depth(1, 3, 0);
    check_depth(14, 16, 0);
    check_depth(15, 17, 0);
    check_depth(100, 102, 0);
    for (int depth = 995; depth < 1030; depth += 5) {
        try {
            throw_at_depth(depth);
        } catch (RecursionError, e) {
            CHECK_INT((long long)(e->traceback_length + e->traceback_lost), depth + 2);
        }
    }
    check_depth(2000, RECORDED, 2002 - RECORDED);
}

/* ---- Places, and what is held -------------------------------------------------------------- */

static void test_places(void)
{
    const int before = __LINE__;

    try {
        with (WITH_NEW(plain, .as = 3)) {
            throw(ValueError, "here");
        }
    } catch (ValueError, e) {
        CHECK_INT((long long)e->traceback_length, 3);
        CHECK_INT(e->traceback[0]->line, before + 4);
        CHECK_INT(e->traceback[1]->line, before + 3);
        CHECK_INT(e->traceback[2]->line, before + 2);
        CHECK_STR(e->traceback[0]->file, __FILE__);
        CHECK_STR(e->traceback[0]->function, "test_places");
    }
}

static void test_dump(void)
{
    char text[600] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");

    CHECK_INT((long long)with_dump(stream), 0);
    with (WITH_NEW(plain, .as = 4)) {
        try {
            using (WITH_NEW(plain, .as = 5), five);
            with (WITH_NEW(absorber)) {
                CHECK_INT((long long)with_dump(NULL), 3);
                throw(StopIteration, "%d", five);
            }
            CHECK_INT((long long)with_dump(stream), 2);
        } catch (Exception) {
            CHECK(!"suppressed");
        }
    }
    CHECK_INT((long long)with_dump(stream), 0);
    fclose(stream);
    make_plain(text);
    CHECK_STR(text, "plain, entered in FILE, line N, in test_dump\n"
                    "    using (WITH_NEW(plain, .as = 5), five)\n"
                    "plain, entered in FILE, line N, in test_dump\n"
                    "    with (WITH_NEW(plain, .as = 4))\n");
}

int main(void)
{
    test_one();
    test_chains();
    test_nothing_to_print();
    test_long_chain();
    test_long_tracebacks();
    test_places();
    test_dump();
    return test_result();
}
