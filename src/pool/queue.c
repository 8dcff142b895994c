/* SPDX-License-Identifier: MIT
 *
 * The queue of those who wait, and what a request can have.
 *
 * An item that comes back while the first in the queue is young is put on the idle list, and waiters are
 * woken to take it: whoever comes first has it. That spares a switch of threads for each item when
 * threads outnumber items and hold them but shortly. When the first in the queue has seen the clock
 * tick, items are given, in the order of the queue. Room to open is always given.
 */
#include "internal.h"

/* ---- The queue ----------------------------------------------------------------------------- */

/* By ticket, so that a request which comes again finds its old place. */
static void enqueue_locked(struct with__request *request)
{
    with_pool *pool = request->pool;
    struct with__request *before = pool->last;

    while (before && before->ticket > request->ticket) before = before->previous;
    request->previous = before;
    request->next = before ? before->next : pool->first;
    if (request->previous) request->previous->next = request;
    else pool->first = request;
    if (request->next) request->next->previous = request;
    else pool->last = request;
    request->queued = true;
    request->waited = true;
    request->queued_at = with__pool_now();
    pool->waiting++;
    atomic_store_explicit(&request->thread->waiting, pool, memory_order_relaxed);
}

static void dequeue_locked(struct with__request *request)
{
    with_pool *pool = request->pool;

    if (request->previous) request->previous->next = request->next;
    else pool->first = request->next;
    if (request->next) request->next->previous = request->previous;
    else pool->last = request->previous;
    if (request->woken) pool->woken--;
    request->woken = false;
    request->queued = false;
    pool->waiting--;
    atomic_store_explicit(&request->thread->waiting, NULL, memory_order_relaxed);
}

/* ---- What there is ------------------------------------------------------------------------- */

static void fail(struct with__request *request, int code)
{
    request->step = WITH__FAILED;
    request->code = code;
}

static void take_idle_locked(struct with__request *request, struct with__slot *slot, int64_t now)
{
    with_pool *pool = request->pool;
    const int reason = with__why_close_locked(slot, now);

    with__idle_remove_locked(pool, slot);
    request->slot = slot;
    if (reason >= 0) {
        with__slot_closing_locked(slot, WITH__IDLE, request->thread);
        request->step = WITH__CLOSE;
        request->reason = (enum with_pool_reason)reason;
    } else if (now >= slot->due && pool->maker.check) {
        with__slot_set_locked(slot, WITH__IDLE, WITH__CHECKING);
        atomic_store_explicit(&slot->thread, request->thread, memory_order_relaxed);
        request->step = WITH__CHECK;
    } else {
        with__hold_locked(slot, WITH__IDLE, request->thread, request->site, now);
        slot->nested = request->nesting > 0;
        request->step = WITH__TAKEN;
    }
    if (pool->count[WITH__IDLE] < pool->minimum_idle) with__work_locked(pool);
}

/* While the pool backs off there is no room. */
static bool has_room_locked(const with_pool *pool)
{
    return pool->occupied < pool->maximum_size &&
           (pool->retry_at == 0 || with__pool_clock() >= pool->retry_at);
}

static void take_room_locked(struct with__request *request)
{
    request->slot = with__slot_new_locked(request->pool, request->thread);
    if (request->slot) request->step = WITH__OPEN;
    else fail(request, -ENOMEM);
}

static void find_locked(struct with__request *request, int64_t now)
{
    with_pool *pool = request->pool;

    request->step = WITH__NOTHING;
    if (pool->closed) fail(request, -ECANCELED);
    else if (pool->suspended) return;
    else if (pool->newest) take_idle_locked(request, pool->newest, now);
    else if (has_room_locked(pool)) take_room_locked(request);
    else if (pool->fail_fast && pool->occupied < pool->maximum_size) {
        fail(request, pool->failure_code);
        request->by_open = true;
    }
}

/* One waiter for each idle item. */
static void wake_some_locked(with_pool *pool)
{
    for (struct with__request *r = pool->first; r && pool->woken < pool->count[WITH__IDLE];
         r = r->next) {
        if (r->woken) continue;
        r->woken = true;
        pool->woken++;
        pthread_cond_signal(&r->wake);
    }
}

void with__dispatch_locked(with_pool *pool)
{
    const int64_t now = pool->first ? with__pool_now() : 0;
    struct with__request *request;

    while ((request = pool->first)) {
        if (pool->running && pool->newest && with__may_overtake_locked(pool, now)) {
            wake_some_locked(pool);
            return;
        }
        find_locked(request, now);
        if (request->step == WITH__NOTHING) break;
        dequeue_locked(request);
        pthread_cond_signal(&request->wake);
    }
    /* The first in the queue also waits for the end of the backing off; it may be new there. */
    if (request && pool->retry_at != 0) pthread_cond_signal(&request->wake);
}

/* ---- Nesting ------------------------------------------------------------------------------- */

/* Whether all are held by threads that wait for one, or are in calls by these, if this one waits too. */
static bool all_would_wait_locked(const struct with__request *request)
{
    const with_pool *pool = request->pool;

    if (request->nesting == 0 || !pool->running || pool->occupied < pool->maximum_size)
        return false;
    for (unsigned i = 0; i < pool->occupied; i++) {
        const struct with__pool_thread *thread = pool->slots[i]->thread;
        if (!thread) return false; /* idle */
        if (thread != request->thread && atomic_load(&thread->waiting) != pool) return false;
    }
    return true;
}

