/* SPDX-License-Identifier: MIT
 *
 * with/sqlite.h: SQLite. Connections that are closed, transactions that are committed whole or not at
 * all, statements and blobs that are released. In the library with-sqlite. All of it is since 0.1.
 * Reference: docs/reference/sqlite.md.
 */
#ifndef WITH_SQLITE_H
#define WITH_SQLITE_H

#include <with.h>
#include <with/database.h>

#include <sqlite3.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/*
 * The options of cm_sqlite(), given by name behind its path; what is not given is 0. The strings are
 * borrowed until the block has been left.
 */
struct with_sqlite_options {
    size_t size; /* of this struct; set by the macro */
    const char *path;
    int flags; /* for sqlite3_open_v2(); without READONLY or READWRITE: both that and CREATE */
    double busy_seconds; /* how long a statement waits for a lock; 0: 5 s; negative: not at all */
    bool wal;            /* journal_mode = WAL: readers do not wait for a writer, nor it for them */
    bool foreign_keys_off; /* they are enforced else */
    const char *vfs;       /* NULL: the default one */
};

/* How a transaction begins. */
enum with_sqlite_mode {
    WITH_SQLITE_DEFERRED,  /* takes its locks when it first reads and writes */
    WITH_SQLITE_IMMEDIATE, /* for writing: waits for another writer now, not in its midst */
    WITH_SQLITE_EXCLUSIVE, /* without WAL keeps readers out, too */
};

/* The options of cm_sqlite_blob(). */
struct with_sqlite_blob_options {
    size_t size;
    sqlite3 *db;
    const char *table, *column;
    sqlite3_int64 row;
    const char *schema; /* NULL: "main" */
    bool writable;
};

union with_sqlite_content_ {
    sqlite3_int64 integer;
    double real;
    const void *data;
};

/* A value to be bound to a parameter: see below. */
struct with_sqlite_value {
    int kind_;
    int length_;
    union with_sqlite_content_ content_;
};

/* ---- Values -------------------------------------------------------------------------------- */

/*
 * What with_sqlite_execute(), cm_sqlite_statement() and with_sqlite_bind() take as a value: any
 * integer, a double or float, a char * (text up to its NUL; a null pointer is NULL), NULL, or one of
 * these two: bytes as a blob, and text of a given length. Both borrow data; NULL is NULL.
 */
WITH_API struct with_sqlite_value with_sqlite_blob(const void *data, size_t size);
WITH_API struct with_sqlite_value with_sqlite_text(const char *text, size_t size);

/* ---- Commit -------------------------------------------------------------------------------- */

/*
 * Commits the innermost transaction block that this thread holds on db (a nested one into the one
 * around it), which else happens at the end of a `with` block only: for `using`, and before a return.
 * What the block does afterwards is not part of it any more.
 *
 * Throws what SQLite says, and then the transaction is rolled back; ValueError if there is no such
 * block; RuntimeError if it was committed before, its commit failed before, or another process entered
 * it. Blocks for locks and the disk. Cancellation does not act in it.
 */
WITH_API void with_sqlite_commit(sqlite3 *db);

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the macros ------------------------------------------------------------------ */

enum { WITH_SQLITE_VALUES_MAX_ = 16 };

struct with_sqlite_values_ {
    struct with_sqlite_value list[WITH_SQLITE_VALUES_MAX_];
};

struct cm_sqlite {
    WITH_MANAGER;
    sqlite3 *as;
    int pid_;
    bool broken_;
    struct with_sqlite_options options_;
};

struct cm_sqlite_transaction {
    WITH_MANAGER;
    sqlite3 *as;
    enum with_sqlite_mode mode_;
    int pid_, state_, depth_;
    bool spoiled_;
};

struct cm_sqlite_statement {
    WITH_MANAGER;
    sqlite3_stmt *as;
    sqlite3 *db_;
    const char *sql_;
    int pid_;
    struct with_sqlite_values_ values_;
};

struct cm_sqlite_blob {
    WITH_MANAGER;
    sqlite3_blob *as;
    int pid_;
    struct with_sqlite_blob_options options_;
};

