/* SPDX-License-Identifier: MIT
 *
 * C++'s std::lock_guard, for bench_lock.c.
 */
#include "peers.h"

#include <mutex>

extern "C" void bench_opaque(void);

static std::mutex mutex;
static long balance;

static __attribute__((noinline)) void guard_transparent(long amount)
{
    std::lock_guard<std::mutex> guard(mutex);
    balance += amount;
}

static __attribute__((noinline)) void guard_call()
{
    std::lock_guard<std::mutex> guard(mutex);
    bench_opaque();
}

void peer_guard_transparent(long count)
{
    while (count-- > 0) guard_transparent(count);
}

void peer_guard_call(long count)
{
    while (count-- > 0) guard_call();
}
