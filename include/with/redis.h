/* SPDX-License-Identifier: MIT
 *
 * with/redis.h: Redis by hiredis. Connections that are closed, replies that are freed, MULTI that ends
 * in EXEC or DISCARD. In the library with-redis. All of it is since 0.1.
 * Reference: docs/reference/redis.md.
 */
#ifndef WITH_REDIS_H
#define WITH_REDIS_H

#include <with.h>
#include <with/database.h>

#include <hiredis/hiredis.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

/*
 * The options of cm_redis(), given by name behind its host; what is not given is 0. The strings are
 * borrowed until the block has been entered.
 */
struct with_redis_options {
    size_t size;        /* of this struct; set by the macro */
    const char *host;   /* NULL: "127.0.0.1" */
    int port;           /* 0: 6379 */
    const char *socket; /* the path of a Unix socket, instead of host and port */
    const char *user, *password;
    int database;                   /* its number */
    double connect_timeout_seconds; /* for each address; 0: 30 */
    double command_timeout_seconds; /* the connection is given up after it; 0: waits for ever */
};

/* A word of a command. */
struct with_redis_word {
    int kind_;
    size_t length_;
    union {
        long long integer;
        unsigned long long unsigned_integer;
        double real;
        const void *data;
    } as_;
};

/* ---- Words --------------------------------------------------------------------------------- */

/*
 * What commands take as a word: any integer, a double or float, a char * (up to its NUL; NULL is a
 * ValueError), or bytes of a given length, which are borrowed until the command has been sent.
 */
WITH_API struct with_redis_word with_redis_bytes(const void *data, size_t size);

/* ---- Queries ------------------------------------------------------------------------------- */

/*
 * Whether the connection is of no more use: it was lost, or given up since its state is not known (an
 * answer that did not come, a DISCARD that failed). A pool closes it. Never throws. Any thread that may
 * use conn.
 */
WITH_API bool with_redis_is_broken(const redisContext *conn);

/* ---- Commit -------------------------------------------------------------------------------- */

/*
 * EXEC now, which else happens at the end of a `with` block only: for `using`, and before a return. Of
 * the block of this thread that holds conn by cm_redis_multi(). Afterwards the block has no more to do.
 *
 * Throws what the exit does. ValueError if there is no such block, RuntimeError if it was committed
 * before, its EXEC failed, or another process entered it. Cancellation does not act in it.
 */
WITH_API void with_redis_commit(redisContext *conn);

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the macros ------------------------------------------------------------------ */

enum { WITH_REDIS_WORDS_MAX_ = 16 };

struct with_redis_words_ {
    struct with_redis_word list[WITH_REDIS_WORDS_MAX_];
};

struct cm_redis {
    WITH_MANAGER;
    redisContext *as;
    struct with_redis_options options_;
};

struct cm_redis_reply {
    WITH_MANAGER;
    redisReply *as;
    redisContext *conn_;
    struct with_redis_words_ words_;
};

struct cm_redis_taken {
    WITH_MANAGER;
    redisReply *as;
    redisContext *conn_;
};

struct cm_redis_watch {
    WITH_MANAGER;
    redisContext *as;
    struct with_redis_words_ keys_;
};

struct cm_redis_multi {
    WITH_MANAGER;
    redisContext *as;
    int state_;
};

struct cm_redis_exec {
    WITH_MANAGER;
    redisReply *as;
    redisContext *conn_;
};

WITH_API struct cm_redis cm_redis_(const struct with_redis_options *options);
WITH_API struct cm_redis_reply cm_redis_reply_(redisContext *conn,
                                               const struct with_redis_words_ *words);
WITH_API struct cm_redis_watch cm_redis_watch_(redisContext *conn,
                                               const struct with_redis_words_ *keys);
WITH_API long long with_redis_execute_(redisContext *conn, const struct with_redis_words_ *words);

/* No word: all lists end so. */
struct with_redis_end_ {
    char unused;
};

