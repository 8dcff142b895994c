/* SPDX-License-Identifier: MIT
 *
 * What the tests of files share: a directory of their own to work in, short ways to look at files,
 * and calls of libc that fail on demand. A test that wants the calls to fail defines
 * TEST_FAILING_CALLS.
 */
#ifndef TEST_FILES_H
#define TEST_FILES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/file.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test.h"

#define HELPER static inline __attribute__((unused))

/* Runs function(argument) and checks what escapes it. */
#define CHECK_THROWS(FUNCTION, ARGUMENT, TYPE, MESSAGE)                                            \
    do {                                                                                           \
        const with_exception *thrown_ = with_call(FUNCTION, ARGUMENT);                             \
        CHECK(with_isinstance(thrown_, &TYPE));                                                    \
        CHECK_STR(thrown_ ? thrown_->message : NULL, MESSAGE);                                     \
        with_exception_unref(thrown_);                                                             \
    } while (0)
#define CHECK_NO_THROW(FUNCTION, ARGUMENT)                                                         \
    do {                                                                                           \
        const with_exception *thrown_ = with_call(FUNCTION, ARGUMENT);                             \
        CHECK_STR(thrown_ ? thrown_->message : "nothing", "nothing");                              \
        with_exception_unref(thrown_);                                                             \
    } while (0)

/* ---- Files --------------------------------------------------------------------------------- */

static char test_directory[] = "/tmp/test-files-XXXXXX";

/* Goes to a new, empty directory. */
HELPER void test_files_begin(void)
{
    if (!mkdtemp(test_directory) || chdir(test_directory) != 0) {
        perror(test_directory);
        exit(1);
    }
    umask(022);
}

HELPER void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* The first 99 bytes of a file, in static memory; "(none)" if it cannot be opened. */
HELPER const char *text_of(const char *path)
{
    static char text[100];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text - 1);

    if (fd < 0) return "(none)";
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

