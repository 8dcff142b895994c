/* SPDX-License-Identifier: MIT
 *
 * Running one statement: send, wait, read to the end.
 */
#include "internal.h"

/* On the stack while a statement runs: what must happen if the thread is cancelled in between. */
struct running {
    struct with__postgres_calm calm;
    const struct with__postgres_call *call;
    PGresult *result;
    bool ended;
};

const with_exception *with__postgres_try(PGconn *conn, const char *text, const char *what)
{
    PGresult *result = with__postgres_run(
        conn, &(struct with__postgres_call){.text = text,
                                            .deadline = with__postgres_in(WITH__SETTLE_SECONDS)});

    if (!with__postgres_succeeded(result)) return with__postgres_failure(conn, result, what, text);
    PQclear(result);
    return NULL;
}

static void end_running(struct running *self)
{
    PGconn *conn = self->calm.conn;

    if (!self->ended) {
        PQclear(self->result);
        if (with__postgres_settle(conn, true) && self->call->undo &&
            PQtransactionStatus(conn) != PQTRANS_IDLE)
            with_exception_unref(with__postgres_try(conn, self->call->undo, NULL));
    }
    with__postgres_calm_end(&self->calm);
}

static bool is_copy(const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static void keep(struct running *self, PGresult *result)
{
    const bool decided =
        self->result && (self->call->first_decides || !with__postgres_succeeded(self->result));

    PQclear(decided ? result : self->result);
    if (!decided) self->result = result;
}

static void read_results(PGconn *conn, struct running *self)
{
    PGresult *result;
    bool copy;

    for (;;) {
        if (!with__postgres_await(conn, self->call->deadline, self->calm.cancel)) {
            with__postgres_break(conn, "the server did not answer in time");
            return;
        }
        result = PQgetResult(conn);
        if (!result) return;
        copy = is_copy(result);
        keep(self, result);
        if (copy) return;
    }
}

/* Binary form for what has a type that we know, but for numeric. */
static int send_statement(PGconn *conn, const struct with_postgres_statement_ *statement)
{
    Oid types[WITH_POSTGRES_PARAMETERS_];
    const char *values[WITH_POSTGRES_PARAMETERS_];
    int lengths[WITH_POSTGRES_PARAMETERS_], formats[WITH_POSTGRES_PARAMETERS_];

    for (int i = 0; i < statement->count; i++) {
        const struct with_postgres_parameter_ *parameter = &statement->parameters[i];
        types[i] = parameter->type;
        lengths[i] = parameter->length;
        formats[i] = parameter->type != 0 && parameter->type != WITH_POSTGRES_NUMERIC_;
        values[i] = parameter->data;
        if (!values[i] && parameter->type != 0 && parameter->type != WITH_POSTGRES_BYTEA_)
            values[i] = parameter->own.text;
    }
    return PQsendQueryParams(conn, statement->sql, statement->count, types, values, lengths,
                             formats, 0);
}

PGresult *with__postgres_run(PGconn *conn, const struct with__postgres_call *call)
{
    struct running running __attribute__((cleanup(end_running))) = {
        .calm = with__postgres_calm_begin(conn),
        .call = call,
    };
    bool sent = true;

    if (call->statement) sent = send_statement(conn, call->statement);
    else if (call->text) sent = PQsendQuery(conn, call->text);

    if (sent) read_results(conn, &running);
    running.ended = true;
    return running.result;
}

static PGresult *demand(PGconn *conn, struct with__postgres_call call)
{
    const char *sql = call.statement ? call.statement->sql : call.text;
    PGresult *result;

    with__postgres_need(conn);
    if (!sql) throw(ValueError, "the SQL is NULL");
    call.deadline = with__postgres_answer_deadline(conn);
    result = with__postgres_run(conn, &call);
    if (!with__postgres_succeeded(result) && !is_copy(result))
        with_throw_again(with__postgres_failure(conn, result, NULL, sql));
    return result;
}

PGresult *with__postgres_demand(PGconn *conn, const struct with_postgres_statement_ *statement)
{
    return demand(conn, (struct with__postgres_call){.statement = statement});
}

PGresult *with__postgres_demand_text(PGconn *conn, const char *text, const char *undo)
{
    return demand(conn, (struct with__postgres_call){.text = text, .undo = undo});
}
