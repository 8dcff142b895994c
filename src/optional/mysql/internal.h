/* SPDX-License-Identifier: MIT
 *
 * Private to libwith-mysql: what its files share. Two rules hold everywhere. What talks to the server
 * goes through with__mysql_run(): libmariadb runs there in its non-blocking form, with cancellation
 * disabled, and waits are our own, where cancellation may act. And what can fail gives its exception
 * back instead of throwing it, up to the function that the user called: so nothing is lost on the way.
 */
#ifndef WITH_MYSQL_INTERNAL_H
#define WITH_MYSQL_INTERNAL_H

#include "../../database/internal.h"
#include <with/mysql.h>

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

enum {
    WITH__CONNECT_SECONDS = 30,
    WITH__STOP_SECONDS = 5,      /* for the second connection, which stops a statement */
    WITH__SETTLE_SECONDS = 10,   /* for what is to be read to its end */
    WITH__ROLLBACK_SECONDS = 30, /* a large one takes its time */
    WITH__DRAIN_SECONDS = 1,     /* for rows that nobody wants, before the statement is stopped */
};

/* ---- State ----------------------------------------------------------------------------------- */

/* Why a connection is broken. */
enum with__mysql_reason {
    WITH__MYSQL_GOOD,
    WITH__MYSQL_LOST, /* libmariadb or the server said so */
    WITH__MYSQL_NO_ANSWER,
    WITH__MYSQL_NOT_STOPPED,
    WITH__MYSQL_NOT_ROLLED_BACK,
};

/* Makes a connection one that can be used here: of this process, in libmariadb's non-blocking form. */
bool with__mysql_adopt(MYSQL *conn);

/* The options that the caller knows of, the others 0. ValueError if they are without their size. */
struct with_mysql_options with__mysql_options(const struct with_mysql_options *given);

/* Makes a connection, or throws; with__mysql_close() ends it. */
MYSQL *with__mysql_open(const struct with_mysql_options *options);

/* Whether this process is another than the one that the connection belongs to. */
bool with__mysql_is_foreign(MYSQL *conn);

/*
 * Throws unless the connection can be used: of this process, not broken, idle, and if a transaction
 * block of this thread holds it, in that transaction.
 */
void with__mysql_need(MYSQL *conn);

/* Gives the connection up: the server is told nothing more, and rolls back when it sees that. */
void with__mysql_break(MYSQL *conn, enum with__mysql_reason reason);

/* Why it was given up; NULL if it was not, or libmariadb says why. */
const char *with__mysql_why_broken(MYSQL *conn);

/* In another process: from here on nothing that is freed or closed can reach the server. */
void with__mysql_leave(MYSQL *conn);

/* Closes a connection, from another process without a word to the server. NULL is allowed. */
void with__mysql_close(MYSQL *conn);

/* ---- Waiting --------------------------------------------------------------------------------- */

/* A call of libmariadb: what it is given, and what it gives. */
struct with__mysql_call {
    MYSQL *conn;
    MYSQL_STMT *statement;
    MYSQL_RES *result;
    const char *text;
    unsigned long length;
    const struct with_mysql_options *options;
    int failed;
    my_bool flag;
    void *pointer; /* a MYSQL_RES or MYSQL_ROW */
};

/* Each begins the call, or goes on with it after events; gives the events to wait for, 0 at its end. */
struct with__mysql_operation {
    int (*start)(struct with__mysql_call *call);
    int (*resume)(struct with__mysql_call *call, int events);
};

extern const struct with__mysql_operation with__mysql_connect, with__mysql_query, with__mysql_ping,
    with__mysql_reset, with__mysql_select_db, with__mysql_set_charset, with__mysql_store,
    with__mysql_fetch, with__mysql_next, with__mysql_prepare, with__mysql_execute,
    with__mysql_statement_store, with__mysql_statement_fetch, with__mysql_statement_free,
    with__mysql_statement_next;

/*
 * Does it; false if it failed. Cancellation acts before it and while it waits, if it is enabled: then
 * the statement is stopped. After `seconds`, which may be 0 for ever, the connection is broken. If `stop_seconds` is
 * not 0 the statement is stopped after it, and brought to its end.
 */
bool with__mysql_run(const struct with__mysql_operation *operation, struct with__mysql_call *call,
                     double seconds, double stop_seconds);

/* The reading of rows that nobody wants. A limit that is 0 is none. */
struct with__mysql_patience {
    long long stop_at, end_at;
};

struct with__mysql_patience with__mysql_patience_begin(double seconds, double stop_seconds);

/* Between two rows: stops the statement when it is time, and at the end gives the connection up. */
void with__mysql_patience_check(struct with__mysql_patience *patience, MYSQL *conn);

/* ---- Running --------------------------------------------------------------------------------- */

/* NULL, or the exception for the failure of a statement without parameters, whose result is dropped. */
const with_exception *with__mysql_do(MYSQL *conn, const char *sql, const char *what,
                                     double seconds);

/*
 * Runs a statement that does nothing, unless the connection is broken or busy: for its answer tells
 * the state of things, and a request to stop that came too late may hit it. False if it failed.
 */
bool with__mysql_do_nothing(MYSQL *conn);

/* Brings the client's idea of the transaction up to date: an error of the server does not tell. */
void with__mysql_refresh(MYSQL *conn);

/* Prepares a statement, which the caller gives to mysql_stmt_close(). NULL, or the exception. */
const with_exception *with__mysql_prepare_statement(MYSQL *conn, const char *sql,
                                                    MYSQL_STMT **ret_statement);

/* Runs a prepared statement. NULL, or the exception. */
const with_exception *with__mysql_execute_statement(MYSQL_STMT *statement, const char *sql,
                                                    const struct with_mysql_values_ *values);

/*
 * Reads and drops all that a statement still has to give, for at most so many seconds, and stops it
 * after stop_seconds if these are not 0. NULL, or the exception; NULL too if the connection is broken.
 */
const with_exception *with__mysql_free_rows(MYSQL *conn, MYSQL_RES *result, const char *sql,
                                            double seconds, double stop_seconds);
const with_exception *with__mysql_drain(MYSQL *conn, const char *sql, double seconds,
                                        double stop_seconds);
const with_exception *with__mysql_drain_statement(MYSQL_STMT *statement, const char *sql,
                                                  double seconds, double stop_seconds);

/* The SQL of a statement that a block of this thread holds, for a note; else NULL. */
const char *with__mysql_sql_of(const MYSQL_STMT *statement);

/* Closes a statement; what the connection knows of its last statement stays. NULL is allowed. */
void with__mysql_close_statement(MYSQL *conn, MYSQL_STMT *statement);

/* ---- Failures -------------------------------------------------------------------------------- */

/*
 * The exception for what failed last on statement (NULL: on conn itself). what (such as "rolling
 * back") and sql may be NULL. If the connection is lost by it, it is broken.
 */
const with_exception *with__mysql_failure(MYSQL *conn, MYSQL_STMT *statement, const char *what,
                                          const char *sql);

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Whether a transaction block of this thread that is still open holds conn. */
bool with__mysql_in_block(const MYSQL *conn);

#endif
