/* SPDX-License-Identifier: MIT
 *
 * Addresses as text, and the resolver.
 */
#include "internal.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const with_exception_type with_gaierror = {"gaierror", &with_OSError};

/* ---- Text ---------------------------------------------------------------------------------- */

enum { UNIX_PATH_SIZE = sizeof((struct sockaddr_un *)0)->sun_path };

_Static_assert(UNIX_PATH_SIZE < WITH_NET_ADDRESS_SIZE, "room for every path of a Unix socket");

/* A path need not end in a NUL; an abstract name (Linux) begins with one, and may hold more. */
static void unix_text(const struct sockaddr_un *address, socklen_t length, char *ret_text)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    const size_t room = length > before ? length - before : 0;
    const bool abstract = room > 0 && !address->sun_path[0];
    size_t size = 0;

    while (size < room && (abstract || address->sun_path[size])) {
        const char c = address->sun_path[size];
        ret_text[size++] = c ? c : '@';
    }
    ret_text[size] = '\0';
}

void with__net_text(const struct sockaddr *address, socklen_t length, char *ret_text)
{
    char host[INET6_ADDRSTRLEN + 32], port[8];

    if (length < sizeof address->sa_family) ret_text[0] = '\0';
    else if (address->sa_family == AF_UNIX)
        unix_text((const struct sockaddr_un *)(const void *)address, length, ret_text);
    else if (getnameinfo(address, length, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(ret_text, WITH_NET_ADDRESS_SIZE, "address family %d", address->sa_family);
    else
        snprintf(ret_text, WITH_NET_ADDRESS_SIZE,
                 address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* Linux would take an empty path for "choose an abstract name". */
void with__net_unix_address(const char *manager, const char *path, struct sockaddr_un *ret_address)
{
    if (!path || !*path) with_throw(with_ValueError, "%s: no path", manager);
    if (strlen(path) >= UNIX_PATH_SIZE) with_throw_error(ENAMETOOLONG, "%s", path);
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->sun_family = AF_UNIX;
    strcpy(ret_address->sun_path, path);
}

static int give_text(const struct sockaddr_storage *address, socklen_t length, char *ret_text,
                     size_t size)
{
    char text[WITH_NET_ADDRESS_SIZE];

    with__net_text((const struct sockaddr *)address, length, text);
    if (strlen(text) >= size) return -ERANGE;
    strcpy(ret_text, text);
    return 0;
}

int with_net_local(int fd, char *ret_text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    return give_text(&address, length, ret_text, size);
}

int with_net_peer(int fd, char *ret_text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    if (getpeername(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    return give_text(&address, length, ret_text, size);
}

int with_net_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    switch (address.ss_family) {
    case AF_INET: return ntohs(((struct sockaddr_in *)&address)->sin_port);
    case AF_INET6: return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    default: return -EAFNOSUPPORT;
    }
}

/* ---- The resolver -------------------------------------------------------------------------- */

static void __attribute__((noreturn))
throw_resolver_error(int code, int error, const char *host, const char *service)
{
    const char *shown = host ? host : "any address";

    if (code == EAI_SYSTEM) with_throw_error(error, "host %s, service %s", shown, service);
    if (code == EAI_MEMORY) with_throw(with_MemoryError, "host %s, service %s", shown, service);
    with__net_throw(WITH_SITE_(WITH_THROW_SITE_, "getaddrinfo(host, service, ...)"),
                    with__exception_new(&with_gaierror), code, false, "host %s, service %s: %s",
                    shown, service, gai_strerror(code));
}

/* glibc's resolver takes a port modulo 65536, and with what strtol() allows in front of it. */
static bool is_port_or_name(const char *service)
{
    const char *number = service + strspn(service, " \t\n\v\f\r+-");
    char *end;
    const unsigned long port = strtoul(number, &end, 10);

    if (!*service) return false;
    return end == number || *end || (number == service && port <= 65535);
}

/*
 * Cancellation is disabled: glibc's resolver may be cancelled with files and sockets open, or the lock
 * of a name service held.
 */
struct addrinfo *with__net_resolve(const char *host, const char *service, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *addresses = NULL;
    int code, error, cancel_state;

    if (!service) with_throw(with_ValueError, "host %s: no service", host ? host : "any address");
    if (!is_port_or_name(service))
        with_throw(with_ValueError, "host %s, service '%s': neither a port up to 65535 nor a name",
                   host ? host : "any address", service);
    cancel_state = with__net_cancel_state(PTHREAD_CANCEL_DISABLE);
    code = getaddrinfo(host, service, &hints, &addresses);
    error = errno;
    with__net_cancel_state(cancel_state);
    if (code != 0) throw_resolver_error(code, error, host, service);
    return addresses;
}
