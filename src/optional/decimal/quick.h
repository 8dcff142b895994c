/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: numbers of one or two words, which is up to 38 digits, in registers. What is not plain (a
 * result that is not normal or signals what is trapped) is left to the general way: false, and nothing is done.
 */
#ifndef WITH_DECIMAL_QUICK_H
#define WITH_DECIMAL_QUICK_H

#include "operation.h"
#include "powers.h"

typedef unsigned __int128 wide;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { MOST_PREC = 37 };

/* Whether both are finite, not 0, and of one or two words that are not allocated. */
static inline bool are_small(const with_decimal *a, const with_decimal *b)
{
    return ((((a->size_ - 1) | (b->size_ - 1)) & ~(size_t)1) | a->room_ | b->room_ | a->kind_ |
            b->kind_) == 0;
}

static inline wide value_of(const with_decimal *a)
{
    const uint64_t *words = a->words_.here, two = a->size_ >> 1;

    return (wide)(words[1] & -two) << 64 | words[0];
}

static inline wide ten_to(int64_t k)
{
    const struct with__power *power = &with__powers[k];

    return (wide)power->words[1] << 64 | power->words[0];
}

static inline int64_t digits_of(wide value)
{
    const uint64_t high = (uint64_t)(value >> 64), low = (uint64_t)value;
    const int bits = high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll(low);
    const int64_t least = with__digits_of_bits[bits];

    return least + (value >= ten_to(least)); /* 10^38 is the last that may be asked for */
}

/* Writes the result if it is normal and nothing that it signals is trapped. */
static inline bool give(with_decimal *result, wide value, int64_t digits, int64_t exponent,
                        bool negative, uint32_t signals, with_decimal_context *context)
{
    if (!with__is_plain(digits, exponent, signals, context)) return false;
    context->flags |= signals;
    with__release(result);
    result->words_.here[0] = (uint64_t)value;
    result->words_.here[1] = (uint64_t)(value >> 64);
    result->size_ = 1 + (value >> 64 != 0);
    result->digits_ = digits;
    result->exponent_ = exponent;
    result->kind_ = WITH__FINITE;
    result->negative_ = negative;
    return true;
}

/*
 * The same for what has been rounded to the precision. Where that made a digit more, it is left to the general
 * way, as what was not normal before it.
 */
static inline bool give_rounded(with_decimal *result, wide value, bool inexact, int64_t exponent,
                                bool negative, with_decimal_context *context)
{
    const uint32_t signals =
        inexact ? WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT : WITH_SIGNAL_ROUNDED;

    if (WITH__UNLIKELY(value >= ten_to(context->prec))) return false;
    return give(result, value, context->prec, exponent, negative, signals, context);
}

/* value, rounded by what is left of the digits that were dropped. */
static inline wide rounded(wide value, enum with__rest rest, bool negative,
                           const with_decimal_context *context)
{
    if (WITH__LIKELY(context->rounding == WITH_ROUND_HALF_EVEN))
        return value + ((rest == WITH__ABOVE_HALF) | ((rest == WITH__HALF) & (uint64_t)value & 1));
    return value + with__rounds_up(context->rounding, negative, (unsigned)(value % 10), rest);
}

static inline enum with__rest rest_of(wide rest, wide d)
{
    const wide left = d - rest;

    if (rest == 0) return WITH__NOTHING;
    return rest == left ? WITH__HALF : rest > left ? WITH__ABOVE_HALF : WITH__BELOW_HALF;
}

static inline void multiply(uint64_t words[4], wide x, wide y)
{
    const uint64_t x0 = (uint64_t)x, x1 = (uint64_t)(x >> 64);
    const uint64_t y0 = (uint64_t)y, y1 = (uint64_t)(y >> 64);
    const wide low = (wide)x0 * y0, middle = (wide)x1 * y0, other = (wide)x0 * y1;
    const wide sum = (low >> 64) + (uint64_t)middle + (uint64_t)other;
    const wide top = (wide)x1 * y1 + (middle >> 64) + (other >> 64) + (sum >> 64);

    words[0] = (uint64_t)low;
    words[1] = (uint64_t)sum;
    words[2] = (uint64_t)top;
    words[3] = (uint64_t)(top >> 64);
}

#endif
