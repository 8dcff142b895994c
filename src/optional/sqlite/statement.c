/* SPDX-License-Identifier: MIT
 *
 * Statements: prepared, given their values, stepped, finalized.
 */
#include "internal.h"

#include <limits.h>

/* ---- Values ---------------------------------------------------------------------------------- */

static struct with_sqlite_value sized(int kind, const void *data, size_t size)
{
    if (!data) return (struct with_sqlite_value){.kind_ = WITH_SQLITE_NULL_};
    if (size > INT_MAX) return (struct with_sqlite_value){.kind_ = WITH_SQLITE_TOO_LONG_};
    return (struct with_sqlite_value){kind, (int)size, {.data = data}};
}

struct with_sqlite_value with_sqlite_blob(const void *data, size_t size)
{
    return sized(WITH_SQLITE_BLOB_, data, size);
}

struct with_sqlite_value with_sqlite_text(const char *text, size_t size)
{
    return sized(WITH_SQLITE_TEXT_, text, size);
}

static int count_values(const struct with_sqlite_values_ *values)
{
    int count = 0;

    while (count < WITH_SQLITE_VALUES_MAX_ && values->list[count].kind_ != WITH_SQLITE_END_)
        count++;
    return count;
}

/* What no call of SQLite would tell; NULL if the value can be bound. */
static const with_exception *refuse_value(const struct with_sqlite_value *value, int number)
{
    switch (value->kind_) {
    case WITH_SQLITE_TOO_LARGE_:
        return with_exception_new(&with_OverflowError, 0,
                                  "value %d is larger than an integer of SQLite", number);
    case WITH_SQLITE_TOO_LONG_:
        return with_exception_new(&with_DataError, SQLITE_TOOBIG, "value %d is too long", number);
    case WITH_SQLITE_POINTER_:
        return with_exception_new(
            &with_ValueError, 0, "value %d is a pointer without a size: with_sqlite_blob() has one",
            number);
    default: return NULL;
    }
}

/* keep: SQLITE_TRANSIENT to have it copied. */
static int bind_value(sqlite3_stmt *statement, int number, const struct with_sqlite_value *value,
                      sqlite3_destructor_type keep)
{
    switch (value->kind_) {
    case WITH_SQLITE_INTEGER_:
        return sqlite3_bind_int64(statement, number, value->content_.integer);
    case WITH_SQLITE_REAL_: return sqlite3_bind_double(statement, number, value->content_.real);
    case WITH_SQLITE_TEXT_:
        return sqlite3_bind_text(statement, number, value->content_.data, value->length_, keep);
    case WITH_SQLITE_BLOB_:
        return sqlite3_bind_blob(statement, number, value->content_.data, value->length_, keep);
    default: return sqlite3_bind_null(statement, number);
    }
}

/* Binds all, of a statement that has been reset. */
static const with_exception *bind_all(sqlite3_stmt *statement,
                                      const struct with_sqlite_values_ *values,
                                      sqlite3_destructor_type keep)
{
    const int count = count_values(values), wanted = sqlite3_bind_parameter_count(statement);
    const with_exception *failure = NULL;

    if (count != wanted)
        failure = with_exception_new(&with_ProgrammingError, SQLITE_RANGE,
                                     "%d values for %d parameters", count, wanted);
    for (int i = 0; i < count && !failure; i++) {
        failure = refuse_value(&values->list[i], i + 1);
        if (!failure)
            failure = with__sqlite_failure(sqlite3_db_handle(statement),
                                           bind_value(statement, i + 1, &values->list[i], keep),
                                           NULL, NULL);
    }
    if (failure) with__database_note_sql(failure, sqlite3_sql(statement));
    return failure;
}

/* ---- Preparing ------------------------------------------------------------------------------- */

/* Whether there is more than space and comments; what cannot be read counts. */
static bool has_statement(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    const int result = *sql ? sqlite3_prepare_v2(db, sql, -1, &statement, NULL) : SQLITE_OK;

    sqlite3_finalize(statement);
    return result != SQLITE_OK || statement;
}

static const with_exception *not_one(const char *sql)
{
    const with_exception *failure =
        with_exception_new(&with_ProgrammingError, SQLITE_MISUSE, "this is not one statement");

    with__database_note_sql(failure, sql);
    return failure;
}

static const with_exception *prepare_one(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
    sqlite3_stmt *statement = NULL;
    const char *rest;
    const int result = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);

    if (result != SQLITE_OK) return with__sqlite_error(db, result, NULL, sql);
    if (!statement || has_statement(db, rest)) {
        sqlite3_finalize(statement);
        return not_one(sql);
    }
    *ret_statement = statement;
    return NULL;
}

/* ---- cm_sqlite_statement ----------------------------------------------------------------------- */

