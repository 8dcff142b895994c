/* SPDX-License-Identifier: MIT
 *
 * with_replace_commit: whose streams it takes, what may follow it, and cm_replace after fork().
 */
#include "test_files.h"

/* ---- After a commit ------------------------------------------------------------------------ */

static void write_after_commit(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        with_replace_commit(file);
        fputs(" and more", file);
    }
}

static void write_much_after_commit(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        with_replace_commit(file);
        CHECK(fputs(" and more", file) >= 0);
        CHECK(fflush(file) != 0);
    }
}

static void write_and_throw(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        with_replace_commit(file);
        fputs(" and more", file);
        throw(KeyError, "thrown");
    }
}

static void commit_twice(void *unused)
{
    (void)unused;
    using (cm_replace("file.txt"), file);
    fputs("new", file);
    with_replace_commit(file);
    with_replace_commit(file);
}

static void check_late_write(const char *message)
{
    CHECK(strncmp(message, "file.txt: replaced, but a later write to .with-replace-", 55) == 0);
    CHECK(strstr(message, ": Bad file descriptor") != NULL);
}

static void test_after_commit(void)
{
    void (*const late[])(void *) = {write_after_commit, write_much_after_commit};
    const with_exception *e;

    for (int i = 0; i < 2; i++) {
        e = with_call(late[i], NULL);
        CHECK(with_isinstance(e, &OSError));
        check_late_write(e ? e->message : "");
        with_exception_unref(e);
        CHECK_STR(text_of("file.txt"), "new");
        unlink("file.txt");
    }
    e = with_call(write_and_throw, NULL);
    CHECK(e && e->type == &KeyError && e->notes);
    if (e && e->notes) check_late_write(e->notes->text);
    with_exception_unref(e);
    CHECK_STR(text_of("file.txt"), "new");
    unlink("file.txt");
    CHECK_THROWS(commit_twice, NULL, RuntimeError, "file.txt: committed already");
    CHECK_STR(text_of("file.txt"), "new");
    unlink("file.txt");
}

/* ---- Whose streams it takes ---------------------------------------------------------------- */

#define NOT_HELD "with_replace_commit: no block of this thread holds this stream by cm_replace"

static void commit(void *file)
{
    with_replace_commit(file);
}

static void *commit_elsewhere(void *file)
{
    CHECK_THROWS(commit, file, ValueError, NOT_HELD);
    return NULL;
}

static void test_streams(void)
{
    pthread_t thread;

    CHECK_THROWS(commit, NULL, ValueError, NOT_HELD);
    CHECK_THROWS(commit, stdout, ValueError, NOT_HELD);
    with (cm_open("open.txt", "w"), file) CHECK_THROWS(commit, file, ValueError, NOT_HELD);
    with (cm_replace("open.txt"), file) {
        CHECK(pthread_create(&thread, NULL, commit_elsewhere, file) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    unlink("open.txt");
}

static void commit_outer(FILE *file)
{
    try {
        with_replace_commit(file);
    } catch (OSError) {
        CHECK(!"thrown");
    }
}

static void test_nested(void)
{
    with (cm_replace("outer.txt"), outer) {
        fputs("outer", outer);
        using (cm_replace("inner.txt"), inner);
        using (cm_replace("lost.txt"));
        fputs("inner", inner);
        commit_outer(outer);
        CHECK_STR(text_of("outer.txt"), "outer");
        CHECK_STR(text_of("inner.txt"), "(none)");
        with_replace_commit(inner);
    }
    CHECK_STR(text_of("inner.txt"), "inner");
    CHECK_STR(text_of("lost.txt"), "(none)");
    unlink("outer.txt");
    unlink("inner.txt");
}

/* The example of the header: a return is no completion, so it commits first. */
static int save(const char *text)
{
    using (cm_replace("saved.txt"), file);

    if (!*text) return -1;
    fputs(text, file);
    with_replace_commit(file);
    return 0;
}

static void test_return(void)
{
    CHECK_INT(save("text"), 0);
    CHECK_STR(text_of("saved.txt"), "text");
    CHECK_INT(save(""), -1);
    CHECK_STR(text_of("saved.txt"), "text");
    unlink("saved.txt");
}

/* ---- fork ---------------------------------------------------------------------------------- */

/* What the child process does: to end the block, to commit in it, to throw out of it. */
enum act { CHILD_ENDS, CHILD_COMMITS, CHILD_THROWS, PARENT_COMMITTED, ACTS };

static void fork_in_block(enum act act, pid_t *child)
{
    with (cm_replace("fork.txt"), file) {
        int status = -1;
        fputs("parent's", file);
        if (act == PARENT_COMMITTED) with_replace_commit(file);
        fflush(stdout);
        *child = fork();
        if (*child == 0) {
            fputs(" child's", file);
            if (act == CHILD_COMMITS) with_replace_commit(file);
            if (act == CHILD_THROWS) throw(KeyError, "thrown");
            continue;
        }
        CHECK(waitpid(*child, &status, 0) == *child);
        CHECK_INT(status, 0);
        CHECK_STR(text_of("fork.txt"), act == PARENT_COMMITTED ? "parent's" : "old");
        CHECK_INT(entries_of("."), act == PARENT_COMMITTED ? 1 : 2);
    }
}

struct forked {
    enum act act;
    pid_t child;
};

static void run_fork(void *argument)
{
    struct forked *forked = argument;

    fork_in_block(forked->act, &forked->child);
}

static void check_child(const with_exception *e, enum act act, int failures)
{
    char message[100];

    snprintf(message, sizeof message, "fork.txt: entered by process %d, not by this one",
             (int)getppid());
    CHECK_STR(e ? e->message : "nothing", act == CHILD_COMMITS  ? message
                                          : act == CHILD_THROWS ? "thrown"
                                                                : "nothing");
    CHECK(!e || !e->notes);
    _exit(test_failures != failures);
}

static void test_fork(void)
{
    for (enum act act = 0; act < ACTS; act++) {
        struct forked forked = {act, -1};
        int failures = test_failures;
        const with_exception *e;

        write_text("fork.txt", "old");
        e = with_call(run_fork, &forked);
        if (forked.child == 0) check_child(e, act, failures);
        CHECK(!e);
        CHECK_STR(text_of("fork.txt"), "parent's");
        CHECK_INT(entries_of("."), 1);
        unlink("fork.txt");
    }
}

int main(void)
{
    test_files_begin();
    test_after_commit();
    test_streams();
    test_nested();
    test_return();
    test_fork();
    return test_files_end();
}
