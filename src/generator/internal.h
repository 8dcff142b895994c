/* SPDX-License-Identifier: MIT
 *
 * Private to generators: a function that runs on a stack of its own, and switching to it and back.
 */
#ifndef WITH_GENERATOR_INTERNAL_H
#define WITH_GENERATOR_INTERNAL_H

#define WITH_NO_KEYWORDS
#include <with/generator.h>

#include "switch.h"

enum {
    WITH__STACK_SIZE = 256 * 1024, /* if nobody sets another */
    WITH__STACK_MIN = 16 * 1024,
    WITH__STACKS_KEPT = 16, /* by a thread, for its next generators */
};

/* What the function is to do at its yield. */
enum with__order { WITH__GO_ON, WITH__THROW, WITH__CLOSE };

/* How the function left its stack. A cancellation or pthread_exit() cuts it short. */
enum with__outcome { WITH__YIELDED, WITH__RETURNED, WITH__THREW, WITH__CUT_SHORT };

/* What the tools that watch a program's memory are told of a stack: annotate.h. */
struct with__annotations {
    void *fake, *caller_fake;
    const void *caller_stack;
    size_t caller_size;
    void *fiber, *caller_fiber;
    unsigned stack_id;
};

/* A stack and what runs on it; it stands at the high end of the stack's own memory. */
struct with_coroutine_ {
    struct with__place here, caller; /* where this stack, and what entered it, go on */
    struct with_coroutine_ *next;    /* in the list of those that a thread keeps */
    char *memory, *low;              /* the guard page is between them */
    size_t asked;                    /* the size that was set when it was made */
    struct with__annotations annotations;

    /* The generator. */
    const struct with_generator_function_ *function;
    void *manager; /* wherever it is now: an exit stack may move it */
    const struct with_thread_ *thread;
    const with_exception *exception; /* to be thrown at the yield (borrowed), or that came out */
    enum with__order order;
    enum with__outcome outcome;

    /* Its part of the thread's list of frames, and of what is being handled. While it runs they lie on
     * top of its caller's; else top and handling keep them. Not side by side: a compiler would move them
     * as one, and a processor waits long for the halves of what was just written. */
    struct with_frame_ *top;
    struct with_try_ bottom;
    struct with_handling_ *handling;
    struct with_handling_ around; /* what the caller is handling, below the function's own */
};

/* A stack that waits at with__coroutine_begin(); NULL if there is no memory. Keeps errno. */
struct with_coroutine_ *with__coroutine_acquire(void);

/* Takes back a stack that waits there again. Keeps errno. */
void with__coroutine_release(struct with_coroutine_ *self);

/* Unmaps a stack, whatever is on it. Keeps errno. */
void with__coroutine_destroy(struct with_coroutine_ *self);

/* What a stack runs: for ever, one generator's function after another. */
void with__coroutine_begin(struct with_coroutine_ *self) __attribute__((noreturn));

#endif
