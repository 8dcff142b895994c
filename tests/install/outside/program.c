/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project, which knows the installed files alone.
 */
#include <with.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct context {
    WITH_MANAGER;
    int *held;
};

static void context_enter(struct context *self)
{
    ++*self->held;
}

static bool context_exit(struct context *self, const with_exception *exception)
{
    (void)exception;
    --*self->held;
    return false;
}

WITH_CLASS(context, context_enter, context_exit);

/* Makes a success of the end of the process, if its exit runs then. */
struct success {
    WITH_MANAGER;
};

static void success_enter(struct success *self)
{
    (void)self;
}

static bool success_exit(struct success *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    _exit(0);
}

WITH_CLASS(success, success_enter, success_exit);

int main(void)
{
    volatile int caught = 0;
    int held = 0;

    try {
        with (WITH_NEW(context, .held = &held)) throw(KeyError, "no key %d", held);
    } catch (LookupError, e) {
        caught = held == 0 && strcmp(e->message, "no key 1") == 0;
    }
    printf("libwith %s: %s\n", WITH_VERSION, caught ? "works" : "does not work");
    fflush(stdout);
    if (caught) {
        with (WITH_NEW(success)) exit(1);
    }
    return 1;
}
