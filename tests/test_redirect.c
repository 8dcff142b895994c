/* SPDX-License-Identifier: MIT
 *
 * cm_redirect_stdout, cm_redirect_stderr and cm_redirect_stream: where text goes, and that afterwards
 * all is as it was. What says CPython is also true of contextlib (Lib/test/test_contextlib.py).
 */
#include "test_files.h"

#include <with/redirect.h>

/* The test's own standard output and error, for the time that those are files. */
static int own_output, own_error;

/* Makes descriptors 1 and 2 the files out.txt and err.txt; checks go there until end_capture(). */
static void begin_capture(void)
{
    fflush(NULL);
    own_output = fcntl(1, F_DUPFD_CLOEXEC, 10);
    own_error = fcntl(2, F_DUPFD_CLOEXEC, 10);
    if (!freopen("out.txt", "w", stdout) || !freopen("err.txt", "w", stderr)) abort();
}

static void end_capture(void)
{
    fflush(NULL);
    if (dup2(own_output, 1) != 1 || dup2(own_error, 2) != 2) abort();
    close(own_output);
    close(own_error);
}

static void check_file(const char *path, const char *wanted)
{
    CHECK_STR(text_of(path), wanted);
    unlink(path);
}

/* ---- Descriptors --------------------------------------------------------------------------- */

