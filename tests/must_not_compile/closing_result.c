/* SPDX-License-Identifier: MIT
 *
 * A destroy function whose result nobody could interpret.
 *
 * both: destroy must return void or int: WITH_CLOSING() would not know a failure; put a function of your own around it
 */
#include "managers.h"

#include <with/contextlib.h>

#ifdef FIXED
static int destroy(int *number)
#else
static bool destroy(int *number)
#endif
{
    return *number == 0;
}

WITH_CLOSING(int *, number, destroy);

int program(int n)
{
    with (cm_closing_number(&n)) (void)wanted(n);
    return 0;
}
