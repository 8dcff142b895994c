/* SPDX-License-Identifier: MIT
 *
 * cm_open, cm_fdopen and cm_fd: every way out of their blocks, and what the system refuses.
 */
#include "test_files.h"

/* ---- Ways out ------------------------------------------------------------------------------ */

enum way {
    END,
    RETURN,
    GOTO,
    THROW,
    CONTINUE,
    CANCEL,
    EXIT_THREAD,
    WAYS,
    BREAK = WAYS,
    USING_WAYS
};

static int made_fd(void)
{
    int fd = open("ways.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);

    CHECK(fd >= 0);
    return fd;
}

static void use(FILE *file)
{
    CHECK(fputs("text", file) >= 0);
}

static void use_fd(int fd)
{
    CHECK(write(fd, "text", 4) == 4);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static void leave_thread(enum way way)
{
    if (way == CANCEL) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    if (way == EXIT_THREAD) pthread_exit(NULL);
}

/* A function with a block held by `with`, and one with a loop whose rounds hold it by `using`. */
#define DEFINE_WAYS(NAME, MANAGER, USE)                                                            \
    static const char *with_##NAME(enum way way)                                                   \
    {                                                                                              \
        with (MANAGER, it) {                                                                       \
            USE(it);                                                                               \
            if (way == RETURN) return "return";                                                    \
            if (way == GOTO) goto out;                                                             \
            if (way == CONTINUE) continue;                                                         \
            if (way == THROW) throw(KeyError, "thrown");                                           \
            leave_thread(way);                                                                     \
        }                                                                                          \
        return way == CONTINUE ? "continue" : "end";                                               \
out:                                                                                               \
        return "goto";                                                                             \
    }                                                                                              \
    static const char *using_##NAME(enum way way)                                                  \
    {                                                                                              \
        int round;                                                                                 \
        for (round = 0; round < 3; round++) {                                                      \
            using (MANAGER, it);                                                                   \
            USE(it);                                                                               \
            if (way == RETURN) return "return";                                                    \
            if (way == GOTO) goto out;                                                             \
            if (way == CONTINUE) continue;                                                         \
            if (way == BREAK) break;                                                               \
            if (way == THROW) throw(KeyError, "thrown");                                           \
            leave_thread(way);                                                                     \
        }                                                                                          \
        CHECK_INT(round, way == BREAK ? 0 : 3);                                                    \
        return way == BREAK ? "break" : way == CONTINUE ? "continue" : "end";                      \
out:                                                                                               \
        return "goto";                                                                             \
    }
DEFINE_WAYS(open, cm_open("ways.txt", "w"), use)
DEFINE_WAYS(fdopen, cm_fdopen(made_fd(), "we"), use)
DEFINE_WAYS(fd, cm_fd("ways.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666), use_fd)

struct attempt {
    const char *(*function)(enum way way);
    enum way way;
    const char *left_by;
};

static void *run(void *argument)
{
    struct attempt *attempt = argument;

    try {
        attempt->left_by = attempt->function(attempt->way);
    } catch (KeyError) {
        attempt->left_by = "throw";
    }
    return NULL;
}

/* In a thread of its own, so that it can be cancelled. */
static void check_way(const char *(*function)(enum way way), enum way way)
{
    static const char *const names[] = {
        [END] = "end",           [RETURN] = "return",  [GOTO] = "goto",           [THROW] = "throw",
        [CONTINUE] = "continue", [CANCEL] = "nothing", [EXIT_THREAD] = "nothing", [BREAK] = "break",
    };
    struct attempt attempt = {function, way, "nothing"};
    int before = open_descriptors();
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, run, &attempt) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_STR(attempt.left_by, names[way]);
    CHECK_STR(text_of("ways.txt"), "text");
    CHECK_INT(open_descriptors(), before);
    unlink("ways.txt");
}

static void test_ways_out(void)
{
    for (enum way way = 0; way < WAYS; way++) {
        check_way(with_open, way);
        check_way(with_fdopen, way);
        check_way(with_fd, way);
    }
    for (enum way way = 0; way < USING_WAYS; way++) {
        check_way(using_open, way);
        check_way(using_fdopen, way);
        check_way(using_fd, way);
    }
}

static void end_process(void)
{
    with (cm_open("exit.txt", "w"), file) {
        fputs("text", file);
        exit(0);
    }
}

static void test_exit(void)
{
    fflush(NULL);
    in_child(end_process);
    CHECK_STR(text_of("exit.txt"), "text");
    unlink("exit.txt");
}

/* ---- Modes --------------------------------------------------------------------------------- */

static void open_in(void *mode)
{
    with (cm_open("modes.txt", mode), file) {
        CHECK(fcntl(fileno(file), F_GETFD) & FD_CLOEXEC);
        if (strpbrk(mode, "wa+")) CHECK(fputs("new", file) >= 0);
        if (strpbrk(mode, "r+")) {
            char word[10];
            rewind(file);
            CHECK(fgets(word, sizeof word, file) != NULL);
        }
    }
}

static void test_modes(void)
{
    static const struct {
        const char *mode, *result;
    } cases[] = {
        {"r", "old text"},    {"rb", "old text"},   {"r+", "new text"},
        {"rb+e", "new text"}, {"w", "new"},         {"w+", "new"},
        {"wbe", "new"},       {"a", "old textnew"}, {"a+b", "old textnew"},
    };
    static const char *const bad[] = {"", "x", "R", "rw", "r,ccs=UTF-8", "rx", "w ", "+r"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("modes.txt", "old text");
        CHECK_NO_THROW(open_in, (void *)cases[i].mode);
        CHECK_STR(text_of("modes.txt"), cases[i].result);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[100];
        snprintf(message, sizeof message, "modes.txt: there is no mode \"%s\"", bad[i]);
        CHECK_THROWS(open_in, (void *)bad[i], ValueError, message);
    }
    CHECK_THROWS(open_in, NULL, ValueError, "modes.txt: the mode is NULL");
    CHECK_THROWS(open_in, "wx", FileExistsError, "modes.txt: File exists");
    unlink("modes.txt");
    CHECK_NO_THROW(open_in, "wx");
    CHECK_THROWS(open_in, "ax", FileExistsError, "modes.txt: File exists");
    unlink("modes.txt");
}

/* ---- What enter refuses -------------------------------------------------------------------- */

static void open_path(void *path)
{
    with (cm_open(path, "r")) CHECK(!"entered");
}

static void open_fd_path(void *path)
{
    with (cm_fd(path, O_RDONLY, 0)) CHECK(!"entered");
}

static void open_secret(void)
{
    become_nobody();
    CHECK_THROWS(open_path, "secret", PermissionError, "secret: Permission denied");
    CHECK_THROWS(open_fd_path, "secret", PermissionError, "secret: Permission denied");
}

static void test_refused(void)
{
    int before = open_descriptors();

    CHECK_THROWS(open_path, NULL, ValueError, "cm_open: the path is NULL");
    CHECK_THROWS(open_fd_path, NULL, ValueError, "cm_fd: the path is NULL");
    CHECK_THROWS(open_path, "", FileNotFoundError, "No such file or directory");
    CHECK_THROWS(open_path, "none", FileNotFoundError, "none: No such file or directory");
    CHECK_THROWS(open_fd_path, "none", FileNotFoundError, "none: No such file or directory");
    CHECK_THROWS(open_path, ".", IsADirectoryError, ".: Is a directory");
    write_text("plain", "");
    CHECK_THROWS(open_path, "plain/x", NotADirectoryError, "plain/x: Not a directory");
    CHECK(symlink("loop", "loop") == 0);
    CHECK_THROWS(open_path, "loop", OSError, "loop: Too many levels of symbolic links");
    CHECK_INT(open_descriptors(), before);

    write_text("secret", "");
    CHECK(chmod("secret", 0) == 0 && chmod(".", 0755) == 0);
    in_child(open_secret);
    unlink("plain");
    unlink("loop");
    unlink("secret");
}

static void fdopen_in(void *mode)
{
    int fd = open("/dev/null", O_RDONLY);
    const with_exception *volatile thrown = NULL;

    try {
        with (cm_fdopen(fd, mode)) CHECK(!"entered");
    } catch (Exception, e) {
        thrown = with_exception_ref(e);
    }
    CHECK(close(fd) == 0); /* still ours */
    if (thrown) with_throw_again(thrown);
}

static void fdopen_closed(void *mode)
{
    with (cm_fdopen(-1, mode)) CHECK(!"entered");
}

static void test_fdopen_refused(void)
{
    char message[100];
    int fd = open("/dev/null", O_RDONLY);

    close(fd);
    snprintf(message, sizeof message, "descriptor %d: there is no mode \"rx\"", fd);
    CHECK_THROWS(fdopen_in, "rx", ValueError, message);
    CHECK_THROWS(fdopen_in, "wx", ValueError, (message[strlen(message) - 3] = 'w', message));
    snprintf(message, sizeof message, "descriptor %d: the mode is NULL", fd);
    CHECK_THROWS(fdopen_in, NULL, ValueError, message);
#ifdef __GLIBC__ /* others find out when the first write fails */
    snprintf(message, sizeof message, "descriptor %d, mode \"w\": Invalid argument", fd);
    CHECK_THROWS(fdopen_in, "w", OSError, message);
#endif
    CHECK_THROWS(fdopen_closed, "r", OSError, "descriptor -1, mode \"r\": Bad file descriptor");
    CHECK_THROWS(fdopen_closed, "re", OSError, "descriptor -1: Bad file descriptor");
}

static void test_fdopen_flags(void)
{
    int fd = open("/dev/null", O_RDONLY);

    with (cm_fdopen(fd, "r"), file) {
        CHECK_INT(fileno(file), fd);
        CHECK_INT(fcntl(fd, F_GETFD), 0);
    }
    fd = open("/dev/null", O_RDONLY);
    with (cm_fdopen(fd, "re")) CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* ---- Values -------------------------------------------------------------------------------- */

static void test_values(void)
{
    struct cm_open reading = cm_open("values.txt", "r");
    char outer[10], inner[10];

    write_text("values.txt", "text");
    with (reading, file) {
        CHECK(fgets(outer, sizeof outer, file) != NULL);
        with (reading, again) CHECK(fgets(inner, sizeof inner, again) != NULL);
    }
    with (reading, file) CHECK(fgetc(file) == 't');
    CHECK_STR(outer, "text");
    CHECK_STR(inner, "text");

    errno = 77;
    with (reading, file) errno = 78;
    CHECK_INT(errno, 78);
    unlink("values.txt");
}

int main(void)
{
    test_files_begin();
    test_ways_out();
    test_exit();
    test_modes();
    test_refused();
    test_fdopen_refused();
    test_fdopen_flags();
    test_values();
    return test_files_end();
}
