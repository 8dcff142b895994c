/* SPDX-License-Identifier: MIT
 *
 * Decimal arithmetic: a context is a way of working that ends with its block.
 */
#include <stdio.h>

#include <with.h>
#include <with/decimal.h>

static void print(const char *what, const with_decimal *number)
{
    with (cm_decimal_string(number), text) printf("%-22s %s\n", what, text);
}

/* The seed of libwith, in C: with localcontext() as ctx: ctx.prec = 42 */
static void divide(void)
{
    with (cm_localcontext(.prec = 42)) {
        using (cm_decimal("1"), one);
        using (cm_decimal("42"), n);
        using (cm_decimal_new(), q);
        with_decimal_div(q, one, n);
        print("in the block", q);
    } /* back to 28 digits */
    with (cm_decimal("1"), q) {
        using (cm_decimal("42"), n);
        with_decimal_div(q, q, n);
        print("after it", q);
    }
}

/* Money: cents are exact, and a bill is rounded as the law says. */
static void add_tax(const char *price)
{
    using (cm_decimal(price), total);
    using (cm_decimal("1.19"), tax);
    using (cm_decimal("0.01"), cent);

    with (cm_localcontext(.rounding = WITH_ROUND_HALF_UP)) {
        with_decimal_mul(total, total, tax);
        with_decimal_quantize(total, total, cent);
    }
    with (cm_decimal_format(total, ",.2f"), text) printf("%-22s %s\n", "with tax", text);
}

/* What must not be rounded is trapped: then it is an exception, and the number is as it was. */
static void share(int among)
{
    with (cm_localcontext(.traps = WITH_SIGNAL_INEXACT | WITH_SIGNAL_DIVISION_BY_ZERO))
        with (cm_decimal("100.00"), money) {
            using (cm_decimal(among), people);
            try {
                with_decimal_div(money, money, people);
            } catch (DecimalException, e) {
                printf("%-22s %s: %s\n", "refused", e->type->name, e->message);
            }
            print("each gets", money);
        }
}

/* The ratio of the golden section, and a sine, at any precision. */
static void be_precise(int digits)
{
    with (cm_localcontext(.prec = digits)) {
        using (cm_decimal(5), phi);
        using (cm_decimal(1), x);
        with_decimal_sqrt(phi, phi);
        with_decimal_add(phi, phi, x);
        with (cm_decimal(2), two) with_decimal_div(phi, phi, two);
        print("the golden section", phi);
        with_decimal_sin(x, x);
        print("sin(1)", x);
    }
}

int main(void)
{
    divide();
    add_tax("1034.37");
    share(8);
    share(3);
    share(0);
    be_precise(60);
    return 0;
}
