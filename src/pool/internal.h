/* SPDX-License-Identifier: MIT
 *
 * Private to the pool: its state, and what its files share.
 *
 * A pool has slots, at most maximum_size of them in use. Each is in one state, which changes only under
 * the pool's lock:
 *
 *   state      the item                          who may touch it      becomes
 *   EMPTY      there is none                     nobody                OPENING
 *   OPENING    open is running                   the thread in it      HELD or IDLE, or EMPTY if open fails
 *   IDLE       open, on the idle list            nobody                HELD, CHECKING, CLOSING
 *   CHECKING   check is running                  the thread in it      HELD or IDLE, or CLOSING if it fails
 *   HELD       borrowed (also during reset)      its holder            IDLE, CLOSING, HELD by a waiter
 *   CLOSING    close is running, or about to     the thread in it      EMPTY
 *   INHERITED  the parent's, in a child of fork  its holder, or nobody EMPTY
 *
 * All but EMPTY and INHERITED count against maximum_size, so that the other side never sees more.
 *
 * Those who find nothing wait in a queue, in the order of their tickets. Whoever changes what there is to
 * have calls with__dispatch_locked(), which gives it to the first in the queue; a waiter that leaves by
 * time or cancellation gives back what it was given and dispatches too. So there is never both somebody
 * who waits and something to be had that nobody has been told of. tests/pool.pml is a model of this.
 *
 * The lock guards everything in struct with_pool but what is constant. No function of the user's, and
 * nothing that blocks, is called with it held. Locks are taken in the order: registry, pool.
 */
#ifndef WITH_POOL_INTERNAL_H
#define WITH_POOL_INTERNAL_H

#include "../core/internal.h"
#include <with/pool.h>

#include <assert.h>
#include <pthread.h>
#include <time.h>

/* ---- Types --------------------------------------------------------------------------------- */

#define WITH__NEVER INT64_MAX

enum with__slot_state {
    WITH__EMPTY,
    WITH__OPENING,
    WITH__IDLE,
    WITH__HELD,
    WITH__CHECKING,
    WITH__CLOSING,
    WITH__INHERITED,
    WITH__SLOT_STATES,
};

/* What a held slot's release must look at. */
enum { WITH__BROKEN = 1, WITH__DRAIN = 2, WITH__LEAK_REPORTED = 4 };

/* A thread, as far as it has used a pool. */
struct with__pool_thread {
    unsigned held;                /* how many items it holds, of all pools: never too low */
    unsigned calls;               /* how many functions of makers it is in */
    int number;                   /* as the system counts threads */
    bool registered;              /* its end will be noticed */
    _Atomic(with_pool *) waiting; /* in whose queue it stands; changed under that one's lock */
};

struct with__slot {
    with_pool_item item; /* first */
    with_pool *pool;
    struct with__slot *older, *newer; /* on the idle list; others are linked by older alone */
    struct with__pool_thread *_Atomic thread; /* the holder */
    const with_site *site;                    /* of the acquisition */
    int64_t since;     /* when it was acquired, became idle, or began to be opened */
    int64_t due;       /* when idle: from then on an acquire must look closer */
    int64_t keepalive; /* when idle: to be checked then */
    int64_t expires;
    int number; /* the holder's */
    unsigned char state;
    _Atomic unsigned char flags; /* changed under the lock; its holder may read it without */
    bool nested;                 /* its holder held another one already */
};

/* What an acquire has to do outside of the lock. */
enum with__step { WITH__NOTHING, WITH__TAKEN, WITH__CHECK, WITH__OPEN, WITH__CLOSE, WITH__FAILED };

