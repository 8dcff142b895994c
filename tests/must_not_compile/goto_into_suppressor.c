/* SPDX-License-Identifier: MIT
 *
 * A goto into the body of a block that has a landing.
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
    with (WITH_NEW(absorber, .as = n), value) {
        (void)wanted(value);
#ifndef FIXED
inside:
#endif
        (void)wanted(n);
    }
    return 0;
}
