/* SPDX-License-Identifier: MIT
 *
 * The C++ side of the matrix of ways out: an exception that passes through frames of C.
 */
#include "ways_out.h"

void throw_foreign(void)
{
    throw static_cast<int>(FOREIGN_VALUE);
}

bool catch_foreign(void (*function)(void *argument), void *argument, int *ret_value)
{
    try {
        function(argument);
    } catch (int value) {
        *ret_value = value;
        return true;
    }
    return false;
}
