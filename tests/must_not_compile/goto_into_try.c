/* SPDX-License-Identifier: MIT
 *
 * A goto into the body of a try.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it
 */
#include "managers.h"

int program(int n)
{
    if (wanted(n)) goto inside;
#ifdef FIXED
inside:
#endif
    try {
        (void)wanted(n + 1);
#ifndef FIXED
inside:
#endif
        (void)wanted(n + 2);
    } catch (Exception) {
        return 1;
    }
    return 0;
}
