/* SPDX-License-Identifier: MIT
 *
 * with/sqlite.h: connections and their options, statements, blobs, and what they throw.
 */
#include "test_sqlite.h"

#include <math.h>

static sqlite3 *db_of_test; /* of the block that runs a test */

/* ---- Connections ------------------------------------------------------------------------------- */

static void open_nothing(void *path)
{
    with (cm_sqlite(path)) CHECK(!"entered");
}

static void open_read_only(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .flags = SQLITE_OPEN_READONLY), db)
        with_sqlite_execute(db, "CREATE TABLE u (n)");
}

static void open_without_wal(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:", .wal = true)) CHECK(!"entered");
}

static void open_with_no_number(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:", .busy_seconds = NAN)) CHECK(!"entered");
}

static void open_with_bad_flags(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE))
        CHECK(!"entered");
}

static void open_with_unknown_vfs(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .vfs = "nosuch")) CHECK(!"entered");
}

static void test_refused(void)
{
    const int before = open_descriptors();

    CHECK_THROWN(open_nothing, NULL, "ValueError: cm_sqlite: the path is NULL");
    CHECK_THROWN(
        open_nothing, "missing/file.db",
        "OperationalError: missing/file.db: unable to open database file | the system says: "
        "No such file or directory");
    CHECK_INT(code_of(open_nothing, "missing/file.db"), SQLITE_CANTOPEN);
    CHECK_THROWN(
        open_nothing, ".",
        "OperationalError: .: unable to open database file | the system says: Is a directory");
    CHECK_THROWN(
        open_read_only, NULL,
        "OperationalError: file.db: unable to open database file | the system says: No such "
        "file or directory");
    CHECK_THROWN(open_without_wal, NULL,
                 "NotSupportedError: :memory:: no WAL, but journal mode memory");
    CHECK_THROWN(open_with_no_number, NULL, "ValueError: cm_sqlite: busy_seconds is not a number");
    CHECK_INT(code_of(open_with_bad_flags, NULL), SQLITE_MISUSE);
    CHECK_THROWN(open_with_unknown_vfs, NULL, "ProgrammingError: file.db: no such vfs: nosuch");
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(entries_of("."), 0);
}

static void test_options(void)
{
    with (cm_sqlite("file.db", .flags = SQLITE_OPEN_NOFOLLOW), db) {
        CHECK_STR(asked(db, "PRAGMA foreign_keys"), "1");
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "5000");
        CHECK_STR(asked(db, "PRAGMA journal_mode"), "delete");
        with_sqlite_execute(db, "CREATE TABLE t (n)");
    }
    CHECK_THROWN(
        open_read_only, NULL,
        "OperationalError: attempt to write a readonly database | SQL: CREATE TABLE u (n)");
    CHECK_INT(code_of(open_read_only, NULL), SQLITE_READONLY);
    with (cm_sqlite("file.db", .wal = true, .busy_seconds = 0.0001, .foreign_keys_off = true), db) {
        CHECK_STR(asked(db, "PRAGMA foreign_keys"), "0");
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "1");
        CHECK_STR(asked(db, "PRAGMA journal_mode"), "wal");
    }
    with (cm_sqlite("file.db", .busy_seconds = -1, .vfs = "unix"), db)
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "0");
    with (cm_sqlite("file.db", .busy_seconds = INFINITY), db)
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "2147483647");
    unlink("file.db");
}

/* A program compiled with an older header has an options struct that ends earlier. */
static void test_small_options(void)
{
    struct with_sqlite_options options = {
        .size = offsetof(struct with_sqlite_options, busy_seconds),
        .path = ":memory:",
        .busy_seconds = NAN,
        .wal = true,
        .foreign_keys_off = true,
    };

    with (cm_sqlite_(&options), db) {
        CHECK_STR(asked(db, "PRAGMA foreign_keys"), "1");
        CHECK_STR(asked(db, "PRAGMA busy_timeout"), "5000");
    }
}

/* ---- Statements -------------------------------------------------------------------------------- */

