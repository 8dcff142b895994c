/* SPDX-License-Identifier: MIT
 *
 * A name for a manager that has nothing to name.
 *
 * gcc: has no member named 'as'
 * clang: this manager has nothing to name: write with (MANAGER), no VAR
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    with (WITH_NEW(nameless)) {
        n = wanted(n);
    }
#else
    with (WITH_NEW(nameless), value) {
        n = wanted(value);
    }
#endif
    return n;
}
