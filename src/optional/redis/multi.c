/* SPDX-License-Identifier: MIT
 *
 * cm_redis_multi: commands that are done together, or not at all. Redis itself does not take back what
 * fails in EXEC, so that is thrown.
 */
#include "internal.h"

#include <string.h>

enum { OPEN, FAILED, COMMITTED };

static struct cm_redis_multi *find_block(const redisContext *conn, bool open);

bool with__redis_in_block(const redisContext *conn)
{
    return find_block(conn, true) != NULL;
}

/* ---- Enter ----------------------------------------------------------------------------------- */

static void multi_enter(struct cm_redis_multi *self)
{
    const struct with_redis_words_ words = {{{.kind_ = WITH_REDIS_TEXT_, .as_.data = "MULTI"}}};
    const with_exception *failure;
    redisReply *reply = NULL;

    with__redis_need(self->as);
    if (with__redis_in_block(self->as))
        throw(NotSupportedError, "cm_redis_multi: transactions of Redis do not nest");
    failure = with__redis_command(self->as, &words, "DISCARD", &reply);
    if (failure) with_throw_again(failure);
    freeReplyObject(reply);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

/* NULL, or the exception for a DISCARD that failed; then the connection is broken. */
static const with_exception *discard(redisContext *conn)
{
    const with_exception *failure;

    if (conn->err) return NULL; /* its end has discarded */
    failure = with__redis_refuse_end(conn, "discarding");
    if (!failure) failure = with__redis_do(conn, "DISCARD", "discarding");
    if (!failure) return NULL;
    if (with_isinstance(failure, &InternalError)) { /* without MULTI: ended in the block */
        with_exception_unref(failure);
        return NULL;
    }
    with__redis_break(conn, REDIS_ERR_OTHER, "a DISCARD on it failed");
    return failure;
}

/*
 * The answer to EXEC is missing: whether it was done, nobody here can know. Takes lost, and breaks the
 * connection if it is not.
 */
static const with_exception *unknown(redisContext *conn, const with_exception *lost)
{
    const with_exception *failure = with_exception_new(
        &TransactionResolutionUnknown, 0,
        "the connection was lost during EXEC: the transaction may have been done or not (%s)",
        lost->message);

    with_exception_unref(lost);
    with__redis_break(conn, REDIS_ERR_OTHER, "the answer to an EXEC on it is missing");
    return failure;
}

/* NULL, or the exception for the first command that failed, with the others as notes. */
static const with_exception *failure_in(const redisReply *replies)
{
    const with_exception *failure = NULL;
    char what[64];

    for (size_t i = 0; i < replies->elements; i++) {
        const redisReply *reply = replies->element[i];
        if (reply->type != REDIS_REPLY_ERROR) continue;
        snprintf(what, sizeof what, "command %zu of the transaction", i + 1);
        if (!failure) failure = with__redis_failure(reply, what, NULL);
        else with_add_note(failure, "%s: %s", what, reply->str);
    }
    if (failure) with_add_note(failure, "the other commands of the transaction were done");
    return failure;
}

static const with_exception *failure_of(redisContext *conn, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return with_exception_new(&SerializationFailure, 0,
                                  "EXEC: a watched key has changed: nothing is done");
    if (reply->type == REDIS_REPLY_ARRAY) return failure_in(reply);
    if (reply->type != REDIS_REPLY_ERROR)
        return unknown(conn, with_exception_new(&InterfaceError, 0,
                                                "its reply was one to an earlier command"));
    if (strncmp(reply->str, "ERR EXEC without MULTI", 22) == 0)
        return with_exception_new(&InternalError, 0,
                                  "EXEC: the transaction was ended in its block");
    return with__redis_failure(reply, "EXEC", NULL);
}

/* Before EXEC is sent: the exception for which it is not, and nothing is done, or NULL. */
static const with_exception *refusal(redisContext *conn)
{
    const with_exception *failure = NULL;

    if (!conn->err) failure = with__redis_refuse_end(conn, "EXEC: nothing is done");
    if (!conn->err || with_isinstance(failure, &InterfaceError)) return failure;
    with_exception_unref(failure);
    return with_exception_new(&ConnectionFailure, 0,
                              "EXEC: the connection was lost before: nothing is done");
}

/* NULL, or the exception; then nothing of the transaction is left open. */
static const with_exception *commit(struct cm_redis_multi *self, redisReply **ret_replies)
{
    const struct with_redis_words_ words = {{{.kind_ = WITH_REDIS_TEXT_, .as_.data = "EXEC"}}};
    redisContext *conn = self->as;
    const with_exception *failure = refusal(conn);
    redisReply *reply = NULL;

    self->state_ = FAILED;
    if (failure) return failure;
    failure = with__redis_run(conn, &words, with__redis_limit(conn), NULL, &reply);
    if (failure && conn->err) return unknown(conn, failure);
    if (failure) { /* it could not be made, for want of memory */
        with__redis_break(conn, REDIS_ERR_OTHER, "an EXEC on it failed");
        return failure;
    }
    failure = failure_of(conn, reply);
    if (!failure) {
        self->state_ = COMMITTED;
        *ret_replies = reply;
        return NULL;
    }
    freeReplyObject(reply);
    return failure;
}

static bool multi_exit(struct cm_redis_multi *self, const with_exception *exception)
{
    const with_exception *failure = NULL;
    struct with__calm calm;
    redisReply *replies = NULL;

    if (self->state_ != OPEN || with__redis_is_foreign(self->as)) return false;
    calm = with__calm_begin();
    if (with_completed(self) && !exception) failure = commit(self, &replies);
    else failure = discard(self->as);
    if (replies) freeReplyObject(replies);
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_redis_multi, multi_enter, multi_exit);

struct cm_redis_multi cm_redis_multi(redisContext *conn)
{
    return WITH_NEW(cm_redis_multi, .as = conn);
}

/* ---- Commit ---------------------------------------------------------------------------------- */

/* The innermost block of this thread that holds conn, of those that are open or of all; or NULL. */
static struct cm_redis_multi *find_block(const redisContext *conn, bool open)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        struct cm_redis_multi *block = (struct cm_redis_multi *)frame;
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (block->with_.head.manager_class != &cm_redis_multi_with_class_) continue;
        if (block->as == conn && (!open || block->state_ == OPEN)) return block;
    }
    return NULL;
}

