/* SPDX-License-Identifier: MIT
 *
 * with/net.h: connections and listeners over TCP (IPv4 and IPv6) and Unix sockets. A descriptor is
 * closed, close-on-exec and blocking (but for a listener's). All of it is since 0.1.
 * Reference: docs/reference/net.md, with_net(3).
 */
#ifndef WITH_NET_H
#define WITH_NET_H

#include <with.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/* Room for any address as text: "127.0.0.1:80", "[::1]:80", or the path of a Unix socket. */
#define WITH_NET_ADDRESS_SIZE 128

/*
 * What the resolver says of a host or a service: an OSError whose code is getaddrinfo()'s EAI_ number
 * (EAI_AGAIN: try later; EAI_NONAME: there is none). EAI_SYSTEM becomes the type of its errno instead
 * and EAI_MEMORY becomes MemoryError.
 */
extern WITH_API const with_exception_type with_gaierror;

/*
 * The options of cm_connect(), given by name behind its arguments; what is not given is 0. The strings
 * are borrowed until the block has been entered.
 */
struct with_connect_options {
    size_t size; /* of this struct; set by the macro */
    const char *host, *service;
    double timeout_seconds; /* over all addresses; 0: what the system allows */
    double linger_seconds;  /* how long the exit waits for acknowledgement; 0: not at all */
    bool discard_input;     /* at the exit unread input is thrown away instead of an error */
};

struct with_connect_unix_options {
    size_t size;
    const char *path;
    double timeout_seconds;
    double linger_seconds;
    bool discard_input;
};

struct with_listen_options {
    size_t size;
    const char *host, *service;
    int backlog; /* connections that may wait to be accepted; 0: as many as the system allows */
};

struct with_listen_unix_options {
    size_t size;
    const char *path;
    int backlog;
};

/* The options of cm_accept(). */
struct with_accept_options {
    size_t size;
    int listener;
    double timeout_seconds; /* 0: waits for ever */
    double linger_seconds;
    bool discard_input;
    char *ret_peer;       /* NULL, or where the peer's address is written, */
    size_t ret_peer_size; /* and its room, at least WITH_NET_ADDRESS_SIZE */
};

/* ---- Queries and the orderly end ------------------------------------------------------------- */

/* These neither throw nor need exceptions. Any thread. None takes the descriptor. */

/* The port that a TCP socket is bound to, or a negative errno: -EAFNOSUPPORT if it has no ports. */
WITH_API int with_net_port(int fd);

/*
 * Write the address of a socket's own end, or of its peer, as text with a NUL: 0, or a negative errno,
 * with which ret_text is untouched: -ERANGE if size is too small, -ENOTCONN if there is no peer (any
 * more). A Unix socket without a name is "", one with an abstract name begins with '@'.
 */
WITH_API int with_net_local(int fd, char *ret_text, size_t size);
WITH_API int with_net_peer(int fd, char *ret_text, size_t size);

/*
 * The orderly end of a connected stream socket, which a `with` that completes does by itself: by `using`,
 * and before a return that means success, call it yourself. It sends the end of the stream (no more can
 * be written) and tells whether data is known to be lost: 0 if not, or the first of
 * -ECONNABORTED  input is unread: closing now resets the connection, and what was sent may be lost too;
 *                with discard_input it is read and thrown away instead;
 * -ECONNRESET, -EPIPE, ...  the connection had failed, and no call had said so yet;
 * -ETIMEDOUT     the peer has not acknowledged everything within linger_seconds.
 * With linger_seconds > 0 it blocks up to that long, until the peer's system has acknowledged all (a Unix
 * socket's peer: read all) and, with discard_input, the peer has ended its stream as well. -EINVAL if
 * linger_seconds is negative or no number. A cancellation point if it waits. May be called again.
 */
WITH_API int with_net_finish(int fd, double linger_seconds, bool discard_input);

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the managers ---------------------------------------------------------------- */

struct with_connection_ {
    int pid; /* of the process that entered: others only close */
    bool discard_input;
    double linger_seconds;
    char peer[WITH_NET_ADDRESS_SIZE];
};

struct cm_connect {
    WITH_MANAGER;
    int as;
    struct with_connection_ connection_;
    struct with_connect_options options_;
};

struct cm_connect_unix {
    WITH_MANAGER;
    int as;
    struct with_connection_ connection_;
    struct with_connect_unix_options options_;
};

struct cm_accept {
    WITH_MANAGER;
    int as;
    struct with_connection_ connection_;
    struct with_accept_options options_;
};

struct cm_listen {
    WITH_MANAGER;
    int as;
    struct with_listen_options options_;
};

struct cm_listen_unix {
    WITH_MANAGER;
    int as;
    int pid_;
    char *path_; /* absolute, owned */
    unsigned long long device_, inode_;
    struct with_listen_unix_options options_;
};

WITH_API void with_connect_enter_(struct cm_connect *self);
WITH_API bool with_connect_exit_(struct cm_connect *self, const with_exception *exception);
WITH_API void with_connect_unix_enter_(struct cm_connect_unix *self);
WITH_API bool with_connect_unix_exit_(struct cm_connect_unix *self,
                                      const with_exception *exception);
