/* SPDX-License-Identifier: MIT
 *
 * A callback that would be called with an argument of another type.
 *
 * both: cm_callback() takes a function that returns void or int, and what that function takes: an int, a pointer of the same type, or nothing
 */
#include "managers.h"

#include <with/contextlib.h>

static void take(int *number)
{
    ++*number;
}

int program(int n)
{
#ifdef FIXED
    int number = n;
#else
    unsigned number = (unsigned)n;
#endif
    with (cm_callback(take, &number)) (void)wanted(n);
    return (int)number;
}
