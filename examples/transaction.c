/* SPDX-License-Identifier: MIT
 *
 * What takes effect at the end of a block takes effect only if the block ran to its end. A
 * transaction over two accounts: after a return or a throw both are as they were.
 */
#include <with.h>

struct accounts {
    int ann, bob;
};

struct cm_transaction {
    WITH_MANAGER;
    struct accounts *as, before;
    bool committed;
};

static void transaction_enter(struct cm_transaction *self)
{
    self->before = *self->as;
}

static bool transaction_exit(struct cm_transaction *self, const with_exception *exception)
{
    const bool good = with_completed(self) || self->committed;

    (void)exception;
    if (!good) *self->as = self->before;
    puts(good ? "  committed" : "  rolled back");
    return false;
}

WITH_CLASS(cm_transaction, transaction_enter, transaction_exit);

static struct cm_transaction cm_transaction(struct accounts *accounts)
{
    return WITH_NEW(cm_transaction, .as = accounts);
}

/* Three ways to tell of an error. All roll back. */
static bool transfer(struct accounts *accounts, int amount)
{
    with (cm_transaction(accounts), a) {
        a->ann -= amount;
        if (amount < 0) throw(ValueError, "a transfer of %d", amount);
        if (a->ann < 0) return false;
        if (amount == 0) goto nothing;
        a->bob += amount;
    }
    return true; /* out of the block: a return inside it would have rolled back */

nothing:
    puts("  nothing to do");
    return true;
}

static void show(struct accounts *accounts, int amount)
{
    printf("%d from Ann to Bob\n", amount);
    try {
        if (!transfer(accounts, amount)) puts("  Ann has not enough");
    } catch (ValueError, e) {
        printf("  %s\n", e->message);
    }
    printf("  Ann %d, Bob %d\n", accounts->ann, accounts->bob);
}

int main(void)
{
    struct accounts accounts = {.ann = 100, .bob = 0};

    show(&accounts, 30);
    show(&accounts, 80);
    show(&accounts, 0);
    show(&accounts, -5);
    return 0;
}