enum with_redis_kind_ {
    WITH_REDIS_END_,
    WITH_REDIS_INTEGER_,
    WITH_REDIS_UNSIGNED_,
    WITH_REDIS_REAL_,
    WITH_REDIS_TEXT_, /* up to its NUL */
    WITH_REDIS_BYTES_,
};

WITH_NOTHROW_ struct with_redis_word with_redis_end_(struct with_redis_end_ end)
{
    (void)end;
    return (struct with_redis_word){.kind_ = WITH_REDIS_END_};
}

WITH_NOTHROW_ struct with_redis_word with_redis_integer_(long long integer)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_INTEGER_, .as_.integer = integer};
}

WITH_NOTHROW_ struct with_redis_word with_redis_unsigned_(unsigned long long integer)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_UNSIGNED_, .as_.unsigned_integer = integer};
}

WITH_NOTHROW_ struct with_redis_word with_redis_real_(double real)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_REAL_, .as_.real = real};
}

WITH_NOTHROW_ struct with_redis_word with_redis_text_(const void *text)
{
    return (struct with_redis_word){.kind_ = WITH_REDIS_TEXT_, .as_.data = text};
}

WITH_NOTHROW_ struct with_redis_word with_redis_same_(struct with_redis_word word)
{
    return word;
}

/* clang-format off */
#define WITH_REDIS_W_(X)                                                                           \
    _Generic((X),                                                                                  \
        _Bool: with_redis_integer_, char: with_redis_integer_,                                     \
        signed char: with_redis_integer_, unsigned char: with_redis_integer_,                      \
        short: with_redis_integer_, unsigned short: with_redis_integer_,                           \
        int: with_redis_integer_, unsigned: with_redis_integer_,                                   \
        long: with_redis_integer_, unsigned long: with_redis_unsigned_,                            \
        long long: with_redis_integer_, unsigned long long: with_redis_unsigned_,                  \
        float: with_redis_real_, double: with_redis_real_,                                         \
        char *: with_redis_text_, const char *: with_redis_text_,                                  \
        struct with_redis_word: with_redis_same_, struct with_redis_end_: with_redis_end_)(X)
#define WITH_REDIS_E_ (struct with_redis_end_){0}
/* FIRST, and behind it the list of up to 16 words that follow it. */
#define WITH_REDIS_WORDS_(...)                                                                     \
    WITH_REDIS_16_(__VA_ARGS__, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_,        \
                   WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_,      \
                   WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_,      \
                   WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_, WITH_REDIS_E_)
#define WITH_REDIS_16_(FIRST, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, BEYOND, ...)         \
    (sizeof(struct {                                                                               \
         _Static_assert(__builtin_types_compatible_p(__typeof__(BEYOND), struct with_redis_end_),  \
                        "a command takes at most 16 words: use redisCommandArgv()");               \
         char unused;                                                                              \
     }), FIRST), &(const struct with_redis_words_){{                                               \
        WITH_REDIS_W_(A), WITH_REDIS_W_(B), WITH_REDIS_W_(C), WITH_REDIS_W_(D), WITH_REDIS_W_(E),  \
        WITH_REDIS_W_(F), WITH_REDIS_W_(G), WITH_REDIS_W_(H), WITH_REDIS_W_(I), WITH_REDIS_W_(J),  \
        WITH_REDIS_W_(K), WITH_REDIS_W_(L), WITH_REDIS_W_(M), WITH_REDIS_W_(N), WITH_REDIS_W_(O),  \
        WITH_REDIS_W_(P)}}
/* clang-format on */

/* ---- Connections ----------------------------------------------------------------------------- */

