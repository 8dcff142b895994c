/* SPDX-License-Identifier: MIT
 *
 * Which locals keep their values over a throw.
 */
#include <with.h>

static void may_throw(int i)
{
    if (i == 3) throw(ValueError, "three");
}

int main(void)
{
    const int limit = 5;   /* never changed: safe */
    volatile int done = 0; /* changed in the try body, read after a throw: volatile */
    int failures = 0;      /* changed in a handler: safe */

    try {
        for (int i = 1; i <= limit; i++) {
            may_throw(i);
            done++;
        }
    } catch (ValueError) {
        failures++;
    }
    printf("%d of %d done, %d failure\n", done, limit, failures);
    return 0;
}
