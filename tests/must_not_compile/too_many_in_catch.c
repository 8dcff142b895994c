/* SPDX-License-Identifier: MIT
 *
 * A third argument.
 *
 * both: write `catch (TYPE, e)`, and another `catch` for another type
 */
#include "managers.h"

int program(int n)
{
    try {
        (void)wanted(n);
#ifdef FIXED
    } catch (ValueError, e) {
#else
    } catch (ValueError, KeyError, e) {
#endif
        (void)wanted(e->code);
    }
    return 0;
}
