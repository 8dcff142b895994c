/* SPDX-License-Identifier: MIT
 *
 * Parameters, results, cursors, and threads that are cancelled in the middle of a statement.
 */
#include "test_postgres.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>

static PGconn *conn;

/* ---- Parameters -------------------------------------------------------------------------------- */

/* What the server makes of a parameter: its type and its value. */
#define CHECK_BOUND(TYPE, TEXT, VALUE)                                                             \
    do {                                                                                           \
        with (cm_postgres_result(conn, "SELECT pg_typeof($1)::text, $1::text", VALUE), result) {   \
            CHECK_STR(PQgetvalue(result, 0, 0), TYPE);                                             \
            CHECK_STR(PQgetvalue(result, 0, 1), TEXT);                                             \
        }                                                                                          \
    } while (0)

static void test_integers_of_all_sizes(void)
{
    const signed char small = -7;
    const unsigned char byte = 200;
    const short two = SHRT_MIN;
    const unsigned short unsigned_two = USHRT_MAX;
    const size_t size = 12;

    CHECK_BOUND("integer", "-7", small);
    CHECK_BOUND("integer", "200", byte);
    CHECK_BOUND("integer", "-32768", two);
    CHECK_BOUND("integer", "65535", unsigned_two);
    CHECK_BOUND("integer", "-2147483648", INT_MIN);
    CHECK_BOUND("integer", "2147483647", INT_MAX);
    CHECK_BOUND("bigint", "4294967295", UINT_MAX);
    CHECK_BOUND("bigint", "-9223372036854775808", LONG_MIN);
    CHECK_BOUND("bigint", "9223372036854775807", LLONG_MAX);
    CHECK_BOUND("bigint", "12", size);
    CHECK_BOUND("bigint", "9223372036854775807", (unsigned long)LONG_MAX);
    CHECK_BOUND("numeric", "18446744073709551615", ULLONG_MAX);
}

static void check_text(const char *text)
{
    with (cm_postgres_result(conn, "SELECT $1::text", text), result)
        CHECK_STR(PQgetvalue(result, 0, 0), text);
}

static void test_other_types(void)
{
    const bool yes = true;
    char text[] = "O'Hara; DROP TABLE t; --";
    const char *const none = NULL;

    CHECK_BOUND("boolean", "true", yes);
    CHECK_BOUND("boolean", "false", (bool)false);
    CHECK_BOUND("double precision", "0.1", 0.1);
    CHECK_BOUND("double precision", "0.5", 0.5f);
    CHECK_BOUND("double precision", "1.7976931348623157e+308", DBL_MAX);
    CHECK_BOUND("double precision", "-Infinity", -INFINITY);
    CHECK_BOUND("double precision", "NaN", (double)NAN);
    check_text(text);
    check_text("\xc3\xa9\xe2\x82\xac");
    check_text("");
    CHECK_BOUND("bytea", "\\x00ff27", with_postgres_bytes("\0\xff'", 3));
    CHECK_BOUND("bytea", "\\x", with_postgres_bytes("", 0));
    with (cm_postgres_result(conn, "SELECT $1::text, $2::int, $3::bytea", none, NULL,
                             with_postgres_bytes(NULL, 0)),
          result)
        for (int i = 0; i < 3; i++) CHECK(PQgetisnull(result, 0, i));
}

/* A locale with a decimal comma has no say in it. */
static void test_locale(void)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) puts("no locale with a decimal comma here");
    CHECK_BOUND("double precision", "1.5", 1.5);
    setlocale(LC_NUMERIC, "C");
}

static int evaluated;

static int next_number(void)
{
    return ++evaluated;
}

