/* SPDX-License-Identifier: MIT
 *
 * cm_replace when something fails: each call of its enter, exit and commit in turn. Whatever fails,
 * the file is whole, nothing stays open, and no temporary file stays but one that cannot be
 * removed.
 */
#define TEST_FAILING_CALLS
#include "test_files.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- Messages with the temporary name taken out ---------------------------------------------- */

static char thrown_text[1000];

static void add_text(const char *text)
{
    size_t at = strlen(thrown_text);

    while (*text && at + 1 < sizeof thrown_text)
        if (strncmp(text, ".with-replace-", 14) == 0) {
            thrown_text[at++] = '@';
            text += 14 + strspn(text + 14, "0123456789abcdef-");
        } else thrown_text[at++] = *text++;
    thrown_text[at] = '\0';
}

/* The type, message and notes of what function throws, or "". */
static const char *thrown_by(void (*function)(void *unused))
{
    const with_exception *e = with_call(function, NULL);

    *thrown_text = '\0';
    if (!e) return "";
    add_text(e->type->name);
    add_text(": ");
    add_text(e->message);
    for (const with_note *note = e->notes; note; note = note->next) {
        add_text(" | ");
        add_text(note->text);
    }
    CHECK(e->context == NULL);
    with_exception_unref(e);
    return thrown_text;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void replace(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) fputs("new", file);
}

static void replace_and_return(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        return;
    }
}

static void replace_and_throw(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        throw(KeyError, "thrown");
    }
}

static void replace_and_commit(void *unused)
{
    (void)unused;
    using (cm_replace("file.txt"), file);
    fputs("new", file);
    with_replace_commit(file);
}

#define NOTHING (void)0

/*
 * Runs FUNCTION on a file that is "old" after PLAN, and checks what it throws and what the file is
 * then.
 */
#define CHECK_RUN(PLAN, FUNCTION, THROWN, CONTENT)                                                 \
    do {                                                                                           \
        int before_ = open_descriptors();                                                          \
        unlink("file.txt");                                                                        \
        write_text("file.txt", "old");                                                             \
        PLAN;                                                                                      \
        CHECK_STR(thrown_by(FUNCTION), THROWN);                                                    \
        for (int call_ = 0; call_ < CALL_COUNT; call_++) CHECK_INT(test_plan[call_].error, 0);     \
        CHECK_STR(text_of("file.txt"), CONTENT);                                                   \
        CHECK_INT(entries_of("."), 1);                                                             \
        CHECK_INT(open_descriptors(), before_);                                                    \
    } while (0)

/* ---- Enter ----------------------------------------------------------------------------------- */

static void test_enter(void)
{
    /* the directory */
    CHECK_RUN(FAIL(openat, 0, EMFILE), replace, "OSError: file.txt: Too many open files", "old");
    CHECK_RUN(FAIL(openat, 0, EINTR), replace, "", "new");
    CHECK_RUN(FAIL(readlinkat, 0, EIO), replace, "OSError: file.txt: Input/output error", "old");
    CHECK_RUN(FAIL(fstatat, 0, EIO), replace, "OSError: file.txt: Input/output error", "old");
    CHECK_RUN(FAIL(openat, 1, ENOSPC), replace,
              "OSError: file.txt: creating @: No space left on device", "old");
    /* another name is tried */
    CHECK_RUN(FAIL(openat, 1, EEXIST), replace, "", "new");
    CHECK_RUN(FAIL(fstat, 0, EIO), replace,
              "OSError: file.txt: reading the owner of @: Input/output error", "old");
    /* the old file, for its attributes */
    CHECK_RUN(FAIL(openat, 2, EACCES), replace,
              "PermissionError: file.txt: giving its attributes to @: Permission denied", "old");
    CHECK_RUN(FAIL(fchmod, 0, EPERM), replace,
              "PermissionError: file.txt: giving its mode to @: Operation not permitted", "old");
    CHECK_RUN(FAIL(fdopen, 0, ENOMEM), replace,
              "OSError: file.txt: opening @: Cannot allocate memory", "old");
}

