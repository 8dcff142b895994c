/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project that uses the optional library with-redis. No server is needed: it is
 * refused.
 */
#include <with/redis_pool.h>

#include <stdio.h>

int main(void)
{
    const char *volatile said = "nothing";

    try {
        with (cm_redis(NULL, .socket = "/nowhere/redis.sock"), conn)
            with (cm_redis_multi(conn)) with_redis_execute(conn, "SET", "key", 1);
    } catch (ConnectionFailure, e) {
        said = with_redis_maker.name; /* and it is an exception of the core's */
        printf("libwith-redis: works (%s)\n", e->message);
    }
    return said == with_redis_maker.name ? 0 : 1;
}
