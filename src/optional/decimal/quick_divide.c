/* SPDX-License-Identifier: MIT
 *
 * Quotients of numbers of one or two words: see quick.h.
 */
#include "quick.h"

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

/* words / d, for a quotient of two words, and what is left, times as much as d is shifted. */
static inline wide divide(uint64_t words[4], wide *d, wide *ret_left)
{
    const uint64_t high = (uint64_t)(*d >> 64);
    wide left, quotient;
    uint64_t rest;
    unsigned shift;

    if (high == 0) {
        quotient = (wide)divide_words(words[2], words[1], (uint64_t)*d, &rest) << 64;
        quotient |= divide_words(rest, words[0], (uint64_t)*d, &rest);
        *ret_left = rest;
        return quotient;
    }
    shift = (unsigned)__builtin_clzll(high);
    *d <<= shift;
    words[3] = words[3] << shift | words[2] >> 1 >> (63 - shift);
    words[2] = words[2] << shift | words[1] >> 1 >> (63 - shift);
    words[1] = words[1] << shift | words[0] >> 1 >> (63 - shift);
    words[0] <<= shift;
    left = (wide)words[3] << 64 | words[2];
    quotient = (wide)divide_step(&left, words[1], *d) << 64;
    quotient |= divide_step(&left, words[0], *d);
    *ret_left = left;
    return quotient;
}

/* n / 10 for an n that is a multiple: n / 2 times the inverse of 5 modulo 2^128. */
static inline wide exact_tenth(wide n)
{
    const uint64_t high = UINT64_C(0xCCCCCCCCCCCCCCCC), low = UINT64_C(0xCCCCCCCCCCCCCCCD);

    return (n >> 1) * ((wide)high << 64 | low);
}

/* An exact quotient has the exponent of a divided by b as far as its zeros go, which are k at most. */
static __attribute__((noinline)) bool give_exact(with_decimal *result, wide quotient, int64_t k,
                                                 int64_t exponent, bool negative,
                                                 with_decimal_context *context)
{
    exponent += with__strip_few_zeros(&quotient, k);
    if (quotient >= ten_to(context->prec)) return false;
    return give(result, quotient, digits_of(quotient), exponent, negative, 0, context);
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
    uint64_t words[4];
    enum with__rest rest;
    wide n, d, left, quotient;

    if (WITH__UNLIKELY(!are_small(a, b) || context->prec > MOST_PREC - 1 || k < 0 || k > MOST_PREC))
        return false;
    n = value_of(a);
    d = value_of(b);
    k -= (a->digits_ == b->digits_) & (n >= d);
    exponent = a->exponent_ - b->exponent_ - k;
    multiply(words, n, ten_to(k));
    quotient = divide(words, &d, &left);
    if (left == 0) return give_exact(result, quotient, k, exponent, negative, context);
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

/* The integer quotient, or what remains of it. */
ALWAYS_INLINE bool split_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                                 bool remains, with_decimal_context *context)
{
    const int64_t shift = a->exponent_ - b->exponent_;
    const int64_t a_shift = shift > 0 ? shift : 0, b_shift = shift < 0 ? -shift : 0;
    wide n, d, quotient, value;

    if (!are_small(a, b) || a_shift > MOST_PREC - a->digits_ || b_shift > MOST_PREC - b->digits_)
        return false;
    n = value_of(a) * ten_to(a_shift);
    d = value_of(b) * ten_to(b_shift);
    quotient = n / d;
    value = remains ? n - quotient * d : quotient;
    if (value == 0 || (quotient && digits_of(quotient) > context->prec) ||
        digits_of(value) > context->prec)
        return false;
    return give(result, value, digits_of(value),
                !remains    ? 0
                : shift < 0 ? a->exponent_
                            : b->exponent_,
                a->negative_ != (b->negative_ && !remains), 0, context);
}

/* clang-format off */
WITH__OPERATION_2(div, div_quickly(result, a, b, context))
WITH__OPERATION_2(div_int, split_quickly(result, a, b, false, context))
WITH__OPERATION_2(remainder, split_quickly(result, a, b, true, context))
/* clang-format on */
