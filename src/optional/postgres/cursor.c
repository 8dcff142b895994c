/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_cursor: a cursor of the server. libpq's single-row mode would do with less, but who leaves
 * it early must cancel the statement, and with that the transaction has failed.
 */
#include "internal.h"

#include <stdlib.h>

enum {
    FIRST_BATCH = 16, /* rows */
    LARGEST_BATCH = 10000,
    SMALL = 128 * 1024, /* bytes that a batch should have, at least and at most */
    LARGE = 512 * 1024,
};

static void free_text(char **text)
{
    free(*text);
}

/* Does not throw, for it has memory to free: NULL, or the exception for the failure. */
static const with_exception *declare(const struct cm_postgres_cursor *self)
{
    static const char format[] = "DECLARE with_%u NO SCROLL CURSOR FOR %s";
    struct with_postgres_statement_ statement = self->statement_;
    const int length = snprintf(NULL, 0, format, self->name_, statement.sql);
    char *text __attribute__((cleanup(free_text))) = length < 0 ? NULL : malloc((size_t)length + 1);
    PGresult *result;

    if (!text) return with_exception_new(&MemoryError, 0, "cm_postgres_cursor: no memory");
    snprintf(text, (size_t)length + 1, format, self->name_, statement.sql);
    statement.sql = text;
    result =
        with__postgres_run(self->conn_, &(struct with__postgres_call){
                                            .statement = &statement,
                                            .deadline = with__postgres_answer_deadline(self->conn_),
                                        });
    if (!with__postgres_succeeded(result))
        return with__postgres_failure(self->conn_, result, NULL, text);
    PQclear(result);
    return NULL;
}

void with_postgres_cursor_enter_(struct cm_postgres_cursor *self)
{
    struct with__postgres *state = with__postgres_need(self->conn_);
    const bool dirty = state->dirty;
    const with_exception *failure;

    if (!self->statement_.sql) throw(ValueError, "cm_postgres_cursor: the SQL is NULL");
    self->name_ = ++state->names;
    failure = declare(self);
    if (!failure)
        state->dirty = dirty; /* it ends with its transaction: one WITH HOLD is not ours */
    if (failure) with_throw_again(failure);
    self->cursor_ = (struct with_postgres_cursor){NULL, -1};
    self->as = &self->cursor_;
    self->batch_ = FIRST_BATCH;
    self->at_end_ = false;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct cm_postgres_cursor *manager_of(struct with_postgres_cursor *cursor)
{
    return (struct cm_postgres_cursor *)((char *)cursor -
                                         offsetof(struct cm_postgres_cursor, cursor_));
}

/* So many rows that a batch is neither small nor large, whatever a row has. */
static void adapt_batch(struct cm_postgres_cursor *self)
{
    const size_t bytes = PQresultMemorySize(self->cursor_.result);

    if (bytes < SMALL && self->batch_ < LARGEST_BATCH) self->batch_ *= 2;
    while (bytes > LARGE && self->batch_ > 1) {
        self->batch_ /= 2;
        if (bytes / 2 <= LARGE) break;
    }
}

static void fetch(struct cm_postgres_cursor *self)
{
    struct with_postgres_cursor *cursor = &self->cursor_;
    char sql[64];

    PQclear(cursor->result);
    cursor->result = NULL;
    snprintf(sql, sizeof sql, "FETCH %d FROM with_%u", self->batch_, self->name_);
    cursor->result = with__postgres_demand_text(self->conn_, sql, NULL);
    self->at_end_ = PQntuples(cursor->result) < self->batch_;
    cursor->row = -1;
    adapt_batch(self);
}

bool with_postgres_next(struct with_postgres_cursor *cursor)
{
    struct cm_postgres_cursor *self;

    if (!cursor) throw(ValueError, "with_postgres_next: the cursor is NULL");
    self = manager_of(cursor);
    if (cursor->result && cursor->row + 1 < PQntuples(cursor->result)) {
        cursor->row++;
        return true;
    }
    if (self->at_end_) return false;
    fetch(self);
    if (PQntuples(cursor->result) == 0) return false;
    cursor->row = 0;
    return true;
}

/* ---- Exit ------------------------------------------------------------------------------------ */

/* A transaction that has failed or ended has closed it, or will. */
bool with_postgres_cursor_exit_(struct cm_postgres_cursor *self, const with_exception *exception)
{
    const with_exception *failure = NULL;
    struct with__postgres_calm calm = with__postgres_calm_begin(NULL);
    char sql[64];

    PQclear(self->cursor_.result);
    self->cursor_.result = NULL;
    if (!with__postgres_is_foreign(self->conn_) &&
        with__postgres_settle(self->conn_, exception || with_completed(self)) &&
        PQtransactionStatus(self->conn_) == PQTRANS_INTRANS) {
        snprintf(sql, sizeof sql, "CLOSE with_%u", self->name_);
        failure = with__postgres_try(self->conn_, sql, "closing a cursor");
    }
    with__postgres_calm_end(&calm);
    with__database_report(exception, failure);
    return false;
}
