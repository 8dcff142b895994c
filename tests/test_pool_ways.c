/* SPDX-License-Identifier: MIT
 *
 * Every way out of the blocks of cm_acquire() and cm_pool(), with `with` and with `using`: what was
 * acquired is given back once, and the pool is empty and closed. fork() and exit() in a block, too.
 */
#include "test_pool.h"

#include <sys/wait.h>

enum way { END, RETURN, BREAK, CONTINUE, GOTO, THROW, PTHREAD_EXIT, WAYS };

static void leave_using(with_pool *pool, enum way way)
{
    for (int i = 0; i < 2; i++) {
        using (cm_acquire(pool), value);
        CHECK_INT(((struct thing *)value)->number, 1);
        CHECK_INT(with_pool_dump(NULL, pool), 1);
        if (way == RETURN) return;
        if (way == BREAK) break;
        if (way == CONTINUE) continue;
        if (way == GOTO) goto out;
        if (way == THROW) throw(ValueError, "out");
        if (way == PTHREAD_EXIT) pthread_exit(NULL);
    }
out:
    CHECK(way != RETURN);
}

static void leave_with(with_pool *pool, enum way way)
{
    with (cm_acquire(pool), value) {
        CHECK_INT(((struct thing *)value)->number, 1);
        if (way == RETURN) return;
        if (way == CONTINUE) continue;
        if (way == GOTO) goto out;
        if (way == THROW) throw(ValueError, "out");
        if (way == PTHREAD_EXIT) pthread_exit(NULL);
    }
out:
    CHECK(way != RETURN);
}

struct leaving {
    with_pool *pool;
    enum way way;
    void (*leave)(with_pool *pool, enum way way);
};

static void call_leave(void *argument)
{
    struct leaving *leaving = argument;

    leaving->leave(leaving->pool, leaving->way);
}

static void *leave_in_thread(void *argument)
{
    return (void *)with_call(call_leave, argument);
}

static void test_ways(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1);

    for (enum way way = END; way < WAYS; way++)
        for (int i = 0; i < 2; i++) {
            struct leaving leaving = {pool, way, i ? leave_with : leave_using};
            pthread_t thread;
            void *e = NULL;
            CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &leaving), 0);
            pthread_join(thread, &e);
            CHECK((e != NULL) == (way == THROW));
            with_exception_unref(e);
            CHECK_INT(measure(pool).idle, 1);
            CHECK_INT(measure(pool).held, 0);
        }
    CHECK_INT(all.reports[WITH_POOL_THREAD_ENDED], 0);
    end_pool(pool, &all);
}

/* ---- A pool's own block -------------------------------------------------------------------- */

static struct things of_block;

static void leave_pool(with_pool *unused, enum way way)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        using (cm_pool(&thing_maker, &of_block, .minimum_idle = 1), pool);
        with (cm_acquire(pool))
            ;
        if (way == RETURN) return;
        if (way == BREAK) break;
        if (way == CONTINUE) continue;
        if (way == GOTO) goto out;
        if (way == THROW) throw(ValueError, "out");
        if (way == PTHREAD_EXIT) pthread_exit(NULL);
    }
out:
    CHECK(way != RETURN);
}

static void test_pool_ways(void)
{
    for (enum way way = END; way < WAYS; way++) {
        struct leaving leaving = {NULL, way, leave_pool};
        pthread_t thread;
        void *e = NULL;
        CHECK_INT(pthread_create(&thread, NULL, leave_in_thread, &leaving), 0);
        pthread_join(thread, &e);
        with_exception_unref(e);
        CHECK_INT(of_block.live, 0);
        CHECK(of_block.opened > 0);
    }
}

/* ---- exit() -------------------------------------------------------------------------------- */

static int to_parent;

static void tell_close(void *argument, void *value)
{
    const int number = ((struct thing *)value)->number;

    thing_close(argument, value);
    if (write(to_parent, &(char){(char)('0' + number)}, 1) != 1) abort();
}

/* What a child writes that runs `body`: the numbers of the things it closed. */
static const char *in_child(void (*body)(with_pool *pool))
{
    static char text[32];
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t size;
    pid_t child;

    if (pipe(ends) != 0) abort();
    child = fork();
    if (child == 0) {
        with_pool *pool = NULL;
        close(ends[0]);
        to_parent = ends[1];
        maker.close = tell_close;
        if (with_pool_new(&maker, &all, NULL, &pool) != 0) abort();
        body(pool);
        exit(3);
    }
    close(ends[1]);
    while ((size = read(ends[0], text + used, sizeof text - 1 - used)) > 0) used += (size_t)size;
    close(ends[0]);
    text[used] = '\0';
    while (waitpid(child, &status, 0) < 0) continue;
    CHECK_INT(status, 3 << 8);
    return text;
}

static void exit_in_block(with_pool *pool)
{
    with (cm_acquire(pool))
        with (cm_acquire(pool)) exit(3);
}

static void exit_holding(with_pool *pool)
{
    with_pool_item *item = NULL;

    if (with_pool_acquire(pool, 0, &item) != 0) abort();
}

static void exit_idle(with_pool *pool)
{
    with (cm_acquire(pool))
        ;
}

static with_pool_item *kept;

static void *hold_for_ever(void *pool)
{
    if (with_pool_acquire((with_pool *)pool, 0, &kept) != 0) abort();
    for (;;) nap_us(1000000);
    return NULL;
}

