/* SPDX-License-Identifier: MIT
 *
 * How fast is decimal arithmetic, beside CPython's decimal (libmpdec)? At 28 digits, which is the default,
 * at 42, 100 and 1,000, what is long at 100,000 and 1,000,000, and of the numbers that a bill has.
 */
#include <with.h>
#include <with/decimal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python.h"

static const char pi[] =
    "1415926535897932384626433832795028841971693993751058209749445923078164062862089";
static const char e[] =
    "7182818284590452353602874713526624977572470936999595749669676277240766303535475";

static with_decimal a, b, r, product;
static char *text, setup[1000];

#define RUN(NAME, STATEMENT)                                                                       \
    static void NAME(long count)                                                                   \
    {                                                                                              \
        while (count-- > 0) STATEMENT;                                                             \
    }

RUN(run_add, with_decimal_add(&r, &a, &b))
RUN(run_unaligned, with_decimal_add(&r, &a, &product))
RUN(run_mul, with_decimal_mul(&r, &a, &b))
RUN(run_div, with_decimal_div(&r, &a, &b))
RUN(run_sqrt, with_decimal_sqrt(&r, &a))
RUN(run_exp, with_decimal_exp(&r, &a))
RUN(run_ln, with_decimal_ln(&r, &a))
RUN(run_from_string, with_decimal_from_string(&r, text))
RUN(run_to_string, with_decimal_to_string(text, (size_t)1 << 21, &a))
RUN(run_quantize, with_decimal_quantize(&r, &a, &product))
RUN(run_integer, with_decimal_div_int(&r, &a, &b))
RUN(run_hash, (void)with_decimal_hash(&a))
RUN(run_localcontext, with (cm_localcontext(.prec = 42)) __asm__ volatile("" ::: "memory"))

/* "3." and so many digits but one, from the pattern over and over. */
static void fill(char first, const char *pattern, int digits)
{
    text[0] = first;
    text[1] = '.';
    for (int i = 0; i + 1 < digits; i++) text[2 + i] = pattern[(size_t)i % strlen(pattern)];
    text[digits + 1] = '\0';
}

static void set_up(int digits)
{
    with_getcontext()->prec = digits;
    fill('2', e, digits);
    with_decimal_from_string(&b, text);
    fill('3', pi, digits);
    with_decimal_from_string(&a, text);
    with_decimal_div_int(&product, &a, &b);
    with_decimal_div(&product, &a, &b);
    with_decimal_from_string(&r, "1E-7");
    with_decimal_mul(&product, &product, &r);
    snprintf(
        setup, sizeof setup,
        "from decimal import Decimal, getcontext, localcontext; n = %d; getcontext().prec = n\n"
        "a = Decimal('3.' + ('%s' * (n // 70 + 1))[:n - 1])\n"
        "b = Decimal('2.' + ('%s' * (n // 70 + 1))[:n - 1])\n"
        "c = a / b * Decimal('1E-7'); s = str(a)",
        digits, pi, e);
}

static void measure(const char *name, int digits, bench_function *ours, const char *statement,
                    double goal)
{
    char title[60];

    snprintf(title, sizeof title, "%s, %d digits", name, digits);
    bench_beside_python(title, ours, setup, statement, goal);
}

static void measure_all(int digits, const double goals[6])
{
    set_up(digits);
    measure("add", digits, run_add, "a + b", goals[0]);
    measure("add, unaligned", digits, run_unaligned, "a + c", 0);
    measure("mul", digits, run_mul, "a * b", goals[1]);
    measure("div", digits, run_div, "a / b", goals[2]);
    measure("sqrt", digits, run_sqrt, "a.sqrt()", goals[3]);
    measure("exp", digits, run_exp, "a.exp()", goals[4]);
    measure("ln", digits, run_ln, "a.ln()", goals[5]);
    measure("from string", digits, run_from_string, "Decimal(s)", 0);
    measure("to string", digits, run_to_string, "str(a)", 0);
}

static void measure_small(void)
{
    const char *python = "from decimal import Decimal\n"
                         "a = Decimal('1234.567'); b = Decimal('0.99'); c = Decimal('0.01')";

    with_getcontext()->prec = 28;
    with_decimal_from_string(&a, "1234.567");
    with_decimal_from_string(&b, "0.99");
    with_decimal_from_string(&product, "0.01");
    bench_beside_python("1234.567 + 0.99", run_add, python, "a + b", 0);
    bench_beside_python("1234.567 * 0.99", run_mul, python, "a * b", 0);
    bench_beside_python("1234.567 / 0.99", run_div, python, "a / b", 0);
    bench_beside_python("1234.567 // 0.99", run_integer, python, "a // b", 0);
    bench_beside_python("1234.567 to 0.01", run_quantize, python, "a.quantize(c)", 0);
    bench_beside_python("hash of 1234.567", run_hash, python, "hash(a)", 0);
}

static void measure_long(int digits, double mul, double div)
{
    set_up(digits);
    measure("mul", digits, run_mul, "a * b", mul);
    measure("div", digits, run_div, "a / b", div);
    measure("from string", digits, run_from_string, "Decimal(s)", 0);
    measure("to string", digits, run_to_string, "str(a)", 0);
}

int main(void)
{
    with_decimal_init(&a);
    with_decimal_init(&b);
    with_decimal_init(&r);
    with_decimal_init(&product);
    text = malloc((size_t)1 << 21);
    if (!text) return 1;
    measure_all(28, (const double[]){3, 4, 5, 12, 40, 40});
    measure_all(42, (const double[6]){0});
    measure_all(100, (const double[]){1.5, 2.5, 3, 25, 8, 8});
    measure_all(1000, (const double[]){0, 0, 0, 100, 100, 100});
    set_up(28);
    bench_beside_python("localcontext", run_localcontext, setup,
                        "with localcontext() as c: c.prec = 42", 265. / 20);
    measure_small();
    measure_long(100000, 0, 0);
    measure_long(1000000, 4.5, 15);
    with_decimal_fini(&a);
    with_decimal_fini(&b);
    with_decimal_fini(&r);
    with_decimal_fini(&product);
    free(text);
    return 0;
}
