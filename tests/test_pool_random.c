/* SPDX-License-Identifier: MIT
 *
 * Random programs: threads that acquire, release, break, time out, fork, are cancelled, end with items in
 * their hands, suspend, drain and close a pool whose maker fails now and then. In all of them
 *
 *   - opened = closed + held, and never more than the maximum size are open,
 *   - no item is in two hands, and no waiter is forgotten: all come to an end,
 *   - when the pool has been freed, everything that was opened is closed.
 *
 * test_pool_random [PROGRAMS [SEED]]: that many programs; without arguments, 10,000 of them or as many as
 * fit into some seconds. The seed is printed; program number N of a seed is always the same program, but
 * for the order in which its threads run.
 */
#include "test_pool.h"

#include <signal.h>
#include <sys/wait.h>

enum { THREADS = 4, STEPS = 24, HANDS = 3, SECONDS = 12 };

struct program {
    struct things all;
    with_pool *pool;
    unsigned maximum_size;
    bool may_fork;
    atomic_int in_two_hands;
};

struct actor {
    struct program *program;
    uint64_t random;
    pthread_t thread;
};

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(next_random(state) % limit);
}

/* ---- In a child ---------------------------------------------------------------------------- */

/* The pool is empty in the child and opens what is its own; what the parent has is not touched. */
static void be_a_child(struct program *program, with_pool_item **hands)
{
    struct things *all = &program->all;
    with_pool *pool = program->pool;
    struct with_pool_statistics s = measure(pool);
    const int closed = all->closed, resets = all->resets;
    with_pool_item *item = NULL;
    int bad = s.opened != 0 || s.idle + s.held + s.checking + s.closing != 0 || s.waiting != 0;

    all->open_fails = all->open_throws = all->reset_fails = all->check_fails = 0;
    for (int i = 0; i < HANDS; i++)
        if (hands[i]) bad += with_pool_release(hands[i]) != 0;
    bad += all->closed != closed || all->resets != resets;
    with_pool_resume(pool);
    if (with_pool_acquire(pool, 5, &item) == 0) {
        bad += measure(pool).opened == 0; /* the pool's thread may have opened more */
        bad += with_pool_release(item) != 0;
        bad += with_pool_close(pool, 5) != 0;
        s = measure(pool);
        bad += closed_in_all(&s) != s.opened;
    } else bad += with_pool_close(pool, 5) != 0; /* the parent was closing it */
    with_pool_free(pool);
    raise(bad == 0 ? SIGKILL : SIGABRT); /* no leaks are counted: threads took their memory along */
    _exit(1);
}

static void fork_once(struct program *program, with_pool_item **hands)
{
    const pid_t child = fork();
    int status = 0;

    if (child == 0) be_a_child(program, hands);
    if (child < 0) return;
    while (waitpid(child, &status, 0) < 0) continue;
    CHECK_INT(status, SIGKILL);
}

/* ---- A thread ------------------------------------------------------------------------------ */

static void release(with_pool_item **hand)
{
    struct thing *thing = (*hand)->value;

    thing->users--;
    CHECK_INT(with_pool_release(*hand), 0);
    *hand = NULL;
}

static void acquire(struct actor *self, with_pool_item **hand)
{
    struct program *program = self->program;
    const double waits[] = {-1, 0.0001, 0.0003, 0.001};
    const int code = with_pool_acquire(program->pool, waits[below(&self->random, 4)], hand);

    if (code != 0) {
        CHECK(code == -ETIMEDOUT || code == -ECANCELED || code == -EDEADLK || code == -EIO ||
              code == -ECONNREFUSED);
        return;
    }
    struct thing *thing = (*hand)->value;
    if (++thing->users != 1) program->in_two_hands++;
}

static void in_a_block(struct actor *self)
{
    try {
        with (cm_acquire_within(self->program->pool, 0.0003), value) {
            struct thing *thing = value;
            if (++thing->users != 1) self->program->in_two_hands++;
            thing->users--;
            if (below(&self->random, 4) == 0) throw(ValueError, "at random");
        }
    } catch (OSError) { /* none was to be had */
    } catch (ValueError) {
    }
}

static void set_faults(struct actor *self)
{
    struct things *all = &self->program->all;

    switch (below(&self->random, 6)) {
    case 0: all->open_fails++; break;
    case 1: all->open_throws++; break;
    case 2: all->check_fails++; break;
    case 3: all->check_throws++; break;
    case 4: all->reset_fails++; break;
    default: all->reset_throws++; break;
    }
}

