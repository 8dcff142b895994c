/* SPDX-License-Identifier: MIT
 *
 * cm_listen: listening on TCP.
 */
#include "internal.h"

#include <netinet/in.h>

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* What an IPv6 socket takes depends on the system, if it is not said. OpenBSD's never take IPv4. */
static int set_versions(int fd, bool all)
{
    const int code = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !all);

    return code != 0 && all ? -EPROTONOSUPPORT : code;
}

static int prepare(int fd, const struct addrinfo *address, bool all, int backlog)
{
    int code = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (code == 0 && address->ai_family == AF_INET6) code = set_versions(fd, all);
    if (code != 0) return code;
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0) return -errno;
    return listen(fd, backlog ? backlog : SOMAXCONN) < 0 ? -errno : 0;
}

/* A listening descriptor or a negative errno. */
static int listen_at(const struct addrinfo *address, bool all, int backlog)
{
    const int fd = with__net_socket(address->ai_family, address->ai_protocol, true);
    int code;

    if (fd < 0) return fd;
    code = prepare(fd, address, all, backlog);
    if (code == 0) return fd;
    with__net_close(fd);
    return code;
}

/* Whether the error says that this machine does not have the address, so that another may do. */
static bool is_not_here(int code)
{
    return code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL || code == -EPROTONOSUPPORT ||
           code == -ENOPROTOOPT;
}

/*
 * With all, of IPv6 only what takes IPv4 too. An address that is in use ends the search: a server that
 * could be reached at its second address alone would leave its clients to whoever has the first.
 */
static int listen_at_any(const struct addrinfo *addresses, int family, bool all, int backlog)
{
    int fd = -EAFNOSUPPORT;

    for (const struct addrinfo *a = addresses; a && is_not_here(fd); a = a->ai_next)
        if (family == AF_UNSPEC || a->ai_family == family) fd = listen_at(a, all, backlog);
    return fd;
}

void with_listen_enter_(struct cm_listen *self)
{
    struct with_listen_options options = {0};
    struct addrinfo *addresses;
    bool all;
    int fd, cancel_state;

    WITH__NET_COPY_OPTIONS(&options, &self->options_);
    if (options.backlog < 0)
        with_throw(with_ValueError, "cm_listen: backlog is %d, not 0 or more", options.backlog);
    all = !options.host;
    addresses = with__net_resolve(options.host, options.service, AI_PASSIVE);

    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    fd = listen_at_any(addresses, all ? AF_INET6 : AF_UNSPEC, all, options.backlog);
    if (all && is_not_here(fd)) fd = listen_at_any(addresses, AF_INET, all, options.backlog);
    freeaddrinfo(addresses);
    with__net_cancel_state(cancel_state);
    if (fd < 0)
        with_throw_error(fd, "listen on host %s, service %s", options.host ? options.host : "(any)",
                         options.service);
    self->as = fd;
}

void with__net_unlisten(int *fd, const with_exception *exception)
{
    const int error = errno, cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    char local[WITH_NET_ADDRESS_SIZE] = "";
    int code;

    with_net_local(*fd, local, sizeof local);
    code = with__net_close(*fd);
    *fd = -1;
    with__net_cancel_state(cancel_state);
    if (code != 0) with_release_error(exception, code, "closing the listener on %s", local);
    errno = error;
}

bool with_listen_exit_(struct cm_listen *self, const with_exception *exception)
{
    with__net_unlisten(&self->as, exception);
    return false;
}
