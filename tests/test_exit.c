/* SPDX-License-Identifier: MIT
 *
 * The ends of a process: exit() and with_exit() in main and in threads, and exceptions that nobody
 * catches. Each case runs in a child, whose output and status are compared.
 */
#include <with.h>

#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Managers that tell what they do --------------------------------------------- */

struct told {
    WITH_MANAGER;
    const char *as;
    void (*at_exit)(void);
};

static void tell(const char *text, const char *name)
{
    fprintf(stderr, "%s %s\n", text, name);
}

static void told_enter(struct told *self)
{
    tell("enter", self->as);
}

static bool told_exit(struct told *self, const with_exception *exception)
{
    tell(exception ? exception->type->name : with_completed(self) ? "completed" : "exit", self->as);
    if (self->at_exit) self->at_exit();
    return false;
}

WITH_CLASS(told, told_enter, told_exit);

static struct told cm_told(const char *name)
{
    return WITH_NEW(told, .as = name);
}

static struct told cm_doing(const char *name, void (*at_exit)(void))
{
    return WITH_NEW(told, .as = name, .at_exit = at_exit);
}

/* ---- Children ------------------------------------------------------------------------------ */

/* Leaves out the lines of a traceback that name places. */
static void without_places(char *text)
{
    char *to = text;

    for (char *from = text, *end; *from; from = end) {
        end = strchr(from, '\n');
        end = end ? end + 1 : from + strlen(from);
        if (*from == ' ') continue;
        memmove(to, from, (size_t)(end - from));
        to += end - from;
    }
    *to = '\0';
}

static void check_child(void (*function)(void), int status, const char *wanted, int line)
{
    char text[4000];
    FILE *told = tmpfile();
    pid_t child = told ? fork() : -1;
    size_t length;
    int got = -1;

    if (child < 0) abort();
    if (child == 0) {
        dup2(fileno(told), STDERR_FILENO);
        function();
        exit(0);
    }
    waitpid(child, &got, 0);
    rewind(told);
    length = fread(text, 1, sizeof text - 1, told);
    text[length] = '\0';
    fclose(told);
    without_places(text);
    test_strings(text, wanted, __FILE__, line, "what the child told");
    test_integers(WIFEXITED(got) ? WEXITSTATUS(got) : -got, status, __FILE__, line, "its status");
}

#define CHECK_CHILD(FUNCTION, STATUS, TOLD) check_child(FUNCTION, STATUS, TOLD, __LINE__)
#define TRACEBACK "Traceback (most recent call last):\n"
#define CAUSED "\nThe above exception was the direct cause of the following exception:\n\n"
#define DURING "\nDuring handling of the above exception, another exception occurred:\n\n"

static void in_thread(void *(*function)(void *))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, function, NULL)) abort();
    pthread_join(thread, NULL);
    tell("joined", "thread");
}

/* ---- Exceptions that nobody catches -------------------------------------------------------- */

static void uncaught(void)
{
    with (cm_told("a")) {
        try {
            using (cm_told("b"));
            throw(ValueError, "number %d", 1);
        } catch (KeyError) {
            tell("wrong", "handler");
        }
    }
}

static void *uncaught_thread(void *unused)
{
    uncaught();
    return unused;
}

static void uncaught_in_thread(void)
{
    with (cm_told("of main")) in_thread(uncaught_thread);
}

static void uncaught_during(void)
{
    try {
        throw(ValueError, "first");
    } catch (ValueError, e) {
        with_add_note(e, "a note");
        using (cm_told("in the handler"));
        throw(KeyError, "second");
    }
}

static void uncaught_because(void)
{
    try {
        throw(ValueError, "first");
    } catch (ValueError, e) {
        throw_from(e, KeyError, "second");
    }
}

static void uncaught_alone(void)
{
    try {
        throw(ValueError, "hidden");
    } catch (ValueError) {
        throw_from(NULL, KeyError, "shown");
    }
}

static void uncaught_rethrown(void)
{
    try {
        throw_error(EPIPE, "pipe");
    } catch (OSError) {
        with_rethrow();
    }
}

static void fail(void)
{
    throw(RuntimeError, "in an exit");
}

static void uncaught_from_exit(void)
{
    with (cm_told("a"))
        with (cm_doing("b", fail)) throw(ValueError, "in the body");
}

static void test_uncaught(void)
{
    CHECK_CHILD(uncaught, 1,
                "enter a\nenter b\nValueError b\nValueError a\n" TRACEBACK
                "ValueError: number 1\n");
    CHECK_CHILD(uncaught_in_thread, 1,
                "enter of main\nenter a\nenter b\nValueError b\nValueError a\n" TRACEBACK
                "ValueError: number 1\n");
    CHECK_CHILD(uncaught_during, 1,
                "enter in the handler\nKeyError in the handler\n" TRACEBACK
                "ValueError: first\na note\n" DURING TRACEBACK "KeyError: second\n");
    CHECK_CHILD(uncaught_because, 1,
                TRACEBACK "ValueError: first\n" CAUSED TRACEBACK "KeyError: second\n");
    CHECK_CHILD(uncaught_alone, 1, TRACEBACK "KeyError: shown\n");
    CHECK_CHILD(uncaught_rethrown, 1, TRACEBACK "BrokenPipeError: pipe: Broken pipe\n");
    CHECK_CHILD(uncaught_from_exit, 1,
                "enter a\nenter b\nValueError b\nRuntimeError a\n" TRACEBACK
                "ValueError: in the body\n" DURING TRACEBACK "RuntimeError: in an exit\n");
}

