/* SPDX-License-Identifier: MIT
 *
 * A third argument.
 *
 * both: `with` takes a manager and a name: write `with (MANAGER, VAR)`
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    using (WITH_NEW(held, .as = n), value);
    n = wanted(value);
#else
    with (WITH_NEW(held, .as = n), value, more) n = wanted(value);
#endif
    return n;
}
