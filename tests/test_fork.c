/* SPDX-License-Identifier: MIT
 *
 * fork() inside of blocks: parent and child each leave the blocks by themselves, in whatever way, and
 * the exit can tell which of the two it is in.
 */
#include <with.h>

#include "test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* As the managers of the library do it: the pid that entered says whose the effect is. */
struct owner {
    WITH_MANAGER;
    pid_t as;
    int report; /* a pipe */
};

static void owner_enter(struct owner *self)
{
    self->as = getpid();
}

static bool owner_exit(struct owner *self, const with_exception *exception)
{
    const char report = getpid() == self->as ? 'p' : exception ? 'x' : 'c';

    if (write(self->report, &report, 1) != 1) abort();
    return false;
}

WITH_CLASS(owner, owner_enter, owner_exit);

enum leaving { ENDS, RETURNS, THROWS, EXITS, WITH_EXITS, UNDERSCORE_EXITS };

static void leave_child(enum leaving how)
{
    switch (how) {
    case THROWS: throw(ValueError, "in the child");
    case EXITS: exit(0);
    case WITH_EXITS: with_exit(0);
    case UNDERSCORE_EXITS: _exit(0);
    default: break;
    }
}

/* The child leaves three blocks and a handler in the given way; the parent only waits. */
static pid_t fork_in_blocks(int report, enum leaving how)
{
    pid_t child = -1;

    with (WITH_NEW(owner, .report = report)) {
        try {
            throw(KeyError, "handled by both");
        } catch (KeyError, e) {
            using (WITH_NEW(owner, .report = report));
            with (WITH_NEW(owner, .report = report), parent) {
                child = fork();
                if (child == 0) {
                    if (strcmp(e->message, "handled by both") != 0 || parent == getpid()) abort();
                    if (how == RETURNS) return 0;
                    leave_child(how);
                } else waitpid(child, NULL, 0);
            }
        }
    }
    return child;
}

static void check_case(enum leaving how, const char *wanted)
{
    char got[20] = "";
    int ends[2];
    const pid_t parent = getpid();
    ssize_t length;

    if (pipe(ends)) abort();
    try {
        fork_in_blocks(ends[1], how);
    } catch (ValueError) {
    }
    if (getpid() != parent) _exit(0);
    close(ends[1]);
    length = read(ends[0], got, sizeof got - 1);
    got[length < 0 ? 0 : length] = '\0';
    close(ends[0]);
    CHECK_STR(got, wanted);
}

/* The exceptions that are alive at the fork are the child's too, each for itself. */
static void test_exceptions(void)
{
    try {
        throw(KeyError, "before");
    } catch (KeyError, e) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            with_add_note(e, "of the child");
            try {
                with_throw_again(with_exception_ref(e));
            } catch (KeyError, again) {
                _exit(again == e && strcmp(e->notes->text, "of the child") == 0 ? 0 : 1);
            }
        }
        waitpid(child, &status, 0);
        CHECK_INT(status, 0);
        CHECK(e->notes == NULL);
    }
}

int main(void)
{
    fflush(stdout);
    check_case(ENDS, "cccppp");
    check_case(RETURNS, "cccppp");
    check_case(THROWS, "xxxppp");
    check_case(EXITS, "cccppp");
    check_case(WITH_EXITS, "xxxppp");
    check_case(UNDERSCORE_EXITS, "ppp");
    test_exceptions();
    return test_result();
}