/* ---- exit() -------------------------------------------------------------------------------- */

static void exit_3(void)
{
    exit(3);
}

static void exit_4(void)
{
    exit(4);
}

static void exit_in_blocks(void)
{
    with (cm_told("a")) {
        try {
            throw(ValueError, "being handled");
        } catch (ValueError) {
            using (cm_told("b"));
            exit_3();
        }
    }
}

static void *exit_thread(void *unused)
{
    with (cm_told("a")) exit_3();
    return unused;
}

static void exit_in_thread(void)
{
    with (cm_told("of main")) in_thread(exit_thread);
}

/* At exit() an exception stops nothing, whatever is thrown; a SystemExit is not even printed. */
static void fail_in_handler(void)
{
    try {
        throw(KeyError, "first");
    } catch (KeyError) {
        throw(ValueError, "second");
    }
}

static void leave_by_with_exit(void)
{
    with_exit(9);
}

static void exits_that_fail(void)
{
    with (cm_told("a"))
        with (cm_doing("b", fail_in_handler))
            with (cm_told("c"))
                with (cm_doing("d", leave_by_with_exit))
                    with (cm_doing("e", fail)) exit_3();
}

/* The exits left still run, once; the newest status counts. */
static void exits_that_exit(void)
{
    with (cm_told("a"))
        with (cm_doing("b", exit_4))
            with (cm_told("c"))
                with (cm_doing("d", exit_4))
                    with (cm_told("e")) exit_3();
}

static void exit_while_throwing(void)
{
    with (cm_told("a"))
        with (cm_doing("b", exit_4)) throw(ValueError, "abandoned");
}

static void blocks_in_exit(void)
{
    try {
        with (cm_told("inner")) throw(ValueError, "caught there");
    } catch (ValueError, e) {
        tell("caught", e->message);
    }
}

static void exits_with_blocks(void)
{
    with (cm_doing("a", blocks_in_exit)) exit_3();
}

static void use_blocks_at_exit(void)
{
    tell("holding", with_dump(NULL) ? "something" : "nothing");
    blocks_in_exit();
}

static void blocks_after_main(void)
{
    atexit(use_blocks_at_exit);
    with (cm_told("a")) tell("body of", "a");
}

static void throw_after_main(void)
{
    atexit(fail);
    with (cm_told("a")) tell("body of", "a");
}

static void no_exits(void)
{
    with (cm_told("a")) _exit(3);
}

static void test_exit(void)
{
    CHECK_CHILD(exit_in_blocks, 3, "enter a\nenter b\nexit b\nexit a\n");
    CHECK_CHILD(exit_in_thread, 3, "enter of main\nenter a\nexit a\n");
    CHECK_CHILD(exits_that_fail, 3,
                "enter a\nenter b\nenter c\nenter d\nenter e\nexit e\n" TRACEBACK
                "RuntimeError: in an exit\nexit d\nexit c\nexit b\n" TRACEBACK
                "KeyError: first\n" DURING TRACEBACK "ValueError: second\nexit a\n");
    CHECK_CHILD(exits_that_exit, 4,
                "enter a\nenter b\nenter c\nenter d\nenter e\nexit e\nexit d\nexit c\nexit b\n"
                "exit a\n");
    CHECK_CHILD(exit_while_throwing, 4, "enter a\nenter b\nValueError b\nexit a\n");
    CHECK_CHILD(exits_with_blocks, 3,
                "enter a\nexit a\nenter inner\nValueError inner\ncaught caught there\n");
    CHECK_CHILD(blocks_after_main, 0,
                "enter a\nbody of a\ncompleted a\nholding nothing\nenter inner\n"
                "ValueError inner\ncaught caught there\n");
    CHECK_CHILD(throw_after_main, 1,
                "enter a\nbody of a\ncompleted a\n" TRACEBACK "RuntimeError: in an exit\n");
    CHECK_CHILD(no_exits, 3, "enter a\n");
}

/* ---- with_exit() --------------------------------------------------------------------------- */

static void with_exit_in_blocks(void)
{
    with (cm_told("a")) {
        try {
            with (cm_told("b")) with_exit(5);
        } catch (Exception) {
            tell("wrong", "handler");
        }
    }
}

static void *with_exit_thread(void *unused)
{
    with_exit_in_blocks();
    return unused;
}

static void with_exit_in_thread(void)
{
    with (cm_told("of main")) in_thread(with_exit_thread);
}

static void caught_system_exit(void)
{
    try {
        with_exit(5);
    } catch (SystemExit, e) {
        tell("caught", e->type->name);
        exit(e->code + 1);
    }
}

static void replaced_system_exit(void)
{
    with (cm_doing("a", fail)) with_exit(5);
}

static void thrown_system_exit(void)
{
    throw(SystemExit, "without a status");
}

static void test_with_exit(void)
{
    CHECK_CHILD(with_exit_in_blocks, 5, "enter a\nenter b\nSystemExit b\nSystemExit a\n");
    CHECK_CHILD(with_exit_in_thread, 5,
                "enter of main\nenter a\nenter b\nSystemExit b\nSystemExit a\n");
    CHECK_CHILD(caught_system_exit, 6, "caught SystemExit\n");
    CHECK_CHILD(replaced_system_exit, 1,
                "enter a\nSystemExit a\n" TRACEBACK "SystemExit\n" DURING TRACEBACK
                "RuntimeError: in an exit\n");
    CHECK_CHILD(thrown_system_exit, 0, "");
}

int main(void)
{
    test_uncaught();
    test_exit();
    test_with_exit();
    return test_result();
}
