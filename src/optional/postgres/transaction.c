/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_transaction: a transaction, or in one a savepoint. What decides is what the server says that
 * it has done: a COMMIT may be answered with ROLLBACK.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN, FAILED, COMMITTED };

void *with__postgres_find(const char *class_name, const PGconn *conn)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        const struct with__postgres_block *block = (struct with__postgres_block *)frame;
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (strcmp(block->with_.head.manager_class->name, class_name) != 0) continue;
        if (block->as == conn) return frame;
    }
    return NULL;
}

/* ---- Enter ----------------------------------------------------------------------------------- */

static const char *const isolations[] = {
    [WITH_POSTGRES_DEFAULT_ISOLATION] = "",
    [WITH_POSTGRES_READ_COMMITTED] = " ISOLATION LEVEL READ COMMITTED",
    [WITH_POSTGRES_REPEATABLE_READ] = " ISOLATION LEVEL REPEATABLE READ",
    [WITH_POSTGRES_SERIALIZABLE] = " ISOLATION LEVEL SERIALIZABLE",
};

static void begin(struct cm_postgres_transaction *self)
{
    const struct with_postgres_transaction_options *options = &self->options_;
    char sql[128];

    snprintf(sql, sizeof sql, "BEGIN%s%s%s", isolations[options->isolation],
             options->read_only ? " READ ONLY" : "", options->deferrable ? " DEFERRABLE" : "");
    self->savepoint_ = 0;
    PQclear(with__postgres_demand_text(self->as, sql, "ROLLBACK"));
}

static void begin_savepoint(struct cm_postgres_transaction *self, struct with__postgres *state)
{
    const struct with_postgres_transaction_options *options = &self->options_;
    char sql[64];

    if (options->isolation || options->read_only || options->deferrable)
        throw(ValueError,
              "cm_postgres_transaction: inside a transaction it is a savepoint, and has "
              "no isolation, read_only or deferrable of its own");
    self->savepoint_ = ++state->names;
    snprintf(sql, sizeof sql, "SAVEPOINT with_%u", self->savepoint_);
    PQclear(with__postgres_demand_text(self->as, sql, NULL));
}

void with_postgres_transaction_enter_(struct cm_postgres_transaction *self)
{
    const enum with_postgres_isolation isolation = self->options_.isolation;
    struct with__postgres *state = with__postgres_need(self->options_.conn);

    if ((unsigned)isolation >= sizeof isolations / sizeof *isolations)
        throw(ValueError, "cm_postgres_transaction: there is no isolation %d", (int)isolation);
    self->as = self->options_.conn;
    if (!state->transactions && PQtransactionStatus(self->as) != PQTRANS_IDLE)
        throw(InterfaceError, "cm_postgres_transaction: a transaction is open that no block holds");
    if (!state->transactions) begin(self);
    else begin_savepoint(self, state);
    self->state_ = OPEN;
    state->transactions++;
}

/* ---- Ending ---------------------------------------------------------------------------------- */

/* NULL, or the exception for a rollback that failed; then the connection is broken. */
static const with_exception *roll_back(const struct cm_postgres_transaction *self, bool certain)
{
    const with_exception *failure;
    char sql[128] = "ROLLBACK";

    if (with_postgres_is_broken(self->as)) return NULL; /* its end has rolled back */
    if (!with__postgres_settle(self->as, certain))
        return certain ? with__postgres_failure(self->as, NULL, "rolling back", NULL) : NULL;
    if (PQtransactionStatus(self->as) == PQTRANS_IDLE) return NULL; /* ended by the block */
    if (self->savepoint_)
        snprintf(sql, sizeof sql, "ROLLBACK TO SAVEPOINT with_%u; RELEASE SAVEPOINT with_%u",
                 self->savepoint_, self->savepoint_);
    failure = with__postgres_try(self->as, sql, "rolling back");
    if (failure) with__postgres_break(self->as, "a rollback on it failed");
    return failure;
}

/* What stands against a commit before anything is sent: then it is certain that nothing is stored. */
static const with_exception *refusal(const struct cm_postgres_transaction *self)
{
    PGconn *conn = self->as;

    if (!with__postgres_look(conn))
        return with__postgres_failure(conn, NULL, "not committed", NULL);
    switch (PQtransactionStatus(conn)) {
    case PQTRANS_IDLE:
        return with_exception_new(&InternalError, with_sqlstate_pack("25P01"),
                                  "not committed: the transaction was ended in its block");
    case PQTRANS_ACTIVE:
        return with_exception_new(&InterfaceError, 0,
                                  "not committed: a statement of the block is still running");
    default: return NULL;
    }
}

