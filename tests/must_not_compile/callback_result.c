/* SPDX-License-Identifier: MIT
 *
 * A callback whose result nobody could interpret.
 *
 * both: cm_callback() takes a function that returns void or int
 */
#include "managers.h"

#include <with/contextlib.h>

#ifdef FIXED
static int count(int n)
#else
static long count(int n)
#endif
{
    return n;
}

int program(int n)
{
    with (cm_callback(count, n)) (void)wanted(n);
    return 0;
}
