/* SPDX-License-Identifier: MIT
 *
 * What the tests of with/redis.h share: a server of their own, a plain connection to look at it from
 * outside, and checks of exceptions.
 */
#ifndef TEST_REDIS_H
#define TEST_REDIS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/redis.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "servers/server.h"
#include "test_exceptions.h"

#define HELPER static inline __attribute__((unused))

static struct server server;
static char socket_path[100];
static redisContext *outside; /* plain hiredis */

/* A connection over the Unix socket. */
#define LOCAL(...) cm_redis(NULL, .socket = socket_path, ##__VA_ARGS__)

/* ---- The server, seen from outside ------------------------------------------------------------ */

HELPER redisContext *plain_connection(void)
{
    redisContext *conn = redisConnectUnix(socket_path);

    if (conn && !conn->err) return conn;
    fprintf(stderr, "%s\n", conn ? conn->errstr : "no memory");
    exit(1);
}

/* Runs a command by hiredis alone: the number that it gives, or is; -1 for none. */
HELPER long long plain_on(redisContext *conn, const char *command)
{
    redisReply *reply = redisCommand(conn, command);
    long long number = -1;

    if (CHECK(reply && reply->type != REDIS_REPLY_ERROR)) {
        if (reply->type == REDIS_REPLY_INTEGER) number = reply->integer;
        else if (reply->type == REDIS_REPLY_STRING) number = atoll(reply->str);
    } else fprintf(stderr, "    %s: %s\n", command, reply ? reply->str : conn->errstr);
    if (reply) freeReplyObject(reply);
    return number;
}

HELPER long long plain(const char *command)
{
    return plain_on(outside, command);
}

/* How many clients the server has but for the plain one: each is a line. */
HELPER int other_clients(void)
{
    redisReply *reply = redisCommand(outside, "CLIENT LIST");
    int count = -1;

    for (const char *at = reply->str; (at = strchr(at, '\n')); at++) count++;
    freeReplyObject(reply);
    return count;
}

HELPER bool clients_become(int wanted)
{
    for (int i = 0; i < 2000; i++) {
        if (other_clients() == wanted) return true;
        usleep(5000);
    }
    fprintf(stderr, "not %d clients, but %d\n", wanted, other_clients());
    return false;
}

/* Whether it does what it should, outside of any transaction. */
HELPER bool is_reusable(redisContext *conn)
{
    return !with_redis_is_broken(conn) && plain_on(conn, "INCR reused") > 0;
}

HELPER void set_up(const char *const *settings)
{
    server_open(&server, "redis", settings);
    snprintf(socket_path, sizeof socket_path, "%s/redis.sock", server.directory);
    outside = plain_connection();
}

/* The end of a test's main. */
HELPER int tear_down(void)
{
    CHECK_INT(with_dump(stderr), 0);
    CHECK(clients_become(0));
    redisFree(outside);
    server_close(&server);
    return test_result();
}

HELPER int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = -3; /* . and .. and the directory's own */

    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

HELPER double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
