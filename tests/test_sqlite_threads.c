/* SPDX-License-Identifier: MIT
 *
 * SQLite from many threads: transactions that compete and are run again, threads that are cancelled in
 * their midst, and a connection that is handed on.
 */
#include "test_sqlite.h"

#include <sched.h>

enum { THREADS = 4, ROUNDS = 50 };

/* ---- Competing --------------------------------------------------------------------------------- */

static atomic_int retries;

/* Reads, then writes what it read plus one: lost updates would show. */
static void count_once(sqlite3 *db)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        int n = 0;
        with (cm_sqlite_statement(db, "SELECT n FROM counter"), statement)
            if (with_sqlite_step(statement)) n = sqlite3_column_int(statement, 0);
        sched_yield();
        with_sqlite_execute(db, "UPDATE counter SET n = ?", n + 1);
    }
}

static bool try_to_count(sqlite3 *db)
{
    volatile bool done = false;

    try {
        count_once(db);
        done = true;
    } catch (OperationalError, e) {
        if (!with_database_can_retry(e)) with_rethrow();
        retries++;
    }
    return done;
}

static void *count(void *unused)
{
    with (cm_sqlite("file.db"), db) {
        with_sqlite_execute(db, "PRAGMA synchronous = OFF");
        sqlite3_busy_timeout(db, 1); /* so that it happens often */
        for (int i = 0; i < ROUNDS; i++)
            while (!try_to_count(db)) sched_yield();
    }
    return unused;
}

static void check_competing(const char *mode)
{
    pthread_t threads[THREADS];
    char sql[200];

    snprintf(sql, sizeof sql,
             "PRAGMA journal_mode = %s; CREATE TABLE counter (n); INSERT INTO counter VALUES (0)",
             mode);
    make_database("file.db", sql);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    snprintf(sql, sizeof sql, "%d", THREADS * ROUNDS);
    CHECK_STR(asked_of("file.db", "SELECT n FROM counter"), sql);
    unlink("file.db");
}

/* ---- Cancelled --------------------------------------------------------------------------------- */

static void *insert_pairs(void *unused)
{
    with (cm_sqlite("file.db"), db) {
        with_sqlite_execute(db, "PRAGMA synchronous = OFF");
        for (;;)
            with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
                with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
                with (cm_sqlite_statement(db, "INSERT INTO t VALUES (2) RETURNING n"), statement)
                    while (with_sqlite_step(statement)) {}
            }
    }
    return unused;
}

static void test_cancelled(void)
{
    make_database("file.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (n)");
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            CHECK(pthread_create(&threads[i], NULL, insert_pairs, NULL) == 0);
        usleep(1000U * (unsigned)round);
        for (int i = 0; i < 2; i++) {
            void *result = NULL;
            CHECK(pthread_cancel(threads[i]) == 0);
            CHECK(pthread_join(threads[i], &result) == 0);
            CHECK(result == PTHREAD_CANCELED);
        }
        CHECK(is_free("file.db"));
    }
    CHECK_STR(asked_of("file.db", "SELECT count(*) % 2 FROM t"), "0");
    CHECK_STR(asked_of("file.db", "SELECT count(*) > 0 FROM t"), "1");
    CHECK_STR(asked_of("file.db", "PRAGMA integrity_check"), "ok");
    unlink("file.db");
}

/* ---- Handed on --------------------------------------------------------------------------------- */

static void *use_it(void *db)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE))
        with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
    return NULL;
}

static void begin_there(void *db)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) CHECK(!"entered");
}

static void *begin_elsewhere(void *db)
{
    CHECK_THROWN(begin_there, db,
                 "InterfaceError: a transaction is open that no block of this thread holds");
    return NULL;
}

static void run_in_thread(void *(*function)(void *), sqlite3 *db)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, function, db) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_handed_on(void)
{
    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "CREATE TABLE t (n)");
        run_in_thread(use_it, db);
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) run_in_thread(begin_elsewhere, db);
        run_in_thread(use_it, db);
        CHECK_STR(asked(db, "SELECT count(*) FROM t"), "2");
    }
}

int main(void)
{
    test_sqlite_begin();
    check_competing("DELETE");
    check_competing("WAL");
    printf("%d transactions were run again\n", (int)retries);
    test_cancelled();
    test_handed_on();
    return test_sqlite_end();
}
