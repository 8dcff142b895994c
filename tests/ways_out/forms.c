/* SPDX-License-Identifier: MIT
 *
 * The matrix of ways out, as a user of libwith writes it: one function for each form.
 */
#include <with.h>

#include "../test.h"
#include "ways_out.h"

#include <pthread.h>
#include <stdlib.h>

/* ---- The managers: they trace, and fail as the plan says ----------------------------------- */

#define LEVEL_NAME(LEVEL) (&"a\0b\0c"[2 * (LEVEL)])

struct tracer {
    WITH_MANAGER;
    const char *as;
    const struct plan *plan;
    int level;
};

struct absorber {
    WITH_SUPPRESSOR;
    const char *as;
    const struct plan *plan;
    int level;
    bool suppress;
};

static void trace_enter(const struct plan *plan, int level)
{
    trace("enter %s", LEVEL_NAME(level));
    if (plan->failure == ENTER && plan->level == level)
        throw(PermissionError, "enter %s", LEVEL_NAME(level));
}

static void trace_exit(const struct plan *plan, int level, const with_exception *exception,
                       bool completed)
{
    char chain[200] = "nothing";
    size_t length = 0;

    for (const with_exception *e = exception; e && length < sizeof chain; e = e->context)
        length += (size_t)snprintf(chain + length, sizeof chain - length, "%s%s(%s)",
                                   e == exception ? "" : " in ", e->type->name, e->message);
    trace("exit %s sees %s%s", LEVEL_NAME(level), chain, completed ? ", completed" : "");
    if (exception) CHECK(with_current() == exception);
    if (plan->failure == LEAVE && plan->level == level)
        throw(RuntimeError, "exit %s", LEVEL_NAME(level));
}

static void tracer_enter(struct tracer *self)
{
    trace_enter(self->plan, self->level);
}

static bool tracer_exit(struct tracer *self, const with_exception *exception)
{
    trace_exit(self->plan, self->level, exception, with_completed(self));
    return false;
}

static void absorber_enter(struct absorber *self)
{
    trace_enter(self->plan, self->level);
}

static bool absorber_exit(struct absorber *self, const with_exception *exception)
{
    trace_exit(self->plan, self->level, exception, with_completed(self));
    return self->suppress;
}

WITH_CLASS(tracer, tracer_enter, tracer_exit);
WITH_CLASS(absorber, absorber_enter, absorber_exit);

static struct tracer cm_trace(const struct plan *plan, int level)
{
    return WITH_NEW(tracer, .as = LEVEL_NAME(level), .plan = plan, .level = level);
}

static struct absorber cm_absorb(const struct plan *plan, int level, bool suppress)
{
    return WITH_NEW(absorber, .as = LEVEL_NAME(level), .plan = plan, .level = level,
                    .suppress = suppress);
}

/* ---- The ways out -------------------------------------------------------------------------- */

static void throw_nested(void)
{
    try {
        throw(ValueError, "first");
    } catch (ValueError) {
        throw(KeyError, "second");
    }
}

/* The address sanitizer's: forgets the frames that a cancellation is about to leave. */
void __asan_handle_no_return(void) __attribute__((weak));

