/* SPDX-License-Identifier: MIT
 *
 * with/mysql.h: MariaDB and MySQL by libmariadb. Connections that are closed, transactions that are
 * committed whole or not at all, results that are freed. In the library with-mysql. All of it is since
 * 0.1. Reference: docs/reference/mysql.md.
 */
#ifndef WITH_MYSQL_H
#define WITH_MYSQL_H

#include <with.h>
#include <with/database.h>

#include <mysql.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/*
 * The options of cm_mysql(), given by name behind its host; what is not given is 0. The strings are
 * borrowed until the block has been entered. Timeouts of reading and writing are rounded up to whole
 * seconds.
 */
struct with_mysql_options {
    size_t size;      /* of this struct; set by the macro */
    const char *host; /* NULL: this machine, by the Unix socket */
    const char *user, *password, *database;
    const char *socket;             /* the path of the Unix socket; NULL: libmariadb's */
    unsigned port;                  /* 0: 3306 */
    double connect_timeout_seconds; /* over all addresses; 0: 30 */
    double read_timeout_seconds;    /* a silent server is given up after it; 0: never */
    double write_timeout_seconds;   /* so is one that takes nothing; 0: never */
    const char *charset;            /* of texts, both ways; NULL: "utf8mb4" */
    unsigned long flags;            /* CLIENT_... of mysql_real_connect() */
    bool
        local_infile; /* LOAD DATA LOCAL may read files of this machine, as the server asks for them */
    /* Called before connecting, for mysql_options() of TLS and the like; must not throw. */
    void (*configure)(MYSQL *conn, void *argument);
    void *configure_argument;
};

/* The isolation of a transaction. */
enum with_mysql_isolation {
    WITH_MYSQL_DEFAULT_ISOLATION, /* what the session has: REPEATABLE READ, if nobody changed it */
    WITH_MYSQL_READ_UNCOMMITTED,
    WITH_MYSQL_READ_COMMITTED,
    WITH_MYSQL_REPEATABLE_READ,
    WITH_MYSQL_SERIALIZABLE,
};

/* The options of cm_mysql_transaction(). */
struct with_mysql_transaction_options {
    size_t size;
    MYSQL *conn;
    enum with_mysql_isolation isolation;
    bool read_only;
    bool consistent_snapshot; /* taken when it begins, not when it first reads */
};

/* Where a result stands. All of it is for reading, and borrowed until the block ends. */
struct with_mysql_result {
    char **
        row; /* the values as text, each with a NUL behind it, until the next row; a null is NULL */
    unsigned long *lengths;    /* of these, without that NUL */
    unsigned columns;          /* 0: the statement gives no rows */
    const MYSQL_FIELD *fields; /* of each column: its name, its type, ... */
    unsigned long long count;  /* how many rows there are; of a stream: how many there were */
};

/* A value to be bound to a parameter. */
struct with_mysql_value {
    int kind_;
    unsigned long length_;
    union {
        long long integer;
        double real;
        const void *data;
    } as_;
};

/* ---- Values -------------------------------------------------------------------------------- */

/*
 * What statements take as a value: any integer, a double or float, a char * (text up to its NUL; a null
 * pointer is NULL), NULL, or one of these two: bytes as a blob, and text of a given length. Both borrow
 * data until the statement has run; NULL is NULL.
 */
WITH_API struct with_mysql_value with_mysql_blob(const void *data, size_t size);
WITH_API struct with_mysql_value with_mysql_text(const char *text, size_t size);

/* ---- Queries ------------------------------------------------------------------------------- */

/*
 * Whether the connection is of no more use: it was lost, or given up since its state is not known (a
 * rollback that failed, an answer that did not come, a statement that could not be stopped). A pool
 * closes it. Never throws. Any thread that may use conn.
 */
WITH_API bool with_mysql_is_broken(const MYSQL *conn);

/* ---- Commit -------------------------------------------------------------------------------- */

