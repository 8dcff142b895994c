/* SPDX-License-Identifier: MIT
 *
 * SQLite in a pool: what a holder leaves behind does not reach the next one, nothing is left open, and a
 * transaction that is left in its midst is rolled back and the connection used again.
 */
#include "test_sqlite.h"

#include <with/sqlite_pool.h>

static int count(with_pool *pool, enum with_pool_reason reason)
{
    struct with_pool_statistics statistics = WITH_POOL_STATISTICS_INIT;

    with_pool_measure(pool, &statistics);
    return (int)statistics.closed[reason];
}

static int opened(with_pool *pool)
{
    struct with_pool_statistics statistics = WITH_POOL_STATISTICS_INIT;

    with_pool_measure(pool, &statistics);
    return (int)statistics.opened;
}

static char reported[1000];

static void keep_report(void *unused, const struct with_pool_report *report)
{
    (void)unused;
    snprintf(reported + strlen(reported), sizeof reported - strlen(reported), "%s%s",
             *reported ? " / " : "", report->message);
}

/* ---- What a holder leaves ------------------------------------------------------------------------ */

static void hold(with_pool *pool, const char *sql)
{
    with (cm_acquire_sqlite(pool), db) with_sqlite_execute(db, sql);
}

static int deny(void *unused, int action, const char *a, const char *b, const char *c,
                const char *d)
{
    (void)unused, (void)action, (void)a, (void)b, (void)c, (void)d;
    return SQLITE_DENY;
}

static void leave_settings(with_pool *pool)
{
    with (cm_acquire_sqlite(pool), db) {
        with_sqlite_execute(db, "PRAGMA wal_autocheckpoint = 7");
        with_sqlite_execute(db, "BEGIN; INSERT INTO t VALUES (1)");
        sqlite3_busy_timeout(db, 1);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, (int *)NULL);
        sqlite3_set_authorizer(db, deny, NULL);
    }
    with (cm_acquire_sqlite(pool), db) {
        CHECK_INT(sqlite3_get_autocommit(db), 1);
        CHECK_STR(asked(db, "SELECT count(*) FROM t"), "0");
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "2000");
        CHECK_STR(asked(db, "PRAGMA foreign_keys"), "1");
        CHECK_STR(asked(db, "PRAGMA wal_autocheckpoint"), "1000");
    }
    CHECK_INT(opened(pool), 1);
}

static void leave_session(with_pool *pool, const char *sql, const char *what)
{
    const int before = opened(pool);

    *reported = '\0';
    hold(pool, sql);
    hold(pool, "SELECT count(*) FROM t");
    CHECK_INT(opened(pool), before + 1);
    if (!CHECK(strstr(reported, what))) puts(reported);
}

static sqlite3_stmt *left;

static void leave_running(with_pool *pool)
{
    const int before = opened(pool);

    *reported = '\0';
    with (cm_acquire_sqlite(pool), db) {
        CHECK_INT(sqlite3_prepare_v2(db, "VALUES (1), (2)", -1, &left, NULL), SQLITE_OK);
        CHECK_INT(sqlite3_step(left), SQLITE_ROW);
    }
    hold(pool, "SELECT count(*) FROM t");
    CHECK_INT(opened(pool), before + 1);
    if (!CHECK(strstr(reported, "given back with statements or blobs in use") &&
               strstr(reported, "not closed before 1 statements are finalized")))
        puts(reported);
    CHECK_INT(sqlite3_finalize(left), SQLITE_OK); /* still ours to release */
}

static void test_reset(void)
{
    const int before = open_descriptors();

    make_database("pool.db", "CREATE TABLE t (n)");
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS("pool.db", .busy_seconds = 2),
                  .maximum_size = 1, .report = keep_report),
          pool) {
        leave_settings(pool);
        leave_session(pool, "CREATE TEMP TABLE x (n)",
                      "pool.db: given back with temporary tables left");
        leave_session(pool, "ATTACH ':memory:' AS x",
                      "pool.db: given back with a database attached left");
        leave_running(pool);
        CHECK_INT(count(pool, WITH_POOL_CLOSED_RESET), 3);
    }
    CHECK_INT(open_descriptors(), before);
    unlink("pool.db");
}

/* ---- A file that is another one by now ----------------------------------------------------------- */

static void test_moved(void)
{
    make_database("pool.db", "CREATE TABLE t (n); INSERT INTO t VALUES ('old')");
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS("pool.db"), .maximum_size = 1,
                  .check_seconds = -1),
          pool) {
        hold(pool, "SELECT n FROM t");
        hold(pool, "SELECT n FROM t");
        CHECK_INT(opened(pool), 1);
        make_database("pool.db", "CREATE TABLE t (n); INSERT INTO t VALUES ('new')");
        with (cm_acquire_sqlite(pool), db) CHECK_STR(asked(db, "SELECT n FROM t"), "new");
        CHECK_INT(count(pool, WITH_POOL_CLOSED_CHECK), 1);
    }
    unlink("pool.db");
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS(":memory:"), .check_seconds = -1), pool) {
        hold(pool, "SELECT 1");
        hold(pool, "SELECT 1");
        CHECK_INT(opened(pool), 1);
    }
}