WITH_API struct cm_sqlite cm_sqlite_(const struct with_sqlite_options *options);
WITH_API struct cm_sqlite_statement cm_sqlite_statement_(sqlite3 *db, const char *sql,
                                                         const struct with_sqlite_values_ *values);
WITH_API struct cm_sqlite_blob cm_sqlite_blob_(const struct with_sqlite_blob_options *options);
WITH_API void with_sqlite_execute_(const with_site *site, sqlite3 *db, const char *sql,
                                   const struct with_sqlite_values_ *values);
WITH_API void with_sqlite_bind_(const with_site *site, sqlite3_stmt *statement,
                                const struct with_sqlite_values_ *values);
WITH_API bool with_sqlite_step_(const with_site *site, sqlite3_stmt *statement);

/* No value: all lists end so. */
struct with_sqlite_end_ {
    char unused;
};

enum with_sqlite_kind_ {
    WITH_SQLITE_END_,
    WITH_SQLITE_NULL_,
    WITH_SQLITE_INTEGER_,
    WITH_SQLITE_TOO_LARGE_,
    WITH_SQLITE_REAL_,
    WITH_SQLITE_TEXT_, /* with a length of -1: up to its NUL */
    WITH_SQLITE_BLOB_,
    WITH_SQLITE_POINTER_,
    WITH_SQLITE_TOO_LONG_,
};

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_end_(struct with_sqlite_end_ end)
{
    (void)end;
    return (struct with_sqlite_value){.kind_ = WITH_SQLITE_END_};
}

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_integer_(long long integer)
{
    return (struct with_sqlite_value){.kind_ = WITH_SQLITE_INTEGER_, .content_.integer = integer};
}

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_unsigned_(unsigned long long integer)
{
    if (integer > 0x7FFFFFFFFFFFFFFFULL)
        return (struct with_sqlite_value){.kind_ = WITH_SQLITE_TOO_LARGE_};
    return with_sqlite_integer_((long long)integer);
}

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_real_(double real)
{
    return (struct with_sqlite_value){.kind_ = WITH_SQLITE_REAL_, .content_.real = real};
}

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_string_(const void *text)
{
    return (struct with_sqlite_value){.kind_ = text ? WITH_SQLITE_TEXT_ : WITH_SQLITE_NULL_,
                                      .length_ = -1,
                                      .content_.data = text};
}

/* NULL is such a pointer; any other does not say how much it points to. */
WITH_NOTHROW_ struct with_sqlite_value with_sqlite_pointer_(const void *pointer)
{
    return (struct with_sqlite_value){.kind_ = pointer ? WITH_SQLITE_POINTER_ : WITH_SQLITE_NULL_};
}

WITH_NOTHROW_ struct with_sqlite_value with_sqlite_same_(struct with_sqlite_value value)
{
    return value;
}

/* clang-format off */
#define WITH_SQLITE_VALUE_(X)                                                                      \
    _Generic((X),                                                                                  \
        _Bool: with_sqlite_integer_, char: with_sqlite_integer_,                                   \
        signed char: with_sqlite_integer_, unsigned char: with_sqlite_integer_,                    \
        short: with_sqlite_integer_, unsigned short: with_sqlite_integer_,                         \
        int: with_sqlite_integer_, unsigned: with_sqlite_integer_,                                 \
        long: with_sqlite_integer_, unsigned long: with_sqlite_unsigned_,                          \
        long long: with_sqlite_integer_, unsigned long long: with_sqlite_unsigned_,                \
        float: with_sqlite_real_, double: with_sqlite_real_,                                       \
        char *: with_sqlite_string_, const char *: with_sqlite_string_,                            \
        unsigned char *: with_sqlite_string_, const unsigned char *: with_sqlite_string_,          \
        void *: with_sqlite_pointer_, const void *: with_sqlite_pointer_,                          \
        struct with_sqlite_value: with_sqlite_same_, struct with_sqlite_end_: with_sqlite_end_)(X)
