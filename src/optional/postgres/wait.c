/* SPDX-License-Identifier: MIT
 *
 * Waiting for the server with a limit.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <poll.h>
#include <time.h>

with__moment with__postgres_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

with__moment with__postgres_in(double seconds)
{
    if (seconds <= 0) return WITH__NEVER;
    if (seconds > 1e9) seconds = 1e9;
    return with__postgres_now() + (with__moment)(seconds * 1000) + 1;
}

with__moment with__postgres_answer_deadline(PGconn *conn)
{
    const struct with__postgres *state = with__postgres_state(conn);

    return state ? with__postgres_in(state->answer_seconds) : WITH__NEVER;
}

with__moment with__postgres_exit_deadline(PGconn *conn)
{
    const struct with__postgres *state = with__postgres_state(conn);
    const bool sooner =
        state && state->answer_seconds > 0 && state->answer_seconds < WITH__SETTLE_SECONDS;

    return with__postgres_in(sooner ? state->answer_seconds : WITH__SETTLE_SECONDS);
}

/* ---- Calm ------------------------------------------------------------------------------------ */

struct with__postgres_calm with__postgres_calm_begin(PGconn *conn)
{
    struct with__postgres_calm calm = {.conn = conn, .error = errno};

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &calm.cancel);
    calm.blocking = conn && !PQisnonblocking(conn);
    if (calm.blocking) PQsetnonblocking(conn, 1);
    return calm;
}

void with__postgres_calm_end(struct with__postgres_calm *calm)
{
    if (calm->blocking) PQsetnonblocking(calm->conn, 0);
    pthread_setcancelstate(calm->cancel, NULL);
    errno = calm->error;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static int milliseconds_to(with__moment deadline)
{
    with__moment left;

    if (deadline == WITH__NEVER) return -1;
    left = deadline - with__postgres_now();
    if (left < 0) return 0;
    return left > 1000000000 ? 1000000000 : (int)left;
}

bool with__postgres_wait_on(int fd, short events, with__moment deadline, int cancel)
{
    struct pollfd ready = {.fd = fd, .events = events};
    int result;

    do {
        pthread_setcancelstate(cancel, NULL);
        result = poll(&ready, 1, milliseconds_to(deadline));
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

bool with__postgres_wait(PGconn *conn, short events, with__moment deadline, int cancel)
{
    return PQsocket(conn) >= 0 && with__postgres_wait_on(PQsocket(conn), events, deadline, cancel);
}

bool with__postgres_await(PGconn *conn, with__moment deadline, int cancel)
{
    int unsent = PQflush(conn);

    while (unsent > 0 || PQisBusy(conn)) {
        if (!with__postgres_wait(conn, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline, cancel))
            return PQsocket(conn) < 0;
        if (!PQconsumeInput(conn)) return true; /* the result will say that it is lost */
        if (unsent > 0) unsent = PQflush(conn);
    }
    return true;
}

bool with__postgres_look(PGconn *conn)
{
    struct with__postgres_calm calm;

    if (with_postgres_is_broken(conn)) return false;
    if (PQtransactionStatus(conn) == PQTRANS_ACTIVE) return true;
    calm = with__postgres_calm_begin(conn);
    while (!with_postgres_is_broken(conn) &&
           with__postgres_wait(conn, POLLIN, with__postgres_now(), PTHREAD_CANCEL_DISABLE)) {
        if (!PQconsumeInput(conn)) break;
        PQisBusy(conn); /* notices, and last words, are dealt with */
    }
    with__postgres_calm_end(&calm);
    return !with_postgres_is_broken(conn);
}
