/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h when the network, the server and other threads interfere: what waits is cancelled, what is
 * lost is told, and a commit whose answer is lost is known to be unknown.
 */
#include "test_mysql.h"

#include <poll.h>

#include "servers/proxy.h"

static struct proxy *proxy;

/* A connection through the proxy. */
#define REMOTE(...)                                                                                \
    cm_mysql("127.0.0.1", .port = (unsigned)proxy->port, .user = "root", .database = "test",       \
             ##__VA_ARGS__)

/* ---- Cancellation ------------------------------------------------------------------------------ */

static MYSQL *conn;

static void wait_in_query(void)
{
    with_mysql_execute(conn, "SELECT sleep(100)");
}

static void wait_in_bound_query(void)
{
    with_mysql_execute(conn, "SELECT sleep(?)", 100);
}

static void wait_in_result(void)
{
    with (cm_mysql_result(conn, "SELECT sleep(100)")) CHECK(!"entered");
}

static void wait_in_bound_result(void)
{
    with (cm_mysql_result(conn, "SELECT sleep(?)", 100)) CHECK(!"entered");
}

static void wait_in_store(void)
{
    with (cm_mysql_result(conn, "SELECT sleep(if(seq < 9000, 0, 100)), repeat('x', 100) FROM "
                                "seq_1_to_10000"))
        CHECK(!"entered");
}

static void wait_in_stream(void)
{
    with (cm_mysql_stream(conn, "SELECT sleep(if(seq < 9000, 0, 100)), repeat('x', 100) FROM "
                                "seq_1_to_10000"),
          result)
        while (with_mysql_next(result)) continue;
}

static void wait_in_bound_stream(void)
{
    with (cm_mysql_stream(conn,
                          "SELECT sleep(if(seq < ?, 0, 100)), repeat('x', 100) FROM "
                          "seq_1_to_10000",
                          9000),
          result)
        while (with_mysql_next(result)) continue;
}

static void wait_in_statement(void)
{
    with (cm_mysql_statement(conn, "SELECT sleep(?)"), statement) with_mysql_run(statement, 100);
}

static void wait_for_lock(void)
{
    with_mysql_execute(conn, "UPDATE t SET id = 2000 WHERE id = ?", 1000);
}

static void (*const waits[])(void) = {wait_in_query,        wait_in_bound_query, wait_in_result,
                                      wait_in_bound_result, wait_in_store,       wait_in_stream,
                                      wait_in_bound_stream, wait_in_statement,   wait_for_lock};

static void wait_in_transaction(void *wait)
{
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        (*(void (**)(void))wait)();
        CHECK(!"waited to the end");
    }
}

static void *wait_in_thread(void *wait)
{
    return (void *)with_call(wait_in_transaction, wait);
}

/* The connection stays, what was done before is rolled back, and nobody waits for the 100 s. */
static void test_cancel(void)
{
    plain("INSERT INTO t VALUES (1000)");
    plain("START TRANSACTION");
    plain("UPDATE t SET id = 1000");
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        const double begun = seconds_now();
        pthread_t thread;
        void *result;

        CHECK_INT(pthread_create(&thread, NULL, wait_in_thread, (void *)&waits[i]), 0);
        usleep(300000);
        pthread_cancel(thread);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (!CHECK(result == PTHREAD_CANCELED) || !CHECK(is_reusable(conn)) ||
            !CHECK(seconds_now() - begun < 30))
            fprintf(stderr, "    wait %d\n", (int)i);
        CHECK_INT(plain_on(conn, "SELECT count(*) FROM t WHERE id = 1"), 0);
    }
    plain("ROLLBACK");
    CHECK(becomes(OTHER_SESSIONS, 1));
    CHECK(becomes(PREPARED, 0));
    plain("DELETE FROM t");
}

