/* SPDX-License-Identifier: MIT
 *
 * What the network family asks of a descriptor and of the clock.
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_SECOND = 1000000000, NS_PER_MS = 1000000 };

/* ---- Time ---------------------------------------------------------------------------------- */

int64_t with__net_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t with__net_deadline(double seconds)
{
    const double century = 100.0 * 365 * 86400;

    if (seconds <= 0 || seconds > century) return WITH__NET_NEVER;
    return with__net_now() + (int64_t)(seconds * NS_PER_SECOND);
}

void with__net_check_seconds(const char *manager, const char *option, double seconds)
{
    if (!(seconds >= 0))
        with_throw(with_ValueError, "%s: %s is %g, not 0 or more", manager, option, seconds);
}

/* Rounded up, so that poll() does not return before the deadline only to be called again. */
static int milliseconds_until(int64_t deadline)
{
    int64_t ms;

    if (deadline == WITH__NET_NEVER) return -1;
    ms = (deadline - with__net_now() + NS_PER_MS - 1) / NS_PER_MS;
    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

int with__net_wait(int fd, short events, int64_t deadline, int cancel_state)
{
    struct pollfd ready = {.fd = fd, .events = events};
    int number, error, ms;

    do {
        ms = milliseconds_until(deadline);
        with__net_cancel_state(cancel_state);
        number = poll(&ready, 1, ms);
        error = errno;
        with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
        if (number > 0) return 0;
        if (number < 0 && error != EINTR) return -error;
    } while (number < 0 || ms != 0);
    return -ETIMEDOUT;
}

/* ---- Descriptors --------------------------------------------------------------------------- */

int with__net_set_nonblocking(int fd, bool nonblocking)
{
    const int flags = fcntl(fd, F_GETFL);

    if (flags < 0) return -errno;
    if (fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

#ifdef SOCK_CLOEXEC
int with__net_socket(int family, int protocol, bool nonblocking)
{
    const int flags = SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
    const int fd = socket(family, SOCK_STREAM | flags, protocol);

    return fd < 0 ? -errno : fd;
}

int with__net_accept(int listener, struct sockaddr *ret_address, socklen_t *ret_length)
{
    const int fd = accept4(listener, ret_address, ret_length, SOCK_CLOEXEC);

    return fd < 0 ? -errno : fd;
}
#else /* macOS: a fork() and exec in another thread may come in between, and cannot be helped */
static int prepare(int fd, bool nonblocking)
{
    int code;

    if (fd < 0) return -errno;
    code = fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : with__net_set_nonblocking(fd, nonblocking);
    if (code == 0) return fd;
    with__net_close(fd);
    return code;
}

int with__net_socket(int family, int protocol, bool nonblocking)
{
    return prepare(socket(family, SOCK_STREAM, protocol), nonblocking);
}

int with__net_accept(int listener, struct sockaddr *ret_address, socklen_t *ret_length)
{
    return prepare(accept(listener, ret_address, ret_length), false);
}
#endif

/* After EINTR and EINPROGRESS the descriptor is closed all the same: closing it again could hit another. */
int with__net_close(int fd)
{
    if (close(fd) == 0 || errno == EINTR || errno == EINPROGRESS) return 0;
    return -errno;
}

int with__net_pending_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    return -error;
}
