/* SPDX-License-Identifier: MIT
 *
 * Exits in an exit stack that are cut short: while the stack is left in one way, one of the exits leaves in
 * another. Every exit runs exactly once all the same, and what is around sees what it would see round
 * nested blocks. Each case is a child process with one more thread.
 */
#include <with.h>
#include <with/stack.h>

#include "test.h"
#include "test_cut.h"

#include <pthread.h>

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
    share_with_children();
    for (place = 0; place < PLACES; place++)
        for (body_leaves = 0; body_leaves < LEAVINGS; body_leaves++)
            for (exit_leaves = 0; exit_leaves < LEAVINGS; exit_leaves++)
                for (int suppresses = 0; suppresses < 2; suppresses++) {
                    cut_suppresses = suppresses;
                    if (possible() && sensible()) run_case(place);
                }
    if (possible_often()) run_often();
    return test_result();
}
