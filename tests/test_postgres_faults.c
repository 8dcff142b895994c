/* SPDX-License-Identifier: MIT
 *
 * Backends that are killed, a server that goes and comes, and a bad network, at each step of a
 * transaction: what is thrown then, and what is stored.
 */
#include "test_postgres.h"

#include "servers/proxy.h"

static struct proxy *proxy;
static char through[256]; /* the conninfo by way of the proxy */

/* ---- Transactions that are hit ------------------------------------------------------------------ */

enum step { BEFORE_BEGIN, BEFORE_STATEMENT, BEFORE_COMMIT, STEPS };

struct transaction {
    PGconn *conn;
    int key;
    enum step step;
    void (*hit)(struct transaction *);
    bool explicit_commit;
};

static void hit_at(struct transaction *self, enum step step)
{
    if (self->step == step) self->hit(self);
}

static void run(void *argument)
{
    struct transaction *self = argument;

    hit_at(self, BEFORE_BEGIN);
    with (cm_postgres_transaction(self->conn)) {
        hit_at(self, BEFORE_STATEMENT);
        with_postgres_execute(self->conn, "INSERT INTO t VALUES ($1)", self->key);
        hit_at(self, BEFORE_COMMIT);
        if (self->explicit_commit) with_postgres_commit(self->conn);
    }
}

/* Hits a transaction on a connection of its own at the step, and checks the type of what it throws. */
static void check_hit(void (*hit)(struct transaction *), enum step step, bool explicit_commit,
                      const with_exception_type *type, const char *part, int stored)
{
    static int key;

    with (cm_postgres(through, .answer_timeout_seconds = 1), conn) {
        struct transaction transaction = {conn, ++key, step, hit, explicit_commit};
        const with_exception *e = with_call(run, &transaction);
        check_exception(e, type, part, __FILE__, __LINE__);
        with_exception_unref(e);
        CHECK(with_postgres_is_broken(conn));
        transaction.step = STEPS; /* whatever is tried now says so too */
        CHECK_THROWS(run, &transaction, ConnectionFailure, "");
    }
    CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
                  "pid <> pg_backend_pid() AND state <> 'idle'",
                  0));
    CHECK_INT(rows_with(key), stored);
    proxy->mode = PROXY_PASS;
}

static void for_all_steps(void (*hit)(struct transaction *), const char *part)
{
    for (enum step step = 0; step < STEPS; step++)
        for (int explicit_commit = 0; explicit_commit < 2; explicit_commit++)
            check_hit(hit, step, explicit_commit, &ConnectionFailure, part, 0);
}

/* ---- Killed backends ------------------------------------------------------------------------------ */

/* Waits until the end has arrived here, so that it is known before anything is sent. */
static void await_end(PGconn *conn)
{
    char sql[120];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid = %d",
             PQbackendPID(conn));
    CHECK(becomes(sql, 0));
    usleep(50000); /* through the proxy */
}

static void kill_backend(struct transaction *self)
{
    char sql[80];

    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", PQbackendPID(self->conn));
    plain(sql);
    await_end(self->conn);
}

static void sleep_in_transaction(void *conn)
{
    with (cm_postgres_transaction(conn))
        with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) {}
}

static void *kill_sleeper(void *unused)
{
    (void)unused;
    CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
    plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    return NULL;
}

static void test_killed(void)
{
    pthread_t thread;

    for_all_steps(kill_backend, "");
    with (cm_postgres(conninfo), conn) {
        const with_exception *e;
        pthread_create(&thread, NULL, kill_sleeper, NULL);
        e = with_call(sleep_in_transaction, conn);
        pthread_join(thread, NULL);
        check_exception(e, &ConnectionFailure,
                        "terminating connection due to administrator command", __FILE__, __LINE__);
        CHECK_STR(sqlstate_of(e), "57P01");
        CHECK(e && with_isinstance(e, &OperationalError));
        with_exception_unref(e);
    }
}

/* ---- The network ------------------------------------------------------------------------------------ */

static void reset(struct transaction *self)
{
    (void)self;
    proxy_reset(proxy);
    usleep(20000);
}

static void drop(struct transaction *self)
{
    (void)self;
    proxy->mode = PROXY_DROP;
}

static void lose_commit(struct transaction *self)
{
    (void)self;
    proxy_set_trap(proxy, PROXY_LOSE_QUESTION, "COMMIT");
}

static void lose_answer(struct transaction *self)
{
    (void)self;
    proxy_set_trap(proxy, PROXY_LOSE_ANSWER, "COMMIT");
}

static void drop_answers(struct transaction *self)
{
    (void)self;
    proxy->mode = PROXY_DROP_ANSWERS;
}

#define UNKNOWN &TransactionResolutionUnknown, "may be stored or not"

static void test_network(void)
{
    for_all_steps(reset, "");
    check_hit(drop, BEFORE_BEGIN, false, &ConnectionFailure, "did not answer in time", 0);
    check_hit(drop, BEFORE_STATEMENT, false, &ConnectionFailure, "did not answer in time", 0);
    for (int explicit_commit = 0; explicit_commit < 2; explicit_commit++) {
        check_hit(drop, BEFORE_COMMIT, explicit_commit, UNKNOWN, 0);
        check_hit(lose_commit, BEFORE_COMMIT, explicit_commit, UNKNOWN, 0);
        check_hit(lose_answer, BEFORE_COMMIT, explicit_commit, UNKNOWN, 1);
        check_hit(drop_answers, BEFORE_COMMIT, explicit_commit, UNKNOWN, 1);
    }
}

static void throw_in_transaction(void *conn)
{
    with (cm_postgres_transaction(conn)) {
        with_postgres_execute(conn, "INSERT INTO t VALUES (1000)");
        proxy_reset(proxy);
        throw(KeyError, "thrown");
    }
}

