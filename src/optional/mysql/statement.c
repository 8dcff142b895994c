/* SPDX-License-Identifier: MIT
 *
 * Prepared statements and the values bound to their parameters.
 */
#include "internal.h"

#include <mysqld_error.h>
#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

static struct with_mysql_value sized(int kind, const void *data, size_t size)
{
    return (struct with_mysql_value){
        .kind_ = data ? kind : WITH_MYSQL_NULL_, .length_ = (unsigned long)size, .as_.data = data};
}

struct with_mysql_value with_mysql_blob(const void *data, size_t size)
{
    return sized(WITH_MYSQL_BLOB_, data, size);
}

struct with_mysql_value with_mysql_text(const char *text, size_t size)
{
    return sized(WITH_MYSQL_TEXT_, text, size);
}

/* libmariadb reads the value where it is: it must stay until the statement has run. */
static MYSQL_BIND bind(const struct with_mysql_value *value)
{
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_NULL};

    switch (value->kind_) {
    case WITH_MYSQL_UNSIGNED_:
    case WITH_MYSQL_INTEGER_:
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.is_unsigned = value->kind_ == WITH_MYSQL_UNSIGNED_;
        bind.buffer = (void *)&value->as_.integer;
        break;
    case WITH_MYSQL_REAL_:
        bind.buffer_type = MYSQL_TYPE_DOUBLE;
        bind.buffer = (void *)&value->as_.real;
        break;
    case WITH_MYSQL_STRING_:
    case WITH_MYSQL_TEXT_:
    case WITH_MYSQL_BLOB_:
        bind.buffer_type = value->kind_ == WITH_MYSQL_BLOB_ ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
        bind.buffer = (void *)value->as_.data;
        bind.buffer_length = value->kind_ == WITH_MYSQL_STRING_
                                 ? (unsigned long)strlen(value->as_.data)
                                 : value->length_;
        break;
    }
    return bind;
}

