/* SPDX-License-Identifier: MIT
 *
 * Replies: cm_redis_reply, cm_redis_taken, with_redis_execute, and WATCH.
 */
#include "internal.h"

#include <string.h>

/* The name of a command, for a note. */
static const char *name_of(const struct with_redis_words_ *words)
{
    return words->list[0].kind_ == WITH_REDIS_TEXT_ ? words->list[0].as_.data : NULL;
}

/* In a block of cm_redis_multi() a command that was not queued has been done at once. */
static bool is_out_of_place(const redisContext *conn, const redisReply *reply)
{
    return with__redis_in_block(conn) &&
           (reply->type != REDIS_REPLY_STATUS || strcmp(reply->str, "QUEUED") != 0);
}

const with_exception *with__redis_command(redisContext *conn, const struct with_redis_words_ *words,
                                          const char *undo, redisReply **ret_reply)
{
    const with_exception *failure;
    redisReply *reply = NULL;

    failure = with__redis_run(conn, words, with__redis_limit(conn), undo, &reply);
    if (failure) return failure;
    if (reply->type == REDIS_REPLY_ERROR)
        failure = with__redis_failure(reply, NULL, name_of(words));
    else if (is_out_of_place(conn, reply))
        failure = with_exception_new(&InternalError, 0,
                                     "the transaction was ended in its block: %s was done at once",
                                     name_of(words) ? name_of(words) : "a command");
    if (failure) freeReplyObject(reply);
    else *ret_reply = reply;
    return failure;
}

/* ---- Commands -------------------------------------------------------------------------------- */

long long with_redis_execute_(redisContext *conn, const struct with_redis_words_ *words)
{
    const with_exception *failure;
    redisReply *reply = NULL;
    long long integer;

    with__redis_need(conn);
    failure = with__redis_command(conn, words, NULL, &reply);
    if (failure) with_throw_again(failure);
    integer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);
    return integer;
}

static void reply_enter(struct cm_redis_reply *self)
{
    const with_exception *failure;

    with__redis_need(self->conn_);
    failure = with__redis_command(self->conn_, &self->words_, NULL, &self->as);
    if (failure) with_throw_again(failure);
}

static bool reply_exit(struct cm_redis_reply *self, const with_exception *exception)
{
    (void)exception;
    freeReplyObject(self->as);
    return false;
}

WITH_CLASS(cm_redis_reply, reply_enter, reply_exit);

struct cm_redis_reply cm_redis_reply_(redisContext *conn, const struct with_redis_words_ *words)
{
    return WITH_NEW(cm_redis_reply, .conn_ = conn, .words_ = *words);
}

static void taken_enter(struct cm_redis_taken *self)
{
    const with_exception *failure = NULL;

    if (!self->conn_) throw(ValueError, "cm_redis_taken: the connection is NULL");
    if (!self->as) failure = with__redis_lost(self->conn_, NULL);
    else if (self->as->type == REDIS_REPLY_ERROR) {
        failure = with__redis_failure(self->as, NULL, NULL);
        freeReplyObject(self->as);
    }
    if (failure) with_throw_again(failure);
}

static bool taken_exit(struct cm_redis_taken *self, const with_exception *exception)
{
    (void)exception;
    freeReplyObject(self->as);
    return false;
}

WITH_CLASS(cm_redis_taken, taken_enter, taken_exit);

struct cm_redis_taken cm_redis_taken(redisContext *conn, void *reply)
{
    return WITH_NEW(cm_redis_taken, .conn_ = conn, .as = reply);
}

/* ---- WATCH ----------------------------------------------------------------------------------- */

static void watch_enter(struct cm_redis_watch *self)
{
    const with_exception *failure;
    redisReply *reply = NULL;

    with__redis_need(self->as);
    failure = with__redis_command(self->as, &self->keys_, "UNWATCH", &reply);
    if (failure) with_throw_again(failure);
    freeReplyObject(reply);
}

static bool watch_exit(struct cm_redis_watch *self, const with_exception *exception)
{
    struct with__calm calm;
    const with_exception *failure;

    if (with__redis_is_foreign(self->as) || self->as->err) return false;
    calm = with__calm_begin();
    failure = with__redis_refuse_end(self->as, "unwatching");
    if (!failure) failure = with__redis_do(self->as, "UNWATCH", "unwatching");
    with__calm_end(calm);
    with__database_report(exception, failure);
    return false;
}

WITH_CLASS(cm_redis_watch, watch_enter, watch_exit);

struct cm_redis_watch cm_redis_watch_(redisContext *conn, const struct with_redis_words_ *keys)
{
    return WITH_NEW(cm_redis_watch, .as = conn, .keys_ = *keys);
}
