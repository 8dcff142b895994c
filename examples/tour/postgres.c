/* SPDX-License-Identifier: MIT
 *
 * The tour's words in PostgreSQL: see databases.h.
 */
#include "databases.h"

#include <string.h>
#include <with/postgres.h>
#include <with/postgres_pool.h>

/* Identifiers are letters, digits and _, so that nothing in the lines of the COPY is to be escaped. */
static void copy(PGconn *conn, struct words *words)
{
    size_t number;
    struct word *const *sorted = words_sorted(words, &number);

    with (cm_postgres_copy_in(conn, "COPY tour_identifiers FROM STDIN"))
        for (size_t i = 0; i < number; i++) {
            char count[32];
            const int length = snprintf(count, sizeof count, "\t%lu\n", sorted[i]->count);
            with_postgres_put(conn, sorted[i]->text, strlen(sorted[i]->text));
            with_postgres_put(conn, count, (size_t)length);
        }
}

static void insert(PGconn *conn, struct words *words)
{
    with (cm_postgres_transaction(conn)) {
        with_postgres_execute(conn, "DROP TABLE IF EXISTS tour_identifiers");
        with_postgres_execute(conn, "CREATE TABLE tour_identifiers (text text, count bigint)");
        copy(conn, words);
    }
}

static void report(PGconn *conn)
{
    with (cm_postgres_result(conn, "SELECT count(*), sum(count) FROM tour_identifiers"), row)
        printf("  kept      %s in PostgreSQL %d, in one transaction; counted %s times\n",
               PQgetvalue(row, 0, 0), PQserverVersion(conn) / 10000, PQgetvalue(row, 0, 1));
}

void keep_in_postgres(struct words *words, const char *conninfo)
{
    struct with_postgres_options options = {.size = sizeof options, .conninfo = conninfo};

    with (cm_pool(&with_postgres_maker, &options, .maximum_size = 4), pool) {
        with (cm_acquire_postgres(pool), conn) insert(conn, words);
        with (cm_acquire_postgres(pool), conn) report(conn);
    }
}
