/* SPDX-License-Identifier: MIT
 *
 * Powers of ten, and what counts, multiplies and divides by them. The small ones are in tables, which are
 * computed when the library is loaded; power_cache.c has the others.
 *
 * A division by 10^k is one by 2^k, a shift, and one by 5^k. To k = 55 that is one or two words, and each
 * word of the quotient takes two multiplications by its reciprocal (Moller, Granlund: "Improved division
 * by invariant integers", 2011, algorithms 4 to 6). Beyond, the quotient is a product with a reciprocal of
 * some words more than it has (power_cache.c), and only where that leaves a doubt a division.
 */
#include "internal.h"

typedef unsigned __int128 wide;

const uint64_t with__ten[WITH__WORD_DIGITS + 1] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

struct with__power with__powers[WITH__TABLE_MAX + 1];
struct with__five with__fives[WITH__FIVE_MAX + 1];
struct with__barrett with__barretts[WITH__BARRETT_MAX + 1];

/* Of numbers with so many bits the digits that the smallest has. 10^164 has 545 bits. */
uint8_t with__digits_of_bits[545];

/* ---- Tables ---------------------------------------------------------------------------------- */

static size_t bits_of(const uint64_t *words, size_t size)
{
    return size * 64 - (size_t)__builtin_clzll(words[size - 1]);
}

static uint64_t reciprocal_of_one(uint64_t d)
{
    return (uint64_t)((((wide)~d << 64) | ~UINT64_C(0)) / d);
}

static uint64_t reciprocal_of_two(uint64_t d1, uint64_t d0)
{
    uint64_t v = reciprocal_of_one(d1), p = d1 * v + d0;
    wide t;

    if (p < d0) {
        v--;
        if (p >= d1) {
            v--;
            p -= d1;
        }
        p -= d1;
    }
    t = (wide)v * d0;
    p += (uint64_t)(t >> 64);
    if (p < (uint64_t)(t >> 64)) {
        v--;
        if (p > d1 || (p == d1 && (uint64_t)t >= d0)) v--;
    }
    return v;
}

static void make_five(struct with__five *five, wide value)
{
    const uint64_t high = (uint64_t)(value >> 64);
    wide normal;

    five->two = high != 0;
    five->half[0] = (uint64_t)(value >> 1);
    five->half[1] = high >> 1;
    five->shift = (unsigned)__builtin_clzll(high ? high : (uint64_t)value);
    normal = value << five->shift;
    five->high = five->two ? (uint64_t)(normal >> 64) : (uint64_t)normal;
    five->low = five->two ? (uint64_t)normal : 0;
    five->reciprocal =
        five->two ? reciprocal_of_two(five->high, five->low) : reciprocal_of_one(five->high);
}

/* 2^bits / power, for a quotient of two words. */
static wide reciprocal_of(size_t bits, const struct with__power *power)
{
    uint64_t dividend[5] = {0}, quotient[5], rest[2];

    dividend[bits / 64] = UINT64_C(1) << bits % 64;
    mpn_tdiv_qr(quotient, rest, 0, dividend, 5, power->words, (mp_size_t)power->size);
    return (wide)quotient[1] << 64 | quotient[0];
}

static void make_barrett(int k)
{
    struct with__barrett *barrett = &with__barretts[k];
    const struct with__power *power = &with__powers[k];
    const size_t bits = bits_of(power->words, power->size);

    barrett->bits = (unsigned)(bits - 1);
    barrett->power = (wide)power->words[1] << 64 | power->words[0];
    barrett->reciprocal = reciprocal_of(bits + 127, power);
    if (k >= WITH__ALIGNED_LEAST) barrett->aligned = reciprocal_of(192 + WITH__ALIGNED_BITS, power);
}

/* Before what else runs at the start: it may compute. */
__attribute__((constructor(110))) static void make_tables(void)
{
    struct with__power *power = with__powers;
    wide five = 1;

    power->words[0] = 1;
    power->size = 1;
    for (int k = 1; k <= WITH__TABLE_MAX; k++) {
        const uint64_t carry = mpn_mul_1(power[1].words, power->words, power->size, 10);
        power[1].size = power->size;
        if (carry) power[1].words[power[1].size++] = carry;
        power++;
    }
    for (int k = 1; k <= WITH__BARRETT_MAX; k++) make_barrett(k);
    for (int k = 0; k <= WITH__FIVE_MAX; k++, five *= 5) make_five(&with__fives[k], five);
    for (size_t bits = 1, k = 0; bits < sizeof with__digits_of_bits; bits++) {
        while (bits_of(with__powers[k + 1].words, with__powers[k + 1].size) < bits) k++;
        with__digits_of_bits[bits] = (uint8_t)(k + 1);
    }
}

/* ---- Counting -------------------------------------------------------------------------------- */

/*
 * 10^k as a top word and bits: the power is within [top, top + 1] * 2^(bits - 64). Each squaring doubles the
 * error of 128 bits, and there are at most 60.
 */
static uint64_t top_of_power(int64_t k, bool *ret_sure)
{
    wide mantissa = (wide)1 << 127;
    uint64_t error = 0;

    for (int i = 62 - __builtin_clzll((uint64_t)k) + 1; i >= 0; i--) {
        const uint64_t high = (uint64_t)(mantissa >> 64), low = (uint64_t)mantissa;
        const wide cross = (wide)high * low;
        mantissa = (wide)high * high + (cross >> 63);
        error = error * 2 + 3;
        if (!(mantissa >> 127)) {
            mantissa <<= 1;
            error = error * 2;
        }
        if (k >> i & 1) { /* times 10 / 16 */
            const wide tenth = (mantissa >> 3) * 5;
            mantissa = tenth;
            error += 8;
            if (!(mantissa >> 127)) {
                mantissa <<= 1;
                error = error * 2;
            }
        }
        if (error >> 62) {
            *ret_sure = false;
            return 0;
        }
    }
    *ret_sure = (uint64_t)mantissa < ~UINT64_C(0) - error;
    return (uint64_t)(mantissa >> 64);
}

