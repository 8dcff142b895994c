/* SPDX-License-Identifier: MIT
 *
 * with/postgres_pool.h: connections to PostgreSQL in a pool. Here two families meet: with/pool.h and
 * with/postgres.h. In libwith-postgres. All of it is since 0.1.
 * Reference: docs/reference/postgres.md, with_postgres_pool(3).
 */
#ifndef WITH_POSTGRES_POOL_H
#define WITH_POSTGRES_POOL_H

#include <with/pool.h>
#include <with/postgres.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The maker ------------------------------------------------------------------------------- */

/*
 * The functions by which a pool makes connections. Its argument is a struct with_postgres_options *,
 * borrowed as long as the pool opens any, such as
 *
 *     struct with_postgres_options options = {.size = sizeof options, .conninfo = "dbname=shop"};
 *     with (cm_pool(&with_postgres_maker, &options, .maximum_size = 8), pool) ...
 *
 * open does what cm_postgres() does, and may be cancelled. check asks the server, and waits at most 5
 * seconds. reset rolls back what is open, and discards the session's state (DISCARD ALL) if a statement
 * may have changed it: by their command tags, all but those of queries, changes of rows and
 * transactions. What a function called by SELECT does, such as set_config() or pg_advisory_lock(), the
 * tag does not tell: with .discard_always it is discarded after each use, by a round trip. A connection
 * that is broken, or in the middle of a statement, fails its reset, and the pool closes it.
 * Cancel no thread in a call of libpq's own that waits (PQexec()) on a connection of a pool: what that has
 * sent may look as if it was not (glibc bug 12683), and be sent again by the next holder. What waits in
 * with/postgres.h may be cancelled.
 */
extern WITH_API const struct with_pool_maker with_postgres_maker;

#ifdef __cplusplus
}
#else

/* ---- Managers -------------------------------------------------------------------------------- */

/*
 * with (cm_acquire_postgres(pool), conn): PGconn *, as cm_acquire(pool); and
 * cm_acquire_postgres_within(POOL, SECONDS) as cm_acquire_within().
 */
WITH_POOL_ACQUIRE(cm_acquire_postgres, PGconn *);

#endif

#endif /* WITH_POSTGRES_POOL_H */
