/* SPDX-License-Identifier: MIT
 *
 * A number of a type that would be cut off.
 *
 * gcc: is not compatible with any association
 * clang: not compatible with any generic association type
 */
#include "managers.h"

#include <with/decimal.h>

int program(int n)
{
#ifdef FIXED
    with (cm_decimal(1.5)) (void)wanted(n);
#else
    with (cm_decimal(1.5L)) (void)wanted(n);
#endif
    return 0;
}