/* Text takes the type that the statement wants; each argument is evaluated once; 16 are enough. */
static void test_many(void)
{
    with (cm_postgres_result(conn, "SELECT $1::date + 1, $2 || 'b'", "2024-02-28", "a"), result) {
        CHECK_STR(PQgetvalue(result, 0, 0), "2024-02-29");
        CHECK_STR(PQgetvalue(result, 0, 1), "ab");
    }
    with (cm_postgres_result(conn, "SELECT $1 + $2", next_number(), next_number()), result)
        CHECK_STR(PQgetvalue(result, 0, 0), "3");
    CHECK_INT(evaluated, 2);
    with (cm_postgres_result(conn,
                             "SELECT $1+$2+$3+$4+$5+$6+$7+$8+$9+$10+$11+$12+$13+$14+$15+$16, $16",
                             1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 100),
          result) {
        CHECK_STR(PQgetvalue(result, 0, 0), "220");
        CHECK_STR(PQgetvalue(result, 0, 1), "100");
    }
}

static void bind_pointer(void *pointer)
{
    with (cm_postgres_result(conn, "SELECT $1", pointer)) {}
}

static void bind_no_bytes(void *unused)
{
    (void)unused;
    with_postgres_execute(conn, "SELECT $1", with_postgres_bytes(NULL, 3));
}

static void bind_too_many_bytes(void *unused)
{
    (void)unused;
    with_postgres_execute(conn, "SELECT $1", with_postgres_bytes("", (size_t)INT_MAX + 1));
}

static void test_bad_parameters(void)
{
    CHECK_THROWS(bind_pointer, &conn, ValueError, "neither text nor NULL");
    CHECK_THROWS(bind_no_bytes, NULL, ValueError, "NULL and some bytes");
    CHECK_THROWS(bind_too_many_bytes, NULL, ValueError, "2147483648 bytes");
}

/* ---- Results ----------------------------------------------------------------------------------- */

static void take(void *sql)
{
    with (cm_postgres_taken(conn, PQexec(conn, sql)), result) CHECK_INT(PQntuples(result), 1);
}

static void test_taken(void)
{
    CHECK_NO_THROW(take, "SELECT 1");
    CHECK_THROWS(take, "SELECT 1 / 0", DataError, "division by zero");
    CHECK_THROWS(take, "COPY t TO STDOUT", ProgrammingError, "use cm_postgres_copy_in");
    CHECK(is_reusable(conn));
}

static void test_execute(void)
{
    CHECK_INT(with_postgres_execute(conn, "INSERT INTO t SELECT generate_series(1, $1)", 50), 50);
    CHECK_INT(with_postgres_execute(conn, "UPDATE t SET id = id + 100 WHERE id > $1", 40), 10);
    CHECK_INT(with_postgres_execute(conn, "DELETE FROM t"), 50);
    CHECK_INT(with_postgres_execute(conn, ""), 0);
    CHECK_INT(with_postgres_execute(conn, "SET work_mem = '1MB'"), 0);
}

/* Any number of a manager's blocks, one in the other too. */
static void test_reentrant(void)
{
    struct cm_postgres_result numbers = cm_postgres_result(conn, "SELECT $1 + 1", 41);

    with (numbers, a)
        with (numbers, b) {
            CHECK(a != b);
            CHECK_STR(PQgetvalue(b, 0, 0), "42");
        }
}

static void use_while_busy(void *unused)
{
    (void)unused;
    with_postgres_execute(conn, "SELECT 1");
}

static void test_busy(void)
{
    CHECK_INT(PQsendQuery(conn, "SELECT 1"), 1);
    CHECK_THROWS(use_while_busy, NULL, InterfaceError, "busy with an earlier statement");
    for (PGresult *result; (result = PQgetResult(conn));) PQclear(result);
}

/* ---- Cursors ----------------------------------------------------------------------------------- */

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void next_of_nothing(void *unused)
{
    (void)unused;
    with_postgres_next(NULL);
}

/* A hundred megabytes of rows; what is kept of them in memory at any time is far less. */
static void test_large_cursor(void)
{
    long before, most = 0;
    int rows = 0;

    with (cm_postgres_transaction(conn))
        with (cm_postgres_cursor(conn, "SELECT i, repeat('x', $1) FROM generate_series(1, $2) i",
                                 10000, 10000),
              cursor) {
            with_postgres_next(cursor);
            rows = 1;
            before = resident_kb();
            while (with_postgres_next(cursor)) {
                rows++;
                if (atoi(PQgetvalue(cursor->result, cursor->row, 0)) != rows) break;
                if (rows % 100 == 0 && resident_kb() > most) most = resident_kb();
            }
            CHECK(!with_postgres_next(cursor));
            CHECK_THROWS(next_of_nothing, NULL, ValueError,
                         "with_postgres_next: the cursor is NULL");
        }
    CHECK_INT(rows, 10000);
    printf("a cursor over 100 MB grew the process by %ld kB\n", most - before);
#ifndef TEST_SANITIZED
    CHECK(most - before < 50000); /* valgrind keeps what was freed for a while */
#endif
}

