/* SPDX-License-Identifier: MIT
 *
 * A goto into a handler.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    if (wanted(n)) goto outside;
#else
    if (wanted(n)) goto inside;
#endif
    try {
        (void)wanted(n + 1);
    } catch (Exception) {
        (void)wanted(n + 2);
#ifndef FIXED
inside:
#endif
        (void)wanted(n + 3);
    }
#ifdef FIXED
outside:
#endif
    return 0;
}