/*
 * Commits now what else is committed at the end of a `with` block only: for `using`, and before a
 * return. Of the innermost block of this thread that holds conn by cm_mysql_transaction(); for a
 * savepoint that is its release. Afterwards the block has no more to do.
 *
 * Throws what the exit does, with nothing stored, but for TransactionResolutionUnknown. ValueError if
 * there is no such block, RuntimeError if it was committed before, its commit failed, or another
 * process entered it. Cancellation does not act in it.
 */
WITH_API void with_mysql_commit(MYSQL *conn);

/*
 * Goes to the next row of a result; false if there is none. Throws what the server says in the midst of
 * a stream. Results alone that a block of this library gave. Cancellation acts in a stream.
 */
WITH_API bool with_mysql_next(struct with_mysql_result *result);

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the macros ------------------------------------------------------------------ */

enum { WITH_MYSQL_VALUES_MAX_ = 16 };

struct with_mysql_values_ {
    struct with_mysql_value list[WITH_MYSQL_VALUES_MAX_];
};

/* What a result needs; the first member is what its user sees. */
struct with_mysql_rows_ {
    struct with_mysql_result public_;
    MYSQL *conn;
    MYSQL_RES *result;     /* of a statement without parameters */
    MYSQL_STMT *statement; /* of one with them, or NULL */
    MYSQL_BIND *columns;   /* of that */
    const char *sql;
    bool stream, at_end;
};

struct cm_mysql {
    WITH_MANAGER;
    MYSQL *as;
    struct with_mysql_options options_;
};

struct cm_mysql_transaction {
    WITH_MANAGER;
    MYSQL *as;
    struct with_mysql_transaction_options options_;
    int state_;
    unsigned savepoint_; /* 0: this is the transaction itself */
};

struct cm_mysql_result {
    WITH_MANAGER;
    struct with_mysql_result *as;
    struct with_mysql_rows_ rows_;
    struct with_mysql_values_ values_;
};

struct cm_mysql_statement {
    WITH_MANAGER;
    MYSQL_STMT *as;
    MYSQL *conn_;
    const char *sql_;
};

WITH_API struct cm_mysql cm_mysql_(const struct with_mysql_options *options);
WITH_API struct cm_mysql_transaction
cm_mysql_transaction_(const struct with_mysql_transaction_options *options);
WITH_API struct cm_mysql_result cm_mysql_result_(MYSQL *conn, bool stream, const char *sql,
                                                 const struct with_mysql_values_ *values);
WITH_API long long with_mysql_execute_(MYSQL *conn, const char *sql,
                                       const struct with_mysql_values_ *values);
WITH_API long long with_mysql_run_(MYSQL_STMT *statement, const struct with_mysql_values_ *values);

/* No value: all lists end so. */
struct with_mysql_end_ {
    char unused;
};

enum with_mysql_kind_ {
    WITH_MYSQL_END_,
    WITH_MYSQL_NULL_,
    WITH_MYSQL_INTEGER_,
    WITH_MYSQL_UNSIGNED_,
    WITH_MYSQL_REAL_,
    WITH_MYSQL_STRING_, /* up to its NUL */
    WITH_MYSQL_TEXT_,
    WITH_MYSQL_BLOB_,
    WITH_MYSQL_POINTER_,
};

WITH_NOTHROW_ struct with_mysql_value with_mysql_end_(struct with_mysql_end_ end)
{
    (void)end;
    return (struct with_mysql_value){.kind_ = WITH_MYSQL_END_};
}

WITH_NOTHROW_ struct with_mysql_value with_mysql_integer_(long long integer)
{
    return (struct with_mysql_value){.kind_ = WITH_MYSQL_INTEGER_, .as_.integer = integer};
}

WITH_NOTHROW_ struct with_mysql_value with_mysql_unsigned_(unsigned long long integer)
{
    return (struct with_mysql_value){.kind_ = WITH_MYSQL_UNSIGNED_,
                                     .as_.integer = (long long)integer};
}

WITH_NOTHROW_ struct with_mysql_value with_mysql_real_(double real)
{
    return (struct with_mysql_value){.kind_ = WITH_MYSQL_REAL_, .as_.real = real};
}

