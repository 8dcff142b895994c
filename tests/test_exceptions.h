/* SPDX-License-Identifier: MIT
 *
 * Checks of exceptions: that a function throws one of a type, with PART in its message, or none.
 */
#ifndef TEST_EXCEPTIONS_H
#define TEST_EXCEPTIONS_H

#include <with.h>

#include <stdio.h>
#include <string.h>

#include "test.h"

#define CHECK_THROWS(FUNCTION, ARGUMENT, TYPE, PART)                                               \
    do {                                                                                           \
        const with_exception *thrown_ = with_call(FUNCTION, ARGUMENT);                             \
        check_exception(thrown_, &TYPE, PART, __FILE__, __LINE__);                                 \
        with_exception_unref(thrown_);                                                             \
    } while (0)
#define CHECK_NO_THROW(FUNCTION, ARGUMENT)                                                         \
    do {                                                                                           \
        const with_exception *thrown_ = with_call(FUNCTION, ARGUMENT);                             \
        CHECK_STR(thrown_ ? thrown_->message : "nothing", "nothing");                              \
        with_exception_unref(thrown_);                                                             \
    } while (0)

static inline __attribute__((unused)) void check_exception(const with_exception *e,
                                                           const with_exception_type *type,
                                                           const char *part, const char *file,
                                                           int line)
{
    const bool good = e && e->type == type && strstr(e->message, part);

    if (test_check(good, file, line, "the exception's type and message")) return;
    fprintf(stderr, "    got    %s: %s\n    wanted %s: %s\n", e ? e->type->name : "none",
            e ? e->message : "", type->name, part);
}

static inline __attribute__((unused)) bool has_note(const with_exception *e, const char *part)
{
    for (const with_note *note = e ? e->notes : NULL; note; note = note->next)
        if (strstr(note->text, part)) return true;
    return false;
}

#endif
