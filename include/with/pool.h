/* SPDX-License-Identifier: MIT
 *
 * with/pool.h: a pool of what is dear to open, such as connections to a database, for many threads.
 *
 * It holds anything that a table of functions can open, check, reset and close, and knows at each
 * moment who holds what, and since when. Since 0.1. Reference: docs/reference/pool.md, with_pool(3).
 */
#ifndef WITH_POOL_H
#define WITH_POOL_H

#include <with.h>

#include <stdint.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

typedef struct with_pool with_pool;

/* An item that is held: the caller borrows it until the release. value is what the maker opened. */
typedef struct with_pool_item {
    void *value;
} with_pool_item;

/*
 * How to make what a pool holds. Each function may block and may throw, and is never called with a
 * lock of the pool's held; it may run in any thread, but on one item in one thread at a time. Where a
 * function returns int, that is 0 or a negative errno. argument is what with_pool_new() was given.
 */
struct with_pool_maker {
    size_t size;      /* of this struct */
    const char *name; /* of what it makes, for messages: "postgres" */
    int (*open)(void *argument, void **ret_value);
    /* Whether an item that has been idle is still good, at little cost. NULL: it is. */
    int (*check)(void *argument, void *value);
    /* Makes an item that comes back as good as new: nothing of its last holder's is left. NULL: it is. */
    int (*reset)(void *argument, void *value);
    /* Ends an item, a broken one too. What it throws is reported; the item counts as closed. */
    void (*close)(void *argument, void *value);
    /*
     * In a child made by fork(): closes only the child's copy of an item of the parent's, without a word
     * to the other side and without a lock, for another thread may have been using it. NULL: does nothing.
     */
    void (*abandon)(void *argument, void *value);
    /* Whether open may be cancelled and then leaves nothing open. Else cancellation is disabled in it. */
    bool open_is_cancellable;
};

/* What a pool reports to its owner's function. */
enum with_pool_event {
    WITH_POOL_LEAK_SUSPECTED, /* held longer than leak_seconds; once for each acquisition */
    WITH_POOL_LEAK_RETURNED,  /* it came back after all */
    WITH_POOL_THREAD_ENDED,   /* a thread ended with an item, which was returned for it */
    WITH_POOL_TOO_SMALL,      /* the nesting that was seen can use up the pool and hang */
    WITH_POOL_OPEN_FAILED,
    WITH_POOL_CHECK_FAILED, /* the item is closed, and another taken */
    WITH_POOL_RESET_FAILED, /* the item is closed */
    WITH_POOL_CLOSE_FAILED,
};

/* Borrowed by the function until it returns. */
struct with_pool_report {
    size_t size;
    enum with_pool_event event;
    with_pool *pool;
    const char *pool_name;
    const char *message;   /* all of it, as one line */
    const with_site *site; /* where the item was acquired, or NULL */
    double held_seconds;   /* how long it has been held, or 0 */
    int thread;            /* the holder's number, as in /proc and gdb, or 0 */
    int code;              /* of what failed: an error number or the exception's code, or 0 */
};

/* The options of a pool, given by name. 0 is the default; INFINITY means never, or for ever. */
struct with_pool_options {
    size_t size;              /* of this struct; set by the macros */
    const char *name;         /* in messages and metrics, copied; NULL: the maker's */
    unsigned maximum_size;    /* items at most, those being opened or closed too; 10 */
    unsigned minimum_idle;    /* so many are kept idle, opened in the background; 0 */
    double wait_seconds;      /* for how long an acquire waits; 30. Negative: not at all */
    double idle_seconds;      /* closed after so long idle, but for minimum_idle; 600 */
    double lifetime_seconds;  /* closed when so old, up to a tenth sooner, if not held; 1800 */
    double check_seconds;     /* checked on acquire if idle for so long; 1. Negative: always */
    double keepalive_seconds; /* checked in the background if idle for so long; 120 */
    double leak_seconds;      /* reported as a suspected leak if held for so long; 60 */
    double close_seconds;     /* how long cm_pool()'s exit waits for holders; 10. Negative: not */
    double backoff_seconds;   /* after one failed opening no other for so long; 0.1 */
    double backoff_limit_seconds; /* doubled with each failure up to this; 10 */
    bool open_at_start; /* opens minimum_idle at once, at least one, and fails if that fails */
    bool fail_fast;     /* an acquire that cannot open fails at once, not at its limit */
    bool strict_order;  /* nobody is ever served before somebody who waits: see cm_acquire() */
    bool no_thread;     /* no thread of the pool's own: call with_pool_maintain() */
    void (*report)(void *argument, const struct with_pool_report *report); /* or NULL */
    void *report_argument;
};
/* clang-format off */
#define WITH_POOL_OPTIONS_INIT {.size = sizeof(struct with_pool_options)}
/* clang-format on */

