/* SPDX-License-Identifier: MIT
 *
 * Running the exits of the managers that a manager holds, such as an exit stack, with the meaning of
 * nested blocks. They run one after the other from one function: what one throws lands there, so that
 * the native stack does not grow however many throw. What else cuts an exit short finds the rest: a
 * cancellation by a cleanup here, exit() by the holder, which stands on the thread's list meanwhile.
 */
#include "internal.h"

struct leaving {
    struct with_try_ landing;
    struct with__throwing passing; /* its exception, owned, is leaving the next block; or NULL */
    struct with_head_ *holder;
    struct with_frame_ **held;
    void (*finish)(struct with_head_ *holder);
    struct with_frame_ *below;    /* the thread's list without all this */
    struct with_handling_ *outer; /* what is handled outside of the blocks */
    bool ends;                    /* whether a block that no exception leaves is left by its end */
    bool finished;
};

/* Takes out of a throw, which is running an exit, its exception: then it is as if there were none. */
static const with_exception *take(struct with_handling_ *passed, const with_site *block)
{
    const with_exception *exception = passed->exception;
    with_exception *e = (with_exception *)exception;

    /* The block of the holder is passed after those of what it holds. */
    if (e->traceback_length && e->traceback[e->traceback_length - 1] == block)
        e->traceback_length--;
    else if (e->traceback_lost) e->traceback_lost--;
    passed->exception = NULL;
    with_thread_.top = passed->frame.previous;
    with_thread_.handling = passed->outer;
    return exception;
}

static void give_back(struct with_handling_ *passed, const with_exception *exception,
                      const with_site *block)
{
    if (exception) with__add_traceback(with__whole(exception), block);
    passed->exception = exception;
    with_thread_.top = &passed->frame;
    with_thread_.handling = passed;
}

static void drop(struct leaving *self)
{
    with_exception_unref(self->passing.handling.exception);
    self->passing.handling.exception = NULL;
}

/* As a throw passes a manager. */
static void pass(struct leaving *self, struct with_head_ *head)
{
    struct with_handling_ *handling = &self->passing.handling;
    const with_exception *exception = handling->exception;
    bool suppressed;

    handling->outer = self->outer;
    with_push_(&handling->frame, &with__throwing_site);
    with_thread_.handling = handling;
    self->passing.block = head->frame.site;
    with__add_traceback(with__whole(exception), head->frame.site);
    head->completed = false;
    suppressed = head->manager_class->exit(head, exception);
    if (suppressed && !head->manager_class->suppressor)
        with__refuse_suppression(&self->passing, head);
    with_thread_.top = handling->frame.previous;
    with_thread_.handling = self->outer;
    if (suppressed) drop(self); /* unless a stack in the stack has taken and dropped it */
}

/* As with_leave_() does it. */
static void leave(struct leaving *self, struct with_head_ *head)
{
    head->completed = self->ends;
    if (head->manager_class->quick) head->manager_class->exit(head, NULL);
    else with_run_exit_(head, head->manager_class, NULL);
}

/* Puts on the thread's list what is there while an exit runs. */
static void settle(struct leaving *self)
{
    static const with_site site = {"", "", "", 0, WITH_NESTED_SITE_};

    with_thread_.handling = self->outer;
    with_thread_.top = self->below;
    with_push_(&self->holder->frame, self->holder->frame.site);
    with_try_enter_(&self->landing, &site);
}

/* Not inline, and without locals that change: it contains setjmp. */
static __attribute__((noinline)) void leave_all(struct leaving *self)
{
    if (_setjmp(self->landing.buffer) != 0)
        self->passing.handling.exception = self->landing.handling.exception;
    settle(self);
    while (*self->held) {
        struct with_head_ *head = (struct with_head_ *)*self->held;
        *self->held = head->frame.previous;
        if (self->passing.handling.exception) pass(self, head);
        else leave(self, head);
    }
    with_thread_.handling = self->outer;
    with_thread_.top = self->below;
    self->finished = true;
    self->finish(self->holder);
}

/* A cancellation, say, leaves an exit, and then perhaps another. It goes on to the other blocks by their
 * guards. */
static void cut_short(struct leaving **leaving)
{
    if ((*leaving)->finished) return;

    struct leaving *self __attribute__((cleanup(cut_short))) = *leaving;

    drop(self);
    self->ends = false;
    leave_all(self);
    if (self->passing.handling.exception)
        with__unwind(with__whole(self->passing.handling.exception));
}

/* The throw that runs the exit which was given exception, or NULL if somebody else runs it. */
static struct with_handling_ *passing_throw(const with_exception *exception)
{
    struct with_handling_ *newest = with_thread_.handling;

    if (!exception || !newest || newest->exception != exception) return NULL;
    return newest->frame.site->kind_ == WITH_THROWING_SITE_ ? newest : NULL;
}

bool with__exit_held(struct with_head_ *holder, struct with_frame_ **held,
                     const with_exception *exception, void (*finish)(struct with_head_ *holder))
{
    struct with_handling_ *passed = passing_throw(exception);
    const with_site *block = holder->frame.site;
    struct leaving self; /* zeros in its buffer would cost */
    struct leaving *guard __attribute__((cleanup(cut_short), unused)) = &self;
    const with_exception *left;

    self.holder = holder;
    self.held = held;
    self.finish = finish;
    self.passing.handling.exception = passed ? take(passed, block) : with_exception_ref(exception);
    self.below = with_thread_.top;
    self.outer = with_thread_.handling;
    self.ends = exception || holder->completed;
    self.finished = false;
    leave_all(&self);
    left = self.passing.handling.exception;
    if (left && left != exception) {
        if (passed) with__add_traceback(with__whole(left), block);
        with__unwind(with__whole(left));
    }
    if (passed) give_back(passed, left, block);
    else with_exception_unref(left);
    return exception && !left;
}
