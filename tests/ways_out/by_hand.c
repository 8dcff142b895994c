/* SPDX-License-Identifier: MIT
 *
 * The matrix of ways out in C without libwith: every function says how it ended, and its caller asks.
 * This is what the forms of forms.c must amount to. It really goes no way but the end.
 */
#include "ways_out.h"

#include <stdio.h>
#include <string.h>

/* How things stand: the way that is being taken, and with THROW the exception and its contexts. */
struct outcome {
    enum way way;
    char thrown[200];
    char handled[100]; /* what the handler around is handling, "" if none */
    char printed[200]; /* on stderr */
};

#define LEVEL_NAME(LEVEL) (&"a\0b\0c"[2 * (LEVEL)])

/* ---- Steps --------------------------------------------------------------------------------- */

/* The context is what was being thrown, or what is being handled. */
static void hand_throw(struct outcome *out, const char *exception)
{
    char context[sizeof out->thrown];

    strcpy(context, out->way == THROW ? out->thrown : out->handled);
    snprintf(out->thrown, sizeof out->thrown, "%s%s%.140s", exception, *context ? " in " : "",
             context);
    out->way = THROW;
}

static bool hand_enter(const struct plan *plan, int level, struct outcome *out)
{
    char text[40];

    trace("enter %s", LEVEL_NAME(level));
    if (plan->failure != ENTER || plan->level != level) return true;
    snprintf(text, sizeof text, "PermissionError(enter %s)", LEVEL_NAME(level));
    hand_throw(out, text);
    return false;
}

static void print_one(struct outcome *out, const char *exception)
{
    strcat(out->printed, *out->printed ? "\nprinted " : "printed ");
    strcat(out->printed, exception);
}

/* As a traceback does, the oldest first. */
static void print_thrown(struct outcome *out)
{
    for (char *last; (last = strstr(out->thrown, " in "));) {
        for (char *next; (next = strstr(last + 1, " in "));) last = next;
        *last = '\0';
        print_one(out, last + strlen(" in "));
    }
    print_one(out, out->thrown);
}

static void hand_exit(const struct plan *plan, int level, struct outcome *out, bool completed)
{
    char text[40];

    trace("exit %s sees %s%s", LEVEL_NAME(level), out->way == THROW ? out->thrown : "nothing",
          completed ? ", completed" : "");
    if (plan->failure != LEAVE || plan->level != level) return;
    snprintf(text, sizeof text, "RuntimeError(exit %s)", LEVEL_NAME(level));
    if (out->way == EXIT) { /* nothing stops exit() */
        hand_throw(out, text);
        print_thrown(out);
        out->way = EXIT;
    } else hand_throw(out, text);
}

static void hand_suppress(struct outcome *out)
{
    if (out->way == THROW) out->way = END;
}

static void hand_body(const struct plan *plan, struct outcome *out)
{
    trace("body");
    if (plan->failure == BODY) {
        hand_throw(out, "OSError(failing body)");
        return;
    }
    switch (plan->way) {
    case THROW: hand_throw(out, "ValueError(body)"); break;
    case NESTED_THROW:
        hand_throw(out, "ValueError(first)");
        hand_throw(out, "KeyError(second)");
        break;
    case WITH_EXIT: hand_throw(out, "SystemExit()"); break;
    default: out->way = plan->way;
    }
}

static void hand_continue(struct outcome *out)
{
    if (out->way == CONTINUE) out->way = END;
}

/* ---- Forms --------------------------------------------------------------------------------- */

static void hand_with(const struct plan *plan, struct outcome *out)
{
    if (!hand_enter(plan, 0, out)) return;
    if (plan->form != PLAIN) trace("as a");
    hand_body(plan, out);
    hand_continue(out);
    hand_exit(plan, 0, out, out->way == END);
    if (plan->form == SUPPRESSING && plan->failure != LEAVE) hand_suppress(out);
}

static void hand_using(const struct plan *plan, struct outcome *out)
{
    if (!hand_enter(plan, 0, out)) return;
    if (plan->form == USING_AS) trace("as a");
    if (plan->way == BREAK) out->way = BREAK;
    else hand_body(plan, out);
    hand_exit(plan, 0, out, false);
    if (out->way == BREAK || out->way == CONTINUE) out->way = END;
}

