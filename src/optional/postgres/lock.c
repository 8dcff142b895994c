/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_lock: advisory locks, which the server keeps for a session or for a transaction.
 */
#include "internal.h"

#include <inttypes.h>
#include <string.h>

/* ---- Enter ----------------------------------------------------------------------------------- */

static void check(const struct with_postgres_lock_options *options)
{
    if (!(options->timeout_seconds >= 0))
        throw(ValueError, "cm_postgres_lock: timeout_seconds is %g", options->timeout_seconds);
    if (options->no_wait && options->timeout_seconds > 0)
        throw(ValueError, "cm_postgres_lock: no_wait and timeout_seconds exclude each other");
    with__postgres_need(options->conn);
    if (options->transaction && PQtransactionStatus(options->conn) == PQTRANS_IDLE)
        with_throw_again(with_exception_new(
            &InternalError, with_sqlstate_pack("25P01"),
            "advisory lock %" PRId64 ": there is no transaction that could hold it", options->key));
}

/*
 * The list of a SELECT is computed from left to right: so the limit is set, used, and set back, by one
 * statement. If that fails the setting goes with its transaction.
 */
static struct with_postgres_statement_ timed(const char *function, int64_t key, double seconds,
                                             char *sql, size_t size)
{
    char text[32];
    struct with_postgres_statement_ statement = {
        .sql = sql, .count = 1, .parameters = {with_postgres_long_(key)}};

    snprintf(text, sizeof text, "%.0f", seconds * 1000 < 1 ? 1 : seconds * 1000);
    snprintf(sql, size,
             "WITH before AS MATERIALIZED (SELECT current_setting('lock_timeout') AS value) "
             "SELECT set_config('lock_timeout', '%s', true), %s($1), "
             "set_config('lock_timeout', before.value, true) FROM before",
             text, function);
    return statement;
}

static struct with_postgres_statement_ plain(const char *function, int64_t key, char *sql,
                                             size_t size)
{
    snprintf(sql, size, "SELECT %s($1)", function);
    return (struct with_postgres_statement_){
        .sql = sql, .count = 1, .parameters = {with_postgres_long_(key)}};
}

static void name_function(const struct with_postgres_lock_options *options, char ret_name[64])
{
    snprintf(ret_name, 64, "pg_catalog.pg_%sadvisory_%slock%s", options->no_wait ? "try_" : "",
             options->transaction ? "xact_" : "", options->shared ? "_shared" : "");
}

void with_postgres_lock_enter_(struct cm_postgres_lock *self)
{
    const struct with_postgres_lock_options *options = &self->options_;
    struct with_postgres_statement_ statement;
    char function[64], sql[512];
    PGresult *result;
    bool refused;

    check(options);
    self->as = options->conn;
    name_function(options, function);
    statement = options->timeout_seconds > 0
                    ? timed(function, options->key, options->timeout_seconds, sql, sizeof sql)
                    : plain(function, options->key, sql, sizeof sql);
    result = with__postgres_demand(self->as, &statement);
    refused = options->no_wait && strcmp(PQgetvalue(result, 0, 0), "t") != 0;
    PQclear(result);
    if (refused)
        with_throw_again(with_exception_new(&LockNotAvailable, with_sqlstate_pack("55P03"),
                                            "advisory lock %" PRId64 " is held by another session",
                                            options->key));
}

/* ---- Exit ------------------------------------------------------------------------------------ */

/* NULL, or why it is not released. */
static const with_exception *release(const struct with_postgres_lock_options *options)
{
    static const char what[] = "releasing an advisory lock";
    PGconn *conn = options->conn;
    PGresult *result;
    bool held;
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT pg_catalog.pg_advisory_unlock%s(%" PRId64 ")",
             options->shared ? "_shared" : "", options->key);
    result = with__postgres_run(
        conn,
        &(struct with__postgres_call){.text = sql, .deadline = with__postgres_exit_deadline(conn)});
    if (!with__postgres_succeeded(result)) return with__postgres_failure(conn, result, what, sql);
    held = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return held ? NULL
                : with_exception_new(&InternalError, 0, "advisory lock %" PRId64 " was not held",
                                     options->key);
}

static const with_exception *unlock(const struct with_postgres_lock_options *options, bool certain)
{
    PGconn *conn = options->conn;
    const with_exception *failure;

    if (with_postgres_is_broken(conn)) return NULL; /* its end has released it */
    if (!with__postgres_settle(conn, certain))
        return certain ? with__postgres_failure(conn, NULL, "releasing an advisory lock", NULL)
                       : NULL;
    failure = release(options);
    if (failure) with__postgres_break(conn, "an advisory lock of it could not be released");
    return failure;
}

bool with_postgres_lock_exit_(struct cm_postgres_lock *self, const with_exception *exception)
{
    const with_exception *failure = NULL;
    struct with__postgres_calm calm;

    if (self->options_.transaction || with__postgres_is_foreign(self->as)) return false;
    calm = with__postgres_calm_begin(NULL);
    failure = unlock(&self->options_, exception || with_completed(self));
    with__postgres_calm_end(&calm);
    with__database_report(exception, failure);
    return false;
}
