/* SPDX-License-Identifier: MIT
 *
 * cm_redis: a connection. And what we know of one: whose it is, in a pointer that hiredis keeps for the
 * user of its reader; and whether it is broken, in hiredis's own error field.
 */
#include "internal.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- State ----------------------------------------------------------------------------------- */

/* Odd, so that it is nobody's pointer. */
static uintptr_t mark_of(pid_t pid)
{
    return (uintptr_t)pid << 1 | 1;
}

void with__redis_adopt(redisContext *conn)
{
    if (!conn->reader->privdata) conn->reader->privdata = (void *)mark_of(getpid());
}

bool with__redis_is_foreign(const redisContext *conn)
{
    const uintptr_t mark = conn->reader ? (uintptr_t)conn->reader->privdata : 0;

    return (mark & 1) && mark != mark_of(getpid());
}

bool with_redis_is_broken(const redisContext *conn)
{
    return conn->err != 0;
}

void with__redis_break(redisContext *conn, int err, const char *why)
{
    if (conn->err) return;
    conn->err = err;
    snprintf(conn->errstr, sizeof conn->errstr, "%s", why);
    if (conn->fd >= 0) shutdown(conn->fd, SHUT_RDWR);
}

bool with__redis_is_busy(const redisContext *conn)
{
    return (conn->obuf && conn->obuf[0]) || conn->reader->pos < conn->reader->len;
}

static const with_exception *busy(const char *what)
{
    return with_exception_new(&InterfaceError, 0,
                              "%s%sthe connection is still busy with earlier commands",
                              what ? what : "", what ? ": " : "");
}

/* Whether the server has closed it, as far as is known here. */
static bool is_closed(const redisContext *conn)
{
    char byte;
    const ssize_t n = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

const with_exception *with__redis_refuse_end(redisContext *conn, const char *what)
{
    if (with__redis_is_busy(conn)) {
        with__redis_break(conn, REDIS_ERR_OTHER, "it was left busy with earlier commands");
        return busy(what);
    }
    if (!is_closed(conn)) return NULL;
    with__redis_break(conn, REDIS_ERR_EOF, "Server closed the connection");
    return with__redis_lost(conn, what);
}

void with__redis_need(redisContext *conn)
{
    if (!conn) throw(ValueError, "the connection is NULL");
    if (with__redis_is_foreign(conn))
        throw(RuntimeError, "the connection belongs to process %d, not to this one",
              (int)((uintptr_t)conn->reader->privdata >> 1));
    if (conn->err) with_throw_again(with__redis_lost(conn, NULL));
#if HIREDIS_MAJOR >= 1
    if (conn->privctx)
        throw(NotSupportedError, "a connection with TLS: with/redis.h knows plain ones alone");
#endif
    if (with__redis_is_busy(conn)) with_throw_again(busy(NULL));
    with__redis_adopt(conn);
}

/* ---- Enter and exit -------------------------------------------------------------------------- */

static struct timeval interval(double seconds)
{
    if (seconds > 1e9) seconds = 1e9;
    return (struct timeval){(time_t)seconds,
                            (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6)};
}

struct with_redis_options with__redis_options(const struct with_redis_options *given)
{
    struct with_redis_options options = {0};

    WITH__COPY_OPTIONS("cm_redis", &options, given);
    return options;
}

/* hiredis cuts a path that is too long. */
static void check_socket(const char *path)
{
    const size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;

    if (path && strlen(path) > most)
        throw(ValueError, "cm_redis: the path of a socket may have %zu bytes, not %zu: %s", most,
              strlen(path), path);
}

static void check_seconds(double seconds, const char *name)
{
    if (!(seconds >= 0)) throw(ValueError, "cm_redis: %s is %g", name, seconds);
}

/* On the stack while the connection is made: what must happen if the thread is cancelled meanwhile. */
struct connecting {
    redisContext *conn;
};

static void end_connecting(struct connecting *self)
{
    struct with__calm calm = with__calm_begin();

    if (self->conn) redisFree(self->conn);
    with__calm_end(calm);
}

/* hiredis waits for it, which takes at most the limit: so cancellation waits, too. */
static redisContext *connect_to(const struct with_redis_options *options)
{
    struct with__calm calm = with__calm_begin();
    const double seconds = options->connect_timeout_seconds;
    const struct timeval limit = interval(seconds > 0 ? seconds : WITH__CONNECT_SECONDS);
    redisContext *conn;

    if (options->socket) conn = redisConnectUnixWithTimeout(options->socket, limit);
    else
        conn = redisConnectWithTimeout(options->host ? options->host : "127.0.0.1",
                                       options->port ? options->port : 6379, limit);
    with__calm_end(calm);
    return conn;
}

static const with_exception *refused(const struct with_redis_options *options,
                                     const redisContext *conn)
{
    if (options->socket)
        return with_exception_new(&ConnectionFailure, 0, "%s: %s", options->socket, conn->errstr);
    return with_exception_new(&ConnectionFailure, 0, "%s, port %d: %s",
                              options->host ? options->host : "127.0.0.1",
                              options->port ? options->port : 6379, conn->errstr);
}

static struct with_redis_word word(const char *text)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_TEXT_, .as_.data = text};
}

