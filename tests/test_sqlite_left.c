/* SPDX-License-Identifier: MIT
 *
 * What is left open at the end of a connection: statements, blobs, transactions begun by hand.
 */
#include "test_sqlite.h"

enum how { NOTHING, BEGIN, THROW, RETURN };

static sqlite3_stmt *left[2];
static sqlite3_blob *left_blob;

static void leave_open(void *how)
{
    const enum how way = *(const enum how *)how;

    with (cm_sqlite("file.db"), db) {
        CHECK_INT(sqlite3_prepare_v2(db, "SELECT n FROM t", -1, &left[0], NULL), SQLITE_OK);
        CHECK_INT(
            sqlite3_prepare_v2(db, "INSERT INTO t VALUES (1) RETURNING n", -1, &left[1], NULL),
            SQLITE_OK);
        CHECK_INT(sqlite3_step(left[0]), SQLITE_ROW); /* so that it holds a lock */
        if (way == BEGIN) with_sqlite_execute(db, "BEGIN");
        CHECK_INT(sqlite3_step(left[1]), SQLITE_ROW);
        CHECK_INT(sqlite3_blob_open(db, "main", "t", "n", 1, 0, &left_blob), SQLITE_OK);
        if (way == THROW) throw(KeyError, "thrown");
        if (way == RETURN) return;
    }
}

/* They are still the caller's to release, and the connection goes with the last of them. */
static void release_what_is_left(void)
{
    char text[3] = "";

    CHECK_INT(sqlite3_blob_read(left_blob, text, 2, 0), SQLITE_OK);
    CHECK_STR(text, "ab");
    CHECK_INT(sqlite3_finalize(left[0]), SQLITE_OK);
    CHECK_INT(sqlite3_finalize(left[1]), SQLITE_OK);
    CHECK_INT(sqlite3_blob_close(left_blob), SQLITE_OK);
}

#define LEFT                                                                                       \
    "InterfaceError: file.db: not closed before 2 statements are finalized and 1 blobs closed | "  \
    "SQL: INSERT INTO t VALUES (1) RETURNING n | SQL: SELECT n FROM t"

static void check_left(enum how way, const char *wanted)
{
    const int before = open_descriptors();

    make_database("file.db", "CREATE TABLE t (n); INSERT INTO t VALUES ('ab')");
    CHECK_THROWN(leave_open, &way, wanted);
    CHECK(open_descriptors() > before);
    release_what_is_left();
    CHECK(is_free("file.db"));
    CHECK_INT(open_descriptors(), before);
    CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), way == BEGIN ? "1" : "2");
    unlink("file.db");
}

static void leave_statement(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db"), db) {
        CHECK_INT(sqlite3_prepare_v2(db, "SELECT n FROM t", -1, &left[0], NULL), SQLITE_OK);
        CHECK_INT(sqlite3_step(left[0]), SQLITE_ROW);
    }
}

/* Virtual tables keep statements of their own, which nobody but they may finalize. */
static void leave_virtual(void *unused)
{
    (void)unused;
    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db,
                            "CREATE VIRTUAL TABLE f USING fts5 (x); INSERT INTO f VALUES ('a'), "
                            "('b'); SELECT * FROM f WHERE f MATCH 'a'");
        CHECK_INT(
            sqlite3_prepare_v2(db, "SELECT * FROM f WHERE f MATCH 'a OR b'", -1, &left[0], NULL),
            SQLITE_OK);
        CHECK_INT(sqlite3_step(left[0]), SQLITE_ROW);
    }
}

static void leave_transaction(void *how)
{
    const enum how way = *(const enum how *)how;

    with (cm_sqlite("file.db"), db) {
        with_sqlite_execute(db, "BEGIN; INSERT INTO t VALUES (1)");
        if (way == RETURN) return;
        if (way == THROW) throw(KeyError, "thrown");
    }
}

static void test_left(void)
{
    const char *const notes = strchr(LEFT, '|');
    char text[300];

    check_left(NOTHING, LEFT);
    check_left(RETURN, LEFT);
    check_left(THROW, "KeyError: thrown | " LEFT);
    snprintf(text, sizeof text,
             "InterfaceError: file.db: a transaction that was open at the end is rolled back | "
             "%.*s%s",
             (int)(notes - LEFT), LEFT, notes);
    check_left(BEGIN, text);

    make_database("file.db", "CREATE TABLE t (n); INSERT INTO t VALUES (1), (2)");
    CHECK_THROWN(
        leave_statement, NULL,
        "InterfaceError: file.db: not closed before 1 statements are finalized and 0 blobs "
        "closed | SQL: SELECT n FROM t");
    CHECK(is_free("file.db")); /* while the statement is still there */
    sqlite3_finalize(left[0]);
    CHECK_THROWN(leave_transaction, &(enum how){NOTHING},
                 "InterfaceError: file.db: a transaction that was open at the end is rolled back");
    CHECK_THROWN(leave_transaction, &(enum how){RETURN}, "");
    CHECK_THROWN(leave_transaction, &(enum how){THROW}, "KeyError: thrown");
    CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), "2");
    unlink("file.db");
    with (cm_sqlite(":memory:"), db)
        if (sqlite3_compileoption_used("ENABLE_FTS5")) {
            CHECK(strncmp(thrown_by(leave_virtual, NULL), "InterfaceError: :memory:: not closed",
                          36) == 0);
            sqlite3_finalize(left[0]);
        }
}

int main(void)
{
    test_sqlite_begin();
    test_left();
    return test_sqlite_end();
}
