/* SPDX-License-Identifier: MIT
 *
 * Running statements whose rows nobody wants.
 */
#include "internal.h"

#include <mysqld_error.h>
#include <string.h>

/* ---- Without parameters ---------------------------------------------------------------------- */

/* The exception for the number that is left, unless that comes of what we asked for. */
static const with_exception *leftover(MYSQL *conn, const char *sql, double stop_seconds)
{
    const unsigned number = mysql_errno(conn);

    if (!number || (stop_seconds > 0 && number == ER_QUERY_INTERRUPTED)) return NULL;
    return with__mysql_failure(conn, NULL, NULL, sql);
}

/* On the stack while rows are dropped: what must happen if the thread is cancelled. */
struct dropping {
    MYSQL *conn;
    MYSQL_RES *result;
};

static void end_dropping(struct dropping *self)
{
    struct with__calm calm = with__calm_begin();

    if (self->result)
        with_exception_unref(with__mysql_free_rows(self->conn, self->result, NULL,
                                                   WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS));
    with__calm_end(calm);
}

const with_exception *with__mysql_free_rows(MYSQL *conn, MYSQL_RES *result, const char *sql,
                                            double seconds, double stop_seconds)
{
    struct dropping dropping __attribute__((cleanup(end_dropping))) = {conn, result};
    struct with__mysql_patience patience = with__mysql_patience_begin(seconds, stop_seconds);
    struct with__mysql_call call = {.conn = conn, .result = result};
    const bool broken = with_mysql_is_broken(conn);
    const with_exception *failure;

    conn->net.last_errno = 0; /* of another statement */
    if (result->handle && conn->status == MYSQL_STATUS_USE_RESULT) {
        do {
            with__mysql_patience_check(&patience, conn);
            call.pointer = NULL;
            with__mysql_run(&with__mysql_fetch, &call, seconds, stop_seconds);
        } while (call.pointer);
    }
    failure = broken ? NULL : leftover(conn, sql, stop_seconds);
    dropping.result = NULL;
    mysql_free_result(result);
    return failure;
}

const with_exception *with__mysql_drain(MYSQL *conn, const char *sql, double seconds,
                                        double stop_seconds)
{
    struct with__mysql_call call = {.conn = conn};
    const with_exception *failure = NULL;

    while (!with_mysql_is_broken(conn)) {
        if (conn->status == MYSQL_STATUS_GET_RESULT) {
            MYSQL_RES *result = mysql_use_result(conn);
            if (!result) return with__mysql_failure(conn, NULL, NULL, sql);
            failure = with__mysql_free_rows(conn, result, sql, seconds, stop_seconds);
        }
        if (failure || !mysql_more_results(conn)) return failure;
        if (!with__mysql_run(&with__mysql_next, &call, seconds, stop_seconds))
            return leftover(conn, sql, stop_seconds);
    }
    return NULL;
}

const with_exception *with__mysql_do(MYSQL *conn, const char *sql, const char *what, double seconds)
{
    struct with__mysql_call call = {.conn = conn, .text = sql, .length = strlen(sql)};

    if (!with__mysql_run(&with__mysql_query, &call, seconds, 0))
        return with__mysql_failure(conn, NULL, what, sql);
    return with__mysql_drain(conn, sql, seconds, 0);
}

bool with__mysql_do_nothing(MYSQL *conn)
{
    struct with__mysql_call call = {.conn = conn, .text = "DO 0", .length = sizeof "DO 0" - 1};

    if (with_mysql_is_broken(conn) || conn->status != MYSQL_STATUS_READY ||
        mysql_more_results(conn))
        return true;
    return with__mysql_run(&with__mysql_query, &call, WITH__SETTLE_SECONDS, 0);
}

/* The answer to a ping may be out of date, that to a statement is not, even of one that does nothing. */
void with__mysql_refresh(MYSQL *conn)
{
    struct with__calm calm = with__calm_begin();

    if ((conn->server_status & SERVER_STATUS_IN_TRANS) && !with__mysql_do_nothing(conn))
        with__mysql_break(conn, WITH__MYSQL_LOST);
    with__calm_end(calm);
}

