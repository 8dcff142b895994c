/* SPDX-License-Identifier: MIT
 *
 * What the tests of with/postgres.h share: a server of their own, a plain connection to look at it from
 * outside, and checks of exceptions.
 */
#ifndef TEST_POSTGRES_H
#define TEST_POSTGRES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/postgres.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "servers/server.h"
#include "test_exceptions.h"

#define HELPER static inline __attribute__((unused))

/*
 * Whether threads are cancelled that wait in poll(). ThreadSanitizer takes such a thread to be still in that
 * call when its exits run, does not see that they lock anything, and reports races.
 */
#if defined(__SANITIZE_THREAD__)
#define CANCELLED_WAITS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CANCELLED_WAITS 0
#endif
#endif
#ifndef CANCELLED_WAITS
#define CANCELLED_WAITS 1
#endif

static struct server server;
static char conninfo[256]; /* over the Unix socket */
static PGconn *outside;    /* plain libpq */

/* ---- Exceptions ------------------------------------------------------------------------------ */

HELPER const char *sqlstate_of(const with_exception *e)
{
    static __thread char text[WITH_SQLSTATE_SIZE];

    return e ? with_sqlstate_text(e->code, text) : "none";
}

/* ---- The server, seen from outside ------------------------------------------------------------ */

HELPER PGconn *plain_connection(void)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(1);
    }
    return conn;
}

/* Runs SQL outside, as it stands. */
HELPER void plain(const char *sql)
{
    PGresult *result = PQexec(outside, sql);
    const ExecStatusType status = PQresultStatus(result);

    if (!CHECK(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK))
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(outside));
    PQclear(result);
}

/* The number that a query gives outside. */
HELPER long long number_of(const char *sql)
{
    PGresult *result = PQexec(outside, sql);
    long long number = -1;

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
        number = atoll(PQgetvalue(result, 0, 0));
    else fprintf(stderr, "%s: %s", sql, PQerrorMessage(outside));
    PQclear(result);
    return number;
}

/* Waits until the query gives the number; the server takes its time to see what clients do. */
HELPER bool becomes(const char *sql, long long wanted)
{
    for (int i = 0; i < 2000; i++) {
        if (number_of(sql) == wanted) return true;
        usleep(5000);
    }
    fprintf(stderr, "%s: not %lld, but %lld\n", sql, wanted, number_of(sql));
    return false;
}

#define OTHER_SESSIONS                                                                             \
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND "             \
    "pid <> pg_backend_pid()"

/* How many rows of the table t have this key. */
HELPER int rows_with(int key)
{
    char sql[80];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE id = %d", key);
    return (int)number_of(sql);
}

/* ---- The connection under test ---------------------------------------------------------------- */

/* Whether it does what it should, outside of any transaction. */
HELPER bool is_reusable(PGconn *conn)
{
    PGresult *result;
    bool good;

    if (with_postgres_is_broken(conn) || PQtransactionStatus(conn) != PQTRANS_IDLE) return false;
    result = PQexec(conn, "SELECT 42");
    good = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "42") == 0;
    PQclear(result);
    return good;
}

HELPER void insert(PGconn *conn, int key)
{
    CHECK_INT(with_postgres_execute(conn, "INSERT INTO t VALUES ($1)", key), 1);
}

HELPER void set_up(const char *const *settings)
{
    server_open(&server, "postgres", settings);
    snprintf(conninfo, sizeof conninfo, "host=%s port=%d user=postgres dbname=postgres",
             server.directory, server.port);
    outside = plain_connection();
    plain("CREATE TABLE t (id integer PRIMARY KEY)");
}

/* The end of a test's main. */
HELPER int tear_down(void)
{
    CHECK_INT(with_dump(stderr), 0);
    PQfinish(outside);
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
