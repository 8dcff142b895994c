/* SPDX-License-Identifier: MIT
 *
 * What is done to a pool in the background, and the thread that does it.
 */
#include "internal.h"

#include <math.h>
#include <signal.h>

enum job { NO_JOB, CLOSE_JOB, CHECK_JOB, OPEN_JOB, LEAK_JOB };

struct work {
    enum job job;
    struct with__slot *slot;
    enum with_pool_reason reason;
    struct with_pool_report report;
    int64_t due; /* when there will be something to do, if nothing changes */
};

/* ---- What is due --------------------------------------------------------------------------- */

static bool is_due(struct work *work, int64_t at, int64_t now)
{
    if (now >= at) return true;
    work->due = with__sooner(work->due, at);
    return false;
}

/* Whether this idle item is to be closed or checked. */
static bool look_at_idle_locked(with_pool *pool, struct with__slot *slot, struct work *work,
                                int64_t now)
{
    const int reason = with__why_close_locked(slot, now);
    const bool spare = pool->count[WITH__IDLE] > pool->minimum_idle;

    work->slot = slot;
    if (reason >= 0 || (spare && is_due(work, with__after(slot->since, pool->idle_limit), now))) {
        work->job = CLOSE_JOB;
        work->reason = reason >= 0 ? (enum with_pool_reason)reason : WITH_POOL_CLOSED_IDLE;
    } else if (is_due(work, slot->keepalive, now)) work->job = CHECK_JOB;
    else {
        is_due(work, slot->expires, now);
        return false;
    }
    with__idle_remove_locked(pool, slot);
    with__slot_set_locked(slot, WITH__IDLE,
                          work->job == CLOSE_JOB ? WITH__CLOSING : WITH__CHECKING);
    atomic_store_explicit(&slot->thread, with__pool_thread(), memory_order_relaxed);
    return true;
}

static bool look_at_held_locked(with_pool *pool, struct with__slot *slot, struct work *work,
                                int64_t now)
{
    if (slot->flags & WITH__LEAK_REPORTED ||
        !is_due(work, with__after(slot->since, pool->leak_after), now))
        return false;
    slot->flags |= WITH__LEAK_REPORTED;
    pool->leaks_suspected++;
    work->job = LEAK_JOB;
    work->report = (struct with_pool_report){
        .event = WITH_POOL_LEAK_SUSPECTED,
        .site = slot->site,
        .held_seconds = (double)(now - slot->since) / 1e9,
        .thread = slot->number,
    };
    return true;
}

static bool look_for_room_locked(with_pool *pool, struct work *work, int64_t now)
{
    if (!pool->running || pool->count[WITH__IDLE] >= pool->minimum_idle ||
        pool->occupied >= pool->maximum_size || !is_due(work, pool->retry_at, now))
        return false;
    work->slot = with__slot_new_locked(pool, with__pool_thread());
    work->job = OPEN_JOB;
    return work->slot != NULL;
}

/* What does not exist yet cannot be due sooner than this. */
static int64_t shortest(const with_pool *pool)
{
    return with__sooner(
        with__sooner(pool->idle_limit, pool->keepalive_after),
        with__sooner(pool->lifetime == WITH__NEVER ? WITH__NEVER : pool->lifetime / 10 * 9,
                     pool->leak_after));
}

static struct work next_work_locked(with_pool *pool, int64_t now)
{
    struct work work = {.job = NO_JOB, .due = with__after(now, shortest(pool))};

    for (unsigned i = 0; i < pool->occupied; i++) {
        struct with__slot *slot = pool->slots[i];
        if (slot->state == WITH__IDLE && look_at_idle_locked(pool, slot, &work, now)) return work;
        if (slot->state == WITH__HELD && look_at_held_locked(pool, slot, &work, now)) return work;
    }
    if (!look_for_room_locked(pool, &work, now)) work.job = NO_JOB;
    return work;
}

/* ---- Doing it ------------------------------------------------------------------------------ */

