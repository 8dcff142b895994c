/* SPDX-License-Identifier: MIT
 *
 * What the tests of the network share: raw sockets for the other end, and calls of libc that fail on
 * demand. A test that wants those defines TEST_FAILING_CALLS.
 */
#ifndef TEST_NET_H
#define TEST_NET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/net.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_exceptions.h"

#define HELPER static inline __attribute__((unused))

HELPER int notes_of(const with_exception *e)
{
    int number = 0;

    for (const with_note *note = e->notes; note; note = note->next) number++;
    return number;
}

HELPER int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = -3; /* . and .. and the directory's own */

    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
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

/* ---- The other end ------------------------------------------------------------------------- */

/* Waits until something has happened on fd: input, an end or an error. */
HELPER void await(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    CHECK_INT(poll(&ready, 1, 60000), 1);
}

HELPER struct sockaddr_in address_of(const char *host, const char *service)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)atoi(service))};

    CHECK(inet_pton(AF_INET, host, &address.sin_addr) == 1);
    return address;
}

/*
 * An address of this machine that no other process uses, so that a port of it is still free when it has
 * been closed. (Linux has all of 127.0.0.0/8, and connects from 127.0.0.1.)
 */
HELPER const char *own_host(void)
{
    static char host[32];
    const unsigned pid = (unsigned)getpid();

    snprintf(host, sizeof host, "127.%u.%u.%u", 1 + pid / 62500 % 250, pid / 250 % 250,
             1 + pid % 250);
    return host;
}

/* A listener on a free port, which is written to ret_service (8 bytes). With a backlog of -1 it refuses. */
HELPER int raw_listener_at(const char *host, int backlog, char *ret_service)
{
    struct sockaddr_in address = address_of(host, "0");
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    if (backlog >= 0) CHECK(listen(fd, backlog) == 0);
    sprintf(ret_service, "%d", with_net_port(fd));
    return fd;
}

HELPER int raw_listener(int backlog, char *ret_service)
{
    return raw_listener_at("127.0.0.1", backlog, ret_service);
}

/* A port of own_host() where nobody listens. */
HELPER void free_port_of_own_host(char *ret_service)
{
    close(raw_listener_at(own_host(), -1, ret_service));
}

HELPER int raw_connection(const char *service)
{
    struct sockaddr_in address = address_of("127.0.0.1", service);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* A listener that answers no further connection, for its queue is full: *ret_first is all that is in it. */
HELPER int full_listener(char *ret_service, int *ret_first)
{
    const int fd = raw_listener(0, ret_service);

    *ret_first = raw_connection(ret_service);
    await(fd);
    return fd;
}

/* What has arrived, as a string in static memory; "(end)" at the end, "(reset)" after a reset. */
HELPER const char *received(int fd)
{
    static char text[100];
    ssize_t size;

    await(fd);
    size = recv(fd, text, sizeof text - 1, 0);
    if (size < 0) return errno == ECONNRESET ? "(reset)" : strerror(errno);
    text[size] = '\0';
    return size == 0 ? "(end)" : text;
}

HELPER void send_bytes(int fd, const char *text)
{
    CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (long long)strlen(text));
}

/* Closes with a reset, which the peer gets. */
HELPER void reset_connection(int fd)
{
    const struct linger linger = {.l_onoff = 1};

    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(close(fd) == 0);
}

/* ---- Calls that fail on demand ------------------------------------------------------------- */

#define REAL(NAME) ((__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME))

#ifdef TEST_FAILING_CALLS

#define CALLS(X)                                                                                   \
    X(accept4)                                                                                     \
    X(bind)                                                                                        \
    X(close)                                                                                       \
    X(connect)                                                                                     \
    X(fcntl)                                                                                       \
    X(getsockopt)                                                                                  \
    X(listen)                                                                                      \
    X(lstat)                                                                                       \
    X(poll)                                                                                        \
    X(recv)                                                                                        \
    X(setsockopt)                                                                                  \
    X(shutdown)                                                                                    \
    X(socket)                                                                                      \
    X(strdup)                                                                                      \
    X(unlink)

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

#pragma GCC visibility push(default) /* what the library calls must find them */

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return refused(CALL_accept4) ? -1 : REAL(accept4)(fd, address, length, flags);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    return refused(CALL_bind) ? -1 : REAL(bind)(fd, address, length);
}

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

/* Called once, before the next connect(). */
static void (*before_connect)(int fd);

/* One that is interrupted goes on, as POSIX says. */
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    void (*const hook)(int) = before_connect;
    const bool fails = refused(CALL_connect);
    const int error = errno;

    before_connect = NULL;
    if (hook) hook(fd);
    if (!fails) return REAL(connect)(fd, address, length);
    if (error == EINTR && address->sa_family != AF_UNIX) REAL(connect)(fd, address, length);
    errno = error;
    return -1;
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    int value;

    va_start(arguments, command);
    value = va_arg(arguments, int);
    va_end(arguments);
    return refused(CALL_fcntl) ? -1 : REAL(fcntl)(fd, command, value);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    return refused(CALL_getsockopt) ? -1 : REAL(getsockopt)(fd, level, option, value, length);
}

int listen(int fd, int backlog)
{
    return refused(CALL_listen) ? -1 : REAL(listen)(fd, backlog);
}

int lstat(const char *path, struct stat *status)
{
    return refused(CALL_lstat) ? -1 : REAL(lstat)(path, status);
}

int poll(struct pollfd *fds, nfds_t number, int ms)
{
    return refused(CALL_poll) ? -1 : REAL(poll)(fds, number, ms);
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    return refused(CALL_recv) ? -1 : REAL(recv)(fd, bytes, size, flags);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    return refused(CALL_setsockopt) ? -1 : REAL(setsockopt)(fd, level, option, value, length);
}

/* Called once, when the next shutdown() has been done. */
static void (*after_shutdown)(void);

int shutdown(int fd, int how)
{
    const int result = refused(CALL_shutdown) ? -1 : REAL(shutdown)(fd, how), error = errno;
    void (*const hook)(void) = after_shutdown;

    after_shutdown = NULL;
    if (hook) hook();
    errno = error;
    return result;
}

int socket(int family, int type, int protocol)
{
    return refused(CALL_socket) ? -1 : REAL(socket)(family, type, protocol);
}

char *strdup(const char *text)
{
    return refused(CALL_strdup) ? NULL : REAL(strdup)(text);
}

int unlink(const char *path)
{
    return refused(CALL_unlink) ? -1 : REAL(unlink)(path);
}

#pragma GCC visibility pop

#endif /* TEST_FAILING_CALLS */

#endif
