/* SPDX-License-Identifier: MIT
 *
 * Stopping what runs on a connection, so that it can be used again, or is broken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- What libpq has not sent ----------------------------------------------------------------- */

/* In place of the connection one that nobody answers; the descriptor of the other end, or -1. */
static int divert(int fd)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    /* Should it not take all at once, libpq looks for an answer, finds the end, and gives up. */
    if (shutdown(pair[1], SHUT_WR) == 0 && dup3(pair[0], fd, O_CLOEXEC) == fd) {
        close(pair[0]);
        return pair[1];
    }
    close(pair[0]);
    close(pair[1]);
    return -1;
}

/*
 * Whether libpq has something to send. It has if the thread was cancelled in its send() (glibc bug 12683),
 * even if all of that was sent; and nothing but sending tells. So it sends, to nobody.
 */
static bool has_unsent(PGconn *conn)
{
    const int fd = PQsocket(conn), kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    const int nobody = kept < 0 ? -1 : divert(fd);
    bool unsent = true;
    char byte;

    if (nobody >= 0) {
        PQflush(conn);
        unsent = PQsocket(conn) != fd || recv(nobody, &byte, 1, MSG_DONTWAIT) > 0;
        if (PQsocket(conn) == fd) dup3(kept, fd, O_CLOEXEC);
        close(nobody);
    }
    if (kept >= 0) close(kept);
    return unsent;
}

/* ---- Stopping -------------------------------------------------------------------------------- */

/*
 * A request to stop what runs goes by a connection of its own, which libpq makes and waits for without
 * a limit. So a thread does it, which is left behind if it takes too long. Who comes second to the
 * state frees the request. The end of the pipe wakes the one who waits.
 */
struct request {
    PGcancel *cancel;
    int end[2]; /* of the pipe: the thread closes the second */
    atomic_int state;
};

enum { ASKING, GRANTED, REFUSED, ABANDONED };

static void free_request(struct request *request)
{
    PQfreeCancel(request->cancel);
    free(request);
}

static void *send_request(void *argument)
{
    struct request *request = argument;
    const int end = request->end[1];
    char unused[256];
    const int state = PQcancel(request->cancel, unused, sizeof unused) ? GRANTED : REFUSED;

    if (atomic_exchange(&request->state, state) == ABANDONED) free_request(request);
    close(end);
    return NULL;
}

static struct request *new_request(PGconn *conn)
{
    struct request *request = calloc(1, sizeof *request);

    if (!request) return NULL;
    request->cancel = PQgetCancel(conn);
    if (request->cancel && pipe2(request->end, O_CLOEXEC) == 0) return request;
    free_request(request);
    return NULL;
}

static bool start_request(struct request *request)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool started;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attributes, send_request, request) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

/* Whether the server has got the request: what it stops is then what runs now, and nothing later. */
static bool request_stop(PGconn *conn, with__moment deadline)
{
    struct request *request = new_request(conn);
    int end, state;

    if (!request) return false;
    end = request->end[0];
    if (start_request(request)) {
        with__postgres_wait_on(end, POLLIN, deadline, PTHREAD_CANCEL_DISABLE);
        state = atomic_exchange(&request->state, ABANDONED);
    } else {
        close(request->end[1]);
        state = REFUSED;
    }
    if (state != ASKING) free_request(request);
    close(end);
    return state == GRANTED;
}

/* Reads and drops what a COPY sends; false at the deadline. */
static bool drop_copy(PGconn *conn, with__moment deadline)
{
    char *row;
    int length;

    for (;;) {
        while ((length = PQgetCopyData(conn, &row, 1)) > 0) PQfreemem(row);
        if (length < 0) return true;
        if (!with__postgres_wait(conn, POLLIN, deadline, PTHREAD_CANCEL_DISABLE)) return false;
        if (!PQconsumeInput(conn)) return true;
    }
}

/* Ends a COPY with an error; false at the deadline. */
static bool refuse_copy(PGconn *conn, with__moment deadline)
{
    while (PQputCopyEnd(conn, "the block was left") == 0)
        if (!with__postgres_wait(conn, POLLOUT, deadline, PTHREAD_CANCEL_DISABLE)) return false;
    return true;
}

