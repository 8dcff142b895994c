/* SPDX-License-Identifier: MIT
 *
 * The core's functions, one by one: exception types, error numbers, messages, notes, with_call() and
 * reports of failed releases. Chains are in test_chains.c.
 */
#include <with.h>

#include "test.h"

#include <limits.h>
#include <stdlib.h>
#include <wchar.h>

/* ---- Types --------------------------------------------------------------------------------- */

WITH_EXCEPTION_DECLARE(BankError);
WITH_EXCEPTION(BankError, RuntimeError);
WITH_EXCEPTION(OverdrawnError, BankError);

static void test_types(void)
{
#define BASE_OF(NAME, BASE)                                                                        \
    {                                                                                              \
        &NAME, &BASE, #NAME                                                                        \
    }
    static const struct {
        const with_exception_type *type, *base;
        const char *name;
    } types[] = {
        BASE_OF(with_SystemExit, with_BaseException),
        BASE_OF(with_KeyboardInterrupt, with_BaseException),
        BASE_OF(with_GeneratorExit, with_BaseException),
        BASE_OF(with_Exception, with_BaseException),
        BASE_OF(with_StopIteration, with_Exception),
        BASE_OF(with_ArithmeticError, with_Exception),
        BASE_OF(with_FloatingPointError, with_ArithmeticError),
        BASE_OF(with_OverflowError, with_ArithmeticError),
        BASE_OF(with_ZeroDivisionError, with_ArithmeticError),
        BASE_OF(with_AssertionError, with_Exception),
        BASE_OF(with_EOFError, with_Exception),
        BASE_OF(with_LookupError, with_Exception),
        BASE_OF(with_IndexError, with_LookupError),
        BASE_OF(with_KeyError, with_LookupError),
        BASE_OF(with_MemoryError, with_Exception),
        BASE_OF(with_OSError, with_Exception),
        BASE_OF(with_BlockingIOError, with_OSError),
        BASE_OF(with_ChildProcessError, with_OSError),
        BASE_OF(with_ConnectionError, with_OSError),
        BASE_OF(with_BrokenPipeError, with_ConnectionError),
        BASE_OF(with_ConnectionAbortedError, with_ConnectionError),
        BASE_OF(with_ConnectionRefusedError, with_ConnectionError),
        BASE_OF(with_ConnectionResetError, with_ConnectionError),
        BASE_OF(with_FileExistsError, with_OSError),
        BASE_OF(with_FileNotFoundError, with_OSError),
        BASE_OF(with_InterruptedError, with_OSError),
        BASE_OF(with_IsADirectoryError, with_OSError),
        BASE_OF(with_NotADirectoryError, with_OSError),
        BASE_OF(with_PermissionError, with_OSError),
        BASE_OF(with_ProcessLookupError, with_OSError),
        BASE_OF(with_TimeoutError, with_OSError),
        BASE_OF(with_RuntimeError, with_Exception),
        BASE_OF(with_NotImplementedError, with_RuntimeError),
        BASE_OF(with_RecursionError, with_RuntimeError),
        BASE_OF(with_TypeError, with_Exception),
        BASE_OF(with_ValueError, with_Exception),
        BASE_OF(with_UnicodeError, with_ValueError),
        BASE_OF(with_UnicodeDecodeError, with_UnicodeError),
        BASE_OF(with_UnicodeEncodeError, with_UnicodeError),
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        CHECK_STR(types[i].type->name, types[i].name + strlen("with_"));
        CHECK_STR(types[i].type->base->name, types[i].base->name);
        CHECK(types[i].type->base == types[i].base);
    }
    CHECK(BaseException.base == NULL);
    CHECK_STR(BankError.name, "BankError");
}

static void test_isinstance(void)
{
    try {
        throw(OverdrawnError, "by %d", 7);
    } catch (BankError, e) {
        CHECK(with_isinstance(e, &OverdrawnError));
        CHECK(with_isinstance(e, &RuntimeError));
        CHECK(with_isinstance(e, &BaseException));
        CHECK(!with_isinstance(e, &ValueError));
        CHECK_STR(e->type->name, "OverdrawnError");
    }
    CHECK(!with_isinstance(NULL, &BaseException));
}

/* Handlers are tried in their order, and one at most runs. */
static void test_order_of_handlers(void)
{
    int which = 0;

    try {
        throw(KeyError, "k");
    } catch (ValueError) {
        which = 1;
    } catch (LookupError) {
        which = 2;
    } catch (KeyError) {
        which = 3;
    } catch (BaseException) {
        which = 4;
    }
    CHECK_INT(which, 2);
}

/* ---- Error numbers ------------------------------------------------------------------------- */

