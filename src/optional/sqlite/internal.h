/* SPDX-License-Identifier: MIT
 *
 * Private to with-sqlite: what its files share. Functions that call SQLite expect cancellation to be
 * disabled: cancelled in SQLite, a thread would keep its mutexes.
 */
#ifndef WITH_SQLITE_INTERNAL_H
#define WITH_SQLITE_INTERNAL_H

#define _GNU_SOURCE
#define WITH_NO_KEYWORDS
#include "../../database/internal.h"
#include <with/sqlite.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* ---- Exceptions ------------------------------------------------------------------------------ */

/*
 * A new exception for what a call on db has just returned, with SQLite's message, behind "what: " if
 * that is not NULL, and with the SQL, if that is not NULL, as a note. The caller owns it.
 */
const with_exception *with__sqlite_error(sqlite3 *db, int result, const char *what,
                                         const char *sql);

/* For an OK it returns NULL, else the same. */
static inline const with_exception *with__sqlite_failure(sqlite3 *db, int result, const char *what,
                                                         const char *sql)
{
    return result == SQLITE_OK ? NULL : with__sqlite_error(db, result, what, sql);
}

/* ---- Connections ----------------------------------------------------------------------------- */

/* Opens a connection, or throws. */
sqlite3 *with__sqlite_open(const struct with_sqlite_options *options);

/* Sets what the options say of a connection itself. Gives an exception, owned, or NULL. */
const with_exception *with__sqlite_configure(sqlite3 *db,
                                             const struct with_sqlite_options *options);

/* The end of a connection: what is wrong is thrown, or is a note of exception. */
void with__sqlite_close(sqlite3 *db, const char *path, bool completed,
                        const with_exception *exception);

/* ---- Transactions and processes ---------------------------------------------------------------- */

/*
 * Gives the exception, owned, for which db must not be used now, or NULL: another process opened it or a
 * rollback failed on it (as far as this thread knows), or the transaction of the block that is running
 * has ended or holds what should have been rolled back.
 */
const with_exception *with__sqlite_refusal(sqlite3 *db);

/* The pid of this process. */
int with__sqlite_process(void);

/* The innermost cm_sqlite of this thread with db, or NULL. */
struct cm_sqlite *with__sqlite_opener(const sqlite3 *db);

#endif
