/* SPDX-License-Identifier: MIT
 *
 * C++ exceptions over functions that each hold a lock_guard, for bench_throw.c.
 */
#include "peers.h"

#include <mutex>
#include <stdexcept>

extern "C" void bench_opaque(void);
extern "C" int bench_opaque_value(int value);

static std::mutex mutexes[20];
static long handled;

static __attribute__((noinline)) void frames(int depth)
{
    std::lock_guard<std::mutex> guard(mutexes[depth - 1]);

    if (depth > 1) frames(depth - 1);
    else if (bench_opaque_value(1)) throw std::invalid_argument("no such account");
    bench_opaque();
}

static __attribute__((noinline)) void catch_once(int depth)
{
    try {
        frames(depth);
    } catch (const std::invalid_argument &) {
        handled++;
    }
}

#define DEPTH(N)                                                                                   \
    void peer_throw_##N(long count)                                                                \
    {                                                                                              \
        while (count-- > 0) catch_once(N);                                                         \
    }
DEPTH(1)
DEPTH(5)
DEPTH(10)
DEPTH(20)
