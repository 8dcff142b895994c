/* SPDX-License-Identifier: MIT
 *
 * Acquiring. The quick way is one lock and one look at the idle list; everything else goes step by step
 * through the queue.
 */
#include "internal.h"

#include <math.h>

/* ---- The quick way ------------------------------------------------------------------------- */

/* The most recently used item, if nothing speaks against it, or NULL. */
static inline struct with__slot *take_quickly(with_pool *pool, struct with__pool_thread *thread,
                                              const with_site *site)
{
    const int64_t now = with__pool_now();
    struct with__slot *slot;

    pthread_mutex_lock(&pool->lock);
    slot = pool->newest;
    if (__builtin_expect(slot && now < slot->due && pool->running && thread->held == 0 &&
                             with__may_overtake_locked(pool, now),
                         1)) {
        with__idle_remove_locked(pool, slot);
        with__hold_locked(slot, WITH__IDLE, thread, site, now);
        slot->nested = false;
        if (pool->count[WITH__IDLE] < pool->minimum_idle) with__work_locked(pool);
    } else slot = NULL;
    pthread_mutex_unlock(&pool->lock);
    return slot;
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* A fork in open leaves the parent's slot in the child: what open then opened is the child's own. */
static bool opened_in_child(struct with__slot *slot)
{
    with_pool *pool = slot->pool;
    bool inherited;

    pthread_mutex_lock(&pool->lock);
    inherited = slot->state == WITH__INHERITED;
    if (inherited) with__slot_empty_locked(slot);
    pthread_mutex_unlock(&pool->lock);
    return inherited;
}

static void failed_to_open(struct with__slot *slot, int code, const with_exception *exception)
{
    with_pool *pool = slot->pool;
    char text[sizeof pool->failure];

    with__failure_text(text, sizeof text, "opening an item", code, exception);
    pthread_mutex_lock(&pool->lock);
    if (slot->state == WITH__OPENING) with__back_off_locked(slot, code, text);
    with__slot_empty_locked(slot);
    with__dispatch_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    with__report_failure(pool, WITH_POOL_OPEN_FAILED, "opening an item", code, exception);
}

/* The item may be used, unless the pool has been closed, or drained of what is idle, meanwhile. */
static int opened(struct with__slot *slot, struct with__request *request)
{
    with_pool *pool = slot->pool;
    const int64_t now = with__pool_now();
    int reason = -1;

    pthread_mutex_lock(&pool->lock);
    if (pool->closed) reason = WITH_POOL_CLOSED_POOL;
    else if (!request && slot->flags & WITH__DRAIN) reason = WITH_POOL_CLOSED_DRAINED;
    with__slot_opened_locked(slot, now);
    if (reason >= 0) {
        with__slot_closing_locked(slot, WITH__OPENING, slot->thread);
    } else if (request) {
        with__hold_locked(slot, WITH__OPENING, request->thread, request->site, now);
        slot->nested = request->nesting > 0;
        with__request_end_locked(request);
    } else with__idle_add_locked(slot, WITH__OPENING, now);
    if (!pool->thread_runs) with__work_locked(pool);
    with__dispatch_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (reason >= 0) with__slot_close(slot, (enum with_pool_reason)reason);
    return reason >= 0 ? -ECANCELED : 0;
}

/* open was cancelled: gives the room back. */
static void leave_open(void *argument)
{
    struct with__slot *slot = argument;
    with_pool *pool = slot->pool;

    pthread_mutex_lock(&pool->lock);
    with__slot_empty_locked(slot);
    with__dispatch_locked(pool);
    pthread_mutex_unlock(&pool->lock);
}

int with__open(struct with__slot *slot, struct with__request *request,
               const with_exception **ret_exception)
{
    with_pool *pool = slot->pool;
    void *value = NULL;
    int code;

    pthread_cleanup_push(leave_open, slot);
    code = with__maker_open(pool, &value, ret_exception);
    pthread_cleanup_pop(0);
    if (code != 0) {
        failed_to_open(slot, code, *ret_exception);
        return code;
    }
    if (slot->state == WITH__INHERITED && opened_in_child(slot)) {
        with__maker_close(pool, value);
        return -EAGAIN;
    }
    slot->item.value = value;
    return opened(slot, request);
}

/* ---- Step by step -------------------------------------------------------------------------- */

/* Whether the item has passed its check and is held now. Else it is closed. */
static bool check_item(struct with__request *request)
{
    struct with__slot *slot = request->slot;
    with_pool *pool = request->pool;
    const bool good = with__maker_check(pool, slot->item.value) == 0;

    if (with__slot_abandon(slot)) return false; /* check has forked, and this is the child */
    pthread_mutex_lock(&pool->lock);
    if (good) {
        with__hold_locked(slot, WITH__CHECKING, request->thread, request->site, with__pool_now());
        slot->nested = request->nesting > 0;
        with__request_end_locked(request);
    } else with__slot_closing_locked(slot, WITH__CHECKING, request->thread);
    pthread_mutex_unlock(&pool->lock);
    if (!good) with__slot_close(slot, WITH_POOL_CLOSED_CHECK);
    return good;
}

/* Whether an item was opened. If not, it is tried again later, unless the pool fails fast. */
static bool open_item(struct with__request *request)
{
    with_exception_unref(request->failure);
    request->open_code = with__open(request->slot, request, &request->failure);
    return request->open_code == 0;
}

/* Fails with what open says rather than with the time that is over because of that. */
static int failed(struct with__request *request, int code)
{
    if (request->by_open || code != -ETIMEDOUT || request->open_code == 0) return code;
    request->by_open = true;
    return request->open_code;
}

static int step_by_step(struct with__request *request)
{
    for (;;) {
        with__next_step(request);
        switch (request->step) {
        case WITH__TAKEN: return 0;
        case WITH__CHECK:
            if (check_item(request)) return 0;
            break;
        case WITH__OPEN:
            if (open_item(request)) return 0;
            if (request->pool->fail_fast) return failed(request, -ETIMEDOUT);
            break;
        case WITH__CLOSE: with__slot_close(request->slot, request->reason); break;
        default: return failed(request, request->code);
        }
    }
}

static void report_small(const struct with__request *request)
{
    const struct with_pool_report report = {.event = WITH_POOL_TOO_SMALL, .site = request->site};

    with__report(request->pool, report,
                 "%s, line %d, in %s acquires item %u in one thread while %u thread%s the pool; "
                 "with a size of %u they can all wait for one another, which takes %u to rule out",
                 request->site->file, request->site->line, request->site->function,
                 request->nesting + 1, request->small_threads,
                 request->small_threads == 1 ? " uses" : "s use", request->pool->maximum_size,
                 request->needed);
}

/* The request is cancelled while it opens, the only time when the queue does not see to it. */
static void leave_request(void *argument)
{
    struct with__request *request = argument;

    if (request->step != WITH__OPEN) return;
    with_exception_unref(request->failure);
    with__unpin(request->pool);
}

static int acquire_slowly(struct with__request *request)
{
    with_pool *pool = request->pool;
    int code;

    with__abandon_inherited(pool);
    pthread_cleanup_push(leave_request, request);
    code = step_by_step(request);
    pthread_cleanup_pop(0);
    return code;
}

/* What the slow way is allowed to take, from now on. */
static int64_t deadline(const with_pool *pool, double wait_seconds, int64_t begun)
{
    if (wait_seconds < 0) return begun;
    return with__after(begun,
                       wait_seconds == 0 ? pool->wait_limit : with__nanoseconds(wait_seconds));
}

int with__acquire(with_pool *pool, double wait_seconds, const with_site *site,
                  with_pool_item **ret_item, struct with__refusal *ret_refusal)
{
    struct with__pool_thread *thread = with__pool_thread();
    struct with__slot *slot = take_quickly(pool, thread, site);

    if (__builtin_expect(!slot, 0)) {
        struct with__request request = {
            .pool = pool, .thread = thread, .site = site, .begun = with__pool_clock()};
        int code;

        request.deadline = deadline(pool, wait_seconds, request.begun);
        code = acquire_slowly(&request);
        if (request.needed) report_small(&request);
        if (code != 0) {
            ret_refusal->by_open = request.by_open;
            ret_refusal->exception = request.by_open ? request.failure : NULL;
            if (!request.by_open) with_exception_unref(request.failure);
            return code;
        }
        with_exception_unref(request.failure);
        slot = request.slot;
    }
    thread->held++;
    *ret_item = &slot->item;
    return 0;
}

int with_pool_acquire_at(with_pool *pool, double wait_seconds, const with_site *site,
                         with_pool_item **ret_item)
{
    struct with__refusal refusal;
    int code;

    if (!pool || !site || !ret_item || isnan(wait_seconds)) return -EINVAL;
    code = with__acquire(pool, wait_seconds, site, ret_item, &refusal);
    if (code == 0) return 0;
    with_exception_unref(refusal.exception);
    with__unpin(pool);
    return code;
}