static void check_number(int code, const with_exception_type *type)
{
    char wanted[100];

    snprintf(wanted, sizeof wanted, "file 1: %s", strerror(abs(code)));
    errno = EDOM;
    try {
        throw_error(code, "file %d", 1);
    } catch (OSError, e) {
        CHECK_STR(e->type->name, type->name);
        CHECK_INT(e->code, abs(code));
        CHECK_STR(e->message, wanted);
    }
    try {
        errno = abs(code);
        throw_errno("file %d", 2);
    } catch (OSError, e) {
        CHECK_STR(e->type->name, type->name);
        CHECK_INT(e->code, abs(code));
    }
}

static void test_error_numbers(void)
{
    static const struct {
        int code;
        const with_exception_type *type;
    } numbers[] = {
        {EAGAIN, &BlockingIOError},
        {EALREADY, &BlockingIOError},
        {EWOULDBLOCK, &BlockingIOError},
        {EINPROGRESS, &BlockingIOError},
        {ECHILD, &ChildProcessError},
        {EPIPE, &BrokenPipeError},
        {ESHUTDOWN, &BrokenPipeError},
        {ECONNABORTED, &ConnectionAbortedError},
        {ECONNREFUSED, &ConnectionRefusedError},
        {ECONNRESET, &ConnectionResetError},
        {EEXIST, &FileExistsError},
        {ENOENT, &FileNotFoundError},
        {EINTR, &InterruptedError},
        {EISDIR, &IsADirectoryError},
        {ENOTDIR, &NotADirectoryError},
        {EACCES, &PermissionError},
        {EPERM, &PermissionError},
        {ESRCH, &ProcessLookupError},
        {ETIMEDOUT, &TimeoutError},
        {EIO, &OSError},
        {ENOSPC, &OSError},
        {ENOMEM, &OSError},
        {EINVAL, &OSError},
        {-ENOENT, &FileNotFoundError},
        {-EIO, &OSError},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_number(numbers[i].code, numbers[i].type);
}

static void test_odd_numbers(void)
{
    try {
        throw_error(0, "no error at all");
    } catch (OSError, e) {
        CHECK(e->type == &OSError);
        CHECK_INT(e->code, 0);
        CHECK_STR(e->message, "no error at all");
    }
    try {
        throw_error(98765, "unheard of");
    } catch (OSError, e) {
        CHECK_INT(e->code, 98765);
        CHECK(strncmp(e->message, "unheard of: ", 12) == 0 && strstr(e->message, "98765"));
    }
    try {
        throw_error(ENOENT, "%s", "");
    } catch (FileNotFoundError, e) {
        CHECK_STR(e->message, strerror(ENOENT));
    }
}

/* ---- Messages and notes -------------------------------------------------------------------- */

enum { LONGEST = 700 };

/* At every length, so also where the text no longer fits into the exception itself. */
static void test_lengths(void)
{
    char text[LONGEST + 1], wanted[LONGEST + 40];

    memset(text, 'x', sizeof text);
    for (int length = 0; length <= LONGEST; length++) {
        text[length] = '\0';
        try {
            throw(ValueError, "%s", text);
        } catch (ValueError, e) {
            CHECK_STR(e->message, text);
            with_add_note(e, "%s", text);
            with_add_note(e, "second of %d", length);
            CHECK_STR(e->message, text);
            CHECK_STR(e->notes->text, text);
            snprintf(wanted, sizeof wanted, "second of %d", length);
            CHECK_STR(e->notes->next->text, wanted);
            CHECK(e->notes->next->next == NULL);
        }
        try {
            throw_error(EIO, "%s!", text);
        } catch (OSError, e) {
            snprintf(wanted, sizeof wanted, "%s!: Input/output error", text);
            CHECK_STR(e->message, wanted);
        }
        text[length] = 'x';
    }
}

static void test_texts_without_arguments(void)
{
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
    static const char fits[] = FIFTY FIFTY FIFTY FIFTY TEN TEN TEN "012345678";

    try {
        throw(ValueError, FIFTY FIFTY FIFTY FIFTY TEN TEN TEN "012345678");
    } catch (ValueError, e) {
        CHECK_STR(e->message, fits);
        with_add_note(e, FIFTY FIFTY);
        CHECK_STR(e->notes->text, FIFTY FIFTY);
    }
    try {
        throw(ValueError, FIFTY FIFTY FIFTY FIFTY FIFTY);
    } catch (ValueError, e) {
        CHECK_STR(e->message, FIFTY FIFTY FIFTY FIFTY FIFTY);
    }
    try {
        throw(ValueError, "100 %%");
    } catch (ValueError, e) {
        CHECK_STR(e->message, "100 %");
    }
}

/* What cannot be formatted (in the locale "C" there is no such character) stands as it was written. */
static void test_format_fails(void)
{
    static const wchar_t wide[] = {0x20AC, 0};

    try {
        throw(ValueError, "price: %ls", wide);
    } catch (ValueError, e) {
        CHECK_STR(e->message, "price: %ls");
        with_add_note(e, "note: %ls", wide);
        CHECK_STR(e->notes->text, "note: %ls");
    }
}

static void test_many_notes(void)
{
    enum { NOTES = 500 };
    char wanted[20];
    int count = 0;

    try {
        throw(ValueError, "with notes");
    } catch (ValueError, e) {
        for (int i = 0; i < NOTES; i++) with_add_note(e, "%d", i);
        for (const with_note *note = e->notes; note; note = note->next) {
            snprintf(wanted, sizeof wanted, "%d", count++);
            CHECK_STR(note->text, wanted);
        }
        CHECK_INT(count, NOTES);
        CHECK_INT((long long)e->notes_lost, 0);
    }
}

/* ---- with_call(), rethrowing --------------------------------------------------------------- */

static void fail(void *argument)
{
    throw(ValueError, "bad %s", (const char *)argument);
}

static void fail_after_call(void *argument)
{
    const with_exception *inner = with_call(fail, argument);

    CHECK(with_current() == NULL);
    throw_from(inner, KeyError, "after a call");
}

static void do_nothing(void *argument)
{
    *(int *)argument += 1;
}

static void test_call(void)
{
    int count = 1;
    const with_exception *e = with_call(fail, "number");

    CHECK_STR(e->message, "bad number");
    CHECK(with_current() == NULL);
    CHECK_INT((long long)with_dump(NULL), 0);
    with_exception_unref(e);
    CHECK(with_call(do_nothing, &count) == NULL);
    CHECK_INT(count, 2);
    e = with_call(fail_after_call, "inside");
    CHECK_STR(e->cause->message, "bad inside");
    with_exception_unref(e->cause); /* the one that fail_after_call() owned */
    with_exception_unref(e);
    CHECK(with_exception_ref(NULL) == NULL);
    with_exception_unref(NULL);
}

static void test_call_while_handling(void)
{
    try {
        throw(KeyError, "handled");
    } catch (KeyError, handled) {
        const with_exception *e = with_call(fail, "news");
        CHECK(e->context == handled);
        CHECK(with_current() == handled);
        with_exception_unref(e);
    }
}

static void test_nothing_to_throw(void)
{
    try {
        with_rethrow();
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "no active exception to reraise");
    }
    try {
        with_throw_again(NULL);
    } catch (TypeError, e) {
        CHECK_STR(e->message, "there is no exception to throw again");
    }
}

