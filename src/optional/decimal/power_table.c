/* SPDX-License-Identifier: MIT
 *
 * Powers of ten, and what counts and multiplies by them. The small ones are in tables, which are computed
 * when the library is loaded; power_cache.c has the others, and drop.c divides.
 */
#include "powers.h"

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
uint64_t with__reciprocals[WITH__TABLE_MAX + 1][WITH__RECIPROCAL_WORDS];
struct with__five with__fives[WITH__FIVE_MAX + 1];
struct with__barrett with__barretts[WITH__BARRETT_MAX + 1];

uint8_t with__digits_of_bits[64 * WITH__TABLE_WORDS + 1];

/* ---- Tables ---------------------------------------------------------------------------------- */

static size_t bits_of(const uint64_t *words, size_t size)
{
    return size * 64 - (size_t)__builtin_clzll(words[size - 1]);
}

static void make_five(struct with__five *five, uint64_t value)
{
    five->half = value >> 1;
    five->shift = (unsigned)__builtin_clzll(value);
    five->normal = value << five->shift;
    five->reciprocal = (uint64_t)((((wide)~five->normal << 64) | ~UINT64_C(0)) / five->normal);
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

/* The last one has so many words more that what is cut off, times 10 again and again, stays below the others. */
static void make_reciprocals(void)
{
    enum { WORDS = WITH__TABLE_WORDS + WITH__RECIPROCAL_WORDS + 1 };
    const struct with__power *power = &with__powers[WITH__TABLE_MAX];
    uint64_t dividend[WORDS + 1] = {[WORDS] = 1}, quotient[WORDS + 1] = {0},
                              rest[WITH__TABLE_WORDS];

    mpn_tdiv_qr(quotient, rest, 0, dividend, WORDS + 1, power->words, (mp_size_t)power->size);
    for (int k = WITH__TABLE_MAX; k > 0; k--) {
        const size_t below = with__last_bit_of_ten(k) / 64;
        memcpy(with__reciprocals[k], quotient + (WORDS - below - WITH__RECIPROCAL_WORDS),
               sizeof with__reciprocals[k]);
        mpn_mul_1(quotient, quotient, WORDS + 1, 10);
    }
}

/* Before what else runs at the start: it may compute. */
__attribute__((constructor(110))) static void make_tables(void)
{
    struct with__power *power = with__powers;
    uint64_t five = 1;

    power->words[0] = 1;
    power->size = 1;
    for (int k = 1; k <= WITH__TABLE_MAX; k++) {
        const uint64_t carry = mpn_mul_1(power[1].words, power->words, power->size, 10);
        power[1].size = power->size;
        if (carry) power[1].words[power[1].size++] = carry;
        power++;
    }
    make_reciprocals();
    for (int k = 1; k <= WITH__BARRETT_MAX; k++) make_barrett(k);
    for (int k = 0; k <= WITH__FIVE_MAX; k++, five *= 5) make_five(&with__fives[k], five);
    for (size_t bits = 1, k = 0; bits < sizeof with__digits_of_bits; bits++) {
        while (with__last_bit_of_ten((int64_t)k + 1) + 1 < bits) k++;
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
    const size_t zeros = (size_t)k / 64; /* words of them, which 10^k begins with */
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
    if (!power) return 0;
    memset(product, 0, zeros * sizeof *product);
    if (!with__multiply(product + zeros, words, size, power + zeros, power_size - zeros, status))
        return 0;
    return with__trimmed(product, size + power_size);
}
