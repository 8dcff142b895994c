/* SPDX-License-Identifier: MIT
 *
 * Connections in a pool: what one holder leaves behind, the next does not find.
 */
#include "test_postgres.h"

#include <with/postgres_pool.h>

static struct with_postgres_options options = WITH_POSTGRES_OPTIONS_INIT;
static int reports[16];

static void count_report(void *unused, const struct with_pool_report *report)
{
    (void)unused;
    reports[report->event]++;
}

#define POOL(...) cm_pool(&with_postgres_maker, &options, .report = count_report, __VA_ARGS__)

static void check_value(PGconn *conn, const char *sql, const char *wanted)
{
    with (cm_postgres_result(conn, sql), result)
        if (!CHECK_STR(PQgetvalue(result, 0, 0), wanted)) puts(sql);
}

/* ---- What is left behind ------------------------------------------------------------------------ */

static void leave_settings(PGconn *conn)
{
    with_postgres_execute(conn, "SET work_mem = '123kB'");
}

static void leave_objects(PGconn *conn)
{
    with_postgres_execute(conn, "CREATE TEMP TABLE left_behind (id integer)");
    PQclear(PQprepare(conn, "left_behind", "SELECT 1", 0, NULL));
    with_postgres_execute(conn, "LISTEN left_behind");
}

static void leave_table_of_query(PGconn *conn)
{
    with_postgres_execute(conn, "CREATE TEMP TABLE left_behind AS SELECT 1");
}

static void leave_table_of_select(PGconn *conn)
{
    PQclear(PQexec(conn, "SELECT 1 INTO TEMP left_behind"));
}

static void leave_cursor(PGconn *conn)
{
    with_postgres_execute(conn, "DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1");
}

static void leave_notification(PGconn *conn)
{
    with_postgres_execute(conn, "LISTEN left_behind");
    with_postgres_execute(conn, "NOTIFY left_behind");
}

static void never_call(void *unused, const PGresult *notice)
{
    (void)unused, (void)notice;
    CHECK(!"called when its holder is gone");
}

static void leave_receiver(PGconn *conn)
{
    PQsetNoticeReceiver(conn, never_call, NULL);
    PQclear(PQexec(conn, "BEGIN"));
}

static void leave_nonblocking(PGconn *conn)
{
    PQsetnonblocking(conn, 1);
}

static void leave_transaction(PGconn *conn)
{
    PQclear(PQexec(conn, "BEGIN"));
    insert(conn, 1);
}

static void leave_failed_transaction(PGconn *conn)
{
    PQclear(PQexec(conn, "BEGIN"));
    PQclear(PQexec(conn, "SELECT 1 / 0"));
}

static void leave_statement(PGconn *conn)
{
    PQsendQuery(conn, "SELECT pg_sleep(600)");
}

static void leave_rows(PGconn *conn)
{
    PQsendQuery(conn, "SELECT generate_series(1, 1000000)");
    PQsetSingleRowMode(conn);
    PQclear(PQgetResult(conn));
}

static void leave_answer(PGconn *conn)
{
    PQsendQuery(conn, "SELECT 1");
    while (PQisBusy(conn) && PQconsumeInput(conn)) {}
}

static void leave_copies(PGconn *conn)
{
    PQclear(PQexec(conn, "COPY t FROM STDIN"));
    PQputCopyData(conn, "1\n", 2);
}

static void leave_rows_of_copy(PGconn *conn)
{
    PQclear(PQexec(conn, "COPY (SELECT generate_series(1, 1000000)) TO STDOUT"));
}

/* What is in the middle of a statement is not kept. */
static const struct {
    void (*leave)(PGconn *conn);
    bool kept;
} leavings[] = {
    {leave_settings, true},       {leave_objects, true},
    {leave_table_of_query, true}, {leave_table_of_select, true},
    {leave_cursor, true},         {leave_notification, true},
    {leave_receiver, true},       {leave_nonblocking, true},
    {leave_transaction, true},    {leave_failed_transaction, true},
    {leave_statement, false},     {leave_rows, false},
    {leave_answer, false},        {leave_copies, false},
    {leave_rows_of_copy, false},
};

static void check_clean(PGconn *conn)
{
    CHECK(is_reusable(conn));
    check_value(conn, "SHOW work_mem", "4MB");
    check_value(conn, "SELECT count(*) FROM pg_class WHERE relname = 'left_behind'", "0");
    check_value(conn, "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''", "0");
    check_value(conn, "SELECT count(*) FROM pg_listening_channels()", "0");
    check_value(conn, "SELECT count(*) FROM pg_cursors WHERE is_holdable", "0");
    with_postgres_execute(conn, "DO 'BEGIN RAISE NOTICE ''one''; END'");
    CHECK(!PQnotifies(conn));
    CHECK(!PQisnonblocking(conn));
    CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
}

