/* SPDX-License-Identifier: MIT
 *
 * cm_mysql: a connection.
 */
#include "internal.h"

#include <errmsg.h>
#include <string.h>

/* ---- Options --------------------------------------------------------------------------------- */

struct with_mysql_options with__mysql_options(const struct with_mysql_options *given)
{
    struct with_mysql_options options = {0};

    WITH__COPY_OPTIONS("cm_mysql", &options, given);
    return options;
}

static void check_seconds(double seconds, const char *name)
{
    if (!(seconds >= 0)) throw(ValueError, "cm_mysql: %s is %g", name, seconds);
}

static void set_seconds(MYSQL *conn, enum mysql_option option, double seconds)
{
    unsigned whole = seconds > 1e9 ? 1000000000 : (unsigned)seconds;

    if (whole < seconds && whole < 1000000000) whole++;
    if (whole) mysql_options(conn, option, &whole);
}

static bool set_options(MYSQL *conn, const struct with_mysql_options *options)
{
    const unsigned local_infile = options->local_infile;

    set_seconds(conn, MYSQL_OPT_READ_TIMEOUT, options->read_timeout_seconds);
    set_seconds(conn, MYSQL_OPT_WRITE_TIMEOUT, options->write_timeout_seconds);
    mysql_options(conn, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    mysql_options(conn, MYSQL_SET_CHARSET_NAME, options->charset ? options->charset : "utf8mb4");
    if (options->configure) options->configure(conn, options->configure_argument);
    return with__mysql_adopt(conn);
}

/* ---- Enter and exit -------------------------------------------------------------------------- */

/* On the stack while the connection is made: what must happen if the thread is cancelled meanwhile. */
struct connecting {
    MYSQL *conn;
};

static void end_connecting(struct connecting *self)
{
    struct with__calm calm = with__calm_begin();

    with__mysql_close(self->conn);
    with__calm_end(calm);
}

static const with_exception *late(const struct with_mysql_options *options, double seconds)
{
    return with_exception_new(&ConnectionFailure, CR_CONNECTION_ERROR,
                              "connection to server at \"%s\": not made within %g s",
                              options->host     ? options->host
                              : options->socket ? options->socket
                                                : "localhost",
                              seconds);
}

static const with_exception *open_connection(const struct with_mysql_options *options,
                                             MYSQL **ret_conn)
{
    const double seconds = options->connect_timeout_seconds > 0 ? options->connect_timeout_seconds
                                                                : WITH__CONNECT_SECONDS;
    struct connecting self __attribute__((cleanup(end_connecting))) = {.conn = mysql_init(NULL)};
    struct with__mysql_call call = {.conn = self.conn, .options = options};

    if (!self.conn || !set_options(self.conn, options))
        return with_exception_new(&MemoryError, 0, "no memory for a connection");
    with__mysql_run(&with__mysql_connect, &call, seconds, 0);
    if (!call.pointer)
        return with__mysql_why_broken(self.conn) ? late(options, seconds)
                                                 : with__mysql_failure(self.conn, NULL, NULL, NULL);
    *ret_conn = self.conn;
    self.conn = NULL;
    return NULL;
}

MYSQL *with__mysql_open(const struct with_mysql_options *options)
{
    const with_exception *failure;
    MYSQL *conn = NULL;

    check_seconds(options->connect_timeout_seconds, "connect_timeout_seconds");
    check_seconds(options->read_timeout_seconds, "read_timeout_seconds");
    check_seconds(options->write_timeout_seconds, "write_timeout_seconds");
    failure = open_connection(options, &conn);
    if (failure) with_throw_again(failure);
    return conn;
}

static void mysql_enter(struct cm_mysql *self)
{
    self->as = with__mysql_open(&self->options_);
}

static bool mysql_exit(struct cm_mysql *self, const with_exception *exception)
{
    struct with__calm calm = with__calm_begin();

    (void)exception;
    with__mysql_close(self->as);
    with__calm_end(calm);
    return false;
}

WITH_CLASS(cm_mysql, mysql_enter, mysql_exit);

struct cm_mysql cm_mysql_(const struct with_mysql_options *options)
{
    return WITH_NEW(cm_mysql, .options_ = with__mysql_options(options));
}
