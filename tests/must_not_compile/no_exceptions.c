/* SPDX-License-Identifier: MIT
 *
 * A compilation without -fexceptions, in which cancellation would skip the exits.
 *
 * both: with.h needs -fexceptions, so that cancellation and C++ exceptions run the exits
 * options: -fno-exceptions
 */
#include "managers.h"

int program(int n)
{
    using (WITH_NEW(held, .as = n), value);
    return wanted(value);
}
