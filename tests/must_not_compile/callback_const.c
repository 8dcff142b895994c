/* SPDX-License-Identifier: MIT
 *
 * A callback that could change what is const.
 *
 * both: cm_callback() takes a function that returns void or int, and what that function takes
 */
#include "managers.h"

#include <with/contextlib.h>

#include <stdlib.h>

int program(int n)
{
#ifdef FIXED
    char *text = malloc(1);
#else
    const char *text = malloc(1);
#endif
    with (cm_callback(free, text)) (void)wanted(n);
    return 0;
}
