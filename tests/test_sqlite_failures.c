/* SPDX-License-Identifier: MIT
 *
 * What goes wrong: commits and rollbacks that fail, transactions that SQLite rolls back by itself, full
 * disks, locks, files that are no databases. Real files, real locks.
 */
#include "test_sqlite.h"

#include <signal.h>
#include <sys/resource.h>

#define OVER                                                                                       \
    "the transaction is over: SQLite rolled it back after an error, or a statement ended it"

static sqlite3 *db_of_test; /* of the block that runs a test */

/* ---- Commits that fail ------------------------------------------------------------------------- */

/* A reader holds its lock, so that the writer cannot get to the file. */
static void commit_past_reader(void *explicitly)
{
    with (cm_sqlite("file.db", .busy_seconds = -1), db) {
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
            if (explicitly) with_sqlite_commit(db);
        }
    }
}

static void commit_and_go_on(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .busy_seconds = -1), db) {
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
            try {
                with_sqlite_commit(db);
            } catch (LockNotAvailable) {
            }
            CHECK_INT(sqlite3_get_autocommit(db), 1);
        } /* completed, but what failed once is not tried again, nor reported twice */
    }
}

static void commit_again(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .busy_seconds = -1), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
            try {
                with_sqlite_commit(db);
            } catch (LockNotAvailable) {
            }
            with_sqlite_commit(db);
        }
}

static void test_busy_commit(void)
{
    make_database("file.db", "CREATE TABLE t (n); INSERT INTO t VALUES (0), (0)");
    with (cm_sqlite("file.db"), reader) {
        with (cm_sqlite_statement(reader, "SELECT n FROM t"), statement) {
            CHECK(with_sqlite_step(statement));
            CHECK_THROWN(commit_past_reader, NULL,
                         "LockNotAvailable: database is locked | SQL: COMMIT");
            CHECK_THROWN(commit_past_reader, reader,
                         "LockNotAvailable: database is locked | SQL: COMMIT");
            CHECK_INT(code_of(commit_past_reader, NULL), SQLITE_BUSY);
            CHECK_THROWN(commit_and_go_on, NULL, "");
            CHECK_THROWN(commit_again, NULL,
                         "RuntimeError: with_sqlite_commit: its commit failed before");
        }
        CHECK_STR(asked(reader, "SELECT count(*) FROM t"), "2");
        CHECK_THROWN(commit_past_reader, NULL, "");
        CHECK_STR(asked(reader, "SELECT count(*) FROM t"), "3");
    }
    unlink("file.db");
}

/* A deferred foreign key is looked at by the commit alone; in a savepoint, by that of the outermost. */
static void break_foreign_key(void *nested)
{
    sqlite3 *db = db_of_test;

    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db, "INSERT INTO c VALUES (1)");
        if (nested) {
            with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED))
                with_sqlite_execute(db, "INSERT INTO c VALUES (2)");
        }
        CHECK_INT(sqlite3_get_autocommit(db), 0);
    }
}

static void leave_writer_running(void *unused)
{
    sqlite3_stmt *statement = NULL;
    const with_exception *e;
    sqlite3 *db = db_of_test;

    (void)unused;
    try {
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            CHECK_INT(sqlite3_prepare_v2(db, "INSERT INTO p VALUES (5), (6) RETURNING n", -1,
                                         &statement, NULL),
                      SQLITE_OK);
            CHECK_INT(sqlite3_step(statement), SQLITE_ROW);
        }
    } catch (LockNotAvailable, caught) {
        e = with_exception_ref(caught);
    }
    sqlite3_finalize(statement);
    with_throw_again(e);
}

