/* SPDX-License-Identifier: MIT
 *
 * Redirecting while a call of libc fails: enter leaves all as it was, and no failure of the exit, nor
 * of a write in the block, is lost.
 */
#define TEST_FAILING_CALLS
#include "test_files.h"

#include <stdio_ext.h>
#include <with/redirect.h>

#define NO_SPACE "No space left on device"

/* ---- Enter --------------------------------------------------------------------------------- */

static void to_path(void *path)
{
    with (cm_redirect_stdout((const char *)path)) CHECK(!"entered");
}

static void to_fd(void *fd)
{
    with (cm_redirect_stderr(*(int *)fd)) CHECK(!"entered");
}

static void to_stream(void *stream)
{
    with (cm_redirect_stdout((FILE *)stream)) CHECK(!"entered");
}

static void test_arguments(void)
{
    int closed = 1000, none = -1;
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    CHECK_THROWS(to_path, NULL, ValueError, "cm_redirect_stdout: the path is NULL");
    CHECK_THROWS(to_stream, NULL, ValueError, "cm_redirect_stdout: the stream is NULL");
    CHECK_THROWS(to_path, "no/where", FileNotFoundError, "no/where: No such file or directory");
    CHECK_THROWS(to_path, ".", IsADirectoryError, ".: Is a directory");
    CHECK_THROWS(to_fd, &closed, OSError, "descriptor 1000: Bad file descriptor");
    CHECK_THROWS(to_fd, &none, OSError, "descriptor -1: Bad file descriptor");
    CHECK_THROWS(to_stream, memory, OSError, "the stream: Bad file descriptor");
    fclose(memory);
    free(text);
}

static void test_enter(void)
{
    int before = open_descriptors(), fd = 2;
    FILE *file = fopen("file.txt", "w");
    struct stat status, now;

    CHECK(fstat(1, &status) == 0);
    FAIL(open, 0, EMFILE);
    CHECK_THROWS(to_path, "to.txt", OSError, "to.txt: Too many open files");
    FAIL(fflush, 0, ENOSPC);
    CHECK_THROWS(to_path, "to.txt", OSError, "standard output: " NO_SPACE);
    FAIL(fcntl, 1, EMFILE);
    CHECK_THROWS(to_path, "to.txt", OSError, "saving standard output: Too many open files");
    FAIL(dup2, 0, EIO);
    CHECK_THROWS(to_path, "to.txt", OSError, "redirecting standard output: Input/output error");
    FAIL(fcntl, 0, EMFILE);
    CHECK_THROWS(to_fd, &fd, OSError, "descriptor 2: Too many open files");
    FAIL(dup2, 0, EIO);
    CHECK_THROWS(to_fd, &fd, OSError, "redirecting standard error: Input/output error");
    FAIL(fflush, 0, ENOSPC);
    CHECK_THROWS(to_stream, file, OSError, "the stream: " NO_SPACE);
    fclose(file);
    CHECK(fstat(1, &now) == 0 && now.st_ino == status.st_ino);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(NULL), 0);
    unlink("to.txt");
    unlink("file.txt");
}

/* ---- Exit ---------------------------------------------------------------------------------- */

static void redirect(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("to.txt")) printf("inside");
}

static void redirect_and_throw(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("to.txt")) throw(KeyError, "first");
}

static void redirect_and_return(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("to.txt")) return;
}

static void test_interrupted(void)
{
    FAIL(open, 0, EINTR);
    CHECK_NO_THROW(redirect, NULL);
    FAIL(dup2, 0, EBUSY);
    CHECK_NO_THROW(redirect, NULL);
    FAIL(dup2, 1, EINTR);
    CHECK_NO_THROW(redirect, NULL);
    CHECK(!PENDING(dup2) && !PENDING(open));
    CHECK_STR(text_of("to.txt"), "inside");
}