static void hand_using_in_loop(const struct plan *plan, struct outcome *out)
{
    for (int i = 0; i < 3 && out->way == END; i++) {
        trace("round %d", i);
        if (!hand_enter(plan, 0, out)) return;
        if (i == 1 && plan->way == BREAK) out->way = BREAK;
        else if (i == 1) hand_body(plan, out);
        if (out->way == END) trace("end of round");
        hand_exit(plan, 0, out, false);
        hand_continue(out);
    }
    if (out->way == BREAK) out->way = END;
}

static void hand_nested_plain(const struct plan *plan, struct outcome *out)
{
    if (!hand_enter(plan, 0, out)) return;
    if (!hand_enter(plan, 1, out)) goto leave_a;
    trace("as b");
    if (!hand_enter(plan, 2, out)) goto leave_b;
    hand_body(plan, out);
    hand_continue(out);
    hand_exit(plan, 2, out, out->way == END);
    if (out->way == END) trace("after c");
leave_b:
    hand_exit(plan, 1, out, out->way == END);
    if (out->way == END) trace("after b");
leave_a:
    hand_exit(plan, 0, out, out->way == END);
}

static void hand_nested_mixed(const struct plan *plan, struct outcome *out)
{
    if (!hand_enter(plan, 0, out)) return;
    if (!hand_enter(plan, 1, out)) goto leave_a;
    if (!hand_enter(plan, 2, out)) goto leave_b;
    trace("as c");
    hand_body(plan, out);
    if (out->way == END) trace("end of b");
    hand_exit(plan, 2, out, false);
    hand_continue(out);
leave_b:
    hand_exit(plan, 1, out, out->way == END);
    if (plan->failure != LEAVE || plan->level != 1) hand_suppress(out);
leave_a:
    hand_exit(plan, 0, out, out->way == END);
}

static void hand_in_try(const struct plan *plan, struct outcome *out)
{
    if (!hand_enter(plan, 0, out)) return;
    if (plan->form == IN_HANDLER) {
        strcpy(out->handled, "EOFError(handled)");
        trace("handling handled");
    }
    hand_body(plan, out);
    hand_continue(out);
    *out->handled = '\0';
    if (out->way == END) trace("after try");
    hand_exit(plan, 0, out, out->way == END);
}

static void hand_around(const struct plan *plan, struct outcome *out)
{
    strcpy(out->handled, "EOFError(handled)");
    if (!hand_enter(plan, 0, out)) return;
    hand_body(plan, out);
    hand_continue(out);
    hand_exit(plan, 0, out, out->way == END);
    if (out->way == END) trace("end of handler");
}

/* ---- What comes of it ---------------------------------------------------------------------- */

static int hand_uncaught(struct outcome *out)
{
    if (strncmp(out->thrown, "SystemExit", strlen("SystemExit")) == 0) return STATUS;
    print_thrown(out);
    return 1;
}

static void hand_end_process(struct outcome *out, int status)
{
    if (*out->printed) trace("%s", out->printed);
    trace("status %d", status);
}

static void hand_end(const struct plan *plan, struct outcome *out)
{
    const bool process = plan->way == EXIT || plan->way == WITH_EXIT;

    switch (out->way) {
    case END: trace("after"), trace("returned 0"); break;
    case RETURN: trace("returned %d", RETURNED); break;
    case GOTO: trace("label"), trace("returned 1"); break;
    case THROW:
        if (process) hand_end_process(out, hand_uncaught(out));
        else trace("caught %s", out->thrown);
        return;
    case EXIT: hand_end_process(out, STATUS); return;
    case CANCEL: trace("cancelled"); return;
    case THREAD_EXIT: trace("thread ended"); return;
    case FOREIGN: trace("foreign %d", FOREIGN_VALUE); return;
    default: trace("no such way: %d", out->way);
    }
    if (process) hand_end_process(out, 0);
}

void run_by_hand(const struct plan *plan)
{
    struct outcome out = {.way = END};

    switch (plan->form) {
    case USING:
    case USING_AS: hand_using(plan, &out); break;
    case USING_IN_LOOP: hand_using_in_loop(plan, &out); break;
    case NESTED_PLAIN: hand_nested_plain(plan, &out); break;
    case NESTED_MIXED: hand_nested_mixed(plan, &out); break;
    case IN_TRY:
    case IN_HANDLER: hand_in_try(plan, &out); break;
    case AROUND: hand_around(plan, &out); break;
    default: hand_with(plan, &out);
    }
    hand_end(plan, &out);
}
