/* SPDX-License-Identifier: MIT
 *
 * What does a transaction block cost, beside BEGIN, COMMIT and ROLLBACK written by hand with every result
 * checked? What does with_sqlite_execute(), beside preparing, binding, stepping and finalizing? In
 * memory, where nothing else takes time. And how much does it save to keep a connection and its
 * statement, alone or in a pool, beside opening both for each query, on a file?
 */
#include "bench.h"

#include <stdlib.h>
#include <unistd.h>
#include <with.h>
#include <with/sqlite_pool.h>

static sqlite3 *memory, *file;
static sqlite3_stmt *update, *query;
static char path[] = "/tmp/bench-sqlite-XXXXXX";

static void __attribute__((noreturn, cold)) hand_failed(sqlite3 *db)
{
    fprintf(stderr, "SQLite: %s\n", sqlite3_errmsg(db));
    abort();
}

static void hand_run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) hand_failed(db);
}

static void hand_step(sqlite3_stmt *statement)
{
    const int result = sqlite3_step(statement);

    if (result != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
        hand_failed(sqlite3_db_handle(statement));
}

/* ---- A transaction ----------------------------------------------------------------------------- */

static void hand_transaction_empty(long count)
{
    while (count-- > 0) {
        hand_run(memory, "BEGIN IMMEDIATE");
        hand_run(memory, "COMMIT");
    }
}

static void with_transaction_empty(long count)
{
    while (count-- > 0)
        with (cm_sqlite_transaction(memory, WITH_SQLITE_IMMEDIATE)) bench_opaque();
}

static void hand_transaction(long count)
{
    while (count-- > 0) {
        hand_run(memory, "BEGIN IMMEDIATE");
        hand_step(update);
        hand_run(memory, "COMMIT");
    }
}

static void with_transaction(long count)
{
    while (count-- > 0)
        with (cm_sqlite_transaction(memory, WITH_SQLITE_IMMEDIATE)) with_sqlite_step(update);
}

static void hand_rollback(long count)
{
    while (count-- > 0) {
        hand_run(memory, "BEGIN IMMEDIATE");
        hand_step(update);
        hand_run(memory, "ROLLBACK");
    }
}

static void update_and_return(void)
{
    using (cm_sqlite_transaction(memory, WITH_SQLITE_IMMEDIATE));
    with_sqlite_step(update);
}

static void with_rollback(long count)
{
    while (count-- > 0) update_and_return();
}

/* ---- A statement ------------------------------------------------------------------------------- */

static const char sql_update[] = "UPDATE t SET n = ? WHERE id = ?";

static void hand_execute(long count)
{
    while (count-- > 0) {
        sqlite3_stmt *statement;
        if (sqlite3_prepare_v2(memory, sql_update, -1, &statement, NULL) != SQLITE_OK ||
            sqlite3_bind_int64(statement, 1, count) != SQLITE_OK ||
            sqlite3_bind_int(statement, 2, 1) != SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_DONE || sqlite3_finalize(statement) != SQLITE_OK)
            hand_failed(memory);
    }
}

static void with_execute(long count)
{
    while (count-- > 0) with_sqlite_execute(memory, sql_update, count, 1);
}

/* ---- A connection ------------------------------------------------------------------------------ */

static const char sql_query[] = "SELECT n FROM t WHERE id = ?";

static void open_query_close(long count)
{
    while (count-- > 0)
        with (cm_sqlite(path), db)
            with (cm_sqlite_statement(db, sql_query, 1), statement)
                while (with_sqlite_step(statement)) bench_opaque();
}

static void kept_connection(long count)
{
    while (count-- > 0)
        with (cm_sqlite_statement(file, sql_query, 1), statement)
            while (with_sqlite_step(statement)) bench_opaque();
}

static void kept_statement(long count)
{
    while (count-- > 0) {
        with_sqlite_bind(query, 1);
        while (with_sqlite_step(query)) bench_opaque();
    }
}

/* ---- A pool ------------------------------------------------------------------------------------ */

static with_pool *connections, *statements;

static void pooled_connection(long count)
{
    while (count-- > 0)
        with (cm_acquire_sqlite(connections), db)
            with (cm_sqlite_statement(db, sql_query, 1), statement)
                while (with_sqlite_step(statement)) bench_opaque();
}

/* A maker of one's own, around that of the library: a connection with the statement that it keeps. */
struct prepared {
    sqlite3 *db;
    sqlite3_stmt *statement;
};

static int prepared_open(void *options, void **ret_value)
{
    struct prepared *self = malloc(sizeof *self);
    void *db;

    if (!self) return -ENOMEM;
    with_sqlite_maker.open(options, &db);
    self->db = db;
    if (sqlite3_prepare_v2(self->db, sql_query, -1, &self->statement, NULL) != SQLITE_OK)
        hand_failed(self->db);
    *ret_value = self;
    return 0;
}

static int prepared_reset(void *options, void *value)
{
    struct prepared *self = value;

    sqlite3_reset(self->statement);
    return with_sqlite_maker.reset(options, self->db);
}

static void prepared_close(void *options, void *value)
{
    struct prepared *self = value;

    sqlite3_finalize(self->statement);
    with_sqlite_maker.close(options, self->db);
    free(self);
}

static const struct with_pool_maker prepared_maker = {
    .size = sizeof prepared_maker,
    .name = "prepared",
    .open = prepared_open,
    .reset = prepared_reset,
    .close = prepared_close,
};

WITH_POOL_ACQUIRE(cm_acquire_prepared, struct prepared *);

static void pooled_statement(long count)
{
    while (count-- > 0)
        with (cm_acquire_prepared(statements), item) {
            with_sqlite_bind(item->statement, 1);
            while (with_sqlite_step(item->statement)) bench_opaque();
        }
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"hand-transaction-empty", hand_transaction_empty},
        {"with-transaction-empty", with_transaction_empty},
        {"hand-transaction", hand_transaction},
        {"with-transaction", with_transaction},
        {"hand-rollback", hand_rollback},
        {"with-rollback", with_rollback},
        {"hand-execute", hand_execute},
        {"with-execute", with_execute},
        {"open-query-close", open_query_close},
        {"kept-connection", kept_connection},
        {"kept-statement", kept_statement},
        {"pooled-connection", pooled_connection},
        {"pooled-statement", pooled_statement},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"with-transaction-empty", "hand-transaction-empty", 0, BENCH_NO_GOAL},
        {"with-transaction", "hand-transaction", 1.1, BENCH_BOTH},
        {"with-rollback", "hand-rollback", 1.1, BENCH_BOTH},
        {"with-execute", "hand-execute", 1.1, BENCH_BOTH},
        {"open-query-close", "kept-connection", 0, BENCH_NO_GOAL},
        {"open-query-close", "kept-statement", 0, BENCH_NO_GOAL},
        {"open-query-close", "pooled-connection", 0, BENCH_NO_GOAL},
        {"open-query-close", "pooled-statement", 0, BENCH_NO_GOAL},
        {"pooled-connection", "kept-connection", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };
    static const char make[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, n); "
                               "INSERT INTO t VALUES (1, 0)";
    int status;

    if (close(mkstemp(path)) != 0) throw_errno("%s", path);
    with (cm_sqlite(path), on_file)
        with (cm_sqlite(":memory:"), in_memory) {
            with_sqlite_execute(on_file, make);
            with_sqlite_execute(in_memory, make);
            with (cm_sqlite_statement(in_memory, "UPDATE t SET n = n + 1"), updating)
                with (cm_sqlite_statement(on_file, sql_query), asking) {
                    memory = in_memory;
                    file = on_file;
                    update = updating;
                    query = asking;
                    with (cm_pool(&with_sqlite_maker, WITH_SQLITE_OPTIONS(path)), plain)
                        with (cm_pool(&prepared_maker, WITH_SQLITE_OPTIONS(path)), preparing) {
                            connections = plain;
                            statements = preparing;
                            status = bench_main(argc, argv, cases, questions);
                        }
                }
        }
    unlink(path);
    return status;
}
