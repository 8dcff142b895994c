/* SPDX-License-Identifier: MIT
 *
 * For the tests of with/decimal.h: all operations by their names, and short ways to write and read numbers.
 */
#ifndef TEST_DECIMAL_H
#define TEST_DECIMAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <with.h>
#include <with/decimal.h>

#include <stdlib.h>

#include "test.h"

#define HELPER static inline __attribute__((unused))

/* ---- Operations ---------------------------------------------------------------------------- */

typedef int unary(with_decimal_context *context, with_decimal *result, const with_decimal *a);
typedef int binary(with_decimal_context *context, with_decimal *result, const with_decimal *a,
                   const with_decimal *b);
typedef int ternary(with_decimal_context *context, with_decimal *result, const with_decimal *a,
                    const with_decimal *b, const with_decimal *c);

struct operation {
    const char *name;
    unary *one;
    binary *two;
    ternary *three;
};

#define UNARY_OPERATIONS(X)                                                                        \
    X(plus)                                                                                        \
    X(minus)                                                                                       \
    X(abs)                                                                                         \
    X(normalize)                                                                                   \
    X(sqrt)                                                                                        \
    X(exp)                                                                                         \
    X(ln)                                                                                          \
    X(log10)                                                                                       \
    X(sin)                                                                                         \
    X(cos)                                                                                         \
    X(tan)                                                                                         \
    X(atan)                                                                                        \
    X(to_integral_value)                                                                           \
    X(to_integral_exact)                                                                           \
    X(floor)                                                                                       \
    X(ceil)                                                                                        \
    X(trunc)                                                                                       \
    X(logb)                                                                                        \
    X(next_minus)                                                                                  \
    X(next_plus)                                                                                   \
    X(logical_invert)                                                                              \
    X(copy)                                                                                        \
    X(copy_abs)                                                                                    \
    X(copy_negate)
#define BINARY_OPERATIONS(X)                                                                       \
    X(add)                                                                                         \
    X(sub)                                                                                         \
    X(mul)                                                                                         \
    X(div)                                                                                         \
    X(div_int)                                                                                     \
    X(remainder)                                                                                   \
    X(remainder_near)                                                                              \
    X(power)                                                                                       \
    X(quantize)                                                                                    \
    X(scaleb)                                                                                      \
    X(shift)                                                                                       \
    X(rotate)                                                                                      \
    X(next_toward)                                                                                 \
    X(logical_and)                                                                                 \
    X(logical_or)                                                                                  \
    X(logical_xor)                                                                                 \
    X(compare)                                                                                     \
    X(compare_signal)                                                                              \
    X(compare_total)                                                                               \
    X(compare_total_mag)                                                                           \
    X(max)                                                                                         \
    X(max_mag)                                                                                     \
    X(min)                                                                                         \
    X(min_mag)                                                                                     \
    X(copy_sign)
#define TERNARY_OPERATIONS(X)                                                                      \
    X(fma)                                                                                         \
    X(power_modulo)

static const struct operation operations[] = {
#define ROW(NAME) {.name = #NAME, .one = with_decimal_##NAME##_in},
    UNARY_OPERATIONS(ROW)
#undef ROW
#define ROW(NAME) {.name = #NAME, .two = with_decimal_##NAME##_in},
        BINARY_OPERATIONS(ROW)
#undef ROW
#define ROW(NAME) {.name = #NAME, .three = with_decimal_##NAME##_in},
            TERNARY_OPERATIONS(ROW)
#undef ROW
};

HELPER const struct operation *operation_of(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0) return &operations[i];
    return NULL;
}

HELPER int operands_of(const struct operation *operation)
{
    return operation->one ? 1 : operation->two ? 2 : 3;
}

HELPER int operate(const struct operation *operation, with_decimal_context *context,
                   with_decimal *result, const with_decimal operands[3])
{
    if (operation->one) return operation->one(context, result, &operands[0]);
    if (operation->two) return operation->two(context, result, &operands[0], &operands[1]);
    return operation->three(context, result, &operands[0], &operands[1], &operands[2]);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* What is read in it is what it says. */
static const with_decimal_context wide = {.prec = WITH_DECIMAL_MAX_PREC,
                                          .Emin = WITH_DECIMAL_MIN_EMIN,
                                          .Emax = WITH_DECIMAL_MAX_EMAX,
                                          .rounding = WITH_ROUND_HALF_EVEN,
                                          .capitals = 1};

/* The caller's to free. */
HELPER char *text_of(const with_decimal *a)
{
    const ptrdiff_t length = with_decimal_to_string_in(&wide, NULL, 0, a);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);

    if (text) with_decimal_to_string_in(&wide, text, (size_t)length + 1, a);
    return text;
}

HELPER bool is_text(const with_decimal *a, const char *wanted, const char *file, int line)
{
    char *text = text_of(a);
    const bool same = test_strings(text, wanted, file, line, "the number");

    free(text);
    return same;
}

#define CHECK_DECIMAL(A, WANTED) is_text(A, WANTED, __FILE__, __LINE__)

HELPER with_decimal number(const char *text)
{
    with_decimal_context context = wide;
    with_decimal result = WITH_DECIMAL_INIT;

    CHECK_INT(with_decimal_from_string_in(&context, &result, text), 0);
    return result;
}

#endif
