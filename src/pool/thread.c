/* SPDX-License-Identifier: MIT
 *
 * Threads and processes: who a thread is, what is returned when it ends, what becomes of a pool in a
 * child made by fork(), and at exit().
 */
#include "internal.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static with_pool *registry; /* all pools; guarded by the lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* its value is that a thread's end is to be noticed */
static bool key_made;

static __thread struct with__pool_thread self __attribute__((tls_model("initial-exec")));

/* ---- This thread --------------------------------------------------------------------------- */

static int system_number(void)
{
#ifdef __linux__
    return (int)syscall(SYS_gettid);
#else
    return 0;
#endif
}

/* Without a key, or memory for it, only the thread's end goes unnoticed. */
static void __attribute__((noinline)) register_thread(void)
{
    const int error = errno;

    self.number = system_number();
    self.registered = true;
    if (key_made) pthread_setspecific(key, &self);
    errno = error;
}

struct with__pool_thread *with__pool_thread(void)
{
    if (__builtin_expect(!self.registered, 0)) register_thread();
    return &self;
}

/* ---- The registry -------------------------------------------------------------------------- */

/* Not a pool that another thread is about to destroy. */
static bool pin(with_pool *pool)
{
    bool over;

    pthread_mutex_lock(&pool->lock);
    over = with__pool_is_over_locked(pool);
    if (!over) pool->pins++;
    pthread_mutex_unlock(&pool->lock);
    return !over;
}

with_pool *with__registry_next(with_pool *pool)
{
    with_pool *next;

    pthread_mutex_lock(&registry_lock);
    next = pool ? pool->next_pool : registry;
    while (next && !pin(next)) next = next->next_pool;
    pthread_mutex_unlock(&registry_lock);
    if (pool) with__unpin(pool);
    return next;
}

/* ---- The end of a thread ------------------------------------------------------------------- */

static struct with__slot *held_by_this_thread(with_pool *pool)
{
    struct with__slot *found = NULL;

    pthread_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < pool->occupied && !found; i++)
        if (pool->slots[i]->state == WITH__HELD && pool->slots[i]->thread == &self)
            found = pool->slots[i];
    pthread_mutex_unlock(&pool->lock);
    return found;
}

static void return_held(void)
{
    struct with__slot *slot;

    for (with_pool *pool = with__registry_next(NULL); pool; pool = with__registry_next(pool))
        while ((slot = held_by_this_thread(pool))) with__release_of_thread(slot);
}

static void thread_ends(void *unused)
{
    (void)unused;
    self.registered = false; /* if another destructor acquires, this one is called again */
    if (self.held > 0) return_held();
}

/* ---- exit() -------------------------------------------------------------------------------- */

/* The blocks of this thread have been left by then: the core registered its handler later. */
static void process_exits(void)
{
    if (self.held > 0) return_held();
    for (with_pool *pool = with__registry_next(NULL); pool; pool = with__registry_next(pool))
        with_pool_close(pool, 0);
}

/* What is registered first runs last; the core's constructor has no priority. */
__attribute__((constructor(200))) static void end_pools_at_exit(void)
{
    atexit(process_exits);
}

/* ---- fork() -------------------------------------------------------------------------------- */

static void before_fork(void)
{
    pthread_mutex_lock(&registry_lock);
    for (with_pool *pool = registry; pool; pool = pool->next_pool) pthread_mutex_lock(&pool->lock);
}

static void after_fork_in_parent(void)
{
    for (with_pool *pool = registry; pool; pool = pool->next_pool)
        pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&registry_lock);
}

/*
 * What this thread holds, or is in a call of the maker's with, it will give up itself. What another one
 * was opening or closing may be in any state, and is forgotten. The rest is to be abandoned.
 */
static void inherit_locked(with_pool *pool, struct with__slot *slot)
{
    const bool own = slot->thread == &self;

    if (!own && (slot->state == WITH__OPENING || slot->state == WITH__CLOSING)) {
        with__slot_set_locked(slot, slot->state, WITH__EMPTY);
        slot->older = pool->spare;
        pool->spare = slot;
        return;
    }
    with__slot_set_locked(slot, slot->state, WITH__INHERITED);
    if (own) return;
    slot->older = pool->inherited;
    pool->inherited = slot;
}

static void forget_statistics_locked(with_pool *pool)
{
    pool->acquired = pool->opened = pool->open_failures = 0;
    pool->timeouts = pool->deadlocks = pool->leaks_suspected = pool->leaks_returned = 0;
    pool->waits = pool->wait_ns = 0;
    for (int i = 0; i < WITH_POOL_REASONS_; i++) pool->closed_by[i] = 0;
    for (int i = 0; i < WITH_POOL_WAIT_BUCKETS; i++) pool->wait_bucket[i] = 0;
}

/*
 * Other threads are gone, and with them the queue and the pool's thread. Their pins cannot be told from
 * this thread's; so they stay, and at worst the child keeps the pool's memory.
 */
static void start_anew_locked(with_pool *pool)
{
    for (unsigned i = 0; i < pool->occupied; i++) inherit_locked(pool, pool->slots[i]);
    pool->occupied = 0;
    pool->newest = pool->oldest = NULL;
    pool->first = pool->last = NULL;
    pool->waiting = pool->woken = 0;
    pool->thread_runs = pool->thread_made = pool->work_asked = false;
    pool->failures = 0;
    pool->retry_at = 0;
    pool->random ^= (uint64_t)self.number << 32;
    with__condition_init(&pool->work);
    with__condition_init(&pool->emptied);
    forget_statistics_locked(pool);
}

static void after_fork_in_child(void)
{
    if (self.registered) self.number = system_number();
    for (with_pool *pool = registry; pool; pool = pool->next_pool) {
        start_anew_locked(pool);
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&registry_lock);
}

void with__abandon_inherited(with_pool *pool)
{
    struct with__slot *slot;

    if (__builtin_expect(!pool->inherited, 1)) return;
    do {
        pthread_mutex_lock(&pool->lock);
        slot = pool->inherited;
        if (slot) pool->inherited = slot->older;
        pthread_mutex_unlock(&pool->lock);
        if (!slot) return;
        with__maker_abandon(pool, slot->item.value);
        pthread_mutex_lock(&pool->lock);
        with__slot_empty_locked(slot);
        pthread_mutex_unlock(&pool->lock);
    } while (true);
}

/* ---- Joining the registry ------------------------------------------------------------------ */

static void prepare(void)
{
    key_made = pthread_key_create(&key, thread_ends) == 0;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void with__registry_add(with_pool *pool)
{
    pthread_once(&once, prepare);
    pthread_mutex_lock(&registry_lock);
    pool->next_pool = registry;
    if (registry) registry->previous_pool = pool;
    registry = pool;
    pthread_mutex_unlock(&registry_lock);
}

void with__registry_remove(with_pool *pool)
{
    pthread_mutex_lock(&registry_lock);
    if (pool->previous_pool) pool->previous_pool->next_pool = pool->next_pool;
    else registry = pool->next_pool;
    if (pool->next_pool) pool->next_pool->previous_pool = pool->previous_pool;
    pthread_mutex_unlock(&registry_lock);
}
