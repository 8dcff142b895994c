/* SPDX-License-Identifier: MIT
 *
 * A generator that yields a pointer of another type than it says, for which compilers only warn.
 *
 * both: this is not a value of the type that the generator yields
 */
#include "managers.h"

#include <with/generator.h>

WITH_GENERATOR(pointing, const char *, (const char *, text), (long *, number))
{
#ifdef FIXED
    yield(*number ? text : NULL);
#else
    (void)text;
    yield(number);
#endif
}

int program(int n)
{
    long number = n;

    with (cm_pointing("text", &number), text) return *text;
    return 0;
}
