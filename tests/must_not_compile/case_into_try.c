/* SPDX-License-Identifier: MIT
 *
 * A case label in the body of a try.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it
 */
#include "managers.h"

int program(int n)
{
    switch (n) {
    default:
#ifdef FIXED
    case 2:
#endif
        try {
            (void)wanted(n + 1);
#ifndef FIXED
        case 2:
#endif
            (void)wanted(n + 2);
        } catch (Exception) {
            return 1;
        }
    }
    return 0;
}