static void keep_alive(struct with__slot *slot)
{
    with_pool *pool = slot->pool;
    int reason = with__maker_check(pool, slot->item.value) == 0 ? -1 : WITH_POOL_CLOSED_CHECK;

    pthread_mutex_lock(&pool->lock);
    if (slot->state == WITH__INHERITED) {
        with__slot_empty_locked(slot);
        reason = -1;
    } else {
        if (reason < 0) reason = with__why_close_locked(slot, with__pool_now());
        if (reason >= 0) with__slot_closing_locked(slot, WITH__CHECKING, with__pool_thread());
        else with__idle_restore_locked(slot, WITH__CHECKING, true);
        with__dispatch_locked(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (reason >= 0) with__slot_close(slot, (enum with_pool_reason)reason);
}

static void report_leak(with_pool *pool, struct with_pool_report report)
{
    with__report(pool, report,
                 "suspected leak: thread %d has held an item for %.3g seconds; acquired in %s, "
                 "line %d, in %s: %s",
                 report.thread, report.held_seconds, report.site->file, report.site->line,
                 report.site->function, report.site->text);
}

static void do_work(with_pool *pool, const struct work *work)
{
    const with_exception *exception = NULL;

    switch (work->job) {
    case CLOSE_JOB: with__slot_close(work->slot, work->reason); break;
    case CHECK_JOB: keep_alive(work->slot); break;
    case OPEN_JOB: with__open(work->slot, NULL, &exception); break;
    case LEAK_JOB: report_leak(pool, work->report); break;
    case NO_JOB: break;
    }
    with_exception_unref(exception);
}

/* Returns when there will be something to do again. What becomes due meanwhile is for the next time. */
static int64_t do_what_is_due(with_pool *pool)
{
    const int64_t now = with__pool_clock();
    struct work work;

    do {
        pthread_mutex_lock(&pool->lock);
        work = next_work_locked(pool, now);
        pthread_mutex_unlock(&pool->lock);
        do_work(pool, &work);
    } while (work.job != NO_JOB);
    return work.due;
}

double with_pool_maintain(with_pool *pool)
{
    int64_t due, now;
    int old;

    if (!pool) return 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    with__abandon_inherited(pool);
    due = do_what_is_due(pool);
    pthread_setcancelstate(old, &old);
    now = with__pool_clock();
    if (due == WITH__NEVER) return INFINITY;
    return due > now ? (double)(due - now) / 1e9 : 0;
}

/* ---- The thread ---------------------------------------------------------------------------- */

static void *run(void *argument)
{
    with_pool *pool = argument;
    bool over;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &(int){0});
    pthread_mutex_lock(&pool->lock);
    while (!pool->closed) {
        int64_t due;
        pool->work_asked = false;
        pthread_mutex_unlock(&pool->lock);
        due = do_what_is_due(pool);
        pthread_mutex_lock(&pool->lock);
        while (!pool->work_asked && with__condition_wait(&pool->work, &pool->lock, due) == 0)
            continue;
    }
    pool->thread_runs = false;
    if (pool->freed && pool->thread_made) pthread_detach(pthread_self()); /* freed by this thread */
    pthread_cond_broadcast(&pool->emptied);
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (over) with__pool_destroy(pool);
    return NULL;
}

/* Signals are for the program's own threads. */
static bool start_locked(with_pool *pool)
{
    sigset_t all, old;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    started = pthread_create(&pool->thread, NULL, run, pool) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

/* If no thread can be had now, the next item that is opened asks again. */
void with__work_locked(with_pool *pool)
{
    if (pool->no_thread || pool->closed) return;
    if (pool->thread_runs) {
        if (pool->work_asked) return;
        pool->work_asked = true;
        pthread_cond_signal(&pool->work);
    } else if (pool->minimum_idle > 0 || shortest(pool) != WITH__NEVER)
        pool->thread_runs = pool->thread_made = start_locked(pool);
}