static void step(struct actor *self, with_pool_item **hands)
{
    struct program *program = self->program;
    with_pool_item **hand = &hands[below(&self->random, HANDS)];
    const unsigned what = below(&self->random, 100);

    if (what < 60 && !*hand) acquire(self, hand);
    else if (what < 60) release(hand);
    else if (what < 70) in_a_block(self);
    else if (what < 75 && *hand) with_pool_discard(program->pool, (*hand)->value);
    else if (what < 82) set_faults(self);
    else if (what < 85) with_pool_drain(program->pool);
    else if (what < 88) with_pool_maintain(program->pool);
    else if (what < 90) with_pool_suspend(program->pool);
    else if (what < 94) with_pool_resume(program->pool);
    else if (what < 95 && program->may_fork) fork_once(program, hands);
    else if (what < 96) with_pool_close(program->pool, -1);
    else nap_us(below(&self->random, 200));
}

/* The thread's end will return them. */
static void let_go(void *argument)
{
    with_pool_item **hands = argument;

    for (int i = 0; i < HANDS; i++)
        if (hands[i]) ((struct thing *)hands[i]->value)->users--;
}

/* Ends with what it has in its hands, or in the middle, cancelled. */
static void *act(void *argument)
{
    struct actor *self = argument;
    with_pool_item *hands[HANDS] = {NULL};

    pthread_cleanup_push(let_go, hands);
    for (int i = 0; i < STEPS; i++) step(self, hands);
    for (int i = 0; i < HANDS; i++)
        if (hands[i] && below(&self->random, 2)) release(&hands[i]);
    pthread_cleanup_pop(1);
    return NULL;
}

/* ---- A program ----------------------------------------------------------------------------- */

static with_pool *random_pool(struct program *program, uint64_t *random)
{
    static const double short_or_never[] = {0.001, 0.003, INFINITY, INFINITY};
    struct with_pool_options options = {
        .maximum_size = program->maximum_size,
        .minimum_idle = below(random, 4) == 0 ? below(random, program->maximum_size + 1) : 0,
        .wait_seconds = 0.001,
        .idle_seconds = short_or_never[below(random, 4)],
        .lifetime_seconds = short_or_never[below(random, 4)],
        .check_seconds = below(random, 2) ? -1 : 1,
        .keepalive_seconds = short_or_never[below(random, 4)],
        .leak_seconds = short_or_never[below(random, 4)],
        .backoff_seconds = 0.0002,
        .backoff_limit_seconds = 0.001,
        .fail_fast = below(random, 4) == 0,
        .strict_order = below(random, 2),
        .no_thread = below(random, 2),
        .report = thing_report,
    };

    program->all.open_us = below(random, 8) == 0 ? 100 : 0;
    program->all.close_us = below(random, 8) == 0 ? 100 : 0;
    return new_pool(&program->all, options);
}

static void run_program(uint64_t random)
{
    struct program program = {.maximum_size = 1 + below(&random, 4)};
    struct actor actors[THREADS];
    const unsigned threads = 1 + below(&random, THREADS);
    struct things *all = &program.all;

    program.may_fork = below(&random, 20) == 0 && !UNDER_TSAN;
    program.pool = random_pool(&program, &random);
    for (unsigned i = 0; i < threads; i++) {
        actors[i] = (struct actor){.program = &program, .random = next_random(&random)};
        if (pthread_create(&actors[i].thread, NULL, act, &actors[i]) != 0) abort();
    }
#ifndef TEST_SANITIZED /* what a cancelled thread does at its end would raise false alarms */
    if (below(&random, 4) == 0 && !program.may_fork) {
        nap_us(below(&random, 500));
        pthread_cancel(actors[0].thread);
    }
#endif
    CHECK(is_sound(program.pool));
    for (unsigned i = 0; i < threads; i++) pthread_join(actors[i].thread, NULL);
    CHECK_INT(measure(program.pool).waiting, 0);
    CHECK_INT(measure(program.pool).held, 0);
    CHECK_INT(program.in_two_hands, 0);
    end_pool(program.pool, all);
    CHECK(all->most <= (int)program.maximum_size);
}

static uint64_t seconds_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec;
}

int main(int argc, char **argv)
{
    const long programs = argc > 1 ? atol(argv[1]) : 10000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0)
                                   : (uint64_t)time(NULL) * UINT64_C(1000003) + (uint64_t)getpid();
    const uint64_t start = seconds_now();
    long i = 0;

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    for (; i < programs && (argc > 1 || seconds_now() < start + SECONDS); i++) {
        const int failed = test_failures;
        run_program(seed ^ (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
        if (test_failures == failed) continue;
        fprintf(stderr, "that was program %ld of seed %llu\n", i, (unsigned long long)seed);
        break;
    }
    printf("%ld programs\n", i);
    return test_result();
}
