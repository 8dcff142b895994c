/* SPDX-License-Identifier: MIT
 *
 * cm_sqlite_transaction: BEGIN and COMMIT, or inside of another one a savepoint. What counts as inside
 * is a block of this thread, never SQLite's own state: else a block could commit into a transaction
 * that somebody forgot.
 */
#include "internal.h"

enum { OPEN, COMMITTED, FAILED };

static struct cm_sqlite_transaction *find_open(const sqlite3 *db);

/* ---- Statements ------------------------------------------------------------------------------ */

static const with_exception *run(sqlite3 *db, const char *sql)
{
    return with__sqlite_failure(db, sqlite3_exec(db, sql, NULL, NULL, NULL), NULL, sql);
}

/* Runs FORMAT with the number of a savepoint. */
static const with_exception *run_for(const struct cm_sqlite_transaction *self, const char *format)
{
    char sql[100];

    snprintf(sql, sizeof sql, format, self->depth_, self->depth_);
    return run(self->as, sql);
}

static const with_exception *gone(void)
{
    return with_exception_new(&with_OperationalError, SQLITE_ABORT_ROLLBACK,
                              "the transaction is over: SQLite rolled it back after an error, or a "
                              "statement ended it");
}

static const with_exception *spoiled(void)
{
    return with_exception_new(
        &with_OperationalError, SQLITE_ABORT_ROLLBACK,
        "a rollback failed before, and what it should have undone is still there");
}

static const with_exception *begin(const struct cm_sqlite_transaction *self)
{
    static const char *const sql[] = {"BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"};

    if (self->depth_ > 0) return run_for(self, "SAVEPOINT with_%d");
    return run(self->as, sql[self->mode_]);
}

static const with_exception *commit(const struct cm_sqlite_transaction *self)
{
    if (sqlite3_get_autocommit(self->as)) return gone();
    if (self->spoiled_) return spoiled();
    if (self->depth_ > 0) return run_for(self, "RELEASE with_%d");
    return run(self->as, "COMMIT");
}

/* Nobody may commit, or build on, what could not be undone. self is not found: it has ended. */
static void spoil_what_is_around(const struct cm_sqlite_transaction *self)
{
    struct cm_sqlite_transaction *outer = find_open(self->as);
    struct cm_sqlite *connection = with__sqlite_opener(self->as);

    if (outer) outer->spoiled_ = true;
    else if (connection) connection->broken_ = true;
}

/* What needs memory is tried again with what SQLite can spare: it must not be left open. */
static const with_exception *roll_back(const struct cm_sqlite_transaction *self)
{
    const with_exception *failure = NULL;

    for (int tries = 0; tries < 2; tries++) {
        with_exception_unref(failure);
        if (sqlite3_get_autocommit(self->as)) return NULL;
        if (self->depth_ > 0) failure = run_for(self, "ROLLBACK TO with_%d; RELEASE with_%d");
        else failure = run(self->as, "ROLLBACK");
        if (!with_isinstance(failure, &with_MemoryError)) break;
        sqlite3_db_release_memory(self->as);
    }
    if (failure) spoil_what_is_around(self);
    return failure;
}

/* A writing statement that is not finished is what SQLite calls busy, too. */
static void note_running(sqlite3 *db, const with_exception *failure)
{
    if ((failure->code & 0xFF) != SQLITE_BUSY) return;
    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db, s));)
        if (sqlite3_stmt_busy(s) && !sqlite3_stmt_readonly(s) && sqlite3_sql(s))
            with_add_note(failure, "not finished: %.200s", sqlite3_sql(s));
}

/* A commit that fails leaves nothing behind. */
static const with_exception *commit_or_roll_back(struct cm_sqlite_transaction *self)
{
    const with_exception *failure = commit(self);

    self->state_ = failure ? FAILED : COMMITTED;
    if (!failure) return NULL;
    note_running(self->as, failure);
    with__database_add(failure, roll_back(self));
    return failure;
}

/* ---- The block ------------------------------------------------------------------------------- */

