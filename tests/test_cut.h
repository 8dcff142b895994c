/* SPDX-License-Identifier: MIT
 *
 * For tests of exits that are cut short: managers whose exits leave in another way than their block, and
 * a case, which is a child process with one more thread.
 */
#ifndef TEST_CUT_H
#define TEST_CUT_H

#include <with.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum leaving { ENDS, RETURNS, THROWS, CANCELLED, THREAD_EXITS, EXITS, LEAVINGS };
enum { STATUS_OF_BODY = 5, STATUS_OF_EXIT = 6 };

/* Shared with the children. */
static struct {
    int entered, exited[4];
    char outer_saw[40];
    char order[16];
} * seen;

static enum leaving body_leaves, exit_leaves;

/* The address sanitizer's: forgets the frames that a cancellation is about to leave. */
void __asan_handle_no_return(void) __attribute__((weak));

static void leave(enum leaving how, int status)
{
    switch (how) {
    case THROWS: throw(RuntimeError, "%d", status);
    case CANCELLED:
        if (__asan_handle_no_return) __asan_handle_no_return();
        pthread_cancel(pthread_self());
        pthread_testcancel();
        break;
    case THREAD_EXITS: pthread_exit(NULL);
    case EXITS: exit(status);
    default: break;
    }
}

/* ---- Managers ------------------------------------------------------------------------------ */

struct counted {
    WITH_MANAGER;
    int number;
};

static void counted_enter(struct counted *self)
{
    (void)self;
    seen->entered++;
}

static bool counted_exit(struct counted *self, const with_exception *exception)
{
    seen->exited[self->number]++;
    seen->order[strlen(seen->order)] = (char)('0' + self->number);
    if (self->number == 0) strcpy(seen->outer_saw, exception ? exception->message : "nothing");
    return false;
}

WITH_CLASS(counted, counted_enter, counted_exit);

static struct counted cm_counted(int number)
{
    return WITH_NEW(counted, .number = number);
}

/* Its exit leaves another block on its way. */
struct cut {
    WITH_MANAGER;
};

static void cut_enter(struct cut *self)
{
    (void)self;
    seen->entered++;
}

static bool cut_exit(struct cut *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    seen->exited[1]++;
    seen->order[strlen(seen->order)] = '1';
    using (cm_counted(3));
    leave(exit_leaves, STATUS_OF_EXIT);
    return false;
}

WITH_CLASS(cut, cut_enter, cut_exit);

/* The same as a suppressor, which has a landing below its frame. */
struct cut_suppressor {
    WITH_SUPPRESSOR;
};

static void cut_suppressor_enter(struct cut_suppressor *self)
{
    (void)self;
    seen->entered++;
}

static bool cut_suppressor_exit(struct cut_suppressor *self, const with_exception *exception)
{
    (void)self;
    return cut_exit(NULL, exception);
}

WITH_CLASS(cut_suppressor, cut_suppressor_enter, cut_suppressor_exit);

/* ---- A case -------------------------------------------------------------------------------- */

static bool cut_suppresses; /* cut_suppressor instead of cut */

/* The test's: 0 round 1 round 2, left as body_leaves says. */
static int run_blocks(void);

static void *run_thread(void *unused)
{
    run_blocks();
    return unused;
}

/* The process ends by exit(), by an exception that nobody catches, or after its thread. */
static int wanted_status(void)
{
    if (exit_leaves == EXITS) return STATUS_OF_EXIT;
    if (body_leaves == EXITS) return STATUS_OF_BODY;
    if (exit_leaves == THROWS) return 1;
    return body_leaves == THROWS && exit_leaves <= RETURNS ? 1 : 0;
}

/* What an exception that replaces another, or a cancellation, looks like further out. */
static const char *wanted_by_outer(void)
{
    if (body_leaves == EXITS || exit_leaves == EXITS) return "nothing";
    if (exit_leaves == THROWS) return "6";
    return body_leaves == THROWS && exit_leaves <= RETURNS ? "5" : "nothing";
}

static void __attribute__((noreturn)) run_child(void *(*function)(void *))
{
    pthread_t thread;

    if (!freopen("/dev/null", "w", stderr)) _exit(99);
    if (pthread_create(&thread, NULL, function, NULL)) _exit(99);
    pthread_join(thread, NULL);
    exit(0);
}

/* place is the test's name for where the managers stand. */
static void run_case(int place)
{
    char name[80];
    int status = -1;
    pid_t child;

    memset(seen, 0, sizeof *seen);
    child = fork();
    if (child == 0) run_child(run_thread);
    waitpid(child, &status, 0);
    snprintf(name, sizeof name, "place %d, body leaves by %d, exit%s by %d", place, body_leaves,
             cut_suppresses ? " of a suppressor" : "", exit_leaves);
    test_integers(WIFEXITED(status) ? WEXITSTATUS(status) : -status, wanted_status(), __FILE__,
                  __LINE__, name);
    test_strings(seen->order, "2130", __FILE__, __LINE__, name);
    test_strings(seen->outer_saw, wanted_by_outer(), __FILE__, __LINE__, name);
    for (int i = 0; i < 4; i++) test_integers(seen->exited[i], 1, __FILE__, __LINE__, name);
    test_integers(seen->entered, 4, __FILE__, __LINE__, name);
}

/* Beyond what is promised: to end the thread while exit() runs, or, with clang, to end it twice. */
static bool possible(void)
{
    const bool thread_ends = exit_leaves == CANCELLED || exit_leaves == THREAD_EXITS;

#ifdef __clang__ /* aborts on an unwinding out of a cleanup that is being unwound through */
    if ((body_leaves == CANCELLED || body_leaves == THREAD_EXITS) && exit_leaves == THREAD_EXITS)
        return false;
#endif
#ifndef __GLIBC__
    if (thread_ends || body_leaves == CANCELLED || body_leaves == THREAD_EXITS) return false;
#endif
    return exit_leaves != RETURNS && !(thread_ends && body_leaves == EXITS);
}

static void share_with_children(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED) abort();
}

#endif
