/* SPDX-License-Identifier: MIT
 *
 * with/mysql_pool.h: connections to MariaDB in a pool. Here two families meet: with/pool.h and
 * with/mysql.h. In the library with-mysql. All of it is since 0.1. Reference: docs/reference/mysql.md.
 */
#ifndef WITH_MYSQL_POOL_H
#define WITH_MYSQL_POOL_H

#include <with/mysql.h>
#include <with/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The maker ------------------------------------------------------------------------------- */

/*
 * The functions by which a pool makes connections. Its argument is a struct with_mysql_options *,
 * borrowed as long as the pool opens and resets any, such as
 *
 *     struct with_mysql_options options = {.size = sizeof options, .host = "db", .user = "shop"};
 *     with (cm_pool(&with_mysql_maker, &options, .maximum_size = 8), pool) ...
 *
 * open does what cm_mysql() does, and may be cancelled. check asks the server, and waits at most 5
 * seconds. reset rolls back what is open, discards the session's state (mysql_reset_connection()) and
 * sets charset, database and the handler of LOAD DATA LOCAL again; what a holder sets by mysql_options()
 * stays. A connection that is broken, or whose rows somebody has left unread,
 * fails its reset, and the pool closes it.
 */
extern WITH_API const struct with_pool_maker with_mysql_maker;

#ifdef __cplusplus
}
#else

/* ---- Managers -------------------------------------------------------------------------------- */

/*
 * with (cm_acquire_mysql(pool), conn): MYSQL *, as cm_acquire(pool); and
 * cm_acquire_mysql_within(POOL, SECONDS) as cm_acquire_within().
 */
WITH_POOL_ACQUIRE(cm_acquire_mysql, MYSQL *);

#endif

#endif /* WITH_MYSQL_POOL_H */