/* Sets the depth, if the transaction can be. */
static const with_exception *look_around(struct cm_sqlite_transaction *self)
{
    const with_exception *refusal = with__sqlite_refusal(self->as);
    const struct cm_sqlite_transaction *outer = find_open(self->as);

    if (refusal) return refusal;
    self->depth_ = outer ? outer->depth_ + 1 : 0;
    if (outer || sqlite3_get_autocommit(self->as)) return NULL;
    return with_exception_new(&with_InterfaceError, SQLITE_MISUSE,
                              "a transaction is open that no block of this thread holds");
}

static void transaction_enter(struct cm_sqlite_transaction *self)
{
    const with_exception *failure;
    struct with__calm calm;

    if (!self->as) with_throw(with_ValueError, "cm_sqlite_transaction: the connection is NULL");
    if (self->mode_ < WITH_SQLITE_DEFERRED || self->mode_ > WITH_SQLITE_EXCLUSIVE)
        with_throw(with_ValueError, "cm_sqlite_transaction: there is no mode %d", (int)self->mode_);

    calm = with__calm_begin();
    self->pid_ = with__sqlite_process();
    self->state_ = OPEN;
    failure = look_around(self);
    if (!failure) failure = begin(self);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
}

static bool transaction_exit(struct cm_sqlite_transaction *self, const with_exception *exception)
{
    const with_exception *failure;
    struct with__calm calm;

    if (self->state_ != OPEN || self->pid_ != with__sqlite_process()) return false;
    calm = with__calm_begin();
    if (!exception && with_completed(self)) failure = commit_or_roll_back(self);
    else failure = roll_back(self);
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_sqlite_transaction, transaction_enter, transaction_exit);

struct cm_sqlite_transaction cm_sqlite_transaction(sqlite3 *db, enum with_sqlite_mode mode)
{
    return WITH_NEW(cm_sqlite_transaction, .as = db, .mode_ = mode);
}

/* ---- Which block ----------------------------------------------------------------------------- */

/* The next block of this thread, from a frame on, that is a transaction on db; or NULL. */
static struct cm_sqlite_transaction *find_from(struct with_frame_ *frame, const sqlite3 *db)
{
    for (; frame; frame = frame->previous) {
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (((struct with_head_ *)frame)->manager_class != &cm_sqlite_transaction_with_class_)
            continue;
        if (((struct cm_sqlite_transaction *)frame)->as == db)
            return (struct cm_sqlite_transaction *)frame;
    }
    return NULL;
}

/* The innermost one that is open, or NULL. */
static struct cm_sqlite_transaction *find_open(const sqlite3 *db)
{
    struct with_frame_ *frame = with_thread_.top;
    struct cm_sqlite_transaction *found;

    while ((found = find_from(frame, db)) && found->state_ != OPEN)
        frame = found->with_.head.frame.previous;
    return found;
}

static const with_exception *of_other_process(int pid)
{
    return with_exception_new(&with_RuntimeError, 0,
                              "the connection is of process %d, and must not be used in this one",
                              pid);
}

const with_exception *with__sqlite_refusal(sqlite3 *db)
{
    const struct cm_sqlite_transaction *transaction = find_open(db);
    const struct cm_sqlite *connection = with__sqlite_opener(db);
    const int pid = connection ? connection->pid_ : transaction ? transaction->pid_ : 0;

    if (pid && pid != with__sqlite_process()) return of_other_process(pid);
    if (connection && connection->broken_) return spoiled();
    if (!transaction) return NULL;
    if (transaction->spoiled_) return spoiled();
    return sqlite3_get_autocommit(db) ? gone() : NULL;
}

void with_sqlite_commit(sqlite3 *db)
{
    struct cm_sqlite_transaction *self = find_from(with_thread_.top, db);
    const with_exception *failure;
    struct with__calm calm;

    if (!self)
        with_throw(with_ValueError,
                   "with_sqlite_commit: no block of this thread holds a transaction on it");
    if (self->pid_ != with__sqlite_process()) with_throw_again(of_other_process(self->pid_));
    if (self->state_ == COMMITTED)
        with_throw(with_RuntimeError, "with_sqlite_commit: committed already");
    if (self->state_ == FAILED)
        with_throw(with_RuntimeError, "with_sqlite_commit: its commit failed before");

    calm = with__calm_begin();
    failure = commit_or_roll_back(self);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
}
