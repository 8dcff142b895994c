/* SPDX-License-Identifier: MIT
 *
 * Threads: an exception that a thread ends with is thrown again where the thread is joined, and a
 * cancelled thread unlocks what it holds.
 */
#include <with.h>
#include <with/lock.h>

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int total; /* guarded by lock */

static void add_up(void *numbers)
{
    for (int *n = numbers; *n; n++) {
        using (cm_lock(&lock));
        if (*n < 0) throw(ValueError, "a negative number: %d", *n);
        total += *n;
    }
}

/* What escapes from add_up() becomes the thread's result. */
static void *start(void *numbers)
{
    return (void *)with_call(add_up, numbers);
}

static void join(pthread_t thread)
{
    void *exception;

    pthread_join(thread, &exception);
    if (exception) with_throw_again(exception);
}

/* pthread_cond_wait() locks again before the cancellation acts; the exit unlocks. */
static void *wait_forever(void *unused)
{
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;

    with (cm_lock(&lock))
        for (;;) pthread_cond_wait(&never, &lock);
    return unused;
}

int main(void)
{
    int good[] = {1, 2, 3, 0}, bad[] = {4, -5, 6, 0};
    pthread_t first, second, third;

    pthread_create(&first, NULL, start, good);
    pthread_create(&second, NULL, start, bad);
    try {
        join(first);
        join(second);
    } catch (ValueError, e) {
        printf("from a thread: %s\n", e->message);
    }

    pthread_create(&third, NULL, wait_forever, NULL);
    pthread_cancel(third);
    pthread_join(third, NULL);
    with (cm_lock(&lock)) printf("not locked any more; the total is %d\n", total);
    return 0;
}
