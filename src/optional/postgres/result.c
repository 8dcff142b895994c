/* SPDX-License-Identifier: MIT
 *
 * Statements: results as managers, and statements whose rows nobody wants.
 */
#include "internal.h"

#include <limits.h>
#include <stdlib.h>

/* ---- Parameters ------------------------------------------------------------------------------ */

struct with_postgres_parameter_ with_postgres_null_(const void *null)
{
    if (null) throw(ValueError, "a parameter is a pointer that is neither text nor NULL");
    return (struct with_postgres_parameter_){.data = NULL};
}

struct with_postgres_parameter_ with_postgres_bytea_(struct with_postgres_bytes bytes)
{
    if (bytes.length > INT_MAX) throw(ValueError, "a parameter of %zu bytes", bytes.length);
    if (!bytes.data && bytes.length > 0) throw(ValueError, "a parameter of NULL and some bytes");
    return (struct with_postgres_parameter_){
        .type = WITH_POSTGRES_BYTEA_, .length = (int)bytes.length, .data = bytes.data};
}

/* ---- Results --------------------------------------------------------------------------------- */

/* Throws if the result is that of a COPY which has begun: nobody would send or read its rows. */
static void refuse_copy(PGconn *conn, PGresult *result, const char *sql)
{
    const with_exception *failure;

    if (with__postgres_succeeded(result)) return;
    failure = with_exception_new(&ProgrammingError, 0,
                                 "a COPY: use cm_postgres_copy_in or cm_postgres_copy_out");
    if (sql) with_add_note(failure, "SQL: %.200s", sql);
    PQclear(result);
    with__postgres_settle(conn, true);
    with_throw_again(failure);
}

static void clear(PGresult *result)
{
    const int error = errno;

    PQclear(result);
    errno = error;
}

void with_postgres_result_enter_(struct cm_postgres_result *self)
{
    PGresult *result = with__postgres_demand(self->conn_, &self->statement_);

    refuse_copy(self->conn_, result, self->statement_.sql);
    self->as = result;
}

bool with_postgres_result_exit_(struct cm_postgres_result *self, const with_exception *exception)
{
    (void)exception;
    clear(self->as);
    return false;
}

void with_postgres_taken_enter_(struct cm_postgres_taken *self)
{
    const ExecStatusType status = PQresultStatus(self->as);

    if (!self->conn_) {
        PQclear(self->as);
        throw(ValueError, "the connection is NULL");
    }
    if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH &&
        !with__postgres_succeeded(self->as))
        with_throw_again(with__postgres_failure(self->conn_, self->as, NULL, NULL));
    refuse_copy(self->conn_, self->as, NULL);
}

bool with_postgres_taken_exit_(struct cm_postgres_taken *self, const with_exception *exception)
{
    (void)exception;
    clear(self->as);
    return false;
}

long long with_postgres_execute_(PGconn *conn, const struct with_postgres_statement_ *statement)
{
    PGresult *result = with__postgres_demand(conn, statement);
    long long rows;

    refuse_copy(conn, result, statement->sql);
    rows = atoll(PQcmdTuples(result));
    PQclear(result);
    return rows;
}
