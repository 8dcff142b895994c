/* SPDX-License-Identifier: MIT
 *
 * Stacks of generators: no memory for one, how many a thread keeps, their size, and their end.
 */
#define _GNU_SOURCE
#include <with.h>
#include <with/generator.h>

#include "test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ThreadSanitizer calls these before it can bear to be called itself: nothing fails under it. */
#ifdef __SANITIZE_THREAD__
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif
#ifndef UNDER_THREAD_SANITIZER
#define UNDER_THREAD_SANITIZER 0
#endif

/* ---- Calls that fail ----------------------------------------------------------------------- */

static bool mmap_fails, mprotect_fails, setspecific_fails;
static __thread int mapped; /* how many stacks of this thread are there */
static __thread size_t last_size;
static atomic_int unmapped;

#if !UNDER_THREAD_SANITIZER
static __thread void *maps[2100];

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    void *memory;

    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "mmap");
    if (!(flags & MAP_STACK) || !(flags & MAP_NORESERVE) || !(protection & PROT_WRITE))
        return real(address, size, protection, flags, fd, offset);
    if (mmap_fails) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    memory = real(address, size, protection, flags, fd, offset);
    if (memory != MAP_FAILED) {
        maps[mapped++] = memory;
        last_size = size;
    }
    return memory;
}

int munmap(void *address, size_t size)
{
    static int (*real)(void *, size_t);

    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "munmap");
    for (int i = 0; i < mapped; i++)
        if (maps[i] == address) {
            maps[i] = maps[--mapped];
            unmapped++;
            break;
        }
    return real(address, size);
}

int mprotect(void *address, size_t size, int protection)
{
    static int (*real)(void *, size_t, int);

    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "mprotect");
    if (mprotect_fails) {
        errno = ENOMEM;
        return -1;
    }
    return real(address, size, protection);
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    static int (*real)(pthread_key_t, const void *);

    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_setspecific");
    return setspecific_fails ? ENOMEM : real(key, value);
}
#endif

/* ---- Generators ---------------------------------------------------------------------------- */

WITH_GENERATOR(simple, int, (int, n))
{
    yield(n);
}

static int alive_inside(int n)
{
    if (n == 0) return 0;
    with (cm_simple(n), number) return alive_inside(n - 1) + (number > 0);
    return -1;
}

static int enter_without_memory(void)
{
    int caught = 0;

    errno = EDOM;
    try {
        with (cm_simple(1)) CHECK(false);
    } catch (MemoryError, e) {
        CHECK_STR(e->message, "no memory for the stack of a generator");
        caught = 1;
    }
    CHECK_INT(errno, EDOM);
    return caught;
}

/* The Nth stack of many alive at once is not to be had: those before it are exited and kept or unmapped. */
static void test_no_memory(void)
{
    mmap_fails = true;
    CHECK_INT(enter_without_memory(), 1);
    CHECK_INT(mapped, 0);
    mmap_fails = false;
    mprotect_fails = true;
    CHECK_INT(enter_without_memory(), 1);
    CHECK_INT(mapped, 0);
    mprotect_fails = false;
    with (cm_simple(1), one) {
        CHECK_INT(one, 1);
        CHECK_INT(mapped, 1);
        mmap_fails = true;
        CHECK_INT(enter_without_memory(), 1);
        mmap_fails = false;
    }
    mmap_fails = true;
    with (cm_simple(2), two) CHECK_INT(two, 2); /* on the stack that was kept */
    mmap_fails = false;
}

/* ---- What is kept -------------------------------------------------------------------------- */

static void *keep_in_thread(void *ret_left)
{
    CHECK_INT(alive_inside(100), 100);
    *(int *)ret_left = mapped;
    unmapped = 0;
    return NULL;
}

static void *keep_nothing(void *ret_left)
{
    setspecific_fails = true;
    CHECK_INT(alive_inside(5), 5);
    *(int *)ret_left = mapped;
    setspecific_fails = false;
    return NULL;
}

static void test_kept(void)
{
    pthread_t thread;
    int left = -1;

    pthread_create(&thread, NULL, keep_in_thread, &left);
    pthread_join(thread, NULL);
    CHECK_INT(left, 16);
    CHECK_INT(unmapped, 16); /* at the thread's end */
    pthread_create(&thread, NULL, keep_nothing, &left);
    pthread_join(thread, NULL);
    CHECK_INT(left, 0);
}

/* ---- Size ---------------------------------------------------------------------------------- */

static void test_size(void)
{
    const size_t big = 1024 * 1024;

    CHECK_INT(with_generator_set_stack_size(0), -EINVAL);
    CHECK_INT(with_generator_set_stack_size(16 * 1024 - 1), -EINVAL);
    CHECK_INT(with_generator_set_stack_size((size_t)-1), -EINVAL);
    CHECK_INT(with_generator_set_stack_size(big), 0);
    with (cm_simple(1)) CHECK(last_size >= big && last_size < big + 64 * 1024);
    CHECK_INT(mapped, 1); /* the one of another size is gone */
    CHECK_INT(with_generator_set_stack_size(256 * 1024), 0);
    with (cm_simple(1)) CHECK(last_size > 256 * 1024 && last_size < 512 * 1024);
}

/* Each page points to the one before it, so that none can be left out. */
static __attribute__((noinline)) int use_stack(int pages, const volatile char *before)
{
    volatile char page[4096];

    page[0] = (char)(before ? before[0] + 1 : 0);
    return pages ? use_stack(pages - 1, page) + page[0] : 0;
}

WITH_GENERATOR(needs, void, (int, pages))
{
    use_stack(pages, NULL);
    yield();
}

static int status_of(int pages)
{
    const struct rlimit none = {0, 0};
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL);
        with (cm_needs(pages)) _exit(5);
    }
    waitpid(child, &status, 0);
    return status;
}

static void test_overflow(void)
{
    int status = status_of(10);

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    status = status_of(10000);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    if (UNDER_THREAD_SANITIZER) {
        CHECK_INT(alive_inside(100), 100);
        return test_result();
    }
    test_no_memory();
    test_kept();
    test_size();
    test_overflow();
    return test_result();
}
