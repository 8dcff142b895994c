/* SPDX-License-Identifier: MIT
 *
 * cm_connect and cm_connect_unix. Cancellation is disabled but while the thread waits, and what it holds
 * then is released by a cleanup handler.
 */
#include "internal.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>

/* What a thread that is connecting holds. */
struct attempt {
    struct addrinfo *addresses;
    struct with__exception
        *failure; /* of the addresses that were tried, as notes; NULL: none yet */
    int fd;       /* -1: none */
};

static void drop_socket(struct attempt *self)
{
    if (self->fd >= 0) with__net_close(self->fd);
    self->fd = -1;
}

/* All but the exception, which may be needed yet. */
static void drop_attempt(struct attempt *self)
{
    drop_socket(self);
    if (self->addresses) freeaddrinfo(self->addresses);
    self->addresses = NULL;
}

static void drop_when_cancelled(void *attempt)
{
    struct attempt *self = attempt;

    drop_attempt(self);
    if (self->failure) with_exception_unref(&self->failure->exception);
}

static void note_failure(struct attempt *self, int code, const struct addrinfo *address)
{
    char text[WITH_NET_ADDRESS_SIZE];

    with__net_text(address->ai_addr, address->ai_addrlen, text);
    if (!self->failure) self->failure = with__net_exception(code);
    with_release_error(&self->failure->exception, code, "%s", text);
}

/* ---- TCP ----------------------------------------------------------------------------------- */

/*
 * Connecting to a free port of this machine, TCP may pick that port as its own end too, and so connect to
 * itself (RFC 9293, 3.5: simultaneous open). Nobody listens there.
 */
static bool connected_to_itself(int fd)
{
    struct sockaddr_storage own, peer;
    socklen_t own_length = sizeof own, peer_length = sizeof peer;

    memset(&own, 0, sizeof own);
    memset(&peer, 0, sizeof peer);
    if (getsockname(fd, (struct sockaddr *)&own, &own_length) < 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0)
        return false;
    return own_length == peer_length && memcmp(&own, &peer, own_length) == 0;
}

/* After EINTR, too, the connecting goes on (POSIX, connect()). */
static int connect_to(struct attempt *self, const struct addrinfo *address, int64_t deadline,
                      int cancel_state)
{
    const int fd = with__net_socket(address->ai_family, address->ai_protocol, true);
    int code = 0;

    if (fd < 0) return fd;
    self->fd = fd;
    if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        if (errno != EINPROGRESS && errno != EINTR) return -errno;
        code = with__net_wait(fd, POLLOUT, deadline, cancel_state);
        if (code == 0) code = with__net_pending_error(fd);
    }
    if (code == 0 && connected_to_itself(fd)) code = -ECONNREFUSED;
    if (code == 0) code = with__net_set_nonblocking(fd, false);
    return code;
}

/* So that an address that does not answer leaves time for those behind it. */
static int64_t share_of(int64_t deadline, int addresses)
{
    int64_t now;

    if (deadline == WITH__NET_NEVER) return deadline;
    now = with__net_now();
    return now > deadline ? now : now + (deadline - now) / addresses;
}

static int connect_to_any(struct attempt *self, int64_t deadline, int cancel_state)
{
    int code = 0, left = 0;

    for (const struct addrinfo *a = self->addresses; a; a = a->ai_next) left++;
    for (const struct addrinfo *a = self->addresses; a; a = a->ai_next, left--) {
        code = connect_to(self, a, share_of(deadline, left), cancel_state);
        if (code == 0) break;
        note_failure(self, code, a);
        drop_socket(self);
    }
    return code;
}