#define WITH_SQLITE_E_ (struct with_sqlite_end_){0}
#define WITH_SQLITE_V_ WITH_SQLITE_VALUE_
/* FIRST, and behind it the list of up to 16 values that follow it. */
#define WITH_SQLITE_VALUES_(...)                                                                   \
    WITH_SQLITE_16_(__VA_ARGS__, WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_,   \
                    WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_,                \
                    WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_,                \
                    WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_, WITH_SQLITE_E_,                \
                    WITH_SQLITE_E_, WITH_SQLITE_E_)
#define WITH_SQLITE_NO_MORE_(X)                                                                    \
    sizeof(struct {                                                                                \
        _Static_assert(__builtin_types_compatible_p(__typeof__(X), struct with_sqlite_end_),       \
                       "these are more than 16 values: bind them by sqlite3_bind_...()");          \
        char unused;                                                                               \
    })
#define WITH_SQLITE_16_(FIRST, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, BEYOND, ...)        \
    FIRST, &(const struct with_sqlite_values_){{                                                   \
        WITH_SQLITE_V_(A), WITH_SQLITE_V_(B), WITH_SQLITE_V_(C), WITH_SQLITE_V_(D),                \
        WITH_SQLITE_V_(E), WITH_SQLITE_V_(F), WITH_SQLITE_V_(G), WITH_SQLITE_V_(H),                \
        WITH_SQLITE_V_(I), WITH_SQLITE_V_(J), WITH_SQLITE_V_(K), WITH_SQLITE_V_(L),                \
        WITH_SQLITE_V_(M), WITH_SQLITE_V_(N), WITH_SQLITE_V_(O),                                   \
        ((void)WITH_SQLITE_NO_MORE_(BEYOND), WITH_SQLITE_V_(P))}}
/* clang-format on */

/* ---- Connections ----------------------------------------------------------------------------- */

/*
 * cm_sqlite(PATH, .option = value, ...): a connection, sqlite3 *, to the database in the file PATH
 * (":memory:", or "" for a file of its own that vanishes). Foreign keys are enforced, and a statement
 * waits for a lock up to 5 seconds, unless the options say otherwise.
 *
 * Throws OperationalError if the file cannot be opened, NotSupportedError if there is no WAL or are no
 * foreign keys to be had, LockNotAvailable, ValueError for a bad option, MemoryError. Whether the file
 * is a database shows only when it is first used: with wal at once.
 *
 * The exit closes the connection, however the block is left and at exit(), and rolls back a transaction
 * that is open without a block. A block that runs to its end with one, and every block that leaves
 * statements or blobs of its own unreleased, gets InterfaceError, or a note that names them; their
 * locks are given up, and the connection's memory goes with the last of them.
 *
 * Reusable and reentrant, in any thread; each block has a connection of its own. One thread at a time
 * may use it. After fork() the child must not use it, nor does its exit (sqlite.org/howtocorrupt.html).
 */
#define cm_sqlite(...)                                                                             \
    cm_sqlite_(&(const struct with_sqlite_options){.size = sizeof(struct with_sqlite_options),     \
                                                   .path = __VA_ARGS__})

/* ---- Transactions ---------------------------------------------------------------------------- */

/*
 * with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)): a transaction, whose `as` is db. Committed
 * when the block has run to its end, or by with_sqlite_commit(); rolled back on every other way out.
 * Inside of another one on the same connection it is a savepoint of that, and the mode does not matter.
 *
 * Enter throws LockNotAvailable when others hold the lock for too long, and InterfaceError if a
 * transaction is open that no block of this thread holds. A commit that fails throws, and the
 * transaction is rolled back: LockNotAvailable, ForeignKeyViolation (deferred ones), DiskFull, ...
 * After an error that made SQLite itself roll back (DiskFull, I/O, ...) a block that goes on to its
 * end throws OperationalError with the code SQLITE_ABORT_ROLLBACK, as do with_sqlite_execute() and
 * with_sqlite_step() in it: what they do would be in no transaction. A rollback that fails is thrown or
 * becomes a note; the block around it then refuses to go on in the same way, or the connection does.
 *
 * Reusable, in any thread; left by the thread that entered it. Exits run with cancellation disabled.
 * After fork() the child's exit does nothing.
 */
