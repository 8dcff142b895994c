/* SPDX-License-Identifier: MIT
 *
 * Sums, products and quotients of numbers of one or two words, which is up to 38 digits, in registers. What
 * is not plain (an exact quotient, a result that is not normal or signals what is trapped) is
 * left to the general way: false, and nothing is done.
 */
#include "operation.h"

typedef unsigned __int128 wide;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { MOST_PREC = 37 };

/* ---- Numbers of two words -------------------------------------------------------------------- */

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

/* ---- Quotients ------------------------------------------------------------------------------- */

/* (high, low) / d, where high < d. */
static inline uint64_t divide_words(uint64_t high, uint64_t low, uint64_t d, uint64_t *rest)
{
#ifdef __x86_64__
    uint64_t quotient;

    __asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "a"(low), "d"(high), "r"(d) : "cc");
    return quotient;
#else
    const wide n = (wide)high << 64 | low;

    *rest = (uint64_t)(n % d);
    return (uint64_t)(n / d);
#endif
}

/*
 * Words / d of two words, whose top bit is set (Knuth, algorithm D: a word of the quotient from two by one,
 * corrected at most twice). high < d; gives the word, and what is left in *high.
 */
static inline uint64_t divide_step(wide *high, uint64_t next, wide d)
{
    const uint64_t d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d, u2 = (uint64_t)(*high >> 64);
    uint64_t q, r;
    wide product, rest;

    if (WITH__UNLIKELY(u2 == d1)) {
        q = ~UINT64_C(0);
        r = (uint64_t)*high + d1;
        if (r < d1) goto subtract; /* more than a word */
    } else q = divide_words(u2, (uint64_t)*high, d1, &r);
    product = (wide)q * d0;
    rest = (wide)r << 64 | next;
    if (WITH__UNLIKELY(product > rest)) {
        q--;
        rest += (wide)d1 << 64;
        product -= d0;
        if (rest >= (wide)d1 << 64 && product > rest) {
            q--;
            rest += (wide)d1 << 64;
            product -= d0;
        }
    }
    *high = rest - product;
    return q;
subtract:
    *high = ((wide)r << 64 | next) - (wide)q * d0;
    return q;
}

/* n / 10 for an n that is a multiple: n / 2 times the inverse of 5 modulo 2^128. */
static inline wide exact_tenth(wide n)
{
    const uint64_t high = UINT64_C(0xCCCCCCCCCCCCCCCC), low = UINT64_C(0xCCCCCCCCCCCCCCCD);

    return (n >> 1) * ((wide)high << 64 | low);
}

/*
 * a * 10^k / b, with k so that the quotient has as many digits as the precision, or, if a and b do not have
 * the same number of digits, perhaps one more. What is left of b tells how to round, together with that digit.
 */
ALWAYS_INLINE bool div_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               with_decimal_context *context)
{
    const bool negative = a->negative_ != b->negative_;
    int64_t k = context->prec - a->digits_ + b->digits_, exponent;
    uint64_t words[4], high;
    enum with__rest rest;
    unsigned shift;
    wide n, d, left, quotient;

    if (WITH__UNLIKELY(!are_small(a, b) || context->prec > MOST_PREC - 1 || k < 0 || k > MOST_PREC))
        return false;
    n = value_of(a);
    d = value_of(b);
    k -= (a->digits_ == b->digits_) & (n >= d);
    exponent = a->exponent_ - b->exponent_ - k;
    multiply(words, n, ten_to(k));
    high = (uint64_t)(d >> 64);
    if (high == 0) return false; /* the general way has a division by one word */
    shift = (unsigned)__builtin_clzll(high);
    d <<= shift;
    words[3] = words[3] << shift | words[2] >> 1 >> (63 - shift);
    words[2] = words[2] << shift | words[1] >> 1 >> (63 - shift);
    words[1] = words[1] << shift | words[0] >> 1 >> (63 - shift);
    words[0] <<= shift;
    left = (wide)words[3] << 64 | words[2]; /* less than d, for the quotient has two words */
    quotient = (wide)divide_step(&left, words[1], d) << 64;
    quotient |= divide_step(&left, words[0], d);
    if (left == 0) return false;
    rest = rest_of(left, d);
    if (quotient >= ten_to(context->prec)) {
        const unsigned last =
            (unsigned)(((uint64_t)quotient % 10 + (uint64_t)(quotient >> 64) % 10 * 6) % 10);
        quotient = exact_tenth(quotient - last);
        rest = last < 5 ? WITH__BELOW_HALF : WITH__ABOVE_HALF; /* something follows it */
        exponent++;
    }
    quotient = rounded(quotient, rest, negative, context);
    return give_rounded(result, quotient, true, exponent, negative, context);
}

/* ---- The operations -------------------------------------------------------------------------- */

/* clang-format off */
WITH__OPERATION_2(add, add_quickly(result, a, b, false, context) ||
                       with__add_few(result, a, b, false, context))
WITH__OPERATION_2(sub, add_quickly(result, a, b, true, context) ||
                       with__add_few(result, a, b, true, context))
WITH__OPERATION_2(mul, mul_quickly(result, a, b, context) ||
                       with__mul_few(result, a, b, context))
WITH__OPERATION_2(div, div_quickly(result, a, b, context))
/* clang-format on */
