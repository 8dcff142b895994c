/* SPDX-License-Identifier: MIT
 *
 * with/database.h: what databases throw, whichever it is. PEP 249's tree of exceptions, and below it
 * those that a handler acts on, named as SQLSTATE and psycopg name them. All of it is since 0.1.
 * Reference: docs/reference/database.md.
 */
#ifndef WITH_DATABASE_H
#define WITH_DATABASE_H

#include <with.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- PEP 249 --------------------------------------------------------------------------------- */

/*
 * The message is the database's own; the SQL text is a note. The code is the database's own number
 * (SQLite's extended result code, MariaDB's error number), or a SQLSTATE as WITH_SQLSTATE() packs it.
 * Memory that is out is MemoryError, and a bad argument of a call of ours ValueError, here as
 * everywhere.
 */

/* The interface to the database was used wrongly: an Exception, and no DatabaseError. */
extern WITH_API const with_exception_type with_InterfaceError;

/* What the database says: an Exception, and the base of all below. */
extern WITH_API const with_exception_type with_DatabaseError;

/* A DatabaseError: a value is out of range, too long, or of no use. */
extern WITH_API const with_exception_type with_DataError;
/* A DatabaseError, the fault of the moment: locks, connections, disks. Its subtypes are below. */
extern WITH_API const with_exception_type with_OperationalError;
/* A DatabaseError: what the schema demands would be broken. Its subtypes are below. */
extern WITH_API const with_exception_type with_IntegrityError;
/* A DatabaseError: the database has met a fault of its own. */
extern WITH_API const with_exception_type with_InternalError;
/* A DatabaseError: the SQL is wrong. No such table, a syntax error, too few parameters. */
extern WITH_API const with_exception_type with_ProgrammingError;
/* A DatabaseError: the database cannot do that. */
extern WITH_API const with_exception_type with_NotSupportedError;

/* ---- OperationalError ------------------------------------------------------------------------ */

/* The connection could not be made, or is lost; a transaction that was open in it is rolled back. */
extern WITH_API const with_exception_type with_ConnectionFailure;

/* The connection was lost while a commit was under way: it may count or not, and only looking tells. */
extern WITH_API const with_exception_type with_TransactionResolutionUnknown;

/* The server has as many connections as it allows. */
extern WITH_API const with_exception_type with_TooManyConnections;

/* There is no room for what was to be written. */
extern WITH_API const with_exception_type with_DiskFull;

/* A lock that others hold was not got in time. */
extern WITH_API const with_exception_type with_LockNotAvailable;

/* What the transaction has read is no longer true, so it cannot be completed. */
extern WITH_API const with_exception_type with_SerializationFailure;

/* Transactions waited for each other, and this one was chosen to give way. */
extern WITH_API const with_exception_type with_DeadlockDetected;

/* The statement was interrupted: by request, or by a limit of its time. */
extern WITH_API const with_exception_type with_QueryCanceled;

/* ---- IntegrityError -------------------------------------------------------------------------- */

/* A constraint of the schema, by its kind. ExclusionViolation is PostgreSQL's alone. */
extern WITH_API const with_exception_type with_NotNullViolation;
extern WITH_API const with_exception_type with_ForeignKeyViolation;
extern WITH_API const with_exception_type with_UniqueViolation;
extern WITH_API const with_exception_type with_CheckViolation;
extern WITH_API const with_exception_type with_ExclusionViolation;

/* ---- Helpers --------------------------------------------------------------------------------- */

/*
 * Whether the whole transaction, run again, may well succeed: for LockNotAvailable,
 * SerializationFailure and DeadlockDetected. Not for ConnectionFailure, which wants a new connection
 * first, nor for TransactionResolutionUnknown. Any thread; exception may be NULL.
 */
WITH_API bool with_database_can_retry(const with_exception *exception);

/*
 * The code of an exception that stands for a SQLSTATE: five characters, each a digit or a capital,
 * six bits each as PostgreSQL packs them. WITH_SQLSTATE('2', '3', '5', '0', '5') is a constant.
 */
#define WITH_SQLSTATE(A, B, C, D, E)                                                               \
    (WITH_SQLSTATE_BITS_(A, 0) | WITH_SQLSTATE_BITS_(B, 6) | WITH_SQLSTATE_BITS_(C, 12) |          \
     WITH_SQLSTATE_BITS_(D, 18) | WITH_SQLSTATE_BITS_(E, 24))
#define WITH_SQLSTATE_BITS_(CHARACTER, SHIFT) ((((CHARACTER) - '0') & 0x3F) << (SHIFT))

/* Room for a SQLSTATE as text, with its NUL. */
#define WITH_SQLSTATE_SIZE 6

/* The code of five characters of text; 0 if it is not five digits or capitals. Any thread. */
WITH_API int with_sqlstate_pack(const char *text);

/* Writes a code as its five characters and a NUL into ret_text, which it returns. Any thread. */
WITH_API const char *with_sqlstate_text(int code, char ret_text[WITH_SQLSTATE_SIZE]);

#ifndef WITH_NO_KEYWORDS
#define InterfaceError with_InterfaceError
#define DatabaseError with_DatabaseError
#define DataError with_DataError
#define OperationalError with_OperationalError
#define IntegrityError with_IntegrityError
#define InternalError with_InternalError
#define ProgrammingError with_ProgrammingError
#define NotSupportedError with_NotSupportedError
#define ConnectionFailure with_ConnectionFailure
#define TransactionResolutionUnknown with_TransactionResolutionUnknown
#define TooManyConnections with_TooManyConnections
#define DiskFull with_DiskFull
#define LockNotAvailable with_LockNotAvailable
#define SerializationFailure with_SerializationFailure
#define DeadlockDetected with_DeadlockDetected
#define QueryCanceled with_QueryCanceled
#define NotNullViolation with_NotNullViolation
#define ForeignKeyViolation with_ForeignKeyViolation
#define UniqueViolation with_UniqueViolation
#define CheckViolation with_CheckViolation
#define ExclusionViolation with_ExclusionViolation
#endif

#ifdef __cplusplus
}
#endif

#endif /* WITH_DATABASE_H */