/* Small rows, no rows, and other statements meanwhile. */
static void test_small_cursors(void)
{
    long long sum = 0, others = 0;

    with (cm_postgres_transaction(conn)) {
        with (cm_postgres_cursor(conn, "SELECT generate_series(1, 5000)"), cursor)
            while (with_postgres_next(cursor)) {
                sum += atoi(PQgetvalue(cursor->result, cursor->row, 0));
                if (cursor->row > 0) continue;
                with (cm_postgres_result(conn, "SELECT 1")) others++;
            }
        with (cm_postgres_cursor(conn, "SELECT 1 WHERE false"), cursor)
            CHECK(!with_postgres_next(cursor));
        with (cm_postgres_cursor(conn, "SELECT generate_series(1, 16)"), cursor) {
            int rows = 0;
            while (with_postgres_next(cursor)) rows++;
            CHECK_INT(rows, 16); /* as many as the first batch */
        }
    }
    CHECK_INT(sum, 5000 * 5001 / 2);
    CHECK(others > 3);
}

enum way { END, RETURN, BREAK, GOTO, THROW, WAYS };

static void leave_cursor(void *argument)
{
    const enum way way = *(enum way *)argument;

    for (int i = 0; i < 1; i++) {
        using (cm_postgres_cursor(conn, "SELECT generate_series(1, 1000000)"), cursor);
        CHECK(with_postgres_next(cursor));
        if (way == RETURN) return;
        if (way == BREAK) break;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "way out");
    }
out:;
}

/* However early it is left: the transaction goes on, and the cursor is not there any more. */
static void test_leaving_cursors(void)
{
    for (enum way way = 0; way < WAYS; way++) {
        with (cm_postgres_transaction(conn)) {
            insert(conn, way);
            if (way == THROW) CHECK_THROWS(leave_cursor, &way, KeyError, "way out");
            else leave_cursor(&way);
            with (
                cm_postgres_result(conn, "SELECT count(*) FROM pg_cursors WHERE name LIKE 'with%'"),
                result)
                CHECK_STR(PQgetvalue(result, 0, 0), "0");
        }
        CHECK_INT(rows_with(way), 1);
    }
    plain("DELETE FROM t");
}

static void cursor_without_transaction(void *unused)
{
    (void)unused;
    with (cm_postgres_cursor(conn, "SELECT 1")) {}
}

static void divide_in_cursor(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn))
        with (cm_postgres_cursor(conn, "SELECT 1 / (500 - i) FROM generate_series(1, 1000) i"), c)
            while (with_postgres_next(c)) {}
}

static void no_select(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn))
        with (cm_postgres_cursor(conn, "DELETE FROM t")) {}
}

static void test_failing_cursors(void)
{
    CHECK_THROWS(cursor_without_transaction, NULL, InternalError,
                 "DECLARE CURSOR can only be used in transaction blocks");
    CHECK_THROWS(divide_in_cursor, NULL, DataError, "division by zero");
    CHECK_THROWS(no_select, NULL, ProgrammingError, "syntax error");
    CHECK(is_reusable(conn));
}

/* ---- Cancellation ------------------------------------------------------------------------------- */

static void insert_and_wait_by_hand(void)
{
    insert(conn, 1);
    PQclear(PQexec(conn, "SELECT pg_sleep(600)"));
}

static void insert_and_wait(void)
{
    insert(conn, 1);
    with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) CHECK(!"slept");
}

static void wait_in_copy(void)
{
    insert(conn, 1);
    with (cm_postgres_copy_out(conn, "COPY (SELECT pg_sleep(600)) TO STDOUT"))
        with_postgres_get(conn, NULL);
}

