/* SPDX-License-Identifier: MIT
 *
 * with/postgres.h: PostgreSQL by libpq. Connections, transactions, results, cursors, COPY and advisory
 * locks that end with their block. The library is libwith-postgres. All of it is since 0.1.
 * Reference: docs/reference/postgres.md, with_postgres(3).
 */
#ifndef WITH_POSTGRES_H
#define WITH_POSTGRES_H

#include <with.h>
#include <with/database.h>

#include <libpq-fe.h>
#include <stdint.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/*
 * The options of cm_postgres(), given by name behind the conninfo; what is not given is 0. The strings
 * are borrowed until the block has been entered. For a pool: with/postgres_pool.h.
 */
struct with_postgres_options {
    size_t size; /* of this struct; set by the macro */
    const char *conninfo;
    double connect_timeout_seconds; /* over all hosts; 0: what conninfo says, else 30 */
    double
        statement_timeout_seconds; /* the server cancels what runs longer; 0: as it is set there */
    double answer_timeout_seconds; /* the connection is given up after it; 0: waits for ever */
    PQnoticeReceiver notice;       /* is told of notices, and must not throw; NULL: nobody is */
    void *notice_argument;
    bool discard_always; /* in a pool: the session's state is discarded whatever was done in it */
};
/* clang-format off */
#define WITH_POSTGRES_OPTIONS_INIT {.size = sizeof(struct with_postgres_options)}
/* clang-format on */

/* The isolation of a transaction. */
enum with_postgres_isolation {
    WITH_POSTGRES_DEFAULT_ISOLATION, /* what the session has: default_transaction_isolation */
    WITH_POSTGRES_READ_COMMITTED,
    WITH_POSTGRES_REPEATABLE_READ,
    WITH_POSTGRES_SERIALIZABLE,
};

/* The options of cm_postgres_transaction(). */
struct with_postgres_transaction_options {
    size_t size;
    PGconn *conn;
    enum with_postgres_isolation isolation;
    bool read_only;
    bool deferrable; /* waits for a snapshot that cannot fail; serializable and read only alone */
};

/* The options of cm_postgres_lock(). */
struct with_postgres_lock_options {
    size_t size;
    PGconn *conn;
    int64_t key;
    bool shared;
    bool transaction;       /* held to the end of the transaction, not of the block */
    bool no_wait;           /* LockNotAvailable at once if somebody else holds it */
    double timeout_seconds; /* LockNotAvailable after it; 0: waits for ever */
};

/* The options of with_postgres_retry(). */
struct with_postgres_retry_options {
    size_t size;
    PGconn *conn;
    void (*function)(PGconn *conn, void *argument);
    void *argument;
    enum with_postgres_isolation isolation;
    bool read_only, deferrable;
    int tries;                    /* at most; 0: 10 */
    double first_delay_seconds;   /* doubled with each try; 0: 0.01 */
    double longest_delay_seconds; /* 0: 1 */
};

/* A parameter of type bytea. The data is borrowed as long as the manager that it is given to. */
struct with_postgres_bytes {
    const void *data;
    size_t length;
};

/* Where a cursor stands: PQgetvalue(cursor->result, cursor->row, column). Both are for reading. */
struct with_postgres_cursor {
    PGresult *result; /* the rows fetched last, borrowed until the next with_postgres_next() */
    int row;
};

/* ---- Queries ------------------------------------------------------------------------------- */

/*
 * Whether the connection is of no more use: it was lost, or given up since its state is not known (a
 * rollback that failed, an answer that did not come, a statement that could not be stopped). A pool
 * closes it. Never throws. Any thread that may use conn.
 */
WITH_API bool with_postgres_is_broken(const PGconn *conn);

/* Makes bytes a parameter. */
static inline __attribute__((unused)) struct with_postgres_bytes
with_postgres_bytes(const void *data, size_t length)
{
    const struct with_postgres_bytes bytes = {data, length};
    return bytes;
}

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the managers ---------------------------------------------------------------- */

enum {
    WITH_POSTGRES_PARAMETERS_ = 16, /* at most */
    WITH_POSTGRES_BOOL_ = 16,       /* and the types that the server knows by these numbers */
    WITH_POSTGRES_BYTEA_ = 17,
    WITH_POSTGRES_INT8_ = 20,
    WITH_POSTGRES_INT4_ = 23,
    WITH_POSTGRES_FLOAT8_ = 701,
    WITH_POSTGRES_NUMERIC_ = 1700,
};

