/* SPDX-License-Identifier: MIT
 *
 * What SQLite says, as exceptions.
 */
#include "internal.h"

/* The result codes that have a type of their own; an extended one before its primary one. */
static const struct {
    int code;
    const with_exception_type *type;
} types[] = {
    {SQLITE_CONSTRAINT_UNIQUE, &with_UniqueViolation},
    {SQLITE_CONSTRAINT_PRIMARYKEY, &with_UniqueViolation},
    {SQLITE_CONSTRAINT_ROWID, &with_UniqueViolation},
    {SQLITE_CONSTRAINT_NOTNULL, &with_NotNullViolation},
    {SQLITE_CONSTRAINT_FOREIGNKEY, &with_ForeignKeyViolation},
    {SQLITE_CONSTRAINT_CHECK, &with_CheckViolation},
    {SQLITE_BUSY_SNAPSHOT, &with_SerializationFailure},
    {SQLITE_IOERR_NOMEM, &with_MemoryError},
    {SQLITE_ERROR, &with_ProgrammingError},
    {SQLITE_INTERNAL, &with_InternalError},
    {SQLITE_PERM, &with_OperationalError},
    {SQLITE_ABORT, &with_OperationalError},
    {SQLITE_BUSY, &with_LockNotAvailable},
    {SQLITE_LOCKED, &with_LockNotAvailable},
    {SQLITE_NOMEM, &with_MemoryError},
    {SQLITE_READONLY, &with_OperationalError},
    {SQLITE_INTERRUPT, &with_QueryCanceled},
    {SQLITE_IOERR, &with_OperationalError},
    {SQLITE_CORRUPT, &with_InternalError},
    {SQLITE_NOTFOUND, &with_InternalError},
    {SQLITE_FULL, &with_DiskFull},
    {SQLITE_CANTOPEN, &with_OperationalError},
    {SQLITE_PROTOCOL, &with_OperationalError},
    {SQLITE_SCHEMA, &with_OperationalError},
    {SQLITE_TOOBIG, &with_DataError},
    {SQLITE_CONSTRAINT, &with_IntegrityError},
    {SQLITE_MISMATCH, &with_DataError},
    {SQLITE_MISUSE, &with_InterfaceError},
    {SQLITE_NOLFS, &with_NotSupportedError},
    {SQLITE_AUTH, &with_ProgrammingError},
    {SQLITE_RANGE, &with_InterfaceError},
};

static const with_exception_type *type_of(int code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code || types[i].code == (code & 0xFF)) return types[i].type;
    return &with_DatabaseError;
}

/* SQLite keeps the number of what the system refused. It may be an old one where it does not fit. */
static void note_system_error(const with_exception *exception, sqlite3 *db, int code)
{
    const int error = sqlite3_system_errno(db);

    if ((code & 0xFF) != SQLITE_IOERR && (code & 0xFF) != SQLITE_CANTOPEN) return;
    if (error) with_release_error(exception, error, "the system says");
}

const with_exception *with__sqlite_error(sqlite3 *db, int result, const char *what, const char *sql)
{
    const int last = db ? sqlite3_extended_errcode(db) : result;
    const bool is_last = db && (last & 0xFF) == (result & 0xFF);
    const int code = is_last ? last : result;
    const with_exception *exception =
        with_exception_new(type_of(code), code, "%s%s%s", what ? what : "", what ? ": " : "",
                           is_last ? sqlite3_errmsg(db) : sqlite3_errstr(result));

    if (is_last) note_system_error(exception, db, code);
    if (sql) with__database_note_sql(exception, sql);
    return exception;
}
