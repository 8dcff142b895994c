/* SPDX-License-Identifier: MIT
 *
 * Connections in a pool. All of these may throw: the pool reports it.
 */
#include "internal.h"

#include <with/postgres_pool.h>

enum { CHECK_SECONDS = 5 };

static int open_connection(void *options, void **ret_value)
{
    *ret_value = with__postgres_connect(options);
    return 0;
}

static void must(const with_exception *failure)
{
    if (failure) with_throw_again(failure);
}

/* An empty statement: the server does nothing but answer. */
static int check_connection(void *options, void *conn)
{
    PGresult *result = NULL;
    bool good;

    (void)options;
    if (with__postgres_look(conn))
        result =
            with__postgres_run(conn, &(struct with__postgres_call){
                                         .text = "", .deadline = with__postgres_in(CHECK_SECONDS)});
    good = with__postgres_succeeded(result);
    if (!good) must(with__postgres_failure(conn, result, "checking a connection", NULL));
    PQclear(result);
    return 0;
}

/* Those that came for the last holder. */
static void drop_notifications(PGconn *conn)
{
    for (PGnotify *one; (one = PQnotifies(conn));) PQfreemem(one);
}

static int reset_connection(void *argument, void *conn)
{
    const struct with_postgres_options options = with__postgres_options(argument);
    const struct with__postgres *state = with__postgres_state(conn);

    if (!state || !with__postgres_set_up(conn, &options)) return -ENOMEM;
    if (!with__postgres_stop(conn, false))
        must(with__postgres_failure(conn, NULL, "resetting a connection", NULL));
    if (PQtransactionStatus(conn) != PQTRANS_IDLE)
        must(with__postgres_try(conn, "ROLLBACK", "resetting a connection"));
    if (state->dirty || state->discard_always)
        must(with__postgres_try(conn, "DISCARD ALL", "resetting a connection"));
    drop_notifications(conn);
    PQsetnonblocking(conn, 0);
    return 0;
}

static void close_connection(void *options, void *conn)
{
    (void)options;
    with__postgres_close(conn);
}

static void abandon_connection(void *options, void *conn)
{
    (void)options;
    with__postgres_abandon(conn);
}

const struct with_pool_maker with_postgres_maker = {
    .size = sizeof(struct with_pool_maker),
    .name = "postgres",
    .open = open_connection,
    .check = check_connection,
    .reset = reset_connection,
    .close = close_connection,
    .abandon = abandon_connection,
    .open_is_cancellable = true,
};
