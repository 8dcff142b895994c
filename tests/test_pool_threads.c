/* SPDX-License-Identifier: MIT
 *
 * A pool used by many threads: the order of waiting, limits of time, cancellation, threads that end,
 * nesting that would hang, suspension, the end.
 */
#include "test_pool.h"

#include <semaphore.h>

struct task {
    with_pool *pool;
    struct things *all;
    double wait_seconds;
    int number, code;
    atomic_bool has_it;
    sem_t go_on;
    with_pool_item *item;
    pthread_t thread;
};

static atomic_int served;

static void start(struct task *task, void *(*function)(void *task), with_pool *pool, int number)
{
    memset(task, 0, sizeof *task);
    task->pool = pool;
    task->number = number;
    sem_init(&task->go_on, 0, 0);
    if (pthread_create(&task->thread, NULL, function, task) != 0) abort();
}

static void *join(struct task *task)
{
    void *result;

    pthread_join(task->thread, &result);
    sem_destroy(&task->go_on);
    return result;
}

/* Takes an item, notes that it was the how-many-eth, and gives it back when told to. */
static void *hold(void *argument)
{
    struct task *task = argument;

    task->code = with_pool_acquire(task->pool, task->wait_seconds, &task->item);
    if (task->code != 0) return NULL;
    task->number -= served++;
    task->has_it = true;
    while (sem_wait(&task->go_on) != 0) continue;
    with_pool_release(task->item);
    return NULL;
}

/* ---- Order --------------------------------------------------------------------------------- */

static void test_order(bool strict)
{
    enum { WAITERS = 12 };
    static struct things all;
    struct task tasks[WAITERS];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1, .strict_order = strict);
    with_pool_item *item = NULL;

    served = 0;
    CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
    for (int i = 0; i < WAITERS; i++) {
        start(&tasks[i], hold, pool, i);
        WAIT_UNTIL(measure(pool).waiting == (unsigned)i + 1);
    }
    nap_us(20000); /* a tick */
    CHECK_INT(with_pool_release(item), 0);
    for (int i = 0; i < WAITERS; i++) {
        WAIT_UNTIL(tasks[i].has_it);
        CHECK_INT(tasks[i].number, 0); /* its turn */
        CHECK_INT(measure(pool).waiting, WAITERS - i - 1);
        sem_post(&tasks[i].go_on);
    }
    for (int i = 0; i < WAITERS; i++) join(&tasks[i]);
    CHECK_INT(measure(pool).waits, WAITERS + 1); /* the first one waited for the opening */
    end_pool(pool, &all);
}

static atomic_bool stop;

static void *take_and_give(void *argument)
{
    struct task *task = argument;

    while (!stop)
        with (cm_acquire(task->pool)) nap_us(task->number);
    return NULL;
}

/* While others take and give without a pause, one that comes once in a while gets its share. */
static void test_nobody_starves(void)
{
    static struct things all;
    struct task others[4];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 2, .wait_seconds = 60);

    stop = false;
    for (int i = 0; i < 4; i++) start(&others[i], take_and_give, pool, i < 2 ? 0 : 100);
    for (int i = 0; i < 200; i++)
        with (cm_acquire(pool))
            ;
    stop = true;
    for (int i = 0; i < 4; i++) join(&others[i]);
    CHECK_INT(measure(pool).timeouts, 0);
    CHECK(all.most <= 2);
    end_pool(pool, &all);
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void test_timeout(void)
{
    static struct things all;
    struct task holder;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1, .name = "orders");

    start(&holder, hold, pool, 0);
    WAIT_UNTIL(holder.has_it);
    for (int i = 0; i < 2; i++) try {
            with (cm_acquire_within(pool, i == 0 ? 0.02 : -1)) CHECK(false);
            CHECK(false);
        } catch (TimeoutError, e) {
            CHECK_STR(e->message, i == 0
                                      ? "the pool orders gave nothing within 0.02 seconds: 1 of 1 "
                                        "held, 0 idle, 0 waiting"
                                      : "the pool orders gave nothing within 0 seconds: 1 of 1 "
                                        "held, 0 idle, 0 waiting");
            CHECK_INT(e->code, ETIMEDOUT);
            CHECK(e->notes && strncmp(e->notes->text, "held for ", 9) == 0);
            CHECK(e->notes && strstr(e->notes->text,
                                     "in hold: with_pool_acquire(task->pool, task->wait_seconds, "
                                     "&task->item)"));
            CHECK(e->notes && !e->notes->next);
            CHECK_INT(e->traceback_length, 3);
            CHECK(strncmp(e->traceback[1]->text, "with (cm_acquire_within(", 24) == 0);
        }
    CHECK_INT(measure(pool).timeouts, 2);
    CHECK_INT(measure(pool).waits, 2); /* one of them, and the holder's opening */
    sem_post(&holder.go_on);
    join(&holder);
    end_pool(pool, &all);
}

