/* SPDX-License-Identifier: MIT
 *
 * A break that was meant for the switch around the block.
 *
 * both: write `using (MANAGER, VAR);` in the loop instead
 */
#include "managers.h"

int program(int n)
{
    switch (n) {
    case 1: {
#ifdef FIXED
        using (WITH_NEW(held, .as = n));
        break;
#else
        with (WITH_NEW(held, .as = n)) {
            break;
        }
#endif
    }
    default: return wanted(n);
    }
    return 0;
}
