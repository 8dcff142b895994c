/* SPDX-License-Identifier: MIT
 *
 * COPY in and out: every way out, what is stored, and what the transaction around it makes of it.
 */
#include "test_postgres.h"

static PGconn *conn;

enum way { END, RETURN, BREAK, CONTINUE, GOTO, THROW, CANCEL, THREAD_EXIT, DONE_THEN_RETURN, WAYS };

static bool stores(enum way way)
{
    return way == END || way == DONE_THEN_RETURN;
}

/* ---- In ------------------------------------------------------------------------------------------ */

static void put_text(const char *text)
{
    with_postgres_put(conn, text, strlen(text));
}

static void leave_by(enum way way)
{
    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN"), c) {
        CHECK(c == conn);
        put_text("1\n2");
        put_text("\n3\n");
        if (way == RETURN) return;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "way out");
        if (way == CANCEL) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
        if (way == THREAD_EXIT) pthread_exit(NULL);
        if (way == DONE_THEN_RETURN) {
            with_postgres_copy_done(conn);
            return;
        }
    }
out:;
}

static void leave_by_loop(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_postgres_copy_in(conn, "COPY t FROM STDIN"));
        put_text("1\n");
        if (way == BREAK) break;
        continue;
    }
}

static void leave(void *way)
{
    if (*(enum way *)way == BREAK || *(enum way *)way == CONTINUE) leave_by_loop(*(enum way *)way);
    else leave_by(*(enum way *)way);
}

static void *leave_in_thread(void *way)
{
    return (void *)with_call(leave, way);
}

static void test_ways_in(void)
{
    pthread_t thread;
    void *result;

    for (enum way way = 0; way < WAYS; way++) {
        CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &way), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (way == THROW) {
            check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
            with_exception_unref(result);
        } else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        CHECK_INT(number_of("SELECT count(*) FROM t"), stores(way) ? 3 : 0);
        CHECK(is_reusable(conn));
        plain("DELETE FROM t");
    }
}

/* In a transaction the COPY that was not completed has failed, as any statement that fails. */
static void leave_in_transaction(void *way)
{
    with (cm_postgres_transaction(conn)) {
        insert(conn, 10);
        leave(way);
        if (!stores(*(enum way *)way)) CHECK_INT(PQtransactionStatus(conn), PQTRANS_INERROR);
    }
}

static void test_in_transaction(void)
{
    for (enum way way = END; way <= GOTO; way++) {
        if (stores(way)) CHECK_NO_THROW(leave_in_transaction, &way);
        else CHECK_THROWS(leave_in_transaction, &way, InternalError, "an earlier statement");
        CHECK_INT(number_of("SELECT count(*) FROM t"), stores(way) ? 4 : 0);
        CHECK(is_reusable(conn));
        plain("DELETE FROM t");
    }
}

static void copy_text(void *text)
{
    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN")) put_text(text);
}

static void copy_text_done(void *text)
{
    using (cm_postgres_copy_in(conn, "COPY t FROM STDIN"));
    put_text(text);
    with_postgres_copy_done(conn);
}

static void done_twice(void *unused)
{
    (void)unused;
    using (cm_postgres_copy_in(conn, "COPY t FROM STDIN"));
    with_postgres_copy_done(conn);
    with_postgres_copy_done(conn);
}

static void put_after_done(void *unused)
{
    (void)unused;
    using (cm_postgres_copy_in(conn, "COPY t FROM STDIN"));
    with_postgres_copy_done(conn);
    put_text("1\n");
}

static void put_null(void *unused)
{
    (void)unused;
    using (cm_postgres_copy_in(conn, "COPY t FROM STDIN"));
    with_postgres_put(conn, NULL, 2);
}

static void put_outside(void *unused)
{
    (void)unused;
    put_text("1\n");
}

static void done_outside(void *unused)
{
    (void)unused;
    with_postgres_copy_done(conn);
}

static void wrong_direction(void *unused)
{
    (void)unused;
    with (cm_postgres_copy_in(conn, "COPY t TO STDOUT")) {}
}

static void no_copy(void *unused)
{
    (void)unused;
    with (cm_postgres_copy_in(conn, "SELECT 1")) {}
}

static void no_table(void *unused)
{
    (void)unused;
    with (cm_postgres_copy_in(conn, "COPY nowhere FROM STDIN")) {}
}

static void test_failures_in(void)
{
    void (*const copies[])(void *) = {copy_text, copy_text_done};

    for (int i = 0; i < 2; i++) {
        const with_exception *e = with_call(copies[i], "1\n2\n1\n");
        check_exception(e, &UniqueViolation, "t_pkey", __FILE__, __LINE__);
        CHECK(has_note(e, "COPY t, line 3"));
        with_exception_unref(e);
        CHECK_THROWS(copies[i], "1\nx\n", DataError, "invalid input syntax");
        CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
        CHECK(is_reusable(conn));
    }
    CHECK_THROWS(done_twice, NULL, RuntimeError, "has ended before");
    CHECK_THROWS(put_after_done, NULL, RuntimeError, "has ended before");
    CHECK_THROWS(put_outside, NULL, ValueError, "no block of this thread");
    CHECK_THROWS(put_null, NULL, ValueError, "with_postgres_put: the data is NULL");
    CHECK_THROWS(done_outside, NULL, ValueError, "no block of this thread");
    CHECK_THROWS(wrong_direction, NULL, ProgrammingError, "this is no such COPY");
    CHECK_THROWS(no_copy, NULL, ProgrammingError, "this is no such COPY");
    CHECK_THROWS(no_table, NULL, ProgrammingError, "relation \"nowhere\"");
    CHECK(is_reusable(conn));
}

