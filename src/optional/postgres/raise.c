/* SPDX-License-Identifier: MIT
 *
 * From what libpq says of a failure to an exception: its type by the SQLSTATE, the message, and notes of
 * all that the server tells beside it. Values of parameters are not told, for they may be secrets.
 */
#include "internal.h"

#include <string.h>

/* ---- Types ----------------------------------------------------------------------------------- */

/*
 * SQLSTATEs and whole classes of them, the more special first. docs/reference/postgres.md has the same
 * table. What is not in it is a DatabaseError.
 */
#define SQLSTATES(X)                                                                               \
    X("08007", TransactionResolutionUnknown)                                                       \
    X("08P01", ProgrammingError)                                                                   \
    X("08", ConnectionFailure)                                                                     \
    X("0A", NotSupportedError)                                                                     \
    X("20", ProgrammingError)                                                                      \
    X("21", ProgrammingError)                                                                      \
    X("22", DataError)                                                                             \
    X("23502", NotNullViolation)                                                                   \
    X("23503", ForeignKeyViolation)                                                                \
    X("23001", ForeignKeyViolation)                                                                \
    X("23505", UniqueViolation)                                                                    \
    X("23514", CheckViolation)                                                                     \
    X("23P01", ExclusionViolation)                                                                 \
    X("23", IntegrityError)                                                                        \
    X("25P03", ConnectionFailure)                                                                  \
    X("25P04", ConnectionFailure)                                                                  \
    X("24", InternalError)                                                                         \
    X("25", InternalError)                                                                         \
    X("26", ProgrammingError)                                                                      \
    X("27", OperationalError)                                                                      \
    X("28", OperationalError)                                                                      \
    X("2B", InternalError)                                                                         \
    X("2D", InternalError)                                                                         \
    X("2F", OperationalError)                                                                      \
    X("34", ProgrammingError)                                                                      \
    X("38", OperationalError)                                                                      \
    X("39", OperationalError)                                                                      \
    X("3B", OperationalError)                                                                      \
    X("3D", ProgrammingError)                                                                      \
    X("3F", ProgrammingError)                                                                      \
    X("40001", SerializationFailure)                                                               \
    X("40002", IntegrityError)                                                                     \
    X("40P01", DeadlockDetected)                                                                   \
    X("40", OperationalError)                                                                      \
    X("42", ProgrammingError)                                                                      \
    X("44", ProgrammingError)                                                                      \
    X("53100", DiskFull)                                                                           \
    X("53300", TooManyConnections)                                                                 \
    X("53", OperationalError)                                                                      \
    X("54", OperationalError)                                                                      \
    X("55P03", LockNotAvailable)                                                                   \
    X("55", OperationalError)                                                                      \
    X("57014", QueryCanceled)                                                                      \
    X("57P01", ConnectionFailure)                                                                  \
    X("57P02", ConnectionFailure)                                                                  \
    X("57P03", ConnectionFailure)                                                                  \
    X("57P05", ConnectionFailure)                                                                  \
    X("57", OperationalError)                                                                      \
    X("58", OperationalError)                                                                      \
    X("F0", OperationalError)                                                                      \
    X("HV", OperationalError)                                                                      \
    X("P0", ProgrammingError)                                                                      \
    X("XX", InternalError)

/* 40002, integrity constraint at the end of a transaction, is of the standard; PostgreSQL says 23. */
const with_exception_type *with__postgres_type(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        const with_exception_type *type;
    } table[] = {
#define ROW(PREFIX, NAME) {PREFIX, &with_##NAME},
        SQLSTATES(ROW)
#undef ROW
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) return table[i].type;
    return &with_DatabaseError;
}

bool with__postgres_succeeded(const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);

    return result && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                      status == PGRES_EMPTY_QUERY || status == PGRES_SINGLE_TUPLE);
}

/* ---- Notes ----------------------------------------------------------------------------------- */

static void note_field(const with_exception *e, const PGresult *result, int field,
                       const char *label)
{
    const char *text = PQresultErrorField(result, field);

    if (text && *text) with_add_note(e, "%s: %s", label, text);
}

/* The beginning of the SQL, and at which character of it the fault is, if the server says so. */
static void note_sql(const with_exception *e, const PGresult *result, const char *sql)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    const struct with__database_excerpt excerpt = with__database_excerpt(sql);

    with_add_note(e, "SQL: %.*s%s%s%s%s", excerpt.length, excerpt.text, excerpt.dots,
                  position ? " (at character " : "", position ? position : "", position ? ")" : "");
}

/* A RAISE may have a message of several lines, of which an exception's message has the first. */
static void note_more_lines(const with_exception *e, const PGresult *result)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *end = message ? strchr(message, '\n') : NULL;

    if (end && end[1]) with_add_note(e, "message, from its second line: %s", end + 1);
}

static void note_result(const with_exception *e, const PGresult *result)
{
    note_more_lines(e, result);
    note_field(e, result, PG_DIAG_SQLSTATE, "SQLSTATE");
    note_field(e, result, PG_DIAG_MESSAGE_DETAIL, "detail");
    note_field(e, result, PG_DIAG_MESSAGE_HINT, "hint");
    note_field(e, result, PG_DIAG_SCHEMA_NAME, "schema");
    note_field(e, result, PG_DIAG_TABLE_NAME, "table");
    note_field(e, result, PG_DIAG_COLUMN_NAME, "column");
    note_field(e, result, PG_DIAG_DATATYPE_NAME, "type");
    note_field(e, result, PG_DIAG_CONSTRAINT_NAME, "constraint");
    note_field(e, result, PG_DIAG_CONTEXT, "context");
    note_field(e, result, PG_DIAG_INTERNAL_QUERY, "inner SQL");
}

/* ---- Exceptions ------------------------------------------------------------------------------ */

/* Which of the messages says best what happened. Its first line is enough: more is in the notes. */
static const char *message_of(PGconn *conn, const PGresult *result)
{
    const struct with__postgres *state = with__postgres_state(conn);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (!text && state && state->why) text = state->why;
    if (!text || !*text) text = PQresultErrorMessage(result);
    if (!text || !*text) text = PQerrorMessage(conn);
    return text && *text ? text : "the connection is lost";
}

/* Without the server's word: what has happened here. */
static const with_exception_type *type_of(PGconn *conn, const PGresult *result,
                                          const char *sqlstate, const char *message)
{
    const ExecStatusType status = PQresultStatus(result);

    if (sqlstate) return with__postgres_type(sqlstate);
    if (strncmp(message, "out of memory", 13) == 0) return &with_MemoryError; /* libpq says it so */
    if (with_postgres_is_broken(conn)) return &with_ConnectionFailure;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) return &with_ProgrammingError;
    return result ? &with_OperationalError : &with_InterfaceError;
}

static const with_exception *make(PGconn *conn, PGresult *result, const char *what)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = message_of(conn, result);
    const with_exception_type *type = type_of(conn, result, sqlstate, message);
    const int length = (int)strcspn(message, "\n");

    if (!sqlstate && type == &with_ConnectionFailure) sqlstate = "08006";
    return with_exception_new(type, with_sqlstate_pack(sqlstate), "%s%s%.*s", what ? what : "",
                              what ? ": " : "", length, message);
}

const with_exception *with__postgres_failure(PGconn *conn, PGresult *result, const char *what,
                                             const char *sql)
{
    const with_exception *e = make(conn, result, what);

    note_result(e, result);
    if (sql) note_sql(e, result, sql);
    PQclear(result);
    return e;
}