static void test_commit(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db,
                            "CREATE TABLE p (n PRIMARY KEY); CREATE TABLE c (n REFERENCES p (n) "
                            "DEFERRABLE INITIALLY DEFERRED)");
        CHECK_THROWN(break_foreign_key, NULL,
                     "ForeignKeyViolation: FOREIGN KEY constraint failed | SQL: COMMIT");
        CHECK_THROWN(break_foreign_key, db,
                     "ForeignKeyViolation: FOREIGN KEY constraint failed | SQL: COMMIT");
        CHECK_INT(code_of(break_foreign_key, NULL), SQLITE_CONSTRAINT_FOREIGNKEY);
        CHECK_INT(sqlite3_get_autocommit(db), 1);
        CHECK_STR(asked(db, "SELECT count(*) FROM c"), "0");
        CHECK_THROWN(leave_writer_running, NULL,
                     "LockNotAvailable: cannot commit transaction - SQL statements in progress | "
                     "SQL: COMMIT | not finished: INSERT INTO p VALUES (5), (6) RETURNING n");
        CHECK_STR(asked(db, "SELECT count(*) FROM p"), "0");
    }
}

/* ---- Transactions that SQLite rolls back ----------------------------------------------------------- */

enum then { NOTHING, EXECUTE, STEP, PREPARE, BEGIN, COMMIT, THROW, RETURN };

static void go_on_in_none(sqlite3 *db, enum then then)
{
    if (then == EXECUTE) with_sqlite_execute(db, "INSERT INTO t VALUES (8)");
    if (then == PREPARE) {
        with (cm_sqlite_statement(db, "SELECT 1")) CHECK(!"entered");
    }
    if (then == BEGIN) {
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) CHECK(!"entered");
    }
    if (then == COMMIT) with_sqlite_commit(db);
    if (then == THROW) throw(KeyError, "thrown");
}

static void go_on_by_execute(void *db)
{
    go_on_in_none(db, EXECUTE);
}

static void go_on_by_block(void *db)
{
    go_on_in_none(db, BEGIN);
}

static void roll_back_in_block(void *argument)
{
    const enum then then = *(const enum then *)argument;
    sqlite3 *db = db_of_test;

    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        with (cm_sqlite_statement(db, "INSERT INTO t VALUES (9)"), statement) {
            with_sqlite_execute(db, "INSERT INTO t VALUES (2)");
            try {
                with_sqlite_execute(db, "INSERT OR ROLLBACK INTO t VALUES (1)");
            } catch (UniqueViolation) {
            }
            CHECK_INT(sqlite3_get_autocommit(db), 1);
            if (then == STEP) with_sqlite_step(statement);
            go_on_in_none(db, then);
            if (then == RETURN) return;
        }
    }
}

static void roll_back_in_nested(void *unused)
{
    sqlite3 *db = db_of_test;

    (void)unused;
    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        try {
            with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED))
                with_sqlite_execute(db, "INSERT OR ROLLBACK INTO t VALUES (1)");
        } catch (UniqueViolation, e) {
            CHECK(!e->notes->next); /* there was nothing left to roll back */
        }
    }
}

static void end_by_hand(void *sql)
{
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED))
        with_sqlite_execute(db_of_test, sql);
}

static void release_by_hand(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db_of_test, "INSERT INTO t VALUES (2)");
        with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED))
            with_sqlite_execute(db_of_test, "RELEASE with_1");
    }
}

static void release_and_throw(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED))
        with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED)) {
            with_sqlite_execute(db_of_test, "RELEASE with_1");
            throw(KeyError, "thrown");
        }
}

