/* SPDX-License-Identifier: MIT
 *
 * Running a call of libmariadb: it gives control back where it would wait, and we wait, with a limit and
 * with cancellation; and stopping what runs on the server.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

/* ---- Calls ----------------------------------------------------------------------------------- */

#define OPERATION(NAME, START, RESUME)                                                             \
    static int NAME##_start(struct with__mysql_call *call)                                         \
    {                                                                                              \
        return START;                                                                              \
    }                                                                                              \
    static int NAME##_resume(struct with__mysql_call *call, int events)                            \
    {                                                                                              \
        return RESUME;                                                                             \
    }                                                                                              \
    const struct with__mysql_operation with__mysql_##NAME = {NAME##_start, NAME##_resume}

/* Those that give whether they failed, and take HANDLE alone. */
#define SIMPLE_OPERATION(NAME, FUNCTION, RET, HANDLE)                                              \
    OPERATION(NAME, mysql_##FUNCTION##_start(&call->RET, call->HANDLE),                            \
              mysql_##FUNCTION##_cont(&call->RET, call->HANDLE, events))

OPERATION(connect,
          mysql_real_connect_start((MYSQL **)&call->pointer, call->conn, call->options->host,
                                   call->options->user, call->options->password,
                                   call->options->database, call->options->port,
                                   call->options->socket, call->options->flags),
          mysql_real_connect_cont((MYSQL **)&call->pointer, call->conn, events));
OPERATION(query, mysql_real_query_start(&call->failed, call->conn, call->text, call->length),
          mysql_real_query_cont(&call->failed, call->conn, events));
OPERATION(select_db, mysql_select_db_start(&call->failed, call->conn, call->text),
          mysql_select_db_cont(&call->failed, call->conn, events));
OPERATION(set_charset, mysql_set_character_set_start(&call->failed, call->conn, call->text),
          mysql_set_character_set_cont(&call->failed, call->conn, events));
OPERATION(store, mysql_store_result_start((MYSQL_RES **)&call->pointer, call->conn),
          mysql_store_result_cont((MYSQL_RES **)&call->pointer, call->conn, events));
OPERATION(fetch, mysql_fetch_row_start((MYSQL_ROW *)&call->pointer, call->result),
          mysql_fetch_row_cont((MYSQL_ROW *)&call->pointer, call->result, events));
OPERATION(prepare,
          mysql_stmt_prepare_start(&call->failed, call->statement, call->text, call->length),
          mysql_stmt_prepare_cont(&call->failed, call->statement, events));
SIMPLE_OPERATION(ping, ping, failed, conn);
SIMPLE_OPERATION(reset, reset_connection, failed, conn);
SIMPLE_OPERATION(next, next_result, failed, conn);
SIMPLE_OPERATION(execute, stmt_execute, failed, statement);
SIMPLE_OPERATION(statement_store, stmt_store_result, failed, statement);
SIMPLE_OPERATION(statement_fetch, stmt_fetch, failed, statement);
SIMPLE_OPERATION(statement_next, stmt_next_result, failed, statement);
SIMPLE_OPERATION(statement_free, stmt_free_result, flag, statement);

/* ---- Time ------------------------------------------------------------------------------------ */

/* A moment of the monotonic clock, in ms; or NEVER. */
typedef long long moment;
#define NEVER (-1)

static moment in_seconds(double seconds)
{
    struct timespec now;

    if (seconds <= 0) return NEVER;
    if (seconds > 1e9) seconds = 1e9;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + (moment)(seconds * 1000) + 1;
}

static moment earlier(moment one, moment other)
{
    if (one == NEVER) return other;
    return other == NEVER || one < other ? one : other;
}

/* For poll(). */
static int milliseconds_to(moment deadline)
{
    struct timespec now;
    moment left;

    if (deadline == NEVER) return -1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = deadline - (now.tv_sec * 1000LL + now.tv_nsec / 1000000);
    if (left < 0) return 0;
    return left > 1000000000 ? 1000000000 : (int)left;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* On the stack while a call runs: what must happen if the thread is cancelled in between. */
struct running {
    struct with__calm calm;
    const struct with__mysql_operation *operation;
    struct with__mysql_call *call;
    int events; /* waited for; 0: the call is at its end */
};

/* The events that have come; MYSQL_WAIT_TIMEOUT at the deadline, or when libmariadb's own limit is over. */
static int wait_for(const struct running *self, moment deadline, int cancel)
{
    MYSQL *conn = self->call->conn;
    struct pollfd ready = {.fd = (int)mysql_get_socket(conn)};
    int result, events = 0;

    if (self->events & MYSQL_WAIT_READ) ready.events |= POLLIN;
    if (self->events & MYSQL_WAIT_WRITE) ready.events |= POLLOUT;
    if (self->events & MYSQL_WAIT_EXCEPT) ready.events |= POLLPRI;
    if (self->events & MYSQL_WAIT_TIMEOUT)
        deadline = earlier(deadline, in_seconds(mysql_get_timeout_value_ms(conn) / 1000.0));
    do {
        pthread_setcancelstate(cancel, NULL);
        result = poll(&ready, 1, milliseconds_to(deadline));
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    } while (result < 0 && errno == EINTR);
    if (result <= 0) return MYSQL_WAIT_TIMEOUT;
    if (ready.revents & (POLLIN | POLLHUP | POLLERR)) events |= self->events & MYSQL_WAIT_READ;
    if (ready.revents & (POLLOUT | POLLHUP | POLLERR)) events |= self->events & MYSQL_WAIT_WRITE;
    if (ready.revents & POLLPRI) events |= MYSQL_WAIT_EXCEPT;
    return events ? events : MYSQL_WAIT_TIMEOUT;
}

/* Goes on until the call is at its end; false at the deadline, with the call where it was. */
static bool go_on(struct running *self, moment deadline, int cancel)
{
    while (self->events) {
        const int events = wait_for(self, deadline, cancel);
        if (events == MYSQL_WAIT_TIMEOUT && deadline != NEVER && milliseconds_to(deadline) == 0)
            return false;
        self->events = self->operation->resume(self->call, events);
    }
    return true;
}

/* Ends the call by a failure: each wait of its is over at once. */
static void give_up(struct running *self, enum with__mysql_reason reason)
{
    with__mysql_break(self->call->conn, reason);
    while (self->events) self->events = self->operation->resume(self->call, MYSQL_WAIT_TIMEOUT);
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static void copy_options(MYSQL *other, MYSQL *conn)
{
    const struct st_mysql_options *options = &conn->options;
    const unsigned seconds = WITH__STOP_SECONDS;
    my_bool verify = 0;

    mysql_options(other, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(other, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(other, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    if (options->protocol) mysql_options(other, MYSQL_OPT_PROTOCOL, &options->protocol);
    if (!options->use_ssl) return;
    mysql_ssl_set(other, options->ssl_key, options->ssl_cert, options->ssl_ca, options->ssl_capath,
                  options->ssl_cipher);
    mysql_get_optionv(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    mysql_options(other, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

/* Whether the server has got the request, by a connection of its own: it acts on what runs now. */
static bool request_stop(MYSQL *conn)
{
    MYSQL *other = mysql_init(NULL);
    char sql[64];
    bool granted = false;

    if (!other) return false;
    copy_options(other, conn);
    snprintf(sql, sizeof sql, "KILL QUERY %lu", conn->thread_id);
    if (mysql_real_connect(other, conn->host, conn->user, conn->passwd, NULL, conn->port,
                           conn->unix_socket, 0))
        granted = mysql_query(other, sql) == 0;
    mysql_close(other);
    return granted;
}

/* Stops the statement and reads on to the end of the call; of one without parameters also the rows. */
static void stop(struct running *self)
{
    MYSQL *conn = self->call->conn;

    if (self->operation == &with__mysql_connect || !request_stop(conn) ||
        !go_on(self, in_seconds(WITH__SETTLE_SECONDS), PTHREAD_CANCEL_DISABLE))
        give_up(self, WITH__MYSQL_NOT_STOPPED);
    if (self->operation == &with__mysql_store) mysql_free_result(self->call->pointer);
    if (self->operation == &with__mysql_query)
        with_exception_unref(with__mysql_drain(conn, NULL, WITH__SETTLE_SECONDS, 0));
    with__mysql_do_nothing(conn);
}

/*
 * libmariadb asks the socket itself not to wait, but TLS does not, and a call of its blocking form has
 * left the socket blocking. Its blocking form does not mind.
 */
static void keep_from_blocking(MYSQL *conn)
{
    int fd, flags;

    if (!conn->net.pvio || !mysql_get_ssl_cipher(conn)) return;
    fd = (int)mysql_get_socket(conn);
    flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK)) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void end_running(struct running *self)
{
    if (self->events) stop(self);
    with__calm_end(self->calm);
}

struct with__mysql_patience with__mysql_patience_begin(double seconds, double stop_seconds)
{
    return (struct with__mysql_patience){.stop_at = in_seconds(stop_seconds),
                                         .end_at = in_seconds(seconds)};
}

/* Where rows always come faster than they are read nothing waits, and so no wait has an end. */
void with__mysql_patience_check(struct with__mysql_patience *patience, MYSQL *conn)
{
    if (patience->stop_at != NEVER && milliseconds_to(patience->stop_at) == 0) {
        patience->stop_at = NEVER;
        if (!request_stop(conn)) with__mysql_break(conn, WITH__MYSQL_NOT_STOPPED);
    }
    if (patience->end_at != NEVER && milliseconds_to(patience->end_at) == 0)
        with__mysql_break(conn, WITH__MYSQL_NOT_STOPPED);
}

static bool run(const struct with__mysql_operation *operation, struct with__mysql_call *call,
                double seconds, double stop_seconds)
{
    struct running running __attribute__((cleanup(end_running))) = {
        .calm = with__calm_begin(), .operation = operation, .call = call};
    const moment deadline = in_seconds(stop_seconds ? stop_seconds : seconds);

    keep_from_blocking(call->conn);
    running.events = operation->start(call);
    if (!go_on(&running, deadline, running.calm.cancel)) {
        if (stop_seconds) stop(&running);
        else give_up(&running, WITH__MYSQL_NO_ANSWER);
    }
    return !call->failed && !call->flag;
}

bool with__mysql_run(const struct with__mysql_operation *operation, struct with__mysql_call *call,
                     double seconds, double stop_seconds)
{
    pthread_testcancel();
    return run(operation, call, seconds, stop_seconds);
}
