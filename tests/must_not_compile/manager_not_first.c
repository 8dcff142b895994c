/* SPDX-License-Identifier: MIT
 *
 * A manager whose head is not its first member.
 *
 * both: WITH_MANAGER or WITH_SUPPRESSOR must come first in struct late
 */
#include "managers.h"

struct late {
#ifdef FIXED
    WITH_MANAGER;
    int as;
#else
    int as;
    WITH_MANAGER;
#endif
};
DEFINE_MANAGER(late);

int program(int n)
{
    using (WITH_NEW(late, .as = n), value);
    return wanted(value);
}