static void test_owner(void)
{
    if (getuid() != 0) return;
    write_text("file.txt", "old");
    CHECK(chown("file.txt", 1234, 1234) == 0);
    FAIL(fchown, 0, EPERM);
    CHECK_STR(thrown_by(replace),
              "PermissionError: file.txt: giving its owner to @: Operation not permitted");
    CHECK_STR(text_of("file.txt"), "old");
    CHECK_INT(entries_of("."), 1);
}

#define NO_ATTRIBUTES "OSError: file.txt: giving its attributes to @: "

static void test_attributes(void)
{
    int has_attributes = 0;

    CHECK_RUN(FAIL(fremovexattr, 0, EIO), replace, NO_ATTRIBUTES "Input/output error", "old");
    CHECK_RUN(FAIL(fremovexattr, 0, ENOTSUP), replace, "", "new");
    CHECK_RUN(FAIL(flistxattr, 0, EIO), replace, NO_ATTRIBUTES "Input/output error", "old");
    CHECK_RUN(FAIL(flistxattr, 0, ENOTSUP), replace, "", "new");

#define SET (has_attributes = setxattr("file.txt", "user.a", "1", 1, 0) == 0)
    CHECK_RUN(SET, replace, "", "new");
    if (!has_attributes) return; /* /tmp has none */
    CHECK_RUN((SET, FAIL(flistxattr, 1, ERANGE)), replace,
              NO_ATTRIBUTES "Numerical result out of range", "old");
    /* one that is listed and cannot be had is not left out */
    CHECK_RUN((SET, FAIL(fgetxattr, 0, ENOTSUP)), replace, NO_ATTRIBUTES "Operation not supported",
              "old");
    CHECK_RUN((SET, FAIL(fsetxattr, 0, ENOSPC)), replace, NO_ATTRIBUTES "No space left on device",
              "old");
}

/* ---- Exit and commit ------------------------------------------------------------------------- */

static void test_exit(void)
{
    CHECK_RUN(FAIL(fsync, 0, EIO), replace, "OSError: file.txt: syncing @: Input/output error",
              "old");
    CHECK_RUN(FAIL(fsync, 0, EINTR), replace, "", "new");
    CHECK_RUN(FAIL(fclose, 0, EDQUOT), replace, "OSError: file.txt: closing @: Disk quota exceeded",
              "old");
    CHECK_RUN(FAIL(renameat, 0, EACCES), replace,
              "PermissionError: file.txt: renaming @: Permission denied", "old");
    CHECK_RUN(FAIL(fsync, 1, EIO), replace,
              "OSError: file.txt: replaced, but not syncing the directory of @: Input/output error",
              "new");
    /* a file system without */
    CHECK_RUN(FAIL(fsync, 1, EINVAL), replace, "", "new");
    CHECK_RUN(FAIL(fclose, 0, EIO), replace_and_return,
              "OSError: file.txt: closing @: Input/output error", "old");
    CHECK_RUN(FAIL(fclose, 0, EIO), replace_and_throw,
              "KeyError: thrown | file.txt: closing @: Input/output error", "old");
    FAIL(unlinkat, 0, ENOENT); /* somebody tidied up (not really, so it stays) */
    CHECK_STR(thrown_by(replace_and_return), "");
    CHECK_INT(entries_of("."), 2);
}

static void test_commit(void)
{
    CHECK_RUN(FAIL(fsync, 0, EIO), replace_and_commit,
              "OSError: file.txt: syncing @: Input/output error", "old");
    CHECK_RUN(FAIL(renameat, 0, EACCES), replace_and_commit,
              "PermissionError: file.txt: renaming @: Permission denied", "old");
    CHECK_RUN(FAIL(fsync, 1, EIO), replace_and_commit,
              "OSError: file.txt: replaced, but not syncing the directory of @: Input/output error",
              "new");
    CHECK_RUN(FAIL(dup3, 0, EBUSY), replace_and_commit,
              "OSError: file.txt: replaced, but not closing @: Device or resource busy", "new");
}

