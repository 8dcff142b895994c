/* SPDX-License-Identifier: MIT
 *
 * Private to libwith-postgres: what its files share. Two rules hold everywhere. libpq is called with
 * cancellation disabled, and waits are our own, where cancellation may act: so a thread is never
 * cancelled in the middle of libpq. And the connection does not block while a function of ours runs.
 */
#ifndef WITH_POSTGRES_INTERNAL_H
#define WITH_POSTGRES_INTERNAL_H

#include "../../database/internal.h"
#include <with/postgres.h>

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

#ifdef LIBPQ_HAS_PIPELINING
#define WITH__IN_PIPELINE(CONN) (PQpipelineStatus(CONN) != PQ_PIPELINE_OFF)
#else
#define WITH__IN_PIPELINE(CONN) false
#endif

enum {
    WITH__CONNECT_SECONDS = 30,
    WITH__SETTLE_SECONDS = 10, /* for stopping what runs, and for a rollback */
};

/* ---- State ----------------------------------------------------------------------------------- */

/* What we know of a connection that libpq does not. It is kept in the connection, and goes with it. */
struct with__postgres {
    pid_t owner; /* the process whose connection it is */
    bool broken;
    bool dirty; /* a statement may have changed the session's state */
    bool discard_always;
    const char *why;             /* it is broken, static; NULL: libpq says why */
    double answer_seconds;       /* 0: waits for ever */
    unsigned names;              /* the last number that a savepoint or cursor got */
    unsigned transactions;       /* blocks of a transaction or savepoint that are open */
    PGconn *conn;                /* if it was abandoned, */
    struct with__postgres *next; /* and the one that was before */
};

/* The state of a connection, made if there is none; NULL without memory. */
struct with__postgres *with__postgres_state(PGconn *conn);

/* Whether this process is another than the one that the connection belongs to. */
bool with__postgres_is_foreign(PGconn *conn);

/*
 * Throws unless the connection can be used: of this process, not broken, and idle; and in a transaction still, if
 * blocks hold one.
 */
struct with__postgres *with__postgres_need(PGconn *conn);

/* Gives the connection up: the server is told nothing more, and rolls back when it sees that. */
void with__postgres_break(PGconn *conn, const char *why);

/* The options that the caller knows of, the others 0. ValueError if they are without their size. */
struct with_postgres_options with__postgres_options(const struct with_postgres_options *given);

/* Sets what the options say of a connection on this side, and takes back what a holder has set; no trip. */
bool with__postgres_set_up(PGconn *conn, const struct with_postgres_options *options);

/* A new connection. Throws; cancellation acts while it waits, and leaves nothing. */
PGconn *with__postgres_connect(const struct with_postgres_options *options);

/* Closes the descriptor in a child of fork(), without a look at anything else. */
void with__postgres_abandon(PGconn *conn);

/* Closes a connection, from another process without a word to the server. NULL is allowed. */
void with__postgres_close(PGconn *conn);

/* ---- Waiting --------------------------------------------------------------------------------- */

/* A moment of the monotonic clock, in ms; never: WITH__NEVER. */
typedef long long with__moment;
#define WITH__NEVER (-1)

/* The moment in so many seconds; 0 seconds: never. */
with__moment with__postgres_in(double seconds);

/* The moment for the answer to a statement of a block, as the options say. */
with__moment with__postgres_answer_deadline(PGconn *conn);

with__moment with__postgres_now(void);

/* The moment for what an exit waits for: the same, if it is sooner than WITH__SETTLE_SECONDS. */
with__moment with__postgres_exit_deadline(PGconn *conn);

/* What a stretch of code around libpq gives back at its end. */
struct with__postgres_calm {
    PGconn *conn; /* NULL: cancellation and errno alone */
    int error, cancel;
    bool blocking;
};

struct with__postgres_calm with__postgres_calm_begin(PGconn *conn);
void with__postgres_calm_end(struct with__postgres_calm *calm);

/*
 * Waits until the socket is ready for events, as poll() names them; false at the deadline or without
 * a socket. Cancellation acts in it if `cancel` is PTHREAD_CANCEL_ENABLE; it was disabled before.
 */
bool with__postgres_wait(PGconn *conn, short events, with__moment deadline, int cancel);
bool with__postgres_wait_on(int fd, short events, with__moment deadline, int cancel);

/* Sends what is to be sent and waits for a result; false at the deadline. */
bool with__postgres_await(PGconn *conn, with__moment deadline, int cancel);

/*
 * Looks whether the server has said something unasked, such as that it ends the session; false if the
 * connection is of no more use. It sends nothing and does not wait.
 */
bool with__postgres_look(PGconn *conn);

/*
 * Stops what runs on the connection and reads it to its end, or breaks the connection; whether it can
 * be used. Uncancelled. Not `certain` is what runs if the thread may have been cancelled in the middle
 * of libpq: a send() that was done may look as if it was not (glibc bug 12683), and to go on would be to
 * run a statement twice. So that is stopped, and the connection broken, and so is one that libpq calls
 * idle while it has something to send.
 */
bool with__postgres_settle(PGconn *conn, bool certain);

/* The same, but for what libpq calls idle: that it takes some microseconds to doubt. */
bool with__postgres_stop(PGconn *conn, bool certain);

/* ---- Running --------------------------------------------------------------------------------- */

/* One exchange with the server. What is not given is 0; with nothing to send it only reads. */
struct with__postgres_call {
    const struct with_postgres_statement_ *statement; /* one, with parameters */
    const char *text;                                 /* or some, without */
    with__moment deadline;
    const char *undo;   /* if it is cancelled: to be run where a transaction is open then */
    bool first_decides; /* for COMMIT: what the server has answered stays, whatever comes then */
};

/*
 * Does it and gives the first result that is a failure, else the last; NULL if none came. Cancellation
 * acts while it waits, if it is enabled: then what has been sent is stopped. At the deadline the
 * connection is broken.
 */
PGresult *with__postgres_run(PGconn *conn, const struct with__postgres_call *call);

/* Runs a statement for the body of a block: throws what is no success. It may be a COPY that begins. */
PGresult *with__postgres_demand(PGconn *conn, const struct with_postgres_statement_ *statement);

/* The same of text. */
PGresult *with__postgres_demand_text(PGconn *conn, const char *text, const char *undo);

/* Runs text in an exit. NULL, or the exception for its failure. */
const with_exception *with__postgres_try(PGconn *conn, const char *text, const char *what);

/* ---- Failures -------------------------------------------------------------------------------- */

/* Whether the result is a success of a statement that is at its end. */
bool with__postgres_succeeded(const PGresult *result);

/*
 * The exception for a result that is none, or of a failure; takes the result. what (such as
 * "rolling back") and sql may be NULL.
 */
const with_exception *with__postgres_failure(PGconn *conn, PGresult *result, const char *what,
                                             const char *sql);

/* The type for a SQLSTATE. */
const with_exception_type *with__postgres_type(const char *sqlstate);

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* How managers begin whose `as` is the connection. */
struct with__postgres_block {
    WITH_MANAGER;
    PGconn *as;
};

/* The innermost block of this thread of a class, by its name, that holds conn, or NULL. */
void *with__postgres_find(const char *class_name, const PGconn *conn);

#endif
