/* SPDX-License-Identifier: MIT */
#include "crew.h"

static void *crew_start(void *crew)
{
    struct cm_crew *self = crew;

    return (void *)with_call(self->function, self->argument);
}

static void crew_enter(struct cm_crew *self)
{
    while (self->started < self->size) {
        int error = pthread_create(&self->threads[self->started], NULL, crew_start, self);
        if (error && self->started == 0) throw_error(error, "starting a thread");
        if (error) break; /* fewer hands do it too */
        self->started++;
    }
}

/* Gives the exception that escaped from a thread, or NULL. A later one is noted on the first. */
static const with_exception *crew_join(struct cm_crew *self)
{
    const with_exception *first = NULL;

    for (int i = 0; i < self->started; i++) {
        void *result;
        pthread_join(self->threads[i], &result);
        if (!result || result == PTHREAD_CANCELED) continue;
        if (first) {
            with_add_note(first, "and: %s", ((const with_exception *)result)->message);
            with_exception_unref(result);
        } else first = result;
    }
    return first;
}

static bool crew_exit(struct cm_crew *self, const with_exception *exception)
{
    const with_exception *failure;
    int state;

    /* pthread_join() is a cancellation point, and an exit must come to its end. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    for (int i = 0; i < self->started && !with_completed(self); i++)
        pthread_cancel(self->threads[i]);
    failure = crew_join(self);
    pthread_setcancelstate(state, &state);

    if (!failure) return false;
    if (!exception) with_throw_again(failure);
    with_add_note(exception, "and in a thread: %s", failure->message);
    with_exception_unref(failure);
    return false;
}

WITH_CLASS(cm_crew, crew_enter, crew_exit);

struct cm_crew cm_crew(int size, void (*function)(void *argument), void *argument)
{
    if (size < 1 || size > CREW_MAX) throw(ValueError, "a crew of %d", size);
    return WITH_NEW(cm_crew, .function = function, .argument = argument, .size = size);
}
