/* SPDX-License-Identifier: MIT
 *
 * A break in a block that has a landing.
 *
 * both: write `using (MANAGER, VAR);` in the loop instead
 */
#include "managers.h"

int program(int n)
{
    for (int i = 0; i < n; i++) {
        with (WITH_NEW(absorber, .as = i), value) {
#ifdef FIXED
            if (wanted(value)) goto done;
#else
            if (wanted(value)) break;
#endif
        }
    }
#ifdef FIXED
done:
#endif
    return 0;
}