struct with_postgres_parameter_ {
    Oid type;
    int length; /* of what is in binary form; 0: text */
    const void *data;
    union {
        unsigned char bytes[8];
        char text[24];
    } own; /* the value, where data is NULL and length is not 0 or the type is numeric */
};

struct with_postgres_statement_ {
    const char *sql;
    int count;
    struct with_postgres_parameter_ parameters[WITH_POSTGRES_PARAMETERS_];
};

/* Numbers go in binary form, most significant byte first: no locale has a say in it. */
WITH_INLINE_ struct with_postgres_parameter_ with_postgres_number_(Oid type, int length,
                                                                   uint64_t bits)
{
    struct with_postgres_parameter_ parameter = {.type = type, .length = length};

    for (int i = 0; i < length; i++)
        parameter.own.bytes[i] = (unsigned char)(bits >> 8 * (length - 1 - i));
    return parameter;
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_bool_(bool value)
{
    return with_postgres_number_(WITH_POSTGRES_BOOL_, 1, value);
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_int_(int value)
{
    return with_postgres_number_(WITH_POSTGRES_INT4_, 4, (uint64_t)(int64_t)value);
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_long_(long long value)
{
    return with_postgres_number_(WITH_POSTGRES_INT8_, 8, (uint64_t)value);
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_unsigned_(unsigned long long value)
{
    struct with_postgres_parameter_ parameter = {.type = WITH_POSTGRES_NUMERIC_};

    if (value <= INT64_MAX) return with_postgres_number_(WITH_POSTGRES_INT8_, 8, value);
    snprintf(parameter.own.text, sizeof parameter.own.text, "%llu", value);
    return parameter;
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_double_(double value)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &value, sizeof bits);
    return with_postgres_number_(WITH_POSTGRES_FLOAT8_, 8, bits);
}

WITH_INLINE_ struct with_postgres_parameter_ with_postgres_text_(const char *text)
{
    return (struct with_postgres_parameter_){.data = text};
}

WITH_API struct with_postgres_parameter_ with_postgres_null_(const void *null);
WITH_API struct with_postgres_parameter_ with_postgres_bytea_(struct with_postgres_bytes bytes);

/* clang-format off */
#define WITH_POSTGRES_PARAMETER_(X)                                                                \
    _Generic((X), bool: with_postgres_bool_,                                                       \
             signed char: with_postgres_int_, unsigned char: with_postgres_int_,                   \
             short: with_postgres_int_, unsigned short: with_postgres_int_,                        \
             int: with_postgres_int_, unsigned: with_postgres_long_,                               \
             long: with_postgres_long_, unsigned long: with_postgres_unsigned_,                    \
             long long: with_postgres_long_, unsigned long long: with_postgres_unsigned_,          \
             float: with_postgres_double_, double: with_postgres_double_,                          \
             char *: with_postgres_text_, const char *: with_postgres_text_,                       \
             void *: with_postgres_null_, struct with_postgres_bytes: with_postgres_bytea_)(X)
#define WITH_POSTGRES_0_(SQL) {.type = 0}
#define WITH_POSTGRES_1_(DONE, A) WITH_POSTGRES_PARAMETER_(A)
#define WITH_POSTGRES_2_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_1_(A, __VA_ARGS__)
#define WITH_POSTGRES_3_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_2_(A, __VA_ARGS__)
#define WITH_POSTGRES_4_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_3_(A, __VA_ARGS__)
#define WITH_POSTGRES_5_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_4_(A, __VA_ARGS__)
#define WITH_POSTGRES_6_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_5_(A, __VA_ARGS__)
#define WITH_POSTGRES_7_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_6_(A, __VA_ARGS__)
#define WITH_POSTGRES_8_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_7_(A, __VA_ARGS__)
#define WITH_POSTGRES_9_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_8_(A, __VA_ARGS__)
#define WITH_POSTGRES_10_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_9_(A, __VA_ARGS__)
#define WITH_POSTGRES_11_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_10_(A, __VA_ARGS__)
#define WITH_POSTGRES_12_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_11_(A, __VA_ARGS__)
#define WITH_POSTGRES_13_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_12_(A, __VA_ARGS__)
#define WITH_POSTGRES_14_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_13_(A, __VA_ARGS__)
#define WITH_POSTGRES_15_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_14_(A, __VA_ARGS__)
#define WITH_POSTGRES_16_(DONE, A, ...) WITH_POSTGRES_PARAMETER_(A), WITH_POSTGRES_15_(A, __VA_ARGS__)
#define WITH_POSTGRES_MANY_(...) {WITH_TOO_MANY_("a statement takes at most 16 parameters")}
#define WITH_POSTGRES_COUNT_(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, COUNT, ...) COUNT
#define WITH_POSTGRES_FIRST_(SQL, ...) SQL
/* Of SQL and the parameters behind it: each (DONE, ...) above drops what is done. */
#define WITH_POSTGRES_STATEMENT_(...)                                                              \
    {WITH_POSTGRES_FIRST_(__VA_ARGS__, ),                                                          \
     WITH_POSTGRES_COUNT_(__VA_ARGS__, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,  \
                          0, ),                                                                    \
     {WITH_POSTGRES_MAP_(WITH_POSTGRES_COUNT_(__VA_ARGS__, MANY, 16, 15, 14, 13, 12, 11, 10, 9, 8, \
                                              7, 6, 5, 4, 3, 2, 1, 0, ),                           \
                         __VA_ARGS__)}}
#define WITH_POSTGRES_MAP_(COUNT, ...) WITH_POSTGRES_MAP_2_(COUNT, __VA_ARGS__)
#define WITH_POSTGRES_MAP_2_(COUNT, ...) WITH_POSTGRES_##COUNT##_(__VA_ARGS__)
/* clang-format on */

struct cm_postgres {
    WITH_MANAGER;
    PGconn *as;
    struct with_postgres_options options_;
};

struct cm_postgres_transaction {
    WITH_MANAGER;
    PGconn *as;
    struct with_postgres_transaction_options options_;
    int state_;
    unsigned savepoint_; /* 0: this is the transaction itself */
};

struct cm_postgres_result {
    WITH_MANAGER;
    PGresult *as;
    PGconn *conn_;
    struct with_postgres_statement_ statement_;
};

struct cm_postgres_taken {
    WITH_MANAGER;
    PGresult *as;
    PGconn *conn_;
};

struct cm_postgres_cursor {
    WITH_MANAGER;
    struct with_postgres_cursor *as;
    PGconn *conn_;
    struct with_postgres_statement_ statement_;
    struct with_postgres_cursor cursor_;
    unsigned name_;
    int batch_;
    bool at_end_;
};

struct cm_postgres_copy_in {
    WITH_MANAGER;
    PGconn *as;
    const char *sql_;
    int state_;
};

struct cm_postgres_copy_out {
    WITH_MANAGER;
    PGconn *as;
    const char *sql_;
    char *row_;
    bool at_end_;
    unsigned savepoint_;
};

struct cm_postgres_lock {
    WITH_MANAGER;
    PGconn *as;
    struct with_postgres_lock_options options_;
};

#define WITH_POSTGRES_CLASS_(NAME)                                                                 \
    WITH_API void with_##NAME##_enter_(struct cm_##NAME *self);                                    \
    WITH_API bool with_##NAME##_exit_(struct cm_##NAME *self, const with_exception *exception);    \
    WITH_CLASS(cm_##NAME, with_##NAME##_enter_, with_##NAME##_exit_)

WITH_POSTGRES_CLASS_(postgres);
WITH_POSTGRES_CLASS_(postgres_transaction);
WITH_POSTGRES_CLASS_(postgres_result);
WITH_POSTGRES_CLASS_(postgres_taken);
WITH_POSTGRES_CLASS_(postgres_cursor);
WITH_POSTGRES_CLASS_(postgres_copy_in);
WITH_POSTGRES_CLASS_(postgres_copy_out);
WITH_POSTGRES_CLASS_(postgres_lock);

WITH_API long long with_postgres_execute_(PGconn *conn,
                                          const struct with_postgres_statement_ *statement);
WITH_API int with_postgres_retry_(const struct with_postgres_retry_options *options);

/* ---- Connections ----------------------------------------------------------------------------- */

/*
 * What all of them have in common. A connection, and all that stands on it, is used by one thread at a
 * time, and by the process that made it: in the child of a fork() enters throw RuntimeError, and exits
 * only close or free the child's copy; nothing is sent. Statements throw the DatabaseError of their
 * SQLSTATE (docs/reference/postgres.md has the table), ConnectionFailure when the connection is
 * lost, ValueError for a bad argument, MemoryError.
 *
 * All but cm_postgres_taken() are reusable: each block runs its statement anew. Strings are borrowed
 * until the block has been entered, and pointers to bytes too. Enters block until the server has
 * answered, and cancellation acts while they wait: the statement is then stopped and the connection
 * is as it was before it, or else broken. Exits are not cancelled; but for a commit they wait for at
 * most 10 seconds, and then give up the connection.
 */

/*
 * with (cm_postgres("host=db dbname=shop"), conn): PGconn *, a connection of its own.
 * cm_postgres(CONNINFO, .option = value, ...)
 *
 * Throws ConnectionFailure, TooManyConnections, the DatabaseError that the server refuses with;
 * ProgrammingError if CONNINFO is malformed. The timeout does not bound the resolver. The messages
 * never have the password. Notices go to .notice, and nowhere without it.
 *
 * The exit stops a statement that still runs and closes; the server rolls back what is open. After
 * fork() it closes the child's descriptor alone. Do not call PQfinish() in the block.
 */
#define cm_postgres(...)                                                                           \
    WITH_NEW(cm_postgres,                                                                          \
             .options_ = {.size = sizeof(struct with_postgres_options), .conninfo = __VA_ARGS__})

/* ---- Transactions ------------------------------------------------------------------------------ */

/*
 * with (cm_postgres_transaction(conn), conn2): PGconn *, the same connection, in a transaction.
 * cm_postgres_transaction(CONN, .isolation = ..., .read_only = true, .deferrable = true)
 *
 * A block that runs to its end commits; what with_postgres_commit() has committed stays; everything
 * else rolls back. Inside another transaction on CONN it is a savepoint, and takes no option. Reusable.
 *
 * The exit throws what COMMIT says: the IntegrityError of a deferred constraint, SerializationFailure,
 * InternalError if an earlier statement had failed: then nothing is stored. ConnectionFailure: the
 * connection was lost before; nothing is stored. TransactionResolutionUnknown: it was lost while
 * COMMIT was under way; the transaction may have been stored or not, and only the database can tell. A
 * rollback that fails is thrown, or a note of what leaves the block, and breaks the connection.
 */
#define cm_postgres_transaction(...)                                                               \
    WITH_NEW(cm_postgres_transaction,                                                              \
             .options_ = {.size = sizeof(struct with_postgres_transaction_options),                \
                          .conn = __VA_ARGS__})

/*
 * Commits now what else is committed at the end of a `with` block only: for `using`, and before a
 * return. Of the innermost block of this thread that holds conn by cm_postgres_transaction();
 * for a savepoint that is its release. Afterwards the block has no more to do.
 *
 * Throws what the exit does, with nothing stored, but for TransactionResolutionUnknown. ValueError if
 * there is no such block, RuntimeError if it was committed before. Cancellation does not act in it.
 */
WITH_API void with_postgres_commit(PGconn *conn);

/*
 * with_postgres_retry(CONN, FUNCTION, ARGUMENT, .option = value, ...): runs FUNCTION(CONN, ARGUMENT) in
 * a transaction, again and again while that throws SerializationFailure or DeadlockDetected, but at
 * most `tries` times. Between two of them it sleeps, some time between half and all of a delay that
 * doubles. Returns how many it took.
 *
 * Throws whatever else escapes, and the last failure with a note of the tries. RuntimeError in a
 * transaction: that would have to be repeated as a whole. A cancellation point where it sleeps.
 */
#define with_postgres_retry(CONN, FUNCTION, ...)                                                   \
    with_postgres_retry_(&(const struct with_postgres_retry_options){                              \
        .size = sizeof(struct with_postgres_retry_options),                                        \
        .conn = (CONN),                                                                            \
        .function = (FUNCTION),                                                                    \
        .argument = __VA_ARGS__})

/* ---- Statements -------------------------------------------------------------------------------- */

/*
 * with (cm_postgres_result(conn, sql, id, name), result): PGresult *, cleared by the exit.
 * cm_postgres_result(CONN, SQL, PARAMETER...)
 *
 * The parameters, at most 16, are $1, $2, ... in SQL, and always bound. By their types: bool is a
 * boolean; integers of up to 32 bits are integer, others bigint (above its range numeric), float and
 * double are double precision; char * is what the statement makes of it, as a quoted literal; with_postgres_bytes() is
 * bytea; NULL, of any pointer, is null. In C `true` is an int: write (bool)true.
 */
#define cm_postgres_result(CONN, ...)                                                              \
    WITH_NEW(cm_postgres_result, .conn_ = (CONN),                                                  \
             .statement_ = WITH_POSTGRES_STATEMENT_(__VA_ARGS__))

/*
 * with (cm_postgres_taken(conn, PQexecPrepared(conn, ...)), result): PGresult *, one that libpq gave, which
 * it takes. Throws what the result says, as if the statement had been one of ours. Single-use.
 * cm_postgres_taken(CONN, RESULT)
 */
#define cm_postgres_taken(CONN, RESULT) WITH_NEW(cm_postgres_taken, .conn_ = (CONN), .as = (RESULT))

/*
 * with_postgres_execute(CONN, SQL, PARAMETER...): runs a statement whose rows nobody wants, with
 * parameters as cm_postgres_result(). Returns how many rows it concerned (PQcmdTuples), or 0.
 */
#define with_postgres_execute(CONN, ...)                                                           \
    with_postgres_execute_(                                                                        \
        (CONN), &(const struct with_postgres_statement_)WITH_POSTGRES_STATEMENT_(__VA_ARGS__))

/*
 * with (cm_postgres_cursor(conn, sql, since), cursor): struct with_postgres_cursor *, before the first
 * row; with_postgres_next() goes on.
 * cm_postgres_cursor(CONN, SQL, PARAMETER...)
 *
 * The rows of a SELECT or VALUES, of any number in constant memory: it is a cursor of the server, of
 * which about a quarter of a megabyte is fetched at a time. Needs a transaction around it (else
 * InternalError), and the connection may be used for other statements meanwhile. However the block is
 * left, the cursor is closed and the connection and the transaction may be used.
 */
#define cm_postgres_cursor(CONN, ...)                                                              \
    WITH_NEW(cm_postgres_cursor, .conn_ = (CONN),                                                  \
             .statement_ = WITH_POSTGRES_STATEMENT_(__VA_ARGS__))

/* Goes to the next row; false if there is none. Cursors alone that a block of this library gave. */
WITH_API bool with_postgres_next(struct with_postgres_cursor *cursor);

/* ---- COPY -------------------------------------------------------------------------------------- */

/*
 * with (cm_postgres_copy_in(conn, "COPY t FROM STDIN"), conn2): PGconn *, ready for with_postgres_put().
 * cm_postgres_copy_in(CONN, SQL)
 *
 * A block that runs to its end completes the COPY, and so does with_postgres_copy_done(); otherwise it
 * ends with an error, so that nothing is stored (and the transaction around it, if any, has failed). The
 * exit throws what the server says of the data. The connection does nothing else meanwhile.
 */
#define cm_postgres_copy_in(CONN, SQL) WITH_NEW(cm_postgres_copy_in, .as = (CONN), .sql_ = (SQL))

/*
 * Sends data in the format of the COPY; rows need not begin or end with it. In a block of
 * cm_postgres_copy_in() on conn, else ValueError. Blocks while the server is slower; cancellation acts.
 */
WITH_API void with_postgres_put(PGconn *conn, const void *data, size_t length);

/* Completes the COPY now and throws what the exit would: for `using`, and before a return. */
WITH_API void with_postgres_copy_done(PGconn *conn);

/*
 * with (cm_postgres_copy_out(conn, "COPY t TO STDOUT"), conn2): PGconn *, ready for with_postgres_get().
 * cm_postgres_copy_out(CONN, SQL)
 *
 * A block that is left before the last row stops the COPY. A transaction around it goes on as if it had
 * not been there, for there is a savepoint before it.
 */
#define cm_postgres_copy_out(CONN, SQL) WITH_NEW(cm_postgres_copy_out, .as = (CONN), .sql_ = (SQL))

/*
 * The next row of the COPY in a block of cm_postgres_copy_out() on conn (else ValueError), with a NUL
 * behind it, borrowed until the next call or the end of the block. NULL after the last row. Its length
 * is written to ret_length, if that is not NULL.
 */
WITH_API const char *with_postgres_get(PGconn *conn, size_t *ret_length);

/* ---- Advisory locks ------------------------------------------------------------------------------ */

/*
 * with (cm_postgres_lock(conn, key), conn2): PGconn *, the connection, whose session holds the advisory
 * lock until the end of the block.
 * cm_postgres_lock(CONN, KEY, .shared = true, .transaction = true, .no_wait = true, .timeout_seconds = 5)
 *
 * Throws LockNotAvailable, by .no_wait and .timeout_seconds (a transaction around it has then failed, if
 * it was the timeout), DeadlockDetected. With .transaction the lock is the transaction's: InternalError
 * without one, and the exit does nothing. Without, enter it before the transaction: in one that has
 * failed it cannot be released, so the exit reports that and breaks the connection, whose end does
 * it. A lock taken twice is held until the last exit.
 */
#define cm_postgres_lock(CONN, ...)                                                                \
    WITH_NEW(cm_postgres_lock, .options_ = {.size = sizeof(struct with_postgres_lock_options),     \
                                            .conn = (CONN),                                        \
                                            .key = __VA_ARGS__})

#endif /* !__cplusplus */

#endif /* WITH_POSTGRES_H */