static void acquire_missing(void *unused)
{
    (void)unused;
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS("missing/pool.db"), .fail_fast = true),
          pool)
        hold(pool, "SELECT 1");
}

static void acquire_bad(void *unused)
{
    (void)unused;
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS(NULL), .fail_fast = true), pool)
        hold(pool, "SELECT 1");
}

static void test_open(void)
{
    const with_exception *e = with_call(acquire_missing, NULL);

    CHECK(e && e->type == &OperationalError && e->code == SQLITE_CANTOPEN);
    CHECK_STR(e ? e->message : NULL, "missing/pool.db: unable to open database file");
    with_exception_unref(e);
    e = with_call(acquire_bad, NULL);
    CHECK(e && e->type == &ValueError);
    with_exception_unref(e);
}

/* ---- Many threads, which leave in all ways ------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 60, SIZE = 3 };
enum way { END, RETURN, THROW, COMMIT, WAYS };

static with_pool *shared;
static atomic_int committed;

static void write_one(int round, enum way way)
{
    with (cm_acquire_sqlite(shared), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
            with_sqlite_execute(db, "INSERT INTO t VALUES (?)", round);
            if (way == RETURN) return;
            if (way == THROW) throw(KeyError, "thrown");
            if (way == COMMIT) {
                with_sqlite_commit(db);
                committed++;
                return;
            }
        }
    committed++;
}

static void *write_many(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        try {
            write_one(i, i % WAYS);
        } catch (KeyError) {
        }
    }
    return unused;
}

/* Cancelled with a connection and a transaction, which is given back, rolled back, by the exits. */
static void *write_until_cancelled(void *unused)
{
    with (cm_acquire_sqlite(shared), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE))
            for (;;) with_sqlite_execute(db, "INSERT INTO t VALUES (-1)");
    return unused;
}

static void test_threads(void)
{
    const int before = open_descriptors();
    pthread_t threads[THREADS];
    char wanted[20];

    make_database("pool.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (n)");
    with (cm_pool(&with_sqlite_maker,
                  WITH_SQLITE_OPTIONS("pool.db", .wal = true, .busy_seconds = 30),
                  .maximum_size = SIZE),
          pool) {
        shared = pool;
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, write_many, NULL) == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(pthread_create(&threads[0], NULL, write_until_cancelled, NULL) == 0);
        usleep(20000);
        CHECK(pthread_cancel(threads[0]) == 0);
        CHECK(pthread_join(threads[0], NULL) == 0);
        CHECK(opened(pool) <= SIZE);
        CHECK_INT(count(pool, WITH_POOL_CLOSED_RESET), 0);
        with (cm_acquire_sqlite(pool), db) {
            snprintf(wanted, sizeof wanted, "%d", (int)committed);
            CHECK_STR(asked(db, "SELECT count(*) FROM t"), wanted);
        }
    }
    CHECK_INT(committed, THREADS * ROUNDS / 2);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(entries_of("."), 1);
    unlink("pool.db");
}

/* ---- fork() ------------------------------------------------------------------------------------ */

/* In the child nothing may be done to it, not even to free its memory, which leak checkers look for. */
static sqlite3 *volatile of_parent;

/* Without the pool's thread: ThreadSanitizer lets no child of a process with threads start one. */
static void fork_while_holding(void)
{
    int status = -1;

    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS("pool.db"), .maximum_size = 2,
                  .no_thread = true),
          pool)
        with (cm_acquire_sqlite(pool), db)
            with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
                pid_t child;
                with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
                of_parent = db;
                child = fork();
                if (child == 0) { /* a connection of its own */
                    with (cm_acquire_sqlite(pool), own) {
                        CHECK(own != db);
                        CHECK_STR(asked(own, "SELECT count(*) FROM t"), "0");
                    }
                    return;
                }
                CHECK(waitpid(child, &status, 0) == child);
                CHECK_INT(status, 0);
                CHECK(!is_free("pool.db"));
            }
}

static void test_fork(void)
{
    const pid_t parent = getpid();
    const int failures = test_failures;

    make_database("pool.db", "CREATE TABLE t (n)");
    fflush(NULL);
    fork_while_holding();
    if (getpid() != parent) _exit(test_failures != failures);
    CHECK_STR(asked_of("pool.db", "SELECT count(*) FROM t"), "1");
    CHECK_STR(asked_of("pool.db", "PRAGMA integrity_check"), "ok");
    CHECK_INT(entries_of("."), 1);
    unlink("pool.db");
}

int main(void)
{
    test_sqlite_begin();
    test_reset();
    test_moved();
    test_open();
    test_threads();
    test_fork();
    return test_sqlite_end();
}
