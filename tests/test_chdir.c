/* SPDX-License-Identifier: MIT
 *
 * cm_chdir: there and back, whatever became of the directory. What says CPython is also true of
 * contextlib (Lib/test/test_contextlib.py).
 */
#define TEST_FAILING_CALLS
#include "test_files.h"

#include <with/redirect.h>

static void here(char *path)
{
    if (!getcwd(path, 4096)) strcpy(path, "(none)");
}

static void check_here(const char *wanted)
{
    char path[4096];

    here(path);
    CHECK_STR(path, wanted);
}

static char start[4096], inner[4200];

/* ---- There and back ------------------------------------------------------------------------ */

/* CPython: simple, reentrant, and with an exception. */
static void test_chdir(void)
{
    const struct cm_chdir to_inner = cm_chdir("inner"), to_root = cm_chdir("/");
    int before = open_descriptors();

    with (to_inner, left) {
        check_here(inner);
        CHECK(faccessat(left, "inner", F_OK, 0) == 0);
        CHECK_INT(fcntl(left, F_GETFD), FD_CLOEXEC);
    }
    check_here(start);
    with (to_root) {
        check_here("/");
        with (cm_chdir(start)) {
            with (to_inner) {
                with (to_root) check_here("/");
                check_here(inner);
            }
            check_here(start);
        }
        check_here("/");
    }
    check_here(start);
    try {
        with (to_inner) throw(RuntimeError, "boom");
    } catch (RuntimeError, e) {
        CHECK_STR(e->message, "boom");
    }
    check_here(start);
    CHECK_INT(open_descriptors(), before);
}

static void leave(int way)
{
    for (int i = 0; i < 2; i++) {
        using (cm_chdir("inner"));
        check_here(inner);
        if (way == 0) return;
        if (way == 1) break;
        if (way == 2) continue;
        goto out;
    }
    with (cm_chdir("inner")) continue;
out:;
}

static void test_ways_out(void)
{
    int before = open_descriptors();

    for (int way = 0; way <= 3; way++) {
        leave(way);
        check_here(start);
    }
    CHECK_INT(open_descriptors(), before);
}

static void test_renamed(void)
{
    char renamed[4200];

    with (cm_chdir("inner")) {
        with (cm_chdir("/")) {
            CHECK(rename(inner, strcat(strcpy(renamed, start), "/renamed")) == 0);
        }
        check_here(renamed);
        CHECK(rename(renamed, inner) == 0);
    }
    check_here(start);
}

/* Where the path of the directory is longer than any path that the system takes. */
static void test_too_deep(void)
{
    char name[201], path[4096];
    const int depth = 30;

    memset(name, 'd', 200);
    name[200] = '\0';
    with (cm_chdir("inner")) {
        for (int i = 0; i < depth; i++) CHECK(mkdir(name, 0700) == 0 && chdir(name) == 0);
        here(path);
        CHECK(strlen(path) < 30 * 200); /* it does not fit */
        write_text("mark", "here");
        with (cm_chdir("/")) check_here("/");
        CHECK_STR(text_of("mark"), "here");
        CHECK(unlink("mark") == 0);
        for (int i = 0; i < depth; i++) CHECK(chdir("..") == 0 && rmdir(name) == 0);
    }
    check_here(start);
}

/* To be left and come back to, a directory need not be readable, nor be there any more. */
static void test_unreadable(void)
{
    become_nobody();
    with (cm_chdir("/")) check_here("/");
    check_here(start);
}

static void test_removed(void)
{
    CHECK(mkdir("gone", 0700) == 0);
    with (cm_chdir("gone")) {
        CHECK(rmdir("../gone") == 0);
        with (cm_chdir("/")) check_here("/");
        CHECK(access("x", F_OK) == -1);
    }
    check_here(start);
}

/* ---- Failures ------------------------------------------------------------------------------ */

static void go(void *path)
{
    with (cm_chdir(path)) CHECK(!path || *(char *)path != 'n');
}

static void go_and_throw(void *path)
{
    with (cm_chdir(path)) throw(KeyError, "first");
}

static void test_chdir_failures(void)
{
    const with_exception *e;
    int before = open_descriptors();

    CHECK_THROWS(go, NULL, ValueError, "cm_chdir: the path is NULL");
    CHECK_THROWS(go, "nowhere", FileNotFoundError, "nowhere: No such file or directory");
    FAIL(open, 0, EMFILE);
    CHECK_THROWS(go, "inner", OSError, "the current directory: Too many open files");
    FAIL(open, 0, EINTR);
    CHECK_NO_THROW(go, "inner");
    FAIL(chdir, 0, EACCES);
    CHECK_THROWS(go, "inner", PermissionError, "inner: Permission denied");
    check_here(start);
    FAIL(close, 0, EIO);
    CHECK_THROWS(go, "inner", OSError, "going back from inner: Input/output error");
    check_here(start);
    FAIL(close, 0, EIO);
    e = with_call(go_and_throw, "inner");
    CHECK_STR(e->message, "first");
    CHECK_STR(e->notes ? e->notes->text : NULL, "going back from inner: Input/output error");
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), before);
}

static void test_no_way_back(void)
{
    int before = open_descriptors();

    FAIL(fchdir, 0, EACCES);
    FAIL(close, 0, EIO); /* what closing says then is not worth a word */
    CHECK_THROWS(go, "inner", PermissionError, "going back from inner: Permission denied");
    check_here(inner);
    CHECK_INT(open_descriptors(), before);
}

/* ---- Threads and processes ----------------------------------------------------------------- */

static void *cancel_inside(void *ended)
{
    with (cm_chdir("inner")) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return ended;
}

/* With a cancellation pending: neither enter nor exit is where it acts. */
static void *cancel_later(void *ended)
{
    pthread_cancel(pthread_self());
    with (cm_chdir("inner")) *(bool *)ended = false;
    *(bool *)ended = true;
    pthread_testcancel();
    return NULL;
}

static void test_cancellation(void)
{
    void *(*const functions[])(void *) = {cancel_inside, cancel_later};
    int before = open_descriptors();
    bool ended = false;

    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result = NULL;
        CHECK(pthread_create(&thread, NULL, functions[i], &ended) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
        check_here(start);
    }
    CHECK(ended);
    CHECK_INT(open_descriptors(), before);
}

/* The child goes back by itself, which the parent does not notice. */
static void fork_inside(void)
{
    with (cm_chdir("inner")) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) goto out;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
        check_here(inner);
    }
    check_here(start);
    return;
out:
    check_here(start);
    _exit(test_failures != 0);
}

int main(void)
{
    test_files_begin();
    here(start);
    strcat(strcpy(inner, start), "/inner");
    CHECK(mkdir("inner", 0755) == 0);
    test_chdir();
    test_ways_out();
    test_renamed();
    test_too_deep();
    CHECK(chmod(".", 0711) == 0);
    in_child(test_unreadable);
    test_removed();
    test_chdir_failures();
    in_child(test_no_way_back);
    test_cancellation();
    fork_inside();
    CHECK(rmdir("inner") == 0);
    return test_files_end();
}