/* close() fails for the directory, the last that is closed. */
static void commit_without_directory(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        FAIL(close, 0, EIO);
    }
}

/* ---- Failures that cannot be undone, and several of them ------------------------------------- */

/* Removes what could not be removed, which must be there. */
static void remove_leftover(void)
{
    DIR *directory = opendir(".");
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)))
        if (strncmp(entry->d_name, ".with-replace-", 14) == 0) {
            count++;
            unlink(entry->d_name);
        }
    closedir(directory);
    CHECK_INT(count, 1);
}

static void test_several(void)
{
    write_text("file.txt", "old");
    FAIL(unlinkat, 0, EROFS);
    CHECK_STR(thrown_by(replace_and_return),
              "OSError: file.txt: removing @: Read-only file system");
    remove_leftover();
    FAIL(unlinkat, 0, EROFS);
    CHECK_STR(thrown_by(replace_and_throw),
              "KeyError: thrown | file.txt: removing @: Read-only file system");
    remove_leftover();
    FAIL(fchmod, 0, EPERM);
    FAIL(unlinkat, 0, EROFS);
    CHECK_STR(thrown_by(replace),
              "PermissionError: file.txt: giving its mode to @: Operation not permitted | "
              "file.txt: removing @: Read-only file system");
    remove_leftover();
    FAIL(fsync, 0, EIO);
    FAIL(fclose, 0, EDQUOT);
    FAIL(unlinkat, 0, EROFS);
    CHECK_STR(thrown_by(replace), "OSError: file.txt: syncing @: Input/output error | "
                                  "file.txt: closing @: Disk quota exceeded | "
                                  "file.txt: removing @: Read-only file system");
    remove_leftover();
    CHECK_RUN(NOTHING, commit_without_directory,
              "OSError: file.txt: closing the directory of @: Input/output error", "new");
}

/* ---- No room --------------------------------------------------------------------------------- */

static void replace_by_much(void *unused)
{
    static char buffer[1 << 16];

    (void)unused;
    with (cm_replace("file.txt"), file) {
        setvbuf(file, buffer, _IOFBF, sizeof buffer);
        for (int i = 0; i < 1000; i++) fputs("twenty characters...", file);
    }
}

static void replace_by_much_early(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        setvbuf(file, NULL, _IONBF, 0);
        for (int i = 0; i < 1000; i++) fputs("twenty characters...", file);
    }
}

static void replace_past_limit(void)
{
    const struct rlimit limit = {4096, 4096};

    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_RUN(NOTHING, replace_by_much, "OSError: file.txt: writing @: File too large", "old");
    CHECK_RUN(NOTHING, replace_by_much_early,
              "OSError: file.txt: an earlier write to @: Input/output error", "old");
}

/* ---- A commit that failed and was caught ----------------------------------------------------- */

static void catch_commit(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        fputs("new", file);
        FAIL(fsync, 0, EIO);
        try {
            with_replace_commit(file);
        } catch (OSError) {
        }
    } /* completed, but what fsync() refused once is not tried again */
}

static void commit_again(void *unused)
{
    (void)unused;
    with (cm_replace("file.txt"), file) {
        FAIL(renameat, 0, EIO);
        try {
            with_replace_commit(file);
        } catch (OSError) {
        }
        with_replace_commit(file);
    }
}

static void test_caught(void)
{
    CHECK_RUN(NOTHING, catch_commit, "", "old");
    CHECK_RUN(NOTHING, commit_again, "RuntimeError: file.txt: its commit failed before", "old");
}

int main(void)
{
    test_files_begin();
    test_enter();
    test_owner();
    test_attributes();
    test_exit();
    remove_leftover();
    test_commit();
    test_several();
    in_child(replace_past_limit);
    test_caught();
    unlink("file.txt");
    return test_files_end();
}
