/* SPDX-License-Identifier: MIT
 *
 * A callback with two arguments.
 *
 * both: cm_callback() takes a function and at most one argument
 */
#include "managers.h"

#include <with/contextlib.h>

int program(int n)
{
#ifdef FIXED
    with (cm_callback(wanted, n)) (void)wanted(n);
#else
    with (cm_callback(wanted, n, n)) (void)wanted(n);
#endif
    return 0;
}
