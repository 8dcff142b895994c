/* SPDX-License-Identifier: MIT
 *
 * From a throw to its handler over 1, 5, 10 and 20 functions that each hold a mutex, beside C++
 * exceptions over as many lock_guards, and C that hands an error code through as many locked
 * functions. Entering the blocks and the handler is part of the time.
 */
#include "bench.h"
#include "hand.h"
#include "peers.h"

#include <with.h>
#include <with/lock.h>

enum { DEEPEST = 20 };

static pthread_mutex_t mutexes[DEEPEST];
static long handled;

/* ---- libwith ------------------------------------------------------------------------------- */

static __attribute__((noinline)) void with_frames(int depth)
{
    with (cm_lock(&mutexes[depth - 1])) {
        if (depth > 1) with_frames(depth - 1);
        else if (bench_opaque_value(1)) throw(ValueError, "no such account");
        bench_opaque();
    }
}

static __attribute__((noinline)) void with_frames_formatted(int depth)
{
    with (cm_lock(&mutexes[depth - 1])) {
        if (depth > 1) with_frames_formatted(depth - 1);
        else if (bench_opaque_value(1)) throw(ValueError, "no such account: %d", depth);
        bench_opaque();
    }
}

static __attribute__((noinline)) void with_catch_once(void (*frames)(int), int depth)
{
    try {
        frames(depth);
    } catch (ValueError) {
        handled++;
    }
}

/* ---- Error codes ---------------------------------------------------------------------------- */

static __attribute__((noinline)) int code_frames(int depth)
{
    int error = 0;

    hand_lock(&mutexes[depth - 1]);
    if (depth > 1) error = code_frames(depth - 1);
    else error = bench_opaque_value(1) ? -EINVAL : 0;
    if (error) goto out;
    bench_opaque();
out:
    hand_unlock(&mutexes[depth - 1]);
    return error;
}

static __attribute__((noinline)) void code_once(int depth)
{
    if (code_frames(depth) == -EINVAL) handled++;
}

#define DEPTH(N)                                                                                   \
    static void with_throw_##N(long count)                                                         \
    {                                                                                              \
        while (count-- > 0) with_catch_once(with_frames, N);                                       \
    }                                                                                              \
    static void code_##N(long count)                                                               \
    {                                                                                              \
        while (count-- > 0) code_once(N);                                                          \
    }
DEPTH(1)
DEPTH(5)
DEPTH(10)
DEPTH(20)

static void with_throw_10_formatted(long count)
{
    while (count-- > 0) with_catch_once(with_frames_formatted, 10);
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"throw-1", with_throw_1},
        {"c++-1", peer_throw_1},
        {"codes-1", code_1},
        {"throw-5", with_throw_5},
        {"c++-5", peer_throw_5},
        {"codes-5", code_5},
        {"throw-10", with_throw_10},
        {"c++-10", peer_throw_10},
        {"codes-10", code_10},
        {"throw-20", with_throw_20},
        {"c++-20", peer_throw_20},
        {"codes-20", code_20},
        {"throw-10-formatted", with_throw_10_formatted},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"throw-1", "c++-1", 0.05, BENCH_BOTH},
        {"throw-5", "c++-5", 0.05, BENCH_BOTH},
        {"throw-10", "c++-10", 0.05, BENCH_BOTH},
        {"throw-20", "c++-20", 0.05, BENCH_BOTH},
        {"throw-1", "codes-1", 0, BENCH_NO_GOAL},
        {"throw-5", "codes-5", 0, BENCH_NO_GOAL},
        {"throw-10", "codes-10", 1.4, BENCH_TWO_THREADS},
        {"throw-20", "codes-20", 0, BENCH_NO_GOAL},
        {"throw-10-formatted", "codes-10", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };

    for (int i = 0; i < DEEPEST; i++) pthread_mutex_init(&mutexes[i], NULL);
    return bench_main(argc, argv, cases, questions);
}
