/* SPDX-License-Identifier: MIT
 *
 * A call inside a suppressor, which would have no value after an exception.
 *
 * both: `using` cannot hold a suppressor, whose exit may end the block before its end: write `with (MANAGER) { ... }`
 */
#include "managers.h"

#include <with/contextlib.h>

int program(int n)
{
#ifdef FIXED
    int value = -1;
    with (cm_suppress(KeyError)) value = wanted(n);
    return value;
#else
    return with_inside(cm_suppress(KeyError), wanted(n));
#endif
}