static void prepare(void *sql)
{
    with (cm_sqlite_statement(db_of_test, sql), statement) CHECK(statement != NULL);
}

static void execute(void *sql)
{
    with_sqlite_execute(db_of_test, sql);
}

static void prepare_on_nothing(void *unused)
{
    (void)unused;
    with (cm_sqlite_statement(NULL, "SELECT 1")) CHECK(!"entered");
}

static void execute_on_nothing(void *unused)
{
    (void)unused;
    with_sqlite_execute(NULL, "SELECT 1");
}

static void step_nothing(void *unused)
{
    (void)unused;
    with_sqlite_step(NULL);
}

static void bind_nothing(void *unused)
{
    (void)unused;
    with_sqlite_bind((sqlite3_stmt *)NULL, 1);
}

static void begin_on_nothing(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(NULL, WITH_SQLITE_DEFERRED)) CHECK(!"entered");
}

static void begin_in_no_mode(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, 3)) CHECK(!"entered");
}

static void execute_two_with_values(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "INSERT INTO t VALUES (?); SELECT 1", 5);
}

static void execute_none_with_values(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "-- nothing", 5);
}

static void test_bad_statements(void)
{
    CHECK_THROWN(prepare, NULL, "ValueError: cm_sqlite_statement: the SQL is NULL");
    CHECK_THROWN(prepare_on_nothing, NULL,
                 "ValueError: cm_sqlite_statement: the connection is NULL");
    CHECK_THROWN(execute, NULL, "ValueError: the SQL is NULL");
    CHECK_THROWN(execute_on_nothing, NULL, "ValueError: the connection is NULL");
    CHECK_THROWN(step_nothing, NULL, "ValueError: the statement is NULL");
    CHECK_THROWN(bind_nothing, NULL, "ValueError: the statement is NULL");
    CHECK_THROWN(begin_on_nothing, NULL,
                 "ValueError: cm_sqlite_transaction: the connection is NULL");
    CHECK_THROWN(begin_in_no_mode, NULL, "ValueError: cm_sqlite_transaction: there is no mode 3");
    CHECK_THROWN(prepare, "SELECT 1; SELECT 2",
                 "ProgrammingError: this is not one statement | SQL: SELECT 1; SELECT 2");
    CHECK_THROWN(prepare, "SELECT 1; rubbish",
                 "ProgrammingError: this is not one statement | SQL: SELECT 1; rubbish");
    CHECK_THROWN(prepare, " -- none\n",
                 "ProgrammingError: this is not one statement | SQL: -- none\n");
    CHECK_THROWN(prepare, "SELECT 1; -- the end\n ; ", "");
    CHECK_THROWN(prepare, "SELEC 1",
                 "ProgrammingError: near \"SELEC\": syntax error | SQL: SELEC 1");
    CHECK_THROWN(execute, "SELECT 1 FROM missing",
                 "ProgrammingError: no such table: missing | SQL: SELECT 1 FROM missing");
    CHECK_INT(code_of(execute, "SELECT 1 FROM missing"), SQLITE_ERROR);
    CHECK_THROWN(execute_two_with_values, NULL,
                 "ProgrammingError: this is not one statement | "
                 "SQL: INSERT INTO t VALUES (?); SELECT 1");
    CHECK_THROWN(execute_none_with_values, NULL,
                 "ProgrammingError: this is not one statement | SQL: -- nothing");
    CHECK_STR(asked(db_of_test, "SELECT count(*) FROM t"), "0");
    CHECK_THROWN(execute, "", "");
    CHECK_THROWN(execute, " ; -- nothing", "");
}

/* A script stops where it fails; what ran before it stays. */
static void test_script(void)
{
    CHECK_THROWN(execute, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1, 2); SELECT 1",
                 "ProgrammingError: table t has 1 columns but 2 values were supplied | SQL: INSERT "
                 "INTO t VALUES (1, 2); SELECT 1");
    CHECK_STR(asked(db_of_test, "SELECT count(*) FROM t"), "1");
    execute("DELETE FROM t; VALUES (1), (2); SELECT 3");
}

