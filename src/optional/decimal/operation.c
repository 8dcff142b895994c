/* SPDX-License-Identifier: MIT
 *
 * The two functions of each operation, around the one that computes.
 */
#include "operation.h"

#define OPERATION_0(NAME)                                                                          \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result)              \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!with__operation_begin(&self, context)) return -EINVAL;                                \
        with__##NAME(&self.result, context, &self.status);                                         \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result)                                                 \
    {                                                                                              \
        with_decimal_context *context = with__context();                                           \
        const int error = with_decimal_##NAME##_in(context, result);                               \
        if (WITH__UNLIKELY(error)) with__throw_failed(#NAME, error, context, NULL, NULL, NULL);    \
    }

#define OPERATION_1(NAME, FUNCTION)                                                                \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,              \
                                 const with_decimal *a)                                            \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!with__operation_begin(&self, context)) return -EINVAL;                                \
        FUNCTION(&self.result, a, context, &self.status);                                          \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result, const with_decimal *a)                          \
    {                                                                                              \
        with_decimal_context *context = with__context();                                           \
        const int error = with_decimal_##NAME##_in(context, result, a);                            \
        if (WITH__UNLIKELY(error)) with__throw_failed(#NAME, error, context, a, NULL, NULL);       \
    }

#define OPERATION_3(NAME)                                                                          \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,              \
                                 const with_decimal *a, const with_decimal *b,                     \
                                 const with_decimal *c)                                            \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!with__operation_begin(&self, context)) return -EINVAL;                                \
        with__##NAME(&self.result, a, b, c, context, &self.status);                                \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result, const with_decimal *a, const with_decimal *b,   \
                             const with_decimal *c)                                                \
    {                                                                                              \
        with_decimal_context *context = with__context();                                           \
        const int error = with_decimal_##NAME##_in(context, result, a, b, c);                      \
        if (WITH__UNLIKELY(error)) with__throw_failed(#NAME, error, context, a, b, c);             \
    }

#define OPERATION_2(NAME) WITH__OPERATION_2(NAME, false)
#define UNARY(NAME) OPERATION_1(NAME, with__##NAME)

/* clang-format off */
OPERATION_2(remainder_near)
OPERATION_3(fma)
UNARY(plus)
UNARY(minus)
UNARY(abs)
UNARY(normalize)
UNARY(sqrt)
UNARY(exp)
UNARY(ln)
UNARY(log10)
UNARY(sin)
UNARY(cos)
UNARY(tan)
UNARY(atan)
OPERATION_0(pi)
OPERATION_2(power)
OPERATION_3(power_modulo)
OPERATION_2(quantize)
UNARY(to_integral_value)
UNARY(to_integral_exact)
UNARY(floor)
UNARY(ceil)
UNARY(trunc)
UNARY(logb)
OPERATION_2(scaleb)
OPERATION_2(shift)
OPERATION_2(rotate)
UNARY(next_minus)
UNARY(next_plus)
OPERATION_2(next_toward)
OPERATION_2(logical_and)
OPERATION_2(logical_or)
OPERATION_2(logical_xor)
UNARY(logical_invert)
OPERATION_2(compare)
OPERATION_2(compare_signal)
OPERATION_2(compare_total)
OPERATION_2(compare_total_mag)
OPERATION_2(max)
OPERATION_2(max_mag)
OPERATION_2(min)
OPERATION_2(min_mag)
OPERATION_1(copy, with__copy_exactly)
UNARY(copy_abs)
UNARY(copy_negate)
OPERATION_2(copy_sign)
/* clang-format on */

/* ---- Those of another shape ------------------------------------------------------------------ */

int with_decimal_divmod_in(with_decimal_context *context, with_decimal *quotient,
                           with_decimal *remainder, const with_decimal *a, const with_decimal *b)
{
    struct with__operation self;
    with_decimal rest = WITH_DECIMAL_INIT;
    int error;

    if (!with__operation_begin(&self, context)) return -EINVAL;
    with__divmod(&self.result, &rest, a, b, context, &self.status);
    error = with__operation_end(&self, context, quotient);
    if (error == 0) with__move(remainder, &rest);
    else with__release(&rest);
    return error;
}

void with_decimal_divmod(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                         const with_decimal *b)
{
    with_decimal_context *context = with__context();
    const int error = with_decimal_divmod_in(context, quotient, remainder, a, b);

    if (error) with__throw_failed("divmod", error, context, a, b, NULL);
}

int with_decimal_round_in(with_decimal_context *context, with_decimal *result,
                          const with_decimal *a, int64_t digits)
{
    struct with__operation self;

    if (!with__operation_begin(&self, context)) return -EINVAL;
    with__round(&self.result, a, digits, context, &self.status);
    return with__operation_end(&self, context, result);
}

void with_decimal_round(with_decimal *result, const with_decimal *a, int64_t digits)
{
    with_decimal_context *context = with__context();
    const int error = with_decimal_round_in(context, result, a, digits);
    with_decimal count = WITH_DECIMAL_INIT;

    if (!error) return;
    with_decimal_from_int64_in(&(with_decimal_context){.prec = 28}, &count, digits);
    with__throw_failed("round", error, context, a, &count, NULL);
}
