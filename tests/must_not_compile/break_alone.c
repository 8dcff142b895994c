/* SPDX-License-Identifier: MIT
 *
 * A break that is all of the body, in a plain with without a name.
 *
 * both: write `using (MANAGER, VAR);` in the loop instead
 */
#include "managers.h"

int program(int n)
{
    while (wanted(n)) {
#ifdef FIXED
        using (WITH_NEW(held, .as = n));
        break;
#else
        with (WITH_NEW(held, .as = n)) break;
#endif
    }
    return 0;
}
