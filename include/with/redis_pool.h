/* SPDX-License-Identifier: MIT
 *
 * with/redis_pool.h: connections to Redis in a pool. Here two families meet: with/pool.h and
 * with/redis.h. In the library with-redis. All of it is since 0.1. Reference: docs/reference/redis.md.
 */
#ifndef WITH_REDIS_POOL_H
#define WITH_REDIS_POOL_H

#include <with/pool.h>
#include <with/redis.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The maker ------------------------------------------------------------------------------- */

/*
 * The functions by which a pool makes connections. Its argument is a struct with_redis_options *,
 * borrowed as long as the pool opens and resets any, such as
 *
 *     struct with_redis_options options = {.size = sizeof options, .host = "cache"};
 *     with (cm_pool(&with_redis_maker, &options, .maximum_size = 8), pool) ...
 *
 * open does what cm_redis() does, and may be cancelled where that may. check is PING, and waits at most 5
 * seconds. reset is RESET, then user and database again; with a Redis before 6.2, which has no RESET, it
 * is DISCARD, UNWATCH and SELECT. A connection that is broken, or has replies that nobody has read,
 * fails its reset, and the pool closes it.
 */
extern WITH_API const struct with_pool_maker with_redis_maker;

#ifdef __cplusplus
}
#else

/* ---- Managers -------------------------------------------------------------------------------- */

/*
 * with (cm_acquire_redis(pool), conn): redisContext *, as cm_acquire(pool); and
 * cm_acquire_redis_within(POOL, SECONDS) as cm_acquire_within().
 */
WITH_POOL_ACQUIRE(cm_acquire_redis, redisContext *);

#endif

#endif /* WITH_REDIS_POOL_H */
