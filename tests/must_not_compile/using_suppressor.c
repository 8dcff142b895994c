/* SPDX-License-Identifier: MIT
 *
 * A suppressor held by using, which has nowhere to go on after an exception.
 *
 * both: `using` cannot hold a suppressor, whose exit may end the block before its end: write `with (MANAGER) { ... }`
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    with (WITH_NEW(absorber, .as = n), value) {
        (void)wanted(value);
    }
#else
    using (WITH_NEW(absorber, .as = n), value);
    (void)wanted(value);
#endif
    return 0;
}
