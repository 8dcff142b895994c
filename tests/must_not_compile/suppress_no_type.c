/* SPDX-License-Identifier: MIT
 *
 * Something else than an exception type, where one is to be suppressed.
 *
 * gcc: is not compatible with any association
 * clang: not compatible with any generic association type
 */
#include "managers.h"

#include <with/contextlib.h>

int program(int n)
{
#ifdef FIXED
    with (cm_suppress(KeyError, IndexError)) (void)wanted(n);
#else
    with (cm_suppress(KeyError, n)) (void)wanted(n);
#endif
    return 0;
}
