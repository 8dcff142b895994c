/* SPDX-License-Identifier: MIT
 *
 * Divides by 10^k and says what is left.
 *
 * Up to k = 27 that is a shift and a division by a word, 5^k, of which each word of the quotient takes two
 * multiplications by its reciprocal (Moller, Granlund: "Improved division by invariant integers", 2011,
 * algorithm 4). Beyond, the quotient is a product with the reciprocal of 10^k (P. Barrett, 1986), and the word behind
 * its point tells what is left: only where that leaves a doubt is divided. Of a short product only the words are
 * computed that count (T. Mulders: "On short multiplications and divisions", 2000).
 */
#include "guard.h"
#include "powers.h"

typedef unsigned __int128 wide;

/* ---- By a word --------------------------------------------------------------------------------- */

/* The word of x << shift at i, for a shift that may be 0. */
static inline uint64_t shifted(const uint64_t *words, size_t i, unsigned shift)
{
    return (words[i] << shift) | (i > 0 ? words[i - 1] >> 1 >> (63 - shift) : 0);
}

/* Divides by 5^k; gives the remainder. */
static uint64_t divide_by_five(uint64_t *words, size_t size, const struct with__five *five)
{
    const uint64_t d = five->normal, v = five->reciprocal;
    uint64_t r = five->shift ? words[size - 1] >> (64 - five->shift) : 0;

    for (size_t i = size; i-- > 0;) {
        const uint64_t u = shifted(words, i, five->shift);
        const wide q = (wide)v * r + (((wide)r << 64) | u);
        uint64_t high = (uint64_t)(q >> 64) + 1;
        r = u - high * d;
        if (r > (uint64_t)q) {
            high--;
            r += d;
        }
        if (WITH__UNLIKELY(r >= d)) {
            high++;
            r -= d;
        }
        words[i] = high;
    }
    return r >> five->shift;
}

/* k <= WITH__FIVE_MAX. */
static enum with__rest drop_by_word(uint64_t *words, size_t *size, unsigned k)
{
    const struct with__five *five = &with__fives[k];
    const uint64_t low = words[0] & ((UINT64_C(1) << k) - 1), half = UINT64_C(1) << (k - 1);
    uint64_t rest;

    mpn_rshift(words, words, (mp_size_t)*size, k);
    rest = divide_by_five(words, *size, five);
    *size = with__trimmed(words, *size);
    if (rest != five->half) {
        if (rest > five->half) return WITH__ABOVE_HALF;
        return rest == 0 && low == 0 ? WITH__NOTHING : WITH__BELOW_HALF;
    }
    if (low == half) return WITH__HALF;
    if (low > half) return WITH__ABOVE_HALF;
    return low || rest ? WITH__BELOW_HALF : WITH__NOTHING;
}

/* ---- By a reciprocal --------------------------------------------------------------------------- */

/* Whether a word behind the point tells how to round, though it is too small by up to 2^54. */
static bool is_sure(uint64_t fraction)
{
    const uint64_t half = UINT64_C(1) << 63, doubt = UINT64_C(1) << 54;

    return fraction > 0 && fraction < UINT64_C(0) - doubt &&
           (fraction < half - doubt || fraction > half);
}

/*
 * The number and the reciprocal are cut off where that makes their product too small by less than 2^53 each in the
 * word behind its point, which is the one at `point`.
 */
struct factors {
    const uint64_t *a, *b;
    size_t a_size, b_size, point;
};

enum { SHORT = 8 };

/* Adds column i of the product to the sum, for a b of up to SHORT words; gives its word and takes it off. */
static inline uint64_t add_column(wide *sum, const struct factors *f, size_t i)
{
    const size_t from = i < f->b_size ? 0 : i - f->b_size + 1;
    const size_t to = i < f->a_size ? i : f->a_size - 1;
    const uint64_t *a = f->a + from, *b = f->b + (i - from);
    wide low = *sum;
    uint64_t high = 0, word;

#define TERM(I) high += __builtin_add_overflow(low, (wide)a[I] * *(b - (I)), &low)
    switch (to - from) {
    case 7: TERM(7); /* fall through */
    case 6: TERM(6); /* fall through */
    case 5: TERM(5); /* fall through */
    case 4: TERM(4); /* fall through */
    case 3: TERM(3); /* fall through */
    case 2: TERM(2); /* fall through */
    case 1: TERM(1); /* fall through */
    case 0: TERM(0);
    }
#undef TERM
    word = (uint64_t)low;
    *sum = (wide)high << 64 | low >> 64;
    return word;
}

/*
 * Without the columns that do not count: those before the one below the point's make it smaller by 2^4 at most. The
 * words may be those of a, for what is written over has been used.
 */
