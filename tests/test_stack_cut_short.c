/* SPDX-License-Identifier: MIT
 *
 * Exits in an exit stack that are cut short: while the stack is left in one way, one of the exits leaves in
 * another. Every exit runs exactly once all the same, and what is around sees what it would see round
 * nested blocks. Each case is a child process with one more thread.
 */
#include <with.h>
#include <with/stack.h>

#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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

static bool cut_suppresses;

/* Where 1 and 2 stand, and 0 where it is not round the stack. */
static enum place { IN_BLOCK, IN_USING, IN_STACK, CLOSED, POPPED, AGAIN, PUSHED, PLACES } place;

static bool push_cut(void *unused, const with_exception *exception)
{
    return cut_exit(unused, exception);
}

static void call_counted_2(void *unused)
{
    (void)unused;
    seen->exited[2]++;
    seen->order[strlen(seen->order)] = '2';
}

/* ---- A case -------------------------------------------------------------------------------- */

static void fill(with_exit_stack *stack)
{
    if (place == PUSHED) {
        with_stack_push(stack, push_cut, NULL);
        with_stack_callback(stack, call_counted_2, NULL);
        seen->entered += 2;
        return;
    }
    if (cut_suppresses) with_stack_hold(stack, WITH_NEW(cut_suppressor));
    else with_stack_hold(stack, WITH_NEW(cut));
    with_stack_hold(stack, cm_counted(2));
}

static int run_in_block(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_counted(0));
        fill(stack);
        if (body_leaves == RETURNS) return 1;
        leave(body_leaves, STATUS_OF_BODY);
    }
    return 0;
}

static int run_in_using(void)
{
    using (cm_counted(0));
    using (cm_plain_exit_stack(), stack);
    fill(stack);
    if (body_leaves == RETURNS) return 1;
    leave(body_leaves, STATUS_OF_BODY);
    return 0;
}

static int run_in_stack(void)
{
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_counted(0));
        fill(with_stack_enter(stack, cm_exit_stack()));
        if (body_leaves == RETURNS) return 1;
        leave(body_leaves, STATUS_OF_BODY);
    }
    return 0;
}

/* Closed, the body is left before its end by what the exits do, if they do. */
static int run_closed(void)
{
    with (cm_counted(0)) {
        with_exit_stack *stack = NULL;
        with (cm_exit_stack(), short_lived) {
            fill(short_lived);
            if (place == CLOSED) with_stack_close(short_lived);
            else stack = with_stack_pop_all(short_lived);
        }
        if (place == POPPED) with_stack_close(stack);
        if (place == AGAIN) {
            with (cm_exit_stack_of(stack)) {
                if (body_leaves == RETURNS) return 1;
                leave(body_leaves, STATUS_OF_BODY);
            }
        }
    }
    return 0;
}

static int run_blocks(void)
{
    switch (place) {
    case IN_BLOCK:
    case PUSHED: return run_in_block();
    case IN_USING: return run_in_using();
    case IN_STACK: return run_in_stack();
    default: return run_closed();
    }
}

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

static void run_case(void)
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

/* ---- Cut short more than once --------------------------------------------------------------- */

static void end_thread(void *unused)
{
    seen->order[strlen(seen->order)] = 't';
    pthread_exit(unused);
}

static void fail(void *unused)
{
    (void)unused;
    seen->order[strlen(seen->order)] = 'f';
    throw(RuntimeError, "failed");
}

static void *end_thread_often(void *unused)
{
    with (cm_exit_stack(), stack) {
        with_stack_hold(stack, cm_counted(0));
        with_stack_callback(stack, end_thread, NULL);
        with_stack_hold(stack, cm_counted(1));
        with_stack_callback(stack, end_thread, NULL);
        with_stack_callback(stack, fail, NULL);
        with_stack_callback(stack, end_thread, NULL);
        with_stack_hold(stack, cm_counted(2));
    }
    return unused;
}

/* As in possible(). */
static bool possible_often(void)
{
#if defined(__GLIBC__) && !defined(__clang__)
    return true;
#else
    return false;
#endif
}

static void run_often(void)
{
    pthread_t thread;

    memset(seen, 0, sizeof *seen);
    if (pthread_create(&thread, NULL, end_thread_often, NULL)) return;
    pthread_join(thread, NULL);
    CHECK_STR(seen->order, "2tft1t0");
    CHECK_STR(seen->outer_saw, "nothing");
}

/* Before a close there is nothing to leave. */
static bool sensible(void)
{
    if (cut_suppresses && place != IN_BLOCK && place != IN_STACK) return false;
    return body_leaves == ENDS || (place != CLOSED && place != POPPED);
}

int main(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED) return 1;
    for (place = 0; place < PLACES; place++)
        for (body_leaves = 0; body_leaves < LEAVINGS; body_leaves++)
            for (exit_leaves = 0; exit_leaves < LEAVINGS; exit_leaves++)
                for (int suppresses = 0; suppresses < 2; suppresses++) {
                    cut_suppresses = suppresses;
                    if (possible() && sensible()) run_case();
                }
    if (possible_often()) run_often();
    return test_result();
}
