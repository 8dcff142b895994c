/* SPDX-License-Identifier: MIT
 *
 * Private to the network family. Functions here return 0 or a negative errno, never throw unless they
 * say so, and expect cancellation to be disabled: only with__net_wait() lets it act.
 */
#ifndef WITH_NET_INTERNAL_H
#define WITH_NET_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4() */
#endif
#include "../core/internal.h"
#include <with/net.h>

#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- Time and descriptors -------------------------------------------------------------------- */

#define WITH__NET_NEVER INT64_MAX

/* Nanoseconds on the monotonic clock. */
int64_t with__net_now(void);

/* The time `seconds` from now; WITH__NET_NEVER for 0 and for what does not fit. */
int64_t with__net_deadline(double seconds);

/* Throws ValueError unless seconds is a number and not negative. */
void with__net_check_seconds(const char *manager, const char *option, double seconds);

/* Copies the options that the caller knows of; the others are 0. */
#define WITH__NET_COPY_OPTIONS(TO, FROM)                                                           \
    memcpy((TO), (FROM), (FROM)->size < sizeof *(TO) ? (FROM)->size : sizeof *(TO))

/* Sets this thread's cancellation state; gives the old one. */
static inline int with__net_cancel_state(int state)
{
    int old;

    pthread_setcancelstate(state, &old);
    return old;
}

/* Waits for events, or an error, on fd: -ETIMEDOUT past the deadline. Meanwhile the state is cancel_state. */
int with__net_wait(int fd, short events, int64_t deadline, int cancel_state);

/* A new close-on-exec stream socket, or a negative errno. */
int with__net_socket(int family, int protocol, bool nonblocking);

/* The same for the next connection of a listener, whose peer is written to *ret_address. */
int with__net_accept(int listener, struct sockaddr *ret_address, socklen_t *ret_length);

int with__net_set_nonblocking(int fd, bool nonblocking);

/* Closes, whatever it returns. */
int with__net_close(int fd);

/* The error that the socket still has to tell of. */
int with__net_pending_error(int fd);

/* ---- Addresses ------------------------------------------------------------------------------- */

/* Writes address as text, into WITH_NET_ADDRESS_SIZE bytes. */
void with__net_text(const struct sockaddr *address, socklen_t length, char *ret_text);

/* Throws ValueError if there is no path, and OSError with ENAMETOOLONG. */
void with__net_unix_address(const char *manager, const char *path, struct sockaddr_un *ret_address);

/* The addresses of a host and service, to be given to freeaddrinfo(). Throws, as with/net.h says. */
struct addrinfo *with__net_resolve(const char *host, const char *service, int flags);

/* ---- Exceptions and the end of a connection -------------------------------------------------- */

/* A new exception of the type of an error number, to which notes can be added. */
struct with__exception *with__net_exception(int code);

/*
 * Throws it with a message and a code. With append that is an error number: its text is appended, and the
 * exception becomes one of its type.
 */
void with__net_throw(const with_site *site, struct with__exception *self, int code, bool append,
                     const char *format, ...) __attribute__((noreturn, format(printf, 5, 6)));

/* A failure that an exit found, or none: code is 0 or a negative errno. */
struct with__net_report {
    int code;
    char text[2 * WITH_NET_ADDRESS_SIZE];
};

/* Throws the first failure, with the second as a note; or adds both as notes to exception. */
void with__net_report(const with_exception *exception, const struct with__net_report *first,
                      const struct with__net_report *second);

/* Records what the exit of a new connection needs. */
void with__net_connected(struct with_connection_ *self, int fd, double linger_seconds,
                         bool discard_input);

/* The exit of all connections; leaves -1 in *fd. Throws. */
void with__net_disconnect(struct with_connection_ *self, int *fd, bool completed,
                          const with_exception *exception);

/* The exit of a listener: the same. */
void with__net_unlisten(int *fd, const with_exception *exception);

#endif