static void test_steps(sqlite3 *db)
{
    with (cm_sqlite_statement(db, "INSERT INTO t VALUES (?)"), statement)
        for (int i = 1; i <= 5; i++) {
            with_sqlite_bind(statement, i);
            CHECK(!with_sqlite_step(statement));
        }
    with (cm_sqlite_statement(db, "SELECT n FROM t WHERE n > ? ORDER BY n", 2), statement) {
        int sum = 0;
        for (int round = 0; round < 2; round++) /* done is ready for more */
            while (with_sqlite_step(statement)) sum += sqlite3_column_int(statement, 0);
        CHECK_INT(sum, 24);
        CHECK(with_sqlite_step(statement));
        with_sqlite_bind(statement, 4); /* from the beginning */
        CHECK(with_sqlite_step(statement));
        CHECK_INT(sqlite3_column_int(statement, 0), 5);
        CHECK(!with_sqlite_step(statement));
    }
}

/* The text is copied: what it was bound from may change before the step. */
static void test_copies(sqlite3 *db)
{
    char text[] = "before";

    with (cm_sqlite_statement(db, "SELECT ?", text), statement) {
        text[0] = 'X';
        CHECK(with_sqlite_step(statement));
        CHECK_STR((const char *)sqlite3_column_text(statement, 0), "before");
        with_sqlite_bind(statement, text);
        text[0] = 'Y';
        CHECK(with_sqlite_step(statement));
        CHECK_STR((const char *)sqlite3_column_text(statement, 0), "Xefore");
    }
}

static void bind_and_leave(void *unused)
{
    (void)unused;
    with (cm_sqlite_statement(db_of_test, "SELECT ?, ?", 1)) CHECK(!"entered");
}

/* Failing steps that with_sqlite_step() makes are told of once, by others at the end, unless reset. */
static void fail_step(void *unused)
{
    (void)unused;
    with (cm_sqlite_statement(db_of_test, "INSERT INTO u VALUES (1)"), statement) {
        try {
            with_sqlite_step(statement);
            CHECK(!"stepped");
        } catch (UniqueViolation) {
        }
    }
}

static void fail_step_by_hand(void *reset)
{
    with (cm_sqlite_statement(db_of_test, "INSERT INTO u VALUES (1)"), statement) {
        CHECK_INT(sqlite3_step(statement) & 0xFF, SQLITE_CONSTRAINT);
        if (reset) sqlite3_reset(statement);
    }
}

static void fail_step_and_throw(void *unused)
{
    (void)unused;
    with (cm_sqlite_statement(db_of_test, "INSERT INTO u VALUES (1)"), statement) {
        sqlite3_step(statement);
        throw(KeyError, "thrown");
    }
}

static void test_failing_steps(sqlite3 *db)
{
    with_sqlite_execute(db, "CREATE TABLE u (n PRIMARY KEY); INSERT INTO u VALUES (1)");
    CHECK_THROWN(fail_step, NULL, "");
    CHECK_THROWN(fail_step_by_hand, NULL,
                 "UniqueViolation: UNIQUE constraint failed: u.n | SQL: INSERT INTO u VALUES (1)");
    CHECK_INT(code_of(fail_step_by_hand, NULL), SQLITE_CONSTRAINT_PRIMARYKEY);
    CHECK_THROWN(fail_step_by_hand, db, "");
    CHECK_THROWN(fail_step_and_throw, NULL,
                 "KeyError: thrown | UniqueViolation: UNIQUE constraint failed: u.n | "
                 "SQL: INSERT INTO u VALUES (1)");
}

static void test_statements(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "CREATE TABLE t (n)");
        test_bad_statements();
        test_script();
        test_steps(db);
        test_copies(db);
        test_failing_steps(db);
        CHECK_THROWN(bind_and_leave, NULL,
                     "ProgrammingError: 1 values for 2 parameters | SQL: SELECT ?, ?");
    }
}

/* ---- The SQL in the note ------------------------------------------------------------------------- */

