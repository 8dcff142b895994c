/* SPDX-License-Identifier: MIT
 *
 * A quotient in a context of the block's own, and in the thread's.
 */
#include "quotients.h"

#include <stdio.h>

#include <with/decimal.h>

static void print_quotient(const char *where)
{
    using (cm_decimal("1"), one);
    using (cm_decimal("42"), n);
    using (cm_decimal_new(), quotient);

    with_decimal_div(quotient, one, n);
    with (cm_decimal_string(quotient), text) printf("  1 / 42    %s: %s\n", where, text);
}

void print_quotients(void)
{
    with (cm_localcontext(.prec = 42)) print_quotient("in the block");
    print_quotient("after it    ");
}
