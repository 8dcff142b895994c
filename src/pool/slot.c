/* SPDX-License-Identifier: MIT
 *
 * The life of a slot, outside of the quick ways: making room, ending items, backing off.
 */
#include "internal.h"

#include <stdlib.h>

/* ---- Idle ---------------------------------------------------------------------------------- */

void with__idle_restore_locked(struct with__slot *slot, enum with__slot_state from, bool checked)
{
    with_pool *pool = slot->pool;
    struct with__slot *newer = NULL, *older = pool->newest;
    const int64_t now = with__pool_now();

    with__slot_set_locked(slot, from, WITH__IDLE);
    atomic_store_explicit(&slot->thread, NULL, memory_order_relaxed);
    slot->due = checked ? with__sooner(slot->expires, with__after(now, pool->check_after)) : now;
    if (checked) slot->keepalive = with__after(now, pool->keepalive_after);
    for (; older && older->since > slot->since; older = older->older) newer = older;
    slot->newer = newer;
    slot->older = older;
    if (newer) newer->older = slot;
    else pool->newest = slot;
    if (older) older->newer = slot;
    else pool->oldest = slot;
}

/* ---- Opening ------------------------------------------------------------------------------- */

struct with__slot *with__slot_new_locked(with_pool *pool, struct with__pool_thread *thread)
{
    struct with__slot *slot = pool->spare;

    assert(pool->occupied < pool->maximum_size);
    if (slot) pool->spare = slot->older;
    else {
        slot = calloc(1, sizeof *slot);
        if (!slot) return NULL;
        slot->pool = pool;
        pool->count[WITH__EMPTY]++;
    }
    pool->slots[pool->occupied++] = slot;
    with__slot_set_locked(slot, WITH__EMPTY, WITH__OPENING);
    atomic_store_explicit(&slot->thread, thread, memory_order_relaxed);
    slot->since = with__pool_clock();
    slot->item.value = NULL;
    slot->flags = 0;
    return slot;
}

/* xorshift64: Marsaglia, "Xorshift RNGs". Uniform in [0, 1). */
static double random_locked(with_pool *pool)
{
    pool->random ^= pool->random << 13;
    pool->random ^= pool->random >> 7;
    pool->random ^= pool->random << 17;
    return (double)(pool->random >> 11) / (double)(UINT64_C(1) << 53);
}

/* Items that were opened together do not all end together. */
void with__slot_opened_locked(struct with__slot *slot, int64_t now)
{
    with_pool *pool = slot->pool;

    pool->opened++;
    pool->failures = 0;
    pool->retry_at = 0;
    slot->expires = WITH__NEVER;
    if (pool->lifetime != WITH__NEVER)
        slot->expires = with__after(
            now, pool->lifetime - (int64_t)((double)pool->lifetime * 0.1 * random_locked(pool)));
}

/* Those that were under way when one failed have failed with it, and count once. */
void with__back_off_locked(const struct with__slot *slot, int code, const char *text)
{
    with_pool *pool = slot->pool;
    double pause = (double)pool->backoff;

    if (pool->failures == 0 || slot->since >= pool->failed_at) pool->failures++;
    for (unsigned i = 1; i < pool->failures && pause < (double)pool->backoff_limit; i++) pause *= 2;
    if (pause > (double)pool->backoff_limit) pause = (double)pool->backoff_limit;
    pause *= 0.75 + 0.5 * random_locked(pool);
    pool->open_failures++;
    pool->failed_at = with__pool_clock();
    pool->retry_at =
        pause < (double)WITH__NEVER ? with__after(pool->failed_at, (int64_t)pause) : WITH__NEVER;
    pool->failure_code = code;
    snprintf(pool->failure, sizeof pool->failure, "%s", text);
}

/* ---- Closing ------------------------------------------------------------------------------- */

void with__slot_empty_locked(struct with__slot *slot)
{
    with_pool *pool = slot->pool;
    unsigned i = 0;

    atomic_store_explicit(&slot->thread, NULL, memory_order_relaxed);
    slot->older = pool->spare;
    pool->spare = slot;
    if (slot->state == WITH__INHERITED) {
        with__slot_set_locked(slot, WITH__INHERITED, WITH__EMPTY);
        return;
    }
    with__slot_set_locked(slot, slot->state, WITH__EMPTY);
    while (pool->slots[i] != slot) i++;
    pool->slots[i] = pool->slots[--pool->occupied];
    if (pool->closed) pthread_cond_broadcast(&pool->emptied);
    else if (pool->count[WITH__IDLE] < pool->minimum_idle) with__work_locked(pool);
}

void with__slot_closing_locked(struct with__slot *slot, enum with__slot_state from,
                               struct with__pool_thread *thread)
{
    with__slot_set_locked(slot, from, WITH__CLOSING);
    atomic_store_explicit(&slot->thread, thread, memory_order_relaxed);
}

int with__why_close_locked(const struct with__slot *slot, int64_t now)
{
    if (slot->flags & WITH__BROKEN) return WITH_POOL_CLOSED_BROKEN;
    if (slot->pool->closed) return WITH_POOL_CLOSED_POOL;
    if (slot->flags & WITH__DRAIN) return WITH_POOL_CLOSED_DRAINED;
    return now >= slot->expires ? WITH_POOL_CLOSED_LIFETIME : -1;
}

bool with__slot_abandon(struct with__slot *slot)
{
    with_pool *pool = slot->pool;
    bool over;

    if (slot->state != WITH__INHERITED) return false;
    with__maker_abandon(pool, slot->item.value);
    pthread_mutex_lock(&pool->lock);
    with__slot_empty_locked(slot);
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (over) with__pool_destroy(pool);
    return true;
}

void with__slot_close(struct with__slot *slot, enum with_pool_reason reason)
{
    with_pool *pool = slot->pool;
    bool over;

    with__maker_close(pool, slot->item.value);
    pthread_mutex_lock(&pool->lock);
    if (slot->state == WITH__CLOSING) pool->closed_by[reason]++;
    with__slot_empty_locked(slot);
    with__dispatch_locked(pool);
    over = with__pool_is_over_locked(pool);
    pthread_mutex_unlock(&pool->lock);
    if (over) with__pool_destroy(pool);
}
