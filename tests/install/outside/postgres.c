/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project that uses the optional library with-postgres. There is no server.
 */
#include <with/postgres.h>

#include <stdio.h>

int main(void)
{
    volatile bool refused = false;

    try {
        with (cm_postgres("host=/nowhere connect_timeout=1"), conn)
            with_postgres_execute(conn, "SELECT $1", 1);
    } catch (ConnectionFailure) {
        refused = true;
    }
    printf("libwith-postgres: %s\n", refused ? "works" : "does not work");
    return !refused;
}
