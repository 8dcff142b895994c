/* SPDX-License-Identifier: MIT
 *
 * A break that would leave only the block.
 *
 * both: write `using (MANAGER, VAR);` in the loop instead
 */
#include "managers.h"

int program(int n)
{
    for (int i = 0; i < n; i++) {
#ifdef FIXED
        using (WITH_NEW(held, .as = i), value);
        if (wanted(value)) break;
#else
        with (WITH_NEW(held, .as = i), value) {
            if (wanted(value)) break;
        }
#endif
    }
    return 0;
}