/* Where no second connection is to be had, the connection is given up. */
static void test_cancel_alone(void)
{
    const int before = open_descriptors();

    with (REMOTE(), c) {
        pthread_t thread;
        void *result, *wait = (void *)&waits[0];

        conn = c;
        CHECK_INT(pthread_create(&thread, NULL, wait_in_thread, wait), 0);
        usleep(300000);
        proxy->mode = PROXY_REFUSE;
        pthread_cancel(thread);
        CHECK_INT(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK(with_mysql_is_broken(c));
        proxy->mode = PROXY_PASS;
    }
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
    CHECK_INT(rows_with(1), 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
    CHECK_INT(open_descriptors(), before);
}

static void *connect_in_thread(void *unused)
{
    (void)unused;
    with (REMOTE()) CHECK(!"entered");
    return NULL;
}

static void test_cancel_connect(void)
{
    const int before = open_descriptors();
    pthread_t thread;
    void *result;

    proxy->mode = PROXY_DROP_ANSWERS;
    CHECK_INT(pthread_create(&thread, NULL, connect_in_thread, NULL), 0);
    usleep(200000);
    pthread_cancel(thread);
    CHECK_INT(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    proxy->mode = PROXY_PASS;
    for (int i = 0; i < 1000 && open_descriptors() > before; i++) usleep(2000);
    CHECK_INT(open_descriptors(), before);
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* Weeks of rows: what is left early does not wait for them. */
static void test_endless(bool bound)
{
    static const char sql[] = "SELECT a.seq FROM seq_1_to_9999999 a, seq_1_to_9999999 b "
                              "WHERE a.seq <> ?";
    const double begun = seconds_now();

    with (LOCAL(), c) {
        with (bound
                  ? cm_mysql_stream(c, sql, 0)
                  : cm_mysql_stream(c, "SELECT a.seq FROM seq_1_to_9999999 a, seq_1_to_9999999 b"),
              result)
            for (int i = 0; i < 10; i++) CHECK(with_mysql_next(result));
        CHECK(is_reusable(c));
    }
    CHECK(seconds_now() - begun < 30);
}

/* ---- Time limits ----------------------------------------------------------------------------- */

static void connect_late(void *unused)
{
    (void)unused;
    with (REMOTE(.connect_timeout_seconds = 0.2)) CHECK(!"entered");
}

static void read_late(void *unused)
{
    (void)unused;
    with (REMOTE(.read_timeout_seconds = 1), c) {
        proxy->mode = PROXY_DROP_ANSWERS;
        with (cm_mysql_transaction(c)) CHECK(!"entered");
    }
}

static void test_limits(void)
{
    const double begun = seconds_now();

    proxy->mode = PROXY_DROP_ANSWERS;
    CHECK_THROWS(connect_late, NULL, ConnectionFailure, "not made within 0.2 s");
    proxy->mode = PROXY_PASS;
    CHECK_THROWS(read_late, NULL, ConnectionFailure, "");
    proxy->mode = PROXY_PASS;
    proxy_reset(proxy);
    CHECK(seconds_now() - begun < 20);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- Connections that are lost ----------------------------------------------------------------- */

static void (*disturb)(MYSQL *c);

static void kill_it(MYSQL *c)
{
    char sql[40];

    snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id(c));
    plain(sql);
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
}

static void reset_it(MYSQL *c)
{
    (void)c;
    proxy_reset(proxy);
}

static void lose_then_use(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_mysql_transaction(c)) {
            insert(c, 1);
            disturb(c);
            try {
                insert(c, 2);
            } catch (ConnectionFailure, e) {
                CHECK(with_mysql_is_broken(c));
                CHECK(!e->notes || !e->notes->next || !e->notes->next->next); /* once told */
                with_rethrow();
            }
        }
}

/* The block goes on to its end, where nothing was to be sent to a connection that was found lost. */
static void lose_and_ignore(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_mysql_transaction(c)) {
            insert(c, 1);
            disturb(c);
            try {
                insert(c, 2);
            } catch (ConnectionFailure) {
            }
        }
}

/* The server's last word is here before COMMIT would be sent. */
static void lose_then_commit(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_mysql_transaction(c)) {
            struct pollfd socket = {.fd = (int)mysql_get_socket(c), .events = POLLIN};
            insert(c, 1);
            disturb(c);
            CHECK_INT(poll(&socket, 1, 20000), 1);
        }
}

static void lose_then_throw(void *unused)
{
    (void)unused;
    with (REMOTE(), c) {
        try {
            with (cm_mysql_transaction(c)) {
                insert(c, 1);
                disturb(c);
                throw(KeyError, "own");
            }
        } catch (KeyError, e) {
            CHECK(has_note(e, "ConnectionFailure: rolling back: "));
            CHECK(with_mysql_is_broken(c));
            with_rethrow();
        }
    }
}

static void test_lost(void)
{
    void (*const disturbances[])(MYSQL *) = {kill_it, reset_it};

    for (int i = 0; i < 2; i++) {
        disturb = disturbances[i];
        CHECK_THROWS(lose_then_use, NULL, ConnectionFailure, "");
        CHECK_THROWS(lose_and_ignore, NULL, ConnectionFailure, "nothing is stored");
        CHECK_THROWS(lose_then_commit, NULL, ConnectionFailure, "nothing is stored");
        CHECK_THROWS(lose_then_throw, NULL, KeyError, "own");
        CHECK(becomes(OPEN_TRANSACTIONS, 0));
        CHECK_INT(rows_with(1) + rows_with(2), 0);
        CHECK(becomes(OTHER_SESSIONS, 0));
    }
}

static void commit_one(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_mysql_transaction(c)) insert(c, 1);
}

