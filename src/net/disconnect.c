/* SPDX-License-Identifier: MIT
 *
 * The end of a connection: what can be known of lost data, the orderly end, the exit of all connections.
 *
 * close() itself tells nothing of a stream socket: it returns 0 when SO_LINGER's time runs out (Linux),
 * and resets the connection if input is unread (RFC 1122, 4.2.2.13), so that the peer may lose what it
 * has not read yet. Hence unread input is looked for before, and acknowledgement is waited for here.
 */
#include "internal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { STEP_MAX_MS = 50 };

void with__net_connected(struct with_connection_ *self, int fd, double linger_seconds,
                         bool discard_input)
{
    self->pid = (int)getpid();
    self->linger_seconds = linger_seconds;
    self->discard_input = discard_input;
    if (with_net_peer(fd, self->peer, sizeof self->peer) != 0) self->peer[0] = '\0';
}

/* ---- The orderly end ----------------------------------------------------------------------- */

/* What was sent and not acknowledged, in units of no meaning here; -1: this system does not tell. */
static int unacknowledged(int fd)
{
    int amount = -1;

#if defined(__linux__) /* SIOCOUTQ, by the name that needs no kernel header: tcp(7) */
    if (ioctl(fd, TIOCOUTQ, &amount) < 0) return -1;
#elif defined(FIONWRITE)
    if (ioctl(fd, FIONWRITE, &amount) < 0) return -1;
#else
    (void)fd;
#endif
    return amount;
}

/* Reads and throws away what has arrived by now. 0 at the end of the stream, else 1 or a negative errno. */
static int discard_arrived(int fd)
{
    char thrown_away[4096];
    int left = 0;

    if (ioctl(fd, FIONREAD, &left) < 0) return -errno;
    for (;;) {
        const ssize_t size = recv(fd, thrown_away, sizeof thrown_away, MSG_DONTWAIT);
        if (size == 0) return 0;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 1;
        if (size < 0 && errno != EINTR) return -errno;
        if (size > 0 && (left -= (int)size) < 0) return 1; /* a peer that does not stop sending */
    }
}

/* 0 at the end of the stream, 1 if nothing has arrived, else a negative errno. */
static int look_for_input(int fd)
{
    char first;
    ssize_t size;

    do size = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size == 0) return 0;
    if (size > 0) return -ECONNABORTED;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -errno;
}

static int check_input(int fd, bool discard_input)
{
    return discard_input ? discard_arrived(fd) : look_for_input(fd);
}

/*
 * No event tells that all is acknowledged: it is looked up after 1, 2, 4, ... ms. At the end of the peer's
 * stream poll() would return at once, so then this only sleeps.
 */
static int wait_until_acknowledged(int fd, bool discard_input, int64_t deadline, int cancel_state)
{
    for (int64_t step = 1;; step = step * 2 < STEP_MAX_MS ? step * 2 : STEP_MAX_MS) {
        /* In this order: a reset, which empties the queue, is then seen. */
        const int unsent = unacknowledged(fd), input = check_input(fd, discard_input);
        int64_t now = with__net_now(), next = now + step * 1000000;
        int code;

        if (input < 0) return input;
        if (unsent == 0 && (input == 0 || !discard_input)) break;
        if (unsent < 0 && input == 0) break;
        if (now >= deadline && unsent != 0) return -ETIMEDOUT;
        if (now >= deadline) break;
        if (next > deadline) next = deadline;
        code = with__net_wait(input == 0 ? -1 : fd, POLLIN, next, cancel_state);
        if (code != 0 && code != -ETIMEDOUT) return code;
    }
    return with__net_pending_error(fd);
}

/*
 * shutdown() fails with ENOTCONN if the connection is over: ended from both sides, or reset, which the
 * pending error then tells, unless a call of the user's has been told already.
 */
static int finish(int fd, double linger_seconds, bool discard_input, int cancel_state)
{
    const int input = check_input(fd, discard_input);
    const int ended = shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
    const int pending = with__net_pending_error(fd);

    if (pending != 0) return pending;
    if (input < 0) return input;
    if (ended != 0) return ended == -ENOTCONN ? 0 : ended;
    if (linger_seconds <= 0) return 0;
    return wait_until_acknowledged(fd, discard_input, with__net_deadline(linger_seconds),
                                   cancel_state);
}

int with_net_finish(int fd, double linger_seconds, bool discard_input)
{
    int code, cancel_state;

    if (!(linger_seconds >= 0)) return -EINVAL;
    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    code = finish(fd, linger_seconds, discard_input, cancel_state);
    with__net_cancel_state(cancel_state);
    return code;
}

/* ---- The exit ------------------------------------------------------------------------------ */

/* While the descriptor is still open. The peer of a Unix socket has no name as a rule. */
static void describe(struct with__net_report *lost, struct with__net_report *closed,
                     const struct with_connection_ *self, int fd)
{
    char name[WITH_NET_ADDRESS_SIZE + 16], local[WITH_NET_ADDRESS_SIZE] = "";
    int unread = 0;

    if (!self->peer[0]) with_net_local(fd, local, sizeof local);
    snprintf(name, sizeof name, "connection %s %s", self->peer[0] ? "to" : "on",
             self->peer[0] ? self->peer : local);
    snprintf(closed->text, sizeof closed->text, "closing the %s", name);
    if (lost->code == -ECONNABORTED && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
        snprintf(lost->text, sizeof lost->text, "%s, %d bytes of its input unread", name, unread);
    else if (lost->code == -ETIMEDOUT && self->linger_seconds > 0)
        snprintf(lost->text, sizeof lost->text, "%s, what was sent unacknowledged after %g seconds",
                 name, self->linger_seconds);
    else snprintf(lost->text, sizeof lost->text, "%s", name);
}

/* In a child of fork() the socket is the parent's: its end, and its pending error, are not ours. */
void with__net_disconnect(struct with_connection_ *self, int *fd, bool completed,
                          const with_exception *exception)
{
    const int error = errno, cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    struct with__net_report lost = {0}, closed = {0};

    if (self->pid == (int)getpid())
        lost.code = completed ? finish(*fd, self->linger_seconds, self->discard_input,
                                       PTHREAD_CANCEL_DISABLE)
                              : with__net_pending_error(*fd);
    describe(&lost, &closed, self, *fd);
    closed.code = with__net_close(*fd);
    if (lost.code == closed.code) lost.code = 0; /* EBADF, twice */
    *fd = -1;
    with__net_cancel_state(cancel_state);
    with__net_report(exception, &lost, &closed);
    errno = error;
}
