/* SPDX-License-Identifier: MIT
 *
 * Every way out of a transaction, on files and in memory, alone and nested: what is committed then, and
 * that the connection can go on.
 */
#include "test_sqlite.h"

enum way {
    END,
    CONTINUE,
    CANCEL_LATER, /* asked for in the block, which reaches its end all the same */
    RETURN,
    GOTO,
    THROW,
    CANCEL,
    EXIT_THREAD,
    BREAK,
    WAYS,
    COMMITTED = 100, /* added to a way: commits first */
};

/* Whether a `with` is complete by that way. */
static bool completes(enum way way)
{
    return way >= COMMITTED || way <= CANCEL_LATER;
}

static void leave_thread(enum way way)
{
    if (way == CANCEL || way == CANCEL_LATER) pthread_cancel(pthread_self());
    if (way == CANCEL) pthread_testcancel();
    if (way == EXIT_THREAD) pthread_exit(NULL);
}

/* A thread that has been asked to end does so in with_sqlite_execute(). */
static void insert(sqlite3 *db, int number)
{
    with_sqlite_execute(db, "INSERT INTO t VALUES (?)", number);
}

static void hold_with(sqlite3 *db, enum way way)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED), same) {
        CHECK(same == db && sqlite3_get_autocommit(db) == 0);
        insert(db, 1);
        if (way >= COMMITTED) with_sqlite_commit(db);
        if (way % COMMITTED == RETURN) return;
        if (way % COMMITTED == GOTO) goto out;
        if (way % COMMITTED == CONTINUE) continue;
        if (way % COMMITTED == THROW) throw(KeyError, "thrown");
        leave_thread(way % COMMITTED);
    }
out:;
}

static void hold_using(sqlite3 *db, enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE));
        insert(db, 1);
        if (way >= COMMITTED) with_sqlite_commit(db);
        if (way % COMMITTED == RETURN) return;
        if (way % COMMITTED == GOTO) goto out;
        if (way % COMMITTED == CONTINUE) continue;
        if (way % COMMITTED == BREAK) break;
        if (way % COMMITTED == THROW) throw(KeyError, "thrown");
        leave_thread(way % COMMITTED);
    }
out:;
}

struct attempt {
    void (*function)(sqlite3 *db, enum way way);
    enum way way;
    sqlite3 *db;
};

static void *run(void *argument)
{
    const struct attempt *attempt = argument;

    try {
        attempt->function(attempt->db, attempt->way);
    } catch (KeyError, e) {
        CHECK_STR(e->message, "thrown");
        CHECK(!e->notes);
    }
    return NULL;
}

static void check_way(struct attempt attempt, const char *path, const char *wanted)
{
    pthread_t thread;

    with (cm_sqlite(path), db) {
        with_sqlite_execute(db, "DROP TABLE IF EXISTS t; CREATE TABLE t (n)");
        attempt.db = db;
        CHECK(pthread_create(&thread, NULL, run, &attempt) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK_INT(sqlite3_get_autocommit(db), 1);
        if (!CHECK_STR(asked(db, "SELECT count(*) FROM t"), wanted))
            printf("way %d\n", attempt.way);
        hold_with(db, END);
    }
}

static void check_path(const char *path)
{
    for (enum way way = END; way < BREAK; way++) {
        check_way((struct attempt){hold_with, way, NULL}, path, completes(way) ? "1" : "0");
        check_way((struct attempt){hold_with, way + COMMITTED, NULL}, path, "1");
    }
    for (enum way way = END; way < WAYS; way++) {
        check_way((struct attempt){hold_using, way, NULL}, path, "0");
        check_way((struct attempt){hold_using, way + COMMITTED, NULL}, path, "1");
    }
}

static void test_ways_out(void)
{
    const int before = open_descriptors();

    check_path(":memory:");
    check_path("");
    check_path("file.db");
    CHECK(is_free("file.db"));
    CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), "2");
    CHECK_INT(open_descriptors(), before);
    unlink("file.db");
}

/* ---- Nested ------------------------------------------------------------------------------------ */

/* 1 in the outer, 2 in the middle, 4 in the inner one: each left by a way of its own. */
struct nested {
    sqlite3 *db;
    enum way ways[3];
};

static void nest(const struct nested *nested, int depth)
{
    const enum way way = nested->ways[depth];

    with (cm_sqlite_transaction(nested->db, WITH_SQLITE_DEFERRED)) {
        insert(nested->db, 1 << depth);
        try {
            if (depth < 2) nest(nested, depth + 1);
        } catch (KeyError) {
        }
        CHECK_INT(sqlite3_get_autocommit(nested->db), 0);
        if (way >= COMMITTED) with_sqlite_commit(nested->db);
        if (way % COMMITTED == RETURN) return;
        if (way % COMMITTED == THROW) throw(KeyError, "thrown");
    }
}

