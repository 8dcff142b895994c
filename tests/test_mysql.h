/* SPDX-License-Identifier: MIT
 *
 * What the tests of with/mysql.h share: a server of their own, a plain connection to look at it from
 * outside, and checks of exceptions.
 */
#ifndef TEST_MYSQL_H
#define TEST_MYSQL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/mysql.h>

#include <dirent.h>
#include <errmsg.h>
#include <errno.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "servers/server.h"
#include "test_exceptions.h"

#define HELPER static inline __attribute__((unused))

static struct server server;
static char socket_path[100];
static MYSQL *outside; /* plain libmariadb */

/* A connection over the Unix socket. */
#define LOCAL(...)                                                                                 \
    cm_mysql(NULL, .socket = socket_path, .user = "root", .database = "test", ##__VA_ARGS__)

/* ---- The server, seen from outside ------------------------------------------------------------ */

HELPER MYSQL *plain_connection(void)
{
    MYSQL *conn = mysql_init(NULL);

    if (!mysql_real_connect(conn, NULL, "root", NULL, NULL, 0, socket_path, 0)) {
        fprintf(stderr, "%s\n", mysql_error(conn));
        exit(1);
    }
    mysql_query(conn, "USE test");
    return conn;
}

/* Runs SQL by libmariadb alone, as it stands; its first number, or -1. */
HELPER long long plain_on(MYSQL *conn, const char *sql)
{
    long long number = -1;
    MYSQL_RES *result;
    MYSQL_ROW row;

    if (!CHECK_INT(mysql_query(conn, sql), 0))
        fprintf(stderr, "    %s: %s\n", sql, mysql_error(conn));
    result = mysql_store_result(conn);
    if (result && (row = mysql_fetch_row(result)) && row[0]) number = atoll(row[0]);
    mysql_free_result(result);
    return number;
}

HELPER long long plain(const char *sql)
{
    return plain_on(outside, sql);
}

/*
 * Waits until the query gives the number; the server takes its time to see what clients do. What InnoDB
 * tells is as old as the last question, if that was less than 0.1 s ago.
 */
HELPER bool becomes(const char *sql, long long wanted)
{
    const bool slow = strstr(sql, "innodb_trx") != NULL;

    for (int i = 0; i < (slow ? 100 : 2000); i++) {
        if (slow) usleep(110000);
        if (plain(sql) == wanted) return true;
        if (!slow) usleep(5000);
    }
    fprintf(stderr, "%s: not %lld, but %lld\n", sql, wanted, plain(sql));
    return false;
}

#define OTHER_SESSIONS                                                                             \
    "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() "             \
    "AND user = 'root'"
#define OPEN_TRANSACTIONS "SELECT count(*) FROM information_schema.innodb_trx"
#define PREPARED                                                                                   \
    "SELECT variable_value FROM information_schema.global_status WHERE variable_name = "           \
    "'PREPARED_STMT_COUNT'"

/* How many rows of the table t have this key. */
HELPER int rows_with(int key)
{
    char sql[80];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE id = %d", key);
    return (int)plain(sql);
}

/* ---- The connection under test ---------------------------------------------------------------- */

/* Whether it does what it should, outside of any transaction. */
HELPER bool is_reusable(MYSQL *conn)
{
    return !with_mysql_is_broken(conn) && plain_on(conn, "SELECT @@in_transaction") == 0 &&
           plain_on(conn, "SELECT 42") == 42;
}

HELPER void insert(MYSQL *conn, int key)
{
    CHECK_INT(with_mysql_execute(conn, "INSERT INTO t VALUES (?)", key), 1);
}

HELPER void set_up(const char *const *settings)
{
    server_open(&server, "mysql", settings);
    snprintf(socket_path, sizeof socket_path, "%s/mysql.sock", server.directory);
    outside = plain_connection();
    plain("CREATE DATABASE test");
    plain("USE test");
    plain("CREATE TABLE t (id int PRIMARY KEY) ENGINE = InnoDB");
}

/* The end of a test's main. */
HELPER int tear_down(void)
{
    CHECK_INT(with_dump(stderr), 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
    mysql_close(outside);
    mysql_library_end();
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
