/* SPDX-License-Identifier: MIT
 *
 * Pairs of functions whose hot paths must be the same instructions: hand_NAME() holds a lock by hand
 * and checks both calls as cm_lock() does, with_NAME() and using_NAME() leave it to libwith. Compiled
 * and compared by tests/test_instructions.sh; never linked.
 */
#include <with/lock.h>

struct account {
    long balance, limit;
    pthread_mutex_t lock;
};

extern pthread_mutex_t mutex;
extern pthread_rwlock_t rwlock;
extern pthread_spinlock_t spinlock;
extern long balance;

/* Out of line and told where it was, which lock, and why: as with_lock_failed_(), with_unlock_failed_(). */
struct place {
    const char *file, *function;
    int line;
};
void hand_lock_failed(const struct place *place, int kind, const volatile void *lock, int error)
    __attribute__((noreturn, cold));
void hand_unlock_failed(const struct place *place, int kind, const volatile void *lock, int error,
                        const void *unused) __attribute__((cold));

/* One for each function: what is reported of a block is where it begins. */
#define PLACE static const struct place place = {__FILE__, __func__, __LINE__}
#define LOCK_BY(CALL, KIND, LOCK)                                                                  \
    do {                                                                                           \
        const int error = CALL(LOCK);                                                              \
        if (__builtin_expect(error, 0)) hand_lock_failed(&place, KIND, LOCK, error);               \
    } while (0)
#define UNLOCK_BY(CALL, KIND, LOCK)                                                                \
    do {                                                                                           \
        const int error = CALL(LOCK);                                                              \
        if (__builtin_expect(error, 0)) hand_unlock_failed(&place, KIND, LOCK, error, NULL);       \
    } while (0)

/* ---- A mutex ------------------------------------------------------------------------------- */

void hand_mutex(long amount)
{
    PLACE;

    LOCK_BY(pthread_mutex_lock, WITH_LOCK_MUTEX_, &mutex);
    balance += amount;
    UNLOCK_BY(pthread_mutex_unlock, WITH_LOCK_MUTEX_, &mutex);
}

void with_mutex(long amount)
{
    with (cm_lock(&mutex)) {
        balance += amount;
    }
}

void using_mutex(long amount)
{
    using (cm_lock(&mutex));
    balance += amount;
}

/* ---- A mutex within an object, whose value is returned -------------------------------------- */

long hand_member(struct account *account, long amount)
{
    PLACE;
    long now;

    LOCK_BY(pthread_mutex_lock, WITH_LOCK_MUTEX_, &account->lock);
    now = account->balance += amount;
    UNLOCK_BY(pthread_mutex_unlock, WITH_LOCK_MUTEX_, &account->lock);
    return now;
}

long with_member(struct account *account, long amount)
{
    with (cm_lock(&account->lock)) {
        return account->balance += amount;
    }
}

long using_member(struct account *account, long amount)
{
    using (cm_lock(&account->lock));
    return account->balance += amount;
}

/* ---- A mutex that may be NULL -------------------------------------------------------------- */

void hand_pointer(pthread_mutex_t *lock, long amount)
{
    PLACE;

    if (__builtin_expect(!lock, 0)) hand_lock_failed(&place, WITH_LOCK_MUTEX_, NULL, 0);
    LOCK_BY(pthread_mutex_lock, WITH_LOCK_MUTEX_, lock);
    balance += amount;
    UNLOCK_BY(pthread_mutex_unlock, WITH_LOCK_MUTEX_, lock);
}

void with_pointer(pthread_mutex_t *lock, long amount)
{
    with (cm_lock(lock)) {
        balance += amount;
    }
}

void using_pointer(pthread_mutex_t *lock, long amount)
{
    using (cm_lock(lock));
    balance += amount;
}

/* ---- In a loop ----------------------------------------------------------------------------- */

void hand_loop(struct account *accounts, int count, long amount)
{
    PLACE;

    for (int i = 0; i < count; i++) {
        LOCK_BY(pthread_mutex_lock, WITH_LOCK_MUTEX_, &accounts[i].lock);
        accounts[i].balance += amount;
        UNLOCK_BY(pthread_mutex_unlock, WITH_LOCK_MUTEX_, &accounts[i].lock);
    }
}

void with_loop(struct account *accounts, int count, long amount)
{
    for (int i = 0; i < count; i++) {
        with (cm_lock(&accounts[i].lock)) {
            accounts[i].balance += amount;
        }
    }
}

void using_loop(struct account *accounts, int count, long amount)
{
    for (int i = 0; i < count; i++) {
        using (cm_lock(&accounts[i].lock));
        accounts[i].balance += amount;
    }
}

/* ---- Other locks --------------------------------------------------------------------------- */

long hand_read(void)
{
    PLACE;
    long now;

    LOCK_BY(pthread_rwlock_rdlock, WITH_LOCK_READ_, &rwlock);
    now = balance;
    UNLOCK_BY(pthread_rwlock_unlock, WITH_LOCK_READ_, &rwlock);
    return now;
}

long with_read(void)
{
    with (cm_lock_read(&rwlock)) {
        return balance;
    }
}

long using_read(void)
{
    using (cm_lock_read(&rwlock));
    return balance;
}

void hand_write(long amount)
{
    PLACE;

    LOCK_BY(pthread_rwlock_wrlock, WITH_LOCK_WRITE_, &rwlock);
    balance = amount;
    UNLOCK_BY(pthread_rwlock_unlock, WITH_LOCK_WRITE_, &rwlock);
}

void with_write(long amount)
{
    with (cm_lock_write(&rwlock)) {
        balance = amount;
    }
}

void using_write(long amount)
{
    using (cm_lock_write(&rwlock));
    balance = amount;
}

void hand_spin(long amount)
{
    PLACE;

    LOCK_BY(pthread_spin_lock, WITH_LOCK_SPIN_, &spinlock);
    balance += amount;
    UNLOCK_BY(pthread_spin_unlock, WITH_LOCK_SPIN_, &spinlock);
}

void with_spin(long amount)
{
    with (cm_lock(&spinlock)) {
        balance += amount;
    }
}

void using_spin(long amount)
{
    using (cm_lock(&spinlock));
    balance += amount;
}
