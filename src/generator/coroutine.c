/* SPDX-License-Identifier: MIT
 *
 * Stacks for generators: made, kept by each thread for its next ones, and switched without system
 * calls, by _setjmp() and longjmp().
 *
 * A thread keeps its address for its lifetime, and a stack is entered by one thread only (generator.c
 * sees to that), so that no compiler's idea of where a thread-local is can become wrong.
 */
#undef _FORTIFY_SOURCE /* its longjmp() takes a change of stacks for a mistake */
#include "annotate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__GLIBC__) || !defined(__linux__)
#define BEGIN_WITH_UCONTEXT
#include <ucontext.h>
#elif !defined(__x86_64__) && !defined(__aarch64__)
#error "there is no way yet to begin a stack on this architecture without makecontext()"
#endif

/* As in throw.c of the core. */
#ifdef __linux__
#define JUMP longjmp
#else
#define JUMP _longjmp
#endif

#ifndef MAP_STACK
#define MAP_STACK 0
#endif
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* ---- Switching ----------------------------------------------------------------------------- */

static void __attribute__((noinline)) jump(jmp_buf from, jmp_buf to, void *fiber)
{
    if (_setjmp(from) != 0) return;
    annotate_jump(fiber);
    JUMP(to, 1);
}

void with__coroutine_enter(struct with_coroutine_ *self)
{
    annotate_entering(self);
    jump(self->caller, self->here, self->annotations.fiber);
    annotate_left(self);
}

void with__coroutine_leave(struct with_coroutine_ *self)
{
    annotate_leaving(self, false);
    jump(self->here, self->caller, self->annotations.caller_fiber);
    annotate_entered(self);
}

void with__coroutine_abandon(struct with_coroutine_ *self)
{
    annotate_leaving(self, true);
    annotate_jump(self->annotations.caller_fiber);
    JUMP(self->caller, 1);
}

/* ---- Beginning ----------------------------------------------------------------------------- */

/* AddressSanitizer must not put a frame of this among those that end with each run. */
static void __attribute__((noreturn, noinline, no_sanitize("address")))
run_for_ever(struct with_coroutine_ *self)
{
    for (;;) {
        annotate_leaving(self, true);
        jump(self->here, self->caller, self->annotations.caller_fiber);
        annotate_entered(self);
        with__coroutine_run(self);
    }
}

static void __attribute__((noreturn)) begin(struct with_coroutine_ *self)
{
    self->annotations.fake = NULL;
    annotate_entered(self);
    run_for_ever(self);
}

#ifdef BEGIN_WITH_UCONTEXT

/* The halves of an address, since makecontext() passes only int. */
static void begin_halves(unsigned high, unsigned low)
{
    begin((struct with_coroutine_ *)((uintptr_t)high << 16 << 16 | low));
}

static void go_to_begin(struct with_coroutine_ *self)
{
    const uintptr_t address = (uintptr_t)self;
    ucontext_t context;

    getcontext(&context);
    context.uc_stack.ss_sp = self->low;
    context.uc_stack.ss_size = (size_t)((char *)self - self->low);
    context.uc_link = NULL;
    makecontext(&context, (void (*)(void))begin_halves, 2, (unsigned)(address >> 16 >> 16),
                (unsigned)address);
    annotate_jump(self->annotations.fiber);
    setcontext(&context);
}

#else

/* musl has no makecontext(). The return address is 0: there an unwinding ends. */
static void go_to_begin(struct with_coroutine_ *self)
{
    char *const top = (char *)((uintptr_t)self & ~(uintptr_t)15);

#ifdef __x86_64__
    __asm__ volatile("xorl %%ebp, %%ebp\n\tmovq %0, %%rsp\n\tpushq $0\n\tjmp *%1"
                     :
                     : "r"(top), "r"(begin), "D"(self)
                     : "memory");
#else
    register struct with_coroutine_ *argument __asm__("x0") = self;

    __asm__ volatile("mov x29, xzr\n\tmov x30, xzr\n\tmov sp, %0\n\tbr %1"
                     :
                     : "r"(top), "r"(begin), "r"(argument)
                     : "memory");
#endif
    __builtin_unreachable();
}

#endif

static void __attribute__((noinline)) begin_waiting(struct with_coroutine_ *self)
{
    annotate_entering(self);
    if (_setjmp(self->caller) == 0) go_to_begin(self);
    annotate_left(self);
}

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
    annotate_made(self);
    begin_waiting(self);
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