static unsigned count_values(const struct with_mysql_values_ *values)
{
    unsigned count = 0;

    while (count < WITH_MYSQL_VALUES_MAX_ && values->list[count].kind_ != WITH_MYSQL_END_) count++;
    return count;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

const with_exception *with__mysql_execute_statement(MYSQL_STMT *statement, const char *sql,
                                                    const struct with_mysql_values_ *values)
{
    struct with__mysql_call call = {.conn = statement->mysql, .statement = statement};
    const unsigned count = count_values(values);
    MYSQL_BIND binds[WITH_MYSQL_VALUES_MAX_];

    for (unsigned i = 0; i < count; i++) {
        if (values->list[i].kind_ == WITH_MYSQL_POINTER_)
            return with_exception_new(&ValueError, 0,
                                      "value %u is a pointer without a size: use with_mysql_blob()",
                                      i + 1);
        binds[i] = bind(&values->list[i]);
    }
    if (count != mysql_stmt_param_count(statement)) {
        const with_exception *e = with_exception_new(&ProgrammingError, ER_WRONG_ARGUMENTS,
                                                     "%u values for a statement of %lu parameters",
                                                     count, mysql_stmt_param_count(statement));
        if (sql) with__database_note_sql(e, sql);
        return e;
    }
    if ((count && mysql_stmt_bind_param(statement, binds)) ||
        !with__mysql_run(&with__mysql_execute, &call, 0, 0))
        return with__mysql_failure(call.conn, statement, NULL, sql);
    return NULL;
}

/* Reads the rows of one result, if they come from the server; whether that went well. */
static bool drop_rows(struct with__mysql_call *call, double seconds, double stop_seconds)
{
    struct with__mysql_patience patience = with__mysql_patience_begin(seconds, stop_seconds);

    call->conn->net.last_errno = 0; /* of another statement */
    while (call->conn->status != MYSQL_STATUS_READY) {
        with__mysql_patience_check(&patience, call->conn);
        with__mysql_run(&with__mysql_statement_fetch, call, seconds, stop_seconds);
        if (call->failed != 0 && call->failed != MYSQL_DATA_TRUNCATED) break;
    }
    if (mysql_errno(call->conn)) return false;
    call->failed = 0;
    return with__mysql_run(&with__mysql_statement_free, call, seconds, stop_seconds) &&
           !mysql_errno(call->conn);
}

const with_exception *with__mysql_drain_statement(MYSQL_STMT *statement, const char *sql,
                                                  double seconds, double stop_seconds)
{
    struct with__mysql_call call = {.conn = statement->mysql, .statement = statement};
    bool good;

    if (!call.conn || with_mysql_is_broken(call.conn)) return NULL; /* that has been said */
    do {
        good = drop_rows(&call, seconds, stop_seconds);
        call.failed = 0;
        if (good && !mysql_stmt_more_results(statement)) return NULL;
        good = good && with__mysql_run(&with__mysql_statement_next, &call, seconds, stop_seconds);
    } while (good);
    if (stop_seconds > 0 && mysql_errno(call.conn) == ER_QUERY_INTERRUPTED) return NULL;
    return with__mysql_failure(call.conn, mysql_errno(call.conn) ? NULL : statement, NULL, sql);
}

void with__mysql_close_statement(MYSQL *conn, MYSQL_STMT *statement)
{
    const unsigned long long insert_id = conn->insert_id, affected_rows = conn->affected_rows;

    if (!statement) return;
    mysql_stmt_close(statement);
    conn->insert_id = insert_id;
    conn->affected_rows = affected_rows;
}

/* On the stack while a statement is prepared: what must happen if the thread is cancelled. */
struct preparing {
    MYSQL *conn;
    MYSQL_STMT *statement;
};

static void end_preparing(struct preparing *self)
{
    struct with__calm calm = with__calm_begin();

    with__mysql_close_statement(self->conn, self->statement);
    with__calm_end(calm);
}

const with_exception *with__mysql_prepare_statement(MYSQL *conn, const char *sql,
                                                    MYSQL_STMT **ret_statement)
{
    struct preparing preparing __attribute__((cleanup(end_preparing))) = {
        .conn = conn, .statement = mysql_stmt_init(conn)};
    struct with__mysql_call call = {
        .conn = conn, .statement = preparing.statement, .text = sql, .length = strlen(sql)};

    if (!preparing.statement)
        return with_exception_new(&MemoryError, 0, "no memory for a statement");
    if (!with__mysql_run(&with__mysql_prepare, &call, 0, 0))
        return with__mysql_failure(conn, preparing.statement, NULL, sql);
    *ret_statement = preparing.statement;
    preparing.statement = NULL;
    return NULL;
}

/* ---- cm_mysql_statement ---------------------------------------------------------------------- */

static void statement_enter(struct cm_mysql_statement *self)
{
    const with_exception *failure;

    with__mysql_need(self->conn_);
    if (!self->sql_) throw(ValueError, "cm_mysql_statement: the SQL is NULL");
    failure = with__mysql_prepare_statement(self->conn_, self->sql_, &self->as);
    if (failure) with_throw_again(failure);
}

/* Rows that the user has left in it are read and dropped. */
static bool statement_exit(struct cm_mysql_statement *self, const with_exception *exception)
{
    struct with__calm calm = with__calm_begin();
    const with_exception *failure;

    if (with__mysql_is_foreign(self->conn_)) with__mysql_leave(self->conn_);
    failure =
        with__mysql_drain_statement(self->as, NULL, WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS);
    with__mysql_close_statement(self->conn_, self->as);
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_mysql_statement, statement_enter, statement_exit);

const char *with__mysql_sql_of(const MYSQL_STMT *statement)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        const struct cm_mysql_statement *block = (struct cm_mysql_statement *)frame;
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (block->with_.head.manager_class != &cm_mysql_statement_with_class_) continue;
        if (block->as == statement) return block->sql_;
    }
    return NULL;
}

struct cm_mysql_statement cm_mysql_statement(MYSQL *conn, const char *sql)
{
    return WITH_NEW(cm_mysql_statement, .conn_ = conn, .sql_ = sql);
}