WITH_API struct cm_sqlite_transaction cm_sqlite_transaction(sqlite3 *db,
                                                            enum with_sqlite_mode mode);

/* ---- Statements ------------------------------------------------------------------------------ */

/*
 * cm_sqlite_statement(DB, SQL, ...): one prepared statement, sqlite3_stmt *, with the values behind SQL
 * bound to its parameters (up to 16, copied; all or none: with_sqlite_bind() binds later). SQL is
 * borrowed until the block has been entered.
 *
 * Throws ProgrammingError if SQL is wrong, not one statement, or has not as many parameters as values.
 * The exit finalizes it. A failure of sqlite3_step() that nobody reset is reported, and so is one that
 * ending a statement in its midst finds. Reusable, in any thread.
 */
#define cm_sqlite_statement(DB, ...) cm_sqlite_statement_(DB, WITH_SQLITE_VALUES_(__VA_ARGS__))

/*
 * with_sqlite_step(STATEMENT): true when there is a row, to be read by sqlite3_column_...(); false when
 * the statement is done, and it is then ready to be run again. Throws what SQLite says (the message,
 * the extended code, the SQL as a note), and then, too, the statement has been reset. A point of
 * cancellation before it begins, not in it.
 */
#define with_sqlite_step(STATEMENT)                                                                \
    with_sqlite_step_(WITH_SITE_(WITH_THROW_SITE_, "with_sqlite_step(" #STATEMENT ")"), STATEMENT)

/*
 * with_sqlite_bind(STATEMENT, ...): resets the statement and binds the values, up to 16, to all its
 * parameters; text and blobs are copied. ProgrammingError if their numbers differ, OverflowError if an
 * integer is too large, DataError if a text or blob is, ValueError for a pointer without a size.
 */
#define with_sqlite_bind(STATEMENT, ...)                                                           \
    with_sqlite_bind_(                                                                             \
        WITH_SITE_(WITH_THROW_SITE_, "with_sqlite_bind(" #STATEMENT ", " #__VA_ARGS__ ")"),        \
        WITH_SQLITE_VALUES_(STATEMENT, __VA_ARGS__))

/*
 * with_sqlite_execute(DB, SQL, ...): runs SQL, and passes over its rows. One statement with the values
 * behind SQL bound to its parameters; without values it may be any number of statements, of which each
 * is, outside of a transaction, one of its own. Throws and acts on cancellation as with_sqlite_step()
 * and with_sqlite_bind(). Blocks as long as busy_seconds says, and for the disk.
 */
#define with_sqlite_execute(DB, ...)                                                               \
    with_sqlite_execute_(                                                                          \
        WITH_SITE_(WITH_THROW_SITE_, "with_sqlite_execute(" #DB ", " #__VA_ARGS__ ")"), DB,        \
        WITH_SQLITE_VALUES_(__VA_ARGS__))

/* ---- Blobs ----------------------------------------------------------------------------------- */

/*
 * cm_sqlite_blob(DB, TABLE, COLUMN, ROW, .option = value, ...): sqlite3_blob *, a value in the row with
 * that rowid, to be read, and with .writable = true written, in pieces. Throws ProgrammingError if there
 * is no such value; for a writable one also InterfaceError if no transaction is open, for outside of one
 * SQLite would commit what is written on every way out. The exit closes it. Reusable, in any thread.
 */
#define cm_sqlite_blob(DB, TABLE, COLUMN, ...)                                                     \
    cm_sqlite_blob_(                                                                               \
        &(const struct with_sqlite_blob_options){.size = sizeof(struct with_sqlite_blob_options),  \
                                                 .db = (DB),                                       \
                                                 .table = (TABLE),                                 \
                                                 .column = (COLUMN),                               \
                                                 .row = __VA_ARGS__})

#endif /* !__cplusplus */

#endif /* WITH_SQLITE_H */