static void leave_transaction(void *conn)
{
    with (cm_postgres_transaction(conn)) {
        with_postgres_execute(conn, "INSERT INTO t VALUES (1000)");
        proxy_reset(proxy);
        return;
    }
}

/* A rollback that nobody hears is done by the server; but it was tried, and failed: that is told. */
static void test_failing_rollback(void)
{
    with (cm_postgres(through), conn) {
        const with_exception *e = with_call(throw_in_transaction, conn);
        check_exception(e, &KeyError, "thrown", __FILE__, __LINE__);
        CHECK(has_note(e, "ConnectionFailure: rolling back"));
        with_exception_unref(e);
        CHECK(with_postgres_is_broken(conn));
    }
    with (cm_postgres(through), conn)
        CHECK_THROWS(leave_transaction, conn, ConnectionFailure, "rolling back");
    CHECK_INT(rows_with(1000), 0);
}

static void copy_to_nowhere(void *conn)
{
    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN")) {
        proxy->mode = PROXY_DROP;
        return;
    }
}

static void copy_whole_to_nowhere(void *conn)
{
    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN")) proxy->mode = PROXY_DROP;
}

static void lock_nowhere(void *conn)
{
    with (cm_postgres_lock(conn, 1)) proxy->mode = PROXY_DROP;
}

static void leave_cursor_nowhere(void *conn)
{
    with (cm_postgres_transaction(conn))
        with (cm_postgres_cursor(conn, "SELECT generate_series(1, 100000)"), cursor) {
            with_postgres_next(cursor);
            proxy->mode = PROXY_DROP;
        }
}

static void copy_out_of_nowhere(void *conn)
{
    with (cm_postgres_copy_out(conn, "COPY (SELECT generate_series(1, 10000000)) TO STDOUT")) {
        proxy->mode = PROXY_DROP;
        while (with_postgres_get(conn, NULL)) {}
    }
}

/* Each exit gives up a dead network, and the connection with it; none waits for ever. */
static void test_exits_without_network(void)
{
    static const struct {
        void (*function)(void *conn);
        const char *part;
    } cases[] = {
        {copy_to_nowhere, "ending a COPY: the server did not answer in time"},
        {copy_whole_to_nowhere, "did not answer in time"},
        {lock_nowhere, "releasing an advisory lock: the server did not answer in time"},
        {leave_cursor_nowhere, "closing a cursor: the server did not answer in time"},
        {copy_out_of_nowhere, "did not answer in time"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        with (cm_postgres(through, .answer_timeout_seconds = 0.2), conn) {
            CHECK_THROWS(cases[i].function, conn, ConnectionFailure, cases[i].part);
            CHECK(with_postgres_is_broken(conn));
        }
        proxy->mode = PROXY_PASS;
    }
    CHECK_INT(number_of("SELECT count(*) FROM t WHERE id = 1"), 0);
}

/* A slow network is only slow. */
static void test_delay(void)
{
    proxy->delay_ms = 20;
    with (cm_postgres(through, .answer_timeout_seconds = 30), conn)
        with (cm_postgres_transaction(conn))
            with_postgres_execute(conn, "INSERT INTO t VALUES (2000)");
    proxy->delay_ms = 0;
    CHECK_INT(rows_with(2000), 1);
}

static void *wait_through_proxy(void *conn)
{
    sleep_in_transaction(conn);
    return NULL;
}

/* Cancelled while the network is dead: the connection cannot be saved, so it is broken, within a bound. */
static void test_cancelled_without_network(void)
{
    pthread_t thread;
    void *result;

    with (cm_postgres(through), conn) {
        CHECK_INT(pthread_create(&thread, NULL, wait_through_proxy, conn), 0);
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
        proxy->mode = PROXY_REFUSE;
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        CHECK(with_postgres_is_broken(conn));
        proxy->mode = PROXY_PASS;
    }
    plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
}

/* ---- The server ------------------------------------------------------------------------------------- */

static void stop_server(struct transaction *self)
{
    (void)self;
    PQfinish(outside);
    CHECK(server_stop(&server, "INT"));
    usleep(50000);
    CHECK(server_start(&server));
    outside = plain_connection();
}

static void crash_server(struct transaction *self)
{
    (void)self;
    PQfinish(outside);
    CHECK(server_stop(&server, "QUIT"));
    usleep(50000);
    CHECK(server_start(&server));
    outside = plain_connection();
}

static void connect_once(void *unused)
{
    (void)unused;
    with (cm_postgres(conninfo)) CHECK(!"connected");
}

static void test_server(void)
{
    check_hit(stop_server, BEFORE_BEGIN, false, &ConnectionFailure, "", 0);
    check_hit(stop_server, BEFORE_COMMIT, false, &ConnectionFailure, "", 0);
    check_hit(crash_server, BEFORE_STATEMENT, false, &ConnectionFailure, "", 0);
    check_hit(crash_server, BEFORE_COMMIT, true, &ConnectionFailure, "", 0);
    PQfinish(outside);
    CHECK(server_stop(&server, ""));
    CHECK_THROWS(connect_once, NULL, ConnectionFailure, "");
    CHECK(server_start(&server));
    outside = plain_connection();
    CHECK_INT(rows_with(2000), 1);
}

int main(void)
{
    set_up(NULL);
    proxy = proxy_open(server.port);
    snprintf(through, sizeof through, "host=127.0.0.1 port=%d user=postgres dbname=postgres",
             proxy->port);
    test_killed();
    test_network();
    test_failing_rollback();
    test_exits_without_network();
    test_delay();
    if (CANCELLED_WAITS) test_cancelled_without_network();
    test_server();
    proxy_close(proxy);
    return tear_down();
}
