/* SPDX-License-Identifier: MIT
 *
 * Generators: what enters and leaves a block whose manager is one function, as CPython's
 * contextlib._GeneratorContextManager and the generators below it do.
 *
 * While the function runs, its frames lie on the thread's list on top of those of its caller, as if it
 * had been called. So exit() inside it finds the exits of both, what is raised in it has what the
 * caller is handling as its context, and a throw that leaves it ends at its bottom frame.
 */
#include "annotate.h"

#include <pthread.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SINGLE_THREADED (__libc_single_threaded != 0)
#else
#define SINGLE_THREADED false
#endif

/* ---- The lists ----------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void link_frames(struct with_coroutine_ *self)
{
    self->bottom.handling.frame.previous = with_thread_.top;
    self->around.exception = with_current();
    self->around.outer = with_thread_.handling;
    with_thread_.top = self->top;
    with_thread_.handling = self->handling;
}

static inline __attribute__((always_inline)) void unlink_frames(struct with_coroutine_ *self)
{
    self->top = with_thread_.top;
    self->handling = with_thread_.handling;
    with_thread_.top = self->bottom.handling.frame.previous;
    with_thread_.handling = self->around.outer;
}

/* ---- On the function's stack --------------------------------------------------------------- */

static inline __attribute__((always_inline)) void leave(struct with_coroutine_ *self, bool done)
{
    unlink_frames(self);
    annotate_leaving(self, done);
    with__switch(&self->here, &self->caller, self->annotations.caller_fiber);
    annotate_entered(self);
}

bool with_yield_(const with_site *site, void **slot)
{
    struct with_coroutine_ *self = ((struct with_generator_head_ *)*slot)->coroutine;

    self->outcome = WITH__YIELDED;
    leave(self, false);
    self->outcome = WITH__CUT_SHORT;
    if (self->order == WITH__THROW) with_throw_again_(site, with_exception_ref(self->exception));
    if (self->order == WITH__CLOSE) with_throw_(site, &with_GeneratorExit, "%s", "");
    return ((struct with_generator_head_ *)*slot)->head.completed;
}

/* An unwinding that no frame of the function has stopped; it goes on where the stack was entered. */
static void cut_short(struct with_coroutine_ **coroutine)
{
    struct with_coroutine_ *self = *coroutine;

    if (self->outcome != WITH__CUT_SHORT) return;
    with_try_leave_(&self->bottom);
    leave(self, true);
}

static void run(struct with_coroutine_ *coroutine)
{
    struct with_coroutine_ *self __attribute__((cleanup(cut_short))) = coroutine;

    self->outcome = WITH__CUT_SHORT; /* until it is known to be another */
    self->function->run(&self->manager);
    self->outcome = WITH__RETURNED;
}

/* As PEP 479 has it: a StopIteration that comes out of the function does not mean its end. */
static void raise_stopped(void *stopped)
{
    with_throw_from((const with_exception *)stopped, with_RuntimeError,
                    "generator raised StopIteration");
}

/* Takes note of what came out of the function, which is being handled here. */
static void __attribute__((noinline)) landed(struct with_coroutine_ *self)
{
    const with_exception *exception = self->bottom.handling.exception;

    self->outcome = WITH__THREW;
    if (with_isinstance(exception, &with_StopIteration))
        self->exception = with_call(raise_stopped, (void *)exception);
    else self->exception = with_exception_ref(exception);
}

/* The landing serves all functions that run here, for this frame stays. AddressSanitizer must not put
 * it among those that are done with after each. */
void __attribute__((no_sanitize("address"))) with__coroutine_begin(struct with_coroutine_ *self)
{
    annotate_entered(self);
    if (_setjmp(self->bottom.buffer) == 0) run(self);
    else landed(self);
    for (;;) {
        with_try_leave_(&self->bottom);
        leave(self, true);
        run(self);
    }
}

/* ---- On the block's stack ------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void enter(struct with_coroutine_ *self)
{
    link_frames(self);
    annotate_entering(self);
    with__switch(&self->caller, &self->here, self->annotations.fiber);
    annotate_left(self);
}

/* Lets the function run to its next yield or its end; *exception goes in with the order THROW, and
 * comes out as the caller's with the outcome THREW. */
static inline __attribute__((always_inline)) enum with__outcome
go_on(struct with_generator_head_ *manager, enum with__order order,
      const with_exception **exception)
{
    struct with_coroutine_ *self = manager->coroutine;
    enum with__outcome outcome;

    self->manager = manager;
    self->order = order;
    self->exception = *exception;
    enter(self);
    outcome = self->outcome;
    if (outcome == WITH__YIELDED) return outcome;
    if (__builtin_expect(outcome == WITH__CUT_SHORT, 0)) {
        with__coroutine_destroy(self);
        pthread_exit(PTHREAD_CANCELED);
    }
    *exception = self->exception;
    with__coroutine_release(self);
    return outcome;
}

/* The same with cancellation disabled, unless the function itself has something to say about that. */
static inline __attribute__((always_inline)) enum with__outcome
tear_down(struct with_generator_head_ *manager, enum with__order order,
          const with_exception **exception)
{
    enum with__outcome outcome;
    int state, left;

    if (SINGLE_THREADED) return go_on(manager, order, exception);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    outcome = go_on(manager, order, exception);
    pthread_setcancelstate(state, &left);
    if (left != PTHREAD_CANCEL_DISABLE) pthread_setcancelstate(left, NULL);
    return outcome;
}

