/* SPDX-License-Identifier: MIT
 *
 * Locks: threads that share an account, a wait that gives up, a thread that dies in the middle of a
 * change, and a file that keeps a second copy of the program out.
 */
#include <with.h>
#include <with/lock.h>

#include <pthread.h>
#include <stdlib.h>

enum { CLERKS = 4, TRANSFERS = 1000 };

static struct account {
    pthread_mutex_t lock; /* robust */
    long here, there;     /* guarded by lock; together always 0 */
} account;

static void make_robust(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void transfer(long amount)
{
    with (cm_lock(&account.lock)) {
        if (amount == 0) throw(ValueError, "nothing to transfer"); /* unlocked on the way */
        account.here -= amount;
        account.there += amount;
    }
}

static void *clerk(void *unused)
{
    for (int i = 0; i < TRANSFERS; i++) {
        try {
            transfer(i % 10);
        } catch (ValueError) {
            /* every tenth time */
        }
    }
    return unused;
}

/* Half of a transfer, and nobody unlocks. */
static void *die(void *unused)
{
    pthread_mutex_lock(&account.lock);
    account.here -= 1000000;
    return unused;
}

static void repair(void)
{
    account.here = -account.there;
}

static void transfer_safely(long amount)
{
    try {
        transfer(amount);
    } catch (OwnerDiedError) {
        with (cm_lock_recover(&account.lock)) repair();
        transfer(amount);
    }
}

static void run_once(const char *path)
{
    with (cm_flock(path, .nonblocking = true)) {
        try {
            with (cm_flock_within(path, 0.01)) puts("never");
        } catch (TimeoutError) {
            puts("another one is running");
        }
    }
}

static void give_up(void)
{
    sem_t printer;

    sem_init(&printer, 0, 1);
    with (cm_lock(&printer)) {
        try {
            with (cm_lock_within(&printer, 0.01)) puts("never");
        } catch (TimeoutError) {
            puts("the printer is busy");
        }
    }
    sem_destroy(&printer);
}

int main(void)
{
    pthread_t threads[CLERKS], thread;
    char path[] = "/tmp/lock_example_XXXXXX";

    make_robust(&account.lock);
    for (int i = 0; i < CLERKS; i++) pthread_create(&threads[i], NULL, clerk, NULL);
    for (int i = 0; i < CLERKS; i++) pthread_join(threads[i], NULL);
    printf("transferred %ld, lost %ld\n", account.there, account.here + account.there);

    pthread_create(&thread, NULL, die, NULL);
    pthread_join(thread, NULL);
    transfer_safely(5);
    printf("transferred %ld, lost %ld\n", account.there, account.here + account.there);

    give_up();
    close(mkstemp(path));
    run_once(path);
    unlink(path);
    return 0;
}
