/* SPDX-License-Identifier: MIT
 *
 * with/stack.h: exit stacks. Managers, functions and callbacks that are entered as a program goes along
 * and exited together, with the meaning of nested blocks. All since 0.1. Reference:
 * docs/reference/stack.md.
 */
#ifndef WITH_STACK_H
#define WITH_STACK_H

#include <with.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/*
 * An exit stack. The one that a block names is the block's; one that with_stack_pop_all() gives is
 * its owner's, who closes it or enters it again. One thread at a time uses a stack; which one may
 * change, as far as what is in it allows that.
 */
typedef struct with_exit_stack {
    struct with_frame_ *newest_;
    struct with_stack_room_ *room_;
    unsigned busy_;
    bool plain_, popped_;
} with_exit_stack;

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Moves all that is in stack to a stack that outlives the block, which the caller then owns: it ends
 * with with_stack_close() or in a block by cm_exit_stack_of(). stack is empty then, and can be used on.
 * Of a stack that has been popped already it gives that one. Throws MemoryError if stack is empty and
 * there is no memory, and RuntimeError in an enter or exit of what is in stack.
 */
WITH_API with_exit_stack *with_stack_pop_all(with_exit_stack *stack);

#ifdef __cplusplus
}
#else

/* ---- Managers ------------------------------------------------------------------------------ */

/*
 * with (cm_exit_stack(), stack): with_exit_stack *, empty. The exit runs the exits of all that is in
 * it by then, the last one first. Each is given the exception that leaves what was entered after it, may
 * suppress that if it is a suppressor's, or throw another; the rest run in any case, each exactly
 * once. Completion (with_completed()) is that of the block.
 *
 * Reusable: each block has a stack of its own. Entering the block cannot fail and takes no memory; the
 * first 8 entries of usual size need none from malloc() (32 such stacks at a time).
 */
struct cm_exit_stack {
    WITH_SUPPRESSOR;
    with_exit_stack *as;
    with_exit_stack own_, *popped_;
};
WITH_API struct cm_exit_stack cm_exit_stack(void);

/*
 * with (cm_exit_stack_of(popped), stack): the same with what is in popped, which the block takes when it
 * is entered: popped is gone then. Single-use. NULL is an empty stack.
 */
WITH_API struct cm_exit_stack cm_exit_stack_of(with_exit_stack *popped);

/*
 * using (cm_plain_exit_stack(), stack); a stack that suppresses nothing, as `using` wants it. To enter a
 * suppressor into it throws TypeError, before that is entered; an exit of with_stack_push() that
 * returns true for an exception throws RuntimeError, as that of any plain manager. Reusable.
 */
struct cm_plain_exit_stack {
    WITH_MANAGER;
    with_exit_stack *as;
    with_exit_stack own_, *popped_;
};
WITH_API struct cm_plain_exit_stack cm_plain_exit_stack(void);

/* ---- Operations ---------------------------------------------------------------------------- */

/*
 * FILE *file = with_stack_enter(stack, cm_open(path, "r")); enters a manager of any type into a stack,
 * and is the manager's `as`, with its type. The stack keeps a copy of the manager, which does not move
 * as long as it is in there, also when with_stack_pop_all() takes it elsewhere.
 *
 * Throws what the enter of the manager throws, and MemoryError before that is called: then nothing has
 * been entered. Arguments are evaluated once.
 */