WITH_API void with_accept_enter_(struct cm_accept *self);
WITH_API bool with_accept_exit_(struct cm_accept *self, const with_exception *exception);
WITH_API void with_listen_enter_(struct cm_listen *self);
WITH_API bool with_listen_exit_(struct cm_listen *self, const with_exception *exception);
WITH_API void with_listen_unix_enter_(struct cm_listen_unix *self);
WITH_API bool with_listen_unix_exit_(struct cm_listen_unix *self, const with_exception *exception);

WITH_CLASS(cm_connect, with_connect_enter_, with_connect_exit_);
WITH_CLASS(cm_connect_unix, with_connect_unix_enter_, with_connect_unix_exit_);
WITH_CLASS(cm_accept, with_accept_enter_, with_accept_exit_);
WITH_CLASS(cm_listen, with_listen_enter_, with_listen_exit_);
WITH_CLASS(cm_listen_unix, with_listen_unix_enter_, with_listen_unix_exit_);

#define WITH_NET_NEW_(NAME, OPTIONS, ...)                                                          \
    WITH_NEW(NAME, .as = -1, .options_ = {.size = sizeof(struct OPTIONS), __VA_ARGS__})

/* ---- Connections ----------------------------------------------------------------------------- */

/*
 * cm_connect(HOST, SERVICE, .option = value, ...): a TCP connection, `as` its descriptor (int). HOST
 * is a name or a numeric address (NULL: this machine), SERVICE a name or a port. All addresses are
 * tried in the resolver's order, each for an equal share of the time that is left.
 *
 * Throws gaierror; the OSError of the last address (ConnectionRefusedError, TimeoutError, ...), with a
 * note for each; MemoryError; ValueError for a bad option. Blocks; cancellation acts while it waits
 * for the peer, but not while it resolves names, which no timeout bounds either.
 *
 * A block that runs to its end does what with_net_finish() does, then closes, and throws what either
 * reports: ConnectionAbortedError for unread input, ConnectionResetError or BrokenPipeError, TimeoutError.
 * Every other way out closes at once, and reports a failed close or connection: with an exception in
 * flight as a note, else it throws. After fork() the child only closes its copy. Reports wait only for
 * linger_seconds, with cancellation disabled.
 *
 * Reusable and reentrant, in any thread: each block connects anew. The descriptor may be used by any
 * thread; do not close it. Pass MSG_NOSIGNAL to send(), or ignore SIGPIPE, else writing to a connection
 * that the peer has reset ends the process.
 */
#define cm_connect(HOST, ...)                                                                      \
    WITH_NET_NEW_(cm_connect, with_connect_options, .host = (HOST), .service = __VA_ARGS__)

/*
 * cm_connect_unix(PATH, .option = value, ...): as cm_connect(), to the stream socket at PATH. Throws
 * FileNotFoundError, ConnectionRefusedError (nobody listens there), OSError with ENAMETOOLONG, ...
 */
#define cm_connect_unix(...)                                                                       \
    WITH_NET_NEW_(cm_connect_unix, with_connect_unix_options, .path = __VA_ARGS__)

/*
 * cm_accept(LISTENER, .option = value, ...): waits for a connection, `as` its descriptor; leaves the
 * block as cm_connect() does. LISTENER is a descriptor, borrowed until the block is entered, and should
 * be non-blocking, as those of cm_listen() are: else another thread may take the connection that this
 * one woke up for, and the timeout no longer counts. Connections that ended before they were accepted
 * are passed over.
 *
 * Throws TimeoutError; OSError (EMFILE: the connection still waits, so a loop that goes on at once
 * spins). Blocks; cancellation acts while it waits. Any number of threads may accept from one listener.
 */
#define cm_accept(...) WITH_NET_NEW_(cm_accept, with_accept_options, .listener = __VA_ARGS__)

/* ---- Listeners ------------------------------------------------------------------------------- */

/*
 * cm_listen(HOST, SERVICE, .option = value, ...): listens for TCP connections, `as` the listener's
 * descriptor, which is non-blocking: wait with cm_accept() or poll(). HOST is the address to be reached
 * at; NULL: all of this machine's, of IPv6 and IPv4 in one socket (IPv4 alone where there is no IPv6).
 * A numeric IPv6 HOST, "::" too, is IPv6 alone. SERVICE "0" takes any free port: with_net_port().
 * Of a name with several addresses the first is taken that this machine has. SO_REUSEADDR is set.
 *
 * Throws gaierror, OSError (EADDRINUSE, EADDRNOTAVAIL), PermissionError, MemoryError, ValueError. The
 * exit closes; connections not yet accepted are reset by that, which is not reported. Reusable; any
 * thread. Blocks for the resolver only.
 */
#define cm_listen(HOST, ...)                                                                       \
    WITH_NET_NEW_(cm_listen, with_listen_options, .host = (HOST), .service = __VA_ARGS__)

/*
 * cm_listen_unix(PATH, .option = value, ...): the same with a Unix stream socket at PATH, its mode by
 * the umask. A socket that a dead server left there is replaced; one that a server listens on, and
 * any other file, is left alone: OSError with EADDRINUSE. The exit unlinks PATH, if it is still
 * this socket and in the process that entered (not in a child of fork()).
 */
#define cm_listen_unix(...)                                                                        \
    WITH_NET_NEW_(cm_listen_unix, with_listen_unix_options, .path = __VA_ARGS__)

#ifndef WITH_NO_KEYWORDS
#define gaierror with_gaierror
#endif

#endif /* !__cplusplus */

#endif /* WITH_NET_H */
