/* SPDX-License-Identifier: MIT
 *
 * What does a manager that is one function cost: beside one of two functions, a manager written with
 * WITH_CLASS; and beside contextlib's @contextmanager? Once with a body that ends, once with an
 * exception through it.
 */
#include "python.h"

#include <with.h>
#include <with/generator.h>

WITH_GENERATOR(generator, int, (int, n))
{
    yield(bench_opaque_value(n));
    bench_opaque();
}

WITH_PLAIN_GENERATOR(plain, int, (int, n))
{
    yield(bench_opaque_value(n));
    bench_opaque();
}

struct two_functions {
    WITH_MANAGER;
    int as;
};

static void two_functions_enter(struct two_functions *self)
{
    self->as = bench_opaque_value(self->as);
}

static bool two_functions_exit(struct two_functions *self, const with_exception *exception)
{
    (void)self;
    (void)exception;
    bench_opaque();
    return false;
}

WITH_CLASS(two_functions, two_functions_enter, two_functions_exit);

static void hand_loop(long count)
{
    while (count-- > 0) {
        bench_opaque_value(bench_opaque_value(1));
        bench_opaque();
    }
}

static void class_loop(long count)
{
    while (count-- > 0)
        with (WITH_NEW(two_functions, .as = 1), value) bench_opaque_value(value);
}

static void generator_loop(long count)
{
    while (count-- > 0)
        with (cm_generator(1), value) bench_opaque_value(value);
}

static void plain_loop(long count)
{
    while (count-- > 0)
        with (cm_plain(1), value) bench_opaque_value(value);
}

static void class_exception_loop(long count)
{
    while (count-- > 0) {
        try {
            with (WITH_NEW(two_functions, .as = 1)) throw(ValueError, "through");
        } catch (ValueError) {
        }
    }
}

static void generator_exception_loop(long count)
{
    while (count-- > 0) {
        try {
            with (cm_generator(1)) throw(ValueError, "through");
        } catch (ValueError) {
        }
    }
}

static void beside_python(void)
{
    static const char setup[] = "from contextlib import contextmanager\n"
                                "@contextmanager\n"
                                "def generator(n):\n"
                                "    yield n\n";

    bench_beside_python("generator", generator_loop, setup, "with generator(1) as value: pass", 20);
    bench_beside_python("plain", plain_loop, setup, "with generator(1) as value: pass", 20);
    bench_beside_python("generator-exception", generator_exception_loop, setup,
                        "try:\n"
                        "    with generator(1): raise ValueError('through')\n"
                        "except ValueError: pass",
                        20);
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"hand", hand_loop},
        {"class", class_loop},
        {"generator", generator_loop},
        {"plain", plain_loop},
        {"class-exception", class_exception_loop},
        {"generator-exception", generator_exception_loop},
        {NULL, NULL},
    };
    static const struct bench_question questions[] = {
        {"generator", "class", 0, BENCH_NO_GOAL},
        {"generator", "hand", 0, BENCH_NO_GOAL},
        {"plain", "class", 0, BENCH_NO_GOAL},
        {"generator-exception", "class-exception", 0, BENCH_NO_GOAL},
        {NULL, NULL, 0, BENCH_NO_GOAL},
    };

    if (argc == 1) beside_python();
    return bench_main(argc, argv, cases, questions);
}
