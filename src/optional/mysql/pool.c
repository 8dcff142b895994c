/* SPDX-License-Identifier: MIT
 *
 * Connections in a pool. All of these may throw: the pool reports it.
 */
#include "internal.h"

#include <with/mysql_pool.h>

#include <errmsg.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_SECONDS = 5 };

static int open_connection(void *argument, void **ret_value)
{
    const struct with_mysql_options options = with__mysql_options(argument);

    *ret_value = with__mysql_open(&options);
    return 0;
}

/* Does it, or throws. */
static void must(const struct with__mysql_operation *operation, struct with__mysql_call *call,
                 double seconds, const char *what)
{
    if (!with__mysql_run(operation, call, seconds, 0))
        with_throw_again(with__mysql_failure(call->conn, NULL, what, NULL));
}

static int check_connection(void *options, void *conn)
{
    struct with__mysql_call call = {.conn = conn};

    (void)options;
    must(&with__mysql_ping, &call, CHECK_SECONDS, "checking a connection");
    return 0;
}

/* After it nothing is left of the last holder, but the charset and database of the options. */
static int reset_connection(void *argument, void *conn)
{
    static const char what[] = "resetting a connection";
    const struct with_mysql_options options = with__mysql_options(argument);
    struct with__mysql_call call = {.conn = conn};
    const with_exception *failure =
        with__mysql_drain(conn, NULL, WITH__SETTLE_SECONDS, WITH__DRAIN_SECONDS);

    if (failure) with_throw_again(failure);
    if (with_mysql_is_broken(conn))
        with_throw_again(with_exception_new(&ConnectionFailure, CR_SERVER_LOST,
                                            "%s: it is of no more use", what));
    if (call.conn->status != MYSQL_STATUS_READY)
        with_throw_again(with_exception_new(&InterfaceError, CR_COMMANDS_OUT_OF_SYNC,
                                            "%s: somebody has left rows of a result unread", what));
    mysql_set_local_infile_default(conn);
    must(&with__mysql_reset, &call, WITH__ROLLBACK_SECONDS, what);
    call.text = options.charset ? options.charset : "utf8mb4";
    must(&with__mysql_set_charset, &call, WITH__SETTLE_SECONDS, what);
    call.text = options.database;
    if (call.text && (!call.conn->db || strcmp(call.conn->db, call.text) != 0))
        must(&with__mysql_select_db, &call, WITH__SETTLE_SECONDS, what);
    return 0;
}

static void close_connection(void *options, void *conn)
{
    (void)options;
    with__mysql_close(conn);
}

/* Another thread may have been in the middle of something: its memory is left as it is. */
static void abandon_connection(void *options, void *conn)
{
    (void)options;
    if (!with_mysql_is_broken(conn)) close((int)mysql_get_socket(conn));
}

const struct with_pool_maker with_mysql_maker = {
    .size = sizeof(struct with_pool_maker),
    .name = "mysql",
    .open = open_connection,
    .check = check_connection,
    .reset = reset_connection,
    .close = close_connection,
    .abandon = abandon_connection,
    .open_is_cancellable = true,
};
