/* SPDX-License-Identifier: MIT
 *
 * cm_postgres_transaction: every way out of it, alone and nested, and what is stored then.
 */
#include "test_postgres.h"

static PGconn *conn; /* of the test; the blocks under test are on it */

/* ---- Every way out --------------------------------------------------------------------------- */

enum way {
    END,
    RETURN,
    BREAK,
    CONTINUE,
    GOTO,
    THROW,
    CANCEL,
    THREAD_EXIT,
    COMMIT_THEN_RETURN,
    WAYS
};
static const char *const names[] = {"end",   "return", "break",        "continue",         "goto",
                                    "throw", "cancel", "pthread_exit", "commit and return"};

static bool stores(enum way way)
{
    return way == END || way == COMMIT_THEN_RETURN;
}

/* What all ways but break and continue have in common. */
static void leave_by(enum way way)
{
    with (cm_postgres_transaction(conn), c) {
        CHECK(c == conn);
        insert(c, 1);
        if (way == RETURN) return;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "way out");
        if (way == CANCEL) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
        if (way == THREAD_EXIT) pthread_exit(NULL);
        if (way == COMMIT_THEN_RETURN) {
            with_postgres_commit(c);
            return;
        }
    }
out:;
}

static void leave_by_loop(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_postgres_transaction(conn), c);
        insert(c, 1);
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

/* In a thread of its own, which some ways end. */
static void run_way(void *(*function)(void *), enum way way)
{
    pthread_t thread;
    void *result;

    CHECK_INT(pthread_create(&thread, NULL, function, &way), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    if (way == THROW) check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
    else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
    if (way == THROW) with_exception_unref(result);
}

static void test_ways_out(void)
{
    for (enum way way = 0; way < WAYS; way++) {
        run_way(leave_in_thread, way);
        if (!CHECK_INT(rows_with(1), stores(way)) || !CHECK(is_reusable(conn)))
            fprintf(stderr, "    by %s\n", names[way]);
        plain("DELETE FROM t");
    }
}

/* ---- Nested: each way out of the inner block, with the outer one completed or not --------------- */

static bool complete_outer;

static void leave_nested(void *way)
{
    with (cm_postgres_transaction(conn)) {
        insert(conn, 10);
        try {
            leave(way);
        } catch (KeyError) {
        }
        insert(conn, 11);
        if (!complete_outer) throw(IndexError, "outer");
    }
}

static void *leave_nested_in_thread(void *way)
{
    return (void *)with_call(leave_nested, way);
}

static void test_nested_way(enum way way)
{
    const bool ends_thread = way == CANCEL || way == THREAD_EXIT;
    const bool outer = complete_outer && !ends_thread;
    pthread_t thread;
    void *result;

    CHECK_INT(pthread_create(&thread, NULL, leave_nested_in_thread, &way), 0);
    CHECK_INT(pthread_join(thread, &result), 0);
    if (!ends_thread && !complete_outer)
        check_exception(result, &IndexError, "outer", __FILE__, __LINE__);
    else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
    if (result != PTHREAD_CANCELED) with_exception_unref(result);
    const int before = test_failures;
    CHECK_INT(rows_with(1), outer && stores(way));
    CHECK_INT(rows_with(10), outer);
    CHECK_INT(rows_with(11), outer);
    CHECK(is_reusable(conn));
    if (test_failures != before)
        fprintf(stderr, "    by %s, the outer block %s\n", names[way],
                complete_outer ? "completed" : "not completed");
    plain("DELETE FROM t");
}

static void test_nested(void)
{
    for (enum way way = 0; way < WAYS; way++)
        for (int i = 0; i < 2; i++) {
            complete_outer = i;
            test_nested_way(way);
        }
}

/* An error of SQL in the inner block fails it alone. */
static void fail_inside(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        try {
            with (cm_postgres_transaction(conn)) {
                insert(conn, 2);
                insert(conn, 1);
            }
        } catch (UniqueViolation) {
            CHECK_INT(PQtransactionStatus(conn), PQTRANS_INTRANS);
        }
        insert(conn, 3);
        with (cm_postgres_transaction(conn))
            with (cm_postgres_transaction(conn)) insert(conn, 4);
    }
}

static void test_failure_in_nested(void)
{
    CHECK_NO_THROW(fail_inside, NULL);
    CHECK_INT(number_of("SELECT sum(id * id) FROM t"), 1 + 9 + 16);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

/* ---- Commits that fail ------------------------------------------------------------------------ */

static void defer_violation(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        with_postgres_execute(conn, "INSERT INTO child VALUES (99)");
    }
    CHECK(!"committed");
}

