/* SPDX-License-Identifier: MIT
 *
 * What GMP allocates by. Outside of a guard all is as it was: the functions that were set before do it.
 */
#include "guard.h"

#include <mpfr.h>
#include <pthread.h>

struct functions {
    void *(*allocate)(size_t size);
    void *(*reallocate)(void *block, size_t old, size_t size);
    void (*free)(void *block, size_t size);
};

static struct functions defaults, previous;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for a change of previous */
static __thread struct with__guard *current __attribute__((tls_model("initial-exec")));

/* ---- Blocks ---------------------------------------------------------------------------------- */

static bool make_room(struct with__guard *guard)
{
    const size_t room = guard->room * 2;
    void **blocks = malloc(room * sizeof *blocks);

    if (!blocks) return false;
    memcpy(blocks, guard->blocks, guard->count * sizeof *blocks);
    if (guard->blocks != guard->few) free(guard->blocks);
    guard->blocks = blocks;
    guard->room = room;
    return true;
}

/* The index behind the block, or 0. What was allocated last is freed first, mostly. */
static size_t find(const struct with__guard *guard, const void *block)
{
    size_t at = guard->count;

    while (at > 0 && guard->blocks[at - 1] != block) at--;
    return at;
}

static void forget(const void *block)
{
    for (struct with__guard *guard = current; guard; guard = guard->outer) {
        const size_t at = find(guard, block);
        if (at == 0) continue;
        guard->blocks[at - 1] = guard->blocks[--guard->count];
        return;
    }
}

static void replace(const void *block, void *moved)
{
    for (struct with__guard *guard = current; guard; guard = guard->outer) {
        const size_t at = find(guard, block);
        if (at == 0) continue;
        guard->blocks[at - 1] = moved;
        return;
    }
}

/* ---- What GMP calls -------------------------------------------------------------------------- */

static void *allocate(size_t size)
{
    struct with__guard *guard = current;
    void *block;

    if (!guard) return previous.allocate(size);
    if (guard->count == guard->room && !make_room(guard)) longjmp(guard->jump, 1);
    block = previous.allocate == defaults.allocate ? malloc(size) : previous.allocate(size);
    if (!block) longjmp(guard->jump, 1);
    guard->blocks[guard->count++] = block;
    return block;
}

static void *reallocate(void *block, size_t old, size_t size)
{
    struct with__guard *guard = current;
    void *moved;

    if (!guard) return previous.reallocate(block, old, size);
    moved = previous.reallocate == defaults.reallocate ? realloc(block, size)
                                                       : previous.reallocate(block, old, size);
    if (!moved) longjmp(guard->jump, 1);
    replace(block, moved);
    return moved;
}

static void release(void *block, size_t size)
{
    forget(block);
    previous.free(block, size);
}

/* ---- Installing ------------------------------------------------------------------------------ */

/* A program may set functions of its own at any time: then these are asked from now on. */
static void install(void)
{
    struct functions now;

    mp_get_memory_functions(&now.allocate, &now.reallocate, &now.free);
    if (WITH__LIKELY(now.allocate == allocate)) return;
    pthread_mutex_lock(&lock);
    previous = now;
    mp_set_memory_functions(allocate, reallocate, release);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor(150))) static void install_first(void)
{
    mp_get_memory_functions(&defaults.allocate, &defaults.reallocate, &defaults.free);
    install();
}

/* ---- Guards ---------------------------------------------------------------------------------- */

/* What MPFR keeps for its next use would be lost if it were in use when it fails. */
void with__guard_begin(struct with__guard *guard)
{
    install();
    if (!current) mpfr_free_pool();
    guard->blocks = guard->few;
    guard->count = 0;
    guard->failed = false;
    guard->room = WITH__GUARD_BLOCKS;
    guard->outer = current;
    current = guard;
}

/* What MPFR keeps for later may be half made: it is given up, and then all that is left. */
static void clean(struct with__guard *guard)
{
    mpfr_free_cache();
    while (guard->count > 0) previous.free(guard->blocks[--guard->count], 0);
}

/*
 * Where one inside has failed, what it had of MPFR's is among the blocks of this one; where one inside ends,
 * what MPFR keeps of it would be among the blocks of none.
 */
void with__guard_end(struct with__guard *guard)
{
    if (WITH__UNLIKELY(guard->failed)) clean(guard);
    if (guard->outer) mpfr_free_pool();
    current = guard->outer;
    if (guard->blocks != guard->few) free(guard->blocks);
}

void with__guard_fail(void)
{
    longjmp(current->jump, 1);
}

bool with__guard_failed(struct with__guard *guard)
{
    if (guard->outer) guard->outer->failed = true;
    clean(guard);
    guard->failed = false;
    with__guard_end(guard);
    return false;
}
