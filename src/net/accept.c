/* SPDX-License-Identifier: MIT
 *
 * cm_accept.
 */
#include "internal.h"

#include <poll.h>

/*
 * Errors of the one connection, which is gone: the next one is waited for. Linux hands on what the
 * network said of it (accept(2), "Error handling"). EAGAIN: another thread was faster.
 */
static bool is_transient(int code)
{
    switch (-code) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
#ifdef ENONET
    case ENONET:
#endif
        return true;
    default: return false;
    }
}

/* A descriptor, or a negative errno. accept() comes with cancellation disabled, so that none is lost. */
static int accept_next(int listener, int64_t deadline, int cancel_state,
                       struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
    int fd;

    if (listener < 0) return -EBADF; /* which poll() would pass over */
    do {
        fd = with__net_wait(listener, POLLIN, deadline, cancel_state);
        if (fd != 0) return fd;
        *ret_length = sizeof *ret_address;
        fd = with__net_accept(listener, (struct sockaddr *)ret_address, ret_length);
    } while (fd < 0 && is_transient(fd));
    return fd;
}

static void throw_accept_error(int code, int listener)
{
    char local[WITH_NET_ADDRESS_SIZE];

    if (with_net_local(listener, local, sizeof local) == 0)
        with_throw_error(code, "accept on %s", local);
    with_throw_error(code, "accept on descriptor %d", listener);
}

void with_accept_enter_(struct cm_accept *self)
{
    struct with_accept_options options = {0};
    struct sockaddr_storage address;
    socklen_t length;
    int fd, cancel_state;

    WITH__NET_COPY_OPTIONS(&options, &self->options_);
    with__net_check_seconds("cm_accept", "timeout_seconds", options.timeout_seconds);
    with__net_check_seconds("cm_accept", "linger_seconds", options.linger_seconds);
    if (options.ret_peer && options.ret_peer_size < WITH_NET_ADDRESS_SIZE)
        with_throw(with_ValueError, "cm_accept: ret_peer_size is %zu, not WITH_NET_ADDRESS_SIZE",
                   options.ret_peer_size);

    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    fd = accept_next(options.listener, with__net_deadline(options.timeout_seconds), cancel_state,
                     &address, &length);
    if (fd >= 0) {
        self->as = fd;
        with__net_connected(&self->connection_, fd, options.linger_seconds, options.discard_input);
        with__net_text((struct sockaddr *)&address, length, self->connection_.peer);
        if (options.ret_peer) strcpy(options.ret_peer, self->connection_.peer);
    }
    with__net_cancel_state(cancel_state);
    if (fd < 0) throw_accept_error(fd, options.listener);
}

bool with_accept_exit_(struct cm_accept *self, const with_exception *exception)
{
    with__net_disconnect(&self->connection_, &self->as, with_completed(self), exception);
    return false;
}
