/* SPDX-License-Identifier: MIT
 *
 * cm_flock: every way out, and what other blocks, threads and processes are kept from meanwhile.
 */
#include "test.h"
#include <with/lock.h>

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char directory[] = "/tmp/test_flock.XXXXXX", path[64];

/* Whether the lock could be had at once: by another open file, as any other process's is. */
static bool is_free(void)
{
    volatile bool got = false;

    try {
        with (cm_flock(path, .nonblocking = true)) got = true;
    } catch (BlockingIOError) {
    }
    return got;
}

static bool is_shared(void)
{
    volatile bool got = false;

    try {
        with (cm_flock(path, .nonblocking = true, .shared = true)) got = true;
    } catch (BlockingIOError) {
    }
    return got && !is_free();
}

/* ---- Ways out ------------------------------------------------------------------------------ */

enum way { END, RETURN, GOTO, THROW, CONTINUE, CANCEL, EXIT_THREAD, BREAK };

static int last_fd; /* of the block that was left */

static void leave_thread(enum way way)
{
    if (way == CANCEL) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    if (way == EXIT_THREAD) pthread_exit(NULL);
}

static void check_held(int fd)
{
    last_fd = fd;
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(!is_free());
    CHECK(!is_shared());
}

static void check_left(void)
{
    CHECK(fcntl(last_fd, F_GETFD) < 0 && errno == EBADF);
    CHECK(is_free());
}

static const char *by_with(enum way way)
{
    with (cm_flock(path), fd) {
        check_held(fd);
        if (way == RETURN) return "return";
        if (way == GOTO) goto out;
        if (way == CONTINUE) continue;
        if (way == THROW) throw(KeyError, "thrown");
        leave_thread(way);
    }
    return "end";
out:
    return "goto";
}

static const char *by_using(enum way way)
{
    for (int rounds = 0; rounds < 2; rounds++) {
        using (cm_flock_within(path, 60), fd);
        check_held(fd);
        if (way == RETURN) return "return";
        if (way == GOTO) goto out;
        if (way == CONTINUE) continue;
        if (way == BREAK) break;
        if (way == THROW) throw(KeyError, "thrown");
        leave_thread(way);
    }
    return "end";
out:
    return "goto";
}

static void check_way(const char *(*function)(enum way), enum way way, const char *wanted)
{
    const char *volatile got = "nothing";

    try {
        got = function(way);
    } catch (KeyError) {
        got = "throw";
    }
    CHECK_STR(got, wanted);
    check_left();
}

struct thread {
    const char *(*function)(enum way);
    enum way way;
};

static void *run(void *argument)
{
    const struct thread *thread = argument;

    return (void *)thread->function(thread->way);
}

/* musl does not unwind the stack of a thread that ends early. */
static void check_thread(const char *(*function)(enum way), enum way way)
{
#ifdef __GLIBC__
    struct thread thread = {function, way};
    pthread_t id;
    void *result;

    CHECK_INT(pthread_create(&id, NULL, run, &thread), 0);
    CHECK_INT(pthread_join(id, &result), 0);
    check_left();
#else
    (void)function, (void)way, (void)run;
#endif
}

static void test_ways_out(void)
{
    const char *(*const functions[])(enum way) = {by_with, by_using};

    for (int i = 0; i < 2; i++) {
        check_way(functions[i], END, "end");
        check_way(functions[i], RETURN, "return");
        check_way(functions[i], GOTO, "goto");
        check_way(functions[i], THROW, "throw");
        check_way(functions[i], CONTINUE, "end");
        check_thread(functions[i], CANCEL);
        check_thread(functions[i], EXIT_THREAD);
    }
    check_way(by_using, BREAK, "end");
}

/* ---- Sharing and waiting ------------------------------------------------------------------- */

static void test_sharing(void)
{
    with (cm_flock(path, .shared = true)) {
        CHECK(is_shared());
        with (cm_flock_within(path, 0, .shared = true)) CHECK(is_shared());
        CHECK(is_shared());
    }
    CHECK(is_free());
}

static void check_timeout(double seconds, const char *text)
{
    volatile bool caught = false;

    try {
        with (cm_flock_within(path, seconds)) CHECK(!"it is held");
    } catch (TimeoutError, e) {
        caught = true;
        CHECK_INT(e->code, ETIMEDOUT);
        CHECK(strstr(e->message, path) != NULL);
        CHECK(strstr(e->message, text) != NULL);
    }
    CHECK(caught);
}

static void test_waiting(void)
{
    const double seconds[] = {0, -1, 0.5, 1e300, INFINITY};
    int blocks = 0;

    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        with (cm_flock_within(path, seconds[i])) blocks++;
    CHECK_INT(blocks, 5);
    with (cm_flock(path)) {
        check_timeout(0, " 0 seconds");
        check_timeout(-2, " 0 seconds");
        check_timeout(0.02, "0.02 seconds");
    }
    CHECK(is_free());
}

/* ---- The file ------------------------------------------------------------------------------ */

