/* SPDX-License-Identifier: MIT
 *
 * cm_mysql_result and cm_mysql_stream: rows as text, however the statement was sent and however they come.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Rows of prepared statements ------------------------------------------------------------- */

enum { FIRST_SIZE = 64 };

static const with_exception *no_memory(void)
{
    return with_exception_new(&MemoryError, 0, "no memory for a row");
}

/* Room for a value of so many bytes and a NUL; false without memory. */
static bool make_room(MYSQL_BIND *column, unsigned long length)
{
    void *larger = realloc(column->buffer, length + 1);

    if (!larger) return false;
    column->buffer = larger;
    column->buffer_length = length;
    return true;
}

static const with_exception *bind_columns(struct with_mysql_rows_ *rows)
{
    const unsigned count = rows->public_.columns;

    rows->columns = calloc(count, sizeof *rows->columns);
    rows->public_.row = calloc(count, sizeof *rows->public_.row);
    rows->public_.lengths = calloc(count, sizeof *rows->public_.lengths);
    if (!rows->columns || !rows->public_.row || !rows->public_.lengths) return no_memory();
    for (unsigned i = 0; i < count; i++) {
        MYSQL_BIND *column = &rows->columns[i];
        column->buffer_type = MYSQL_TYPE_STRING;
        column->length = &rows->public_.lengths[i];
        column->is_null = &column->is_null_value;
        column->error = &column->error_value;
        if (!make_room(column, FIRST_SIZE)) return no_memory();
    }
    if (!mysql_stmt_bind_result(rows->statement, rows->columns)) return NULL;
    return with__mysql_failure(rows->conn, rows->statement, NULL, rows->sql);
}

static void free_columns(struct with_mysql_rows_ *rows)
{
    if (rows->columns)
        for (unsigned i = 0; i < rows->public_.columns; i++) free(rows->columns[i].buffer);
    free(rows->columns);
    free(rows->public_.row);
    free(rows->public_.lengths);
    rows->columns = NULL;
}

