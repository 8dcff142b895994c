/* SPDX-License-Identifier: MIT
 *
 * Numbers with a given exponent, and integers.
 */
#include "internal.h"

/* ---- A given exponent ------------------------------------------------------------------------ */

/* Ends what has been given its exponent: it must fit as it is. */
static void finish_quantized(with_decimal *result, const with_decimal_context *context,
                             uint32_t *status)
{
    if (*status & WITH__NO_MEMORY) return;
    if (with__adjusted(result) > context->Emax || result->digits_ > context->prec) {
        *status &= (uint32_t) ~(WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT);
        with__set_invalid(result, WITH__NO_ROOM, status);
        return;
    }
    with__finish_own(result, context, status);
}

static void quantize_to(with_decimal *result, const with_decimal *a, int64_t exponent,
                        const with_decimal_context *context, uint32_t *status)
{
    if (exponent < with__etiny(context) || exponent > context->Emax ||
        (a->size_ &&
         (with__adjusted(a) > context->Emax || with__adjusted(a) - exponent + 1 > context->prec))) {
        with__set_invalid(result, WITH__NO_ROOM, status);
        return;
    }
    with__rescale(result, a, exponent, context->rounding, status);
    finish_quantized(result, context, status);
}

void with__quantize(with_decimal *result, const with_decimal *a, const with_decimal *b,
                    const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (with__is_special(a) != with__is_special(b))
        with__set_invalid(result, WITH__INFINITIES, status);
    else if (with__is_special(a)) with__copy(result, a, status);
    else quantize_to(result, a, b->exponent_, context, status);
}

void with__round(with_decimal *result, const with_decimal *a, int64_t digits,
                 const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    if (with__is_special(a)) with__set_invalid(result, WITH__INFINITIES, status);
    else if (digits < -WITH_DECIMAL_MAX_EMAX * 2 || digits > WITH_DECIMAL_MAX_EMAX * 2)
        with__set_invalid(result, WITH__NO_ROOM, status);
    else quantize_to(result, a, -digits, context, status);
}

/* ---- Integers -------------------------------------------------------------------------------- */

static void to_integral(with_decimal *result, const with_decimal *a, enum with_rounding rounding,
                        const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    if (with__is_special(a) || a->exponent_ >= 0) with__copy(result, a, status);
    else if (a->size_ == 0) {
        with__copy(result, a, status);
        result->exponent_ = 0;
    } else with__rescale(result, a, 0, rounding, status);
}

void with__to_integral_exact(with_decimal *result, const with_decimal *a,
                             const with_decimal_context *context, uint32_t *status)
{
    to_integral(result, a, context->rounding, context, status);
}

static void to_integral_quietly(with_decimal *result, const with_decimal *a,
                                enum with_rounding rounding, const with_decimal_context *context,
                                uint32_t *status)
{
    to_integral(result, a, rounding, context, status);
    *status &= (uint32_t) ~(WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT);
}

void with__to_integral_value(with_decimal *result, const with_decimal *a,
                             const with_decimal_context *context, uint32_t *status)
{
    to_integral_quietly(result, a, context->rounding, context, status);
}

void with__floor(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                 uint32_t *status)
{
    to_integral_quietly(result, a, WITH_ROUND_FLOOR, context, status);
}

void with__ceil(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                uint32_t *status)
{
    to_integral_quietly(result, a, WITH_ROUND_CEILING, context, status);
}

void with__trunc(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                 uint32_t *status)
{
    to_integral_quietly(result, a, WITH_ROUND_DOWN, context, status);
}