static redisReply *commit_block(redisContext *conn)
{
    struct cm_redis_multi *self = find_block(conn, false);
    const with_exception *failure;
    struct with__calm calm;
    redisReply *replies = NULL;

    if (!self)
        throw(ValueError, "with_redis_commit: no block of this thread holds this connection by "
                          "cm_redis_multi");
    if (with__redis_is_foreign(conn))
        throw(RuntimeError, "with_redis_commit: the transaction was entered by another process");
    if (self->state_ == COMMITTED) throw(RuntimeError, "with_redis_commit: committed already");
    if (self->state_ == FAILED) throw(RuntimeError, "with_redis_commit: its EXEC failed before");
    calm = with__calm_begin();
    failure = commit(self, &replies);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
    return replies;
}

void with_redis_commit(redisContext *conn)
{
    freeReplyObject(commit_block(conn));
}

static void exec_enter(struct cm_redis_exec *self)
{
    self->as = commit_block(self->conn_);
}

static bool exec_exit(struct cm_redis_exec *self, const with_exception *exception)
{
    (void)exception;
    freeReplyObject(self->as);
    return false;
}

WITH_CLASS(cm_redis_exec, exec_enter, exec_exit);

struct cm_redis_exec cm_redis_exec(redisContext *conn)
{
    return WITH_NEW(cm_redis_exec, .conn_ = conn);
}