static void test_exit(void)
{
    const with_exception *e;
    int before = open_descriptors();

    FAIL(close, 0, EDQUOT); /* of the target: as a file server reports what it could not keep */
    CHECK_THROWS(redirect, NULL, OSError, "closing to.txt: Disk quota exceeded");
    FAIL(close, 1, EIO);
    CHECK_THROWS(redirect, NULL, OSError, "closing the saved standard output: Input/output error");
    FAIL(fflush, 1, EIO);
    CHECK_THROWS(redirect_and_return, NULL, OSError,
                 "standard output, redirected to to.txt: Input/output error");

    FAIL(close, 0, EDQUOT);
    FAIL(fflush, 1, EIO);
    e = with_call(redirect, NULL);
    CHECK_STR(e->message, "standard output, redirected to to.txt: Input/output error");
    CHECK_STR(e->notes ? e->notes->text : NULL, "closing to.txt: Disk quota exceeded");
    with_exception_unref(e);

    FAIL(close, 0, EDQUOT);
    e = with_call(redirect_and_throw, NULL);
    CHECK_STR(e->message, "first");
    CHECK_STR(e->notes ? e->notes->text : NULL, "closing to.txt: Disk quota exceeded");
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), before);
}

/* In a process of its own, whose standard output is the target from then on. */
static void test_no_way_back(void)
{
    FAIL(dup2, 1, EIO);
    CHECK_THROWS(redirect, NULL, OSError, "restoring standard output: Input/output error");
    printf(" and after");
    CHECK(fflush(stdout) == 0);
}

static void test_flag_lost(void)
{
    fcntl(1, F_SETFD, FD_CLOEXEC);
    FAIL(fcntl, 2, EIO);
    CHECK_THROWS(redirect, NULL, OSError, "restoring standard output: Input/output error");
}

/* What could not be written must not come out at the old place later. */
static void test_dropped(void)
{
    CHECK(freopen("out.txt", "w", stdout) != NULL);
    FAIL(fflush, 1, EIO);
    CHECK_THROWS(redirect, NULL, OSError,
                 "standard output, redirected to to.txt: Input/output error");
    CHECK(fflush(stdout) == 0);
    CHECK_STR(text_of("out.txt"), "");
}

/* ---- A full disk --------------------------------------------------------------------------- */

static void fill(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("/dev/full")) printf("lost");
}

/* A write in the block failed, and nobody looked. */
static void fill_early(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("/dev/full")) {
        printf("lost");
        CHECK(fflush(stdout) == EOF);
        __fpurge(stdout);
    }
}

static void fill_and_clear(void *unused)
{
    (void)unused;
    with (cm_redirect_stdout("/dev/full")) {
        printf("lost");
        CHECK(fflush(stdout) == EOF);
        __fpurge(stdout);
        clearerr(stdout);
    }
}

static void test_full(void)
{
    CHECK(freopen("out.txt", "w", stdout) != NULL);
    printf("before ");
    CHECK_THROWS(fill, NULL, OSError, "standard output, redirected to /dev/full: " NO_SPACE);
    CHECK(!ferror(stdout));
    CHECK_THROWS(fill_early, NULL, OSError, "an earlier write to /dev/full: Input/output error");
    CHECK(!ferror(stdout));
    CHECK_NO_THROW(fill_and_clear, NULL);
    printf("after");
    fflush(stdout);
    CHECK_STR(text_of("out.txt"), "before after");
}

/* What failed before the block is not the block's. */
static void test_full_before(void)
{
    CHECK(freopen("/dev/full", "w", stdout) != NULL);
    printf("lost");
    CHECK(fflush(stdout) == EOF && ferror(stdout));
    __fpurge(stdout);
    CHECK_NO_THROW(redirect, NULL);
    CHECK(ferror(stdout));
}

int main(void)
{
    test_files_begin();
    test_arguments();
    test_enter();
    test_interrupted();
    test_exit();
    in_child(test_no_way_back);
    CHECK_STR(text_of("to.txt"), "inside and after");
    in_child(test_flag_lost);
    in_child(test_dropped);
    if (access("/dev/full", W_OK) == 0) {
        in_child(test_full);
        in_child(test_full_before);
    }
    unlink("out.txt");
    unlink("to.txt");
    return test_files_end();
}
