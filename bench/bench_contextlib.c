/* SPDX-License-Identifier: MIT
 *
 * What do the managers of with/contextlib.h and with/redirect.h cost, beside the same thing written by
 * hand (which reports errors by their numbers), and beside CPython's contextlib? Each body has a call
 * that the compiler cannot see through.
 */
#define _GNU_SOURCE /* O_PATH */
#include "bench.h"
#include "python.h"

#include <with.h>
#include <with/contextlib.h>
#include <with/redirect.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CASE(NAME)                                                                                 \
    static __attribute__((noinline)) void NAME(void);                                              \
    static void NAME##_loop(long count)                                                            \
    {                                                                                              \
        while (count-- > 0) NAME();                                                                \
    }                                                                                              \
    static void NAME(void)

static volatile int ignored;

/* ---- Nothing, and exceptions --------------------------------------------------------------- */

CASE(hand_nothing)
{
    bench_opaque();
}

CASE(with_nullcontext)
{
    with (cm_nullcontext(1), n) bench_opaque_value(n);
}

CASE(hand_no_error)
{
    if (bench_opaque_value(0) == -ENOENT) ignored++;
}

CASE(with_suppress)
{
    with (cm_suppress(KeyError)) bench_opaque();
}

static __attribute__((noinline)) void find(void)
{
    if (bench_opaque_value(1)) throw(KeyError, "no such key");
}

CASE(hand_error)
{
    if (bench_opaque_value(-ENOENT) == -ENOENT) ignored++;
}

CASE(with_suppress_throw)
{
    with (cm_suppress(KeyError)) find();
}

CASE(with_expect)
{
    with (cm_expect(KeyError)) find();
}

/* ---- Values and calls ---------------------------------------------------------------------- */

static long destroyed;

static __attribute__((noinline)) void destroy(long *value)
{
    ++*value;
}

WITH_CLOSING(long *, value, destroy, .no_cancellation_point = true);
WITH_CLOSING(long *, any_value, destroy);

CASE(hand_destroy)
{
    long *value = &destroyed;

    bench_opaque();
    destroy(value);
}

CASE(with_closing)
{
    with (cm_closing_value(&destroyed)) bench_opaque();
}

CASE(with_closing_calmly)
{
    with (cm_closing_any_value(&destroyed)) bench_opaque();
}

CASE(with_callback)
{
    with (cm_callback(destroy, &destroyed)) bench_opaque();
}

CASE(hand_call)
{
    ignored = bench_opaque_value(1);
}

CASE(with_inside_nullcontext)
{
    ignored = with_inside(cm_nullcontext(), bench_opaque_value(1));
}

/* ---- What a process has one of ------------------------------------------------------------- */

static FILE *out, *other;
static int target;

static void must(bool good)
{
    if (!good) abort();
}

CASE(hand_stream)
{
    FILE *const saved = out;

    out = other;
    bench_opaque();
    out = saved;
}

CASE(with_stream)
{
    with (cm_redirect_stream(&out, other)) bench_opaque();
}

/* Does no more than it must: it keeps no copy to learn what closing the target says. */
CASE(hand_redirect)
{
    int saved;

    must(fflush(stdout) == 0);
    saved = fcntl(1, F_DUPFD_CLOEXEC, 3);
    must(saved >= 0 && dup2(target, 1) == 1);
    bench_opaque();
    must(fflush(stdout) == 0 && dup2(saved, 1) == 1 && close(saved) == 0);
}

CASE(with_redirect)
{
    with (cm_redirect_stdout(target)) bench_opaque();
}

CASE(hand_chdir)
{
    const int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    must(fd >= 0 && chdir("/") == 0);
    bench_opaque();
    must(fchdir(fd) == 0 && close(fd) == 0);
}

CASE(with_chdir)
{
    with (cm_chdir("/")) bench_opaque();
}

/* ---- Questions ----------------------------------------------------------------------------- */

