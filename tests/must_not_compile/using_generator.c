/* SPDX-License-Identifier: MIT
 *
 * A generator that may suppress, held by using.
 *
 * both: `using` cannot hold a suppressor
 */
#include "managers.h"

#include <with/generator.h>

#ifdef FIXED
WITH_PLAIN_GENERATOR(counting, int, (int, n))
#else
WITH_GENERATOR(counting, int, (int, n))
#endif
{
    yield(n);
}

int program(int n)
{
    using (cm_counting(n), number);
    return number;
}
