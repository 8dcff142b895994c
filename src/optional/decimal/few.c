/* SPDX-License-Identifier: MIT
 *
 * How the quick ways of numbers of a few words end, which are not allocated: up to 115 digits. What is not plain (a
 * result that is not normal or signals what is trapped, a carry out of the precision) is left to the general way.
 */
#include "internal.h"

enum { MOST_DIGITS = 115 }; /* which six words always have room for */

static bool give(with_decimal *result, const uint64_t *words, size_t size, int64_t digits,
                 int64_t exponent, bool negative, uint32_t signals, with_decimal_context *context)
{
    if (size > WITH_DECIMAL_WORDS_ || !with__is_plain(digits, exponent, signals, context))
        return false;
    context->flags |= signals;
    with__release(result);
    with__copy_words(result->words_.here, words, size);
    result->size_ = size;
    result->digits_ = digits;
    result->exponent_ = exponent;
    result->kind_ = WITH__FINITE;
    result->negative_ = negative;
    return true;
}

bool with__give_few(with_decimal *result, uint64_t *words, size_t size, int64_t digits,
                    int64_t exponent, bool negative, with_decimal_context *context)
{
    const int64_t k = digits - context->prec;
    uint32_t status = 0;
    enum with__rest rest;

    if (k <= 0) return give(result, words, size, digits, exponent, negative, 0, context);
    if (context->prec > MOST_DIGITS) return false;
    rest = with__round_words(words, &size, digits, k, WITH__NOTHING, context->rounding, negative,
                             &status);
    if (status || with__may_be_power(words, context->prec)) return false;
    return give(result, words, size, context->prec, exponent + k, negative,
                rest != WITH__NOTHING ? WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT
                                      : WITH_SIGNAL_ROUNDED,
                context);
}
