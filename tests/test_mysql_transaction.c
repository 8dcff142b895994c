/* SPDX-License-Identifier: MIT
 *
 * cm_mysql_transaction: every way out of it, alone and nested, and what is stored then; and how it can
 * end in its block.
 */
#include "test_mysql.h"

static MYSQL *conn; /* of the test; the blocks under test are on it */

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
    with (cm_mysql_transaction(conn), c) {
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
            with_mysql_commit(c);
            return;
        }
    }
out:;
}

static void leave_by_loop(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_mysql_transaction(conn), c);
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
static void test_ways_out(void)
{
    for (enum way way = 0; way < WAYS; way++) {
        pthread_t thread;
        void *result;

        CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &way), 0);
        CHECK_INT(pthread_join(thread, &result), 0);
        if (way == THROW) {
            check_exception(result, &KeyError, "way out", __FILE__, __LINE__);
            with_exception_unref(result);
        } else CHECK(result == (way == CANCEL ? PTHREAD_CANCELED : NULL));
        if (!CHECK_INT(rows_with(1), stores(way)) || !CHECK(is_reusable(conn)))
            fprintf(stderr, "    by %s\n", names[way]);
        plain("DELETE FROM t");
    }
}

/* ---- Nested: each way out of the inner block, with the outer one completed or not --------------- */

static bool complete_outer;

static void leave_nested(void *way)
{
    with (cm_mysql_transaction(conn)) {
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
    if (!CHECK_INT(rows_with(1), outer && stores(way)) || !CHECK_INT(rows_with(10), outer) ||
        !CHECK_INT(rows_with(11), outer) || !CHECK(is_reusable(conn)))
        fprintf(stderr, "    by %s, the outer block %s\n", names[way],
                complete_outer ? "completed" : "not completed");
    plain("DELETE FROM t");
}

static void test_nested(void)
{
    for (int outer = 0; outer < 2; outer++)
        for (enum way way = 0; way < WAYS; way++) {
            complete_outer = outer;
            test_nested_way(way);
        }
}

static void three_deep(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        with (cm_mysql_transaction(conn)) {
            insert(conn, 1);
            try {
                with (cm_mysql_transaction(conn)) {
                    insert(conn, 2);
                    throw(KeyError, "third");
                }
            } catch (KeyError) {
            }
            insert(conn, 3);
        }
        try {
            with (cm_mysql_transaction(conn)) insert(conn, 1);
        } catch (UniqueViolation) {
        }
        insert(conn, 4);
    }
}

static void test_three_deep(void)
{
    CHECK_NO_THROW(three_deep, NULL);
    CHECK_INT(plain("SELECT sum(1 << id) FROM t"), (1 << 1) + (1 << 3) + (1 << 4));
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

/* ---- Commit ---------------------------------------------------------------------------------- */

static void commit_outside(void *unused)
{
    (void)unused;
    with_mysql_commit(conn);
}

static void commit_twice(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        with_mysql_commit(conn);
        CHECK_INT(rows_with(1), 1);
        with_mysql_commit(conn);
    }
}

static void commit_by_using(void *unused)
{
    (void)unused;
    using (cm_mysql_transaction(conn), c);
    insert(c, 2);
    {
        using (cm_mysql_transaction(c));
        insert(c, 3);
        with_mysql_commit(c);
    }
    with_mysql_commit(c);
}

/* A block that was committed is over: what comes in it is not part of it. */
static void commit_and_begin_again(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 4);
        with_mysql_commit(conn);
        with (cm_mysql_transaction(conn, .isolation = WITH_MYSQL_SERIALIZABLE)) {
            insert(conn, 5);
            return;
        }
    }
}

static void test_commit(void)
{
    CHECK_THROWS(commit_outside, NULL, ValueError, "no block of this thread");
    CHECK_THROWS(commit_twice, NULL, RuntimeError, "committed already");
    CHECK_INT(rows_with(1), 1);
    CHECK_NO_THROW(commit_by_using, NULL);
    CHECK_INT(rows_with(2), 1);
    CHECK_INT(rows_with(3), 1);
    CHECK_NO_THROW(commit_and_begin_again, NULL);
    CHECK_INT(rows_with(4), 1);
    CHECK_INT(rows_with(5), 0);
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

/* ---- Options --------------------------------------------------------------------------------- */

static void write_read_only(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn, .read_only = true)) insert(conn, 1);
}