static void release_one(void *unused)
{
    (void)unused;
    with (REMOTE(), c)
        with (cm_mysql_transaction(c)) {
            with (cm_mysql_transaction(c)) insert(c, 1);
        }
}

/* The question is lost, so nothing is stored; or the answer is, and all is. Here nobody can tell. */
static void test_unknown(void)
{
    proxy_set_trap(proxy, PROXY_LOSE_QUESTION, "COMMIT");
    CHECK_THROWS(commit_one, NULL, TransactionResolutionUnknown, "may have been stored or not");
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
    CHECK_INT(rows_with(1), 0);
    proxy_set_trap(proxy, PROXY_LOSE_ANSWER, "COMMIT");
    CHECK_THROWS(commit_one, NULL, TransactionResolutionUnknown, "may have been stored or not");
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
    CHECK_INT(rows_with(1), 1);
    plain("DELETE FROM t");
    proxy_set_trap(proxy, PROXY_LOSE_ANSWER, "RELEASE"); /* of a savepoint: certainly not stored */
    CHECK_THROWS(release_one, NULL, ConnectionFailure, "committing");
    CHECK(becomes(OPEN_TRANSACTIONS, 0));
    CHECK_INT(rows_with(1), 0);
}

/* ---- The server ends --------------------------------------------------------------------------- */

static void stop_in_block(void *unused)
{
    (void)unused;
    with (LOCAL(), c)
        with (cm_mysql_transaction(c)) {
            insert(c, 1);
            CHECK(server_stop(&server, "KILL"));
            insert(c, 2);
        }
}

static void connect_to_dead(void *unused)
{
    (void)unused;
    with (LOCAL()) CHECK(!"entered");
}

static void test_server_end(void)
{
    mysql_close(outside);
    CHECK_THROWS(stop_in_block, NULL, ConnectionFailure, "");
    CHECK_THROWS(connect_to_dead, NULL, ConnectionFailure, "");
    CHECK(server_start(&server));
    outside = plain_connection();
    CHECK_INT(rows_with(1) + rows_with(2), 0);
}

int main(void)
{
    set_up(NULL);
    proxy = proxy_open(server.port);
    with (LOCAL(), c) {
        conn = c;
        test_cancel();
    }
    test_cancel_alone();
    test_cancel_connect();
    test_endless(false);
    test_endless(true);
    test_limits();
    test_lost();
    test_unknown();
    test_server_end();
    proxy_close(proxy);
    return tear_down();
}
