/* SPDX-License-Identifier: MIT
 *
 * What does a question to PostgreSQL cost with a connection from the pool, beside libpq alone on a
 * connection that is always there, and beside one that connects for each question? On a private server
 * of this machine, by its Unix socket. All bind their parameters, of which there are none.
 */
#include "bench.h"

#include "../tests/servers/server.h"

#include <with.h>
#include <with/postgres_pool.h>

#include <sched.h>

static char conninfo[256];
static PGconn *bare;
static with_pool *the_pool;

static void must(bool good, PGconn *conn)
{
    if (good) return;
    fprintf(stderr, "%s", PQerrorMessage(conn));
    exit(1);
}

static void question_by_hand(PGconn *conn)
{
    PGresult *result = PQexecParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);

    must(PQresultStatus(result) == PGRES_TUPLES_OK, conn);
    PQclear(result);
}

static void bare_loop(long count)
{
    while (count-- > 0) question_by_hand(bare);
}

static void connect_loop(long count)
{
    while (count-- > 0) {
        PGconn *conn = PQconnectdb(conninfo);
        must(PQstatus(conn) == CONNECTION_OK, conn);
        question_by_hand(conn);
        PQfinish(conn);
    }
}

static void pooled_loop(long count)
{
    while (count-- > 0)
        with (cm_acquire_postgres(the_pool), conn)
            with (cm_postgres_result(conn, "SELECT 1")) {}
}

static void with_bare_loop(long count)
{
    while (count-- > 0)
        with (cm_postgres_result(bare, "SELECT 1")) {}
}

/* The same transaction, by hand and by ours: both are three exchanges. */
static void bare_transaction_loop(long count)
{
    while (count-- > 0) {
        PQclear(PQexec(bare, "BEGIN"));
        question_by_hand(bare);
        PQclear(PQexec(bare, "COMMIT"));
    }
}

static void pooled_transaction_loop(long count)
{
    while (count-- > 0)
        with (cm_acquire_postgres(the_pool), conn)
            with (cm_postgres_transaction(conn))
                with (cm_postgres_result(conn, "SELECT 1")) {}
}

static void run(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"pooled", pooled_loop},
        {"result-alone", with_bare_loop},
        {"bare", bare_loop},
        {"connect-query-close", connect_loop},
        {"pooled-transaction", pooled_transaction_loop},
        {"bare-transaction", bare_transaction_loop},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"pooled", "bare", 1.02, BENCH_BOTH},
        {"result-alone", "bare", 0, BENCH_NO_GOAL},
        {"pooled-transaction", "bare-transaction", 1.02, BENCH_BOTH},
        {"connect-query-close", "pooled", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };
    struct with_postgres_options options = WITH_POSTGRES_OPTIONS_INIT;

    options.conninfo = conninfo;
    bare = PQconnectdb(conninfo);
    must(PQstatus(bare) == CONNECTION_OK, bare);
    with (cm_pool(&with_postgres_maker, &options, .no_thread = true), pool) {
        the_pool = pool;
        bench_main(argc, argv, cases, questions);
    }
    PQfinish(bare);
}

/* The server too: else it is luck which of its processes shares one with us, and that decides. */
static void stay_on_one_cpu(void)
{
    const int cpu = sched_getcpu();
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu < 0 ? 0 : cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char **argv)
{
    struct server server;

    if (argc > 1 && strncmp(argv[1], "--", 2) == 0) return 0; /* no instructions to be counted */
    stay_on_one_cpu();
    if (server_try(&server, "postgres", NULL) != 0) return 0;
    snprintf(conninfo, sizeof conninfo, "host=%s port=%d user=postgres dbname=postgres",
             server.directory, server.port);
    run(argc, argv);
    server_close(&server);
    return 0;
}
