/* SPDX-License-Identifier: MIT
 *
 * A break in the body of a catch.
 *
 * both: leave by `goto`
 */
#include "managers.h"

int program(int n)
{
    for (int i = 0; i < n; i++) {
        try {
            (void)wanted(i);
        } catch (ValueError) {
#ifdef FIXED
            if (wanted(i)) goto done;
#else
            if (wanted(i)) break;
#endif
        }
    }
#ifdef FIXED
done:
#endif
    return 0;
}