/* Runs a command as the connection begins. */
static const with_exception *say(redisContext *conn, const struct with_redis_words_ *words)
{
    redisReply *reply = NULL;
    const with_exception *failure = with__redis_command(conn, words, NULL, &reply);

    if (reply) freeReplyObject(reply);
    return failure;
}

const with_exception *with__redis_introduce(redisContext *conn,
                                            const struct with_redis_options *options, bool ask)
{
    struct with_redis_words_ words = {{word("AUTH")}};
    const with_exception *failure = NULL;

    if (redisSetTimeout(conn, interval(options->command_timeout_seconds)) != REDIS_OK)
        return with__redis_lost(conn, NULL);
    if (options->password) {
        words.list[1] = word(options->user ? options->user : options->password);
        if (options->user) words.list[2] = word(options->password);
        failure = say(conn, &words);
    }
    if (failure || !(ask || options->database)) return failure;
    words = (struct with_redis_words_){{word("SELECT")}};
    words.list[1] =
        (struct with_redis_word){.kind_ = WITH_REDIS_INTEGER_, .as_.integer = options->database};
    return say(conn, &words);
}

static const with_exception *open_connection(const struct with_redis_options *options,
                                             redisContext **ret_conn)
{
    struct connecting self __attribute__((cleanup(end_connecting))) = {connect_to(options)};
    const with_exception *failure;

    if (!self.conn) return with_exception_new(&MemoryError, 0, "no memory for a connection");
    if (self.conn->err == REDIS_ERR_OOM)
        return with_exception_new(&MemoryError, 0, "no memory for a connection");
    if (self.conn->err) return refused(options, self.conn);
    with__redis_adopt(self.conn);
    failure = with__redis_introduce(self.conn, options, !options->password);
    if (failure) return failure;
    *ret_conn = self.conn;
    self.conn = NULL;
    return NULL;
}

redisContext *with__redis_open(const struct with_redis_options *options)
{
    const with_exception *failure;
    redisContext *conn = NULL;

    if (options->port < 0 || options->port > 65535)
        throw(ValueError, "cm_redis: there is no port %d", options->port);
    check_socket(options->socket);
    check_seconds(options->connect_timeout_seconds, "connect_timeout_seconds");
    check_seconds(options->command_timeout_seconds, "command_timeout_seconds");
    failure = open_connection(options, &conn);
    if (failure) with_throw_again(failure);
    return conn;
}

static void redis_enter(struct cm_redis *self)
{
    self->as = with__redis_open(&self->options_);
}

/* Nothing is said to the server: this is right in a child as well. */
static bool redis_exit(struct cm_redis *self, const with_exception *exception)
{
    struct with__calm calm = with__calm_begin();

    (void)exception;
    redisFree(self->as);
    with__calm_end(calm);
    return false;
}

WITH_CLASS(cm_redis, redis_enter, redis_exit);

struct cm_redis cm_redis_(const struct with_redis_options *options)
{
    return WITH_NEW(cm_redis, .options_ = with__redis_options(options));
}