static void test_rolled_back(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "CREATE TABLE t (n PRIMARY KEY); INSERT INTO t VALUES (1)");
        for (enum then then = NOTHING; then < THROW; then++)
            CHECK_THROWN(roll_back_in_block, &then, "OperationalError: " OVER);
        CHECK_INT(code_of(roll_back_in_block, &(enum then){NOTHING}), SQLITE_ABORT_ROLLBACK);
        CHECK_THROWN(roll_back_in_block, &(enum then){THROW}, "KeyError: thrown");
        CHECK_THROWN(roll_back_in_block, &(enum then){RETURN}, "");
        CHECK_THROWN(roll_back_in_nested, NULL, "OperationalError: " OVER);
        CHECK_THROWN(end_by_hand, "ROLLBACK", "OperationalError: " OVER);
        CHECK_THROWN(end_by_hand, "COMMIT", "OperationalError: " OVER);
        CHECK_THROWN(release_by_hand, NULL,
                     "ProgrammingError: no such savepoint: with_1 | SQL: RELEASE with_1 | "
                     "ProgrammingError: no such savepoint: with_1 | "
                     "SQL: ROLLBACK TO with_1; RELEASE with_1");
        CHECK_THROWN(release_and_throw, NULL,
                     "KeyError: thrown | ProgrammingError: no such savepoint: with_1 | "
                     "SQL: ROLLBACK TO with_1; RELEASE with_1");
        CHECK_STR(asked(db, "SELECT total(n) FROM t"), "1.0");
        CHECK_INT(sqlite3_get_autocommit(db), 1);
    }
}

/* ---- Rollbacks that fail ----------------------------------------------------------------------- */

#define SPOILED "a rollback failed before, and what it should have undone is still there"

/* Forbids what begins with the text given as a statement on transactions or savepoints. */
static int forbid(void *word, int action, const char *operation, const char *b, const char *c,
                  const char *d)
{
    (void)b, (void)c, (void)d;
    if (action != SQLITE_TRANSACTION && action != SQLITE_SAVEPOINT) return SQLITE_OK;
    return strcmp(operation, word) == 0 ? SQLITE_DENY : SQLITE_OK;
}

static void forbid_in(sqlite3 *db, const char *word)
{
    sqlite3_set_authorizer(db, word ? forbid : NULL, (void *)word);
}

static void roll_back_forbidden(void *argument)
{
    const enum then then = *(const enum then *)argument;

    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db_of_test, "INSERT INTO t VALUES (7)");
        forbid_in(db_of_test, "ROLLBACK");
        if (then == THROW) throw(KeyError, "thrown");
        if (then == RETURN) return;
    }
}

/* The connection is good for nothing from then on, and its end undoes what is left. */
static void break_connection(void *then)
{
    with (cm_sqlite("file.db"), db) {
        db_of_test = db;
        try {
            roll_back_forbidden(then);
        } catch (Exception, e) {
            forbid_in(db, NULL);
            CHECK_INT(sqlite3_get_autocommit(db), 0);
            CHECK_THROWN(go_on_by_execute, db, "OperationalError: " SPOILED);
            CHECK_THROWN(go_on_by_block, db, "OperationalError: " SPOILED);
            with_rethrow();
        }
    }
}

static void leave_nested(sqlite3 *db)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db, "INSERT INTO t VALUES (8)");
        forbid_in(db, "ROLLBACK");
        throw(KeyError, "thrown");
    }
}

/* The outer block must not commit what the nested one could not undo. */
static void spoil_outer(void *argument)
{
    const enum then then = *(const enum then *)argument;
    sqlite3 *db = db_of_test;

    with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db, "INSERT INTO t VALUES (7)");
        try {
            leave_nested(db);
        } catch (KeyError, e) {
            CHECK_STR(e->notes ? e->notes->text : NULL, "ProgrammingError: not authorized");
        }
        forbid_in(db, NULL);
        go_on_in_none(db, then);
    }
}

static void begin_forbidden(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED)) CHECK(!"entered");
}

static void commit_forbidden(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_DEFERRED)) {
        with_sqlite_execute(db_of_test, "INSERT INTO t VALUES (7)");
        forbid_in(db_of_test, "COMMIT");
    }
}

