/* SPDX-License-Identifier: MIT
 *
 * with/net_pool.h: where with/net.h and with/pool.h meet: pools of connections over TCP and Unix sockets.
 * Since 0.1. Reference: docs/reference/net_pool.md, with_net_pool(3).
 */
#ifndef WITH_NET_POOL_H
#define WITH_NET_POOL_H

#include <with/net.h>
#include <with/pool.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The makers of connections. The argument of the pool is a struct with_connect_options *, or a struct
 * with_connect_unix_options *, its size set, which is borrowed until the last connection is closed; the
 * timeout is that of one attempt, linger_seconds and discard_input have no meaning here. An item is a
 * descriptor: (int)(intptr_t)item->value; cm_acquire_socket() has it as an int.
 *
 * Opening throws as cm_connect() and cm_connect_unix() do, and may be cancelled. A connection is good
 * when it is checked, and kept when it comes back, if it is open, without an error, and without input
 * that nobody has read: what the last holder left unread would be taken for an answer to the next one.
 * Closing is immediate. The child of a fork() closes its copy alone.
 */
extern WITH_API const struct with_pool_maker with_connect_maker;
extern WITH_API const struct with_pool_maker with_connect_unix_maker;

#ifdef __cplusplus
}
#else

/*
 * cm_acquire_socket(POOL), cm_acquire_socket_within(POOL, SECONDS): as cm_acquire() and
 * cm_acquire_within() of a pool of descriptors, `as` an int. Do not close it: with_pool_discard(pool,
 * (void *)(intptr_t)fd) has the pool do that.
 */
WITH_POOL_ACQUIRE(cm_acquire_socket, int);

#endif /* !__cplusplus */

#endif /* WITH_NET_POOL_H */
