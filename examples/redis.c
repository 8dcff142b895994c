/* SPDX-License-Identifier: MIT
 *
 * Redis: money is moved between accounts, whole or not at all, though others may move it as well. Where the
 * server is, its argument says, the path of a socket: redis /run/redis/redis-server.sock. It removes what
 * it made.
 */
#include <with.h>
#include <with/redis.h>

#include <stdio.h>
#include <stdlib.h>

static int amount_of(redisContext *conn, const char *name)
{
    using (cm_redis_reply(conn, "GET", name), reply);
    if (reply->type == REDIS_REPLY_NIL) throw(KeyError, "%s has no account", name);
    return atoi(reply->str);
}

/* What is read decides what is done: so neither account may change in between. */
static void move(redisContext *conn, const char *from, const char *to, int amount)
{
    with (cm_redis_watch(conn, from, to)) {
        if (amount_of(conn, from) < amount) throw(ValueError, "%s has not got %d", from, amount);
        amount_of(conn, to);
        with (cm_redis_multi(conn)) {
            with_redis_execute(conn, "DECRBY", from, amount);
            with_redis_execute(conn, "INCRBY", to, amount);
        } /* EXEC: both or none */
    }
}

/* Others may have been faster, so try again; but not for ever. */
static void move_for_sure(redisContext *conn, const char *from, const char *to, int amount)
{
    for (int tries = 0;; tries++) {
        try {
            move(conn, from, to, amount);
            return;
        } catch (SerializationFailure) {
            if (tries == 10) with_rethrow();
        }
    }
}

static void try_to_move(redisContext *conn, const char *from, const char *to, int amount)
{
    try {
        move_for_sure(conn, from, to, amount);
        printf("%s pays %d to %s\n", from, amount, to);
    } catch (ValueError, e) {
        printf("not moved: %s\n", e->message);
    } catch (KeyError, e) {
        printf("not moved: %s\n", e->message);
    }
}

/* An error of the server is an exception of its kind, with its text. */
static void make_a_mistake(redisContext *conn)
{
    try {
        with_redis_execute(conn, "LPUSH", "Ada", 1);
    } catch (ProgrammingError, e) {
        printf("%s: %s\n", e->type->name, e->message);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
        return 2;
    }
    with (cm_redis(NULL, .socket = argv[1], .database = 9, .command_timeout_seconds = 10), conn) {
        with_redis_execute(conn, "MSET", "Ada", 100, "Grace", 50);
        try_to_move(conn, "Ada", "Grace", 70);
        try_to_move(conn, "Ada", "Grace", 70);
        try_to_move(conn, "Ada", "Nobody", 5);
        make_a_mistake(conn);
        printf("Ada has %d, Grace has %d\n", amount_of(conn, "Ada"), amount_of(conn, "Grace"));
        with_redis_execute(conn, "DEL", "Ada", "Grace");
    }
    return 0;
}
