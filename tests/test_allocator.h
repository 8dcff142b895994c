/* SPDX-License-Identifier: MIT
 *
 * An allocator that fails on demand, for the one file of a test program that includes this. It stands in
 * front of libc's, and of a sanitizer's.
 */
#ifndef TEST_ALLOCATOR_H
#define TEST_ALLOCATOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static long allocations, fail_from, fail_to; /* allocations number fail_from to fail_to fail */
static long failures, live;

/* These run before a sanitizer is ready to look on. */
#ifdef __clang__
#define UNCHECKED __attribute__((disable_sanitizer_instrumentation))
#else
#define UNCHECKED __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

UNCHECKED static bool fails(void)
{
    allocations++;
    if (allocations < fail_from || allocations > fail_to) return false;
    failures++;
    errno = ENOMEM;
    return true;
}

/* The next allocator: the sanitizers' where they stand in front of libc's. */
void *__interceptor_malloc(size_t) __attribute__((weak));
void *__interceptor_calloc(size_t, size_t) __attribute__((weak));
void *__interceptor_realloc(void *, size_t) __attribute__((weak));
void __interceptor_free(void *) __attribute__((weak));

/* dlsym() may allocate: from here, and not to be freed. */
static char early[4096] __attribute__((aligned(16)));
static size_t early_used;
static bool looking;

#define FIND(NAME)                                                                                 \
    static __typeof__(&NAME) found;                                                                \
    if (!found) found = __interceptor_##NAME;                                                      \
    if (!found && !looking) {                                                                      \
        looking = true;                                                                            \
        found = (__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME);                                        \
        looking = false;                                                                           \
    }

UNCHECKED static void *allocate_early(size_t size)
{
    void *memory = early + early_used;

    early_used += (size + 15) & ~(size_t)15;
    if (early_used > sizeof early) abort();
    return memory;
}

UNCHECKED void *malloc(size_t size)
{
    FIND(malloc)
    if (!found) return allocate_early(size);
    if (fails()) return NULL;
    live++;
    return found(size);
}

UNCHECKED void *calloc(size_t count, size_t size)
{
    FIND(calloc)
    if (!found) return allocate_early(count * size);
    if (fails()) return NULL;
    live++;
    return found(count, size);
}

UNCHECKED void *realloc(void *memory, size_t size)
{
    FIND(realloc)
    if (fails()) return NULL;
    if (!memory) live++;
    return found(memory, size);
}

UNCHECKED void free(void *memory)
{
    FIND(free)
    if (!memory || ((char *)memory >= early && (char *)memory < early + sizeof early)) return;
    live--;
    found(memory);
}

#undef FIND
#undef UNCHECKED

#endif
