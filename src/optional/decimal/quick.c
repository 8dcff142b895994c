/* SPDX-License-Identifier: MIT
 *
 * Sums and products of numbers of one or two words: see quick.h.
 */
#include "quick.h"

/* ---- Dropping digits ------------------------------------------------------------------------- */

/* A number, and 0 above it and, for what is to be shifted to the left, below it. */
enum { BELOW = 1, PADDED = BELOW + 5 };

/* Two words of the number from a bit on. */
static inline void take_words(uint64_t two[2], const uint64_t *from, unsigned shift)
{
    two[0] = from[0] >> shift | (from[1] << 1) << (63 - shift);
    two[1] = from[1] >> shift | (from[2] << 1) << (63 - shift);
}

/* The upper half of the product, too small by 1 at most. */
static inline wide upper_half(const uint64_t n[2], wide r)
{
    const uint64_t r0 = (uint64_t)r, r1 = (uint64_t)(r >> 64);
    const wide x = (wide)n[1] * r0, y = (wide)n[0] * r1;

    return (wide)n[1] * r1 + (x >> 64) + (y >> 64) + (((wide)(uint64_t)x + (uint64_t)y) >> 64);
}

/*
 * The number / 10^k, for a quotient of at most 37 digits and k to 37. Without the bits that 10^k has below its
 * first one both factors of the quotient have two words: N >> (b - 1), and the reciprocal
 * 2^(b + 127) / 10^k. What is cut off makes it too small by 3 at most; what then remains, of which two words are
 * enough, tells by how much (P. Barrett, 1986).
 */
static inline wide drop(const uint64_t padded[PADDED], int64_t k, enum with__rest *ret_rest)
{
    const struct with__barrett *barrett = &with__barretts[k];
    const wide power = barrett->power;
    uint64_t n[2];
    wide quotient, rest;

    take_words(n, padded + BELOW + barrett->bits / 64, barrett->bits % 64);
    quotient = upper_half(n, barrett->reciprocal);
    rest = ((wide)padded[BELOW + 1] << 64 | padded[BELOW]) - quotient * power;
    while (rest >= power) {
        rest -= power;
        quotient++;
    }
    *ret_rest = rest_of(rest, power);
    return quotient;
}

/*
 * The same to the nearest for a quotient of at most 28 digits, which leaves room for 33 bits behind its point:
 * these tell how to round. False if they are so near to a half, or to nothing, that the 3 by which they are
 * too small could matter.
 */
static inline bool drop_to_nearest(wide *ret_quotient, const uint64_t padded[PADDED], int64_t k)
{
    enum { BITS = 33 };
    const struct with__barrett *barrett = &with__barretts[k];
    const unsigned from = barrett->bits + 64 * BELOW - BITS;
    uint64_t n[2];
    wide quotient;

    take_words(n, padded + from / 64, from % 64);
    quotient = upper_half(n, barrett->reciprocal);
    *ret_quotient = (quotient + ((wide)1 << (BITS - 1))) >> BITS;
    return (uint32_t)quotient + UINT32_C(4) > 4;
}

/* Whether a quotient that is given with bits behind its point is rounded by these alone, and has room for them. */
static inline bool rounds_to_nearest(const with_decimal_context *context)
{
    return context->prec <= 28 && (unsigned)context->rounding - WITH_ROUND_HALF_DOWN <=
                                      WITH_ROUND_HALF_UP - WITH_ROUND_HALF_DOWN;
}

/* Gives the number without its last k digits, rounded to the precision. */
static __attribute__((noinline)) bool give_dropped_exactly(with_decimal *result,
                                                           const uint64_t padded[PADDED], int64_t k,
                                                           int64_t exponent, bool negative,
                                                           with_decimal_context *context)
{
    enum with__rest rest;
    wide value = drop(padded, k, &rest);

    value = rounded(value, rest, negative, context);
    return give_rounded(result, value, rest != WITH__NOTHING, exponent + k, negative, context);
}

ALWAYS_INLINE bool give_dropped(with_decimal *result, const uint64_t padded[PADDED], int64_t k,
                                int64_t exponent, bool negative, with_decimal_context *context)
{
    wide value;

    if (!WITH__LIKELY(rounds_to_nearest(context) && drop_to_nearest(&value, padded, k)))
        return give_dropped_exactly(result, padded, k, exponent, negative, context);
    return give_rounded(result, value, true, exponent + k, negative, context);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static inline bool give_sum(with_decimal *result, wide value, int64_t exponent, bool negative,
                            with_decimal_context *context)
{
    const int64_t digits = digits_of(value), k = digits - context->prec;
    const uint64_t padded[PADDED] = {[BELOW] = (uint64_t)value, (uint64_t)(value >> 64)};

    if (k <= 0) return give(result, value, digits, exponent, negative, 0, context);
    return give_dropped(result, padded, k, exponent, negative, context);
}

ALWAYS_INLINE bool add_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               bool negated, with_decimal_context *context)
{
    const bool b_negative = b->negative_ != negated;
    bool negative = a->negative_;
    int64_t exponent = a->exponent_;
    wide x, y;

    if (WITH__UNLIKELY(!are_small(a, b) || context->prec > MOST_PREC || a->digits_ > MOST_PREC ||
                       b->digits_ > MOST_PREC))
        return false;
    x = value_of(a);
    y = value_of(b);
    if (a->exponent_ != b->exponent_) {
        const int64_t shift = a->exponent_ - b->exponent_;
        if (shift > 0) {
            if (a->digits_ + shift > MOST_PREC) return false;
            x *= ten_to(shift);
            exponent = b->exponent_;
        } else {
            if (b->digits_ - shift > MOST_PREC) return false;
            y *= ten_to(-shift);
        }
    }
    if (negative == b_negative) x += y;
    else if (x > y) x -= y;
    else if (x < y) {
        x = y - x;
        negative = b_negative;
    } else return false;
    return give_sum(result, x, exponent, negative, context);
}