static void test_many_holders_named(void)
{
    static struct things all;
    with_pool_item *items[25];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 25);
    int notes = 0;

    for (int i = 0; i < 25; i++) CHECK_INT(with_pool_acquire(pool, 0, &items[i]), 0);
    try {
        with (cm_acquire_within(pool, -1)) CHECK(false);
    } catch (TimeoutError, e) {
        for (const with_note *note = e->notes; note; note = note->next)
            if (++notes == 21) CHECK_STR(note->text, "and 5 more holders");
    }
    CHECK_INT(notes, 21);
    for (int i = 0; i < 25; i++) CHECK_INT(with_pool_release(items[i]), 0);
    end_pool(pool, &all);
}

/* ---- Cancellation -------------------------------------------------------------------------- */

static void *acquire_in_block(void *argument)
{
    struct task *task = argument;

    with (cm_acquire(task->pool)) {
        task->has_it = true;
        for (;;) nap_us(1000000);
    }
    return NULL;
}

/* Both in the queue and in the block. */
static void test_cancel(void)
{
    static struct things all;
    struct task first, second, third;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1);

    start(&first, acquire_in_block, pool, 0);
    WAIT_UNTIL(first.has_it);
    start(&second, acquire_in_block, pool, 0);
    WAIT_UNTIL(measure(pool).waiting == 1);
    start(&third, hold, pool, 0);
    WAIT_UNTIL(measure(pool).waiting == 2);
    pthread_cancel(second.thread);
    CHECK(join(&second) == PTHREAD_CANCELED);
    CHECK_INT(measure(pool).waiting, 1);
    CHECK(!second.has_it);
    pthread_cancel(first.thread);
    CHECK(join(&first) == PTHREAD_CANCELED);
    WAIT_UNTIL(third.has_it); /* got what the cancelled one gave back */
    CHECK_INT(all.opened, 1);
    sem_post(&third.go_on);
    join(&third);
    end_pool(pool, &all);
}

/* A waiter is cancelled in the very moment in which it is given the item. Nothing is lost. */
static void test_cancel_when_given(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1, .strict_order = true, .wait_seconds = 60);

    for (int i = 0; i < 300; i++) {
        struct task one, two;
        with_pool_item *item = NULL;
        CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
        start(&one, acquire_in_block, pool, 0);
        WAIT_UNTIL(measure(pool).waiting == 1);
        start(&two, hold, pool, 0);
        WAIT_UNTIL(measure(pool).waiting == 2);
        if (i % 3 == 0) with_pool_discard(pool, item->value); /* is given room to open */
        if (i % 2 == 0) with_pool_release(item);
        pthread_cancel(one.thread);
        if (i % 2 != 0) with_pool_release(item);
        CHECK(join(&one) == PTHREAD_CANCELED);
        WAIT_UNTIL(two.has_it);
        sem_post(&two.go_on);
        join(&two);
        CHECK_INT(measure(pool).waiting, 0);
        CHECK(is_sound(pool));
    }
    end_pool(pool, &all);
}

/* ---- Threads that end ---------------------------------------------------------------------- */

static void *end_with_item(void *argument)
{
    struct task *task = argument;

    task->code = with_pool_acquire(task->pool, 0, &task->item);
    return NULL;
}

