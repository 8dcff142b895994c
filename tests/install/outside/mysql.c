/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project that uses the optional library with-mysql. No server is needed: it is
 * refused.
 */
#include <with/mysql_pool.h>

#include <stdio.h>

int main(void)
{
    const char *volatile said = "nothing";

    try {
        with (cm_mysql(NULL, .socket = "/nowhere/mysql.sock", .user = "nobody"), conn)
            with (cm_mysql_transaction(conn)) with_mysql_execute(conn, "SELECT ?", 1);
    } catch (ConnectionFailure, e) {
        said = with_mysql_maker.name; /* and it is an exception of the core's */
        printf("libwith-mysql: works (%s)\n", e->message);
    }
    return said == with_mysql_maker.name ? 0 : 1;
}
