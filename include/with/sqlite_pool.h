/* SPDX-License-Identifier: MIT
 *
 * with/sqlite_pool.h: SQLite in a pool. Here two families meet: with/sqlite.h and with/pool.h, of
 * which neither knows the other. In the library with-sqlite. All of it is since 0.1.
 * Reference: docs/reference/sqlite.md.
 */
#ifndef WITH_SQLITE_POOL_H
#define WITH_SQLITE_POOL_H

#include <with/pool.h>
#include <with/sqlite.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The maker ------------------------------------------------------------------------------- */

/*
 * Makes connections (sqlite3 *) for a pool. Its argument is a struct with_sqlite_options, with what it
 * points to borrowed as long as the pool is there, as cm_sqlite() takes them.
 *
 * check  fails (ESTALE) if the file has been moved, removed or replaced since it was opened.
 * reset  rolls back a transaction that is open, sets the busy time and foreign keys as the options say
 *        and takes away hooks; wal_autocheckpoint is 1000 again. It fails, and the connection is closed,
 *        if a statement is still running, or temporary tables or attached databases are left. What else
 *        was set by PRAGMA stays.
 * close  as the exit of cm_sqlite(): statements and blobs that were not released are named.
 *
 * In a child of fork() nothing is done to the parent's connections.
 */
extern WITH_API const struct with_pool_maker with_sqlite_maker;

#ifdef __cplusplus
}
#else

/*
 * WITH_SQLITE_OPTIONS(PATH, .option = value, ...): the argument for with_sqlite_maker, as long as the
 * block lasts in which it stands.
 */
#define WITH_SQLITE_OPTIONS(...)                                                                   \
    ((void *)&(const struct with_sqlite_options){.size = sizeof(struct with_sqlite_options),       \
                                                 .path = __VA_ARGS__})

/* ---- Acquiring ------------------------------------------------------------------------------- */

/*
 * cm_acquire_sqlite(POOL), cm_acquire_sqlite_within(POOL, SECONDS): as cm_acquire() and
 * cm_acquire_within(), `as` a sqlite3 *.
 */
WITH_POOL_ACQUIRE(cm_acquire_sqlite, sqlite3 *);

#endif /* !__cplusplus */

#endif /* WITH_SQLITE_POOL_H */