/* Why an item was closed. */
enum with_pool_reason {
    WITH_POOL_CLOSED_BROKEN,   /* with_pool_discard() */
    WITH_POOL_CLOSED_CHECK,    /* its check failed */
    WITH_POOL_CLOSED_RESET,    /* its reset failed */
    WITH_POOL_CLOSED_IDLE,     /* idle_seconds */
    WITH_POOL_CLOSED_LIFETIME, /* lifetime_seconds */
    WITH_POOL_CLOSED_DRAINED,  /* with_pool_drain() */
    WITH_POOL_CLOSED_POOL,     /* the pool was closed */
    WITH_POOL_REASONS_,
};

/* Waits of at most 0.1, 1, 5, 10, 50, 100, 500 ms, 1, 5, 10 and 30 seconds, and longer ones. */
#define WITH_POOL_WAIT_BUCKETS 12

/*
 * What a pool has and has done, at one moment. opened is always the sum of closed[], idle, held,
 * checking and closing. In a child made by fork() all begins at 0.
 */
struct with_pool_statistics {
    size_t size; /* of this struct; set by with_pool_measure() */
    unsigned maximum_size;
    unsigned opening, idle, held, checking, closing; /* the items, by what is done with them */
    unsigned waiting;                                /* threads */
    uint64_t acquired, opened, open_failures, closed[WITH_POOL_REASONS_];
    uint64_t timeouts, deadlocks, leaks_suspected, leaks_returned;
    uint64_t waits;      /* acquires that had to wait, for an item or for its opening or check */
    double wait_seconds; /* the sum of all these waits */
    uint64_t wait_bucket[WITH_POOL_WAIT_BUCKETS]; /* how many of them took how long */
    bool suspended, ended;                        /* with_pool_suspend(); with_pool_close() */
};

/* ---- Life cycle ---------------------------------------------------------------------------- */

/*
 * Makes a pool, which the caller owns and gives to with_pool_free(). maker and options are copied;
 * argument is borrowed until the last item is closed. options may be NULL. Opens nothing, unless
 * open_at_start says so: then it may block. -EINVAL for a bad maker or option, -ENOMEM, -EAGAIN, or
 * what open returned (an exception's code, else -EIO).
 */
WITH_API int with_pool_new(const struct with_pool_maker *maker, void *argument,
                           const struct with_pool_options *options, with_pool **ret_pool);

/*
 * Ends a pool: acquires fail with -ECANCELED, waiting ones too, idle items are closed, and held ones when
 * they come back, for which it waits at most wait_seconds (0 or less: not at all; INFINITY). 0 if none
 * is left; -ETIMEDOUT if some are still held or in a call of the maker's; -EDEADLK if those that are
 * left are held by the calling thread, or in a call of the maker's that it is in, for which it does not
 * wait; -EINVAL. May be called again. Any
 * thread; blocks; runs with cancellation disabled.
 */
WITH_API int with_pool_close(with_pool *pool, double wait_seconds);

/*
 * Gives the pool back: closes it without waiting, unless that has been done. Items still held may be
 * released later, and are closed then; the memory goes with the last of them. NULL is allowed.
 */
WITH_API void with_pool_free(with_pool *pool);

/* ---- Acquiring and releasing --------------------------------------------------------------- */

/*
 * Takes an item, waiting at most wait_seconds (0: as long as the pool's options say; negative: not at
 * all; INFINITY). site, borrowed for ever, is where: the macro with_pool_acquire() fills it in. On
 * success *ret_item is borrowed until with_pool_release(); on failure it is untouched: -ETIMEDOUT,
 * -ECANCELED (closed), -EDEADLK (every item is held by a thread that waits for another one, this
 * thread among them; what the maker's functions acquire themselves counts), -ENOMEM, -EINVAL, or what
 * open last returned (an exception's code, else -EIO).
 * Any thread. Blocks, and calls open, check and close. Waiting is a cancellation point, and a
 * cancelled wait holds nothing.
 */
