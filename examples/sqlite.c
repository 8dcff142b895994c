/* SPDX-License-Identifier: MIT
 *
 * SQLite: a connection that is closed, transactions that are committed whole or not at all, values that
 * are bound and never pasted, and errors that cannot be overlooked.
 */
#include <with.h>
#include <with/sqlite.h>

static void make_accounts(sqlite3 *db)
{
    with_sqlite_execute(db, "CREATE TABLE account (name TEXT PRIMARY KEY, "
                            "balance INTEGER CHECK (balance >= 0))");
    with_sqlite_execute(db, "INSERT INTO account VALUES (?, ?), (?, ?)", "Ann", 100, "Bob", 0);
}

/* To reach the end of the block is to commit; every other way out rolls back. */
static void transfer(sqlite3 *db, const char *from, const char *to, int amount)
{
    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE)) {
        with_sqlite_execute(db, "UPDATE account SET balance = balance + ? WHERE name = ?", amount,
                            to);
        if (sqlite3_changes(db) != 1) throw(KeyError, "no account of %s", to);
        with_sqlite_execute(db, "UPDATE account SET balance = balance - ? WHERE name = ?", amount,
                            from);
    }
}

/* A return completes nothing: what succeeded is committed by a call. */
static int rename_account(sqlite3 *db, const char *from, const char *to)
{
    using (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE));

    with_sqlite_execute(db, "UPDATE account SET name = ? WHERE name = ?", to, from);
    if (sqlite3_changes(db) == 0) return -1; /* rolled back */
    with_sqlite_commit(db);
    return 0;
}

/* Inside of another transaction a block is a savepoint: what fails is undone alone. */
static int transfer_to_all(sqlite3 *db, const char *const *names, int amount)
{
    volatile int count = 0; /* changed in a try block and read after it */

    with (cm_sqlite_transaction(db, WITH_SQLITE_IMMEDIATE))
        for (int i = 0; names[i]; i++) {
            try {
                transfer(db, "Ann", names[i], amount);
                count++;
            } catch (KeyError, e) {
                printf("  skipped: %s\n", e->message);
            }
        }
    return count;
}

static void print_balances(sqlite3 *db)
{
    const char *between = "  ";

    with (cm_sqlite_statement(db, "SELECT name, balance FROM account ORDER BY name"), row)
        while (with_sqlite_step(row)) {
            printf("%s%s %d", between, sqlite3_column_text(row, 0), sqlite3_column_int(row, 1));
            between = ", ";
        }
    putchar('\n');
}

static void try_transfer(sqlite3 *db, int amount)
{
    printf("%d from Ann to Bob\n", amount);
    try {
        transfer(db, "Ann", "Bob", amount);
    } catch (CheckViolation, e) {
        printf("  %s: %s\n  %s\n", e->type->name, e->message, e->notes->text);
    }
    print_balances(db);
}

int main(void)
{
    static const char *const names[] = {"Bob", "Cid", "Robert'); DROP TABLE account; --", NULL};

    with (cm_sqlite(":memory:"), db) {
        make_accounts(db);
        try_transfer(db, 30);
        try_transfer(db, 80);
        printf("5 to each\n");
        printf("  %d transfers\n", transfer_to_all(db, names, 5));
        print_balances(db);
        printf("Bob becomes Rob: %d\n", rename_account(db, "Bob", "Rob"));
        printf("Cid becomes Sid: %d\n", rename_account(db, "Cid", "Sid"));
        print_balances(db);
    }

    try {
        with (cm_sqlite("/missing/accounts.db"), db) make_accounts(db);
    } catch (OperationalError, e) {
        printf("%s\n  %s\n", e->message, e->notes->text);
    }
    return 0;
}
