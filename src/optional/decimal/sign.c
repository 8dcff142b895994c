/* SPDX-License-Identifier: MIT
 *
 * What changes a sign alone, with rounding and without; and a number without zeros at its end.
 */
#include "internal.h"

/* ---- Rounded --------------------------------------------------------------------------------- */

/* As 0 + a and 0 - a: a zero is positive, but when it is rounded to the floor. */
static void rounded(with_decimal *result, const with_decimal *a, bool negative,
                    const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    with__copy(result, a, status);
    result->negative_ = negative;
    if (with__is_zero(a) && context->rounding != WITH_ROUND_FLOOR) result->negative_ = 0;
    with__finish_own(result, context, status);
}

void with__plus(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                uint32_t *status)
{
    rounded(result, a, a->negative_, context, status);
}

void with__minus(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                 uint32_t *status)
{
    rounded(result, a, !a->negative_, context, status);
}

void with__abs(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
               uint32_t *status)
{
    if (a->negative_) with__minus(result, a, context, status);
    else with__plus(result, a, context, status);
}

void with__normalize(with_decimal *result, const with_decimal *a,
                     const with_decimal_context *context, uint32_t *status)
{
    const int64_t most = context->clamp ? with__etop(context) : context->Emax;

    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    with__copy(result, a, status);
    with__finish_own(result, context, status);
    if (with__is_special(result)) return;
    if (result->size_ == 0) {
        result->exponent_ = 0;
        return;
    }
    result->exponent_ +=
        with__strip_zeros(with__words(result), &result->size_, most - result->exponent_, status);
    with__set_words(result, with__words(result), result->size_, status);
}

/* ---- As they are ----------------------------------------------------------------------------- */

void with__copy_exactly(with_decimal *result, const with_decimal *a,
                        const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    with__copy(result, a, status);
}

void with__copy_abs(with_decimal *result, const with_decimal *a,
                    const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    with__copy(result, a, status);
    result->negative_ = 0;
}

void with__copy_negate(with_decimal *result, const with_decimal *a,
                       const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    with__copy(result, a, status);
    result->negative_ = !a->negative_;
}

void with__copy_sign(with_decimal *result, const with_decimal *a, const with_decimal *b,
                     const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    with__copy(result, a, status);
    result->negative_ = b->negative_;
}
