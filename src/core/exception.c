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

/* Its value only says that the thread may have a cache; the destructor frees that. */
static pthread_key_t cache_key;
static bool cache_key_made;
static __thread bool cache_key_set __attribute__((tls_model("initial-exec")));

static void free_cache(void *unused)
{
    (void)unused;
    free(with_thread_.cache);
    with_thread_.cache = NULL;
    cache_key_set = false;
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
    if (!self) self = take_from_reserve();
    if (self != &with__last_resort) self->has_parts = true; /* a look at recycle() is due */
    return self;
}

static bool may_cache(void)
{
    if (with_thread_.cache || !cache_key_made) return false;
    if (!cache_key_set) cache_key_set = pthread_setspecific(cache_key, &cache_key) == 0;
    return cache_key_set;
}

static bool is_reserve(const struct with__exception *self)
{
    return self >= reserve && self < reserve + WITH__RESERVE;
}

static void recycle(struct with__exception *self)
{
    if (is_reserve(self)) atomic_fetch_and(&reserve_used, ~(UINT64_C(1) << (self - reserve)));
    else if (may_cache()) {
        self->has_parts = false;
        with_thread_.cache = self;
    } else free(self);
}

struct with__exception *with__exception_new(const with_exception_type *type)
{
    const with_exception *context = with_thread_.handling ? with_thread_.handling->exception : NULL;
    struct with__exception *self = allocate();

    if (self == &with__last_resort) return self;
    if (context) self->has_parts = true;
    self->exception = (with_exception){
        .type = type,
        .message = "",
        .context = context ? with_exception_ref(context) : NULL,
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
    if (__builtin_expect(with__backtrace_asked, 0)) with__backtrace_take(self);
    return self;
}

const with_exception *with_exception_new(const with_exception_type *type, int code,
                                         const char *format, ...)
{
    struct with__exception *self = with__exception_new(type);
    va_list arguments;

    with__set_code(self, code);
    va_start(arguments, format);
    with__set_message(self, 0, format, arguments);
    va_end(arguments);
    return &self->exception;
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

/* As nearly all do: they are raised and handled, and that is it. */
static bool can_just_be_cached(const struct with__exception *self)
{
    return !self->has_parts && cache_key_set && !with_thread_.cache;
}

static void __attribute__((noinline)) free_keeping_errno(struct with__exception *self)
{
    const int error = errno;

    free_all(self);
    errno = error;
}

void with_exception_unref(const with_exception *exception)
{
    struct with__exception *self = with__whole(exception);

    if (!drop(self)) return;
    if (can_just_be_cached(self)) with_thread_.cache = self;
    else free_keeping_errno(self);
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
    self->has_parts = true;
    with_exception_unref(old);
}

void with__set_cause(struct with__exception *self, const with_exception *cause)
{
    if (self == &with__last_resort) return;
    self->exception.cause = with_exception_ref(cause);
    self->exception.suppress_context = true;
    self->has_parts = true;
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
    self->has_parts = true;
    return true;
}

void with__grow_traceback(struct with__exception *self, const with_site *site)
{
    const size_t twice = self->traceback_room * 2;
    const size_t room = twice < WITH__TRACEBACK_MAX ? twice : WITH__TRACEBACK_MAX;
    const with_site **more = NULL;

    if (self == &with__last_resort) return;
    if (self->traceback_room < room) more = realloc(self->more_traceback, room * sizeof *more);
    if (!more) {
        self->exception.traceback_lost++;
        return;
    }
    if (!self->more_traceback) memcpy(more, self->traceback, sizeof self->traceback);
    self->more_traceback = more;
    self->has_parts = true;
    self->traceback_room = room;
    self->exception.traceback = more;
    with__add_traceback(self, site);
}
