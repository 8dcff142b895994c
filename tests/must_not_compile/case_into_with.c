/* SPDX-License-Identifier: MIT
 *
 * A case label in the body of a with.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it!
 */
#include "managers.h"

int program(int n)
{
    switch (n) {
    case 1: with (WITH_NEW(held, .as = n)) { (void)wanted(n);
#ifdef FIXED
        }
        return 1;
    case 2: with (WITH_NEW(held, .as = n)) {
#else
        case 2:
#endif
            (void)wanted(-n);
        }
        return 2;
    default: return 0;
    }
}
