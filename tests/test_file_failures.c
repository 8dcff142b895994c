/* SPDX-License-Identifier: MIT
 *
 * What stdio hides: every failure of the enters and exits of cm_open, cm_fdopen and cm_fd is
 * thrown, or is a note of the exception that leaves the block. And what a child process writes.
 */
#define TEST_FAILING_CALLS
#include "test_files.h"

#include <signal.h>
#include <sys/resource.h>

/* ---- A full disk --------------------------------------------------------------------------- */

#define NO_SPACE "No space left on device"

static void fill(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) fputs("text", file);
}

static void fill_and_return(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) {
        fputs("text", file);
        return;
    }
}

static void fill_in_loop(void *rounds)
{
    for (int i = 0; i < 3; i++) {
        using (cm_open("/dev/full", "w"), file);
        ++*(int *)rounds;
        fputs("text", file);
        if (i == 1) break;
        continue;
    }
}

static void fill_and_break(void *unused)
{
    (void)unused;
    for (;;) {
        using (cm_open("/dev/full", "w"), file);
        fputs("text", file);
        break;
    }
}

static void fill_and_goto(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) {
        fputs("text", file);
        goto out;
    }
    CHECK(!"the end");
out:;
}

/* The write failed, and nobody looked; by the time of the exit its errno is lost. */
static void fill_early(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) {
        setvbuf(file, NULL, _IONBF, 0);
        CHECK(fputs("text", file) == EOF);
    }
}

static void fill_and_clear(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) {
        setvbuf(file, NULL, _IONBF, 0);
        CHECK(fputs("text", file) == EOF);
        clearerr(file);
    }
}

static void fill_and_throw(void *unused)
{
    (void)unused;
    with (cm_open("/dev/full", "w"), file) {
        fputs("text", file);
        throw(KeyError, "first");
    }
}

static void test_full(void)
{
    const with_exception *e;
    int rounds = 0, before = open_descriptors();

    CHECK_THROWS(fill, NULL, OSError, "/dev/full: " NO_SPACE);
    CHECK_THROWS(fill_and_return, NULL, OSError, "/dev/full: " NO_SPACE);
    CHECK_THROWS(fill_in_loop, &rounds, OSError, "/dev/full: " NO_SPACE);
    CHECK_INT(rounds, 1);
    CHECK_THROWS(fill_and_break, NULL, OSError, "/dev/full: " NO_SPACE);
    CHECK_THROWS(fill_and_goto, NULL, OSError, "/dev/full: " NO_SPACE);
    CHECK_THROWS(fill_early, NULL, OSError,
                 "/dev/full: an earlier read or write failed: Input/output error");
    CHECK_NO_THROW(fill_and_clear, NULL);

    e = with_call(fill, NULL);
    CHECK_INT(e->code, ENOSPC);
    with_exception_unref(e);
    e = with_call(fill_and_throw, NULL);
    CHECK(e->type == &KeyError);
    CHECK_STR(e->message, "first");
    CHECK_STR(e->notes ? e->notes->text : NULL, "/dev/full: " NO_SPACE);
    CHECK(e->notes && !e->notes->next);
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), before);
}

/* ---- A limit that is reached while the block runs -------------------------------------------- */

static void write_much(void *unused)
{
    (void)unused;
    with (cm_open("much.txt", "w"), file)
        for (int i = 0; i < 1000; i++) fputs("twenty characters...", file);
}

static void write_past_limit(void)
{
    const struct rlimit limit = {4096, 4096};
    const with_exception *e;

    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    e = with_call(write_much, NULL);
    CHECK(with_isinstance(e, &OSError));
    CHECK(e && strncmp(e->message, "much.txt: ", 10) == 0);
    CHECK(e && (e->code == EFBIG || e->code == EIO));
    with_exception_unref(e);
}

/* ---- Descriptors given to a stream ----------------------------------------------------------- */

static char descriptor[100];

static int opened(const char *path, int flags)
{
    int fd = open(path, flags);

    snprintf(descriptor, sizeof descriptor, "descriptor %d: ", fd);
    return fd;
}

static void fdopen_full(void *unused)
{
    (void)unused;
    with (cm_fdopen(opened("/dev/full", O_WRONLY), "w"), file) fputs("text", file);
}