static const struct bench_case cases[] = {
    {"hand-nothing", hand_nothing_loop},
    {"nullcontext", with_nullcontext_loop},
    {"hand-no-error", hand_no_error_loop},
    {"suppress", with_suppress_loop},
    {"hand-error", hand_error_loop},
    {"suppress-throw", with_suppress_throw_loop},
    {"expect", with_expect_loop},
    {"hand-destroy", hand_destroy_loop},
    {"closing", with_closing_loop},
    {"closing-calmly", with_closing_calmly_loop},
    {"callback", with_callback_loop},
    {"hand-call", hand_call_loop},
    {"inside", with_inside_nullcontext_loop},
    {"hand-stream", hand_stream_loop},
    {"redirect_stream", with_stream_loop},
    {"hand-redirect", hand_redirect_loop},
    {"redirect_stdout", with_redirect_loop},
    {"hand-chdir", hand_chdir_loop},
    {"chdir", with_chdir_loop},
    {NULL, NULL},
};

static const struct bench_question questions[] = {
    {"nullcontext", "hand-nothing", 0, BENCH_NO_GOAL},
    {"suppress", "hand-no-error", 0, BENCH_NO_GOAL},
    {"suppress-throw", "hand-error", 0, BENCH_NO_GOAL},
    {"expect", "hand-error", 0, BENCH_NO_GOAL},
    {"closing", "hand-destroy", 0, BENCH_NO_GOAL},
    {"closing-calmly", "hand-destroy", 0, BENCH_NO_GOAL},
    {"callback", "hand-destroy", 0, BENCH_NO_GOAL},
    {"inside", "hand-call", 0, BENCH_NO_GOAL},
    {"redirect_stream", "hand-stream", 0, BENCH_NO_GOAL},
    {"redirect_stdout", "hand-redirect", 0, BENCH_NO_GOAL},
    {"chdir", "hand-chdir", 0, BENCH_NO_GOAL},
    {NULL, NULL, 0, BENCH_NO_GOAL},
};

static const char setup[] = "import contextlib, io, unittest\n"
                            "def call(): pass\n"
                            "def find(): raise KeyError('no such key')\n"
                            "class Value:\n"
                            "    def close(self): pass\n"
                            "class Manager(contextlib.ContextDecorator):\n"
                            "    def __enter__(self): pass\n"
                            "    def __exit__(self, *exception): pass\n"
                            "@Manager()\n"
                            "def decorated(): call()\n"
                            "value, other, test = Value(), io.StringIO(), unittest.TestCase()\n";

/* What chdir() takes is the kernel's, in C as in Python: no goal for that. */
static const struct {
    const char *name;
    bench_function *run;
    const char *statement;
    double goal;
} python[] = {
    {"nullcontext", with_nullcontext_loop, "with contextlib.nullcontext(1) as n: call()", 20},
    {"suppress", with_suppress_loop, "with contextlib.suppress(KeyError): call()", 20},
    {"suppress-throw", with_suppress_throw_loop, "with contextlib.suppress(KeyError): find()", 0},
    {"expect", with_expect_loop, "with test.assertRaises(KeyError): find()", 20},
    {"closing", with_closing_loop, "with contextlib.closing(value): call()", 20},
    {"closing-calmly", with_closing_calmly_loop, "with contextlib.closing(value): call()", 0},
    {"callback", with_callback_loop,
     "with contextlib.ExitStack() as s: s.callback(value.close); call()", 20},
    {"inside", with_inside_nullcontext_loop, "decorated()", 20},
    {"redirect_stream", with_stream_loop, "with contextlib.redirect_stdout(other): call()", 20},
    {"chdir", with_chdir_loop, "with contextlib.chdir('/'): call()", 0},
};

static void compare_with_python(void)
{
    puts("bench_contextlib, beside CPython's contextlib:");
    for (size_t i = 0; i < sizeof python / sizeof *python; i++)
        bench_beside_python(python[i].name, python[i].run, setup, python[i].statement,
                            python[i].goal);
}

int main(int argc, char **argv)
{
    int status;

    out = stdout;
    other = stderr;
    target = open("/dev/null", O_WRONLY | O_CLOEXEC);
    status = bench_main(argc, argv, cases, questions);
    if (argc < 2) compare_with_python();
    return status;
}
