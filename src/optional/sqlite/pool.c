/* SPDX-License-Identifier: MIT
 *
 * The maker of connections for a pool.
 */
#include "internal.h"

#include <with/sqlite_pool.h>

/* The options that the caller knows of. */
static struct with_sqlite_options options_of(const void *argument)
{
    struct with_sqlite_options options = {0};

    WITH__COPY_OPTIONS("cm_sqlite", &options, (const struct with_sqlite_options *)argument);
    return options;
}

static int open_item(void *argument, void **ret_value)
{
    const struct with_sqlite_options options = options_of(argument);

    *ret_value = with__sqlite_open(&options);
    return 0;
}

static void close_item(void *argument, void *value)
{
    const struct with_sqlite_options options = options_of(argument);

    with__sqlite_close(value, options.path, false, NULL);
}

/* What is in memory or temporary has no file to be moved, and SQLite answers that it cannot tell. */
static int check_item(void *argument, void *value)
{
    const struct with__calm calm = with__calm_begin();
    int moved = 0;

    (void)argument;
    sqlite3_file_control(value, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    with__calm_end(calm);
    return moved ? -ESTALE : 0;
}

/* ---- Reset ----------------------------------------------------------------------------------- */

/* A statement that is idle cannot be told from those that virtual tables keep. */
static const with_exception *refuse_running(sqlite3 *db, const char *path)
{
    const with_exception *failure = NULL;

    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db, s));) {
        if (!sqlite3_stmt_busy(s)) continue;
        if (!failure)
            failure = with_exception_new(&with_InterfaceError, SQLITE_BUSY,
                                         "%s: given back with statements or blobs in use", path);
        if (sqlite3_sql(s)) with__database_note_sql(failure, sqlite3_sql(s));
    }
    return failure;
}

static const with_exception *end_transaction(sqlite3 *db, const char *path)
{
    if (sqlite3_get_autocommit(db)) return NULL;
    return with__sqlite_failure(db, sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), path,
                                "ROLLBACK");
}

/* The first row is of "main"; those of "temp", if there is any, and of attached databases follow. */
static const with_exception *refuse_session(sqlite3 *db, const char *path)
{
    static const char sql[] = "PRAGMA database_list";
    const with_exception *failure = NULL;
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    if (result == SQLITE_OK) result = sqlite3_step(statement);
    if (result == SQLITE_ROW) result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        failure = with_exception_new(
            &with_InterfaceError, SQLITE_MISUSE, "%s: given back with %s left", path,
            sqlite3_column_int(statement, 0) == 1 ? "temporary tables" : "a database attached");
    else if (result != SQLITE_DONE) failure = with__sqlite_error(db, result, path, sql);
    sqlite3_finalize(statement);
    return failure;
}

static void take_away_hooks(sqlite3 *db)
{
    enum { PAGES = 1000 }; /* SQLite's default */

    sqlite3_set_authorizer(db, NULL, NULL);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    sqlite3_commit_hook(db, NULL, NULL);
    sqlite3_rollback_hook(db, NULL, NULL);
    sqlite3_update_hook(db, NULL, NULL);
    sqlite3_wal_autocheckpoint(db, PAGES); /* is itself a hook: SQLite has one for the WAL */
}

static int reset_item(void *argument, void *value)
{
    const struct with_sqlite_options options = options_of(argument);
    const struct with__calm calm = with__calm_begin();
    const with_exception *failure = refuse_running(value, options.path);

    take_away_hooks(value);
    if (!failure) failure = end_transaction(value, options.path);
    if (!failure) failure = refuse_session(value, options.path);
    if (!failure) failure = with__sqlite_configure(value, &options);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
    return 0;
}

const struct with_pool_maker with_sqlite_maker = {
    .size = sizeof with_sqlite_maker,
    .name = "sqlite",
    .open = open_item,
    .check = check_item,
    .reset = reset_item,
    .close = close_item,
};
