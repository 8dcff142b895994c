/* SPDX-License-Identifier: MIT
 *
 * The stacks that generators run on: made of pages, with one below them that nobody may touch, and
 * kept by each thread for its next ones.
 */
#include "annotate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_STACK
#define MAP_STACK 0
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* ---- Memory -------------------------------------------------------------------------------- */

static _Atomic size_t stack_size = WITH__STACK_SIZE;

int with_generator_set_stack_size(size_t size)
{
    if (size < WITH__STACK_MIN || size > SIZE_MAX / 2) return -EINVAL;
    atomic_store_explicit(&stack_size, size, memory_order_relaxed);
    return 0;
}

static size_t memory_of(size_t size, size_t page)
{
    return page + (size + sizeof(struct with_coroutine_) + page - 1) / page * page;
}

static struct with_coroutine_ *make(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = memory_of(size, page);
    char *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    struct with_coroutine_ *self;

    if (memory == MAP_FAILED) return NULL;
    if (mprotect(memory, page, PROT_NONE) != 0) {
        munmap(memory, whole);
        return NULL;
    }
    /* The kernel gives pages, and they are aligned for everything. */
    self = (struct with_coroutine_ *)(void *)(memory + whole - (sizeof *self + 63) / 64 * 64);
    self->memory = memory;
    self->low = memory + page;
    self->asked = size;
    self->annotations.fake = NULL;
    annotate_made(self);
    with__switch_prepare(self);
    return self;
}

void with__coroutine_destroy(struct with_coroutine_ *self)
{
    const int error = errno;
    char *const memory = self->memory;
    const size_t page = (size_t)(self->low - memory);

    annotate_gone(self);
    munmap(memory, memory_of(self->asked, page));
    errno = error;
}

/* ---- Those that a thread keeps ------------------------------------------------------------- */

static pthread_key_t kept_key; /* its value only says that the thread may keep some */
static bool kept_key_made;
static __thread struct with_coroutine_ *kept __attribute__((tls_model("initial-exec")));
static __thread int kept_count __attribute__((tls_model("initial-exec")));
static __thread bool may_keep __attribute__((tls_model("initial-exec")));

static struct with_coroutine_ *take(void)
{
    struct with_coroutine_ *self = kept;

    if (!self) return NULL;
    kept = self->next;
    kept_count--;
    return self;
}

static void destroy_kept(void *unused)
{
    struct with_coroutine_ *self;

    (void)unused;
    may_keep = false;
    while ((self = take())) with__coroutine_destroy(self);
}

__attribute__((constructor)) static void make_kept_key(void)
{
    kept_key_made = pthread_key_create(&kept_key, destroy_kept) == 0;
}

struct with_coroutine_ *with__coroutine_acquire(void)
{
    const size_t size = atomic_load_explicit(&stack_size, memory_order_relaxed);
    const int error = errno;
    struct with_coroutine_ *self;

    while ((self = take())) {
        if (__builtin_expect(self->asked == size, 1)) return self;
        with__coroutine_destroy(self); /* made before the size was set */
    }
    self = make(size);
    errno = error;
    return self;
}

void with__coroutine_release(struct with_coroutine_ *self)
{
    if (__builtin_expect(!may_keep, 0) && kept_key_made)
        may_keep = pthread_setspecific(kept_key, &kept_key) == 0;
    if (!may_keep || kept_count == WITH__STACKS_KEPT) {
        with__coroutine_destroy(self);
        return;
    }
    self->next = kept;
    kept = self;
    kept_count++;
}
