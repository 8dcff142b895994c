/* SPDX-License-Identifier: MIT
 *
 * What the matrix of ways out shares: the plan of one case, the trace that it leaves, and the two
 * runners of a case, one written with libwith and one by hand.
 */
#ifndef WAYS_OUT_H
#define WAYS_OUT_H

#include <stdbool.h>

/* How the body is left. */
enum way {
    END,
    CONTINUE, /* in a with it ends the block; in a loop with using it goes to the next round */
    BREAK,    /* only with using */
    RETURN,
    GOTO,
    THROW,
    NESTED_THROW, /* by a throw in a handler in the body */
    WITH_EXIT,
    EXIT,
    CANCEL,
    THREAD_EXIT,
    FOREIGN, /* a C++ exception passes through */
    WAYS
};

/* What stands around the body. */
enum form {
    PLAIN,
    AS,
    SUPPRESSOR, /* that does not suppress */
    SUPPRESSING,
    USING,
    USING_AS,
    USING_IN_LOOP,
    NESTED_PLAIN, /* three deep */
    NESTED_MIXED, /* plain, suppressing, using */
    IN_TRY,       /* with around try, whose handler does not match */
    IN_HANDLER,   /* with around try, whose handler is the body */
    AROUND,       /* with in a handler */
    FORMS
};

/* What fails on the way. */
enum failure { NOTHING, ENTER, BODY, LEAVE, FAILURES };

struct plan {
    enum form form;
    enum way way;
    enum failure failure;
    int level; /* which of the nested managers fails, outermost 0 */
};

/* The status of exit() and with_exit(), what `return` returns, and what is thrown in C++. */
enum { STATUS = 5, RETURNED = 7, FOREIGN_VALUE = 42 };

/* One line of the trace. What it is written to outlives a child process. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs the case of the plan, written with libwith; the int says how its function was left. */
int run_with(const struct plan *plan);

/* The same as hand-written C would do it, with flags and goto; whole: up to the end of the process. */
void run_by_hand(const struct plan *plan);

#ifdef __cplusplus
extern "C" {
#endif
/* Throws FOREIGN_VALUE, as C++ does. */
void throw_foreign(void);
/* Runs the function; whether a C++ exception left it, whose value is then in *ret_value. */
bool catch_foreign(void (*function)(void *argument), void *argument, int *ret_value);
#ifdef __cplusplus
}
#endif

#endif
