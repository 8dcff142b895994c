/* SPDX-License-Identifier: MIT
 *
 * What we know of a connection: libpq keeps it for us, by an event procedure, and says when the
 * connection goes. So a connection that the user made will do as well.
 */
#include "internal.h"

#include <fcntl.h>
#include <libpq-events.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int on_event(PGEventId id, void *information, void *unused);

/* This process. Asked for with each statement, getpid() would be a good part of what we cost. */
static pid_t process;

static void note_process(void)
{
    process = getpid();
}

__attribute__((constructor)) static void follow_process(void)
{
    note_process();
    pthread_atfork(NULL, NULL, note_process);
}

/* As far as the command tag tells: what leaves nothing behind in the session. */
static bool is_clean(const char *tag)
{
    static const char *const clean[] = {
        "SELECT", "INSERT",   "UPDATE",   "DELETE",    "MERGE",   "BEGIN",
        "START",  "COMMIT",   "ROLLBACK", "SAVEPOINT", "RELEASE", "FETCH",
        "MOVE",   "CLOSE",    "COPY",     "SHOW",      "EXPLAIN", "LOCK TABLE",
        "NOTIFY", "TRUNCATE", "VACUUM",   "ANALYZE",   "REFRESH", "DISCARD ALL"};

    for (size_t i = 0; i < sizeof clean / sizeof *clean; i++)
        if (strncmp(tag, clean[i], strlen(clean[i])) == 0) return true;
    return false;
}

/* SELECT INTO and CREATE TABLE AS, of a temporary table perhaps, have the tag of a query, but no rows. */
static bool has_made_table(ExecStatusType status, const char *tag)
{
    return status == PGRES_COMMAND_OK && strncmp(tag, "SELECT", 6) == 0;
}

/* Each result passes here, those of statements that the user gave to libpq by himself, too. */
static void look_at_result(const PGEventResultCreate *event)
{
    struct with__postgres *state = PQinstanceData(event->conn, on_event);
    const ExecStatusType status = PQresultStatus(event->result);
    const char *tag = PQcmdStatus(event->result);

    if (!state || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)) return;
    if (!is_clean(tag) || has_made_table(status, tag)) state->dirty = true;
    else if (*tag == 'D' && strcmp(tag, "DISCARD ALL") == 0) state->dirty = false;
}

static int on_event(PGEventId id, void *information, void *unused)
{
    PGconn *conn;
    struct with__postgres *state;

    (void)unused;
    if (id == PGEVT_RESULTCREATE) look_at_result(information);
    else if (id == PGEVT_CONNRESET) {
        conn = ((PGEventConnReset *)information)->conn;
        state = PQinstanceData(conn, on_event);
        if (state) state->broken = state->dirty = false;
    } else if (id == PGEVT_CONNDESTROY) {
        conn = ((PGEventConnDestroy *)information)->conn;
        free(PQinstanceData(conn, on_event));
    }
    return 1;
}

struct with__postgres *with__postgres_state(PGconn *conn)
{
    struct with__postgres *state = PQinstanceData(conn, on_event);

    if (state) return state;
    state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->owner = process;
    /* Registered before, it has lost its data for want of memory. */
    PQregisterEventProc(conn, on_event, "libwith", NULL);
    if (PQsetInstanceData(conn, on_event, state)) return state;
    free(state);
    return NULL;
}

bool with__postgres_is_foreign(PGconn *conn)
{
    const struct with__postgres *state = PQinstanceData(conn, on_event);

    return state && state->owner != process;
}

bool with_postgres_is_broken(const PGconn *conn)
{
    const struct with__postgres *state = PQinstanceData(conn, on_event);

    return PQstatus(conn) != CONNECTION_OK || (state && state->broken);
}

struct with__postgres *with__postgres_need(PGconn *conn)
{
    struct with__postgres *state;

    if (!conn) throw(ValueError, "the connection is NULL");
    state = with__postgres_state(conn);
    if (!state) throw(MemoryError, "no memory for the state of a connection");
    if (state->owner != process)
        throw(RuntimeError, "the connection belongs to process %d, not to this one",
              (int)state->owner);
    if (with_postgres_is_broken(conn))
        with_throw_again(with__postgres_failure(conn, NULL, NULL, NULL));
    if (PQtransactionStatus(conn) == PQTRANS_ACTIVE || WITH__IN_PIPELINE(conn))
        throw(InterfaceError, "the connection is still busy with an earlier statement");
    if (state->transactions && PQtransactionStatus(conn) == PQTRANS_IDLE)
        with_throw_again(with_exception_new(&InternalError, with_sqlstate_pack("25P01"),
                                            "the transaction was ended in its block"));
    return state;
}

void with__postgres_break(PGconn *conn, const char *why)
{
    struct with__postgres *state = with__postgres_state(conn);

    if (state && !state->broken) {
        state->broken = true;
        if (PQstatus(conn) == CONNECTION_OK) state->why = why; /* else libpq knows better */
    }
    /* Whoever uses it nevertheless is told at once, and gets no answer that was another's. */
    if (PQsocket(conn) >= 0) shutdown(PQsocket(conn), SHUT_RDWR);
}

/*
 * PQfinish() says good-bye to the server, and on a socket that is shared with the parent that would
 * end the parent's session. So what it closes is no longer the socket.
 */
static bool leave_socket(PGconn *conn)
{
    const int socket = PQsocket(conn);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (socket < 0) return true;
    if (nowhere < 0) return false;
    dup2(nowhere, socket);
    close(nowhere);
    return true;
}

/* Its memory may be in any state. So it is left, but in sight of those who look for leaks. */
void with__postgres_abandon(PGconn *conn)
{
    static _Atomic(struct with__postgres *) abandoned;
    struct with__postgres *state = PQinstanceData(conn, on_event);

    if (PQsocket(conn) >= 0) close(PQsocket(conn));
    if (!state) return;
    state->conn = conn;
    state->next = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &state->next, state)) continue;
}

void with__postgres_close(PGconn *conn)
{
    if (!conn) return;
    if (with__postgres_is_foreign(conn) && !leave_socket(conn)) with__postgres_abandon(conn);
    else PQfinish(conn);
}
