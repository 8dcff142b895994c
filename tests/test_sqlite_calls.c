/* SPDX-License-Identifier: MIT
 *
 * Calls of SQLite that hardly ever fail, made to fail here: what they say is thrown, or is a note, and
 * nothing is left open.
 */
#include "test_sqlite.h"

#include <dlfcn.h>
#include <stdarg.h>

/* ---- Calls that fail on demand ------------------------------------------------------------------- */

static bool blob_fails, config_fails, config_ignored, text_fails, finalize_fails;

#define REAL(NAME) ((__typeof__(&NAME))dlsym(RTLD_NEXT, #NAME))

/* Seen by the library, also when the program hides its own symbols. */
#pragma GCC visibility push(default)

/* Closed all the same, as the real one does when it fails. */
int sqlite3_blob_close(sqlite3_blob *blob)
{
    const int result = REAL(sqlite3_blob_close)(blob);

    return blob_fails ? SQLITE_IOERR : result;
}

int sqlite3_db_config(sqlite3 *db, int what, ...)
{
    va_list arguments;
    int value, *ret_value;

    va_start(arguments, what);
    value = va_arg(arguments, int);
    ret_value = va_arg(arguments, int *);
    va_end(arguments);
    if (config_fails) return SQLITE_ERROR;
    if (config_ignored) return *ret_value = 0, SQLITE_OK;
    return REAL(sqlite3_db_config)(db, what, value, ret_value);
}

const unsigned char *sqlite3_column_text(sqlite3_stmt *statement, int column)
{
    return text_fails ? NULL : REAL(sqlite3_column_text)(statement, column);
}

/* As when a statement that is ended in its midst cannot commit. */
int sqlite3_reset(sqlite3_stmt *statement)
{
    const int result = REAL(sqlite3_reset)(statement);

    return finalize_fails ? SQLITE_FULL : result;
}

#pragma GCC visibility pop

/* ---- Cases ------------------------------------------------------------------------------------- */

static void open_only(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db")) {}
}

static void open_with_wal(void *unused)
{
    (void)unused;
    with (cm_sqlite("file.db", .wal = true)) CHECK(!"entered");
}

static void close_blob(void *throws)
{
    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "CREATE TABLE t (n); INSERT INTO t VALUES ('hello')");
        blob_fails = true;
        with (cm_sqlite_blob(db, "t", "n", 1)) {
            if (throws) throw(KeyError, "thrown");
        }
    }
}

static void end_statement(void *throws)
{
    with (cm_sqlite(":memory:"), db) {
        finalize_fails = true;
        with (cm_sqlite_statement(db, "VALUES (1), (2)"), statement) {
            with_sqlite_step(statement);
            if (throws) throw(KeyError, "thrown");
        }
    }
}

static void test_open(void)
{
    const int before = open_descriptors();

    config_fails = true;
    CHECK_THROWN(open_only, NULL, "ProgrammingError: file.db: SQL logic error");
    config_fails = false;
    config_ignored = true;
    CHECK_THROWN(open_only, NULL, "NotSupportedError: file.db: this SQLite has no foreign keys");
    config_ignored = false;
    text_fails = true;
    CHECK_THROWN(open_with_wal, NULL,
                 "MemoryError: file.db: out of memory | SQL: PRAGMA journal_mode = WAL");
    text_fails = false;
    CHECK_THROWN(open_only, NULL, "");
    CHECK_INT(open_descriptors(), before);
    unlink("file.db");
}

static void test_exits(void)
{
    static char throws[1];

    CHECK_THROWN(close_blob, NULL, "OperationalError: disk I/O error | blob: t.n, row 1");
    CHECK_THROWN(close_blob, throws,
                 "KeyError: thrown | OperationalError: disk I/O error | blob: t.n, row 1");
    CHECK_INT(code_of(close_blob, NULL), SQLITE_IOERR);
    blob_fails = false;
    CHECK_THROWN(end_statement, NULL, "DiskFull: database or disk is full | SQL: VALUES (1), (2)");
    CHECK_THROWN(end_statement, throws,
                 "KeyError: thrown | DiskFull: database or disk is full | SQL: VALUES (1), (2)");
    finalize_fails = false;
}

int main(void)
{
    test_sqlite_begin();
    test_open();
    test_exits();
    return test_sqlite_end();
}