HELPER int entries_of(const char *path)
{
    DIR *directory = opendir(path);
    int count = -2; /* . and .. */

    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

HELPER int open_descriptors(void)
{
    return entries_of("/proc/self/fd");
}

/* The directory must be empty again. */
HELPER int test_files_end(void)
{
    CHECK_INT(entries_of("."), 0);
    CHECK(rmdir(test_directory) == 0);
    return test_result();
}

/* Runs function in a child process; its checks count there, and the child's success counts here. */
HELPER void in_child(void (*function)(void))
{
    int status = -1, before = test_failures;
    pid_t child = fork();

    if (child == 0) {
        function();
        _exit(test_failures != before);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

HELPER void become_nobody(void)
{
    if (getuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
}

/* ---- Calls that fail on demand ------------------------------------------------------------- */

#ifdef TEST_FAILING_CALLS

#define CALLS(X)                                                                                   \
    X(chdir)                                                                                       \
    X(close)                                                                                       \
    X(dup2)                                                                                        \
    X(dup3)                                                                                        \
    X(fchdir)                                                                                      \
    X(fchmod)                                                                                      \
    X(fchown)                                                                                      \
    X(fclose)                                                                                      \
    X(fcntl)                                                                                       \
    X(fdopen)                                                                                      \
    X(fflush)                                                                                      \
    X(fgetxattr)                                                                                   \
    X(flistxattr)                                                                                  \
    X(fremovexattr)                                                                                \
    X(fsetxattr)                                                                                   \
    X(fstat)                                                                                       \
    X(fstatat)                                                                                     \
    X(fsync)                                                                                       \
    X(open)                                                                                        \
    X(openat)                                                                                      \
    X(readlinkat)                                                                                  \
    X(renameat)                                                                                    \
    X(unlinkat)

#define CALL_INDEX(NAME) CALL_##NAME,
enum call { CALLS(CALL_INDEX) CALL_COUNT };

/* The call after the next `after` ones fails with error; after counts down. */
static struct {
    int after, error;
} test_plan[CALL_COUNT];

#define FAIL(NAME, AFTER, ERROR)                                                                   \
    (test_plan[CALL_##NAME].after = (AFTER), test_plan[CALL_##NAME].error = (ERROR))
#define PENDING(NAME) (test_plan[CALL_##NAME].error != 0)

static bool refused(enum call call)
{
    if (!test_plan[call].error || test_plan[call].after-- > 0) return false;
    errno = test_plan[call].error;
    test_plan[call].error = 0;
    return true;
}

#define REAL(NAME) ((__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME))

/* Seen by the library, also when the program hides its own symbols. */
#pragma GCC visibility push(default)

/* Closed all the same, as the real one does when it fails. */
int close(int fd)
{
    const bool fails = refused(CALL_close);
    const int error = errno;

    if (!fails) return REAL(close)(fd);
    REAL(close)(fd);
    errno = error;
    return -1;
}

int fclose(FILE *file)
{
    const bool fails = refused(CALL_fclose);
    const int error = errno;

    if (!fails) return REAL(fclose)(file);
    REAL(fclose)(file);
    errno = error;
    return EOF;
}

int chdir(const char *path)
{
    return refused(CALL_chdir) ? -1 : REAL(chdir)(path);
}

int dup2(int from, int to)
{
    return refused(CALL_dup2) ? -1 : REAL(dup2)(from, to);
}

int dup3(int from, int to, int flags)
{
    return refused(CALL_dup3) ? -1 : REAL(dup3)(from, to, flags);
}

int fchdir(int fd)
{
    return refused(CALL_fchdir) ? -1 : REAL(fchdir)(fd);
}

int fchmod(int fd, mode_t mode)
{
    return refused(CALL_fchmod) ? -1 : REAL(fchmod)(fd, mode);
}

int fchown(int fd, uid_t owner, gid_t group)
{
    return refused(CALL_fchown) ? -1 : REAL(fchown)(fd, owner, group);
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long); /* of those that take none, what happens to be there */
    va_end(arguments);
    return refused(CALL_fcntl) ? -1 : REAL(fcntl)(fd, command, argument);
}

int fflush(FILE *file)
{
    return refused(CALL_fflush) ? EOF : REAL(fflush)(file);
}

FILE *fdopen(int fd, const char *mode)
{
    return refused(CALL_fdopen) ? NULL : REAL(fdopen)(fd, mode);
}

int fstat(int fd, struct stat *status)
{
    return refused(CALL_fstat) ? -1 : REAL(fstat)(fd, status);
}

int fstatat(int directory, const char *path, struct stat *status, int flags)
{
    return refused(CALL_fstatat) ? -1 : REAL(fstatat)(directory, path, status, flags);
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return refused(CALL_fgetxattr) ? -1 : REAL(fgetxattr)(fd, name, value, size);
}

ssize_t flistxattr(int fd, char *names, size_t size)
{
    return refused(CALL_flistxattr) ? -1 : REAL(flistxattr)(fd, names, size);
}

int fremovexattr(int fd, const char *name)
{
    return refused(CALL_fremovexattr) ? -1 : REAL(fremovexattr)(fd, name);
}

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    return refused(CALL_fsetxattr) ? -1 : REAL(fsetxattr)(fd, name, value, size, flags);
}

int fsync(int fd)
{
    return refused(CALL_fsync) ? -1 : REAL(fsync)(fd);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return refused(CALL_open) ? -1 : REAL(open)(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return refused(CALL_openat) ? -1 : REAL(openat)(directory, path, flags, mode);
}

ssize_t readlinkat(int directory, const char *path, char *text, size_t size)
{
    return refused(CALL_readlinkat) ? -1 : REAL(readlinkat)(directory, path, text, size);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return refused(CALL_renameat) ? -1 : REAL(renameat)(from_directory, from, to_directory, to);
}

int unlinkat(int directory, const char *path, int flags)
{
    return refused(CALL_unlinkat) ? -1 : REAL(unlinkat)(directory, path, flags);
}

#pragma GCC visibility pop

#endif /* TEST_FAILING_CALLS */

#endif