static void wait_in_cursor(void)
{
    insert(conn, 1);
    with (cm_postgres_cursor(conn, "SELECT pg_sleep(600)"), cursor) with_postgres_next(cursor);
}

static void *wait_in_transaction(void *function)
{
    with (cm_postgres_transaction(conn)) (*(void (**)(void))function)();
    CHECK(!"completed");
    return NULL;
}

/*
 * Rolled back and the statement stopped. The connection is reusable, but for that of a thread that was
 * cancelled in the middle of libpq, which is broken.
 */
static void test_cancelled_statement(void (*function)(void))
{
    PGconn *const saved = conn;
    pthread_t thread;
    void *result;

    with (cm_postgres(conninfo), c) {
        conn = c;
        CHECK_INT(pthread_create(&thread, NULL, wait_in_transaction, &function), 0);
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 1));
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        if (function == insert_and_wait_by_hand) CHECK(with_postgres_is_broken(c));
        else CHECK(is_reusable(c));
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", 0));
        CHECK_INT(rows_with(1), 0);
    }
    conn = saved;
}

static void test_cancelled_statements(void)
{
    test_cancelled_statement(insert_and_wait);
    test_cancelled_statement(insert_and_wait_by_hand);
    test_cancelled_statement(wait_in_copy);
    test_cancelled_statement(wait_in_cursor);
}

static void throw_in_rows(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        PQsendQuery(conn, "SELECT generate_series(1, 10000000)");
        PQsetSingleRowMode(conn);
        PQclear(PQgetResult(conn));
        throw(KeyError, "in the middle");
    }
}

static void return_in_rows(void *unused)
{
    (void)unused;
    with (cm_postgres(conninfo), c)
        with (cm_postgres_transaction(c)) {
            with_postgres_execute(c, "INSERT INTO t VALUES (1)");
            PQsendQuery(c, "SELECT generate_series(1, 10000000)");
            return;
        }
}

/* libpq's single-row mode by hand: a throw stops it; a return looks like a cancellation, and breaks. */
static void test_leaving_libpq(void)
{
    CHECK_THROWS(throw_in_rows, NULL, KeyError, "in the middle");
    CHECK(is_reusable(conn));
    CHECK_NO_THROW(return_in_rows, NULL);
    CHECK(becomes(OTHER_SESSIONS, 1));
    CHECK_INT(rows_with(1), 0);
}

/* Without a transaction too. */
static void *sleep_alone(void *unused)
{
    (void)unused;
    with (cm_postgres_result(conn, "SELECT pg_sleep(600)")) CHECK(!"slept");
    return NULL;
}

static void *begin_on_locked(void *unused)
{
    (void)unused;
    with (cm_postgres_lock(conn, 7)) CHECK(!"locked");
    return NULL;
}

static void test_cancelled_alone(void)
{
    void *(*const functions[])(void *) = {sleep_alone, begin_on_locked};
    pthread_t thread;
    void *result;

    plain("SELECT pg_advisory_lock(7)");
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_create(&thread, NULL, functions[i], NULL), 0);
        CHECK(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event IN ('PgSleep', "
                      "'advisory')",
                      1));
        pthread_cancel(thread);
        pthread_join(thread, &result);
        CHECK(result == PTHREAD_CANCELED);
        CHECK(is_reusable(conn));
    }
    plain("SELECT pg_advisory_unlock(7)");
}

int main(void)
{
    set_up(NULL);
    with (cm_postgres(conninfo), c) {
        conn = c;
        test_integers_of_all_sizes();
        test_other_types();
        test_locale();
        test_many();
        test_bad_parameters();
        test_taken();
        test_execute();
        test_reentrant();
        test_busy();
        test_large_cursor();
        test_small_cursors();
        test_leaving_cursors();
        test_failing_cursors();
        test_leaving_libpq();
        if (CANCELLED_WAITS) test_cancelled_statements();
        if (CANCELLED_WAITS) test_cancelled_alone();
    }
    return tear_down();
}
