/* SPDX-License-Identifier: MIT
 *
 * A generator with nine parameters.
 *
 * both: a generator takes up to 8 parameters
 */
#include "managers.h"

#include <with/generator.h>

#ifdef FIXED
#define NINTH
#else
#define NINTH , (int, i)
#endif

WITH_GENERATOR(adding, int, (int, a), (int, b), (int, c), (int, d), (int, e), (int, f), (int, g),
               (int, h)NINTH)
{
    yield(a + b + c + d + e + f + g + h);
}

int program(int n)
{
    with (cm_adding(n, n, n, n, n, n, n, n), sum) return sum;
    return 0;
}
