/* SPDX-License-Identifier: MIT
 *
 * A generator that yields a number where it says a pointer.
 *
 * both: this is not a value of the type that the generator yields
 */
#include "managers.h"

#include <with/generator.h>

WITH_GENERATOR(pointing, int *, (int *, number))
{
#ifdef FIXED
    yield(number);
#else
    yield(*number);
#endif
}

int program(int n)
{
    with (cm_pointing(&n), number) return *number;
    return 0;
}
