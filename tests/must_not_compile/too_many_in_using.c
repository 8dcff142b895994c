/* SPDX-License-Identifier: MIT
 *
 * A third argument.
 *
 * both: `using` takes a manager and a name: write `using (MANAGER, VAR);`
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    using (WITH_NEW(held, .as = n), value);
    n = wanted(value);
#else
    using (WITH_NEW(held, .as = n), value, more);
#endif
    return n;
}