/* Fetches again what was too long for its room, and shows all of the row. */
static const with_exception *show_columns(struct with_mysql_rows_ *rows)
{
    bool moved = false;

    for (unsigned i = 0; i < rows->public_.columns; i++) {
        MYSQL_BIND *column = &rows->columns[i];
        const unsigned long length = *column->length;
        if (!*column->is_null && length > column->buffer_length) {
            moved = true;
            if (!make_room(column, length)) return no_memory();
            if (mysql_stmt_fetch_column(rows->statement, column, i, 0))
                return with__mysql_failure(rows->conn, rows->statement, NULL, rows->sql);
        }
        rows->public_.row[i] = *column->is_null ? NULL : column->buffer;
        if (!*column->is_null) rows->public_.row[i][length] = '\0';
    }
    if (moved && mysql_stmt_bind_result(rows->statement, rows->columns))
        return with__mysql_failure(rows->conn, rows->statement, NULL, rows->sql);
    return NULL;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static const with_exception *open_statement(struct with_mysql_rows_ *rows,
                                            const struct with_mysql_values_ *values)
{
    struct with__mysql_call call = {.conn = rows->conn};
    const with_exception *failure;

    failure = with__mysql_prepare_statement(rows->conn, rows->sql, &rows->statement);
    if (!failure) failure = with__mysql_execute_statement(rows->statement, rows->sql, values);
    if (failure) return failure;
    rows->public_.columns = mysql_stmt_field_count(rows->statement);
    if (!rows->public_.columns) return NULL;
    rows->public_.fields = mariadb_stmt_fetch_fields(rows->statement);
    failure = bind_columns(rows);
    if (failure || rows->stream) return failure;
    call.statement = rows->statement;
    if (!with__mysql_run(&with__mysql_statement_store, &call, 0, 0))
        return with__mysql_failure(rows->conn, rows->statement, NULL, rows->sql);
    rows->public_.count = mysql_stmt_num_rows(rows->statement);
    return NULL;
}

static const with_exception *open_text(struct with_mysql_rows_ *rows)
{
    struct with__mysql_call call = {
        .conn = rows->conn, .text = rows->sql, .length = strlen(rows->sql)};

    if (!with__mysql_run(&with__mysql_query, &call, 0, 0))
        return with__mysql_failure(rows->conn, NULL, NULL, rows->sql);
    rows->public_.columns = mysql_field_count(rows->conn);
    if (!rows->public_.columns) return NULL;
    if (rows->stream) call.pointer = mysql_use_result(rows->conn);
    else with__mysql_run(&with__mysql_store, &call, 0, 0);
    rows->result = call.pointer;
    if (!rows->result) return with__mysql_failure(rows->conn, NULL, NULL, rows->sql);
    rows->public_.fields = mysql_fetch_fields(rows->result);
    if (!rows->stream) rows->public_.count = mysql_num_rows(rows->result);
    return NULL;
}

/* Frees all, and reads what the server still has to say. NULL, or the exception for that. */
static const with_exception *free_rows(struct with_mysql_rows_ *rows)
{
    const with_exception *failure = NULL;

    if (rows->statement) {
        failure = with__mysql_drain_statement(rows->statement, rows->sql, WITH__SETTLE_SECONDS,
                                              WITH__DRAIN_SECONDS);
        with__mysql_close_statement(rows->conn, rows->statement);
        free_columns(rows);
        rows->statement = NULL;
        return failure;
    }
    if (rows->result)
        failure = with__mysql_free_rows(rows->conn, rows->result, rows->sql, WITH__SETTLE_SECONDS,
                                        WITH__DRAIN_SECONDS);
    rows->result = NULL;
    if (failure) return failure;
    return with__mysql_drain(rows->conn, rows->sql, WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS);
}

/* On the stack while it is opened: what must happen if the thread is cancelled meanwhile. */
struct opening {
    struct with_mysql_rows_ *rows;
    bool cancelled;
};

static void end_opening(struct opening *self)
{
    struct with__calm calm = with__calm_begin();

    if (self->rows) with_exception_unref(free_rows(self->rows));
    if (self->cancelled) with__mysql_do_nothing(self->rows->conn);
    with__calm_end(calm);
}

static const with_exception *open_rows(struct with_mysql_rows_ *rows,
                                       const struct with_mysql_values_ *values)
{
    struct opening opening __attribute__((cleanup(end_opening))) = {rows, true};
    const bool plain = values->list[0].kind_ == WITH_MYSQL_END_;
    const with_exception *failure = plain ? open_text(rows) : open_statement(rows, values);

    opening.cancelled = false;
    if (!failure) opening.rows = NULL;
    return failure;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static const with_exception *next_of_statement(struct with_mysql_rows_ *rows, bool *ret_there)
{
    struct with__mysql_call call = {.conn = rows->conn, .statement = rows->statement};

    if (rows->stream) with__mysql_run(&with__mysql_statement_fetch, &call, 0, 0);
    else call.failed = mysql_stmt_fetch(rows->statement);
    *ret_there = call.failed == 0 || call.failed == MYSQL_DATA_TRUNCATED;
    if (*ret_there) return show_columns(rows);
    if (call.failed == MYSQL_NO_DATA) return NULL;
    return with__mysql_failure(rows->conn, rows->statement, NULL, rows->sql);
}

static const with_exception *next_of_text(struct with_mysql_rows_ *rows, bool *ret_there)
{
    struct with__mysql_call call = {.conn = rows->conn, .result = rows->result};

    if (rows->stream) with__mysql_run(&with__mysql_fetch, &call, 0, 0);
    else call.pointer = mysql_fetch_row(rows->result);
    *ret_there = call.pointer != NULL;
    rows->public_.row = call.pointer;
    rows->public_.lengths = call.pointer ? mysql_fetch_lengths(rows->result) : NULL;
    if (call.pointer || !rows->stream || !mysql_errno(rows->conn)) return NULL;
    return with__mysql_failure(rows->conn, NULL, NULL, rows->sql);
}

bool with_mysql_next(struct with_mysql_result *result)
{
    struct with_mysql_rows_ *rows = (struct with_mysql_rows_ *)result;
    const with_exception *failure = NULL;
    bool there = false;

    if (!result) throw(ValueError, "with_mysql_next: the result is NULL");
    if (rows->at_end) return false;
    if (rows->stream && with__mysql_is_foreign(rows->conn))
        throw(RuntimeError, "with_mysql_next: the connection belongs to another process");
    if (rows->statement && result->columns) failure = next_of_statement(rows, &there);
    else if (rows->result) failure = next_of_text(rows, &there);
    rows->at_end = failure || !there;
    if (failure) with_throw_again(failure);
    if (there && rows->stream) result->count++;
    return there;
}

/* ---- Enter and exit -------------------------------------------------------------------------- */

static void result_enter(struct cm_mysql_result *self)
{
    struct with_mysql_rows_ *rows = &self->rows_;
    const with_exception *failure;

    with__mysql_need(rows->conn);
    if (!rows->sql) throw(ValueError, "cm_mysql_result: the SQL is NULL");
    self->as = &rows->public_;
    failure = open_rows(rows, &self->values_);
    if (failure) with_throw_again(failure);
}

static bool result_exit(struct cm_mysql_result *self, const with_exception *exception)
{
    struct with__calm calm = with__calm_begin();
    const bool foreign = with__mysql_is_foreign(self->rows_.conn);
    const with_exception *failure;

    if (foreign) with__mysql_leave(self->rows_.conn);
    failure = free_rows(&self->rows_);
    with__calm_end(calm);
    if (failure && foreign) with_exception_unref(failure);
    else with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_mysql_result, result_enter, result_exit);

struct cm_mysql_result cm_mysql_result_(MYSQL *conn, bool stream, const char *sql,
                                        const struct with_mysql_values_ *values)
{
    return WITH_NEW(cm_mysql_result, .rows_ = {.conn = conn, .sql = sql, .stream = stream},
                    .values_ = *values);
}