static void test_file(void)
{
    struct stat status;
    const mode_t mask = umask(027);
    char text[5] = "";

    unlink(path);
    with (cm_flock(path), fd) {
        CHECK_INT(fstat(fd, &status), 0);
        CHECK_INT(status.st_mode & 07777, 0640);
        CHECK_INT(write(fd, "text", 4), 4);
    }
    umask(mask);
    with (cm_flock(path, .shared = true), fd) CHECK_INT(pread(fd, text, 4, 0), 4);
    CHECK_STR(text, "text");
    CHECK_INT(stat(path, &status), 0);
}

static void test_readable_file(void)
{
    int blocks = 0;

    if (geteuid() == 0) return; /* who may write everything */
    CHECK_INT(chmod(path, 0444), 0);
    with (cm_flock(path, .shared = true)) blocks++;
    CHECK_INT(blocks, 1);
    try {
        with (cm_flock(path)) CHECK(!"it cannot be written");
    } catch (PermissionError, e) {
        CHECK(strstr(e->message, path) != NULL);
    }
    CHECK_INT(chmod(path, 0644), 0);
}

static void check_refused(const char *name, double seconds, const with_exception_type *type,
                          int code)
{
    volatile bool caught = false;

    try {
        with (cm_flock_within(name, seconds)) CHECK(!"it cannot be locked");
    } catch (Exception, e) {
        caught = true;
        CHECK(e->type == type);
        CHECK_INT(e->code, code);
        if (name) CHECK(strstr(e->message, name) != NULL);
    }
    CHECK(caught);
    CHECK_INT(with_dump(NULL), 0);
}

static void test_refused(void)
{
    check_refused(NULL, 1, &ValueError, 0);
    check_refused(path, NAN, &ValueError, 0);
    check_refused(directory, 1, &IsADirectoryError, EISDIR);
    check_refused("/tmp/not/there", 1, &FileNotFoundError, ENOENT);
    check_refused("", 1, &FileNotFoundError, ENOENT);
}

/* ---- Threads and processes ----------------------------------------------------------------- */

enum { WORKERS = 4, ROUNDS = 50 };

/* Adds one to the number in the file, in a way that loses rounds without a lock. */
static void count(int fd)
{
    int number = 0;

    if (pread(fd, &number, sizeof number, 0) < 0) number = -1000000;
    usleep(10);
    number++;
    CHECK(pwrite(fd, &number, sizeof number, 0) == sizeof number);
}

/* valgrind 3.19 runs no other thread while one waits without a limit. */
static void *work(void *seconds)
{
    for (int i = 0; i < ROUNDS; i++) {
        with (cm_flock_within(path, *(double *)seconds), fd) count(fd);
    }
    return NULL;
}

static int number_in_file(void)
{
    int number = -1;

    with (cm_flock(path, .shared = true), fd) CHECK(pread(fd, &number, sizeof number, 0) > 0);
    return number;
}

static void test_threads(void)
{
    pthread_t threads[WORKERS];
    double seconds = 600;

    unlink(path);
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, work, &seconds), 0);
    for (int i = 0; i < WORKERS; i++) CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(number_in_file(), WORKERS * ROUNDS);
}

static void wait_for(pid_t child)
{
    int status = -1;

    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

static void test_processes(void)
{
    pid_t children[WORKERS];
    double seconds[] = {600, INFINITY};

    unlink(path);
    fflush(NULL);
    for (int i = 0; i < WORKERS; i++)
        if ((children[i] = fork()) == 0) {
            work(&seconds[i % 2]);
            _exit(test_failures > 0);
        }
    for (int i = 0; i < WORKERS; i++) wait_for(children[i]);
    CHECK_INT(number_in_file(), WORKERS * ROUNDS);
}

/* The child of a process that holds the lock closes its copy, which unlocks nothing. */
static void test_child_leaves_block(void)
{
    pid_t child = -1;

    fflush(NULL);
    with (cm_flock(path), fd) {
        last_fd = fd;
        if ((child = fork()) > 0) {
            wait_for(child);
            CHECK(!is_free());
        }
    }
    if (child == 0) _exit(fcntl(last_fd, F_GETFD) >= 0 || is_free());
    CHECK(is_free());
}

/* The exit unlocks although a child still has a copy of the descriptor. */
static void test_parent_leaves_block(void)
{
    pid_t child = -1;
    int ends[2];
    char byte;

    CHECK_INT(pipe(ends), 0);
    fflush(NULL);
    with (cm_flock(path)) {
        child = fork();
        if (child == 0) {
            close(ends[1]);
            _exit(read(ends[0], &byte, 1) != 0); /* until the parent is done */
        }
    }
    CHECK(is_free());
    close(ends[0]);
    close(ends[1]);
    wait_for(child);
}

static void test_process_that_dies(void)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        with (cm_flock(path)) _exit(0);
    }
    wait_for(child);
    CHECK(is_free());
}

int main(void)
{
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof path, "%s/lock", directory);
    test_ways_out();
    test_sharing();
    test_waiting();
    test_file();
    test_readable_file();
    test_refused();
    test_processes();
    test_child_leaves_block();
    test_parent_leaves_block();
    test_process_that_dies();
    test_threads();
    CHECK_INT(unlink(path), 0);
    CHECK_INT(rmdir(directory), 0);
    return test_result();
}
