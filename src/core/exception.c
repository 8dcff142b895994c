/* SPDX-License-Identifier: MIT
 *
 * The life of an exception. It comes from the thread's cache, from malloc, from a reserve for when
 * memory is out, or, when that is used up too, it is one immortal MemoryError that nobody writes to.
 */
#include "internal.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct with__exception reserve[WITH__RESERVE];
static _Atomic uint64_t reserve_used; /* one bit for each */

struct with__exception with__last_resort = {
    .exception = {.type = &with_MemoryError, .message = "no memory left to raise an exception"},
};

/* Its value only says that the thread has a cache; the destructor frees that. */
static pthread_key_t cache_key;
static bool cache_key_made;

static void free_cache(void *unused)
{
    (void)unused;
    free(with_thread_.cache);
    with_thread_.cache = NULL;
}

__attribute__((constructor)) static void make_cache_key(void)
{
    cache_key_made = pthread_key_create(&cache_key, free_cache) == 0;
}

void with__cache_clear(void)
{
    free_cache(NULL);
}

static struct with__exception *take_from_reserve(void)
{
    uint64_t used = atomic_load(&reserve_used);

    while (~used) {
        int i = __builtin_ctzll(~used);
        if (atomic_compare_exchange_weak(&reserve_used, &used, used | UINT64_C(1) << i))
            return &reserve[i];
    }
    return &with__last_resort;
}

static struct with__exception *allocate(void)
{
    struct with__exception *self = with_thread_.cache;

    if (self) {
        with_thread_.cache = NULL;
        return self;
    }
    self = malloc(sizeof *self);
    return self ? self : take_from_reserve();
}

static bool may_cache(void)
{
    if (with_thread_.cache || !cache_key_made) return false;
    return pthread_getspecific(cache_key) || pthread_setspecific(cache_key, &cache_key) == 0;
}

static void recycle(struct with__exception *self)
{
    if (self >= reserve && self < reserve + WITH__RESERVE)
        atomic_fetch_and(&reserve_used, ~(UINT64_C(1) << (self - reserve)));
    else if (may_cache()) with_thread_.cache = self;
    else free(self);
}

struct with__exception *with__exception_new(const with_exception_type *type)
{
    const with_exception *context = with_current();
    struct with__exception *self = allocate();

    if (self == &with__last_resort) return self;
    self->exception = (with_exception){
        .type = type,
        .message = "",
        .context = with_exception_ref(context),
        .traceback = self->traceback,
    };
    atomic_init(&self->references, 1);
    self->visited = NULL;
    self->last_note = NULL;
    self->chunks = NULL;
    self->more_traceback = NULL;
    self->traceback_room = WITH__TRACEBACK_INLINE;
    self->stack = NULL;
    self->stack_length = 0;
    self->release = NULL;
    self->text_used = 0;
    with__backtrace_take(self);
    return self;
}

/* ---- References ---------------------------------------------------------------------------- */

const with_exception *with_exception_ref(const with_exception *exception)
{
    struct with__exception *self = with__whole(exception);

    if (self && self != &with__last_resort)
        atomic_fetch_add_explicit(&self->references, 1, memory_order_relaxed);
    return exception;
}

/* Whether this was the last reference. A count of 1 is ours alone, and needs no atomic write. */
static bool drop(struct with__exception *self)
{
    if (!self || self == &with__last_resort) return false;
    if (atomic_load_explicit(&self->references, memory_order_acquire) == 1) return true;
    return atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) == 1;
}

static void free_parts(struct with__exception *self)
{
    if (self->release && self->owner == &with_thread_) self->release(self->owned);
    while (self->chunks) {
        struct with__chunk *chunk = self->chunks;
        self->chunks = chunk->next;
        free(chunk);
    }
    free(self->more_traceback);
    free(self->stack);
}

/* Chains can be long: those that die along with this one wait in a list, not on the stack. */
static void free_all(struct with__exception *dead)
{
    dead->visited = NULL;
    while (dead) {
        struct with__exception *self = dead;
        struct with__exception *kept[] = {with__whole(self->exception.context),
                                          with__whole(self->exception.cause)};

        dead = self->visited;
        for (int i = 0; i < 2; i++)
            if (drop(kept[i])) {
                kept[i]->visited = dead;
                dead = kept[i];
            }
        free_parts(self);
        recycle(self);
    }
}

void with_exception_unref(const with_exception *exception)
{
    struct with__exception *self = with__whole(exception);
    int error = errno;

    if (drop(self)) free_all(self);
    errno = error;
}

/* ---- Chains -------------------------------------------------------------------------------- */

/* Whether target can be reached from start by contexts and causes. What was met is a list. */
static bool reaches(struct with__exception *start, const struct with__exception *target)
{
    struct with__exception *const end = &with__last_resort;
    struct with__exception *last = start;
    bool found = false;

    start->visited = end;
    for (struct with__exception *at = start; at != end; at = at->visited) {
        struct with__exception *kept[] = {with__whole(at->exception.context),
                                          with__whole(at->exception.cause)};
        for (int i = 0; i < 2; i++) {
            if (!kept[i] || kept[i]->visited || kept[i] == end) continue;
            found = found || kept[i] == target;
            last->visited = kept[i];
            kept[i]->visited = end;
            last = kept[i];
        }
    }
    for (struct with__exception *at = start, *next; at != end; at = next) {
        next = at->visited;
        at->visited = NULL;
    }
    return found;
}

/* As _PyErr_SetObject() of CPython, which breaks a chain of contexts where it would close. */
void with__set_context(struct with__exception *self, const with_exception *context)
{
    const with_exception *old = self->exception.context;

    if (!context || context == &self->exception || self == &with__last_resort ||
        with__whole(context) == &with__last_resort)
        return;
    for (struct with__exception *at = with__whole(context); at;
         at = with__whole(at->exception.context))
        if (at->exception.context == &self->exception) {
            at->exception.context = NULL;
            with_exception_unref(&self->exception);
            break;
        }
    /* CPython leaves a loop through a cause to its garbage collector. Here it must not arise. */
    if (reaches(with__whole(context), self)) return;
    self->exception.context = with_exception_ref(context);
    with_exception_unref(old);
}

void with__set_cause(struct with__exception *self, const with_exception *cause)
{
    if (self == &with__last_resort) return;
    self->exception.cause = with_exception_ref(cause);
    self->exception.suppress_context = true;
}

void with__set_code(struct with__exception *self, int code)
{
    if (self != &with__last_resort) self->exception.code = code;
}

bool with__own(struct with__exception *self, void (*release)(void *owned), void *owned)
{
    if (self == &with__last_resort) return false;
    self->release = release;
    self->owned = owned;
    self->owner = &with_thread_;
    return true;
}

void with__add_traceback(struct with__exception *self, const with_site *site)
{
    with_exception *e = &self->exception;

    if (self == &with__last_resort) return;
    if (e->traceback_length == self->traceback_room) {
        size_t room = self->traceback_room * 2;
        const with_site **more =
            room <= WITH__TRACEBACK_MAX ? realloc(self->more_traceback, room * sizeof *more) : NULL;
        if (!more) {
            e->traceback_lost++;
            return;
        }
        if (!self->more_traceback) memcpy(more, self->traceback, sizeof self->traceback);
        self->more_traceback = more;
        self->traceback_room = room;
        e->traceback = more;
    }
    (self->more_traceback ? self->more_traceback : self->traceback)[e->traceback_length++] = site;
}