/* An acquire that could not be served at once. It lives on the stack of its thread. */
struct with__request {
    with_pool *pool;
    struct with__pool_thread *thread;
    const with_site *site;
    int64_t begun, deadline;
    uint64_t ticket;
    struct with__slot *slot; /* what the step is about */
    enum with__step step;
    enum with_pool_reason reason; /* of WITH__CLOSE */
    unsigned nesting; /* items of this pool that the thread holds, or is in a call with */
    bool waited;
    int code;                              /* of WITH__FAILED */
    int open_code;                         /* what open last failed with, or 0 */
    bool by_open;                          /* what the request fails with is a code of open's */
    const with_exception *failure;         /* what open threw last: owned, or NULL */
    struct with__request *next, *previous; /* in the queue */
    bool queued, woken;
    int64_t queued_at;
    pthread_cond_t wake;
    unsigned small_threads, needed; /* not 0: it is to be reported that the pool is too small */
};

struct with_pool {
    pthread_mutex_t lock;

    /* What the quick ways look at. */
    struct with__slot *newest, *oldest; /* the idle list */
    struct with__request *first, *last; /* the queue */
    bool running;                       /* neither suspended nor closed */
    bool has_reset, strict_order;       /* constant */
    unsigned minimum_idle;              /* constant */
    int64_t check_after;                /* constant */
    unsigned count[WITH__SLOT_STATES];  /* slots in each state but EMPTY; INHERITED: those held */
    uint64_t acquired;

    /* Constant. */
    struct with_pool_maker maker;
    void *argument;
    char *name;
    unsigned maximum_size;
    int64_t idle_limit, lifetime, keepalive_after, leak_after, backoff, backoff_limit, wait_limit;
    double close_seconds;
    bool fail_fast, no_thread;
    void (*report)(void *argument, const struct with_pool_report *report);
    void *report_argument;

    struct with__slot **slots;            /* those in use, occupied of them */
    struct with__slot *spare;             /* EMPTY ones */
    struct with__slot *_Atomic inherited; /* in a child: to be abandoned; changed under the lock */
    unsigned occupied, waiting, woken;
    uint64_t tickets, random;
    unsigned needed_reported; /* by WITH_POOL_TOO_SMALL */
    bool suspended, closed, freed;

    /* After a failed open: no other one until retry_at. */
    unsigned failures;
    int64_t retry_at, failed_at;
    int failure_code;
    char failure[160];

    /* The thread, and who waits for the pool to be empty. */
    pthread_t thread;
    pthread_cond_t work, emptied;
    bool thread_runs, thread_made, work_asked;
    unsigned pins; /* acquires that wait, and others who need the pool's memory */

    uint64_t opened, open_failures, closed_by[WITH_POOL_REASONS_];
    uint64_t timeouts, deadlocks, leaks_suspected, leaks_returned, waits, wait_ns;
    uint64_t wait_bucket[WITH_POOL_WAIT_BUCKETS];

    with_pool *next_pool, *previous_pool; /* in the registry; guarded by its lock */
};

/* ---- Time ---------------------------------------------------------------------------------- */

/* Nanoseconds on the monotonic clock: exact, or as of its last tick, which costs a fifth. */
int64_t with__pool_clock(void);

#ifdef CLOCK_MONOTONIC_COARSE
static inline int64_t with__pool_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
#else
static inline int64_t with__pool_now(void)
{
    return with__pool_clock();
}
#endif

/* a + b, or WITH__NEVER. */
static inline int64_t with__after(int64_t a, int64_t b)
{
    return a > WITH__NEVER - b ? WITH__NEVER : a + b;
}

static inline int64_t with__sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Seconds, not NaN and not negative, as nanoseconds. */
int64_t with__nanoseconds(double seconds);

void with__condition_init(pthread_cond_t *condition);

/* Waits for the condition; ETIMEDOUT at the time `until`. A cancellation point. */
int with__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

/* ---- Slots (slot.c) ------------------------------------------------------------------------ */

static inline void with__slot_set_locked(struct with__slot *slot, enum with__slot_state from,
                                         enum with__slot_state to)
{
    assert(slot->state == from);
    slot->pool->count[from]--;
    slot->pool->count[to]++;
    slot->state = (unsigned char)to;
}