/* CPython: nothing is redirected until the block is entered. */
static void test_path(void)
{
    struct cm_redirect manager = cm_redirect_stdout("to.txt");
    int before;

    begin_capture();
    before = open_descriptors();
    printf("before ");
    with (manager, fd) {
        struct stat status, target;
        printf("inside ");
        CHECK(fstat(1, &status) == 0 && fstat(fd, &target) == 0);
        CHECK(status.st_ino == target.st_ino);
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
    printf("after");
    CHECK_INT(open_descriptors(), before);
    end_capture();
    check_file("to.txt", "inside ");
    check_file("out.txt", "before after");
    check_file("err.txt", "");
}

static void test_error(void)
{
    begin_capture();
    fprintf(stderr, "before ");
    with (cm_redirect_stderr("to.txt")) {
        fprintf(stderr, "inside ");
        printf("output");
    }
    fprintf(stderr, "after");
    end_capture();
    check_file("to.txt", "inside ");
    check_file("err.txt", "before after");
    check_file("out.txt", "output");
}

/* To a stream, which has text of its own, and to a descriptor, at its end. */
static void test_streams_and_descriptors(void)
{
    FILE *file = fopen("to.txt", "w");
    int fd = open("fd.txt", O_WRONLY | O_CREAT | O_APPEND, 0600);

    CHECK(write(fd, "old ", 4) == 4);
    begin_capture();
    fputs("first ", file);
    with (cm_redirect_stdout(file)) puts("second");
    fputs("third", file);
    with (cm_redirect_stdout(fd)) {
        close(fd); /* the block has one of its own */
        printf("new");
    }
    fclose(file);
    end_capture();
    check_file("to.txt", "first second\nthird");
    check_file("fd.txt", "old new");
    check_file("out.txt", "");
    check_file("err.txt", "");
}

/* Both to one file, as the shell's >file 2>&1. */
static void test_both(void)
{
    begin_capture();
    with (cm_redirect_stdout("to.txt"))
        with (cm_redirect_stderr(STDOUT_FILENO)) {
            printf("output ");
            fflush(stdout);
            fprintf(stderr, "error ");
            printf("output");
        }
    end_capture();
    check_file("to.txt", "output error output");
    check_file("out.txt", "");
    check_file("err.txt", "");
}

/* A child has no more descriptors than it has outside of the block. */
static void test_children(void)
{
    begin_capture();
    CHECK(system("ls /proc/self/fd | wc -l > count.txt") == 0);
    with (cm_redirect_stdout("to.txt")) {
        printf("parent ");
        fflush(stdout);
        CHECK(system("echo child; ls /proc/self/fd | wc -l | cmp - count.txt; echo error >&2") ==
              0);
        printf("parent");
    }
    end_capture();
    check_file("to.txt", "parent child\nparent");
    check_file("out.txt", "");
    check_file("err.txt", "error\n");
    unlink("count.txt");
}

/* CPython: one value, used again and within itself. */
static void test_reentrant(void)
{
    int fd = open("to.txt", O_WRONLY | O_CREAT, 0600);
    const struct cm_redirect manager = cm_redirect_stdout(fd);

    begin_capture();
    with (manager) {
        printf("1 ");
        with (manager) {
            printf("2 ");
            with (cm_redirect_stdout("else.txt"))
                with (manager) printf("3 ");
            printf("4 ");
        }
        printf("5 ");
    }
    printf("not there");
    with (manager) printf("6");
    close(fd);
    end_capture();
    check_file("to.txt", "1 2 3 4 5 6");
    check_file("else.txt", "");
    check_file("out.txt", "not there");
    check_file("err.txt", "");
}

/* ---- All as it was ------------------------------------------------------------------------- */

static void leave(int way)
{
    for (int i = 0; i < 2; i++) {
        using (cm_redirect_stdout("to.txt"));
        printf("%d", way);
        if (way == 0) return;
        if (way == 1) break;
        if (way == 2) continue;
        if (way == 3) goto out;
        throw(KeyError, "4");
    }
    with (cm_redirect_stdout("to.txt")) {
        printf("%d", way);
        continue;
    }
out:;
}

static void test_ways_out(void)
{
    for (int way = 0; way <= 4; way++) {
        char wanted[2] = {(char)('0' + way), '\0'};
        int before;
        begin_capture();
        before = open_descriptors();
        printf("before ");
        try {
            leave(way);
        } catch (KeyError) {
        }
        printf("after");
        CHECK_INT(open_descriptors(), before);
        end_capture();
        check_file("to.txt", wanted);
        check_file("out.txt", "before after");
    }
    check_file("err.txt", "");
}

static void closed_before(void)
{
    fflush(stdout);
    close(1);
    with (cm_redirect_stdout("to.txt")) {
        CHECK(fcntl(1, F_GETFD) == 0);
        puts("inside");
    }
    CHECK(fcntl(1, F_GETFD) == -1 && errno == EBADF);
    close(0);
    with (cm_redirect_stdout("to.txt")) puts("inside");
    CHECK(fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1);
}

static void closed_on_exec(void)
{
    fcntl(1, F_SETFD, FD_CLOEXEC);
    with (cm_redirect_stdout("to.txt")) CHECK_INT(fcntl(1, F_GETFD), 0);
    CHECK_INT(fcntl(1, F_GETFD), FD_CLOEXEC);
}

static void leave_in_child(void)
{
    with (cm_redirect_stdout("to.txt")) {
        printf("parent ");
        fflush(stdout);
        if (fork() == 0) {
            printf("child ");
            goto out;
        }
        wait(NULL);
        printf("parent");
    }
    return;
out:
    _exit(printf("and out\n") != 8 || fflush(stdout) != 0);
}

static void test_fork(void)
{
    begin_capture();
    leave_in_child();
    end_capture();
    check_file("to.txt", "parent child parent");
    check_file("out.txt", "and out\n");
    check_file("err.txt", "");
}

/* At exit() the blocks end from the innermost: at the end of this one, 1 is what it was. */
struct around {
    WITH_MANAGER;
    struct stat before;
};

static void around_enter(struct around *self)
{
    CHECK(fstat(1, &self->before) == 0);
}

static bool around_exit(struct around *self, const with_exception *exception)
{
    struct stat now;

    (void)exception;
    _exit(test_failures || fstat(1, &now) != 0 || now.st_ino != self->before.st_ino);
}

WITH_CLASS(around, around_enter, around_exit);

static void exit_inside(void)
{
    with (WITH_NEW(around))
        with (cm_redirect_stdout("to.txt")) {
            printf("inside");
            exit(3);
        }
}

static void *cancel_inside(void *unused)
{
    with (cm_redirect_stdout("to.txt")) {
        printf("inside");
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return unused;
}

/* To wait for a reader is all that can be cancelled. */
static void *cancel_opening(void *unused)
{
    with (cm_redirect_stdout("fifo")) CHECK(!"entered");
    return unused;
}

static void cancel(void *(*function)(void *), void *argument, int wait_ms)
{
    void *result = NULL;
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
    if (wait_ms) {
        usleep((useconds_t)wait_ms * 1000);
        pthread_cancel(thread);
    }
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

/* With a cancellation pending: neither enter nor exit is where it acts. */
static void *cancel_later(void *ended)
{
    FILE *file = fopen("file.txt", "w");

    fputs("first ", file);
    pthread_cancel(pthread_self());
    with (cm_redirect_stdout(file)) {
        printf("inside");
        *(bool *)ended = false;
    }
    *(bool *)ended = true;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    fclose(file);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    return NULL;
}

static void test_cancellation(void)
{
    bool ended = false;
    int before;

    CHECK(mkfifo("fifo", 0600) == 0);
    begin_capture();
    before = open_descriptors();
    cancel(cancel_inside, NULL, 0);
    cancel(cancel_opening, NULL, 20);
    cancel(cancel_later, &ended, 0);
    CHECK(ended);
    printf("after");
    CHECK_INT(open_descriptors(), before);
    end_capture();
    check_file("to.txt", "inside");
    check_file("file.txt", "first inside");
    check_file("out.txt", "after");
    check_file("err.txt", "");
    unlink("fifo");
}

/* ---- Variables ----------------------------------------------------------------------------- */

static FILE *report;

static void stream_null(void *variable)
{
    FILE **const place = variable;

    with (cm_redirect_stream(place, place ? NULL : stdout)) CHECK(!"entered");
}

/* CPython: to a string, and the target is what is named. */
static void test_stream(void)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    report = stderr;
    with (cm_redirect_stream(&report, file), target) {
        CHECK(report == file && target == file);
        fputs("memory ", report);
        with (cm_redirect_stream(&report, stdout)) CHECK(report == stdout);
        fputs("again", report);
    }
    CHECK(report == stderr);
    try {
        with (cm_redirect_stream(&report, file)) throw(KeyError, "out");
    } catch (KeyError) {
        CHECK(report == stderr);
    }
#ifdef __GLIBC__
    with (cm_redirect_stream(&stdout, file)) printf(" and %s", "printf");
    fclose(file);
    CHECK_STR(text, "memory again and printf");
#else
    fclose(file);
    CHECK_STR(text, "memory again");
#endif
    free(text);
    CHECK_THROWS(stream_null, NULL, ValueError, "cm_redirect_stream: the address is NULL");
    CHECK_THROWS(stream_null, &report, ValueError, "cm_redirect_stream: the stream is NULL");
}

int main(void)
{
    test_files_begin();
    test_path();
    test_error();
    test_streams_and_descriptors();
    test_both();
    test_children();
    test_reentrant();
    test_ways_out();
    in_child(closed_before);
    check_file("to.txt", "inside\n");
    in_child(exit_inside);
    check_file("to.txt", "inside");
    in_child(closed_on_exec);
    unlink("to.txt");
    test_fork();
    test_cancellation();
    test_stream();
    return test_files_end();
}