static void exit_while_other_holds(with_pool *pool)
{
    pthread_t thread;

    pthread_create(&thread, NULL, hold_for_ever, pool);
    WAIT_UNTIL(with_pool_dump(NULL, pool) == 1);
    with (cm_acquire(pool))
        ;
}

static void test_exit(void)
{
    CHECK_STR(in_child(exit_in_block), "21"); /* idle since longer is closed first */
    CHECK_STR(in_child(exit_holding), "1");
    CHECK_STR(in_child(exit_idle), "1");
    CHECK_STR(in_child(exit_while_other_holds), "2"); /* the other's is in use */
}

/* ---- fork() -------------------------------------------------------------------------------- */

static int wait_for(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0) continue;
    return status;
}

static void use_in_child(with_pool *pool, struct things *all)
{
    const int opened = all->opened;

    CHECK_INT(measure(pool).opened, 0);
    CHECK_INT(measure(pool).acquired, 0);
    with (cm_acquire(pool), value) CHECK_INT(((struct thing *)value)->number, opened + 1);
    CHECK_INT(all->abandoned, 1); /* the idle one */
    CHECK_INT(measure(pool).opened, 1);
}

static void test_fork(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all);
    with_pool_item *item = NULL;
    pid_t child;

    CHECK_INT(with_pool_acquire(pool, 0, &item), 0);
    with (cm_acquire(pool)) {
        with (cm_acquire(pool))
            ; /* an idle one */
        child = fork();
        if (child == 0) use_in_child(pool, &all);
    }
    if (child == 0) { /* the two that the parent holds: neither reset nor closed */
        CHECK_INT(all.abandoned, 2);
        CHECK_INT(all.closed, 0);
        CHECK_INT(with_pool_release(item), 0);
        CHECK_INT(with_pool_release(item), -EINVAL);
        CHECK_INT(all.abandoned, 3);
        CHECK_INT(with_pool_close(pool, 0), 0);
        CHECK_INT(all.closed, 1); /* its own */
        with_pool_free(pool);
        _exit(test_failures != 0);
    }
    CHECK_INT(wait_for(child), 0);
    CHECK_INT(all.opened, 3);
    CHECK_INT(with_pool_release(item), 0);
    CHECK_INT(measure(pool).idle, 3);
    end_pool(pool, &all);
}

/* The child inherits neither the queue nor the pool's thread, and does without. */
static void test_fork_while_others_wait(void)
{
    static struct things all;
    with_pool *pool = NEW_POOL(&all, .maximum_size = 1, .minimum_idle = 1);
    pthread_t thread;
    pid_t child;

    pthread_create(&thread, NULL, hold_for_ever, pool);
    WAIT_UNTIL(with_pool_dump(NULL, pool) == 1);
    child = fork();
    if (child == 0) {
        with (cm_acquire_within(pool, 60))
            ;
        if (with_pool_close(pool, 60) != 0) _exit(2);
        _exit(test_failures != 0);
    }
    CHECK_INT(wait_for(child), 0);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    end_pool(pool, &all);
}

static int open_and_fork(void *argument, void **ret_value)
{
    static atomic_bool done;
    struct things *all = argument;

    if (!done) {
        pid_t child;
        done = true;
        child = fork();
        if (child != 0) CHECK_INT(wait_for(child), 0);
        else all->opened = 10; /* and goes on, in the child */
    }
    return thing_open(argument, ret_value);
}

static void test_fork_in_open(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    with_pool *pool = NULL;
    const pid_t parent = getpid();

    maker.open = open_and_fork;
    CHECK_INT(with_pool_new(&maker, &all, NULL, &pool), 0);
    with (cm_acquire(pool), value)
        CHECK_INT(((struct thing *)value)->number, getpid() == parent ? 1 : 12);
    if (getpid() != parent) {
        CHECK_INT(with_pool_close(pool, 0), 0);
        CHECK_INT(all.closed, 2); /* what open opened there first, too */
        CHECK_INT(all.abandoned, 0);
        _exit(test_failures != 0);
    }
    end_pool(pool, &all);
}

static int check_and_fork(void *argument, void *value)
{
    pid_t child = fork();

    if (child != 0) CHECK_INT(wait_for(child), 0);
    return thing_check(argument, value);
}

/* The child gives up its copy of what was being checked, and opens an item of its own. */
static void test_fork_in_check(void)
{
    static struct things all;
    struct with_pool_maker maker = thing_maker;
    const struct with_pool_options options = {
        .size = sizeof options, .check_seconds = -1, .no_thread = true};
    with_pool *pool = NULL;
    const pid_t parent = getpid();

    maker.check = check_and_fork;
    CHECK_INT(with_pool_new(&maker, &all, &options, &pool), 0);
    with (cm_acquire(pool))
        ;
    with (cm_acquire(pool), value)
        CHECK_INT(((struct thing *)value)->number, getpid() == parent ? 1 : 2);
    if (getpid() != parent) {
        CHECK_INT(all.abandoned, 1);
        CHECK_INT(with_pool_close(pool, 0), 0);
        CHECK_INT(all.closed, 1);
        _exit(test_failures != 0);
    }
    end_pool(pool, &all);
}

int main(void)
{
    test_ways();
    test_pool_ways();
    if (!UNDER_TSAN) { /* or it would count the children's threads */
        test_exit();
        test_fork();
        test_fork_while_others_wait();
        test_fork_in_open();
        test_fork_in_check();
    }
    return test_result();
}