static void commit_violation(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        with_postgres_execute(conn, "INSERT INTO child VALUES (99)");
        with_postgres_commit(conn);
        CHECK(!"committed");
    }
}

static void swallow_error(void *by_commit)
{
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        try {
            insert(conn, 1);
        } catch (UniqueViolation) {
        }
        CHECK_INT(PQtransactionStatus(conn), PQTRANS_INERROR);
        if (by_commit) with_postgres_commit(conn);
    }
    CHECK(!"committed");
}

static void swallow_error_in_nested(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 8);
        try {
            swallow_error(NULL);
        } catch (InternalError, e) {
            CHECK_STR(sqlstate_of(e), "25P02");
        }
        CHECK_INT(PQtransactionStatus(conn), PQTRANS_INTRANS);
        insert(conn, 2);
    }
}

static void end_by_hand(void *sql)
{
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        PQclear(PQexec(conn, sql));
    }
}

/* Only what is the block's own goes in: not what would be stored at once. */
static void go_on_after(void *sql)
{
    with (cm_postgres_transaction(conn)) {
        PQclear(PQexec(conn, sql));
        insert(conn, 3);
    }
}

static void nest_after(void *sql)
{
    with (cm_postgres_transaction(conn)) {
        PQclear(PQexec(conn, sql));
        with (cm_postgres_transaction(conn)) insert(conn, 3);
    }
}

static void go_on_after_reset(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        PQreset(conn);
        insert(conn, 3);
    }
}

static void begin_in_begun(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) insert(conn, 3);
}

static void test_ended_by_hand(void)
{
    const char *const ended = "the transaction was ended in its block";

    CHECK_THROWS(go_on_after, "ROLLBACK", InternalError, ended);
    CHECK_THROWS(go_on_after, "COMMIT", InternalError, ended);
    CHECK_THROWS(nest_after, "COMMIT", InternalError, ended);
    CHECK_THROWS(go_on_after_reset, NULL, InternalError, ended);
    CHECK(is_reusable(conn));
    PQclear(PQexec(conn, "BEGIN"));
    CHECK_THROWS(begin_in_begun, NULL, InterfaceError,
                 "cm_postgres_transaction: a transaction is open that no block holds");
    PQclear(PQexec(conn, "ROLLBACK"));
    CHECK_INT(rows_with(3), 0);
    CHECK_NO_THROW(begin_in_begun, NULL);
    CHECK_INT(rows_with(3), 1);
    plain("DELETE FROM t");
}

static void leave_running(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        CHECK_INT(PQsendQuery(conn, "SELECT pg_sleep(60)"), 1);
    }
}

static void test_failing_commits(void)
{
    void (*const failing[])(void *) = {defer_violation, commit_violation};

    plain("CREATE TABLE child (id integer REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
    for (int i = 0; i < 2; i++) {
        const with_exception *e = with_call(failing[i], NULL);
        check_exception(e, &ForeignKeyViolation,
                        "not committed: insert or update on table \"child\"", __FILE__, __LINE__);
        CHECK_STR(sqlstate_of(e), "23503");
        CHECK(has_note(e, "constraint: child_id_fkey"));
        with_exception_unref(e);
        CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
        CHECK(is_reusable(conn));
    }
    CHECK_THROWS(swallow_error, NULL, InternalError,
                 "an earlier statement of the transaction failed");
    CHECK(is_reusable(conn));
    CHECK_THROWS(swallow_error, "", InternalError,
                 "an earlier statement of the transaction failed");
    CHECK(is_reusable(conn));
    CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
    CHECK_THROWS(end_by_hand, "ROLLBACK", InternalError, "the transaction was ended in its block");
    CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
    CHECK_THROWS(leave_running, NULL, InterfaceError, "a statement of the block is still running");
    CHECK(is_reusable(conn));
    CHECK_INT(number_of("SELECT count(*) FROM t"), 0);
}

static void test_error_swallowed_in_nested(void)
{
    CHECK_NO_THROW(swallow_error_in_nested, NULL);
    CHECK_INT(rows_with(8) + rows_with(2), 2);
    CHECK_INT(rows_with(1), 0);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

/* ---- with_postgres_commit ----------------------------------------------------------------------- */

static void commit_twice(void *unused)
{
    (void)unused;
    using (cm_postgres_transaction(conn));
    insert(conn, 5);
    with_postgres_commit(conn);
    with_postgres_commit(conn);
}

static void commit_nothing(void *connection)
{
    with_postgres_commit(connection);
}

static void *commit_elsewhere(void *unused)
{
    (void)unused;
    CHECK_THROWS(commit_nothing, conn, ValueError, "no block of this thread");
    return NULL;
}

/* The commit stays, though the block throws; what comes behind it is a transaction each. */
static void commit_and_throw(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn)) {
        insert(conn, 6);
        with_postgres_commit(conn);
        insert(conn, 7);
        throw(KeyError, "after the commit");
    }
}

