/* SPDX-License-Identifier: MIT
 *
 * The thread's list of frames, outside of a throw: running a function under a landing of its own,
 * what the thread holds, switching stacks, and the exits at exit().
 */
#include "internal.h"

#include <stdlib.h>

/* ---- with_call ----------------------------------------------------------------------------- */

const with_exception *with_call(void (*function)(void *argument), void *argument)
{
    struct with_try_ frame __attribute__((cleanup(with_try_leave_)));

    with_try_enter_(&frame, WITH_SITE_(WITH_TRY_SITE_, "with_call"));
    if (_setjmp(frame.buffer) == 0) {
        function(argument);
        return NULL;
    }
    return with_exception_ref(frame.handling.exception);
}

/* ---- State --------------------------------------------------------------------------------- */

void with_state_swap(with_state *state)
{
    const with_state current = {with_thread_.top, with_thread_.handling};

    with_thread_.top = state->top_;
    with_thread_.handling = state->handling_;
    *state = current;
}

/* Where the managers are listed that a manager holds, or NULL. */
static struct with_frame_ **held_by(struct with_head_ *head)
{
    return head->manager_class->held ? head->manager_class->held(head) : NULL;
}

static void print_held(FILE *stream, const struct with_head_ *head)
{
    const with_site *site = head->frame.site;

    fprintf(stream, "%s, entered in %s, line %d, in %s\n    %s\n", head->manager_class->name,
            site->file, site->line, site->function, site->text);
}

static size_t dump(FILE *stream, struct with_frame_ *newest)
{
    size_t count = 0;

    for (struct with_frame_ *f = newest; f; f = f->previous) {
        struct with_head_ *head = (struct with_head_ *)f;
        struct with_frame_ **held;
        if (f->site->kind_ != WITH_MANAGER_SITE_) continue;
        held = held_by(head);
        if (held) count += dump(stream, *held);
        if (stream) print_held(stream, head);
        count++;
    }
    return count;
}

size_t with_dump(FILE *stream)
{
    return dump(stream, with_thread_.top);
}

/* ---- exit() -------------------------------------------------------------------------------- */

static void exit_manager(void *argument)
{
    struct with_head_ *head = argument;

    head->completed = false;
    with_run_exit_(head, head->manager_class, NULL);
}

/* An exception that leaves an exit here stops nothing: it is printed. */
static void run_exit(struct with_head_ *head)
{
    const with_exception *exception = with_call(exit_manager, head);

    if (exception && !with_isinstance(exception, &with_SystemExit))
        with_print_exception(stderr, exception);
    with_exception_unref(exception);
}

/* Puts what a manager holds on the thread's list above it. False if there is nothing. */
static bool unfold(struct with_frame_ *frame)
{
    struct with_frame_ **held = held_by((struct with_head_ *)frame), *oldest;

    if (!held || !*held) return false;
    for (oldest = *held; oldest->previous; oldest = oldest->previous) continue;
    oldest->previous = frame;
    with_thread_.top = *held;
    *held = NULL;
    return true;
}

void with__run_exits(void)
{
    struct with_frame_ *frame;

    while ((frame = with_thread_.top)) {
        if (frame->site->kind_ == WITH_MANAGER_SITE_ && unfold(frame)) continue;
        with_thread_.top = frame->previous;
        if (frame->site->kind_ == WITH_HANDLING_SITE_ ||
            frame->site->kind_ == WITH_THROWING_SITE_) {
            struct with_handling_ *handling = (struct with_handling_ *)frame;
            with_thread_.handling = handling->outer;
            with_exception_unref(handling->exception);
        } else if (frame->site->kind_ == WITH_MANAGER_SITE_) {
            atexit(with__run_exits); /* so that an exit that calls exit() does not end the rest */
            run_exit((struct with_head_ *)frame);
        }
    }
    with__cache_clear();
}