static void test_thread_ends(void)
{
    static struct things all;
    struct task task;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1);

    start(&task, end_with_item, pool, 0);
    join(&task);
    CHECK_INT(task.code, 0);
    CHECK_INT(all.reports[WITH_POOL_THREAD_ENDED], 1);
    CHECK(strstr(all.message, "is returned, for the thread ends; acquired in ") != NULL);
    CHECK_INT(measure(pool).idle, 1);
    CHECK_INT(all.resets, 1);
    end_pool(pool, &all);
}

static void *release_other(void *argument)
{
    struct task *task = argument;

    task->code = with_pool_release(task->item);
    CHECK_INT(with_pool_adopt(task->item), 0);
    CHECK_INT(with_pool_adopt(task->item), 0);
    CHECK_INT(with_pool_release(task->item), 0);
    CHECK_INT(with_pool_adopt(task->item), -EINVAL);
    return NULL;
}

static void test_adopt(void)
{
    static struct things all;
    struct task task;
    with_pool *pool = NEW_POOL(&all);
    with_pool_item *item = NULL;

    CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
    memset(&task, 0, sizeof task);
    task.item = item;
    pthread_create(&task.thread, NULL, release_other, &task);
    pthread_join(task.thread, NULL);
    CHECK_INT(task.code, -EPERM);
    CHECK_INT(measure(pool).idle, 1);
    end_pool(pool, &all);
}

/* ---- Nesting ------------------------------------------------------------------------------- */

static void test_own_deadlock(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 2, .wait_seconds = 600);

    with (cm_acquire(pool))
        with (cm_acquire(pool)) try {
                with (cm_acquire(pool)) CHECK(false);
                CHECK(false);
            } catch (OSError, e) {
                CHECK_INT(e->code, EDEADLK);
                CHECK_STR(e->message, "the pool things would never give this item: all its 2 are "
                                      "held by threads that wait for another one, and this thread "
                                      "is one of them");
                CHECK(e->notes && e->notes->next && !e->notes->next->next);
            }
    CHECK_INT(measure(pool).deadlocks, 1);
    CHECK_INT(all.reports[WITH_POOL_TOO_SMALL], 1);
    CHECK(strstr(all.message, "acquires item 3 in one thread while 1 thread uses the pool; with a "
                              "size of 2 they can all wait for one another, which takes 3 to rule "
                              "out"));
    end_pool(pool, &all);
}

static pthread_barrier_t barrier;

static void nest(void *argument)
{
    struct task *task = argument;

    with (cm_acquire(task->pool)) {
        pthread_barrier_wait(&barrier);
        with (cm_acquire(task->pool)) task->has_it = true;
    }
}

static void *nest_in_thread(void *task)
{
    return (void *)with_call(nest, task);
}

/* Three threads hold all three and want one more. The last to ask is refused; the others go on. */
static void test_common_deadlock(void)
{
    static struct things all;
    struct task tasks[3];
    int refused = 0, done = 0;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 3, .wait_seconds = 600);

    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 3; i++) start(&tasks[i], nest_in_thread, pool, i);
    for (int i = 0; i < 3; i++) {
        const with_exception *e = join(&tasks[i]);
        refused += e && e->code == EDEADLK;
        done += tasks[i].has_it;
        with_exception_unref(e);
    }
    pthread_barrier_destroy(&barrier);
    CHECK(refused >= 1);
    CHECK_INT(refused + done, 3);
    CHECK(all.reports[WITH_POOL_TOO_SMALL] >= 1);
    CHECK_INT(measure(pool).held, 0);
    end_pool(pool, &all);
}

/* A size by the formula is not complained of. */
static void test_large_enough(void)
{
    static struct things all;
    struct task tasks[3];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 4);

    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 3; i++) start(&tasks[i], nest_in_thread, pool, i);
    for (int i = 0; i < 3; i++) CHECK(!join(&tasks[i]));
    pthread_barrier_destroy(&barrier);
    CHECK_INT(all.reports[WITH_POOL_TOO_SMALL], 0);
    end_pool(pool, &all);
}