/* What is long is cut, between characters. */
static void test_long_sql(void)
{
    char sql[1000] = "SELECT missing, '";
    const with_exception *e;

    while (strlen(sql) < sizeof sql - 8) strcat(sql, "\xC3\xA4");
    strcat(sql, "'");
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        e = with_call(execute, sql);
        CHECK(e && e->notes && !e->notes->next);
        CHECK(strlen(e->notes->text) < 410 && strncmp(e->notes->text, "SQL: SELECT", 11) == 0);
        CHECK_STR(e->notes->text + strlen(e->notes->text) - 5, "\xC3\xA4...");
        with_exception_unref(e);
    }
}

static void miss_value(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?");
}

/* The first line of the traceback is the caller's, not one of the library's. */
static void test_site(void)
{
    const with_exception *e;

    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "CREATE TABLE t (a)");
        e = with_call(miss_value, NULL);
        CHECK_STR(e->traceback[0]->function, "miss_value");
        CHECK_STR(e->traceback[0]->text, "with_sqlite_execute(db_of_test, \"UPDATE t SET a = ?\")");
        with_exception_unref(e);
    }
}

/* ---- Types of exceptions ----------------------------------------------------------------------- */

static void check_type(const char *sql, const with_exception_type *type, int code)
{
    const with_exception *e = with_call(execute, (void *)sql);

    if (!CHECK(e && e->type == type)) fprintf(stderr, "%s: %s\n", sql, e ? e->type->name : "none");
    if (e) CHECK_INT(e->code, code);
    with_exception_unref(e);
}

static int deny(void *unused, int action, const char *a, const char *b, const char *c,
                const char *d)
{
    (void)unused, (void)a, (void)b, (void)c, (void)d;
    return action == SQLITE_ATTACH ? SQLITE_DENY : SQLITE_OK;
}

static int interrupt(void *db)
{
    (void)db;
    return 1;
}

static void test_types(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(
            db, "CREATE TABLE p (id INTEGER PRIMARY KEY, n UNIQUE NOT NULL, c CHECK (c > 0), "
                "f REFERENCES p (id)); CREATE TABLE s (i INTEGER) STRICT; INSERT INTO p VALUES "
                "(1, 1, 1, NULL); CREATE TRIGGER r BEFORE DELETE ON p BEGIN SELECT "
                "RAISE(ABORT, 'no'); END");
        check_type("INSERT INTO p VALUES (1, 2, 1, 1)", &UniqueViolation,
                   SQLITE_CONSTRAINT_PRIMARYKEY);
        check_type("INSERT INTO p VALUES (2, 1, 1, 1)", &UniqueViolation, SQLITE_CONSTRAINT_UNIQUE);
        check_type("INSERT INTO p VALUES (2, NULL, 1, 1)", &NotNullViolation,
                   SQLITE_CONSTRAINT_NOTNULL);
        check_type("INSERT INTO p VALUES (2, 2, 0, 1)", &CheckViolation, SQLITE_CONSTRAINT_CHECK);
        check_type("INSERT INTO p VALUES (2, 2, 1, 9)", &ForeignKeyViolation,
                   SQLITE_CONSTRAINT_FOREIGNKEY);
        check_type("DELETE FROM p", &IntegrityError, SQLITE_CONSTRAINT_TRIGGER);
        check_type("INSERT INTO s VALUES ('x')", &IntegrityError, SQLITE_CONSTRAINT_DATATYPE);
        check_type("INSERT INTO p (id) VALUES ('x')", &DataError, SQLITE_MISMATCH);
        check_type("SELECT zeroblob(2000000000)", &DataError, SQLITE_TOOBIG);
        check_type("SELECT abs(-9223372036854775808)", &ProgrammingError, SQLITE_ERROR);
        sqlite3_set_authorizer(db, deny, NULL);
        check_type("ATTACH 'other.db' AS other", &ProgrammingError, SQLITE_AUTH);
        sqlite3_set_authorizer(db, NULL, NULL);
        sqlite3_progress_handler(db, 1, interrupt, db);
        check_type("SELECT 1", &QueryCanceled, SQLITE_INTERRUPT);
        sqlite3_progress_handler(db, 0, NULL, NULL);
        check_type("ATTACH '/missing/other.db' AS other", &OperationalError, SQLITE_CANTOPEN);
    }
}

