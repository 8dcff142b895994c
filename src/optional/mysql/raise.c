/* SPDX-License-Identifier: MIT
 *
 * From what libmariadb says of a failure to an exception: its type by the error number or else by the
 * SQLSTATE, the message, and notes of the SQLSTATE and the SQL. Values of parameters are not told, for
 * they may be secrets.
 */
#include "internal.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <string.h>

/* ---- Types ----------------------------------------------------------------------------------- */

/* Those for which some libmariadb's header has no name: of MySQL's server, and newer ones. */
enum {
    MARIADB_LOCAL_INFILE_DISABLED = 4166,
    MARIADB_NET_READ = 5013,
    MARIADB_NET_WRITE = 5014,
    MYSQL_QUERY_TIMEOUT = 3024,
    MYSQL_LOCK_NOWAIT = 3572,
    MYSQL_CHECK_CONSTRAINT_VIOLATED = 3819,
    MYSQL_CLIENT_INTERACTION_TIMEOUT = 4031,
};

/* Error numbers that say more than their SQLSTATE. docs/reference/mysql.md has the same table. */
static const struct {
    unsigned number;
    const with_exception_type *type;
} numbers[] = {
    {ER_DUP_ENTRY, &with_UniqueViolation},
    {ER_DUP_ENTRY_WITH_KEY_NAME, &with_UniqueViolation},
    {ER_DUP_KEY, &with_UniqueViolation},
    {ER_DUP_UNIQUE, &with_UniqueViolation},
    {ER_BAD_NULL_ERROR, &with_NotNullViolation},
    {ER_WARN_NULL_TO_NOTNULL, &with_NotNullViolation},
    {ER_NO_DEFAULT_FOR_FIELD, &with_NotNullViolation},
    {ER_NO_REFERENCED_ROW, &with_ForeignKeyViolation},
    {ER_NO_REFERENCED_ROW_2, &with_ForeignKeyViolation},
    {ER_ROW_IS_REFERENCED, &with_ForeignKeyViolation},
    {ER_ROW_IS_REFERENCED_2, &with_ForeignKeyViolation},
    {ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO, &with_ForeignKeyViolation},
    {ER_FOREIGN_DUPLICATE_KEY_WITHOUT_CHILD_INFO, &with_ForeignKeyViolation},
    {ER_CONSTRAINT_FAILED, &with_CheckViolation},
    {MYSQL_CHECK_CONSTRAINT_VIOLATED, &with_CheckViolation},
    {ER_LOCK_WAIT_TIMEOUT, &with_LockNotAvailable},
    {ER_XA_RBTIMEOUT, &with_LockNotAvailable},
    {MYSQL_LOCK_NOWAIT, &with_LockNotAvailable},
    {ER_LOCK_DEADLOCK, &with_DeadlockDetected},
    {ER_XA_RBDEADLOCK, &with_DeadlockDetected},
    {ER_CHECKREAD, &with_SerializationFailure},
    {ER_QUERY_INTERRUPTED, &with_QueryCanceled},
    {ER_STATEMENT_TIMEOUT, &with_QueryCanceled},
    {MYSQL_QUERY_TIMEOUT, &with_QueryCanceled},
    {ER_DISK_FULL, &with_DiskFull},
    {ER_RECORD_FILE_FULL, &with_DiskFull},
    {ER_CON_COUNT_ERROR, &with_TooManyConnections},
    {ER_TOO_MANY_USER_CONNECTIONS, &with_TooManyConnections},
    {ER_USER_LIMIT_REACHED, &with_OperationalError},
    {ER_SERVER_SHUTDOWN, &with_ConnectionFailure},
    {ER_CONNECTION_KILLED, &with_ConnectionFailure},
    {MYSQL_CLIENT_INTERACTION_TIMEOUT, &with_ConnectionFailure},
    {ER_NET_PACKET_TOO_LARGE, &with_DataError},
    {ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, &with_DataError},
    {WARN_DATA_TRUNCATED, &with_DataError},
    {ER_NOT_SUPPORTED_YET, &with_NotSupportedError},
    {ER_FEATURE_DISABLED, &with_NotSupportedError},
    {ER_UNKNOWN_STORAGE_ENGINE, &with_NotSupportedError},
    {ER_UNSUPPORTED_PS, &with_NotSupportedError},
    {MARIADB_LOCAL_INFILE_DISABLED, &with_NotSupportedError},
    {ER_OPTION_PREVENTS_STATEMENT, &with_OperationalError},
    {ER_OUTOFMEMORY, &with_OperationalError},
    {ER_OUT_OF_SORTMEMORY, &with_OperationalError},
    {ER_OUT_OF_RESOURCES, &with_OperationalError},
    {ER_HOST_IS_BLOCKED, &with_OperationalError},
    {ER_HOST_NOT_PRIVILEGED, &with_OperationalError},
    {ER_TABLE_DEF_CHANGED, &with_OperationalError},
    {ER_SP_DOES_NOT_EXIST, &with_ProgrammingError},
    {CR_OUT_OF_MEMORY, &with_MemoryError},
    {CR_SOCKET_CREATE_ERROR, &with_ConnectionFailure},
    {CR_CONNECTION_ERROR, &with_ConnectionFailure},
    {CR_CONN_HOST_ERROR, &with_ConnectionFailure},
    {CR_UNKNOWN_HOST, &with_ConnectionFailure},
    {CR_SERVER_GONE_ERROR, &with_ConnectionFailure},
    {CR_SERVER_HANDSHAKE_ERR, &with_ConnectionFailure},
    {CR_SERVER_LOST, &with_ConnectionFailure},
    {CR_SERVER_LOST_EXTENDED, &with_ConnectionFailure},
    {CR_SSL_CONNECTION_ERROR, &with_ConnectionFailure},
    {CR_MALFORMED_PACKET, &with_ConnectionFailure},
    {MARIADB_NET_READ, &with_ConnectionFailure},
    {MARIADB_NET_WRITE, &with_ConnectionFailure},
    {CR_NET_PACKET_TOO_LARGE, &with_DataError},
};

