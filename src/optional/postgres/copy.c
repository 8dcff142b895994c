/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_copy_in and cm_postgres_copy_out. A COPY that is not completed ends with an error, and
 * then the server stores nothing of it.
 */
#include "internal.h"

#include <limits.h>
#include <poll.h>

enum { OPEN, FAILED, DONE };

/* Begins the COPY, and throws if the SQL is no COPY of the wanted direction. */
static void begin(PGconn *conn, const char *sql, ExecStatusType wanted, const char *what)
{
    PGresult *result = with__postgres_demand_text(conn, sql, NULL);
    const bool good = PQresultStatus(result) == wanted;

    PQclear(result);
    if (good) return;
    with__postgres_settle(conn, true);
    throw(ProgrammingError, "%s: this is no such COPY: %.200s", what, sql);
}

/* ---- In -------------------------------------------------------------------------------------- */

/* What ends an exchange in the body of a block, also if the thread is cancelled in it. */
static void end_calm(struct with__postgres_calm *calm)
{
    with__postgres_calm_end(calm);
}

/* Waits until something more can be sent; gives up the connection at the deadline. */
static bool await_room(PGconn *conn, with__moment deadline, int cancel)
{
    if (!with__postgres_wait(conn, POLLIN | POLLOUT, deadline, cancel)) {
        with__postgres_break(conn, "the server did not read in time");
        return false;
    }
    PQconsumeInput(conn); /* it may say something, and must not wait for us to read it */
    return true;
}

/* 1, or -1 if it cannot be sent. */
static int put(PGconn *conn, const char *data, int length)
{
    struct with__postgres_calm calm __attribute__((cleanup(end_calm))) =
        with__postgres_calm_begin(conn);
    const with__moment deadline = with__postgres_answer_deadline(conn);
    int result;

    while ((result = PQputCopyData(conn, data, length)) == 0)
        if (!await_room(conn, deadline, calm.cancel)) return -1;
    return result;
}

/* Whether the end of the data, or the error in its place, was sent. */
static bool end_data(PGconn *conn, const char *error, with__moment deadline)
{
    struct with__postgres_calm calm = with__postgres_calm_begin(conn);
    int result;

    while ((result = PQputCopyEnd(conn, error)) == 0)
        if (!await_room(conn, deadline, PTHREAD_CANCEL_DISABLE)) break;
    with__postgres_calm_end(&calm);
    return result > 0;
}

/* What is still to be read: the first failure, or the success. */
static PGresult *last_result(PGconn *conn, with__moment deadline)
{
    return with__postgres_run(conn, &(struct with__postgres_call){.deadline = deadline});
}

/* NULL, or the exception for what the server says of the data. */
static const with_exception *complete(struct cm_postgres_copy_in *self)
{
    const with__moment deadline = with__postgres_answer_deadline(self->as);
    PGresult *result = NULL;

    self->state_ = FAILED;
    if (end_data(self->as, NULL, deadline)) result = last_result(self->as, deadline);
    if (!with__postgres_succeeded(result)) {
        const with_exception *failure = with__postgres_failure(self->as, result, NULL, self->sql_);
        with__postgres_settle(self->as, true);
        return failure;
    }
    PQclear(result);
    self->state_ = DONE;
    return NULL;
}

/*
 * The server answers with the error that it was given, and that is as it should be. NULL, or the exception
 * for an end that it was not told of; nothing is stored then either.
 */
static const with_exception *refuse(PGconn *conn)
{
    const with__moment deadline = with__postgres_exit_deadline(conn);

    if (PQtransactionStatus(conn) == PQTRANS_ACTIVE &&
        end_data(conn, "the block was left before its end", deadline))
        PQclear(last_result(conn, deadline));
    if (with__postgres_settle(conn, true)) return NULL;
    return with__postgres_failure(conn, NULL, "ending a COPY", NULL);
}

void with_postgres_copy_in_enter_(struct cm_postgres_copy_in *self)
{
    begin(self->as, self->sql_, PGRES_COPY_IN, "cm_postgres_copy_in");
    self->state_ = OPEN;
}

bool with_postgres_copy_in_exit_(struct cm_postgres_copy_in *self, const with_exception *exception)
{
    const with_exception *failure = NULL;
    struct with__postgres_calm calm;

    if (with__postgres_is_foreign(self->as)) return false;
    calm = with__postgres_calm_begin(NULL);
    if (self->state_ == OPEN && !exception && with_completed(self)) failure = complete(self);
    else if (self->state_ == OPEN) failure = refuse(self->as);
    with__postgres_calm_end(&calm);
    with__database_report(exception, failure);
    return false;
}

static struct cm_postgres_copy_in *find_in(PGconn *conn, const char *what)
{
    struct cm_postgres_copy_in *self = with__postgres_find("cm_postgres_copy_in", conn);

    if (!self)
        throw(ValueError,
              "%s: no block of this thread holds this connection by "
              "cm_postgres_copy_in",
              what);
    if (with__postgres_is_foreign(conn))
        throw(RuntimeError, "%s: the COPY belongs to another process", what);
    if (self->state_ != OPEN) throw(RuntimeError, "%s: the COPY has ended before", what);
    return self;
}

