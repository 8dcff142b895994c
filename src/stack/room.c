/* SPDX-License-Identifier: MIT
 *
 * Rooms: the memory of what is in an exit stack. A stack's first room comes from the thread's cache, from
 * a reserve, so that small stacks never need malloc, or else from malloc, as all further ones.
 */
#include "internal.h"

#include <pthread.h>
#include <stdlib.h>

/* What is behind the room: its bytes. */
static struct first_room {
    struct with_stack_room_ room;
    char bytes[WITH__ROOM_SIZE];
} reserve[WITH__ROOM_RESERVE];
static _Atomic uint32_t reserve_used; /* one bit for each */

static __thread struct {
    struct with_stack_room_ *first;
    int count;
    bool key_set;
} cache __attribute__((tls_model("initial-exec")));

/* Its value only says that the thread may have a cache; the destructor empties that. */
static pthread_key_t cache_key;
static bool cache_key_made;

static struct with_stack_room_ *take_from_reserve(void)
{
    uint32_t used = atomic_load(&reserve_used);

    while (~used) {
        int i = __builtin_ctz(~used);
        if (atomic_compare_exchange_weak(&reserve_used, &used, used | UINT32_C(1) << i))
            return &reserve[i].room;
    }
    return NULL;
}

/* Keeps errno. */
static void free_room(struct with_stack_room_ *room)
{
    struct first_room *first = (struct first_room *)room;
    const int error = errno;

    if (first >= reserve && first < reserve + WITH__ROOM_RESERVE)
        atomic_fetch_and(&reserve_used, ~(UINT32_C(1) << (first - reserve)));
    else free(room);
    errno = error;
}

static void empty_cache(void *unused)
{
    (void)unused;
    while (cache.first) {
        struct with_stack_room_ *room = cache.first;
        cache.first = room->older;
        free_room(room);
    }
    cache.count = 0;
    cache.key_set = false;
}

__attribute__((constructor)) static void make_cache_key(void)
{
    cache_key_made = pthread_key_create(&cache_key, empty_cache) == 0;
}

/* The keys' destructors do not run for the thread that ends the process. */
__attribute__((destructor)) static void empty_last_cache(void)
{
    empty_cache(NULL);
}

static bool may_cache(void)
{
    if (cache.count == WITH__ROOM_CACHE || !cache_key_made) return false;
    if (!cache.key_set) cache.key_set = pthread_setspecific(cache_key, &cache_key) == 0;
    return cache.key_set;
}

static struct with_stack_room_ *allocate(size_t size)
{
    struct with_stack_room_ *room = malloc(sizeof *room + size);

    if (room) room->size = size;
    return room;
}

static struct with_stack_room_ *first_room(void)
{
    struct with_stack_room_ *room = cache.first;

    if (room) {
        cache.first = room->older;
        cache.count--;
        return room;
    }
    room = take_from_reserve();
    if (!room) return allocate(WITH__ROOM_SIZE);
    room->size = WITH__ROOM_SIZE;
    return room;
}

/* Puts a room, or NULL, on top of the others. */
static bool add_room(with_exit_stack *stack, struct with_stack_room_ *room)
{
    if (!room) return false;
    room->older = stack->room_;
    room->used = 0;
    stack->room_ = room;
    return true;
}

bool with__stack_has_room(with_exit_stack *stack)
{
    return stack->room_ || add_room(stack, first_room());
}

void *with__stack_take_more(with_exit_stack *stack, size_t size, size_t alignment)
{
    size_t next;
    void *memory;

    if (!with__stack_has_room(stack)) return NULL;
    memory = with__room_take(stack->room_, size, alignment);
    if (memory) return memory;

    next = stack->room_->size * 2;
    if (next > WITH__ROOM_SIZE_MAX) next = WITH__ROOM_SIZE_MAX;
    if (next < size + alignment) next = size + alignment;
    if (!add_room(stack, allocate(next))) return NULL;
    return with__room_take(stack->room_, size, alignment);
}

void with__stack_give_back(with_exit_stack *stack)
{
    struct with_stack_room_ *room = stack->room_, *older;

    stack->room_ = NULL;
    for (; room; room = older) {
        older = room->older;
        if (room->size == WITH__ROOM_SIZE && may_cache()) {
            room->older = cache.first;
            cache.first = room;
            cache.count++;
        } else free_room(room);
    }
}
