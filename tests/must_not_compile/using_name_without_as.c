/* SPDX-License-Identifier: MIT
 *
 * The same with using.
 *
 * gcc: has no member named 'as'
 * clang: this manager has nothing to name: write with (MANAGER), no VAR
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    using (WITH_NEW(nameless));
    return wanted(n);
#else
    using (WITH_NEW(nameless), value);
    return wanted(n + value);
#endif
}
