/* SPDX-License-Identifier: MIT
 *
 * Connections in a pool. All of these may throw: the pool reports it.
 */
#include "internal.h"

#include <with/redis_pool.h>

#include <string.h>
#include <unistd.h>

enum { CHECK_SECONDS = 5 };

static int open_connection(void *argument, void **ret_value)
{
    const struct with_redis_options options = with__redis_options(argument);

    *ret_value = with__redis_open(&options);
    return 0;
}

static void must(const with_exception *failure)
{
    if (failure) with_throw_again(failure);
}

/* Runs a command of one word; whether it is answered as it should be. Throws if the connection fails. */
static bool is_answered(redisContext *conn, const char *word, const char *answer)
{
    const struct with_redis_words_ words = {{{.kind_ = WITH_REDIS_TEXT_, .as_.data = word}}};
    redisReply *reply = NULL;
    bool good;

    must(with__redis_run(conn, &words, CHECK_SECONDS, NULL, &reply));
    good = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, answer) == 0;
    freeReplyObject(reply);
    return good;
}

static void need(redisContext *conn, const char *what)
{
    if (conn->err) must(with__redis_lost(conn, what));
    if (with__redis_is_busy(conn))
        throw(InterfaceError, "%s: somebody has left replies unread", what);
}

static int check_connection(void *options, void *conn)
{
    (void)options;
    need(conn, "checking a connection");
    if (!is_answered(conn, "PING", "PONG"))
        throw(InterfaceError, "checking a connection: PING is not answered with PONG");
    return 0;
}

/* DISCARD is right if there is a MULTI, and an error if not. */
static void reset_old(redisContext *conn)
{
    is_answered(conn, "DISCARD", "OK");
    if (!is_answered(conn, "UNWATCH", "OK"))
        throw(InterfaceError, "resetting a connection: UNWATCH is not answered with OK");
}

static int reset_connection(void *argument, void *conn)
{
    const struct with_redis_options options = with__redis_options(argument);
    redisReply *reply = NULL;
    const struct with_redis_words_ words = {{{.kind_ = WITH_REDIS_TEXT_, .as_.data = "RESET"}}};
    bool done, is_old;

    need(conn, "resetting a connection");
    must(with__redis_run(conn, &words, CHECK_SECONDS, NULL, &reply));
    done = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "RESET") == 0;
    is_old =
        reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR unknown command", 19) == 0;
    freeReplyObject(reply);
    if (is_old) reset_old(conn);
    else if (!done)
        throw(InterfaceError, "resetting a connection: RESET is not answered with RESET");
    must(with__redis_introduce(conn, &options, is_old));
    return 0;
}

static void close_connection(void *options, void *conn)
{
    struct with__calm calm = with__calm_begin();

    (void)options;
    redisFree(conn);
    with__calm_end(calm);
}

/* Another thread may have been in the middle of something: its memory is left as it is. */
static void abandon_connection(void *options, void *conn)
{
    (void)options;
    if (((redisContext *)conn)->fd >= 0) close(((redisContext *)conn)->fd);
}

const struct with_pool_maker with_redis_maker = {
    .size = sizeof(struct with_pool_maker),
    .name = "redis",
    .open = open_connection,
    .check = check_connection,
    .reset = reset_connection,
    .close = close_connection,
    .abandon = abandon_connection,
    .open_is_cancellable = true,
};