WITH_API int with_pool_acquire_at(with_pool *pool, double wait_seconds, const with_site *site,
                                  with_pool_item **ret_item);

/*
 * Gives an item back: calls reset, or close if the item is not to be kept. -EINVAL if it is not held,
 * -EPERM if another thread holds it (with_pool_adopt()). Keeps errno. In a child of fork() an item of
 * the parent's is abandoned. What reset or close fail with is reported and counted, not returned.
 */
WITH_API int with_pool_release(with_pool_item *item);

/*
 * Says that a held item, named by its value, is broken: its release closes it. 0, or -ENOENT if no
 * such value is held. Any thread.
 */
WITH_API int with_pool_discard(with_pool *pool, const void *value);

/*
 * Makes the calling thread the holder of an item that another thread acquired, which must not have
 * ended. From now on it is this thread's to release. 0, or -EINVAL if it is not held.
 */
WITH_API int with_pool_adopt(with_pool_item *item);

/* ---- Operation ----------------------------------------------------------------------------- */

/*
 * From with_pool_suspend() to with_pool_resume() acquires wait, each up to its limit; what is held
 * stays so, and can be released. For the time in which a database changes over.
 */
WITH_API void with_pool_suspend(with_pool *pool);
WITH_API void with_pool_resume(with_pool *pool);

/*
 * Closes all items that exist now: idle ones at once, held ones when they are released, and those that
 * are being opened likewise. May block.
 */
WITH_API void with_pool_drain(with_pool *pool);

/*
 * Does what is due: closes items that are idle too long or too old, keeps others alive, opens up to
 * minimum_idle, reports suspected leaks. The pool's thread does that; with no_thread call it now and
 * then. Returns for how many seconds nothing will be due. Calls functions of the maker.
 */
WITH_API double with_pool_maintain(with_pool *pool);

/* ---- Queries ------------------------------------------------------------------------------- */

/*
 * Prints one line of totals and one for each item held: for how long, by which thread, and file, line,
 * function and statement of the acquisition. Returns how many are held. With NULL it only counts. Runs
 * with cancellation disabled.
 */
WITH_API size_t with_pool_dump(FILE *stream, with_pool *pool);

/* Writes the state of the pool to *ret_statistics, as far as its size, which the caller sets. */
WITH_API void with_pool_measure(with_pool *pool, struct with_pool_statistics *ret_statistics);
/* clang-format off */
#define WITH_POOL_STATISTICS_INIT {.size = sizeof(struct with_pool_statistics)}
/* clang-format on */

/*
 * Prints the same as text for Prometheus, of one pool, or with NULL of all pools of the process, of
 * which each must have a name of its own. 0, -ENOMEM, or -EIO if the stream has an error. Runs with
 * cancellation disabled.
 */
WITH_API int with_pool_print_metrics(FILE *stream, with_pool *pool);

#ifdef __cplusplus
}
#else

/* ---- Managers ------------------------------------------------------------------------------ */

