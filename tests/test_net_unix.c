/* SPDX-License-Identifier: MIT
 *
 * Unix sockets, in a directory of the test's own: every way out of the listener's block, dead and live
 * sockets at its path, timeouts, fork(), chdir(), and each call of libc failing.
 */
#define TEST_FAILING_CALLS
#include "test_net.h"

#include <sys/file.h>

static char directory[] = "/tmp/test-net-XXXXXX";

static bool is_socket(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* A socket at a path, that listens if the backlog is not negative. */
static int raw_unix(const char *path, int type, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, type, 0);

    strcpy(address.sun_path, path);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    if (backlog >= 0) CHECK(listen(fd, backlog) == 0);
    return fd;
}

static void connect_now(void *path)
{
    with (cm_connect_unix(path), fd) CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void listen_now(void *path)
{
    with (cm_listen_unix(path)) CHECK(is_socket(path));
}

/* ---- A conversation, and every way out ------------------------------------------------------- */

static void test_conversation(void)
{
    char peer[WITH_NET_ADDRESS_SIZE] = "?", text[WITH_NET_ADDRESS_SIZE];

    with (cm_listen_unix("socket", .backlog = 5), at) {
        CHECK(fcntl(at, F_GETFL) & O_NONBLOCK);
        with (cm_connect_unix("socket", .timeout_seconds = 60, .linger_seconds = 60), fd)
            with (cm_accept(at, .ret_peer = peer, .ret_peer_size = sizeof peer), other) {
                CHECK_STR(peer, "");
                CHECK_INT(with_net_peer(fd, text, sizeof text), 0);
                CHECK_STR(text, "socket");
                CHECK_INT(with_net_local(other, text, sizeof text), 0);
                CHECK_STR(text, "socket");
                send_bytes(fd, "text");
                CHECK_STR(received(other), "text");
                CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
            }
    }
    CHECK(!is_socket("socket"));
}

static void listen_and_return(void *path)
{
    with (cm_listen_unix(path)) return;
}

static void listen_and_goto(void *path)
{
    with (cm_listen_unix(path)) goto out;
out:;
}

static void listen_and_break(void *path)
{
    for (;;) {
        using (cm_listen_unix(path));
        break;
    }
}

static void listen_and_continue(void *path)
{
    for (int i = 0; i < 2; i++) { /* the second time the path is free again */
        using (cm_listen_unix(path));
        continue;
    }
}

static void listen_and_throw(void *path)
{
    with (cm_listen_unix(path)) throw(KeyError, "way out");
}

static void *listen_and_be_cancelled(void *path)
{
    with (cm_listen_unix(path)) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return NULL;
}

static void test_ways_out(void)
{
    const int before = open_descriptors();
    pthread_t thread;
    void *result;

    CHECK_NO_THROW(listen_now, "socket");
    CHECK_NO_THROW(listen_and_return, "socket");
    CHECK_NO_THROW(listen_and_goto, "socket");
    CHECK_NO_THROW(listen_and_break, "socket");
    CHECK_NO_THROW(listen_and_continue, "socket");
    CHECK_THROWS(listen_and_throw, "socket", KeyError, "way out");
    CHECK_INT(pthread_create(&thread, NULL, listen_and_be_cancelled, "socket"), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(!is_socket("socket"));
    CHECK_INT(open_descriptors(), before);
}

/* ---- What is at the path already ------------------------------------------------------------- */

static void test_dead_and_live(void)
{
    int fd = raw_unix("dead", SOCK_STREAM, 5);

    CHECK_THROWS(listen_now, "dead", OSError, "listen on dead: Address already in use");
    close(fd);
    CHECK(is_socket("dead"));
    CHECK_NO_THROW(listen_now, "dead");
    CHECK(!is_socket("dead"));

    fd = raw_unix("full", SOCK_STREAM, 0); /* it listens, but answers nobody */
    with (cm_connect_unix("full")) CHECK_THROWS(listen_now, "full", OSError, "already in use");
    close(fd);
    unlink("full");

    fd = raw_unix("datagram", SOCK_DGRAM, -1);
    CHECK_THROWS(listen_now, "datagram", OSError, "listen on datagram: Address already in use");
    CHECK(is_socket("datagram"));
    close(fd);
    unlink("datagram");

    close(open("file", O_CREAT | O_WRONLY, 0600));
    CHECK(symlink("nowhere", "link") == 0);
    CHECK_THROWS(listen_now, "file", OSError, "listen on file: Address already in use");
    CHECK_THROWS(listen_now, "link", OSError, "listen on link: Address already in use");
    CHECK_THROWS(listen_now, ".", OSError, "listen on .: Address already in use");
    CHECK(unlink("file") == 0 && unlink("link") == 0);
}

static void listen_twice(void *path)
{
    with (cm_listen_unix(path)) listen_now(path);
}

/* Two of our own: the first keeps its path. */
static void test_twice(void)
{
    CHECK_THROWS(listen_twice, "socket", OSError, "listen on socket: Address already in use");
    CHECK(!is_socket("socket"));
}

/* What is at the path at the exit is not ours any more: it stays. */
static void test_replaced(void)
{
    int other;

    with (cm_listen_unix("socket")) {
        CHECK(unlink("socket") == 0);
        other = raw_unix("socket", SOCK_STREAM, 5);
    }
    CHECK(is_socket("socket"));
    close(other);
    with (cm_listen_unix("socket")) CHECK(unlink("socket") == 0);
}

/* A lock that somebody holds delays, but does not stop. */
static void test_locked_directory(void)
{
    const int lock = open(".", O_RDONLY);

    CHECK(flock(lock, LOCK_EX) == 0);
    CHECK_NO_THROW(listen_now, "socket");
    close(lock);
}

static void test_chdir(void)
{
    CHECK(mkdir("below", 0700) == 0);
    with (cm_listen_unix("socket")) {
        CHECK(chdir("below") == 0);
        close(raw_unix("socket", SOCK_STREAM, 5));
    }
    CHECK(is_socket("socket") && chdir("..") == 0 && !is_socket("socket"));
    with (cm_listen_unix("below/../other")) CHECK(is_socket("other"));
    CHECK(!is_socket("other"));
    CHECK(unlink("below/socket") == 0 && rmdir("below") == 0);
}

/* ---- Paths, and connecting ------------------------------------------------------------------- */

static void connect_soon(void *path)
{
    with (cm_connect_unix(path, .timeout_seconds = 0.02)) {}
}

static void negative_backlog(void *path)
{
    with (cm_listen_unix(path, .backlog = -1)) {}
}

static void negative_timeout(void *path)
{
    with (cm_connect_unix(path, .timeout_seconds = -1)) {}
}

static void test_paths(void)
{
    char longest[sizeof((struct sockaddr_un *)0)->sun_path], too_long[sizeof longest + 1];
    const with_exception *e;

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    memset(too_long, 'x', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    CHECK_NO_THROW(listen_now, longest);
    e = with_call(listen_now, too_long);
    check_exception(e, &OSError, too_long, __FILE__, __LINE__);
    CHECK_INT(e->code, ENAMETOOLONG);
    with_exception_unref(e);
    CHECK_THROWS(connect_now, too_long, OSError, too_long);
    CHECK_THROWS(connect_now, "", ValueError, "cm_connect_unix: no path");
    CHECK_THROWS(listen_now, NULL, ValueError, "cm_listen_unix: no path");
    CHECK_THROWS(negative_backlog, "socket", ValueError, "cm_listen_unix: backlog is -1");
    CHECK_THROWS(negative_timeout, "socket", ValueError, "cm_connect_unix: timeout_seconds is -1");
    CHECK_THROWS(listen_now, "none/socket", FileNotFoundError, "listen on none/socket: No such");
    CHECK_THROWS(connect_now, "none", FileNotFoundError, "none: No such file");
}

static void test_connecting(void)
{
    const int before = open_descriptors();
    int fd = raw_unix("full", SOCK_STREAM, 0);

    with (cm_connect_unix("full")) CHECK_THROWS(connect_soon, "full", TimeoutError, "full: ");
    close(fd);
    CHECK_THROWS(connect_now, "full", ConnectionRefusedError, "full: Connection refused");
    CHECK(unlink("full") == 0);
    fd = raw_unix("datagram", SOCK_DGRAM, -1);
    CHECK_THROWS(connect_now, "datagram", OSError, "datagram: Protocol wrong type");
    close(fd);
    CHECK(unlink("datagram") == 0);
    CHECK_INT(open_descriptors(), before);
}

/* The peer of an accepted connection has no name: its own end is named instead. */
static void leave_unread(void *unused)
{
    (void)unused;
    with (cm_listen_unix("socket"), at) {
        using (cm_connect_unix("socket"), fd);
        send_bytes(fd, "unread");
        with (cm_accept(at), other) await(other);
    }
}

/* ---- fork() ---------------------------------------------------------------------------------- */

static void test_fork(void)
{
    const int failures = test_failures;
    int status = -1;
    pid_t child;

    with (cm_listen_unix("socket")) {
        child = fork();
        if (child > 0) {
            CHECK(waitpid(child, &status, 0) == child);
            CHECK_INT(status, 0);
            CHECK(is_socket("socket"));
            connect_now("socket");
        }
    }
    if (child == 0) _exit(test_failures != failures);
    CHECK(!is_socket("socket"));
}

/* ---- Failing calls --------------------------------------------------------------------------- */

static void fail_at_exit(void *path)
{
    with (cm_listen_unix(path)) {
        FAIL(unlink, 0, EACCES);
        FAIL(close, 0, EIO);
    }
}

static void fail_at_exit_in_flight(void *path)
{
    with (cm_listen_unix(path)) {
        FAIL(lstat, 0, EACCES);
        FAIL(close, 0, EIO);
        throw(KeyError, "first");
    }
}

static void test_failing_listen(void)
{
    const with_exception *e;

    FAIL(socket, 0, EMFILE);
    CHECK_THROWS(listen_now, "socket", OSError, "listen on socket: Too many open files");
    FAIL(bind, 0, EACCES);
    CHECK_THROWS(listen_now, "socket", PermissionError, "listen on socket: Permission denied");
    FAIL(listen, 0, ENOBUFS);
    CHECK_THROWS(listen_now, "socket", OSError, "listen on socket: No buffer space");
    FAIL(lstat, 0, EIO);
    CHECK_THROWS(listen_now, "socket", OSError, "listen on socket: Input/output error");
    CHECK(!is_socket("socket"));
    close(raw_unix("socket", SOCK_STREAM, 5));
    FAIL(unlink, 0, EPERM);
    CHECK_THROWS(listen_now, "socket", PermissionError, "listen on socket: Operation not");
    FAIL(socket, 1, EMFILE); /* it cannot be tested, so it may be alive */
    CHECK_THROWS(listen_now, "socket", OSError, "listen on socket: Address already in use");
    CHECK_NO_THROW(listen_now, "socket");

    e = with_call(fail_at_exit, "socket");
    check_exception(e, &PermissionError, "removing socket: Permission", __FILE__, __LINE__);
    CHECK(has_note(e, "closing the listener on socket: Input/output error"));
    with_exception_unref(e);
    e = with_call(fail_at_exit_in_flight, "socket"); /* which takes the dead one's place */
    check_exception(e, &KeyError, "first", __FILE__, __LINE__);
    CHECK(has_note(e, "removing socket: Permission denied"));
    CHECK(has_note(e, "closing the listener on socket: Input/output error"));
    with_exception_unref(e);
    CHECK(unlink("socket") == 0);
}

static void listen_without_memory(void *ret_path)
{
    char path[64];

    snprintf(path, sizeof path, "%s/socket", directory);
    strcpy(ret_path, path);
    FAIL(strdup, 0, ENOMEM);
    with (cm_listen_unix(path)) {}
}

static void test_failing_connect(void)
{
    char path[64];

    CHECK_THROWS(listen_without_memory, path, MemoryError, "/socket");
    with (cm_listen_unix("socket")) {
        FAIL(socket, 0, EMFILE);
        CHECK_THROWS(connect_now, "socket", OSError, "socket: Too many open files");
        FAIL(connect, 0, EACCES);
        CHECK_THROWS(connect_now, "socket", PermissionError, "socket: Permission denied");
        FAIL(connect, 0, EINTR);
        CHECK_NO_THROW(connect_now, "socket");
        FAIL(setsockopt, 0, ENOBUFS);
        CHECK_THROWS(connect_soon, "socket", OSError, "socket: No buffer space");
        FAIL(setsockopt, 1, ENOBUFS);
        CHECK_THROWS(connect_soon, "socket", OSError, "socket: No buffer space");
    }
}

int main(void)
{
    int before;

    if (!mkdtemp(directory) || chdir(directory) != 0) {
        perror(directory);
        return 1;
    }
    before = open_descriptors();
    test_conversation();
    test_ways_out();
    test_dead_and_live();
    test_twice();
    test_replaced();
    test_locked_directory();
    test_chdir();
    test_paths();
    test_connecting();
    CHECK_THROWS(leave_unread, NULL, ConnectionAbortedError, "connection on socket, 6 bytes");
    test_fork();
    test_failing_listen();
    test_failing_connect();
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(with_dump(stderr), 0);
    CHECK(chdir("/") == 0 && rmdir(directory) == 0); /* nothing is left in it */
    return test_result();
}