/* ---- With them ------------------------------------------------------------------------------- */

/* On the stack while a statement is prepared and run: what must happen if the thread is cancelled. */
struct executing {
    MYSQL *conn;
    MYSQL_STMT *statement;
    bool ended;
};

static void end_executing(struct executing *self)
{
    struct with__calm calm = with__calm_begin();

    if (!self->ended && self->statement)
        with_exception_unref(with__mysql_drain_statement(
            self->statement, NULL, WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS));
    with__mysql_close_statement(self->conn, self->statement);
    if (!self->ended) with__mysql_do_nothing(self->conn);
    with__calm_end(calm);
}

static const with_exception *execute_with(MYSQL *conn, const char *sql,
                                          const struct with_mysql_values_ *values,
                                          long long *ret_rows)
{
    struct executing executing __attribute__((cleanup(end_executing))) = {.conn = conn};
    const with_exception *failure;

    failure = with__mysql_prepare_statement(conn, sql, &executing.statement);
    if (!failure) failure = with__mysql_execute_statement(executing.statement, sql, values);
    if (!failure) {
        if (!mysql_stmt_field_count(executing.statement))
            *ret_rows = (long long)mysql_stmt_affected_rows(executing.statement);
        failure = with__mysql_drain_statement(executing.statement, sql, 0, 0);
    }
    executing.ended = true;
    return failure;
}

static const with_exception *execute_text(MYSQL *conn, const char *sql, long long *ret_rows)
{
    struct with__mysql_call call = {.conn = conn, .text = sql, .length = strlen(sql)};

    if (!with__mysql_run(&with__mysql_query, &call, 0, 0))
        return with__mysql_failure(conn, NULL, NULL, sql);
    if (!mysql_field_count(conn)) *ret_rows = (long long)mysql_affected_rows(conn);
    return with__mysql_drain(conn, sql, 0, 0);
}

long long with_mysql_execute_(MYSQL *conn, const char *sql, const struct with_mysql_values_ *values)
{
    const with_exception *failure;
    long long rows = 0;

    with__mysql_need(conn);
    if (!sql) throw(ValueError, "with_mysql_execute: the SQL is NULL");
    if (values->list[0].kind_ == WITH_MYSQL_END_) failure = execute_text(conn, sql, &rows);
    else failure = execute_with(conn, sql, values, &rows);
    if (failure) with_throw_again(failure);
    return rows;
}

/* On the stack while it runs: the statement stays, but what it gives goes. */
static void end_run(struct executing *self)
{
    struct with__calm calm = with__calm_begin();

    if (!self->ended) {
        with_exception_unref(with__mysql_drain_statement(
            self->statement, NULL, WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS));
        with__mysql_do_nothing(self->conn);
    }
    with__calm_end(calm);
}

static const with_exception *run(MYSQL_STMT *statement, const struct with_mysql_values_ *values,
                                 long long *ret_rows)
{
    struct executing executing
        __attribute__((cleanup(end_run))) = {.conn = statement->mysql, .statement = statement};
    const char *sql = with__mysql_sql_of(statement);
    const with_exception *failure = with__mysql_execute_statement(statement, sql, values);

    if (!failure) {
        if (!mysql_stmt_field_count(statement))
            *ret_rows = (long long)mysql_stmt_affected_rows(statement);
        failure = with__mysql_drain_statement(statement, sql, 0, 0);
    }
    executing.ended = true;
    return failure;
}

long long with_mysql_run_(MYSQL_STMT *statement, const struct with_mysql_values_ *values)
{
    const with_exception *failure;
    long long rows = 0;

    if (!statement) throw(ValueError, "with_mysql_run: the statement is NULL");
    if (!statement->mysql)
        throw(ConnectionFailure, "with_mysql_run: the connection of the statement is lost");
    with__mysql_need(statement->mysql);
    failure = run(statement, values, &rows);
    if (failure) with_throw_again(failure);
    return rows;
}