/* Takes a slot off the idle list. */
static inline void with__idle_remove_locked(with_pool *pool, struct with__slot *slot)
{
    if (slot->newer) slot->newer->older = slot->older;
    else pool->newest = slot->older;
    if (slot->older) slot->older->newer = slot->newer;
    else pool->oldest = slot->newer;
}

/* Lends a slot, which is not on the idle list any more, to a thread. */
static inline void with__hold_locked(struct with__slot *slot, enum with__slot_state from,
                                     struct with__pool_thread *thread, const with_site *site,
                                     int64_t now)
{
    with__slot_set_locked(slot, from, WITH__HELD);
    atomic_store_explicit(&slot->thread, thread, memory_order_relaxed);
    slot->number = thread->number;
    slot->site = site;
    slot->since = now;
    slot->pool->acquired++;
}

/* Puts a slot on the idle list, as the most recently used one. Tells nobody. */
static inline void with__idle_add_locked(struct with__slot *slot, enum with__slot_state from,
                                         int64_t now)
{
    with_pool *pool = slot->pool;

    with__slot_set_locked(slot, from, WITH__IDLE);
    atomic_store_explicit(&slot->thread, NULL, memory_order_relaxed);
    slot->since = now;
    slot->due = with__sooner(slot->expires, with__after(now, pool->check_after));
    slot->keepalive = with__after(now, pool->keepalive_after);
    slot->older = pool->newest;
    slot->newer = NULL;
    if (pool->newest) pool->newest->newer = slot;
    else pool->oldest = slot;
    pool->newest = slot;
}

/* Puts a slot back where it was on the idle list, from which it was taken but not used. */
void with__idle_restore_locked(struct with__slot *slot, enum with__slot_state from, bool checked);

/* A slot for a thread to open, or NULL without memory. There must be room. */
struct with__slot *with__slot_new_locked(with_pool *pool, struct with__pool_thread *thread);

/* OPENING or CLOSING ends: the slot is EMPTY, and there is room for another. */
void with__slot_empty_locked(struct with__slot *slot);

/* IDLE or CHECKING becomes CLOSING, by a thread that will call with__slot_close(). */
void with__slot_closing_locked(struct with__slot *slot, enum with__slot_state from,
                               struct with__pool_thread *thread);

/* open has succeeded: sets how long the item lives. */
void with__slot_opened_locked(struct with__slot *slot, int64_t now);

/* Why an open item that is not held must be closed, or -1. */
int with__why_close_locked(const struct with__slot *slot, int64_t now);

/* Closes a CLOSING slot's item. Without the lock; may end the pool. */
void with__slot_close(struct with__slot *slot, enum with_pool_reason reason);

/* Whether the parent holds the item, too: then this copy is given up. Without the lock; may end the pool. */
bool with__slot_abandon(struct with__slot *slot);

/* As open failed for this slot: no other one for a while. */
void with__back_off_locked(const struct with__slot *slot, int code, const char *text);

/* ---- The queue (queue.c) ------------------------------------------------------------------- */

/* Gives what there is to those who wait. To be called after every change for the better. */
void with__dispatch_locked(with_pool *pool);

/* Whether an acquire that does not wait yet may be served before those who do. */
static inline bool with__may_overtake_locked(const with_pool *pool, int64_t now)
{
    return !pool->first || (!pool->strict_order && now <= pool->first->queued_at);
}

/* Counts a request that ends; one that succeeds needs the pool no more. */
void with__request_end_locked(struct with__request *request);

/* The next step of a request, for which it waits if it must. Takes the lock; a cancellation point. */
void with__next_step(struct with__request *request);

/* ---- Calling the maker (maker.c) ----------------------------------------------------------- */