/* More than the socket and the server's memory for it hold: it must wait for room. */
static void test_much_in(void)
{
    static char lines[200000];
    int length = 0, number = 0;

    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN"))
        for (int i = 0; i < 20; i++) {
            for (length = 0; length < (int)sizeof lines - 20;)
                length += sprintf(lines + length, "%d\n", ++number);
            with_postgres_put(conn, lines, (size_t)length);
        }
    CHECK(number > 100000);
    CHECK_INT(number_of("SELECT count(*) FROM t"), number);
    plain("TRUNCATE t");
}

/* ---- Out ----------------------------------------------------------------------------------------- */

#define COPY_MUCH "COPY (SELECT generate_series(1, 10000000)) TO STDOUT"

static void leave_out_by(enum way way)
{
    size_t length = 0;

    with (cm_postgres_copy_out(conn, COPY_MUCH)) {
        CHECK_STR(with_postgres_get(conn, &length), "1\n");
        CHECK_INT(length, 2);
        CHECK_STR(with_postgres_get(conn, NULL), "2\n");
        if (way == RETURN) return;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "way out");
        if (way == CANCEL) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
        if (way == THREAD_EXIT) pthread_exit(NULL);
    }
out:;
}

static void leave_out(void *way)
{
    leave_out_by(*(enum way *)way);
}

static void *leave_out_in_thread(void *way)
{
    return (void *)with_call(leave_out, way);
}

static void test_ways_out_of_out(void)
{
    pthread_t thread;
    void *result;

    for (enum way way = 0; way < WAYS; way++) {
        CHECK_INT(pthread_create(&thread, NULL, leave_out_in_thread, &way), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (way == THROW) {
            check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
            with_exception_unref(result);
        } else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        CHECK(is_reusable(conn));
    }
}

/* The transaction goes on, whether it was read to its end or not. */
static void test_out_in_transaction(void)
{
    int rows = 0;

    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        leave_out_by(RETURN);
        insert(conn, 2);
        with (cm_postgres_copy_out(conn, "COPY (SELECT generate_series(1, 1000)) TO STDOUT")) {
            while (with_postgres_get(conn, NULL)) rows++;
            CHECK(!with_postgres_get(conn, NULL));
        }
        insert(conn, 3);
    }
    CHECK_INT(rows, 1000);
    CHECK_INT(number_of("SELECT count(*) FROM t"), 3);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

static void divide_in_copy(void *unused)
{
    (void)unused;
    with (cm_postgres_copy_out(conn, "COPY (SELECT 1 / (5 - i) FROM generate_series(1, 9) i) TO "
                                     "STDOUT"))
        while (with_postgres_get(conn, NULL)) {}
}

static void get_outside(void *unused)
{
    (void)unused;
    with_postgres_get(conn, NULL);
}

static void wrong_direction_out(void *unused)
{
    (void)unused;
    with (cm_postgres_copy_out(conn, "COPY t FROM STDIN")) {}
}

static void test_failures_out(void)
{
    CHECK_THROWS(divide_in_copy, NULL, DataError, "division by zero");
    CHECK_THROWS(get_outside, NULL, ValueError, "no block of this thread");
    CHECK_THROWS(wrong_direction_out, NULL, ProgrammingError, "this is no such COPY");
    CHECK(is_reusable(conn));
}

/* ---- Refused where it is no COPY that is wanted ---------------------------------------------------- */

static void copy_late(void *unused)
{
    (void)unused;
    with (cm_postgres_result(conn, "COPY late FROM STDIN")) CHECK(!"no failure");
}

/* The server reads the data late: nothing may make it answer twice, or it is noticed. */
static void test_copy_as_result(void)
{
    plain("CREATE TABLE late (id integer)");
    plain("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
          "'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'");
    plain("CREATE TRIGGER wait BEFORE INSERT ON late EXECUTE FUNCTION wait()");
    CHECK_THROWS(copy_late, NULL, ProgrammingError, "use cm_postgres_copy_in");
    for (int i = 0; i < 3; i++) CHECK(is_reusable(conn));
    with_postgres_execute(conn, "SET statement_timeout = 100");
    CHECK_THROWS(copy_late, NULL, ProgrammingError, "use cm_postgres_copy_in");
    for (int i = 0; i < 3; i++) CHECK(with_postgres_is_broken(conn) || is_reusable(conn));
    plain("DROP TABLE late");
}

/* ---- fork() ---------------------------------------------------------------------------------------- */

static void test_fork(void)
{
    const int failures = test_failures;
    int status = -1;
    pid_t child;

    with (cm_postgres_copy_in(conn, "COPY t FROM STDIN")) {
        put_text("1\n");
        child = fork();
        if (child == 0) CHECK_THROWS(put_outside, NULL, RuntimeError, "another process");
        else {
            waitpid(child, &status, 0);
            put_text("2\n");
        }
    }
    if (child == 0) _exit(test_failures != failures);
    CHECK_INT(status, 0);
    CHECK_INT(number_of("SELECT count(*) FROM t"), 2);
    plain("DELETE FROM t");
}

int main(void)
{
    set_up(NULL);
    with (cm_postgres(conninfo), c) {
        conn = c;
        test_ways_in();
        test_in_transaction();
        test_failures_in();
        test_much_in();
        test_ways_out_of_out();
        test_out_in_transaction();
        test_failures_out();
        test_fork();
        test_copy_as_result(); /* the last: it may leave nothing to be used */
    }
    return tear_down();
}
