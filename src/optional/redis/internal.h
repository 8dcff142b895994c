/* SPDX-License-Identifier: MIT
 *
 * Private to libwith-redis: what its files share. Commands are sent and replies received here, not by
 * hiredis, whose write may raise SIGPIPE and whose waits know no cancellation; hiredis makes the commands
 * and reads the replies. What can fail gives its exception back instead of throwing it, up to the
 * function that the user called: so nothing is lost on the way.
 */
#ifndef WITH_REDIS_INTERNAL_H
#define WITH_REDIS_INTERNAL_H

#include "../../database/internal.h"
#include <with/redis.h>

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

enum {
    WITH__CONNECT_SECONDS = 30,
    WITH__SETTLE_SECONDS = 1, /* for a reply that nobody waits for any more */
    WITH__END_SECONDS = 10,   /* for DISCARD and UNWATCH */
};

/* ---- State ----------------------------------------------------------------------------------- */

/* Makes a connection one of this process. */
void with__redis_adopt(redisContext *conn);

/* The options that the caller knows of, the others 0. ValueError if they are without their size. */
struct with_redis_options with__redis_options(const struct with_redis_options *given);

/* Makes a connection, or throws; redisFree() ends it. */
redisContext *with__redis_open(const struct with_redis_options *options);

/*
 * Sets the limit of commands, says who we are, if there is a password, and selects the database if that is
 * not 0 or with `ask`: so the server is asked something. NULL, or the exception.
 */
const with_exception *with__redis_introduce(redisContext *conn,
                                            const struct with_redis_options *options, bool ask);

/* Whether this process is another than the one that the connection belongs to. */
bool with__redis_is_foreign(const redisContext *conn);

/* Throws unless the connection can be used: of this process, not broken, and idle. */
void with__redis_need(redisContext *conn);

/* Whether hiredis has commands that were not sent, or replies that nobody has read, as far as it shows. */
bool with__redis_is_busy(const redisContext *conn);

/*
 * What stands against ending something on a connection that is not broken, before anything is sent: the
 * exception, and then the connection is broken, or NULL. what is as of with__redis_failure().
 */
const with_exception *with__redis_refuse_end(redisContext *conn, const char *what);

/* Gives the connection up; hiredis then refuses to use it. why is copied. */
void with__redis_break(redisContext *conn, int err, const char *why);

/* ---- Running --------------------------------------------------------------------------------- */

/*
 * Sends a command and receives its reply, which the caller owns. NULL, or the exception for a connection
 * that fails; a reply that is an error is a reply. After `seconds` (0: never) the connection is broken.
 * Cancellation acts while it waits, if it is enabled; then the reply is waited for a little longer,
 * so that the connection stays of use, and if `undo` is not NULL that command is run.
 */
const with_exception *with__redis_run(redisContext *conn, const struct with_redis_words_ *words,
                                      double seconds, const char *undo, redisReply **ret_reply);

/* The limit of a command on this connection: what redisSetTimeout() was given; 0: none. */
double with__redis_limit(const redisContext *conn);

/*
 * Runs a command of one word that is answered with OK, in an exit. NULL, or the exception, for an error in
 * reply as well; for the answer to another command, and then the connection is broken.
 */
const with_exception *with__redis_do(redisContext *conn, const char *word, const char *what);

/* As with__redis_run(), but an error in reply, or one out of place in a transaction, is an exception. */
const with_exception *with__redis_command(redisContext *conn, const struct with_redis_words_ *words,
                                          const char *undo, redisReply **ret_reply);

/* ---- Failures -------------------------------------------------------------------------------- */

/* The exception for an error in reply. what (such as "discarding") and command may be NULL. */
const with_exception *with__redis_failure(const redisReply *reply, const char *what,
                                          const char *command);

/* The exception for a connection that has failed. */
const with_exception *with__redis_lost(const redisContext *conn, const char *what);

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Whether a block of cm_redis_multi() of this thread that is still open holds conn. */
bool with__redis_in_block(const redisContext *conn);

#endif