/* The answer to COMMIT is missing: whether it was done, nobody here can know. */
static const with_exception *unknown(const struct cm_postgres_transaction *self, PGresult *result)
{
    const with_exception *lost = with__postgres_failure(self->as, result, NULL, NULL);
    const with_exception *failure = with_exception_new(
        &TransactionResolutionUnknown, with_sqlstate_pack("08007"),
        "the answer to COMMIT was lost: the transaction may be stored or not (%s)", lost->message);

    with_exception_unref(lost);
    return failure;
}

static PGresult *send_commit(const struct cm_postgres_transaction *self)
{
    char sql[64] = "COMMIT";

    if (self->savepoint_) snprintf(sql, sizeof sql, "RELEASE SAVEPOINT with_%u", self->savepoint_);
    return with__postgres_run(self->as, &(struct with__postgres_call){
                                            .text = sql,
                                            .deadline = with__postgres_answer_deadline(self->as),
                                            .first_decides = true,
                                        });
}

/* Whether it is certain that nothing was committed: the server said so, or was not even asked. */
static bool is_certain(const struct cm_postgres_transaction *self, const PGresult *answer)
{
    if (self->savepoint_) return true; /* the transaction around it decides */
    if (with_postgres_is_broken(self->as)) return false;
    return PQresultErrorField(answer, PG_DIAG_SQLSTATE) ||
           PQtransactionStatus(self->as) != PQTRANS_IDLE;
}

/* What the answer means: NULL, or the exception for a commit that was not done. Takes the answer. */
static const with_exception *judge(const struct cm_postgres_transaction *self, PGresult *answer)
{
    bool done;

    if (!with__postgres_succeeded(answer))
        return is_certain(self, answer)
                   ? with__postgres_failure(self->as, answer, "not committed", NULL)
                   : unknown(self, answer);
    done = strcmp(PQcmdStatus(answer), "ROLLBACK") != 0;
    PQclear(answer);
    if (done) return NULL;
    return with_exception_new(
        &InternalError, with_sqlstate_pack("25P02"),
        "not committed: an earlier statement of the transaction failed, so it is rolled back");
}

/* Statements may follow that are not the block's any more. */
static void end(struct cm_postgres_transaction *self, int state)
{
    self->state_ = state;
    with__postgres_state(self->as)->transactions--;
}

/* NULL, or the exception for a commit that failed; then nothing of it is left open. */
static const with_exception *commit(struct cm_postgres_transaction *self)
{
    const with_exception *failure = refusal(self), *second;

    if (!failure) failure = judge(self, send_commit(self));
    end(self, failure ? FAILED : COMMITTED);
    if (failure && (second = roll_back(self, true))) with__database_report(failure, second);
    return failure;
}

bool with_postgres_transaction_exit_(struct cm_postgres_transaction *self,
                                     const with_exception *exception)
{
    const bool certain = exception || with_completed(self);
    const with_exception *failure = NULL;
    struct with__postgres_calm calm;

    if (with__postgres_is_foreign(self->as)) return false;
    calm = with__postgres_calm_begin(NULL);
    if (self->state_ != OPEN) with__postgres_settle(self->as, certain);
    else if (!exception && with_completed(self)) failure = commit(self);
    else {
        end(self, FAILED);
        failure = roll_back(self, certain);
    }
    with__postgres_calm_end(&calm);
    with__database_report(exception, failure);
    return false;
}

void with_postgres_commit(PGconn *conn)
{
    struct cm_postgres_transaction *self = with__postgres_find("cm_postgres_transaction", conn);
    const with_exception *failure;
    struct with__postgres_calm calm;

    if (!self)
        throw(ValueError, "with_postgres_commit: no block of this thread holds this connection by "
                          "cm_postgres_transaction");
    if (with__postgres_is_foreign(conn))
        throw(RuntimeError, "with_postgres_commit: the transaction belongs to another process");
    if (self->state_ == COMMITTED) throw(RuntimeError, "the transaction is committed already");
    if (self->state_ == FAILED) throw(RuntimeError, "the transaction's commit failed before");

    calm = with__postgres_calm_begin(NULL);
    failure = commit(self);
    with__postgres_calm_end(&calm);
    if (failure) with_throw_again(failure);
}
