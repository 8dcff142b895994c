/* SPDX-License-Identifier: MIT
 *
 * cm_flock when the system refuses, interrupts, or is overtaken by somebody who replaces the file.
 * The functions of libc are defined here; they do what they are told, then their work.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT, F_OFD_SETLK */
#endif
#include "test.h"
#include "test_locks.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

static char directory[] = "/tmp/test_flock.XXXXXX", path[64], other[64];

/* ---- Functions that fail on demand --------------------------------------------------------- */

static int lock_error, unlock_error, close_error, interruptions, replacements;
static bool remove_only, block_in_lock;
static sem_t blocked;

static void replace_file(void)
{
    FILE *file;

    if (replacements == 0) return;
    replacements--;
    if (remove_only) {
        unlink(path);
        return;
    }
    file = fopen(other, "w");
    if (!CHECK(file != NULL)) return;
    fclose(file);
    rename(other, path);
}

static int before_locking(void)
{
    if (block_in_lock) {
        sem_post(&blocked);
        for (;;) pause(); /* as F_OFD_SETLKW does: until the thread is cancelled */
    }
    replace_file();
    if (interruptions > 0) {
        interruptions--;
        return EINTR;
    }
    return lock_error;
}

static int is_lock(int command)
{
    return command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

static int set_lock(int (*real)(int, int, ...), int fd, int command, struct flock *lock)
{
    int error = lock->l_type == F_UNLCK ? unlock_error : before_locking();

    if (error && lock->l_type == F_UNLCK) real(fd, command, lock);
    if (!error) return real(fd, command, lock);
    errno = error;
    return -1;
}

/* Whatever the name by which the headers call it. */
#define INTERPOSE_FCNTL(NAME)                                                                      \
    int NAME(int fd, int command, ...)                                                             \
    {                                                                                              \
        static int (*real)(int, int, ...);                                                         \
        void *argument;                                                                            \
        va_list arguments;                                                                         \
        va_start(arguments, command);                                                              \
        argument = va_arg(arguments, void *);                                                      \
        va_end(arguments);                                                                         \
        if (!real) *(void **)&real = dlsym(RTLD_NEXT, #NAME);                                      \
        return is_lock(command) ? set_lock(real, fd, command, argument)                            \
                                : real(fd, command, argument);                                     \
    }

INTERPOSE_FCNTL(fcntl)
#ifdef __GLIBC__
INTERPOSE_FCNTL(fcntl64)
#endif

int close(int fd)
{
    static int (*real)(int);
    int result;

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "close");
    result = real(fd);
    if (!close_error) return result;
    errno = close_error;
    return -1;
}

static void reset(void)
{
    lock_error = unlock_error = close_error = interruptions = replacements = 0;
    remove_only = block_in_lock = false;
}

/* ---- Entering ------------------------------------------------------------------------------ */

static int open_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 100; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void hold(void *body)
{
    with (cm_flock(path))
        if (body) ((void (*)(void))body)();
}

static void hold_within(void *body)
{
    with (cm_flock_within(path, 60))
        if (body) ((void (*)(void))body)();
}

static void never(void)
{
    CHECK(!"the block must not run");
}

static void throw_in_body(void)
{
    throw(KeyError, "body");
}

static void test_failed_lock(void (*function)(void *))
{
    const int before = open_files();
    const with_exception *e;

    lock_error = ENOLCK;
    e = with_call(function, (void *)never);
    reset();
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &OSError);
    CHECK_INT(e->code, ENOLCK);
    CHECK(strstr(e->message, path) != NULL);
    with_exception_unref(e);
    CHECK_INT(open_files(), before);
}

static void test_interruptions(void)
{
    interruptions = 3;
    with (cm_flock(path)) CHECK_INT(interruptions, 0);
    interruptions = 3;
    with (cm_flock_within(path, 60)) CHECK_INT(interruptions, 0);
    interruptions = 3;
    with (cm_flock(path, .nonblocking = true)) CHECK_INT(interruptions, 0);
}

/* What is locked in the end is what has the name then. */
static void test_replaced(bool removed)
{
    const int before = open_files();
    struct stat opened, named;

    replacements = 3;
    remove_only = removed;
    with (cm_flock(path), fd) {
        CHECK_INT(replacements, 0);
        CHECK_INT(fstat(fd, &opened), 0);
        CHECK_INT(stat(path, &named), 0);
        CHECK(opened.st_ino == named.st_ino);
        CHECK_INT(open_files(), before + 1);
    }
    reset();
    CHECK_INT(open_files(), before);
}

/* ---- Leaving ------------------------------------------------------------------------------- */

static void check_failed_exit(int unlocking, int closing, const with_exception_type *type,
                              const char *part)
{
    const int before = open_files();
    const with_exception *e;

    unlock_error = unlocking;
    close_error = closing;
    e = with_call(hold, NULL);
    reset();
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == type);
    CHECK_INT(e->code, unlocking ? unlocking : closing);
    CHECK(strstr(e->message, path) != NULL);
    if (!CHECK(strstr(e->message, part) != NULL)) fprintf(stderr, "    got %s\n", e->message);
    with_exception_unref(e);
    CHECK_INT(open_files(), before);
    unlock_error = unlocking;
    close_error = closing;
    e = with_call(hold, (void *)throw_in_body);
    reset();
    if (!CHECK(e != NULL)) return;
    CHECK(e->type == &KeyError);
    CHECK(e->notes && strstr(e->notes->text, part) && strstr(e->notes->text, path));
    with_exception_unref(e);
    CHECK_INT(open_files(), before);
}

static void test_failed_exit(void)
{
    check_failed_exit(ENOLCK, 0, &OSError, "unlocking ");
    check_failed_exit(0, EIO, &OSError, "closing ");
    check_failed_exit(EPERM, EIO, &PermissionError, "(and closing it: error 5)");
    close_error = EINTR; /* then it is closed nevertheless */
    CHECK(with_call(hold, NULL) == NULL);
    reset();
}

/* ---- A waiter that is cancelled ------------------------------------------------------------ */

#ifdef __GLIBC__
static void *wait_for_lock(void *unused)
{
    hold((void *)never);
    return unused;
}

static void test_cancelled_waiter(void)
{
    const int before = open_files();
    pthread_t thread;
    void *result = NULL;

    if (UNDER_TSAN) return;
    sem_init(&blocked, 0, 0);
    block_in_lock = true;
    CHECK_INT(pthread_create(&thread, NULL, wait_for_lock, NULL), 0);
    while (sem_wait(&blocked)) continue;
    pthread_cancel(thread);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    reset();
    CHECK_INT(open_files(), before);
    with (cm_flock(path, .nonblocking = true)) CHECK_INT(open_files(), before + 1);
    sem_destroy(&blocked);
}
#else
static void test_cancelled_waiter(void) {}
#endif

int main(void)
{
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof path, "%s/lock", directory);
    snprintf(other, sizeof other, "%s/other", directory);
    test_failed_lock(hold);
    test_failed_lock(hold_within);
    test_interruptions();
    test_replaced(false);
    test_replaced(true);
    test_failed_exit();
    test_cancelled_waiter();
    CHECK_INT(unlink(path), 0);
    CHECK_INT(rmdir(directory), 0);
    return test_result();
}
