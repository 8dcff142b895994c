/* SPDX-License-Identifier: MIT
 *
 * A message whose arguments do not fit its format.
 *
 * gcc: -Werror=format
 * clang: format specifies type 'char *' but the argument has type 'int'
 * options: -Werror=format -Wall
 */
#include "managers.h"

int program(int n)
{
#ifdef FIXED
    if (wanted(n)) throw(ValueError, "%d is wanted", n);
#else
    if (wanted(n)) throw(ValueError, "%s is wanted", n);
#endif
    return 0;
}