/* Whole classes of SQLSTATEs. */
static const struct {
    char class_name[3];
    const with_exception_type *type;
} classes[] = {
    {"08", &with_ConnectionFailure}, {"0A", &with_NotSupportedError},
    {"0Z", &with_InternalError},     {"20", &with_ProgrammingError},
    {"21", &with_ProgrammingError},  {"22", &with_DataError},
    {"23", &with_IntegrityError},    {"24", &with_InternalError},
    {"25", &with_InternalError},     {"28", &with_OperationalError},
    {"2F", &with_OperationalError},  {"3D", &with_ProgrammingError},
    {"40", &with_OperationalError},  {"42", &with_ProgrammingError},
    {"44", &with_ProgrammingError},  {"70", &with_QueryCanceled},
    {"XA", &with_OperationalError},
};

static const with_exception_type *type_of(unsigned number, const char *sqlstate)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].number == number) return numbers[i].type;
    if (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) return &with_InterfaceError;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(classes[i].class_name, sqlstate, 2) == 0) return classes[i].type;
    return &with_DatabaseError;
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

static const with_exception *make(MYSQL *conn, MYSQL_STMT *statement, const char *what)
{
    const bool its_own = statement && mysql_stmt_errno(statement) != 0;
    const unsigned number = its_own ? mysql_stmt_errno(statement) : mysql_errno(conn);
    const char *sqlstate = its_own ? mysql_stmt_sqlstate(statement) : mysql_sqlstate(conn);
    const char *text = its_own ? mysql_stmt_error(statement) : mysql_error(conn);
    const char *why = with__mysql_why_broken(conn);
    const with_exception_type *type = type_of(number, sqlstate);
    const with_exception *e;

    /* What is of no use any more is a ConnectionFailure, whatever was said last. */
    if (why || (!number && with_mysql_is_broken(conn))) type = &with_ConnectionFailure;
    e = with_exception_new(type, number || !why ? (int)number : CR_SERVER_LOST, "%s%s%s",
                           what ? what : "", what ? ": " : "",
                           why      ? why
                           : number ? text
                                    : "the connection is lost");
    if (!why && number && strcmp(sqlstate, "HY000") != 0 && strcmp(sqlstate, "00000") != 0)
        with_add_note(e, "SQLSTATE: %s", sqlstate);
    return e;
}

const with_exception *with__mysql_failure(MYSQL *conn, MYSQL_STMT *statement, const char *what,
                                          const char *sql)
{
    const with_exception *e = make(conn, statement, what);

    if (sql) with__database_note_sql(e, sql);
    if (with_isinstance(e, &with_ConnectionFailure)) with__mysql_break(conn, WITH__MYSQL_LOST);
    else with__mysql_refresh(conn);
    return e;
}
