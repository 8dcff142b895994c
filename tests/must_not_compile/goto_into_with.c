/* SPDX-License-Identifier: MIT
 *
 * A goto into the body of a with.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it!
 */
#include "managers.h"

int program(int n)
{
    if (wanted(n)) goto inside;
#ifdef FIXED
inside:
#endif
    with (WITH_NEW(held, .as = n)) {
        n++;
#ifndef FIXED
inside:
#endif
        n = wanted(n);
    }
    return n;
}