/* with_pool_acquire(POOL, WAIT_SECONDS, RET_ITEM): with_pool_acquire_at() from this place. */
#define with_pool_acquire(POOL, WAIT_SECONDS, RET_ITEM)                                            \
    with_pool_acquire_at(POOL, WAIT_SECONDS,                                                       \
                         WITH_SITE_(WITH_THROW_SITE_, "with_pool_acquire(" #POOL                   \
                                                      ", " #WAIT_SECONDS ", " #RET_ITEM ")"),      \
                         RET_ITEM)

struct cm_pool {
    WITH_MANAGER;
    with_pool *as;
    const struct with_pool_maker *maker_;
    void *argument_;
    struct with_pool_options options_;
};

WITH_API void with_pool_enter_(struct cm_pool *self);
WITH_API bool with_pool_exit_(struct cm_pool *self, const with_exception *exception);
WITH_API with_pool_item *with_acquire_enter_(with_pool *pool, double wait_seconds,
                                             const with_site *block);
WITH_API void with_acquire_exit_(with_pool_item *item);

WITH_CLASS(cm_pool, with_pool_enter_, with_pool_exit_);

/*
 * cm_pool(MAKER, ARGUMENT, .option = value, ...): a pool for the block, `as` a with_pool *. The exit
 * closes it, waits for the holders up to close_seconds, and frees it; if items are still held then, it
 * throws TimeoutError with a note for each holder, or adds these to the exception in flight. The
 * holders may still release. Throws ValueError for a bad maker or option, MemoryError, and what open
 * throws if open_at_start is set. Single-use; any thread. MAKER and ARGUMENT as in with_pool_new().
 */
#define cm_pool(MAKER, ...) WITH_POOL_NEW_(MAKER, __VA_ARGS__, )
#define WITH_POOL_NEW_(MAKER, ARGUMENT, ...)                                                       \
    WITH_NEW(cm_pool, .maker_ = (MAKER), .argument_ = (ARGUMENT),                                  \
             .options_ = {.size = sizeof(struct with_pool_options), __VA_ARGS__})

/*
 * WITH_POOL_ACQUIRE(NAME, TYPE); at file scope defines struct NAME and the functions NAME(pool) and
 * NAME_within(pool, seconds): as cm_acquire() and cm_acquire_within(), but `as` is a TYPE, a pointer or
 * an integer: WITH_POOL_ACQUIRE(cm_acquire_postgres, PGconn *);
 */
#define WITH_POOL_ACQUIRE(NAME, TYPE)                                                              \
    struct NAME {                                                                                  \
        WITH_MANAGER;                                                                              \
        TYPE as;                                                                                   \
        with_pool *pool_;                                                                          \
        with_pool_item *item_;                                                                     \
        double wait_seconds_;                                                                      \
    };                                                                                             \
    WITH_INLINE_ void NAME##_enter_(struct NAME *self)                                             \
    {                                                                                              \
        self->item_ =                                                                              \
            with_acquire_enter_(self->pool_, self->wait_seconds_, self->with_.head.frame.site);    \
        self->as = (TYPE)(intptr_t)self->item_->value;                                             \
    }                                                                                              \
    WITH_INLINE_ bool NAME##_exit_(struct NAME *self, const with_exception *exception)             \
    {                                                                                              \
        (void)exception;                                                                           \
        with_acquire_exit_(self->item_);                                                           \
        return false;                                                                              \
    }                                                                                              \
    WITH_CLASS_(NAME##_with_class_, NAME, NAME##_enter_, NAME##_exit_, true);                      \
    WITH_INLINE_ struct NAME NAME##_within(with_pool *pool, double seconds)                        \
    {                                                                                              \
        struct NAME manager; /* WITH_NEW() would store zeros that nobody reads */                  \
        manager.with_.head.manager_class = &NAME##_with_class_;                                    \
        manager.pool_ = pool;                                                                      \
        manager.wait_seconds_ = seconds;                                                           \
        return manager;                                                                            \
    }                                                                                              \
    WITH_INLINE_ struct NAME NAME(with_pool *pool) {                                               \
        return NAME##_within(pool, 0);                                                             \
    } WITH_INLINE_ struct NAME NAME(with_pool *pool)

/*
 * cm_acquire(POOL) holds an item for the block, `as` its value (void *); cm_acquire_within(POOL,
 * SECONDS) waits at most so long, as in with_pool_acquire_at(). The most recently used idle item is
 * taken; else one is opened if there is room; else the thread waits, and is served in the order of
 * arrival. A thread that does not wait yet may be served before those that do, but only as long as the
 * first of them has waited for less than a tick of the system's clock (1 to 10 ms), so that nobody
 * starves; with strict_order not even then.
 *
 * Throws TimeoutError, with a note for each holder; OSError with EDEADLK, likewise, if it would wait for
 * ever (with_pool_acquire_at()), or with ECANCELED if the pool is closed; MemoryError; ValueError if
 * there is no pool; and what open throws. The exit releases, with cancellation disabled, and throws
 * nothing: what is wrong with an item then is the pool's affair (with_pool_release()). Reusable and, as
 * far as the pool has items, reentrant. Any thread; a block is left by the thread that entered it.
 */
WITH_POOL_ACQUIRE(cm_acquire, void *);

#endif /* !__cplusplus */

#endif /* WITH_POOL_H */
