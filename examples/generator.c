/* SPDX-License-Identifier: MIT
 *
 * Managers that are one function each: it sets up, yields to the block, and tears down.
 */
#include <with.h>
#include <with/file.h>
#include <with/generator.h>

/* What it holds with `using` is released however it goes on after the yield: Python's finally. */
WITH_PLAIN_GENERATOR(report, FILE *, (const char *, path), (const char *, title))
{
    using (cm_open(path, "w"), file);
    fprintf(file, "== %s ==\n", title);
    yield(file);
    fprintf(file, "== end of %s ==\n", title); /* not after an exception, which passes here */
}

/* Catches what is thrown in the block, and so suppresses it. */
WITH_GENERATOR(attempt, void, (const char *, what))
{
    try {
        yield();
        printf("%s: done\n", what);
    } catch (OSError, e) {
        printf("%s: %s\n", what, e->message);
    }
}

/* Keeps what the block did only if the block ran to its end, and says so. */
WITH_PLAIN_GENERATOR(transaction, int *, (int *, balance))
{
    const int before = *balance;

    try {
        if (yield(balance)) {
            printf("committed: %d\n", *balance);
            return;
        }
    } catch (BaseException) { /* any; it goes on its way */
        *balance = before;
        puts("rolled back because of an exception");
        with_rethrow();
    }
    *balance = before;
    puts("rolled back because of a return");
}

static bool withdraw(int *balance, int amount)
{
    with (cm_transaction(balance), b) {
        *b -= amount;
        if (amount < 0) throw(ValueError, "cannot withdraw %d", amount);
        if (*b < 0) return false;
    }
    return true;
}

static void print_file(const char *path)
{
    char line[80];

    using (cm_open(path, "r"), file);
    while (fgets(line, sizeof line, file)) fputs(line, stdout);
}

int main(void)
{
    const char *path = "generator-example.txt";
    int balance = 100;

    with (cm_report(path, "a report"), file) fputs("all is well\n", file);
    print_file(path);
    remove(path);

    with (cm_attempt("read a file that is gone")) print_file(path);
    with (cm_attempt("nothing")) {}

    withdraw(&balance, 30);
    withdraw(&balance, 300);
    try {
        withdraw(&balance, -1);
    } catch (ValueError, e) {
        puts(e->message);
    }
    printf("balance: %d\n", balance);
    return 0;
}