/*
 * Counts the items that this thread holds already, or is in a call of the maker's with; if there are
 * some, looks at the pool's size.
 */
static void see_nesting_locked(struct with__request *request)
{
    with_pool *pool = request->pool;
    unsigned threads = 0;

    if (request->thread->held == 0 && request->thread->calls == 0) return;
    for (const struct with__request *other = pool->first; other; other = other->next)
        threads += other->nesting == 0; /* the others hold what is counted below */
    for (unsigned i = 0; i < pool->occupied; i++) {
        const struct with__slot *slot = pool->slots[i];
        const bool own = slot->thread == request->thread;
        if (own) request->nesting++;
        if (slot->state == WITH__HELD) threads += !slot->nested;
        else threads += own && request->thread->held == 0;
    }
    if (request->nesting == 0 || threads == 0) return;
    request->small_threads = threads;
    request->needed = threads * request->nesting + 1;
    if (request->needed <= pool->maximum_size || request->needed <= pool->needed_reported)
        request->needed = 0;
    else pool->needed_reported = request->needed;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

/* The thread is cancelled: gives back what it has been given in the meantime. */
static void leave_cancelled(void *argument)
{
    struct with__request *request = argument;
    with_pool *pool = request->pool;
    struct with__slot *slot = request->slot;
    const enum with__step step = request->queued ? WITH__NOTHING : request->step;
    bool over;

    request->step = WITH__NOTHING;
    if (request->queued) dequeue_locked(request);
    if (step == WITH__TAKEN) {
        pool->acquired--;
        with__idle_restore_locked(slot, WITH__HELD, false);
    } else if (step == WITH__CHECK) with__idle_restore_locked(slot, WITH__CHECKING, false);
    else if (step == WITH__OPEN) with__slot_empty_locked(slot);
    with__dispatch_locked(pool);
    pool->pins--;
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&request->wake);
    with_exception_unref(request->failure);
    if (step == WITH__CLOSE) with__slot_close(slot, request->reason);
    else if (over) with__pool_destroy(pool);
}

/* One round of waiting. False when there is an answer. */
static bool wait_on_locked(struct with__request *request)
{
    with_pool *pool = request->pool;
    int64_t until = request->deadline;

    with__dispatch_locked(pool);
    if (!request->queued) return false;
    if (request->woken && pool->newest && pool->running) {
        dequeue_locked(request);
        find_locked(request, with__pool_now());
        return false;
    }
    if (request->woken) pool->woken--;
    request->woken = false;
    if (until != WITH__NEVER && with__pool_clock() >= until) {
        dequeue_locked(request);
        fail(request, -ETIMEDOUT);
        return false;
    }
    if (pool->first == request && pool->retry_at != 0 && pool->running)
        until = with__sooner(until, pool->retry_at);
    with__condition_wait(&request->wake, &pool->lock, until);
    return true;
}

static void wait_locked(struct with__request *request)
{
    with__condition_init(&request->wake);
    enqueue_locked(request);
    pthread_cleanup_push(leave_cancelled, request);
    while (request->queued && wait_on_locked(request)) continue;
    pthread_cleanup_pop(0);
    pthread_cond_destroy(&request->wake);
    with__dispatch_locked(request->pool);
}

/* A request that does not wait fails with the time that it has not got. */
static void find_or_wait_locked(struct with__request *request)
{
    with_pool *pool = request->pool;
    const int64_t now = with__pool_now();

    request->step = WITH__NOTHING;
    if (with__may_overtake_locked(pool, now) || request->ticket < pool->first->ticket)
        find_locked(request, now);
    if (request->step != WITH__NOTHING) return;
    if (request->deadline != WITH__NEVER && with__pool_clock() >= request->deadline)
        fail(request, -ETIMEDOUT);
    else if (all_would_wait_locked(request)) fail(request, -EDEADLK);
    else wait_locked(request);
}

static void count_wait_locked(with_pool *pool, int64_t ns)
{
    static const int64_t limits_us[WITH_POOL_WAIT_BUCKETS - 1] = {
        100, 1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 10000000, 30000000,
    };
    int bucket = 0;

    while (bucket < WITH_POOL_WAIT_BUCKETS - 1 && ns > limits_us[bucket] * 1000) bucket++;
    pool->wait_bucket[bucket]++;
    pool->waits++;
    pool->wait_ns += (uint64_t)ns;
}

void with__request_end_locked(struct with__request *request)
{
    with_pool *pool = request->pool;

    if (request->waited) count_wait_locked(pool, with__pool_clock() - request->begun);
    if (request->step != WITH__FAILED) pool->pins--;
    else if (request->code == -ETIMEDOUT) pool->timeouts++;
    else if (request->code == -EDEADLK) pool->deadlocks++;
}

void with__next_step(struct with__request *request)
{
    with_pool *pool = request->pool;

    pthread_mutex_lock(&pool->lock);
    if (request->ticket == 0) {
        request->ticket = ++pool->tickets;
        pool->pins++;
        see_nesting_locked(request);
    }
    find_or_wait_locked(request);
    if (request->step == WITH__TAKEN || request->step == WITH__FAILED)
        with__request_end_locked(request);
    else request->waited = true;
    pthread_mutex_unlock(&pool->lock);
}
