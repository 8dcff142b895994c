/* SPDX-License-Identifier: MIT
 *
 * A generator that may suppress, held by using.
 *
 * both: `using` cannot hold a suppressor
 */
#include "managers.h"

#include <with/generator.h>

#ifdef FIXED
WITH_PLAIN_GENERATOR(counting, int)
#else
WITH_GENERATOR(counting, int)
#endif
{
    yield(3);
}

int program(int n)
{
    using (cm_counting(), number);
    return number - n;
}
