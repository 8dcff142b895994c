/* SPDX-License-Identifier: MIT
 *
 * What the compiler cannot see through, since it stands in a file of its own.
 */
#include "bench.h"

void bench_opaque(void) {}

int bench_opaque_value(int value)
{
    return value;
}