WITH_NOTHROW_ struct with_mysql_value with_mysql_string_(const void *text)
{
    return (struct with_mysql_value){.kind_ = text ? WITH_MYSQL_STRING_ : WITH_MYSQL_NULL_,
                                     .as_.data = text};
}

/* NULL is such a pointer; any other does not say how much it points to. */
WITH_NOTHROW_ struct with_mysql_value with_mysql_pointer_(const void *pointer)
{
    return (struct with_mysql_value){.kind_ = pointer ? WITH_MYSQL_POINTER_ : WITH_MYSQL_NULL_};
}

WITH_NOTHROW_ struct with_mysql_value with_mysql_same_(struct with_mysql_value value)
{
    return value;
}

/* clang-format off */
#define WITH_MYSQL_V_(X)                                                                           \
    _Generic((X),                                                                                  \
        _Bool: with_mysql_integer_, char: with_mysql_integer_,                                     \
        signed char: with_mysql_integer_, unsigned char: with_mysql_integer_,                      \
        short: with_mysql_integer_, unsigned short: with_mysql_integer_,                           \
        int: with_mysql_integer_, unsigned: with_mysql_integer_,                                   \
        long: with_mysql_integer_, unsigned long: with_mysql_unsigned_,                            \
        long long: with_mysql_integer_, unsigned long long: with_mysql_unsigned_,                  \
        float: with_mysql_real_, double: with_mysql_real_,                                         \
        char *: with_mysql_string_, const char *: with_mysql_string_,                              \
        unsigned char *: with_mysql_string_, const unsigned char *: with_mysql_string_,            \
        void *: with_mysql_pointer_, const void *: with_mysql_pointer_,                            \
        struct with_mysql_value: with_mysql_same_, struct with_mysql_end_: with_mysql_end_)(X)
#define WITH_MYSQL_E_ (struct with_mysql_end_){0}
/* FIRST, and behind it the list of up to 16 values that follow it. */
#define WITH_MYSQL_VALUES_(...)                                                                    \
    WITH_MYSQL_16_(__VA_ARGS__, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_,        \
                   WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_,      \
                   WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_,      \
                   WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_, WITH_MYSQL_E_)
#define WITH_MYSQL_16_(FIRST, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, BEYOND, ...)         \
    (sizeof(struct {                                                                               \
         _Static_assert(__builtin_types_compatible_p(__typeof__(BEYOND), struct with_mysql_end_),  \
                        "a statement takes at most 16 values");                                    \
         char unused;                                                                              \
     }), FIRST), &(const struct with_mysql_values_){{                                              \
        WITH_MYSQL_V_(A), WITH_MYSQL_V_(B), WITH_MYSQL_V_(C), WITH_MYSQL_V_(D), WITH_MYSQL_V_(E),  \
        WITH_MYSQL_V_(F), WITH_MYSQL_V_(G), WITH_MYSQL_V_(H), WITH_MYSQL_V_(I), WITH_MYSQL_V_(J),  \
        WITH_MYSQL_V_(K), WITH_MYSQL_V_(L), WITH_MYSQL_V_(M), WITH_MYSQL_V_(N), WITH_MYSQL_V_(O),  \
        WITH_MYSQL_V_(P)}}
/* clang-format on */

/* ---- Connections ----------------------------------------------------------------------------- */

/*
 * What all of them have in common. A connection, and all that stands on it, is used by one thread at a
 * time, and by the process that made it: in the child of a fork() enters throw RuntimeError, and exits
 * only close or free the child's copy; nothing is sent. Statements throw the DatabaseError of their
 * error number (docs/reference/mysql.md has the table), ConnectionFailure when the connection is
 * lost, ValueError for a bad argument, MemoryError.
 *
 * All are reusable: each block runs its statement anew. Strings are borrowed until the block has been
 * entered. Enters block until the server has answered, and cancellation acts while they wait: the
 * statement is then stopped by a second connection and the connection is as it was before it, or else
 * broken. Exits are not cancelled; what they wait for that is not a commit they give up after a time,
 * and the connection with it.
 *
 * cm_mysql(HOST, .option = value, ...): MYSQL *, a connection of its own.
 * with (cm_mysql("db.example", .user = "shop", .database = "shop"), conn)
 *
 * Throws ConnectionFailure, TooManyConnections, the DatabaseError that the server refuses with. The
 * timeout does not bound the resolver. Messages never have the password.
 *
 * The exit closes; the server rolls back what is open. After fork() it closes the child's descriptor
 * alone. Do not call mysql_close() in the block.
 */
