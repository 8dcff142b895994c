/* SPDX-License-Identifier: MIT
 *
 * A target that is none: neither a path, nor a stream, nor a descriptor.
 *
 * gcc: is not compatible with any association
 * clang: not compatible with any generic association type
 */
#include "managers.h"

#include <with/redirect.h>

int program(int n)
{
#ifdef FIXED
    with (cm_redirect_stdout(n)) (void)wanted(n);
#else
    with (cm_redirect_stdout(&n)) (void)wanted(n);
#endif
    return 0;
}
