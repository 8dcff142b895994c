/* SPDX-License-Identifier: MIT
 *
 * Giving back. The quick way is one lock and the idle list; everything else is an item that is not to be
 * kept, somebody who waits for it, or an owner to be told.
 */
#include "internal.h"

/* ---- Giving back --------------------------------------------------------------------------- */

static inline bool give_quickly(with_pool *pool, struct with__slot *slot)
{
    const int64_t now = with__pool_now();
    bool given = false;

    pthread_mutex_lock(&pool->lock);
    if (__builtin_expect(slot->state == WITH__HELD && slot->flags == 0 && now < slot->expires &&
                             pool->running && !pool->first,
                         1)) {
        with__idle_add_locked(slot, WITH__HELD, now);
        given = true;
    }
    pthread_mutex_unlock(&pool->lock);
    return given;
}

static void report_return(struct with__slot *slot, struct with_pool_report report, const char *how)
{
    with__report(
        slot->pool, report,
        "the item held by thread %d for %.3g seconds %s; acquired in %s, line %d, in %s: %s",
        report.thread, report.held_seconds, how, report.site->file, report.site->line,
        report.site->function, report.site->text);
}

static struct with_pool_report describe(const struct with__slot *slot, enum with_pool_event event)
{
    return (struct with_pool_report){
        .event = event,
        .site = slot->site,
        .held_seconds = (double)(with__pool_now() - slot->since) / 1e9,
        .thread = slot->number,
    };
}

/* reason: why the item must be closed, or -1. */
static void give_slowly(struct with__slot *slot, int reason)
{
    with_pool *pool = slot->pool;
    const int64_t now = with__pool_now();
    struct with_pool_report report;
    bool late;

    /* Before the item is somebody else's. */
    late = slot->flags & WITH__LEAK_REPORTED;
    report = describe(slot, WITH_POOL_LEAK_RETURNED);
    if (late) report_return(slot, report, "has come back");

    pthread_mutex_lock(&pool->lock);
    if (reason < 0) reason = with__why_close_locked(slot, now);
    if (late) pool->leaks_returned++;
    if (reason < 0) {
        slot->flags = 0;
        with__idle_add_locked(slot, WITH__HELD, now);
        with__dispatch_locked(pool);
    } else with__slot_set_locked(slot, WITH__HELD, WITH__CLOSING);
    pthread_mutex_unlock(&pool->lock);
    if (reason >= 0) with__slot_close(slot, (enum with_pool_reason)reason);
}

void with__release(struct with__slot *slot)
{
    struct with__pool_thread *thread = with__pool_thread();
    with_pool *pool = slot->pool;
    const bool own = slot->thread == thread;
    int error;

    if (own) thread->held--;
    if (__builtin_expect(!pool->has_reset && give_quickly(pool, slot), 1)) return;
    error = errno;
    if (!with__slot_abandon(slot)) {
        const bool good = !pool->has_reset || slot->flags & WITH__BROKEN ||
                          with__maker_reset(pool, slot->item.value) == 0;
        if (!with__slot_abandon(slot) && !(good && pool->has_reset && give_quickly(pool, slot)))
            give_slowly(slot, good ? -1 : WITH_POOL_CLOSED_RESET);
    }
    errno = error;
}

void with__release_of_thread(struct with__slot *slot)
{
    report_return(slot, describe(slot, WITH_POOL_THREAD_ENDED), "is returned, for the thread ends");
    with__release(slot);
}

int with_pool_release(with_pool_item *item)
{
    struct with__slot *slot = (struct with__slot *)(void *)item;

    if (!item) return -EINVAL;
    if (slot->thread != with__pool_thread()) return slot->thread ? -EPERM : -EINVAL;
    with__release(slot);
    return 0;
}

/* ---- What a held item can be told ---------------------------------------------------------- */

int with_pool_discard(with_pool *pool, const void *value)
{
    int code = -ENOENT;

    if (!pool) return -EINVAL;
    pthread_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < pool->occupied; i++) {
        struct with__slot *slot = pool->slots[i];
        if (slot->state != WITH__HELD || slot->item.value != value) continue;
        slot->flags |= WITH__BROKEN;
        code = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    return code;
}

int with_pool_adopt(with_pool_item *item)
{
    struct with__slot *slot = (struct with__slot *)(void *)item;
    struct with__pool_thread *thread = with__pool_thread();
    int code = -EINVAL;

    if (!item) return -EINVAL;
    pthread_mutex_lock(&slot->pool->lock);
    if (slot->state == WITH__HELD && slot->thread != thread) {
        slot->thread = thread;
        slot->number = thread->number;
        thread->held++;
        code = 0;
    } else if (slot->state == WITH__HELD) code = 0;
    pthread_mutex_unlock(&slot->pool->lock);
    return code;
}