static void test_explicit_commit(void)
{
    pthread_t thread;

    CHECK_THROWS(commit_twice, NULL, RuntimeError, "committed already");
    CHECK_INT(rows_with(5), 1);
    CHECK_THROWS(commit_nothing, conn, ValueError, "no block of this thread");
    CHECK_THROWS(commit_nothing, NULL, ValueError, "no block of this thread");
    with (cm_postgres_transaction(conn)) {
        CHECK_THROWS(commit_nothing, outside, ValueError, "no block of this thread");
        CHECK_INT(pthread_create(&thread, NULL, commit_elsewhere, NULL), 0);
        pthread_join(thread, NULL);
    }
    CHECK_THROWS(commit_and_throw, NULL, KeyError, "after the commit");
    CHECK_INT(rows_with(6) + rows_with(7), 2);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

/* ---- Options --------------------------------------------------------------------------------- */

static void check_setting(const char *name, const char *wanted)
{
    with (cm_postgres_result(conn, "SELECT current_setting($1)", name), result)
        CHECK_STR(PQgetvalue(result, 0, 0), wanted);
}

static void write_in_read_only(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn, .read_only = true)) insert(conn, 1);
}

static void nest_with_isolation(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn))
        with (cm_postgres_transaction(conn, .isolation = WITH_POSTGRES_SERIALIZABLE)) {}
}

static void no_such_isolation(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(conn, .isolation = 17)) {}
}

static void no_connection(void *unused)
{
    (void)unused;
    with (cm_postgres_transaction(NULL)) {}
}

static void test_options(void)
{
    with (cm_postgres_transaction(conn, .isolation = WITH_POSTGRES_SERIALIZABLE, .read_only = true,
                                  .deferrable = true)) {
        check_setting("transaction_isolation", "serializable");
        check_setting("transaction_read_only", "on");
        check_setting("transaction_deferrable", "on");
    }
    with (cm_postgres_transaction(conn, .isolation = WITH_POSTGRES_REPEATABLE_READ))
        check_setting("transaction_isolation", "repeatable read");
    with (cm_postgres_transaction(conn, .isolation = WITH_POSTGRES_READ_COMMITTED))
        check_setting("transaction_isolation", "read committed");
    CHECK_THROWS(write_in_read_only, NULL, InternalError, "read-only transaction");
    CHECK_THROWS(nest_with_isolation, NULL, ValueError, "inside a transaction it is a savepoint");
    CHECK_THROWS(no_such_isolation, NULL, ValueError, "there is no isolation 17");
    CHECK_THROWS(no_connection, NULL, ValueError, "the connection is NULL");
    CHECK(is_reusable(conn));
}

/* ---- fork() and exit() ------------------------------------------------------------------------- */

static int status_of(pid_t child)
{
    int status = -1;

    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* The child's block runs to its end, and commits nothing; the parent's transaction goes on. */
static void test_fork(void)
{
    const int failures = test_failures;
    pid_t child;

    with (cm_postgres_transaction(conn)) {
        insert(conn, 1);
        child = fork();
        if (child == 0) CHECK_THROWS(fail_inside, NULL, RuntimeError, "belongs to process");
        else {
            CHECK_INT(status_of(child), 0);
            CHECK_INT(rows_with(1), 0);
            insert(conn, 2);
        }
    }
    if (child == 0) _exit(test_failures != failures);
    CHECK_INT(rows_with(1) + rows_with(2), 2);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

static void test_exit(void)
{
    const pid_t child = fork();

    if (child == 0) {
        with (cm_postgres(conninfo), mine)
            with (cm_postgres_transaction(mine)) {
                with_postgres_execute(mine, "INSERT INTO t VALUES (1)");
                exit(test_failures != 0);
            }
    }
    CHECK_INT(status_of(child), 0);
    CHECK_INT(rows_with(1), 0);
    CHECK(becomes(OTHER_SESSIONS, 1)); /* that of the test */
}

int main(void)
{
    set_up(NULL);
    with (cm_postgres(conninfo), c) {
        conn = c;
        test_ways_out();
        test_nested();
        test_failure_in_nested();
        test_failing_commits();
        test_ended_by_hand();
        test_error_swallowed_in_nested();
        test_explicit_commit();
        test_options();
        test_fork();
        test_exit();
    }
    return tear_down();
}
