/* SPDX-License-Identifier: MIT
 *
 * A break in the inner of two blocks, which would leave neither the outer nor the loop.
 *
 * both: write `using (MANAGER, VAR);` in the loop instead
 */
#include "managers.h"

int program(int n)
{
    for (int i = 0; i < n; i++) {
        with (WITH_NEW(held, .as = i))
            with (WITH_NEW(held, .as = n), value) {
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