static void be_cancelled(void)
{
    if (__asan_handle_no_return) __asan_handle_no_return();
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

/* All ways but those that only the body itself can take. */
static void leave(const struct plan *plan)
{
    switch (plan->way) {
    case THROW: throw(ValueError, "body");
    case NESTED_THROW: throw_nested(); break;
    case WITH_EXIT: with_exit(STATUS); break;
    case EXIT: exit(STATUS);
    case CANCEL: be_cancelled(); break;
    case THREAD_EXIT: pthread_exit(NULL);
#ifdef WITH_CXX
    case FOREIGN: throw_foreign(); break;
#endif
    default: break;
    }
}

/* A body, which goes the plan's way. Written out, so that return, goto and continue act on the block. */
#define BODY_OF(PLAN)                                                                              \
    trace("body");                                                                                 \
    if ((PLAN)->failure == BODY) throw(OSError, "failing body");                                   \
    if ((PLAN)->way == CONTINUE) continue;                                                         \
    if ((PLAN)->way == RETURN) return RETURNED;                                                    \
    if ((PLAN)->way == GOTO) goto label;                                                           \
    leave(PLAN)
#define AFTER                                                                                      \
    trace("after");                                                                                \
    return 0;                                                                                      \
label:                                                                                             \
    trace("label");                                                                                \
    return 1

/* ---- The forms ----------------------------------------------------------------------------- */

static int run_plain(const struct plan *plan)
{
    with (cm_trace(plan, 0)) {
        BODY_OF(plan);
    }
    AFTER;
}

static int run_as(const struct plan *plan)
{
    with (cm_trace(plan, 0), name) {
        trace("as %s", name);
        BODY_OF(plan);
    }
    AFTER;
}

static int run_suppressor(const struct plan *plan)
{
    with (cm_absorb(plan, 0, plan->form == SUPPRESSING), name) {
        trace("as %s", name);
        BODY_OF(plan);
    }
    AFTER;
}

static int run_using(const struct plan *plan)
{
    for (int i = 0; i < 1; i++) {
        using (cm_trace(plan, 0));
        if (plan->way == BREAK) break;
        BODY_OF(plan);
    }
    AFTER;
}

static int run_using_as(const struct plan *plan)
{
    for (int i = 0; i < 1; i++) {
        using (cm_trace(plan, 0), name);
        trace("as %s", name);
        if (plan->way == BREAK) break;
        BODY_OF(plan);
    }
    AFTER;
}

static int run_using_in_loop(const struct plan *plan)
{
    for (int i = 0; i < 3; i++) {
        trace("round %d", i);
        using (cm_trace(plan, 0));
        if (i == 1) {
            if (plan->way == BREAK) break;
            BODY_OF(plan);
        }
        trace("end of round");
    }
    AFTER;
}

static int run_nested_plain(const struct plan *plan)
{
    with (cm_trace(plan, 0)) {
        with (cm_trace(plan, 1), name) {
            trace("as %s", name);
            with (cm_trace(plan, 2)) {
                BODY_OF(plan);
            }
            trace("after c");
        }
        trace("after b");
    }
    AFTER;
}

static int run_nested_mixed(const struct plan *plan)
{
    with (cm_trace(plan, 0))
        with (cm_absorb(plan, 1, true)) {
            using (cm_trace(plan, 2), name);
            trace("as %s", name);
            BODY_OF(plan);
            trace("end of b");
        }
    AFTER;
}

static int run_in_try(const struct plan *plan)
{
    with (cm_trace(plan, 0)) {
        try {
            BODY_OF(plan);
        } catch (EOFError) {
            trace("wrong handler");
        }
        trace("after try");
    }
    AFTER;
}

static int run_in_handler(const struct plan *plan)
{
    with (cm_trace(plan, 0)) {
        try {
            throw(EOFError, "handled");
        } catch (EOFError, e) {
            trace("handling %s", e->message);
            BODY_OF(plan);
        }
        trace("after try");
    }
    AFTER;
}

static int run_around(const struct plan *plan)
{
    try {
        throw(EOFError, "handled");
    } catch (EOFError) {
        with (cm_trace(plan, 0)) {
            BODY_OF(plan);
        }
        trace("end of handler");
    }
    AFTER;
}

int run_with(const struct plan *plan)
{
    static int (*const forms[FORMS])(const struct plan *) = {
        [PLAIN] = run_plain,
        [AS] = run_as,
        [SUPPRESSOR] = run_suppressor,
        [SUPPRESSING] = run_suppressor,
        [USING] = run_using,
        [USING_AS] = run_using_as,
        [USING_IN_LOOP] = run_using_in_loop,
        [NESTED_PLAIN] = run_nested_plain,
        [NESTED_MIXED] = run_nested_mixed,
        [IN_TRY] = run_in_try,
        [IN_HANDLER] = run_in_handler,
        [AROUND] = run_around,
    };

    return forms[plan->form](plan);
}