static void test_failing_rollbacks(void)
{
    make_database("file.db", "CREATE TABLE t (n PRIMARY KEY)");
    CHECK_THROWN(break_connection, &(enum then){RETURN},
                 "ProgrammingError: not authorized | SQL: ROLLBACK");
    CHECK_THROWN(break_connection, &(enum then){THROW},
                 "KeyError: thrown | ProgrammingError: not authorized | SQL: ROLLBACK");
    with (cm_sqlite("file.db"), db) {
        db_of_test = db;
        for (enum then then = NOTHING; then < THROW; then++)
            if (then != STEP) CHECK_THROWN(spoil_outer, &then, "OperationalError: " SPOILED);
        CHECK_INT(sqlite3_get_autocommit(db), 1);
        forbid_in(db, "BEGIN");
        CHECK_THROWN(begin_forbidden, NULL, "ProgrammingError: not authorized | SQL: BEGIN");
        CHECK_THROWN(commit_forbidden, NULL, "ProgrammingError: not authorized | SQL: BEGIN");
        forbid_in(db, NULL);
        CHECK_THROWN(commit_forbidden, NULL, "ProgrammingError: not authorized | SQL: COMMIT");
        CHECK_INT(sqlite3_get_autocommit(db), 1);
    }
    CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), "0");
    unlink("file.db");
}

/* ---- No room ----------------------------------------------------------------------------------- */

static void fill(void *go_on)
{
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_IMMEDIATE)) {
        try {
            for (;;) with_sqlite_execute(db_of_test, "INSERT INTO t VALUES (zeroblob(3000))");
        } catch (DiskFull, e) {
            CHECK_INT(e->code, SQLITE_FULL);
            if (!go_on) with_rethrow();
        }
        CHECK_INT(sqlite3_get_autocommit(db_of_test), 1);
    }
}

static void fill_by_statement(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_IMMEDIATE)) {
        with_sqlite_execute(db_of_test, "INSERT INTO t VALUES ('kept')");
        try { /* a statement of many rows has a journal of its own, and is undone alone */
            with_sqlite_execute(db_of_test, "WITH r (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM "
                                            "r LIMIT 900) INSERT INTO t SELECT zeroblob(3000) "
                                            "FROM r UNION ALL SELECT n FROM t");
        } catch (DiskFull) {
        }
    }
}

static void test_full(void)
{
    make_database("file.db", "CREATE TABLE t (n)");
    with (cm_sqlite("file.db"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "PRAGMA max_page_count = 50");
        CHECK_THROWN(fill, NULL,
                     "DiskFull: database or disk is full | SQL: INSERT INTO t VALUES "
                     "(zeroblob(3000))");
        CHECK_THROWN(fill, db, "OperationalError: " OVER);
        CHECK_STR(asked(db, "SELECT count(*) FROM t"), "0");
        CHECK_THROWN(fill_by_statement, NULL, "");
        CHECK_STR(asked(db, "SELECT group_concat(n) FROM t"), "kept");
    }
    CHECK_STR(asked_of("file.db", "PRAGMA integrity_check"), "ok");
    unlink("file.db");
}

/* In a child: a limit of the size of files cannot be raised again. */
static void fill_past_limit(void)
{
    const struct rlimit limit = {40000, 40000};

    signal(SIGXFSZ, SIG_IGN);
    with (cm_sqlite("file.db"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "PRAGMA cache_size = 2");
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        const with_exception *e = with_call(fill, NULL);
        CHECK(with_isinstance(e, &OperationalError));
        CHECK(e && ((e->code & 0xFF) == SQLITE_IOERR || e->code == SQLITE_FULL));
        with_exception_unref(e);
        CHECK_STR(asked(db, "SELECT count(*) FROM t"), "0");
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE))
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
    }
    CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), "1");
    CHECK_STR(asked_of("file.db", "PRAGMA integrity_check"), "ok");
}

static void test_limit(void)
{
    make_database("file.db", "CREATE TABLE t (n)");
    in_child(fill_past_limit);
    unlink("file.db");
}

/* ---- Locks ------------------------------------------------------------------------------------- */

static void write_once(void *mode)
{
    with (cm_sqlite("file.db", .busy_seconds = -1), db)
        with (cm_sqlite_transaction(db, *(enum with_sqlite_mode *)mode)) {
            CHECK_STR(asked(db, "SELECT count(*) FROM t"), "0");
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
        }
}

