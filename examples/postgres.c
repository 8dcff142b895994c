/* SPDX-License-Identifier: MIT
 *
 * PostgreSQL: connections from a pool, transactions that are committed whole or not at all, values that
 * are bound and never pasted, rows in constant memory. Where the server is, its argument says:
 *
 *     postgres "host=localhost dbname=shop"
 *
 * It leaves nothing behind there: what it makes is in a schema of its own that it removes.
 */
#include <with.h>
#include <with/postgres_pool.h>

#include <stdio.h>
#include <string.h>

static void make_tables(PGconn *conn)
{
    with_postgres_execute(conn, "DROP SCHEMA IF EXISTS with_example CASCADE");
    with_postgres_execute(conn, "CREATE SCHEMA with_example");
    with_postgres_execute(conn, "CREATE TABLE with_example.account (name text PRIMARY KEY, "
                                "balance integer CONSTRAINT covered CHECK (balance >= 0))");
}

/* COPY stores all rows at the end of the block, or none. */
static void open_accounts(PGconn *conn)
{
    static const char *const names[] = {"Ann", "Bob", "Cid"};
    char row[64];

    with (cm_postgres_copy_in(conn, "COPY with_example.account FROM STDIN"))
        for (int i = 0; i < 3; i++)
            with_postgres_put(conn, row, (size_t)snprintf(row, sizeof row, "%s\t100\n", names[i]));
}

struct transfer {
    const char *from, *to;
    int amount;
};

/* Run in a transaction, and again if that loses against others: it has no effect but in the database. */
static void transfer(PGconn *conn, void *argument)
{
    const struct transfer *what = argument;

    with_postgres_execute(conn,
                          "UPDATE with_example.account SET balance = balance + $1 WHERE name = $2",
                          what->amount, what->to);
    with_postgres_execute(conn,
                          "UPDATE with_example.account SET balance = balance - $1 WHERE name = $2",
                          what->amount, what->from);
}

/* A return completes nothing: what succeeded is committed by a call. */
static int rename_account(PGconn *conn, const char *from, const char *to)
{
    using (cm_postgres_transaction(conn));

    if (with_postgres_execute(conn, "UPDATE with_example.account SET name = $1 WHERE name = $2", to,
                              from) == 0)
        return -1; /* rolled back */
    with_postgres_commit(conn);
    return 0;
}

/* Of any number, with a few in memory at a time. */
static void print_accounts(PGconn *conn)
{
    with (cm_postgres_transaction(conn, .read_only = true))
        with (cm_postgres_cursor(conn,
                                 "SELECT name, balance FROM with_example.account ORDER BY name"),
              cursor)
            while (with_postgres_next(cursor))
                printf("%-10s %s\n", PQgetvalue(cursor->result, cursor->row, 0),
                       PQgetvalue(cursor->result, cursor->row, 1));
}

static void move_money(with_pool *pool)
{
    struct transfer good = {"Ann", "Bob", 30}, bad = {"Ann", "Bob", 300};

    with (cm_acquire_postgres(pool), conn) {
        make_tables(conn);
        open_accounts(conn);
        with_postgres_retry(conn, transfer, &good, .isolation = WITH_POSTGRES_SERIALIZABLE);
        try {
            with_postgres_retry(conn, transfer, &bad);
        } catch (CheckViolation, e) {
            printf("%s\n", e->message);
        }
        if (rename_account(conn, "Cid", "Cid'; DROP TABLE account; --") == 0) puts("renamed");
        print_accounts(conn);
        with_postgres_execute(conn, "DROP SCHEMA with_example CASCADE");
    }
}

int main(int argc, char **argv)
{
    struct with_postgres_options options = WITH_POSTGRES_OPTIONS_INIT;

    if (argc != 2) {
        puts("skipped: no conninfo is given, such as \"host=localhost dbname=shop\"");
        return 0;
    }
    options.conninfo = argv[1];
    options.connect_timeout_seconds = 10;
    options.statement_timeout_seconds = 10;
    with (cm_pool(&with_postgres_maker, &options, .maximum_size = 4), pool) move_money(pool);
    return 0;
}
