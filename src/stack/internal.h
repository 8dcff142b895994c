/* SPDX-License-Identifier: MIT
 *
 * Private to the exit stacks: the memory of what is in a stack. It is taken from rooms, one after the
 * other, and given back at once, when the stack is empty; so no entry ever moves.
 */
#ifndef WITH_STACK_INTERNAL_H
#define WITH_STACK_INTERNAL_H

#include "../core/internal.h"
#include <with/stack.h>

#include <stdint.h>

enum {
    WITH__ROOM_SIZE = 8 * 96, /* of a stack's first room: 8 managers of the usual size */
    WITH__ROOM_SIZE_MAX = 64 * 1024,
    WITH__ROOM_RESERVE = 32, /* rooms that need no memory; one bit each */
    WITH__ROOM_CACHE = 4,    /* rooms that a thread keeps for its next stacks */
};

struct with_stack_room_ {
    struct with_stack_room_ *older;
    size_t size, used;      /* of the bytes behind this */
    with_exit_stack popped; /* a stack that has been popped, if this is its newest room by then */
} __attribute__((aligned(16)));

/* Memory in a room, or NULL if that is full. */
static inline void *with__room_take(struct with_stack_room_ *room, size_t size, size_t alignment)
{
    char *const bytes = (char *)(room + 1), *start = bytes + room->used;

    start += -(uintptr_t)start & (alignment - 1);
    if (start > bytes + room->size || size > (size_t)(bytes + room->size - start)) return NULL;
    room->used = (size_t)(start - bytes) + size;
    return start;
}

/* Memory for an entry, or NULL if there is none. */
void *with__stack_take_more(with_exit_stack *stack, size_t size, size_t alignment);
static inline void *with__stack_take(with_exit_stack *stack, size_t size, size_t alignment)
{
    void *memory = stack->room_ ? with__room_take(stack->room_, size, alignment) : NULL;

    return memory ? memory : with__stack_take_more(stack, size, alignment);
}

/* Sees to it that the stack has a room. False if there is no memory. */
bool with__stack_has_room(with_exit_stack *stack);

/* Gives back all rooms of the stack; a popped stack is gone then. Keeps errno. */
void with__stack_give_back(with_exit_stack *stack);

#endif