void with_connect_enter_(struct cm_connect *self)
{
    struct with_connect_options options = {0};
    struct attempt attempt = {.fd = -1};
    int64_t deadline;
    int code, cancel_state;

    WITH__NET_COPY_OPTIONS(&options, &self->options_);
    with__net_check_seconds("cm_connect", "timeout_seconds", options.timeout_seconds);
    with__net_check_seconds("cm_connect", "linger_seconds", options.linger_seconds);
    deadline = with__net_deadline(options.timeout_seconds);
    attempt.addresses = with__net_resolve(options.host, options.service, 0);

    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    pthread_cleanup_push(drop_when_cancelled, &attempt);
    code = connect_to_any(&attempt, deadline, cancel_state);
    pthread_cleanup_pop(0);
    if (code == 0) {
        self->as = attempt.fd;
        attempt.fd = -1;
        with__net_connected(&self->connection_, self->as, options.linger_seconds,
                            options.discard_input);
        if (attempt.failure) with_exception_unref(&attempt.failure->exception);
    }
    drop_attempt(&attempt);
    with__net_cancel_state(cancel_state);
    if (code != 0)
        with__net_throw(WITH_SITE_(WITH_THROW_SITE_, "connect(fd, address, length)"),
                        attempt.failure, code, true, "host %s, service %s",
                        options.host ? options.host : "(this machine)", options.service);
}

bool with_connect_exit_(struct cm_connect *self, const with_exception *exception)
{
    with__net_disconnect(&self->connection_, &self->as, with_completed(self), exception);
    return false;
}

/* ---- Unix sockets -------------------------------------------------------------------------- */

/* Linux bounds a blocking connect() by this, and has no other way to wait for a full backlog. */
static int set_connect_timeout(int fd, int64_t deadline)
{
    struct timeval limit = {0};

    if (deadline != WITH__NET_NEVER) {
        const int64_t left = deadline - with__net_now(), us = left > 1000 ? left / 1000 : 1;
        limit.tv_sec = (time_t)(us / 1000000);
        limit.tv_usec = (suseconds_t)(us % 1000000);
    }
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ? -errno : 0;
}

/* A Unix socket whose connect() is interrupted is still unconnected: it may be called again. */
static int connect_unix(struct attempt *self, const struct sockaddr_un *address, int64_t deadline,
                        int cancel_state)
{
    const bool limited = deadline != WITH__NET_NEVER;
    int code;

    self->fd = with__net_socket(AF_UNIX, 0, false);
    if (self->fd < 0) return self->fd;
    do {
        code = limited ? set_connect_timeout(self->fd, deadline) : 0;
        if (code != 0) return code;
        with__net_cancel_state(cancel_state);
        if (connect(self->fd, (const struct sockaddr *)address, sizeof *address) < 0) code = -errno;
        with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    } while (code == -EINTR && (!limited || with__net_now() < deadline));
    if (code == -EAGAIN || code == -EINTR) return -ETIMEDOUT;
    if (code == 0 && limited) code = set_connect_timeout(self->fd, WITH__NET_NEVER);
    return code;
}

void with_connect_unix_enter_(struct cm_connect_unix *self)
{
    struct with_connect_unix_options options = {0};
    struct attempt attempt = {.fd = -1};
    struct sockaddr_un address;
    int code, cancel_state;

    WITH__NET_COPY_OPTIONS(&options, &self->options_);
    with__net_check_seconds("cm_connect_unix", "timeout_seconds", options.timeout_seconds);
    with__net_check_seconds("cm_connect_unix", "linger_seconds", options.linger_seconds);
    with__net_unix_address("cm_connect_unix", options.path, &address);

    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    pthread_cleanup_push(drop_when_cancelled, &attempt);
    code =
        connect_unix(&attempt, &address, with__net_deadline(options.timeout_seconds), cancel_state);
    pthread_cleanup_pop(0);
    if (code == 0) {
        self->as = attempt.fd;
        with__net_connected(&self->connection_, self->as, options.linger_seconds,
                            options.discard_input);
    } else drop_attempt(&attempt);
    with__net_cancel_state(cancel_state);
    if (code != 0) with_throw_error(code, "%s", options.path);
}

bool with_connect_unix_exit_(struct cm_connect_unix *self, const with_exception *exception)
{
    with__net_disconnect(&self->connection_, &self->as, with_completed(self), exception);
    return false;
}
