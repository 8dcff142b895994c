/* SPDX-License-Identifier: MIT
 *
 * cm_postgres: a connection.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* ---- Options --------------------------------------------------------------------------------- */

/* What is handed to libpq. */
struct parameters {
    const char *names[4], *values[4];
    char settings[1024];
    bool fits;
    double timeout_seconds;
};

struct with_postgres_options with__postgres_options(const struct with_postgres_options *given)
{
    struct with_postgres_options options = {.size = sizeof options};

    WITH__COPY_OPTIONS("cm_postgres", &options, given);
    return options;
}

static void check_seconds(double seconds, const char *name)
{
    if (!(seconds >= 0)) throw(ValueError, "cm_postgres: %s is %g", name, seconds);
}

/*
 * A limit that survives RESET ALL and DISCARD ALL, for it is given when the session starts, behind
 * what the user gives in the same way.
 */
static void add_statement_timeout(double seconds, const char *given, struct parameters *parameters)
{
    const int length =
        snprintf(parameters->settings, sizeof parameters->settings, "%s -c statement_timeout=%.0f",
                 given, seconds * 1000 < 1 ? 1 : seconds * 1000);

    parameters->fits = length < (int)sizeof parameters->settings;
    parameters->names[2] = "options";
    parameters->values[2] = parameters->settings;
}

/* What the conninfo says of a keyword, or else the environment; "" if neither does. */
static const char *value_of(const PQconninfoOption *list, const char *keyword)
{
    const char *from_environment = "";

    for (; list->keyword; list++)
        if (strcmp(list->keyword, keyword) == 0) {
            if (list->envvar && getenv(list->envvar)) from_environment = getenv(list->envvar);
            return list->val ? list->val : from_environment;
        }
    return "";
}

static void __attribute__((noreturn)) throw_malformed(char *error)
{
    const with_exception *e =
        with_exception_new(&ProgrammingError, 0, "cm_postgres: %.*s",
                           error ? (int)strcspn(error, "\n") : 0, error ? error : "");

    PQfreemem(error);
    with_throw_again(e);
}

static void read_options(const struct with_postgres_options *options, struct parameters *ret)
{
    char *error = NULL;
    PQconninfoOption *list = PQconninfoParse(options->conninfo, &error);

    if (!list) throw_malformed(error);
    *ret = (struct parameters){
        .names = {"dbname", "fallback_application_name"},
        .values = {options->conninfo, "libwith"},
        .timeout_seconds = options->connect_timeout_seconds,
        .fits = true,
    };
    if (!ret->timeout_seconds) ret->timeout_seconds = atof(value_of(list, "connect_timeout"));
    if (!ret->timeout_seconds) ret->timeout_seconds = WITH__CONNECT_SECONDS;
    if (options->statement_timeout_seconds > 0)
        add_statement_timeout(options->statement_timeout_seconds, value_of(list, "options"), ret);
    PQconninfoFree(list);
    if (!ret->fits) throw(ValueError, "cm_postgres: the options of the conninfo are too long");
}

/* ---- Failures -------------------------------------------------------------------------------- */

/*
 * A connection that is refused leaves no result with a SQLSTATE in it. So the message was asked for with
 * it: "...FATAL:  53300: sorry, too many clients already\nLOCATION:  ...". Takes it out.
 */
static bool take_sqlstate(char *text, char ret_sqlstate[WITH_SQLSTATE_SIZE])
{
    for (char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
        char *const state = at + 3;
        if (strnlen(state, 7) < 7 || state[5] != ':' || state[6] != ' ') continue;
        memcpy(ret_sqlstate, state, 5);
        ret_sqlstate[5] = '\0';
        if (!with_sqlstate_pack(ret_sqlstate)) continue;
        memmove(at + 2, state + 7, strlen(state + 7) + 1);
        return true;
    }
    return false;
}

/* One line of several, without that which says where in the server's source it came from. */
static void join_lines(char *text, char *ret_line, size_t size)
{
    size_t length = 0;
    char *rest = text;

    for (char *line; length < size && (line = strsep(&rest, "\n"));) {
        line += strspn(line, " \t");
        if (!*line || strncmp(line, "LOCATION:  ", 11) == 0) continue;
        length +=
            (size_t)snprintf(ret_line + length, size - length, "%s%s", length ? "; " : "", line);
    }
}

