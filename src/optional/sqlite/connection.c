/* SPDX-License-Identifier: MIT
 *
 * cm_sqlite: a connection, closed at the end.
 */
#include "internal.h"

#include <limits.h>

enum { ACCESS = SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE, LEFT_SHOWN = 10 };

/* ---- Enter ----------------------------------------------------------------------------------- */

static int busy_milliseconds(double seconds)
{
    const double milliseconds = (seconds == 0 ? 5 : seconds) * 1000;

    if (milliseconds <= 0) return 0;
    if (milliseconds >= INT_MAX) return INT_MAX;
    return (int)milliseconds + ((int)milliseconds < milliseconds);
}

static const with_exception *set_foreign_keys(sqlite3 *db,
                                              const struct with_sqlite_options *options)
{
    const int wanted = !options->foreign_keys_off;
    int got = 0, result = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, wanted, &got);

    if (result != SQLITE_OK) return with__sqlite_error(db, result, options->path, NULL);
    if (got == wanted) return NULL;
    return with_exception_new(&with_NotSupportedError, 0, "%s: this SQLite has no foreign keys",
                              options->path);
}

/* The answer is the mode that there is now, which may be another one than was asked for. */
static const with_exception *set_wal(sqlite3 *db, const char *path)
{
    static const char sql[] = "PRAGMA journal_mode = WAL";
    const with_exception *failure = NULL;
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    const char *mode;

    if (result == SQLITE_OK) result = sqlite3_step(statement);
    if (result != SQLITE_ROW) failure = with__sqlite_error(db, result, path, sql);
    else if (!(mode = (const char *)sqlite3_column_text(statement, 0)))
        failure = with__sqlite_error(db, SQLITE_NOMEM, path, sql);
    else if (strcmp(mode, "wal") != 0)
        failure = with_exception_new(&with_NotSupportedError, 0, "%s: no WAL, but journal mode %s",
                                     path, mode);
    sqlite3_finalize(statement);
    return failure;
}

static void check_options(const struct with_sqlite_options *options)
{
    if (!options->path) with_throw(with_ValueError, "cm_sqlite: the path is NULL");
    if (options->busy_seconds != options->busy_seconds)
        with_throw(with_ValueError, "cm_sqlite: busy_seconds is not a number");
}

const with_exception *with__sqlite_configure(sqlite3 *db, const struct with_sqlite_options *options)
{
    sqlite3_busy_timeout(db, busy_milliseconds(options->busy_seconds));
    return set_foreign_keys(db, options);
}

static const with_exception *open_connection(const struct with_sqlite_options *options,
                                             sqlite3 **ret_db)
{
    int flags = options->flags, result;
    const with_exception *failure;
    sqlite3 *db = NULL;

    if (!(flags & ACCESS)) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    result = sqlite3_open_v2(options->path, &db, flags, options->vfs);
    failure = with__sqlite_failure(db, result, options->path, NULL);
    if (!failure) failure = with__sqlite_configure(db, options);
    if (!failure && options->wal) failure = set_wal(db, options->path);
    if (failure) sqlite3_close(db);
    else *ret_db = db;
    return failure;
}

sqlite3 *with__sqlite_open(const struct with_sqlite_options *options)
{
    const with_exception *failure;
    struct with__calm calm;
    sqlite3 *db = NULL;

    check_options(options);
    calm = with__calm_begin();
    failure = open_connection(options, &db);
    with__calm_end(calm);
    if (failure) with_throw_again(failure);
    return db;
}

static void sqlite_enter(struct cm_sqlite *self)
{
    self->pid_ = with__sqlite_process();
    self->as = with__sqlite_open(&self->options_);
}

/* ---- Exit ------------------------------------------------------------------------------------ */

/* A transaction that no block of ours holds any more: begun by hand, or left by a failed rollback. */
static const with_exception *end_transaction(sqlite3 *db, const char *path, bool completed)
{
    int result;

    if (sqlite3_get_autocommit(db)) return NULL;
    result = sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    if (!completed || result != SQLITE_OK)
        return with__sqlite_failure(db, result, path, "ROLLBACK");
    return with_exception_new(&with_InterfaceError, SQLITE_OK,
                              "%s: a transaction that was open at the end is rolled back", path);
}

/* Statements that run hold locks, until they are reset. A blob (which has no SQL) must not be. */
static void give_up_locks(sqlite3 *db)
{
    sqlite3_stmt *statement = sqlite3_next_stmt(db, NULL);

    while (statement) {
        const bool running = sqlite3_stmt_busy(statement) && sqlite3_sql(statement);
        if (running) sqlite3_reset(statement);
        /* A reset may end others, of virtual tables, and so begin again. */
        statement = sqlite3_next_stmt(db, running ? NULL : statement);
    }
}

static const with_exception *name_what_is_left(sqlite3 *db, const char *path)
{
    int statements = 0, others = 0;
    const with_exception *failure;

    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db, s));)
        if (sqlite3_sql(s)) statements++;
        else others++;
    failure =
        with_exception_new(&with_InterfaceError, SQLITE_BUSY,
                           "%s: not closed before %d statements are finalized and %d blobs closed",
                           path, statements, others);
    statements = 0;
    for (sqlite3_stmt *s = NULL; statements < LEFT_SHOWN && (s = sqlite3_next_stmt(db, s));)
        if (sqlite3_sql(s)) {
            with__database_note_sql(failure, sqlite3_sql(s));
            statements++;
        }
    return failure;
}

/*
 * What is left belongs to the user, who may still release it: the connection waits for that. To
 * finalize it here would leave the user, and virtual tables, with pointers to what is gone.
 */
static const with_exception *close_connection(sqlite3 *db, const char *path)
{
    const with_exception *failure = NULL;

    if (sqlite3_close(db) == SQLITE_OK) return NULL;
    give_up_locks(db);
    failure = name_what_is_left(db, path);
    sqlite3_close_v2(db);
    return failure;
}

void with__sqlite_close(sqlite3 *db, const char *path, bool completed,
                        const with_exception *exception)
{
    const struct with__calm calm = with__calm_begin();
    const with_exception *failure = end_transaction(db, path, completed && !exception);
    const with_exception *second = close_connection(db, path);

    with__calm_end(calm);
    if (failure) with__database_add(failure, second);
    with__database_report(exception, failure ? failure : second);
}

static bool sqlite_exit(struct cm_sqlite *self, const with_exception *exception)
{
    if (self->pid_ == with__sqlite_process())
        with__sqlite_close(self->as, self->options_.path, with_completed(self), exception);
    return false;
}

WITH_CLASS(cm_sqlite, sqlite_enter, sqlite_exit);

struct cm_sqlite cm_sqlite_(const struct with_sqlite_options *options)
{
    struct cm_sqlite self = WITH_NEW(cm_sqlite);

    WITH__COPY_OPTIONS("cm_sqlite", &self.options_, options);
    return self;
}

struct cm_sqlite *with__sqlite_opener(const sqlite3 *db)
{
    for (struct with_frame_ *frame = with_thread_.top; frame; frame = frame->previous) {
        if (frame->site->kind_ != WITH_MANAGER_SITE_) continue;
        if (((struct with_head_ *)frame)->manager_class != &cm_sqlite_with_class_) continue;
        if (((struct cm_sqlite *)frame)->as == db) return (struct cm_sqlite *)frame;
    }
    return NULL;
}