/* Throws what came out of the function, without a word about this place and with no other context. */
static void __attribute__((noreturn)) pass_on(const with_exception *exception)
{
    struct with_try_ frame = {.handling = {.exception = exception, .outer = with_thread_.handling}};

    with_push_(&frame.handling.frame, WITH_SITE_(WITH_HANDLING_SITE_, ""));
    with_unmatched_(&frame);
}

void with_generator_enter_(void *manager)
{
    struct with_generator_head_ *self = manager;
    struct with_coroutine_ *coroutine = with__coroutine_acquire();
    const with_exception *exception = NULL;

    if (!coroutine) with_throw(with_MemoryError, "no memory for the stack of a generator");
    coroutine->thread = &with_thread_;
    coroutine->bottom.handling.exception = NULL;
    coroutine->bottom.handling.frame.site = &self->function->site;
    coroutine->top = &coroutine->bottom.handling.frame;
    coroutine->handling = &coroutine->around;
    coroutine->function = self->function;
    self->coroutine = coroutine;
    switch (go_on(self, WITH__GO_ON, &exception)) {
    case WITH__YIELDED: return;
    case WITH__THREW: pass_on(exception);
    default: with_throw_from(NULL, with_RuntimeError, "generator didn't yield");
    }
}

/* ---- A function that yields once more ------------------------------------------------------ */

static void exit_manager(void *manager)
{
    struct with_head_ *head = manager;

    head->completed = false;
    with_run_exit_(head, head->manager_class, NULL);
}

/* Exits what a function holds that does not end, as exit() would: without going on with it. */
static void exit_held(struct with_coroutine_ *self, const with_exception *ignored)
{
    struct with_frame_ *frame;

    link_frames(self);
    while ((frame = with_thread_.top) != &self->bottom.handling.frame) {
        const int kind = frame->site->kind_;
        const with_exception *exception = NULL;
        with_thread_.top = frame->previous;
        if (kind == WITH_MANAGER_SITE_) {
            exception = with_call(exit_manager, frame);
            if (exception)
                with_add_note(ignored, "%s: %s", exception->type->name, exception->message);
        } else if (kind == WITH_HANDLING_SITE_ || kind == WITH_THROWING_SITE_) {
            exception = ((struct with_handling_ *)frame)->exception;
            with_thread_.handling = ((struct with_handling_ *)frame)->outer;
        }
        with_exception_unref(exception);
    }
    unlink_frames(self);
}

static void raise_ignored(void *unused)
{
    (void)unused;
    with_throw(with_RuntimeError, "generator ignored GeneratorExit");
}

/* Closes the function while an exception is on its way, as `finally: gen.close()`. */
struct closing {
    WITH_MANAGER;
    struct with_generator_head_ *generator;
};

static void closing_enter(struct closing *self)
{
    (void)self;
}

static bool closing_exit(struct closing *self, const with_exception *error)
{
    struct with_coroutine_ *coroutine = self->generator->coroutine;
    const with_exception *exception = NULL;

    (void)error;
    switch (tear_down(self->generator, WITH__CLOSE, &exception)) {
    case WITH__YIELDED:
        exception = with_call(raise_ignored, NULL);
        exit_held(coroutine, exception);
        with__coroutine_destroy(coroutine);
        pass_on(exception);
    case WITH__THREW:
        if (!with_isinstance(exception, &with_GeneratorExit)) pass_on(exception);
        with_exception_unref(exception);
        return false;
    default: return false;
    }
}

WITH_CLASS(closing, closing_enter, closing_exit);

static void __attribute__((noreturn))
did_not_stop(struct with_generator_head_ *manager, const char *when)
{
    with_using (WITH_NEW(closing, .generator = manager))
        ;
    with_throw(with_RuntimeError, "generator didn't stop%s", when);
}

/* ---- Leaving a block ----------------------------------------------------------------------- */

/* Whether what came out is what went in, or the error that PEP 479 makes of that. */
static bool passed(const with_exception *out, const with_exception *in)
{
    return out == in || (out->cause == in && with_isinstance(in, &with_StopIteration) &&
                         with_isinstance(out, &with_RuntimeError));
}

bool with_generator_exit_(void *manager, const with_exception *exception)
{
    struct with_generator_head_ *self = manager;
    const size_t length = exception ? exception->traceback_length : 0;
    const size_t lost = exception ? exception->traceback_lost : 0;
    const with_exception *out = exception;

    if (self->coroutine->thread != &with_thread_)
        with_throw(with_RuntimeError, "a generator can only go on in the thread that entered it");
    switch (tear_down(self, exception ? WITH__THROW : WITH__GO_ON, &out)) {
    case WITH__YIELDED: did_not_stop(self, exception ? " after throw()" : "");
    case WITH__RETURNED: return exception != NULL;
    default: break;
    }
    if (!exception || !passed(out, exception)) pass_on(out);
    with_exception_unref(out);
    /* It leaves the block as if it had not been in the function. */
    if (exception->traceback_length != length || exception->traceback_lost != lost) {
        ((with_exception *)exception)->traceback_length = length;
        ((with_exception *)exception)->traceback_lost = lost;
    }
    return false;
}
