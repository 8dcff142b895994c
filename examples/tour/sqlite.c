/* SPDX-License-Identifier: MIT
 *
 * The tour's words in SQLite: see databases.h.
 */
#include "databases.h"

#include <with/sqlite.h>
#include <with/sqlite_pool.h>

/* All of them or, should anything fail on the way, none. */
static void insert(sqlite3 *db, struct words *words)
{
    size_t number;
    struct word *const *sorted = words_sorted(words, &number);

    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        with_sqlite_execute(db, "CREATE TABLE identifiers (text TEXT PRIMARY KEY, count INTEGER)");
        with (cm_sqlite_statement(db, "INSERT INTO identifiers VALUES (?, ?)"), statement)
            for (size_t i = 0; i < number; i++) {
                with_sqlite_bind(statement, sorted[i]->text, sorted[i]->count);
                with_sqlite_step(statement);
            }
    }
}

static void report(sqlite3 *db)
{
    with (cm_sqlite_statement(db, "SELECT count(*), max(length(text)) FROM identifiers"), row) {
        with_sqlite_step(row);
        printf("  kept      %lld in SQLite %s, in one transaction; the longest has %d letters\n",
               (long long)sqlite3_column_int64(row, 0), sqlite3_libversion(),
               sqlite3_column_int(row, 1));
    }
}

void keep_in_sqlite(struct words *words, const char *path)
{
    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS(path), .maximum_size = 4), pool) {
        with (cm_acquire_sqlite(pool), db) insert(db, words);
        with (cm_acquire_sqlite(pool), db) report(db); /* the same connection again */
    }
}