/* Nor if its threads wait while they hold one: each is one thread. */
static void test_waiting_holders(void)
{
    static struct things all;
    struct task tasks[2];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 3);

    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 2; i++) start(&tasks[i], nest_in_thread, pool, i);
    WAIT_UNTIL(measure(pool).held == 2);
    with_pool_suspend(pool);
    pthread_barrier_wait(&barrier);
    WAIT_UNTIL(measure(pool).waiting == 2);
    with_pool_resume(pool);
    for (int i = 0; i < 2; i++) CHECK(!join(&tasks[i]));
    pthread_barrier_destroy(&barrier);
    CHECK_INT(all.reports[WITH_POOL_TOO_SMALL], 0);
    end_pool(pool, &all);
}

/* ---- Suspension and the end ---------------------------------------------------------------- */

static void test_suspend(void)
{
    static struct things all;
    struct task tasks[3];
    with_pool *pool = NEW_POOL(&all, .maximum_size = 3);
    with_pool_item *item = NULL;

    CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
    with_pool_suspend(pool);
    CHECK_INT(with_pool_release(item), 0);
    for (int i = 0; i < 3; i++) {
        start(&tasks[i], hold, pool, 0);
        WAIT_UNTIL(measure(pool).waiting == (unsigned)i + 1);
    }
    CHECK_INT(with_pool_acquire(pool, 0.01, &item), -ETIMEDOUT);
    CHECK_INT(measure(pool).held, 0);
    CHECK(measure(pool).suspended);
    try {
        with (cm_acquire_within(pool, -1)) CHECK(false);
    } catch (TimeoutError, e) {
        CHECK(strstr(e->message, "3 waiting; it is suspended") != NULL);
    }
    with_pool_resume(pool);
    for (int i = 0; i < 3; i++) {
        WAIT_UNTIL(tasks[i].has_it);
        sem_post(&tasks[i].go_on);
    }
    for (int i = 0; i < 3; i++) join(&tasks[i]);
    end_pool(pool, &all);
}

static void *give_back_later(void *argument)
{
    struct task *task = argument;

    task->code = with_pool_acquire(task->pool, 0, &task->item);
    task->has_it = true;
    while (sem_wait(&task->go_on) != 0) continue;
    nap_us(20000);
    with_pool_release(task->item);
    return NULL;
}

static void test_close(void)
{
    static struct things all;
    struct task holder, waiter;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1);

    start(&holder, give_back_later, pool, 0);
    WAIT_UNTIL(holder.has_it);
    start(&waiter, hold, pool, 0);
    WAIT_UNTIL(measure(pool).waiting == 1);
    CHECK_INT(with_pool_close(pool, 0.01), -ETIMEDOUT);
    join(&waiter);
    CHECK_INT(waiter.code, -ECANCELED);
    try {
        with (cm_acquire(pool)) CHECK(false);
    } catch (OSError, e) {
        CHECK_INT(e->code, ECANCELED);
        CHECK_STR(e->message, "the pool things is closed");
    }
    sem_post(&holder.go_on);
    CHECK_INT(with_pool_close(pool, 60), 0); /* waits for it */
    CHECK_INT(all.closed, 1);
    join(&holder);
    end_pool(pool, &all);
}

/* Freed while threads wait and hold: they come to an end, and then the memory goes. */
static void test_free_early(void)
{
    static struct things all;
    struct task holder, waiter;

    for (int i = 0; i < 50; i++) {
        with_pool *pool = NEW_POOL(&all, .maximum_size = 1);
        start(&holder, hold, pool, 0);
        WAIT_UNTIL(holder.has_it);
        start(&waiter, hold, pool, 0);
        WAIT_UNTIL(measure(pool).waiting == 1);
        with_pool_free(pool);
        sem_post(&holder.go_on);
        join(&holder);
        join(&waiter);
        CHECK_INT(waiter.code, -ECANCELED);
    }
    CHECK_INT(all.live, 0);
}

int main(void)
{
    test_order(true);
    test_order(false);
    test_nobody_starves();
    test_timeout();
    test_many_holders_named();
    if (!UNDER_TSAN) {
        test_cancel();
        test_cancel_when_given();
    }
    test_thread_ends();
    test_adopt();
    test_own_deadlock();
    test_common_deadlock();
    test_large_enough();
    test_waiting_holders();
    test_suspend();
    test_close();
    test_free_early();
    return test_result();
}
