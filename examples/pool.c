/* SPDX-License-Identifier: MIT
 *
 * A pool of connections to a server that accepts only four: many threads get by with them, one that
 * forgets to give its connection back is named, and in the end everything is closed.
 */
#include <with.h>
#include <with/pool.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ACCEPTED = 4, THREADS = 16, QUERIES = 100 };

/* The server, and what a connection to it is. */
static struct server {
    atomic_int connections, most, answered;
} server;

struct connection {
    struct server *server;
    bool in_transaction;
};

/* ---- How the pool makes connections -------------------------------------------------------- */

static int open_connection(void *argument, void **ret_value)
{
    struct server *to = argument;
    struct connection *connection;
    const int count = ++to->connections;

    if (count > ACCEPTED) {
        to->connections--;
        throw(ConnectionRefusedError, "too many connections");
    }
    if (count > to->most) to->most = count;
    connection = calloc(1, sizeof *connection);
    if (!connection) return -ENOMEM;
    connection->server = to;
    *ret_value = connection;
    return 0;
}

static int roll_back(void *argument, void *value)
{
    (void)argument;
    ((struct connection *)value)->in_transaction = false;
    return 0;
}

static void close_connection(void *argument, void *value)
{
    struct server *to = argument;

    to->connections--;
    free(value);
}

static const struct with_pool_maker maker = {
    .size = sizeof maker,
    .name = "server",
    .open = open_connection,
    .reset = roll_back,
    .close = close_connection,
};

/* ---- Using them ---------------------------------------------------------------------------- */

WITH_POOL_ACQUIRE(cm_connection, struct connection *);

static void *ask(void *pool)
{
    for (int i = 0; i < QUERIES; i++) {
        using (cm_connection(pool), connection);
        connection->in_transaction = true;
        connection->server->answered++;
        if (i % 10 == 0) continue; /* in the middle of it: rolled back, and given back */
        connection->in_transaction = false;
    }
    return NULL;
}

static void ask_all(with_pool *pool)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, ask, pool);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%d threads asked %d questions over %s connections\n", THREADS, server.answered,
           server.most <= ACCEPTED ? "no more than 4" : "too many");
}

/* Error codes instead of exceptions, and nothing that gives back by itself. */
static with_pool_item *forgetful(with_pool *pool)
{
    with_pool_item *item = NULL;
    const int error = with_pool_acquire(pool, 1, &item);

    if (error) printf("forgetful: error %d\n", -error);
    return item;
}

static void ask_after_forgetful(with_pool *pool)
{
    with_pool_item *forgotten[ACCEPTED];

    for (int i = 0; i < ACCEPTED; i++) forgotten[i] = forgetful(pool);
    try {
        with (cm_connection_within(pool, -1), connection) connection->server->answered++;
    } catch (TimeoutError, e) {
        int holders = 0;
        for (const with_note *note = e->notes; note; note = note->next)
            holders +=
                strstr(note->text, "in forgetful: with_pool_acquire(pool, 1, &item)") != NULL;
        printf("%s\n  forgetful() holds %d of them\n", e->message, holders);
    }
    for (int i = 0; i < ACCEPTED; i++) with_pool_release(forgotten[i]);
}

/* Nobody else could ever give back what this thread waits for. */
static void ask_in_an_answer(with_pool *pool, int depth)
{
    with (cm_connection(pool), connection) {
        connection->server->answered++;
        if (depth < 10) ask_in_an_answer(pool, depth + 1);
    }
}

static void tell(void *stream, const struct with_pool_report *report)
{
    if (report->event == WITH_POOL_TOO_SMALL)
        fprintf(stream, "the pool says: too small for what %s() does\n", report->site->function);
}

int main(void)
{
    with (cm_pool(&maker, &server, .maximum_size = ACCEPTED, .report = tell,
                  .report_argument = stdout),
          pool) {
        ask_all(pool);
        ask_after_forgetful(pool);
        try {
            ask_in_an_answer(pool, 1);
        } catch (OSError, e) {
            printf("%s\n", e->message);
        }
    }
    printf("open at the end: %d\n", server.connections);
    return 0;
}
