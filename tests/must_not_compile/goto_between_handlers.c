/* SPDX-License-Identifier: MIT
 *
 * A goto from the body of a try into its handler, which has nothing to handle then.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: cannot jump from this goto statement to its label
 */
#include "managers.h"

int program(int n)
{
    try {
#ifdef FIXED
        if (wanted(n)) throw(ValueError, "%d is wanted", n);
#else
        if (wanted(n)) goto inside;
#endif
    } catch (Exception, e) {
#ifndef FIXED
inside:
#endif
        (void)wanted(e->code);
    }
    return 0;
}
