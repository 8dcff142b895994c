/* SPDX-License-Identifier: MIT
 *
 * What the random programs call. runtime.py has the same functions under the same names.
 */
#ifndef DIFFERENTIAL_RUNTIME_H
#define DIFFERENTIAL_RUNTIME_H

#include <with.h>
#include <with/stack.h>

#include <stdint.h>

WITH_EXCEPTION_DECLARE(AppError);
WITH_EXCEPTION_DECLARE(AppChildError);
WITH_EXCEPTION_DECLARE(AppLookupError);

/* A random program: what it may spend, and where its dice start. */
struct program {
    int index, fuel;
    unsigned luck;
    void (*run)(void);
};
extern const struct program programs[];
extern const int program_count;

/* What pointers point into, and cells that may be changed anywhere. */
extern const int T[20];
extern int G[3];
#define P(K) (&T[K])
#define AT(POINTER) ((int)((POINTER)-T))
#define INT(VALUE) ((int)(VALUE))

/* Prints one line of the trace. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints an exception with its notes, and all that it can reach by causes and contexts. */
void describe(const char *where, const with_exception *exception);

/* Prints what is being handled. */
void current(const char *where);

/* Spends a unit of fuel. True once there is none: then the program does nothing new any more. */
bool burned(void);

/* Whether a die of that many sides shows its 0. */
bool chance(int sides);

/* Exceptions that the program keeps, in slots 0 to 2. take() owns what it is given; keep() shares it. */
void take(int slot, const with_exception *exception);
void keep(int slot, const with_exception *exception);
const with_exception *kept(int slot);

/* Exit stacks that have been popped, in slots 0 to 2. To park in a slot that is taken has no effect. */
void park(int slot, with_exit_stack *stack);
with_exit_stack *unpark(int slot);

/* What a function on an exit stack is given. */
#define AS_ARGUMENT(VALUE) ((void *)(intptr_t)(VALUE))
#define ARGUMENT(POINTER) ((int)(intptr_t)(POINTER))

#define matches(EXCEPTION, TYPE) with_isinstance(EXCEPTION, &(TYPE))
#define again(EXCEPTION) with_throw_again(with_exception_ref(EXCEPTION))
#define note(EXCEPTION, ...)                                                                       \
    do {                                                                                           \
        const with_exception *noted_ = (EXCEPTION);                                                \
        if (noted_) with_add_note(noted_, __VA_ARGS__);                                            \
    } while (0)

#endif
