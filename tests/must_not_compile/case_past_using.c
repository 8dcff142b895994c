/* SPDX-License-Identifier: MIT
 *
 * A case label past a using.
 *
 * gcc: jump_past_using__put_it_in_braces_of_its_own
 * clang: braces round it!
 */
#include "managers.h"

int program(int n)
{
    switch (n) {
#ifdef FIXED
    case 1: {
        using (WITH_NEW(held, .as = n));
        return wanted(n);
    }
#else
    case 1:; using (WITH_NEW(held, .as = n)); return wanted(n);
#endif
    case 2: return 2;
    default: return 0;
    }
}