/* ---- Blobs ------------------------------------------------------------------------------------- */

static void read_blob(void *column)
{
    char text[6] = "";

    with (cm_sqlite_blob(db_of_test, "t", column, 1), blob) {
        CHECK_INT(sqlite3_blob_bytes(blob), 5);
        CHECK_INT(sqlite3_blob_read(blob, text, 5, 0), SQLITE_OK);
        CHECK_STR(text, "hello");
    }
}

static void open_missing_row(void *unused)
{
    (void)unused;
    with (cm_sqlite_blob(db_of_test, "t", "n", 7)) CHECK(!"entered");
}

static void open_missing_schema(void *unused)
{
    (void)unused;
    with (cm_sqlite_blob(db_of_test, "t", "n", 1, .schema = "other")) CHECK(!"entered");
}

static void open_no_column(void *unused)
{
    (void)unused;
    with (cm_sqlite_blob(db_of_test, "t", NULL, 1)) CHECK(!"entered");
}

static void open_no_connection(void *unused)
{
    (void)unused;
    with (cm_sqlite_blob(NULL, "t", "n", 1)) CHECK(!"entered");
}

static void write_outside(void *unused)
{
    (void)unused;
    with (cm_sqlite_blob(db_of_test, "t", "n", 1, .writable = true)) CHECK(!"entered");
}

static void write_blob(void *commit)
{
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_IMMEDIATE)) {
        with (cm_sqlite_blob(db_of_test, "t", "n", 1, .writable = true, .schema = "main"), blob)
            CHECK_INT(sqlite3_blob_write(blob, "J", 1, 0), SQLITE_OK);
        if (!commit) return;
    }
}

static void throw_past_blob(void *unused)
{
    (void)unused;
    with (cm_sqlite_transaction(db_of_test, WITH_SQLITE_IMMEDIATE))
        with (cm_sqlite_blob(db_of_test, "t", "n", 1, .writable = true), blob) {
            CHECK_INT(sqlite3_blob_write(blob, "K", 1, 0), SQLITE_OK);
            throw(KeyError, "thrown");
        }
}

static void test_blobs(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "CREATE TABLE t (n); INSERT INTO t VALUES ('hello')");
        CHECK_THROWN(read_blob, "n", "");
        CHECK_THROWN(read_blob, "missing",
                     "ProgrammingError: no such column: \"missing\" | blob: t.missing, row 1");
        CHECK_THROWN(open_missing_row, NULL,
                     "ProgrammingError: no such rowid: 7 | blob: t.n, row 7");
        CHECK_THROWN(open_missing_schema, NULL,
                     "ProgrammingError: no such table: other.t | blob: t.n, row 1");
        CHECK_THROWN(open_no_column, NULL,
                     "ValueError: cm_sqlite_blob: the table or column is NULL");
        CHECK_THROWN(open_no_connection, NULL,
                     "ValueError: cm_sqlite_blob: the connection is NULL");
        CHECK_THROWN(write_outside, NULL,
                     "InterfaceError: a blob is written in a transaction only: hold one around it");
        write_blob(NULL);
        CHECK_STR(asked(db, "SELECT n FROM t"), "hello");
        write_blob(db);
        CHECK_STR(asked(db, "SELECT n FROM t"), "Jello");
        CHECK_THROWN(throw_past_blob, NULL, "KeyError: thrown");
        CHECK_STR(asked(db, "SELECT n FROM t"), "Jello");
    }
}

int main(void)
{
    test_sqlite_begin();
    test_refused();
    test_options();
    test_small_options();
    test_statements();
    test_long_sql();
    test_site();
    test_types();
    test_blobs();
    return test_sqlite_end();
}