/* An exception outlives its handler, whole, if it is kept. */
static void test_keep(void)
{
    const with_exception *kept = NULL;

    try {
        try {
            throw(KeyError, "first");
        } catch (KeyError, e) {
            with_add_note(e, "a note");
            throw_from(e, ValueError, "second");
        }
    } catch (ValueError, e) {
        kept = with_exception_ref(e);
    }
    CHECK_STR(kept->message, "second");
    CHECK_STR(kept->cause->notes->text, "a note");
    CHECK(kept->suppress_context);
    CHECK_INT((long long)kept->traceback_length, 2);
    errno = EDOM;
    with_exception_unref(kept);
    CHECK_INT(errno, EDOM);
}

/* ---- Failed releases ----------------------------------------------------------------------- */

struct failing {
    WITH_MANAGER;
    int code;
};

static void failing_enter(struct failing *self)
{
    (void)self;
}

static bool failing_exit(struct failing *self, const with_exception *exception)
{
    with_release_error(exception, self->code, "closing %d", 3);
    return false;
}

WITH_CLASS(failing, failing_enter, failing_exit);

static void test_release_error(void)
{
    try {
        with (WITH_NEW(failing, .code = -ENOENT)) {}
    } catch (FileNotFoundError, e) {
        CHECK_STR(e->message, "closing 3: No such file or directory");
        CHECK_INT(e->code, ENOENT);
    }
    try {
        with (WITH_NEW(failing, .code = EIO))
            with (WITH_NEW(failing, .code = -EPERM)) throw(KeyError, "first");
    } catch (KeyError, e) {
        CHECK_STR(e->notes->text, "closing 3: Operation not permitted");
        CHECK_STR(e->notes->next->text, "closing 3: Input/output error");
        CHECK_INT(e->code, 0);
    }
    try {
        with (WITH_NEW(failing, .code = INT_MIN)) {}
    } catch (OSError, e) {
        CHECK_INT(e->code, INT_MIN);
    }
}

int main(void)
{
    test_types();
    test_isinstance();
    test_order_of_handlers();
    test_error_numbers();
    test_odd_numbers();
    test_lengths();
    test_texts_without_arguments();
    test_format_fails();
    test_many_notes();
    test_call();
    test_call_while_handling();
    test_nothing_to_throw();
    test_keep();
    test_release_error();
    return test_result();
}
