/* SPDX-License-Identifier: MIT
 *
 * cm_mysql_transaction: a transaction, or in one a savepoint. MariaDB answers COMMIT with success whether
 * there is a transaction or not, so what tells is the status that comes with its answers.
 */
#include "internal.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { OPEN, FAILED, COMMITTED };

static bool in_transaction(const MYSQL *conn)
{
    return (conn->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

static struct cm_mysql_transaction *find_block(const MYSQL *conn, bool open);

bool with__mysql_in_block(const MYSQL *conn)
{
    return find_block(conn, true) != NULL;
}

/* ---- Enter ----------------------------------------------------------------------------------- */

static const char *const isolations[] = {
    [WITH_MYSQL_DEFAULT_ISOLATION] = "",
    [WITH_MYSQL_READ_UNCOMMITTED] = "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    [WITH_MYSQL_READ_COMMITTED] = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    [WITH_MYSQL_REPEATABLE_READ] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    [WITH_MYSQL_SERIALIZABLE] = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
};

/* On the stack while a transaction begins: what must happen if it fails or is cancelled half-way. */
struct beginning {
    MYSQL *conn;
    const char *undo;
};

static void end_beginning(struct beginning *self)
{
    struct with__calm calm = with__calm_begin();

    if (self->undo && !with_mysql_is_broken(self->conn))
        with_exception_unref(with__mysql_do(self->conn, self->undo, NULL, WITH__ROLLBACK_SECONDS));
    with__calm_end(calm);
}

/* The isolation is that of the next transaction; a ROLLBACK takes it back. */
static const with_exception *begin(const struct with_mysql_transaction_options *options)
{
    struct beginning beginning
        __attribute__((cleanup(end_beginning))) = {options->conn, "ROLLBACK"};
    const char *isolation = isolations[options->isolation];
    const with_exception *failure = NULL;
    char sql[128];

    snprintf(sql, sizeof sql, "START TRANSACTION%s%s%s",
             options->consistent_snapshot ? " WITH CONSISTENT SNAPSHOT" : "",
             options->consistent_snapshot && options->read_only ? "," : "",
             options->read_only ? " READ ONLY" : "");
    if (*isolation) failure = with__mysql_do(options->conn, isolation, NULL, 0);
    if (!failure) failure = with__mysql_do(options->conn, sql, NULL, 0);
    if (!failure) beginning.undo = NULL;
    return failure;
}

/* A savepoint that is left behind by a cancellation is in nobody's way. */
static const with_exception *begin_savepoint(struct cm_mysql_transaction *self)
{
    static atomic_uint counter;
    char sql[64];

    do self->savepoint_ = ++counter;
    while (!self->savepoint_);
    snprintf(sql, sizeof sql, "SAVEPOINT with_%u", self->savepoint_);
    return with__mysql_do(self->as, sql, NULL, 0);
}

static void transaction_enter(struct cm_mysql_transaction *self)
{
    const struct with_mysql_transaction_options *options = &self->options_;
    const with_exception *failure;
    bool nested;

    if ((unsigned)options->isolation >= sizeof isolations / sizeof *isolations)
        throw(ValueError, "cm_mysql_transaction: there is no isolation %d",
              (int)options->isolation);
    with__mysql_need(options->conn);
    self->as = options->conn;
    nested = with__mysql_in_block(self->as);
    if (nested && (options->isolation || options->read_only || options->consistent_snapshot))
        throw(ValueError,
              "cm_mysql_transaction: inside a transaction it is a savepoint, and has no "
              "isolation, read_only or consistent_snapshot of its own");
    if (!nested && in_transaction(self->as))
        throw(InterfaceError,
              "cm_mysql_transaction: a transaction is open that no block of this thread holds");
    failure = nested ? begin_savepoint(self) : begin(options);
    if (failure) with_throw_again(failure);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

/* Whether the connection is in the middle of something that no block of ours will end. */
static bool is_busy(MYSQL *conn)
{
    return conn->status != MYSQL_STATUS_READY || mysql_more_results(conn);
}

static const with_exception *busy(const char *what)
{
    return with_exception_new(&InterfaceError, CR_COMMANDS_OUT_OF_SYNC,
                              "%s: the connection is still busy with an earlier statement", what);
}

static const with_exception *roll_back_with(const struct cm_mysql_transaction *self)
{
    const with_exception *failure;
    char sql[64];

    if (!self->savepoint_)
        return with__mysql_do(self->as, "ROLLBACK", "rolling back", WITH__ROLLBACK_SECONDS);
    snprintf(sql, sizeof sql, "ROLLBACK TO SAVEPOINT with_%u", self->savepoint_);
    failure = with__mysql_do(self->as, sql, "rolling back", WITH__ROLLBACK_SECONDS);
    if (failure) return failure;
    snprintf(sql, sizeof sql, "RELEASE SAVEPOINT with_%u", self->savepoint_);
    return with__mysql_do(self->as, sql, "rolling back", WITH__ROLLBACK_SECONDS);
}

/* NULL, or the exception for a rollback that failed; then the connection is broken. */
static const with_exception *roll_back(const struct cm_mysql_transaction *self)
{
    const with_exception *failure;

    if (with_mysql_is_broken(self->as)) return NULL; /* its end has rolled back */
    if (is_busy(self->as)) failure = busy("rolling back");
    else {
        if (mysql_errno(self->as)) with__mysql_refresh(self->as);
        if (!in_transaction(self->as)) return NULL; /* ended in the block */
        failure = roll_back_with(self);
    }
    if (failure) with__mysql_break(self->as, WITH__MYSQL_NOT_ROLLED_BACK);
    return failure;
}

/* The answer to COMMIT is missing: whether it was done, nobody here can know. Takes lost. */
static const with_exception *unknown(const with_exception *lost)
{
    const with_exception *failure = with_exception_new(
        &TransactionResolutionUnknown, lost->code,
        "the connection was lost during COMMIT: the transaction may have been stored or not (%s)",
        lost->message);

    with_exception_unref(lost);
    return failure;
}

static const with_exception *send_commit(const struct cm_mysql_transaction *self)
{
    const with_exception *failure;
    char sql[64] = "COMMIT";

    if (self->savepoint_) snprintf(sql, sizeof sql, "RELEASE SAVEPOINT with_%u", self->savepoint_);
    failure = with__mysql_do(self->as, sql, "committing", 0);
    if (!self->savepoint_ && with_isinstance(failure, &ConnectionFailure)) return unknown(failure);
    return failure;
}

static const with_exception *lost_before(void)
{
    return with_exception_new(&ConnectionFailure, CR_SERVER_LOST,
                              "committing: the connection was lost before: nothing is stored");
}

/*
 * Whether the server has ended the session, as far as is known here. One that is asked nothing says
 * nothing: what it has sent is its last word (MariaDB's packet for a KILL, or the end of TLS).
 */
static bool has_hung_up(MYSQL *conn)
{
    char byte;
    const ssize_t n = recv((int)mysql_get_socket(conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* NULL, or the exception for a commit that failed; then nothing of it is left open. */
static const with_exception *commit(struct cm_mysql_transaction *self)
{
    const with_exception *failure, *second;

    self->state_ = FAILED;
    if (!with_mysql_is_broken(self->as) && !is_busy(self->as) && mysql_errno(self->as))
        with__mysql_refresh(self->as);
    if (with_mysql_is_broken(self->as)) return lost_before();
    if (is_busy(self->as)) {
        with_exception_unref(roll_back(self));
        return busy("committing");
    }
    if (!in_transaction(self->as))
        return with_exception_new(&InternalError, 0,
                                  "committing: the transaction was ended in its block: by a "
                                  "statement that commits, or by a failure that rolls back");
    if (!self->savepoint_ && has_hung_up(self->as)) {
        with__mysql_break(self->as, WITH__MYSQL_LOST);
        return lost_before();
    }
    failure = send_commit(self);
    if (!failure) {
        self->state_ = COMMITTED;
        return NULL;
    }
    second = roll_back(self);
    with__database_add(failure, second);
    return failure;
}

static bool transaction_exit(struct cm_mysql_transaction *self, const with_exception *exception)
{
    struct with__calm calm;
    const with_exception *failure = NULL;

    if (self->state_ != OPEN || with__mysql_is_foreign(self->as)) return false;
    calm = with__calm_begin();
    if (with_completed(self) && !exception) failure = commit(self);
    else failure = roll_back(self);
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_mysql_transaction, transaction_enter, transaction_exit);

struct cm_mysql_transaction
cm_mysql_transaction_(const struct with_mysql_transaction_options *options)
{
    return WITH_NEW(cm_mysql_transaction, .options_ = *options);
}

/* ---- Commit ---------------------------------------------------------------------------------- */

/* The innermost block of this thread that holds conn, of those that are open or of all; or NULL. */
static struct cm_mysql_transaction *find_block(const MYSQL *conn, bool open)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        struct cm_mysql_transaction *block = (struct cm_mysql_transaction *)frame;
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (block->with_.head.manager_class != &cm_mysql_transaction_with_class_) continue;
        if (block->as == conn && (!open || block->state_ == OPEN)) return block;
    }
    return NULL;
}

void with_mysql_commit(MYSQL *conn)
{
    struct cm_mysql_transaction *self = find_block(conn, false);
    const with_exception *failure;
    struct with__calm calm;

    if (!self)
        throw(ValueError, "with_mysql_commit: no block of this thread holds this connection by "
                          "cm_mysql_transaction");
    if (with__mysql_is_foreign(conn))
        throw(RuntimeError, "with_mysql_commit: the transaction was entered by another process");
    if (self->state_ == COMMITTED) throw(RuntimeError, "with_mysql_commit: committed already");
    if (self->state_ == FAILED) throw(RuntimeError, "with_mysql_commit: its commit failed before");
    calm = with__calm_begin();
    failure = commit(self);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
}
