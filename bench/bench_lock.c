/* SPDX-License-Identifier: MIT
 *
 * What does `with (cm_lock(&m))` cost, beside the lock and unlock written by hand and C++'s
 * std::lock_guard? Once with a body that the compiler sees through, once with a call that it
 * cannot see through, when the block must be on the thread's list of frames.
 */
#include "bench.h"
#include "hand.h"
#include "peers.h"

#include <with.h>
#include <with/lock.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long balance;

static __attribute__((noinline)) void hand_transparent(long amount)
{
    hand_lock(&mutex);
    balance += amount;
    hand_unlock(&mutex);
}

static __attribute__((noinline)) void with_transparent(long amount)
{
    with (cm_lock(&mutex)) {
        balance += amount;
    }
}

static __attribute__((noinline)) void hand_call(void)
{
    hand_lock(&mutex);
    bench_opaque();
    hand_unlock(&mutex);
}

static __attribute__((noinline)) void with_call_in_body(void)
{
    with (cm_lock(&mutex)) {
        bench_opaque();
    }
}

static __attribute__((noinline)) void using_call_in_body(void)
{
    using (cm_lock(&mutex));
    bench_opaque();
}

static void hand_transparent_loop(long count)
{
    while (count-- > 0) hand_transparent(count);
}

static void with_transparent_loop(long count)
{
    while (count-- > 0) with_transparent(count);
}

static void hand_call_loop(long count)
{
    while (count-- > 0) hand_call();
}

static void with_call_loop(long count)
{
    while (count-- > 0) with_call_in_body();
}

static void using_call_loop(long count)
{
    while (count-- > 0) using_call_in_body();
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"hand-transparent", hand_transparent_loop},
        {"with-transparent", with_transparent_loop},
        {"c++-transparent", peer_guard_transparent},
        {"hand-call", hand_call_loop},
        {"with-call", with_call_loop},
        {"using-call", using_call_loop},
        {"c++-call", peer_guard_call},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"with-transparent", "hand-transparent", 1.02, BENCH_NO_GOAL},
        {"with-transparent", "c++-transparent", 0, BENCH_NO_GOAL},
        {"with-call", "hand-call", 1.08, BENCH_TWO_THREADS},
        {"using-call", "hand-call", 1.08, BENCH_TWO_THREADS},
        {"with-call", "c++-call", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };

    return bench_main(argc, argv, cases, questions);
}
