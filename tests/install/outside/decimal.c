/* SPDX-License-Identifier: MIT
 *
 * A program outside of the project that uses the optional library with-decimal.
 */
#include <with/decimal.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    bool right = false;

    with (cm_localcontext(.prec = 42))
        with (cm_decimal(1), quotient) {
            using (cm_decimal("42"), n);
            with_decimal_div(quotient, quotient, n);
            using (cm_decimal_string(quotient), text);
            right = strcmp(text, "0.0238095238095238095238095238095238095238095") == 0;
        }
    printf("libwith-decimal: %s\n", right ? "works" : "does not work");
    return right ? 0 : 1;
}