/*
 * What all of them have in common. A connection, and all that stands on it, is used by one thread at a
 * time, and by the process that made it: in the child of a fork() enters throw RuntimeError, and exits
 * only close or free the child's copy; nothing is sent. Commands throw the DatabaseError of their error
 * (docs/reference/redis.md has the table), ConnectionFailure when the connection is lost, ValueError
 * for a bad argument, MemoryError. Replies that were asked for by redisAppendCommand() must have been
 * read before.
 *
 * All but cm_redis_taken() are reusable: each block runs its command anew. Enters block until the
 * server has answered, and cancellation acts while they wait: if the answer does not come within a second
 * the connection is then broken. Exits are not cancelled, nor is the enter of cm_redis() while it
 * connects.
 *
 * cm_redis(HOST, .option = value, ...): redisContext *, a connection of its own.
 * with (cm_redis("cache.example", .password = secret, .command_timeout_seconds = 2), conn)
 *
 * Throws ConnectionFailure, TooManyConnections, OperationalError if user or password are wrong.
 * Messages never have the password. The exit closes. Do not call redisFree() in the block.
 */
#define cm_redis(...)                                                                              \
    cm_redis_(&(const struct with_redis_options){.size = sizeof(struct with_redis_options),        \
                                                 .host = __VA_ARGS__})

/* ---- Commands -------------------------------------------------------------------------------- */

/*
 * cm_redis_reply(CONN, WORD...): redisReply *, the reply to a command of up to 16 words, freed by the
 * exit. A reply that is an error is thrown.
 * with (cm_redis_reply(conn, "GET", key), reply)
 */
#define cm_redis_reply(CONN, ...) cm_redis_reply_(WITH_REDIS_WORDS_(CONN, __VA_ARGS__))

/*
 * with (cm_redis_taken(conn, redisCommand(conn, ...)), reply): redisReply *, one that hiredis gave, which it
 * takes. Throws as cm_redis_reply() would, for NULL what the connection says. Single-use.
 */
WITH_API struct cm_redis_taken cm_redis_taken(redisContext *conn, void *reply);

/*
 * with_redis_execute(CONN, WORD...): runs a command whose reply nobody wants. Returns its integer, if it
 * is one, or else 0. Throws as cm_redis_reply().
 */
#define with_redis_execute(CONN, ...) with_redis_execute_(WITH_REDIS_WORDS_(CONN, __VA_ARGS__))

/* ---- Transactions ---------------------------------------------------------------------------- */

/*
 * with (cm_redis_multi(conn), conn2): redisContext *, the same connection, after MULTI.
 *
 * The commands in the block are queued: their replies are "QUEUED". A block that runs to its end does
 * them all (EXEC); what with_redis_commit() or cm_redis_exec() have done stays; everything else
 * drops them (DISCARD). Blocks do not nest: NotSupportedError. Reusable.
 *
 * The exit throws SerializationFailure if a watched key has changed, and then nothing is done: try again,
 * from cm_redis_watch() on. InternalError if a command was refused when it was queued, or the block
 * ended the transaction itself: nothing is done. The exception of the first command that failed in
 * EXEC, with a note for each other one: Redis does all the others nevertheless. ConnectionFailure: the
 * connection was lost before EXEC, nothing is done; InterfaceError: commands by redisAppendCommand() are
 * unsent, or their replies unread, nothing is done; TransactionResolutionUnknown: the connection was lost
 * during EXEC, or another's reply came. A DISCARD that fails is thrown, or a note of what leaves the block, and breaks the connection.
 */
WITH_API struct cm_redis_multi cm_redis_multi(redisContext *conn);

/*
 * with (cm_redis_exec(conn), reply): redisReply *, in a block of cm_redis_multi(): with_redis_commit(), and the
 * array of the replies of all commands.
 */
WITH_API struct cm_redis_exec cm_redis_exec(redisContext *conn);

/*
 * cm_redis_watch(CONN, KEY...): redisContext *. From here on a cm_redis_multi() in the block is done only if
 * none of up to 15 keys has been changed by others. The exit is UNWATCH.
 */
#define cm_redis_watch(CONN, ...) cm_redis_watch_(WITH_REDIS_WORDS_(CONN, "WATCH", __VA_ARGS__))

#endif /* !__cplusplus */

#endif /* WITH_REDIS_H */