static void nest_with_option(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn))
        with (cm_mysql_transaction(conn, .read_only = true)) CHECK(!"entered");
}

static void no_such_isolation(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn, .isolation = 7)) CHECK(!"entered");
}

static void on_null(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(NULL)) CHECK(!"entered");
}

static void using_isolation(enum with_mysql_isolation isolation, const char *name)
{
    char sql[200];

    using (cm_mysql_transaction(conn, .isolation = isolation));
    insert(conn, 1);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_isolation_level = '%s' "
             "AND trx_mysql_thread_id = %lu",
             name, mysql_thread_id(conn));
    CHECK(becomes(sql, 1));
}

static void test_isolations(void)
{
    static const char *const names_of[] = {"REPEATABLE READ", "READ UNCOMMITTED", "READ COMMITTED",
                                           "REPEATABLE READ", "SERIALIZABLE"};

    for (int i = WITH_MYSQL_DEFAULT_ISOLATION; i <= WITH_MYSQL_SERIALIZABLE; i++)
        using_isolation((enum with_mysql_isolation)i, names_of[i]);
    using_isolation(WITH_MYSQL_DEFAULT_ISOLATION, names_of[0]); /* the last one has left nothing */
}

/* With a snapshot from the start, what others store afterwards is not seen. */
static void test_snapshot(void)
{
    with (cm_mysql_transaction(conn, .consistent_snapshot = true, .read_only = true)) {
        plain("INSERT INTO t VALUES (1)");
        CHECK_INT(plain_on(conn, "SELECT count(*) FROM t"), 0);
    }
    CHECK_INT(plain_on(conn, "SELECT count(*) FROM t"), 1);
    plain("DELETE FROM t");
}

static void test_options(void)
{
    CHECK_THROWS(write_read_only, NULL, InternalError, "READ ONLY");
    CHECK_THROWS(nest_with_option, NULL, ValueError, "it is a savepoint");
    CHECK_THROWS(no_such_isolation, NULL, ValueError, "no isolation 7");
    CHECK_THROWS(on_null, NULL, ValueError, "the connection is NULL");
    test_isolations();
    test_snapshot();
    CHECK(is_reusable(conn));
}

/* ---- The transaction ends in its block ---------------------------------------------------------- */

static const char *ddl;

static void commit_by_ddl(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        plain_on(conn, ddl);
    }
}

static void go_on_after_ddl(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        plain_on(conn, ddl);
        with_mysql_execute(conn, "INSERT INTO t VALUES (2)");
    }
}

/* CREATE TABLE commits first and fails then; the error does not tell that. */
static void commit_by_failing_ddl(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        CHECK(mysql_query(conn, "CREATE TABLE t (id int)") != 0);
    }
}

static void commit_by_failing_ddl_of_ours(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        try {
            with_mysql_execute(conn, "CREATE TABLE t (id int)");
        } catch (ProgrammingError) {
        } catch (DatabaseError) {
        }
        insert(conn, 2);
    }
}

static void nest_after_ddl(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        plain_on(conn, ddl);
        with (cm_mysql_transaction(conn)) CHECK(!"entered");
    }
}

static void ddl_in_savepoint(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        with (cm_mysql_transaction(conn)) plain_on(conn, ddl);
    }
}

static void throw_after_ddl(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        plain_on(conn, ddl);
        throw(KeyError, "own");
    }
}

static void test_implicit_commit(void)
{
    void (*const functions[])(void *) = {commit_by_ddl,         go_on_after_ddl,
                                         commit_by_failing_ddl, commit_by_failing_ddl_of_ours,
                                         nest_after_ddl,        ddl_in_savepoint};

    ddl = "CREATE OR REPLACE TABLE other (id int)";
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        CHECK_THROWS(functions[i], NULL, InternalError, "was ended in its block");
        CHECK_INT(rows_with(1), 1); /* which the server had stored; that is what was told */
        CHECK_INT(rows_with(2), 0);
        CHECK(is_reusable(conn));
        plain("DELETE FROM t");
    }
    CHECK_THROWS(throw_after_ddl, NULL, KeyError, "own");
    CHECK(is_reusable(conn));
    plain("DELETE FROM t");
}

