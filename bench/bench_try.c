/* SPDX-License-Identifier: MIT
 *
 * What does it cost to enter and leave `try` when nothing is thrown, beside the bare _setjmp that
 * it contains? Once with nothing in the body, once with a call.
 */
#include "bench.h"

#include <stdlib.h>
#include <with.h>

static __attribute__((noinline)) void setjmp_empty(void)
{
    jmp_buf buffer;

    if (_setjmp(buffer) != 0) abort();
}

static __attribute__((noinline)) void try_empty(void)
{
    try {
    } catch (ValueError) {
    }
}

static __attribute__((noinline)) void setjmp_call(void)
{
    jmp_buf buffer;

    if (_setjmp(buffer) == 0) bench_opaque();
}

static __attribute__((noinline)) void try_call(void)
{
    try {
        bench_opaque();
    } catch (ValueError) {
    }
}

static void setjmp_empty_loop(long count)
{
    while (count-- > 0) setjmp_empty();
}

static void try_empty_loop(long count)
{
    while (count-- > 0) try_empty();
}

static void setjmp_call_loop(long count)
{
    while (count-- > 0) setjmp_call();
}

static void try_call_loop(long count)
{
    while (count-- > 0) try_call();
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"setjmp-empty", setjmp_empty_loop},
        {"try-empty", try_empty_loop},
        {"setjmp-call", setjmp_call_loop},
        {"try-call", try_call_loop},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"try-empty", "setjmp-empty", 1.4, BENCH_BOTH},
        {"try-call", "setjmp-call", 1.4, BENCH_BOTH},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };

    return bench_main(argc, argv, cases, questions);
}