void with_postgres_put(PGconn *conn, const void *data, size_t length)
{
    struct cm_postgres_copy_in *self = find_in(conn, "with_postgres_put");
    const char *at = data;

    if (!data && length) throw(ValueError, "with_postgres_put: the data is NULL");
    while (length > 0) {
        const int part = length > INT_MAX / 2 ? INT_MAX / 2 : (int)length;
        if (put(conn, at, part) < 0) {
            self->state_ = FAILED;
            with_throw_again(with__postgres_failure(conn, NULL, NULL, self->sql_));
        }
        at += part;
        length -= (size_t)part;
    }
}

void with_postgres_copy_done(PGconn *conn)
{
    struct cm_postgres_copy_in *self = find_in(conn, "with_postgres_copy_done");
    struct with__postgres_calm calm = with__postgres_calm_begin(NULL);
    const with_exception *failure = complete(self);

    with__postgres_calm_end(&calm);
    if (failure) with_throw_again(failure);
}

/* ---- Out ------------------------------------------------------------------------------------- */

void with_postgres_copy_out_enter_(struct cm_postgres_copy_out *self)
{
    struct with__postgres *state = with__postgres_need(self->as);
    char sql[64];

    self->row_ = NULL;
    self->at_end_ = false;
    self->savepoint_ = 0;
    if (PQtransactionStatus(self->as) == PQTRANS_INTRANS) {
        self->savepoint_ = ++state->names;
        snprintf(sql, sizeof sql, "SAVEPOINT with_%u", self->savepoint_);
        PQclear(with__postgres_demand_text(self->as, sql, NULL));
    }
    begin(self->as, self->sql_, PGRES_COPY_OUT, "cm_postgres_copy_out");
}

/* Stops what was not read to its end, and takes the transaction back to where it was before. */
static const with_exception *stop(const struct cm_postgres_copy_out *self)
{
    char sql[128];

    if (!with__postgres_settle(self->as, true))
        return with__postgres_failure(self->as, NULL, "stopping a COPY", NULL);
    if (!self->savepoint_ || PQtransactionStatus(self->as) == PQTRANS_IDLE) return NULL;
    snprintf(sql, sizeof sql, "ROLLBACK TO SAVEPOINT with_%u; RELEASE SAVEPOINT with_%u",
             self->savepoint_, self->savepoint_);
    return with__postgres_try(self->as, sql, "stopping a COPY");
}

/* The savepoint is of no more use. In a transaction that has failed meanwhile it cannot be released. */
static const with_exception *finish(const struct cm_postgres_copy_out *self)
{
    char sql[64];

    if (!self->savepoint_ || !with__postgres_settle(self->as, true)) return NULL;
    if (PQtransactionStatus(self->as) != PQTRANS_INTRANS) return NULL;
    snprintf(sql, sizeof sql, "RELEASE SAVEPOINT with_%u", self->savepoint_);
    return with__postgres_try(self->as, sql, "ending a COPY");
}

bool with_postgres_copy_out_exit_(struct cm_postgres_copy_out *self,
                                  const with_exception *exception)
{
    const with_exception *failure = NULL;
    struct with__postgres_calm calm = with__postgres_calm_begin(NULL);

    PQfreemem(self->row_);
    self->row_ = NULL;
    if (!with__postgres_is_foreign(self->as)) failure = self->at_end_ ? finish(self) : stop(self);
    with__postgres_calm_end(&calm);
    with__database_report(exception, failure);
    return false;
}

/* The next row and its length; -1 at the end; -2 if libpq says so. */
static int get(PGconn *conn, char **ret_row)
{
    struct with__postgres_calm calm __attribute__((cleanup(end_calm))) =
        with__postgres_calm_begin(conn);
    const with__moment deadline = with__postgres_answer_deadline(conn);
    int length;

    while ((length = PQgetCopyData(conn, ret_row, 1)) == 0) {
        if (!with__postgres_wait(conn, POLLIN, deadline, calm.cancel)) {
            with__postgres_break(conn, "the server did not answer in time");
            return -2;
        }
        if (!PQconsumeInput(conn)) return -2;
    }
    return length;
}

/* After the last row the server says whether that was all. */
static void end_rows(struct cm_postgres_copy_out *self, int length)
{
    struct with__postgres_calm calm = with__postgres_calm_begin(NULL);
    PGresult *result = NULL;

    if (length == -1) result = last_result(self->as, with__postgres_answer_deadline(self->as));
    with__postgres_calm_end(&calm);
    if (!with__postgres_succeeded(result))
        with_throw_again(with__postgres_failure(self->as, result, NULL, self->sql_));
    PQclear(result);
    self->at_end_ = true;
}

const char *with_postgres_get(PGconn *conn, size_t *ret_length)
{
    struct cm_postgres_copy_out *self = with__postgres_find("cm_postgres_copy_out", conn);
    int length;

    if (!self)
        throw(ValueError, "with_postgres_get: no block of this thread holds this connection by "
                          "cm_postgres_copy_out");
    if (with__postgres_is_foreign(conn))
        throw(RuntimeError, "with_postgres_get: the COPY belongs to another process");
    PQfreemem(self->row_);
    self->row_ = NULL;
    if (self->at_end_) return NULL;
    length = get(conn, &self->row_);
    if (length < 0) end_rows(self, length);
    else if (ret_length) *ret_length = (size_t)length;
    return self->row_;
}