/*
 * Each runs a function of the maker without the lock and catches what it throws. 0 or a negative errno;
 * then *ret_exception is what was thrown (owned) or NULL. They run with cancellation disabled, but
 * open, if it is cancellable.
 */
int with__maker_open(with_pool *pool, void **ret_value, const with_exception **ret_exception);
int with__maker_check(with_pool *pool, void *value);
int with__maker_reset(with_pool *pool, void *value);
void with__maker_close(with_pool *pool, void *value);
void with__maker_abandon(with_pool *pool, void *value);

/* Calls the owner's function, if there is one, with a message that is formatted for it. */
void with__report(with_pool *pool, struct with_pool_report report, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reports the failure of a function of the maker: an exception, or a negative errno. */
void with__report_failure(with_pool *pool, enum with_pool_event event, const char *what, int code,
                          const with_exception *exception);

/* Writes "opening an item: " and the like, and what the failure says, as one line. */
void with__failure_text(char *text, size_t size, const char *what, int code,
                        const with_exception *exception);

/* A negative errno for an exception: of its code, or -EIO. */
int with__code_of(const with_exception *exception);

/* ---- Acquiring and releasing --------------------------------------------------------------- */

/* Why there is no item. */
struct with__refusal {
    bool by_open;                    /* open failed, and the code is its own */
    const with_exception *exception; /* what open threw (owned), or NULL */
};

/*
 * As with_pool_acquire_at(). After a failure (but not -EINVAL) the pool is pinned, so that it can be
 * asked about it: with__unpin() it.
 */
int with__acquire(with_pool *pool, double wait_seconds, const with_site *site,
                  with_pool_item **ret_item, struct with__refusal *ret_refusal);

/* Gives back a held slot, whichever thread holds it. Keeps errno. */
void with__release(struct with__slot *slot);

/* Gives back what a thread holds that ends. */
void with__release_of_thread(struct with__slot *slot);

/*
 * Opens the item of an OPENING slot: 0, and then the slot is IDLE, or HELD for the request if there is
 * one; or a negative errno, and *ret_exception as with__maker_open().
 */
int with__open(struct with__slot *slot, struct with__request *request,
               const with_exception **ret_exception);

/* ---- Threads, forks, the pool's end -------------------------------------------------------- */

/* This thread, registered so that its end is noticed. */
struct with__pool_thread *with__pool_thread(void);

void with__registry_add(with_pool *pool);
void with__registry_remove(with_pool *pool);

/* The pool behind this one (or the first) in the registry, pinned, or NULL. Unpins this one. */
with_pool *with__registry_next(with_pool *pool);

/* Holds on to the pool's memory. Dropping the last pin may end the pool. */
void with__pin(with_pool *pool);
void with__unpin(with_pool *pool);

/* An option that cannot be, or no name. */
struct with__bad_option {
    const char *name;
    double value;
};

/* As with_pool_new(); *ret_exception is what open threw (owned), or untouched. */
int with__pool_new(const struct with_pool_maker *maker, void *argument,
                   const struct with_pool_options *options, with_pool **ret_pool,
                   const with_exception **ret_exception, struct with__bad_option *ret_bad);

/* Whether nobody needs the pool any more: then, without the lock, with__pool_destroy(). */
bool with__pool_is_over_locked(const with_pool *pool);
void with__pool_destroy(with_pool *pool);

/* Starts the pool's thread if there is something for it to do, or tells it of that. */
void with__work_locked(with_pool *pool);

/* In a child: abandons what was the parent's and is nobody's now. Without the lock. */
void with__abandon_inherited(with_pool *pool);

/* ---- Holders ------------------------------------------------------------------------------- */

/* A held item, as it was at one moment. */
struct with__holder {
    const with_site *site;
    int64_t held_ns;
    int thread;
    bool nested;
};

/* Copies up to room holders, those longest held first; returns how many there are. */
size_t with__holders(with_pool *pool, struct with__holder *ret_holders, size_t room);

#endif
