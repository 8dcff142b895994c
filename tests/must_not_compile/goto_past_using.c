/* SPDX-License-Identifier: MIT
 *
 * A goto past a using.
 *
 * gcc: jump_past_using__put_it_in_braces_of_its_own
 * clang: braces round it!
 */
#include "managers.h"

int program(int n)
{
    if (wanted(n)) goto done;
#ifdef FIXED
    {
        using (WITH_NEW(held, .as = n), value);
        n = wanted(value);
    }
#else
    using (WITH_NEW(held, .as = n), value);
    n = wanted(value);
#endif
done:
    return n;
}