static void fdopen_full_early(void *unused)
{
    (void)unused;
    with (cm_fdopen(opened("/dev/full", O_WRONLY), "w"), file) {
        setvbuf(file, NULL, _IONBF, 0);
        CHECK(fputs("text", file) == EOF);
    }
}

/* Reading streams hide errors, too: this one reads a directory. */
static void fdopen_directory(void *unused)
{
    (void)unused;
    with (cm_fdopen(opened(".", O_RDONLY), "r"), file) CHECK(fgetc(file) == EOF);
}

static void test_fdopen(void)
{
    int before = open_descriptors();

    CHECK_THROWS(fdopen_full, NULL, OSError, strcat(descriptor, NO_SPACE));
    CHECK_THROWS(fdopen_full_early, NULL, OSError,
                 strcat(descriptor, "an earlier read or write failed: Input/output error"));
    CHECK_THROWS(fdopen_directory, NULL, OSError,
                 strcat(descriptor, "an earlier read or write failed: Input/output error"));
    CHECK_INT(open_descriptors(), before);
}

/* ---- Calls that fail ------------------------------------------------------------------------- */

static void open_file(void *unused)
{
    (void)unused;
    with (cm_open("file.txt", "w"), file) fputs("text", file);
}

static void open_fd(void *unused)
{
    (void)unused;
    with (cm_fd("file.txt", O_RDONLY, 0), fd) CHECK(fd >= 0);
}

static void open_fd_and_throw(void *unused)
{
    (void)unused;
    with (cm_fd("file.txt", O_RDONLY, 0)) throw(KeyError, "first");
}

static void test_calls(void)
{
    int before = open_descriptors();
    const with_exception *e;

    FAIL(openat, 0, EINTR);
    CHECK_NO_THROW(open_file, NULL);
    FAIL(openat, 0, EINTR);
    CHECK_NO_THROW(open_fd, NULL);
    FAIL(openat, 0, EMFILE);
    CHECK_THROWS(open_file, NULL, OSError, "file.txt: Too many open files");
    FAIL(fdopen, 0, ENOMEM);
    CHECK_THROWS(open_file, NULL, OSError, "file.txt: Cannot allocate memory");
    FAIL(fstat, 0, EIO); /* only asked to tell a directory */
    CHECK_NO_THROW(open_file, NULL);
    FAIL(fclose, 0, EDQUOT);
    CHECK_THROWS(open_file, NULL, OSError, "file.txt: Disk quota exceeded");
    FAIL(close, 0, EIO);
    CHECK_THROWS(open_fd, NULL, OSError, "file.txt: Input/output error");
    FAIL(close, 0, EINTR); /* not tried again: another thread may have the number by now */
    CHECK_THROWS(open_fd, NULL, InterruptedError, "file.txt: Interrupted system call");
    CHECK(!PENDING(fclose) && !PENDING(close));

    FAIL(close, 0, EIO);
    e = with_call(open_fd_and_throw, NULL);
    CHECK(e->type == &KeyError);
    CHECK_STR(e->notes ? e->notes->text : NULL, "file.txt: Input/output error");
    with_exception_unref(e);
    CHECK_INT(open_descriptors(), before);
    unlink("file.txt");
}

/* ---- fork ------------------------------------------------------------------------------------ */

static void fork_in_block(void)
{
    with (cm_open("fork.txt", "w"), file) {
        int status = -1;
        pid_t child;
        fputs("before ", file);
        fflush(file);
        child = fork();
        if (child == 0) {
            fputs("child ", file);
            return; /* its exit closes its copy */
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
        fputs("parent", file);
    }
}

static void test_fork(void)
{
    const pid_t parent = getpid();
    const int failures = test_failures;

    fork_in_block();
    if (getpid() != parent) _exit(test_failures != failures);
    CHECK_STR(text_of("fork.txt"), "before child parent");
    unlink("fork.txt");
}

int main(void)
{
    test_files_begin();
    if (access("/dev/full", W_OK) == 0) {
        test_full();
        test_fdopen();
    }
    in_child(write_past_limit);
    unlink("much.txt");
    test_calls();
    test_fork();
    return test_files_end();
}
