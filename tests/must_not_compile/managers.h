/* SPDX-License-Identifier: MIT
 *
 * Managers for the programs that must not compile. Each of those says in a comment what the
 * compilers must answer, and is right when FIXED is defined.
 */
#ifndef MANAGERS_H
#define MANAGERS_H

#include <with.h>

struct held {
    WITH_MANAGER;
    int as;
};
struct nameless {
    WITH_MANAGER;
};
struct absorber {
    WITH_SUPPRESSOR;
    int as;
};

#define DEFINE_MANAGER(NAME)                                                                       \
    static void NAME##_enter(struct NAME *self)                                                    \
    {                                                                                              \
        (void)self;                                                                                \
    }                                                                                              \
    static bool NAME##_exit(struct NAME *self, const with_exception *exception)                    \
    {                                                                                              \
        (void)self;                                                                                \
        return exception == NULL;                                                                  \
    }                                                                                              \
    WITH_CLASS(NAME, NAME##_enter, NAME##_exit)
DEFINE_MANAGER(held);
DEFINE_MANAGER(nameless);
DEFINE_MANAGER(absorber);

int program(int n);
int wanted(int n);

#endif
