/* SPDX-License-Identifier: MIT
 *
 * A generator that yields nothing where it says a value.
 *
 * both: this generator yields a value: write `with_yield(VALUE)`
 */
#include "managers.h"

#include <with/generator.h>

WITH_GENERATOR(counting, int, (int, n))
{
#ifdef FIXED
    yield(n);
#else
    (void)n;
    yield();
#endif
}

int program(int n)
{
    with (cm_counting(n), number) return number;
    return 0;
}