#define with_stack_enter(STACK, MANAGER)                                                           \
    WITH_STACK_ENTER_(STACK, MANAGER, "with_stack_enter(" #STACK ", " #MANAGER ")")

/* with_stack_hold(stack, cm_lock(&mutex)); the same for a manager without `as`, and with no value. */
#define with_stack_hold(STACK, MANAGER)                                                            \
    WITH_STACK_HOLD_(STACK, MANAGER, "with_stack_hold(" #STACK ", " #MANAGER ")")

/*
 * with_stack_push(stack, FUNCTION, ARGUMENT); bool FUNCTION(void *argument, const with_exception *)
 * is called as an exit: with the exception that leaves what was entered after it, or NULL; true
 * suppresses that. with_stack_callback(stack, FUNCTION, ARGUMENT); void FUNCTION(void *argument) is
 * called, and suppresses nothing. ARGUMENT is borrowed until then. Both functions may throw.
 *
 * Throw MemoryError and, if stack or FUNCTION is NULL, ValueError; then FUNCTION will not be called.
 */
#define with_stack_push(STACK, FUNCTION, ARGUMENT)                                                 \
    with_stack_push_(WITH_SITE_(WITH_MANAGER_SITE_,                                                \
                                "with_stack_push(" #STACK ", " #FUNCTION ", " #ARGUMENT ")"),      \
                     STACK, FUNCTION, ARGUMENT)
#define with_stack_callback(STACK, FUNCTION, ARGUMENT)                                             \
    with_stack_callback_(WITH_SITE_(WITH_MANAGER_SITE_, "with_stack_callback(" #STACK              \
                                                        ", " #FUNCTION ", " #ARGUMENT ")"),        \
                         STACK, FUNCTION, ARGUMENT)

/* The same, but these throw nothing: 0, -ENOMEM or -EINVAL. */
#define with_stack_try_push(STACK, FUNCTION, ARGUMENT)                                             \
    with_stack_try_push_(WITH_SITE_(WITH_MANAGER_SITE_, "with_stack_try_push(" #STACK              \
                                                        ", " #FUNCTION ", " #ARGUMENT ")"),        \
                         STACK, FUNCTION, ARGUMENT)
#define with_stack_try_callback(STACK, FUNCTION, ARGUMENT)                                         \
    with_stack_try_callback_(WITH_SITE_(WITH_MANAGER_SITE_, "with_stack_try_callback(" #STACK      \
                                                            ", " #FUNCTION ", " #ARGUMENT ")"),    \
                             STACK, FUNCTION, ARGUMENT)

/*
 * with_stack_close(stack); runs the exits of all that is in stack now, as the end of a block would, and
 * throws what leaves them. The stack of a block is empty then and can be used on; a popped one is gone,
 * also when this throws. NULL is nothing to do.
 */
#define with_stack_close(STACK)                                                                    \
    with_stack_close_(WITH_SITE_(WITH_MANAGER_SITE_, "with_stack_close(" #STACK ")"), STACK)

/* ---- Plumbing ------------------------------------------------------------------------------ */

/* Copies the manager at `made` into the stack and enters the copy; gives its address. */
WITH_API void *with_stack_enter_(const with_site *site, with_exit_stack *stack, const void *made,
                                 size_t size, size_t alignment);
WITH_API void with_stack_push_(const with_site *site, with_exit_stack *stack,
                               bool (*function)(void *argument, const with_exception *exception),
                               void *argument);
WITH_API void with_stack_callback_(const with_site *site, with_exit_stack *stack,
                                   void (*function)(void *argument), void *argument);
WITH_API int with_stack_try_push_(const with_site *site, with_exit_stack *stack,
                                  bool (*function)(void *argument, const with_exception *exception),
                                  void *argument) __attribute__((warn_unused_result));
WITH_API int with_stack_try_callback_(const with_site *site, with_exit_stack *stack,
                                      void (*function)(void *argument), void *argument)
    __attribute__((warn_unused_result));
WITH_API void with_stack_close_(const with_site *site, with_exit_stack *stack);

/* clang-format off */
#define WITH_STACK_ENTERED_(STACK, MANAGER, TEXT)                                                  \
    with_exit_stack *const with_stack_ = (STACK);                                                  \
    __auto_type with_made_ = (MANAGER);                                                            \
    __typeof__(with_made_) *const with_entry_ = (__typeof__(with_made_) *)with_stack_enter_(       \
        WITH_SITE_(WITH_MANAGER_SITE_, TEXT), with_stack_, &with_made_, sizeof with_made_,         \
        _Alignof(__typeof__(with_made_)))
#define WITH_STACK_ENTER_(STACK, MANAGER, TEXT)                                                    \
    ({                                                                                             \
        WITH_STACK_ENTERED_(STACK, MANAGER, TEXT);                                                 \
        WITH_AS_(*with_entry_);                                                                    \
    })
#define WITH_STACK_HOLD_(STACK, MANAGER, TEXT)                                                     \
    ({                                                                                             \
        WITH_STACK_ENTERED_(STACK, MANAGER, TEXT);                                                 \
        (void)with_entry_;                                                                         \
    })
/* clang-format on */

#endif /* !__cplusplus */

#endif /* WITH_STACK_H */
