/* SPDX-License-Identifier: MIT
 *
 * Exits that are cut short: while a block is left in one way, one of its exits leaves in another. Every
 * exit runs exactly once all the same. Each case is a child process with one more thread.
 */
#include <with.h>

#include "test.h"
#include "test_cut.h"

/* The exit inside of it. */
struct thrower {
    WITH_MANAGER;
};

static void thrower_enter(struct thrower *self)
{
    (void)self;
    seen->entered++;
}

static bool thrower_exit(struct thrower *self, const with_exception *exception)
{
    (void)self;
    seen->exited[2]++;
    seen->order[strlen(seen->order)] = '2';
    throw_from(exception, ValueError, "second");
}

WITH_CLASS(thrower, thrower_enter, thrower_exit);

/* ---- A case -------------------------------------------------------------------------------- */

static int run_blocks(void)
{
    with (cm_counted(0)) {
        if (cut_suppresses) {
            with (WITH_NEW(cut_suppressor)) {
                with (cm_counted(2)) {
                    if (body_leaves == RETURNS) return 1;
                    leave(body_leaves, STATUS_OF_BODY);
                }
            }
            return 0;
        }
        with (WITH_NEW(cut)) {
            with (cm_counted(2)) {
                if (body_leaves == RETURNS) return 1;
                leave(body_leaves, STATUS_OF_BODY);
            }
        }
    }
    return 0;
}

/* Two exits that are cut short: one throws while a throw is running, the next ends the thread. */
static void *run_twice(void *unused)
{
    with (cm_counted(0)) {
        with (WITH_NEW(cut)) { /* whose exit leaves as exit_leaves says by then */
            with (WITH_NEW(thrower)) throw(KeyError, "first");
        }
    }
    return unused;
}

static void check_twice(void)
{
    int status = -1;
    pid_t child;

    memset(seen, 0, sizeof *seen);
    child = fork();
    if (child == 0) run_child(run_twice);
    waitpid(child, &status, 0);
    CHECK_INT(status, exit_leaves == EXITS ? STATUS_OF_EXIT << 8 : 0);
    CHECK_STR(seen->order, "2130");
    CHECK_STR(seen->outer_saw, "nothing");
    CHECK_INT(seen->entered, 4);
}

int main(void)
{
    share_with_children();
    for (body_leaves = 0; body_leaves < LEAVINGS; body_leaves++)
        for (exit_leaves = 0; exit_leaves < LEAVINGS; exit_leaves++) {
            if (!possible()) continue;
            cut_suppresses = false;
            run_case(0);
            cut_suppresses = true;
            run_case(0);
        }
    exit_leaves = EXITS;
    check_twice();
#ifdef __GLIBC__
    exit_leaves = THREAD_EXITS;
    check_twice();
    exit_leaves = CANCELLED;
    check_twice();
#endif
    return test_result();
}
