/* SPDX-License-Identifier: MIT
 *
 * What the tests of exit stacks put on stacks, and what was seen of it.
 */
#ifndef TEST_STACK_H
#define TEST_STACK_H

#include <with.h>
#include <with/stack.h>

#include "test.h"

#include <stdint.h>

static char seen[200];

static inline void note(const char *text)
{
    if (strlen(seen) + strlen(text) < sizeof seen) strcat(seen, text);
}

static inline void call(void *text)
{
    note(text);
}

static inline void fail(void *text)
{
    note(text);
    throw(ValueError, "%s", (const char *)text);
}

/* Its text, then what it was given. */
static inline bool look(void *text, const with_exception *exception)
{
    note(text);
    note(exception ? exception->message : "-");
    return false;
}

static inline bool eat(void *text, const with_exception *exception)
{
    look(text, exception);
    return true;
}

/* A manager that points into itself, aligned more than malloc() would. */
struct self_made {
    WITH_MANAGER;
    long as;
    const struct self_made *self;
    long wide __attribute__((aligned(64)));
};

static inline void self_made_enter(struct self_made *self)
{
    if (self->as < 0) throw(KeyError, "%ld", self->as);
    self->self = self;
    CHECK_INT((long long)((uintptr_t)self % 64), 0);
}

static inline bool self_made_exit(struct self_made *self, const with_exception *exception)
{
    char text[20];

    (void)exception;
    CHECK(self->self == self);
    snprintf(text, sizeof text, "%ld%s", self->as, with_completed(self) ? "" : "!");
    note(text);
    return false;
}

WITH_CLASS(self_made, self_made_enter, self_made_exit);

static inline struct self_made cm_self_made(long value)
{
    return WITH_NEW(self_made, .as = value);
}

#define SEEN(WANTED) (CHECK_STR(seen, WANTED), (void)(seen[0] = 0))

#endif
