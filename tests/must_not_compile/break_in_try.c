/* SPDX-License-Identifier: MIT
 *
 * A break in the body of a try.
 *
 * both: leave by `goto`
 */
#include "managers.h"

int program(int n)
{
    for (int i = 0; i < n; i++) {
        try {
#ifdef FIXED
            if (wanted(i)) goto done;
#else
            if (wanted(i)) break;
#endif
        } catch (ValueError) {
            (void)wanted(-i);
        }
    }
#ifdef FIXED
done:
#endif
    return 0;
}