static void statement_enter(struct cm_sqlite_statement *self)
{
    const with_exception *failure;
    struct with__calm calm;

    if (!self->db_) with_throw(with_ValueError, "cm_sqlite_statement: the connection is NULL");
    if (!self->sql_) with_throw(with_ValueError, "cm_sqlite_statement: the SQL is NULL");

    calm = with__calm_begin();
    self->pid_ = with__sqlite_process();
    self->as = NULL;
    failure = with__sqlite_refusal(self->db_);
    if (!failure) failure = prepare_one(self->db_, self->sql_, &self->as);
    if (!failure && count_values(&self->values_))
        failure = bind_all(self->as, &self->values_, SQLITE_TRANSIENT);
    if (failure) sqlite3_finalize(self->as);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
}

/* Resetting reports what the last step failed with, or what ending a statement in its midst does. */
static bool statement_exit(struct cm_sqlite_statement *self, const with_exception *exception)
{
    const with_exception *failure;
    struct with__calm calm;

    if (self->pid_ != with__sqlite_process()) return false;
    calm = with__calm_begin();
    failure = with__sqlite_failure(self->db_, sqlite3_reset(self->as), NULL, sqlite3_sql(self->as));
    sqlite3_finalize(self->as);
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_sqlite_statement, statement_enter, statement_exit);

struct cm_sqlite_statement cm_sqlite_statement_(sqlite3 *db, const char *sql,
                                                const struct with_sqlite_values_ *values)
{
    return WITH_NEW(cm_sqlite_statement, .db_ = db, .sql_ = sql, .values_ = *values);
}

/* ---- Running --------------------------------------------------------------------------------- */

void with_sqlite_bind_(const with_site *site, sqlite3_stmt *statement,
                       const struct with_sqlite_values_ *values)
{
    const with_exception *failure;
    struct with__calm calm;

    if (!statement) with_throw_(site, &with_ValueError, "the statement is NULL");
    calm = with__calm_begin();
    sqlite3_reset(statement); /* what it says was said by the step */
    failure = bind_all(statement, values, SQLITE_TRANSIENT);
    with__calm_end(calm);
    if (failure) with_throw_again_(site, failure);
}

/* One step. What is done, or failed, is reset, so that it can be run again. */
static const with_exception *step(sqlite3_stmt *statement, bool *ret_row)
{
    const int result = sqlite3_step(statement);
    const with_exception *failure = NULL;

    *ret_row = result == SQLITE_ROW;
    if (result == SQLITE_ROW) return NULL;
    if (result != SQLITE_DONE)
        failure =
            with__sqlite_error(sqlite3_db_handle(statement), result, NULL, sqlite3_sql(statement));
    sqlite3_reset(statement);
    return failure;
}

bool with_sqlite_step_(const with_site *site, sqlite3_stmt *statement)
{
    const with_exception *failure = NULL;
    struct with__calm calm;
    bool row = false;

    if (!statement) with_throw_(site, &with_ValueError, "the statement is NULL");
    pthread_testcancel();
    calm = with__calm_begin();
    if (!sqlite3_stmt_busy(statement)) failure = with__sqlite_refusal(sqlite3_db_handle(statement));
    if (!failure) failure = step(statement, &row);
    with__calm_end(calm);
    if (failure) with_throw_again_(site, failure);
    return row;
}

static const with_exception *run(sqlite3_stmt *statement, const struct with_sqlite_values_ *values)
{
    const with_exception *failure = with__sqlite_refusal(sqlite3_db_handle(statement));
    bool row = !failure;

    if (!failure) failure = bind_all(statement, values, SQLITE_STATIC);
    while (row && !failure) failure = step(statement, &row);
    return failure;
}

/* Runs the first statement in sql and gives what follows it. */
static const with_exception *run_first(sqlite3 *db, const char *sql,
                                       const struct with_sqlite_values_ *values,
                                       const char **ret_rest)
{
    const with_exception *failure;
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, ret_rest);

    if (result != SQLITE_OK) return with__sqlite_error(db, result, NULL, sql);
    if (count_values(values) && (!statement || has_statement(db, *ret_rest)))
        failure = not_one(sql);
    else failure = statement ? run(statement, values) : NULL;
    sqlite3_finalize(statement);
    return failure;
}

void with_sqlite_execute_(const with_site *site, sqlite3 *db, const char *sql,
                          const struct with_sqlite_values_ *values)
{
    const with_exception *failure = NULL;
    struct with__calm calm;

    if (!db) with_throw_(site, &with_ValueError, "the connection is NULL");
    if (!sql) with_throw_(site, &with_ValueError, "the SQL is NULL");
    pthread_testcancel();
    calm = with__calm_begin();
    failure = with__sqlite_refusal(db);
    while (!failure && *sql) failure = run_first(db, sql, values, &sql);
    with__calm_end(calm);
    if (failure) with_throw_again_(site, failure);
}