/* Whether the number is at least 10^k, where both have the same number of bits. */
static bool reaches_power(const uint64_t *words, size_t size, int64_t k, uint32_t *status)
{
    const unsigned shift = (unsigned)__builtin_clzll(words[size - 1]);
    uint64_t top = words[size - 1] << shift, power;
    const uint64_t *exact;
    size_t exact_size;
    bool sure;

    if (shift && size > 1) top |= words[size - 2] >> (64 - shift);
    power = top_of_power(k, &sure);
    if (sure && top != power) return top > power;
    exact = with__power_of_ten(k, &exact_size, status);
    return exact && mpn_cmp(words, exact, (mp_size_t)size) >= 0;
}

/* floor(bits * log10(2)), by 128 bits of the logarithm: no power of two is so near to one of ten. */
static int64_t digits_before(size_t bits)
{
    const uint64_t high = UINT64_C(5553023288523357132), low = UINT64_C(5171448307347507388);

    return (int64_t)(((wide)bits * high + ((wide)bits * low >> 64)) >> 64);
}

int64_t with__count_digits(const uint64_t *words, size_t size, uint32_t *status)
{
    const size_t bits = bits_of(words, size);
    int64_t least, most;

    if (WITH__LIKELY(bits < sizeof with__digits_of_bits)) {
        least = with__digits_of_bits[bits];
        const struct with__power *power = &with__powers[least];
        if (size != power->size) return least + (size > power->size);
        if (words[size - 1] != power->words[size - 1])
            return least + (words[size - 1] > power->words[size - 1]);
        return least + (mpn_cmp(words, power->words, (mp_size_t)size) >= 0);
    }
    least = digits_before(bits - 1) + 1;
    most = digits_before(bits) + 1;
    return least == most || !reaches_power(words, size, least, status) ? least : most;
}

/* ---- Multiplying ----------------------------------------------------------------------------- */

size_t with__scale(uint64_t *product, const uint64_t *words, size_t size, int64_t k,
                   uint32_t *status)
{
    const uint64_t *power;
    size_t power_size;

    if (k == 0 || size == 0) {
        memcpy(product, words, size * sizeof *words);
        return size;
    }
    if (k <= WITH__WORD_DIGITS) {
        product[size] = mpn_mul_1(product, words, (mp_size_t)size, with__ten[k]);
        return size + (product[size] != 0);
    }
    power = with__power_of_ten(k, &power_size, status);
    if (!power || !with__multiply(product, words, size, power, power_size, status)) return 0;
    return with__trimmed(product, size + power_size);
}

/* ---- Dividing -------------------------------------------------------------------------------- */

/* The word of x << shift at i, for a shift that may be 0. */
static inline uint64_t shifted(const uint64_t *words, size_t i, unsigned shift)
{
    return (words[i] << shift) | (i > 0 ? words[i - 1] >> 1 >> (63 - shift) : 0);
}

/* Divides by 5^k of one word; gives the remainder. */
static uint64_t divide_by_one(uint64_t *words, size_t size, const struct with__five *five)
{
    const uint64_t d = five->high, v = five->reciprocal;
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

/* Divides by 5^k of two words; gives the remainder. size is at least 2; the top word becomes 0. */
static wide divide_by_two(uint64_t *words, size_t size, const struct with__five *five)
{
    const wide d = (wide)five->high << 64 | five->low;
    wide r = (wide)(five->shift ? words[size - 1] >> (64 - five->shift) : 0) << 64 |
             shifted(words, size - 1, five->shift);

    words[size - 1] = 0;
    for (size_t i = size - 1; i-- > 0;) {
        const uint64_t u0 = shifted(words, i, five->shift);
        const wide q = (wide)five->reciprocal * (uint64_t)(r >> 64) + r;
        uint64_t high = (uint64_t)(q >> 64);
        const uint64_t r1 = (uint64_t)r - high * five->high;
        r = ((wide)r1 << 64 | u0) - (wide)five->low * high - d;
        high++;
        if ((uint64_t)(r >> 64) >= (uint64_t)q) {
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
static enum with__rest drop_few(uint64_t *words, size_t *size, unsigned k)
{
    const struct with__five *five = &with__fives[k];
    const uint64_t low = words[0] & ((UINT64_C(1) << k) - 1);
    const wide half = (wide)five->half[1] << 64 | five->half[0];
    wide rest;

    mpn_rshift(words, words, (mp_size_t)*size, k);
    if (!five->two) rest = divide_by_one(words, *size, five);
    else if (*size >= 2) rest = divide_by_two(words, *size, five);
    else {
        rest = words[0];
        words[0] = 0;
    }
    *size = with__trimmed(words, *size);
    if (rest != half) {
        if (rest > half) return WITH__ABOVE_HALF;
        return rest == 0 && low == 0 ? WITH__NOTHING : WITH__BELOW_HALF;
    }
    if (low == UINT64_C(1) << (k - 1)) return WITH__HALF;
    if (low > UINT64_C(1) << (k - 1)) return WITH__ABOVE_HALF;
    return low || rest ? WITH__BELOW_HALF : WITH__NOTHING;
}

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
    if (k <= WITH__FIVE_MAX) return drop_few(words, size, (unsigned)k);
    if (with__drop_by_reciprocal(words, size, k, &rest, status)) return rest;
    return drop_by_division(words, size, k, status);
}