/* Reads all results, and drops them; false at the deadline. */
static bool drain(PGconn *conn, with__moment deadline)
{
    while (with__postgres_await(conn, deadline, PTHREAD_CANCEL_DISABLE)) {
        PGresult *result = PQgetResult(conn);
        const ExecStatusType status = PQresultStatus(result);

        if (!result) return true;
        PQclear(result);
        if (status == PGRES_COPY_OUT && !drop_copy(conn, deadline)) return false;
        if (status == PGRES_COPY_IN && !refuse_copy(conn, deadline)) return false;
        if (status == PGRES_COPY_BOTH) return false;
    }
    return false;
}

/* Whether the server waits for the data of a COPY; drops what is at hand before that. */
static bool wants_data(PGconn *conn)
{
    while (!PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);
        const ExecStatusType status = PQresultStatus(result);

        PQclear(result);
        if (status == PGRES_COPY_IN) return true;
        if (!result || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return false;
    }
    return false;
}

/* Whether the answer to a question is not that to one before it, which has nothing in it. */
static bool in_step(PGconn *conn, with__moment deadline)
{
    PGresult *result;

    if (!PQsendQuery(conn, "SELECT 1")) return false;
    if (!with__postgres_await(conn, deadline, PTHREAD_CANCEL_DISABLE)) return false;
    result = PQgetResult(conn);
    PQclear(result);
    return result && drain(conn, deadline);
}

/*
 * Ends a COPY FROM STDIN by its data, not by a request. In the extended protocol libpq sends a Sync behind
 * the statement and one behind the data. A server that fails before it reads the data answers both.
 */
static bool end_copy_in(PGconn *conn, with__moment deadline)
{
    return refuse_copy(conn, deadline) && drain(conn, deadline) && in_step(conn, deadline);
}

/* The request may have come before the statement, which is on its way: so it is repeated. */
static bool stop_and_drain(PGconn *conn)
{
    const with__moment deadline = with__postgres_exit_deadline(conn);
    with__moment next = with__postgres_now();

    if (wants_data(conn)) return end_copy_in(conn, deadline);
    while (next < deadline) {
        PQflush(conn);
        if (!request_stop(conn, deadline)) return false;
        next = with__postgres_now() + 1000;
        if (drain(conn, next < deadline ? next : deadline)) return true;
    }
    return false;
}

/* By nothing that has libpq send. Once the server has said something of it, the statement has begun. */
static void stop_blindly(PGconn *conn)
{
    const with__moment deadline = with__postgres_exit_deadline(conn);

    while (with__postgres_now() < deadline && request_stop(conn, deadline))
        if (!PQisBusy(conn) ||
            with__postgres_wait(conn, POLLIN, with__postgres_now() + 200, PTHREAD_CANCEL_DISABLE))
            break;
}

bool with__postgres_stop(PGconn *conn, bool certain)
{
    struct with__postgres_calm calm;
    bool stopped;

    if (with_postgres_is_broken(conn)) return false;
    if (PQtransactionStatus(conn) != PQTRANS_ACTIVE && !WITH__IN_PIPELINE(conn)) return true;
    if (certain && !WITH__IN_PIPELINE(conn)) {
        calm = with__postgres_calm_begin(conn);
        stopped = stop_and_drain(conn);
        if (!stopped) with__postgres_break(conn, "a statement could not be stopped");
        with__postgres_calm_end(&calm);
    } else {
        calm = with__postgres_calm_begin(NULL);
        stop_blindly(conn);
        with__postgres_break(conn, "the connection was left in the middle of a statement");
        with__postgres_calm_end(&calm);
    }
    return !with_postgres_is_broken(conn);
}

bool with__postgres_settle(PGconn *conn, bool certain)
{
    struct with__postgres_calm calm;

    if (!with__postgres_stop(conn, certain)) return false;
    if (certain) return true;
    calm = with__postgres_calm_begin(NULL);
    if (has_unsent(conn)) with__postgres_break(conn, "the thread was cancelled while it sent");
    with__postgres_calm_end(&calm);
    return !with_postgres_is_broken(conn);
}