/* ---- Products -------------------------------------------------------------------------------- */

/* Whether the words are less than 10^k. */
static inline bool is_less(const uint64_t words[4], int64_t k)
{
    const uint64_t *power = with__powers[k].words;
    const wide high = (wide)words[3] << 64 | words[2], low = (wide)words[1] << 64 | words[0];
    const wide power_high = (wide)power[3] << 64 | power[2];
    const wide power_low = (wide)power[1] << 64 | power[0];

    return WITH__LIKELY(high != power_high) ? high < power_high : low < power_low;
}

/*
 * The product of two numbers below 2^96, rounded to the nearest, where so many digits are dropped that its lowest
 * word goes with them as a whole: no bit is shifted then. The reciprocal leaves ALIGNED_BITS behind the point. They
 * are too small by 4 at most and tell how to round, unless they are so near to a half, or to nothing, that
 * this could matter.
 */
ALWAYS_INLINE bool mul_aligned(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               with_decimal_context *context)
{
    enum { BITS = WITH__ALIGNED_BITS, MASK = (1 << (BITS - 1)) - 1 };
    const wide x = value_of(a), y = value_of(b);
    const uint64_t x0 = (uint64_t)x, x1 = (uint64_t)(x >> 64);
    const uint64_t y0 = (uint64_t)y, y1 = (uint64_t)(y >> 64);
    const wide low = (wide)x0 * y0, middle = (wide)x1 * y0 + (wide)x0 * y1 + (low >> 64);
    const uint64_t n[2] = {(uint64_t)middle, x1 * y1 + (uint64_t)(middle >> 64)};
    int64_t digits = a->digits_ + b->digits_, k;
    const uint64_t *power = with__powers[digits - 1].words;
    wide quotient;

    if (WITH__UNLIKELY((x1 | y1) >> 32)) return false;
    /* A product of n and m digits has n + m of them, or one less. */
    if (WITH__LIKELY(n[1] != power[2])) digits -= n[1] < power[2];
    else digits -= ((wide)n[0] << 64 | (uint64_t)low) < ((wide)power[1] << 64 | power[0]);
    k = digits - context->prec;
    quotient = upper_half(n, with__barretts[k].aligned);
    if (WITH__UNLIKELY((((uint64_t)quotient + 4) & MASK) <= 4)) return false;
    return give_rounded(result, (quotient + ((wide)1 << (BITS - 1))) >> BITS, true,
                        a->exponent_ + b->exponent_ + k, a->negative_ != b->negative_, context);
}

/* The same for what else there is. */
static __attribute__((noinline)) bool mul_shifted(with_decimal *result, const with_decimal *a,
                                                  const with_decimal *b,
                                                  with_decimal_context *context)
{
    const bool negative = a->negative_ != b->negative_;
    const int64_t exponent = a->exponent_ + b->exponent_;
    int64_t digits = a->digits_ + b->digits_, k;
    uint64_t padded[PADDED], *words = padded + BELOW;

    padded[0] = padded[PADDED - 1] = 0;
    multiply(words, value_of(a), value_of(b));
    digits -= is_less(words, digits - 1);
    k = digits - context->prec;
    if (WITH__UNLIKELY(k > MOST_PREC)) return false;
    if (k <= 0) {
        const wide value = (wide)words[1] << 64 | words[0];
        return give(result, value, digits, exponent, negative, 0, context);
    }
    return give_dropped(result, padded, k, exponent, negative, context);
}

ALWAYS_INLINE bool mul_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               with_decimal_context *context)
{
    const int64_t k = a->digits_ + b->digits_ - context->prec;

    if (WITH__UNLIKELY(!are_small(a, b) || context->prec > MOST_PREC)) return false;
    if (k > WITH__ALIGNED_LEAST && k <= WITH__BARRETT_MAX && rounds_to_nearest(context) &&
        mul_aligned(result, a, b, context))
        return true;
    return mul_shifted(result, a, b, context);
}

/* ---- The operations -------------------------------------------------------------------------- */

/* clang-format off */
WITH__OPERATION_2(add, add_quickly(result, a, b, false, context) ||
                       with__add_few(result, a, b, false, context))
WITH__OPERATION_2(sub, add_quickly(result, a, b, true, context) ||
                       with__add_few(result, a, b, true, context))
WITH__OPERATION_2(mul, mul_quickly(result, a, b, context) ||
                       with__mul_few(result, a, b, context))
/* clang-format on */