static const with_exception *failure_of(PGconn *conn)
{
    char sqlstate[WITH_SQLSTATE_SIZE] = "08001", text[2000] = "", line[1000] = "";
    const with_exception_type *type = &ConnectionFailure;

    snprintf(text, sizeof text, "%s", PQerrorMessage(conn));
    if (take_sqlstate(text, sqlstate)) type = with__postgres_type(sqlstate);
    join_lines(text, line, sizeof line);
    return with_exception_new(type, with_sqlstate_pack(sqlstate), "%s", line);
}

static const with_exception *late(PGconn *conn, double seconds)
{
    const char *host = PQhost(conn), *port = PQport(conn);

    return with_exception_new(&ConnectionFailure, with_sqlstate_pack("08001"),
                              "connection to server at \"%s\", port %s: not made within %g s",
                              host ? host : "", port ? port : "", seconds);
}

/* ---- Enter and exit -------------------------------------------------------------------------- */

/* On the stack while the connection is made: what must happen if the thread is cancelled meanwhile. */
struct connecting {
    struct with__postgres_calm calm;
    PGconn *conn;
};

static void end_connecting(struct connecting *self)
{
    PQfinish(self->conn);
    with__postgres_calm_end(&self->calm);
}

/* Whether it is made; false at the deadline, or with a bad status. */
static bool make_connection(struct connecting *self, with__moment deadline)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;

    if (PQstatus(self->conn) == CONNECTION_BAD) return false;
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        const short event = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!with__postgres_wait(self->conn, event, deadline, self->calm.cancel)) return false;
        status = PQconnectPoll(self->conn);
    }
    return status == PGRES_POLLING_OK;
}

static void ignore_notice(void *unused, const PGresult *notice)
{
    (void)unused, (void)notice;
}

bool with__postgres_set_up(PGconn *conn, const struct with_postgres_options *options)
{
    struct with__postgres *state = with__postgres_state(conn);

    if (!state) return false;
    state->answer_seconds = options->answer_timeout_seconds;
    state->discard_always = options->discard_always;
    PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
    PQsetNoticeReceiver(conn, options->notice ? options->notice : ignore_notice,
                        options->notice_argument);
    PQuntrace(conn);
    return true;
}

/* The connection, or NULL and why. */
static PGconn *open_connection(const struct with_postgres_options *options,
                               const struct parameters *parameters,
                               const with_exception **ret_failure)
{
    struct connecting self
        __attribute__((cleanup(end_connecting))) = {.calm = with__postgres_calm_begin(NULL)};
    PGconn *conn = self.conn = PQconnectStartParams(parameters->names, parameters->values, 1);

    if (conn) PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    if (conn && !make_connection(&self, with__postgres_in(parameters->timeout_seconds)))
        *ret_failure = PQstatus(conn) == CONNECTION_BAD ? failure_of(conn)
                                                        : late(conn, parameters->timeout_seconds);
    else if (!conn || !with__postgres_set_up(conn, options))
        *ret_failure = with_exception_new(&MemoryError, 0, "no memory for a connection");
    else {
        self.conn = NULL;
        return conn;
    }
    return NULL;
}

PGconn *with__postgres_connect(const struct with_postgres_options *given)
{
    const struct with_postgres_options options = with__postgres_options(given);
    const with_exception *failure = NULL;
    struct parameters parameters;
    PGconn *conn;

    if (!options.conninfo) throw(ValueError, "cm_postgres: the conninfo is NULL");
    check_seconds(options.connect_timeout_seconds, "connect_timeout_seconds");
    check_seconds(options.statement_timeout_seconds, "statement_timeout_seconds");
    check_seconds(options.answer_timeout_seconds, "answer_timeout_seconds");
    read_options(&options, &parameters);
    conn = open_connection(&options, &parameters, &failure);
    if (!conn) with_throw_again(failure);
    return conn;
}

void with_postgres_enter_(struct cm_postgres *self)
{
    self->as = with__postgres_connect(&self->options_);
}

bool with_postgres_exit_(struct cm_postgres *self, const with_exception *exception)
{
    struct with__postgres_calm calm = with__postgres_calm_begin(NULL);

    if (!with__postgres_is_foreign(self->as))
        with__postgres_settle(self->as, exception || with_completed(self));
    with__postgres_close(self->as);
    with__postgres_calm_end(&calm);
    return false;
}