/* What it has read is old by the time it writes: nothing but to begin again helps. */
static void write_after_others(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .busy_seconds = -1), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED)) {
            CHECK_STR(asked(db, "SELECT count(*) FROM t"), "0");
            with (cm_sqlite("file.db"), other)
                with_sqlite_execute(other, "INSERT INTO t VALUES (2)");
            with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
        }
}

static void open_with_wal(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .wal = true, .busy_seconds = -1)) CHECK(!"entered");
}

static void share_cache(void *unused)
{
    const int flags = SQLITE_OPEN_SHAREDCACHE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

    (void)unused;
    with (cm_sqlite("shared.db", .flags = flags), db)
        with (cm_sqlite("shared.db", .flags = flags), other) {
            with_sqlite_execute(db, "CREATE TABLE t (n)");
            with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
                with_sqlite_execute(db, "INSERT INTO t VALUES (1)");
                with_sqlite_execute(other, "SELECT n FROM t");
            }
        }
}

static void test_locks(void)
{
    enum with_sqlite_mode modes[] = {WITH_SQLITE_DEFERRED, WITH_SQLITE_IMMEDIATE,
                                     WITH_SQLITE_EXCLUSIVE};

    make_database("file.db", "CREATE TABLE t (n)");
    with (cm_sqlite("file.db"), other) {
        with (cm_sqlite_transaction(other, WITH_SQLITE_IMMEDIATE)) {
            CHECK_THROWN(write_once, &modes[0],
                         "LockNotAvailable: database is locked | SQL: INSERT INTO t VALUES (1)");
            CHECK_THROWN(write_once, &modes[1],
                         "LockNotAvailable: database is locked | SQL: BEGIN IMMEDIATE");
            CHECK_THROWN(write_once, &modes[2],
                         "LockNotAvailable: database is locked | SQL: BEGIN EXCLUSIVE");
        }
        with (cm_sqlite_transaction(other, WITH_SQLITE_EXCLUSIVE))
            CHECK_THROWN(open_with_wal, NULL,
                         "LockNotAvailable: file.db: database is locked | "
                         "SQL: PRAGMA journal_mode = WAL");
        CHECK_STR(asked(other, "SELECT count(*) FROM t"), "0");
    }
    make_database("file.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (n)");
    CHECK_THROWN(write_after_others, NULL,
                 "SerializationFailure: database is locked | SQL: INSERT INTO t VALUES (1)");
    unlink("file.db");
    CHECK_THROWN(share_cache, NULL,
                 "LockNotAvailable: database table is locked: t | SQL: SELECT n FROM t");
    CHECK_INT(code_of(share_cache, NULL), SQLITE_ERROR); /* the table is there by now */
    unlink("shared.db");
}

/* ---- What is no database ----------------------------------------------------------------------- */

static void use_file(void *path)
{
    with (cm_sqlite(path), db)
        with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE))
            with_sqlite_execute(db, "SELECT count(*) FROM t");
}

static void spoil(const char *path, long position, int byte, int count)
{
    FILE *file = fopen(path, "r+");

    CHECK(file && fseek(file, position, SEEK_SET) == 0);
    while (file && count--) fputc(byte, file);
    CHECK(file && fclose(file) == 0);
}

static void test_no_database(void)
{
    make_database("file.db", "CREATE TABLE t (n); INSERT INTO t VALUES (zeroblob(9000))");
    spoil("file.db", 4096, 0xFF, 4096);
    CHECK_THROWN(use_file, "file.db",
                 "InternalError: database disk image is malformed | SQL: SELECT count(*) FROM t");
    CHECK_INT(code_of(use_file, "file.db") & 0xFF, SQLITE_CORRUPT);
    spoil("file.db", 0, 'x', 4096);
    CHECK_THROWN(use_file, "file.db",
                 "DatabaseError: file is not a database | SQL: BEGIN IMMEDIATE");
    unlink("file.db");
}

int main(void)
{
    test_sqlite_begin();
    test_busy_commit();
    test_commit();
    test_rolled_back();
    test_failing_rollbacks();
    test_full();
    test_limit();
    test_locks();
    test_no_database();
    return test_sqlite_end();
}
