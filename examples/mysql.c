/* SPDX-License-Identifier: MIT
 *
 * MariaDB: money is moved between accounts, whole or not at all. Values are bound, never pasted. Where
 * the server is, its argument says, the path of a socket: mysql /run/mysqld/mysqld.sock. It leaves nothing
 * behind there: its table is a temporary one.
 */
#include <with.h>
#include <with/mysql.h>

#include <stdio.h>
#include <stdlib.h>

static void set_up(MYSQL *conn)
{
    with_mysql_execute(conn, "CREATE TEMPORARY TABLE account (name varchar(20) PRIMARY KEY, "
                             "amount int NOT NULL) ENGINE = InnoDB");
    with (cm_mysql_transaction(conn))
        with (cm_mysql_statement(conn, "INSERT INTO account VALUES (?, ?)"), insert) {
            with_mysql_run(insert, "Ada", 100);
            with_mysql_run(insert, "Grace", 50);
        }
}

static int amount_of(MYSQL *conn, const char *name)
{
    using (cm_mysql_result(conn, "SELECT amount FROM account WHERE name = ?", name), result);
    if (!with_mysql_next(result)) throw(KeyError, "%s has no account", name);
    return atoi(result->row[0]);
}

/* Whole or not at all, whatever is thrown in the middle. */
static void move(MYSQL *conn, const char *from, const char *to, int amount)
{
    with (cm_mysql_transaction(conn)) {
        with_mysql_execute(conn, "UPDATE account SET amount = amount - ? WHERE name = ?", amount,
                           from);
        if (amount_of(conn, from) < 0) throw(ValueError, "%s has not got %d", from, amount);
        with_mysql_execute(conn, "UPDATE account SET amount = amount + ? WHERE name = ?", amount,
                           to);
        amount_of(conn, to);
    } /* committed here */
}

static void try_to_move(MYSQL *conn, const char *from, const char *to, int amount)
{
    try {
        move(conn, from, to, amount);
        printf("%s pays %d to %s\n", from, amount, to);
    } catch (ValueError, e) {
        printf("not moved: %s\n", e->message);
    } catch (KeyError, e) {
        printf("not moved: %s\n", e->message);
    }
}

/* An error of the server is an exception of its kind, with its number and its text. */
static void open_twice(MYSQL *conn)
{
    try {
        with_mysql_execute(conn, "INSERT INTO account VALUES (?, ?)", "Ada", 0);
    } catch (UniqueViolation, e) {
        printf("%s %d: %s\n", e->type->name, e->code, e->message);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s SOCKET\n", argv[0]);
        return 2;
    }
    with (cm_mysql(NULL, .socket = argv[1], .user = "root", .database = "mysql"), conn) {
        set_up(conn);
        try_to_move(conn, "Ada", "Grace", 70);
        try_to_move(conn, "Ada", "Grace", 70);
        try_to_move(conn, "Ada", "Nobody", 5);
        open_twice(conn);
        with (cm_mysql_stream(conn, "SELECT name, amount FROM account ORDER BY name"), rows)
            while (with_mysql_next(rows)) printf("%s has %s\n", rows->row[0], rows->row[1]);
    }
    return 0;
}
