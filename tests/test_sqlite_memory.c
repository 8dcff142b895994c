/* SPDX-License-Identifier: MIT
 *
 * SQLite without memory: its Nth allocation fails, alone or with all after it, for N = 1, 2, ... until
 * a case needs no more than that. Either all of a transaction is in the file or nothing, as the way out
 * said; everything is released, and the next connection works.
 */
#include "test_sqlite.h"

#include <limits.h>

/* ---- An allocator that fails on demand --------------------------------------------------------- */

static sqlite3_mem_methods real;
static long allocations, fail_from, fail_to, failures; /* numbers fail_from to fail_to fail */

static bool fails(void)
{
    allocations++;
    if (allocations < fail_from || allocations > fail_to) return false;
    failures++;
    return true;
}

static void *allocate(int size)
{
    return fails() ? NULL : real.xMalloc(size);
}

static void *reallocate(void *memory, int size)
{
    return fails() ? NULL : real.xRealloc(memory, size);
}

static void replace_allocator(void)
{
    sqlite3_mem_methods ours;

    CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) == SQLITE_OK);
    ours = real;
    ours.xMalloc = allocate;
    ours.xRealloc = reallocate;
    CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK);
    CHECK(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK); /* each one is seen */
    CHECK(sqlite3_initialize() == SQLITE_OK);
}

/* ---- Cases ------------------------------------------------------------------------------------- */

enum way { END, RETURN, THROW, COMMIT };

static bool committed; /* the way out said so */

static void insert_many(sqlite3 *db)
{
    with (cm_sqlite_statement(db, "INSERT INTO t VALUES (?, ?)"), statement)
        for (int i = 0; i < 20; i++) {
            with_sqlite_bind(statement, i, "a text that is not quite short");
            with_sqlite_step(statement);
        }
}

static void write_all(sqlite3 *db, enum way way)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        insert_many(db);
        with (cm_sqlite_transaction(db, WITH_SQLITE_DEFERRED))
            with_sqlite_execute(db, "INSERT INTO t VALUES (?, zeroblob(?))", 20, 10);
        with (cm_sqlite_blob(db, "t", "b", 21, .writable = true), blob)
            if (sqlite3_blob_write(blob, "x", 1, 0) != SQLITE_OK) throw(MemoryError, "blob");
        if (way == RETURN) return;
        if (way == THROW) throw(KeyError, "thrown");
        if (way == COMMIT) with_sqlite_commit(db);
        if (way == COMMIT) committed = true;
    }
    committed = true;
}

static void use_database(void *way)
{
    with (cm_sqlite("file.db"), db) {
        with_sqlite_execute(db, "PRAGMA synchronous = OFF"); /* thousands of times */
        write_all(db, *(enum way *)way);
        with (cm_sqlite_statement(db, "SELECT count(*), max(b) FROM t WHERE a > ?", -1), row)
            while (with_sqlite_step(row)) CHECK(sqlite3_column_int(row, 0) <= 21);
    }
}

static void use_wal(void *way)
{
    with (cm_sqlite("file.db", .wal = true), db) {
        with_sqlite_execute(db, "PRAGMA synchronous = OFF");
        write_all(db, *(enum way *)way);
    }
}

/* ---- The Nth allocation fails ------------------------------------------------------------------ */

static void check_exception(const with_exception *e, enum way way)
{
    if (!e) return;
    if (way == THROW && e->type == &KeyError) return;
    /* Not being able to open a file is how SQLite tells of some of them. */
    if (!CHECK(e->type == &MemoryError || (e->code & 0xFF) == SQLITE_CANTOPEN ||
               e->code == SQLITE_ABORT_ROLLBACK || (e->code & 0xFF) == SQLITE_IOERR))
        with_print_exception(stderr, e);
}

/* One failure alone keeps no transaction from being rolled back. */
static void check_rolled_back(const with_exception *e)
{
    for (const with_note *note = e ? e->notes : NULL; note; note = note->next)
        CHECK(!strstr(note->text, "SQL: ROLLBACK"));
}

/* Whether an allocation failed, that is, whether the case may need still more of them. */
static bool run_once(void (*run)(void *way), enum way way, long from, long to)
{
    const sqlite3_int64 used = sqlite3_memory_used();
    const int descriptors = open_descriptors();
    const with_exception *e;

    committed = false;
    make_database("file.db", "PRAGMA synchronous = OFF; CREATE TABLE t (a, b)");
    allocations = failures = 0;
    fail_from = from;
    fail_to = to;
    e = with_call(run, &way);
    fail_from = fail_to = 0;
    check_exception(e, way);
    if (from == to) check_rolled_back(e);
    with_exception_unref(e);
    CHECK_INT(sqlite3_memory_used(), used);
    CHECK_INT(open_descriptors(), descriptors);
    if (!CHECK_STR(asked_of("file.db", "SELECT count(*) FROM t"), committed ? "21" : "0"))
        printf("way %d, allocations %ld to %ld fail\n", way, from, to);
    CHECK_STR(asked_of("file.db", "PRAGMA integrity_check"), "ok");
    return failures > 0;
}

static void check_case(void (*run)(void *way), enum way way, long step)
{
    run_once(run, way, 0, 0);
    CHECK(committed == (way == END || way == COMMIT));
    for (long n = 1; run_once(run, way, n, n); n += step) {}
    for (long n = 1; run_once(run, way, n, LONG_MAX); n += step) {}
}

int main(void)
{
    test_sqlite_begin();
    replace_allocator();
    for (enum way way = END; way <= COMMIT; way++)
        check_case(use_database, way, way == END ? 1 : 3);
    check_case(use_wal, END, 3);
    unlink("file.db");
    return test_sqlite_end();
}
