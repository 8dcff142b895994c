/* SPDX-License-Identifier: MIT
 *
 * Values that are bound to the parameters of statements: of each type, at their limits, and beyond.
 */
#include "test_sqlite.h"

#include <limits.h>

static sqlite3 *db_of_test; /* of the block that runs a test */

static void bind_integers(sqlite3 *db)
{
    const unsigned char byte = 200;
    const unsigned long long largest = LLONG_MAX;
    enum { COLOUR = 3 } colour = COLOUR;
    int evaluated = 0;

    with_sqlite_execute(db, "INSERT INTO t VALUES (?, ?, ?)", ++evaluated, (short)-2, true);
    CHECK_INT(evaluated, 1);
    CHECK_STR(asked(db, "SELECT a || ' ' || b || ' ' || c FROM t"), "1 -2 1");
    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?", LLONG_MIN, largest, byte);
    CHECK_STR(asked(db, "SELECT a || ' ' || b || ' ' || c FROM t"),
              "-9223372036854775808 9223372036854775807 200");
    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?", colour, 'a', 4000000000U);
    CHECK_STR(asked(db, "SELECT a || ' ' || b || ' ' || c FROM t"), "3 97 4000000000");
    CHECK_STR(asked(db, "SELECT typeof(a) FROM t"), "integer");
}

static void bind_others(sqlite3 *db)
{
    char text[] = "it's", *none = NULL;
    const unsigned char utf8[] = "\xC3\xA4";

    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?", 1.5, 0.25f, text);
    CHECK_STR(asked(db, "SELECT a || ' ' || b || ' ' || c FROM t"), "1.5 0.25 it's");
    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?", NULL, none, utf8);
    CHECK_STR(asked(db, "SELECT typeof(a) || typeof(b) || hex(c) FROM t"), "nullnullC3A4");
    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?", with_sqlite_blob("a\0b", 3),
                        with_sqlite_text("abc", 2), with_sqlite_blob(NULL, 5));
    CHECK_STR(asked(db, "SELECT typeof(a) || hex(a) || typeof(b) || b || typeof(c) FROM t"),
              "blob610062textabnull");
    with_sqlite_execute(db, "UPDATE t SET a = ?, b = ?, c = ?3", with_sqlite_blob("", 0),
                        with_sqlite_text("", 0), "");
    CHECK_STR(asked(db, "SELECT typeof(a) || typeof(b) || typeof(c) FROM t"), "blobtexttext");
    with_sqlite_execute(db, "UPDATE t SET a = max(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    CHECK_STR(asked(db, "SELECT a FROM t"), "16");
}

static void bind_too_few(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?, b = ?", 1);
}

static void bind_none(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?");
}

static void bind_too_large(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?", 1ULL << 63);
}

static void bind_too_long(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?",
                        with_sqlite_blob("", (size_t)INT_MAX + 1));
}

static void bind_past_limit(void *unused)
{
    static char text[100];

    (void)unused;
    memset(text, 'x', sizeof text - 1);
    sqlite3_limit(db_of_test, SQLITE_LIMIT_LENGTH, 90);
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?", text);
}

static void bind_pointer(void *unused)
{
    (void)unused;
    with_sqlite_execute(db_of_test, "UPDATE t SET a = ?", (void *)&db_of_test);
}

static void test_bad_values(void)
{
    CHECK_THROWN(bind_too_few, NULL,
                 "ProgrammingError: 1 values for 2 parameters | SQL: UPDATE t SET a = ?, b = ?");
    CHECK_THROWN(bind_none, NULL,
                 "ProgrammingError: 0 values for 1 parameters | SQL: UPDATE t SET a = ?");
    CHECK_THROWN(bind_too_large, NULL,
                 "OverflowError: value 1 is larger than an integer of SQLite | "
                 "SQL: UPDATE t SET a = ?");
    CHECK_THROWN(bind_too_long, NULL, "DataError: value 1 is too long | SQL: UPDATE t SET a = ?");
    CHECK_THROWN(bind_pointer, NULL,
                 "ValueError: value 1 is a pointer without a size: with_sqlite_blob() has one | "
                 "SQL: UPDATE t SET a = ?");
    CHECK_THROWN(bind_past_limit, NULL,
                 "DataError: string or blob too big | SQL: UPDATE t SET a = ?");
    CHECK_INT(code_of(bind_past_limit, NULL), SQLITE_TOOBIG);
    sqlite3_limit(db_of_test, SQLITE_LIMIT_LENGTH, 1000000);
}

static void test_values(void)
{
    with (cm_sqlite(":memory:"), db) {
        db_of_test = db;
        with_sqlite_execute(db, "CREATE TABLE t (a, b, c)");
        bind_integers(db);
        bind_others(db);
        test_bad_values();
    }
}

int main(void)
{
    test_sqlite_begin();
    test_values();
    return test_sqlite_end();
}