static void begin_over_open(void *unused)
{
    (void)unused;
    plain_on(conn, "START TRANSACTION");
    with (cm_mysql_transaction(conn)) CHECK(!"entered");
}

static void test_open_transaction(void)
{
    CHECK_THROWS(begin_over_open, NULL, InterfaceError, "that no block of this thread holds");
    plain_on(conn, "ROLLBACK");
    CHECK(is_reusable(conn));
}

/* ---- Deadlock -------------------------------------------------------------------------------- */

static void *lock_second_then_first(void *other)
{
    plain_on(other, "UPDATE t SET id = id WHERE id = 1");
    plain_on(other, "COMMIT");
    return NULL;
}

static bool go_on;

/* This transaction is the lighter one, and so the victim. */
static void deadlock(void *other)
{
    pthread_t thread;

    with (cm_mysql_transaction(conn)) {
        insert(conn, 100);
        with_mysql_execute(conn, "UPDATE t SET id = id WHERE id = ?", 1);
        plain_on(other, "START TRANSACTION");
        plain_on(other, "DELETE FROM heavy");
        plain_on(other, "UPDATE t SET id = id WHERE id = 2");
        pthread_create(&thread, NULL, lock_second_then_first, other);
        CHECK(becomes("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = "
                      "'LOCK WAIT'",
                      1));
        try {
            with_mysql_execute(conn, "UPDATE t SET id = id WHERE id = ?", 2);
            CHECK(!"no deadlock");
        } catch (DeadlockDetected, e) {
            CHECK_INT(e->code, ER_LOCK_DEADLOCK);
            CHECK(with_database_can_retry(e));
            pthread_join(thread, NULL);
            if (!go_on) with_rethrow();
        }
    }
}

static void test_deadlock(void)
{
    MYSQL *other = plain_connection();

    plain("CREATE TABLE heavy (id int PRIMARY KEY) ENGINE = InnoDB");
    for (int i = 0; i < 2; i++) {
        plain("INSERT INTO t VALUES (1), (2)");
        plain("INSERT INTO heavy SELECT seq FROM seq_1_to_1000");
        go_on = i;
        if (go_on) CHECK_THROWS(deadlock, other, InternalError, "was ended in its block");
        else CHECK_THROWS(deadlock, other, DeadlockDetected, "Deadlock found");
        CHECK_INT(rows_with(100), 0);
        CHECK(is_reusable(conn));
        plain("DELETE FROM t");
    }
    mysql_close(other);
}

/* ---- Other processes and exit() ----------------------------------------------------------------- */

static void enter_in_child(void *unused)
{
    (void)unused;
    with (cm_mysql_transaction(conn)) CHECK(!"entered");
}

static void commit_in_child(void *unused)
{
    (void)unused;
    with_mysql_commit(conn);
}

static void fork_in_block(void *unused)
{
    int status = -1;
    pid_t child;

    (void)unused;
    with (cm_mysql_transaction(conn)) {
        insert(conn, 1);
        fflush(NULL);
        child = fork();
        if (child == 0) {
            CHECK_THROWS(enter_in_child, NULL, RuntimeError, "belongs to process");
            CHECK_THROWS(commit_in_child, NULL, RuntimeError, "by another process");
            exit(test_failures ? 1 : 0); /* its exits run, and say nothing to the server */
        }
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK_INT(status, 0);
        insert(conn, 2);
    }
}

static void exit_in_block(void)
{
    with (LOCAL(), c)
        with (cm_mysql_transaction(c)) {
            insert(c, 3);
            exit(0);
        }
}

static void test_processes(void)
{
    int status = -1;
    pid_t child;

    CHECK_NO_THROW(fork_in_block, NULL);
    CHECK_INT(rows_with(1) + rows_with(2), 2);
    CHECK(is_reusable(conn));
    fflush(NULL);
    child = fork();
    if (child == 0) exit_in_block();
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(rows_with(3), 0);
    CHECK(becomes(OTHER_SESSIONS, 1)); /* conn */
    plain("DELETE FROM t");
}

int main(void)
{
    set_up(NULL);
    with (LOCAL(), c) {
        conn = c;
        test_ways_out();
        test_nested();
        test_three_deep();
        test_commit();
        test_options();
        test_implicit_commit();
        test_open_transaction();
        test_deadlock();
        test_processes();
    }
    return tear_down();
}