static void test_reset(void)
{
    int pid = 0;

    with (POOL(.maximum_size = 1), pool) {
        for (size_t i = 0; i < sizeof leavings / sizeof *leavings; i++) {
            with (cm_acquire_postgres(pool), conn) {
                pid = PQbackendPID(conn);
                leavings[i].leave(conn);
            }
            with (cm_acquire_postgres(pool), conn) {
                CHECK((PQbackendPID(conn) == pid) == leavings[i].kept);
                check_clean(conn);
            }
        }
    }
    CHECK_INT(reports[WITH_POOL_RESET_FAILED], 5);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* What no command tag tells: by its option it is discarded too. */
static void test_discard_always(void)
{
    for (int i = 0; i < 2; i++) {
        options.discard_always = i;
        with (POOL(.maximum_size = 1), pool) {
            with (cm_acquire_postgres(pool), conn)
                check_value(conn, "SELECT set_config('work_mem', '123kB', false)", "123kB");
            with (cm_acquire_postgres(pool), conn)
                check_value(conn, "SHOW work_mem", i ? "4MB" : "123kB");
        }
    }
    options.discard_always = false;
}

/* ---- Connections that are of no more use --------------------------------------------------------- */

static void kill_session(PGconn *conn)
{
    char sql[120];

    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", PQbackendPID(conn));
    plain(sql);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void use(void *conn)
{
    with_postgres_execute(conn, "SELECT 1");
}

static void test_broken(void)
{
    memset(reports, 0, sizeof reports);
    with (POOL(.maximum_size = 1, .check_seconds = -1), pool) {
        with (cm_acquire_postgres(pool), conn) {
            kill_session(conn);
            CHECK_THROWS(use, conn, ConnectionFailure, "terminating connection");
        }
        CHECK_INT(reports[WITH_POOL_RESET_FAILED], 1);
        with (cm_acquire_postgres(pool), conn) CHECK(is_reusable(conn));
        /* Now while nobody holds it: the check finds that. */
        plain("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = "
              "'client backend' AND pid <> pg_backend_pid()");
        CHECK(becomes(OTHER_SESSIONS, 0));
        with (cm_acquire_postgres(pool), conn) CHECK(is_reusable(conn));
        CHECK_INT(reports[WITH_POOL_CHECK_FAILED], 1);
    }
    CHECK(becomes(OTHER_SESSIONS, 0));
}

static void acquire(void *pool)
{
    with (cm_acquire_postgres_within(pool, 0.2)) CHECK(!"acquired");
}

static void make_pool(void *unused)
{
    (void)unused;
    with (POOL(.maximum_size = 1, .open_at_start = true)) CHECK(!"made");
}

static void test_bad_options(void)
{
    const char *const good = options.conninfo;

    options.conninfo = "host=/nowhere";
    with (POOL(.maximum_size = 1, .fail_fast = true), pool)
        CHECK_THROWS(acquire, pool, ConnectionFailure, "/nowhere");
    CHECK_THROWS(make_pool, NULL, ConnectionFailure, "/nowhere");
    options.conninfo = good;
    options.size = 4;
    CHECK_THROWS(make_pool, NULL, ValueError, "options without their size");
    options.size = offsetof(struct with_postgres_options, connect_timeout_seconds);
    options.connect_timeout_seconds = -1; /* is not looked at */
    with (POOL(.maximum_size = 1), pool)
        with (cm_acquire_postgres(pool), conn) CHECK(is_reusable(conn));
    options.connect_timeout_seconds = 0;
    options.size = sizeof options;
}

/* ---- fork() --------------------------------------------------------------------------------------- */

static void test_fork(void)
{
    const int failures = test_failures;
    int status = -1;
    pid_t child;

    with (POOL(.maximum_size = 2, .no_thread = true), pool) { /* for ThreadSanitizer */
        with (cm_acquire_postgres(pool), conn) {
            with (cm_acquire_postgres(pool)) {}
            child = fork();
            if (child == 0) {
                CHECK_THROWS(use, conn, RuntimeError, "belongs to process");
                with (cm_acquire_postgres(pool), own) {
                    CHECK(own != conn);
                    CHECK(is_reusable(own));
                }
            } else {
                waitpid(child, &status, 0);
                CHECK(is_reusable(conn));
            }
        }
        if (child > 0) {
            with (cm_acquire_postgres(pool), a)
                with (cm_acquire_postgres(pool), b) CHECK(is_reusable(a) && is_reusable(b));
        }
    }
    if (child == 0) _exit(test_failures != failures);
    CHECK_INT(status, 0);
    CHECK(becomes(OTHER_SESSIONS, 0));
}

/* ---- A cancelled holder ---------------------------------------------------------------------------- */

static void *hold_and_sleep(void *pool)
{
    with (cm_acquire_postgres(pool), conn)
        with (cm_postgres_transaction(conn)) {
            insert(conn, 1);
            with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) CHECK(!"slept");
        }
    return NULL;
}

static void test_cancelled_holder(void)
{
    pthread_t thread;
    void *result;

    with (POOL(.maximum_size = 1), pool) {
        CHECK_INT(pthread_create(&thread, NULL, hold_and_sleep, pool), 0);
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        with (cm_acquire_postgres(pool), conn) check_clean(conn);
    }
}

int main(void)
{
    set_up(NULL);
    options.conninfo = conninfo;
    test_reset();
    test_discard_always();
    test_broken();
    test_bad_options();
    test_fork();
    if (CANCELLED_WAITS) test_cancelled_holder();
    return tear_down();
}