static void check_nested(struct nested nested)
{
    char wanted[20];
    int sum = 0;

    for (int depth = 2; depth >= 0; depth--)
        sum = completes(nested.ways[depth]) ? sum | 1 << depth : 0;
    snprintf(wanted, sizeof wanted, "%d", sum);
    with_sqlite_execute(nested.db, "DELETE FROM t");
    try {
        nest(&nested, 0);
    } catch (KeyError) {
    }
    CHECK_STR(asked(nested.db, "SELECT total(n) + 0 FROM t"), strcat(wanted, ".0"));
    CHECK_INT(sqlite3_get_autocommit(nested.db), 1);
}

static void test_nested(void)
{
    static const enum way ways[] = {END, RETURN, THROW, COMMITTED + END, COMMITTED + THROW};
    enum { COUNT = sizeof ways / sizeof *ways };

    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "CREATE TABLE t (n)");
        for (int i = 0; i < COUNT * COUNT * COUNT; i++)
            check_nested((struct nested){
                db, {ways[i % COUNT], ways[i / COUNT % COUNT], ways[i / COUNT / COUNT]}});
    }
}

/* Two connections do not nest. */
static void test_two_connections(void)
{
    make_database("a.db", "CREATE TABLE t (n)");
    make_database("b.db", "CREATE TABLE t (n)");
    with (cm_sqlite("a.db"), a)
        with (cm_sqlite("b.db"), b) {
            with (cm_sqlite_transaction(a, WITH_SQLITE_DEFERRED)) {
                insert(a, 1);
                with (cm_sqlite_transaction(b, WITH_SQLITE_DEFERRED)) insert(b, 1);
                goto out;
            }
        }
out:
    CHECK_STR(asked_of("a.db", "SELECT count(*) FROM t"), "0");
    CHECK_STR(asked_of("b.db", "SELECT count(*) FROM t"), "1");
    unlink("a.db");
    unlink("b.db");
}

/* ---- Commits that are no commits --------------------------------------------------------------- */

static sqlite3 *shared_db;

static void commit_without(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:"), db) with_sqlite_commit(db);
}

static void commit_twice(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:"), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED))
            with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
                with_sqlite_commit(db);
                with_sqlite_commit(db); /* and not the outer one */
            }
}

static void commit_of_other_thread(void *unused)
{
    (void)unused;
    with_sqlite_commit(shared_db);
}

static void *commit_there(void *unused)
{
    CHECK_THROWN(
        commit_of_other_thread, unused,
        "ValueError: with_sqlite_commit: no block of this thread holds a transaction on it");
    return unused;
}

static void begin_by_hand(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "BEGIN");
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) CHECK(!"entered");
    }
}

/* A commit, then a new transaction in the same block, which is not nested. */
static void commit_and_begin(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "CREATE TABLE t (n)");
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            insert(db, 1);
            with_sqlite_commit(db);
            with (cm_sqlite_transaction(db, WITH_SQLITE_EXCLUSIVE)) insert(db, 2);
            CHECK_INT(sqlite3_get_autocommit(db), 1);
        }
        CHECK_STR(asked(db, "SELECT count(*) FROM t"), "2");
    }
}

static void test_commits(void)
{
    pthread_t thread;

    CHECK_THROWN(
        commit_without, NULL,
        "ValueError: with_sqlite_commit: no block of this thread holds a transaction on it");
    CHECK_THROWN(commit_twice, NULL, "RuntimeError: with_sqlite_commit: committed already");
    CHECK_THROWN(begin_by_hand, NULL,
                 "InterfaceError: a transaction is open that no block of this thread holds");
    CHECK_THROWN(commit_and_begin, NULL, "");
    with (cm_sqlite(":memory:"), db) {
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            shared_db = db;
            CHECK(pthread_create(&thread, NULL, commit_there, NULL) == 0);
            CHECK(pthread_join(thread, NULL) == 0);
        }
    }
}

/* ---- exit() ------------------------------------------------------------------------------------ */

static void exit_in_block(void)
{
    using (cm_sqlite("exit.db"), db);
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        using (cm_sqlite_statement(db, "INSERT INTO t VALUES (1), (2) RETURNING n"), statement);
        CHECK(with_sqlite_step(statement));
        exit(test_failures != 0);
    }
}

static void commit_and_exit(void)
{
    using (cm_sqlite("exit.db", .wal = true), db);
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        insert(db, 1);
        with_sqlite_commit(db);
        exit(test_failures != 0);
    }
}

