/* SPDX-License-Identifier: MIT
 *
 * Who holds what, and what the pool has done: as data, and as text for people and for Prometheus.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Holders ------------------------------------------------------------------------------- */

/* Puts a holder among the others, those longest held first, if it is one of the first `room`. */
static void insert(struct with__holder *holders, size_t count, size_t room,
                   struct with__holder holder)
{
    size_t at = count < room ? count : room;

    while (at > 0 && holders[at - 1].held_ns < holder.held_ns) {
        if (at < room) holders[at] = holders[at - 1];
        at--;
    }
    if (at < room) holders[at] = holder;
}

static size_t holders_locked(const with_pool *pool, struct with__holder *ret_holders, size_t room)
{
    const int64_t now = with__pool_now();
    size_t count = 0;

    for (unsigned i = 0; i < pool->occupied; i++) {
        const struct with__slot *slot = pool->slots[i];
        if (slot->state != WITH__HELD) continue;
        insert(ret_holders, count++, room,
               (struct with__holder){slot->site, now - slot->since, slot->number, slot->nested});
    }
    return count;
}

size_t with__holders(with_pool *pool, struct with__holder *ret_holders, size_t room)
{
    size_t count;

    pthread_mutex_lock(&pool->lock);
    count = holders_locked(pool, ret_holders, room);
    pthread_mutex_unlock(&pool->lock);
    return count;
}

static void print_holders(FILE *stream, const struct with__holder *holders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const with_site *site = holders[i].site;
        fprintf(stream, "  held for %.3f s by thread %d: %s, line %d, in %s\n    %s\n",
                (double)holders[i].held_ns / 1e9, holders[i].thread, site->file, site->line,
                site->function, site->text);
    }
}

/* Without memory only the longest held are listed. */
static size_t dump(FILE *stream, with_pool *pool)
{
    struct with__holder few[16], *holders = few;
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;
    size_t room = sizeof few / sizeof *few, count;

    if (pool->maximum_size > room) {
        holders = calloc(pool->maximum_size, sizeof *holders);
        if (holders) room = pool->maximum_size;
        else holders = few;
    }
    count = with__holders(pool, holders, room);
    with_pool_measure(pool, &s);
    fprintf(stream, "the pool %s: %zu held, %u idle, %u in calls, of at most %u; %u waiting\n",
            pool->name, count, s.idle, s.opening + s.checking + s.closing, s.maximum_size,
            s.waiting);
    print_holders(stream, holders, count < room ? count : room);
    if (count > room) fprintf(stream, "  and %zu more\n", count - room);
    if (holders != few) free(holders);
    return count;
}

size_t with_pool_dump(FILE *stream, with_pool *pool)
{
    size_t count;
    int old;

    if (!pool) return 0;
    if (!stream) return with__holders(pool, NULL, 0);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    count = dump(stream, pool);
    pthread_setcancelstate(old, &old);
    return count;
}

/* ---- Statistics ---------------------------------------------------------------------------- */

void with_pool_measure(with_pool *pool, struct with_pool_statistics *ret_statistics)
{
    struct with_pool_statistics s = WITH_POOL_STATISTICS_INIT;
    const size_t size = ret_statistics ? ret_statistics->size : 0;

    if (!pool || size == 0) return;
    pthread_mutex_lock(&pool->lock);
    s.maximum_size = pool->maximum_size;
    s.opening = pool->count[WITH__OPENING];
    s.idle = pool->count[WITH__IDLE];
    s.held = pool->count[WITH__HELD];
    s.checking = pool->count[WITH__CHECKING];
    s.closing = pool->count[WITH__CLOSING];
    s.waiting = pool->waiting;
    s.acquired = pool->acquired;
    s.opened = pool->opened;
    s.open_failures = pool->open_failures;
    memcpy(s.closed, pool->closed_by, sizeof s.closed);
    s.timeouts = pool->timeouts;
    s.deadlocks = pool->deadlocks;
    s.leaks_suspected = pool->leaks_suspected;
    s.leaks_returned = pool->leaks_returned;
    s.suspended = pool->suspended;
    s.ended = pool->closed;
    s.waits = pool->waits;
    s.wait_seconds = (double)pool->wait_ns / 1e9;
    memcpy(s.wait_bucket, pool->wait_bucket, sizeof s.wait_bucket);
    pthread_mutex_unlock(&pool->lock);
    s.size = size < sizeof s ? size : sizeof s;
    memcpy(ret_statistics, &s, s.size);
}