static bool multiply_short(uint64_t *words, const struct factors *f, uint64_t *ret_fraction)
{
    const size_t end = f->a_size + f->b_size - 1;
    wide sum = 0;

    if (f->point > 0) add_column(&sum, f, f->point - 1);
    *ret_fraction = add_column(&sum, f, f->point);
    if (!is_sure(*ret_fraction)) return false;
    for (size_t i = f->point + 1; i < end; i++) *words++ = add_column(&sum, f, i);
    *words = (uint64_t)sum;
    return true;
}

static bool multiply_long(uint64_t *words, const struct factors *f, uint64_t *ret_fraction,
                          uint32_t *status)
{
    const size_t size = f->a_size + f->b_size, whole = f->point + 1;
    struct with__scratch scratch;
    uint64_t *product = with__scratch_begin(&scratch, size, status);
    bool sure = false;

    if (!product) return false;
    if (with__multiply(product, f->a, f->a_size, f->b, f->b_size, status)) {
        *ret_fraction = product[f->point];
        sure = is_sure(*ret_fraction);
        if (sure) memcpy(words, product + whole, (size - whole) * sizeof *words);
    }
    with__scratch_end(&scratch);
    return sure;
}

/* False, and nothing is done, if that does not decide. */
static bool drop_by_reciprocal(uint64_t *words, size_t *size, int64_t k, enum with__rest *ret_rest,
                               uint32_t *status)
{
    const size_t bit = with__last_bit_of_ten(k), below = bit / 64, skipped = (bit - 12) / 64;
    struct factors f = {.a = words + skipped, .a_size = *size - skipped};
    uint64_t fraction;

    if (*size <= below) return false;
    f.point = (64 * f.a_size - (size_t)__builtin_clzll(words[*size - 1]) + 11) / 64;
    f.b_size = skipped + 1 + f.point - below;
    f.b = with__reciprocal_of_ten(k, below, f.b_size, status);
    if (!f.b || !(f.b_size <= SHORT ? multiply_short(words, &f, &fraction)
                                    : multiply_long(words, &f, &fraction, status)))
        return false;
    *size = with__trimmed(words, *size - below);
    *ret_rest = fraction >> 63 ? WITH__ABOVE_HALF : WITH__BELOW_HALF;
    return true;
}

/* ---- By a power -------------------------------------------------------------------------------- */

enum with__rest with__compare_rest(uint64_t *rest, const uint64_t *divisor, size_t size)
{
    uint64_t carry;
    int order;

    if (!with__trimmed(rest, size)) return WITH__NOTHING;
    carry = mpn_lshift(rest, rest, (mp_size_t)size, 1);
    order = carry ? 1 : mpn_cmp(rest, divisor, (mp_size_t)size);
    return order < 0 ? WITH__BELOW_HALF : order == 0 ? WITH__HALF : WITH__ABOVE_HALF;
}

static enum with__rest drop_by_division(uint64_t *words, size_t *size, int64_t k, uint32_t *status)
{
    struct with__scratch scratch;
    enum with__rest rest = WITH__NOTHING;
    size_t power_size, quotient_size;
    const uint64_t *power = with__power_of_ten(k, &power_size, status);
    uint64_t *quotient;

    if (!power) return WITH__NOTHING;
    quotient_size = *size >= power_size ? *size - power_size + 1 : 1;
    quotient = with__scratch_begin(&scratch, quotient_size + power_size, status);
    if (!quotient) return WITH__NOTHING;
    if (*size < power_size) {
        memset(quotient, 0, (1 + power_size) * sizeof *quotient);
        memcpy(quotient + 1, words, *size * sizeof *quotient);
        rest = with__compare_rest(quotient + 1, power, power_size);
        *size = 0;
    } else if (with__divide(quotient, quotient + quotient_size, words, *size, power, power_size,
                            status)) {
        rest = with__compare_rest(quotient + quotient_size, power, power_size);
        memcpy(words, quotient, quotient_size * sizeof *words);
        *size = with__trimmed(words, quotient_size);
    }
    with__scratch_end(&scratch);
    return rest;
}

enum with__rest with__drop(uint64_t *words, size_t *size, int64_t k, uint32_t *status)
{
    enum with__rest rest;

    if (*size == 0 || k == 0) return WITH__NOTHING;
    if (k <= WITH__FIVE_MAX) return drop_by_word(words, size, (unsigned)k);
    if (k <= WITH__POWER_MAX && drop_by_reciprocal(words, size, k, &rest, status)) return rest;
    return drop_by_division(words, size, k, status);
}