static void test_exit(void)
{
    make_database("exit.db", "CREATE TABLE t (n)");
    fflush(NULL);
    in_child(exit_in_block);
    CHECK_INT(entries_of("."), 1); /* the journal has gone: the connection was closed */
    CHECK_STR(asked_of("exit.db", "SELECT count(*) FROM t"), "0");
    in_child(commit_and_exit);
    CHECK_INT(entries_of("."), 1); /* and so has the WAL */
    CHECK_STR(asked_of("exit.db", "SELECT count(*) FROM t"), "1");
    unlink("exit.db");
}

/* ---- fork() ------------------------------------------------------------------------------------ */

static void use_in_child(void *db)
{
    with_sqlite_execute(db, "INSERT INTO t VALUES (7)");
}

static void begin_in_child(void *db)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) CHECK(!"entered");
}

static void prepare_in_child(void *db)
{
    with (cm_sqlite_statement(db, "SELECT 1")) CHECK(!"entered");
}

static void open_blob_in_child(void *db)
{
    with (cm_sqlite_blob(db, "t", "n", 1)) CHECK(!"entered");
}

static void commit_in_child(void *db)
{
    with_sqlite_commit(db);
}

static void refuse_in_child(sqlite3 *db, pid_t parent)
{
    char wanted[200];

    snprintf(wanted, sizeof wanted,
             "RuntimeError: the connection is of process %d, and must not be used in this one",
             (int)parent);
    CHECK_THROWN(use_in_child, db, wanted);
    CHECK_THROWN(begin_in_child, db, wanted);
    CHECK_THROWN(prepare_in_child, db, wanted);
    CHECK_THROWN(open_blob_in_child, db, wanted);
    CHECK_THROWN(commit_in_child, db, wanted);
}

/* The child leaves all blocks, in the way told, in the midst of a transaction of the parent's. */
static void fork_in_blocks(enum way way)
{
    const pid_t parent = getpid();
    int status = -1;

    with (cm_sqlite("fork.db"), db) {
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
            with (cm_sqlite_statement(db, "INSERT INTO t VALUES (1), (2) RETURNING n"), statement) {
                CHECK(with_sqlite_step(statement));
                with (cm_sqlite_blob(db, "t", "n", 1, .writable = true)) {
                    const pid_t child = fork();
                    if (child == 0) {
                        refuse_in_child(db, parent);
                        if (way == RETURN) return;
                        if (way == THROW) throw(KeyError, "in the child");
                        if (way == EXIT_THREAD) exit(test_failures != 0);
                    } else {
                        CHECK(waitpid(child, &status, 0) == child);
                        CHECK_INT(status, 0);
                        CHECK(!is_free("fork.db")); /* the lock is held as before */
                        CHECK(access("fork.db-journal", F_OK) == 0);
                    }
                }
                if (getpid() == parent) CHECK(with_sqlite_step(statement));
            }
        }
    }
}

/* A statement in no transaction but its own, which the child's exit must not commit. */
static void fork_in_statement(void)
{
    int status = -1;

    with (cm_sqlite("fork.db"), db)
        with (cm_sqlite_statement(db, "INSERT INTO t VALUES (1), (2) RETURNING n"), statement) {
            pid_t child;
            with_sqlite_execute(db, "PRAGMA cache_size = 1");
            CHECK(with_sqlite_step(statement));
            CHECK(access("fork.db-journal", F_OK) == 0);
            child = fork();
            if (child == 0) return;
            CHECK(waitpid(child, &status, 0) == child);
            CHECK_INT(status, 0);
            CHECK(access("fork.db-journal", F_OK) == 0);
        }
}

static void check_statement(void)
{
    const pid_t parent = getpid();
    const int failures = test_failures;

    make_database("fork.db", "CREATE TABLE t (n)");
    fflush(NULL);
    fork_in_statement();
    if (getpid() != parent) _exit(test_failures != failures);
    CHECK_STR(asked_of("fork.db", "SELECT count(*) FROM t"), "2");
    CHECK_INT(entries_of("."), 1);
}

static void test_fork(void)
{
    static const enum way ways[] = {END, RETURN, THROW, EXIT_THREAD};
    const pid_t parent = getpid();
    const int failures = test_failures;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        make_database("fork.db", "CREATE TABLE t (n); INSERT INTO t VALUES (x'616263')");
        fflush(NULL);
        try {
            fork_in_blocks(ways[i]);
        } catch (KeyError) {
        }
        if (getpid() != parent) _exit(test_failures != failures);
        CHECK_STR(asked_of("fork.db", "PRAGMA integrity_check"), "ok");
        CHECK_STR(asked_of("fork.db", "SELECT count(*) FROM t"), "3");
        CHECK_INT(entries_of("."), 1);
    }
    check_statement();
    unlink("fork.db");
}

int main(void)
{
    test_sqlite_begin();
    test_ways_out();
    test_nested();
    test_two_connections();
    test_commits();
    test_exit();
    test_fork();
    return test_sqlite_end();
}