#define cm_mysql(...)                                                                              \
    cm_mysql_(&(const struct with_mysql_options){.size = sizeof(struct with_mysql_options),        \
                                                 .host = __VA_ARGS__})

/* ---- Transactions ---------------------------------------------------------------------------- */

/*
 * cm_mysql_transaction(CONN, .isolation = ..., .read_only = true, .consistent_snapshot = true): MYSQL *,
 * the same connection, in a transaction.
 *
 * A block that runs to its end commits; what with_mysql_commit() has committed stays; everything else
 * rolls back. Inside another such block on CONN it is a savepoint, and takes no option. Reusable. Enter
 * throws InterfaceError if a transaction is open that no block of this thread holds.
 *
 * A transaction can end in its block: CREATE TABLE and its like commit, a deadlock rolls back. From
 * then on each statement of this library in the block throws InternalError, and so does a block that
 * runs to its end: for what it does would be in no transaction.
 *
 * The exit throws what COMMIT says: then nothing is stored. ConnectionFailure: the connection was lost
 * before; nothing is stored. TransactionResolutionUnknown: it was lost while COMMIT was under way; the
 * transaction may have been stored or not, and only the database can tell. A rollback that fails is
 * thrown, or a note of what leaves the block, and breaks the connection.
 */
#define cm_mysql_transaction(...)                                                                  \
    cm_mysql_transaction_(&(const struct with_mysql_transaction_options){                          \
        .size = sizeof(struct with_mysql_transaction_options), .conn = __VA_ARGS__})

/* ---- Statements ------------------------------------------------------------------------------ */

/*
 * with_mysql_execute(CONN, SQL, VALUE...): runs a statement whose rows nobody wants. The values, at
 * most 16, are the ? in SQL, and always bound; with one or more the statement is prepared. Returns how
 * many rows it changed, 0 if it gives rows. mysql_insert_id(CONN) tells the key that it made.
 */
#define with_mysql_execute(CONN, ...) with_mysql_execute_(CONN, WITH_MYSQL_VALUES_(__VA_ARGS__))

/*
 * cm_mysql_result(CONN, SQL, VALUE...): struct with_mysql_result *, all rows of a statement, before the
 * first; with_mysql_next() goes on. Values as with_mysql_execute(). The exit frees it.
 * with (cm_mysql_result(conn, "SELECT name FROM item WHERE id = ?", id), result)
 */
#define cm_mysql_result(CONN, ...) cm_mysql_result_(CONN, false, WITH_MYSQL_VALUES_(__VA_ARGS__))

/*
 * cm_mysql_stream(CONN, SQL, VALUE...): struct cm_mysql_result, whose rows come as they are asked for,
 * any number in constant memory. Meanwhile the connection can do nothing else (InterfaceError). The exit
 * of a block that is left early reads what is left, for a second; then it stops the statement.
 */
#define cm_mysql_stream(CONN, ...) cm_mysql_result_(CONN, true, WITH_MYSQL_VALUES_(__VA_ARGS__))

/*
 * cm_mysql_statement(CONN, SQL): MYSQL_STMT *, one prepared statement, to be run any number of times
 * by with_mysql_run(). The exit closes it. SQL is borrowed until the block ends.
 */
WITH_API struct cm_mysql_statement cm_mysql_statement(MYSQL *conn, const char *sql);

/*
 * with_mysql_run(STATEMENT, VALUE...): runs a statement that cm_mysql_statement() gave, as
 * with_mysql_execute() would. ProgrammingError if there are not as many values as parameters.
 */
#define with_mysql_run(...) with_mysql_run_(WITH_MYSQL_VALUES_(__VA_ARGS__))

#endif /* !__cplusplus */

#endif /* WITH_MYSQL_H */
