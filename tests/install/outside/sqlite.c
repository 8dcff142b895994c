/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project that uses the optional library with-sqlite.
 */
#include <with/sqlite.h>

#include <stdio.h>

static int add(sqlite3 *db, int number)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        with_sqlite_execute(db, "INSERT INTO t VALUES (?)", number);
        if (number < 0) return -1;
    }
    return 0;
}

int main(void)
{
    int sum = 0;

    with (cm_sqlite(":memory:"), db) {
        with_sqlite_execute(db, "CREATE TABLE t (n)");
        if (add(db, 2) != 0 || add(db, -1) != -1 || add(db, 3) != 0) return 1;
        with (cm_sqlite_statement(db, "SELECT sum(n) FROM t"), statement)
            if (with_sqlite_step(statement)) sum = sqlite3_column_int(statement, 0);
    }
    printf("libwith-sqlite: %s\n", sum == 5 ? "works" : "does not work");
    return sum != 5;
}
