/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: powers of ten, and what counts, adds and drops digits by them.
 */
#ifndef WITH_DECIMAL_POWERS_H
#define WITH_DECIMAL_POWERS_H

#include "internal.h"

/* ---- Tables and the cache of a thread (power_table.c, power_cache.c) ---------------------------- */

/* The table has what a product of two numbers that need no allocation may have: 12 words, 231 digits. */
enum { WITH__TABLE_MAX = 231, WITH__TABLE_WORDS = 12, WITH__WORD_DIGITS = 19, WITH__FIVE_MAX = 27 };

struct with__power {
    uint64_t words[WITH__TABLE_WORDS];
    size_t size;
};

/* 10^k, k to WITH__TABLE_MAX. Written before main. */
extern struct with__power with__powers[WITH__TABLE_MAX + 1];

/* 10^k, k to 19. */
extern const uint64_t with__ten[WITH__WORD_DIGITS + 1];

/* Of numbers with so many bits the digits that the smallest has. */
extern uint8_t with__digits_of_bits[64 * WITH__TABLE_WORDS + 1];

/* What dividing by 5^k, k to 27, takes: 5^k with its top bit shifted to the top, and its reciprocal. */
struct with__five {
    uint64_t normal, reciprocal, half; /* (5^k - 1) / 2 */
    unsigned shift;
};

extern struct with__five with__fives[WITH__FIVE_MAX + 1];

/* What dividing a few words by 10^k takes (quick.c). */
struct with__barrett {
    unsigned __int128 power, reciprocal; /* 10^k, and 2^(b + 127) / 10^k, where b are its bits */
    unsigned __int128
        aligned;   /* 2^(192 + WITH__ALIGNED_BITS) / 10^k, from WITH__ALIGNED_LEAST on */
    unsigned bits; /* b - 1 */
};

enum { WITH__BARRETT_MAX = 38, WITH__ALIGNED_LEAST = 25, WITH__ALIGNED_BITS = 19 };
extern struct with__barrett with__barretts[WITH__BARRETT_MAX + 1];

/*
 * 10^k, for k >= 0: words of a table or of this thread's cache, valid until the operation that is
 * running ends. NULL, and WITH__NO_MEMORY, without memory.
 */
const uint64_t *with__power_of_ten(int64_t k, size_t *ret_size, uint32_t *status);

/* floor(k * log2(10)): the number of 10^k's first bit. No power of ten is so near to one of two. */
static inline size_t with__last_bit_of_ten(int64_t k)
{
    enum { ROUGH = 3528 }; /* to which 19 bits of log2(5) do */
    const uint64_t high = UINT64_C(5938525176524057593), low = UINT64_C(2643573386881494323);
    const unsigned __int128 n = (uint64_t)k; /* times 3 and 128 bits behind the point */

    if (WITH__LIKELY(k <= ROUGH)) return (size_t)k + ((size_t)k * 1217359 >> 19);
    return (size_t)(3 * n + ((n * high + (n * low >> 64)) >> 64));
}

enum { WITH__RECIPROCAL_WORDS = 8 };

/* The upper words of 1 / 10^k, k to WITH__TABLE_MAX: see with__reciprocal_of_ten(). */
extern uint64_t with__reciprocals[WITH__TABLE_MAX + 1][WITH__RECIPROCAL_WORDS];

/*
 * 2^(64 (size + below)) / 10^k, which has size words, where below is with__last_bit_of_ten(k) / 64; too small, by 1 at
 * most. Of a table or of this thread's cache, as a power is. NULL, and WITH__NO_MEMORY, without memory.
 */
const uint64_t *with__reciprocal_of_ten(int64_t k, size_t below, size_t size, uint32_t *status);

/* An upper bound on the words of 10^k, and of numbers with so many digits. */
static inline size_t with__words_for(int64_t digits)
{
    return (size_t)((unsigned __int128)digits * 3402 / 65536 / 1 +
                    2); /* log2(10) / 64 < 0.0519063 */
}

/* How many digits the number at words has; the top word is not 0. */
int64_t with__count_digits(const uint64_t *words, size_t size, uint32_t *status);

/*
 * product, which has room for size + with__words_for(k) words, becomes words * 10^k, for k >= 0. Gives its
 * size; 0, and WITH__NO_MEMORY, without memory.
 */
size_t with__scale(uint64_t *product, const uint64_t *words, size_t size, int64_t k,
                   uint32_t *status);

/*
 * ln 10 * 2^(64 * places), rounded down: words + 1 words of this thread's cache, valid as a power is. NULL, and
 * WITH__NO_MEMORY, without memory.
 */
const uint64_t *with__ln_ten(size_t places, uint32_t *status);

/* ---- Dropping digits (drop.c) ------------------------------------------------------------------- */

/* rest beside a half of the divisor; both have size words, and the rest is lost. */
enum with__rest with__compare_rest(uint64_t *rest, const uint64_t *divisor, size_t size);

/*
 * Divides the *size words by 10^k, in place, and says what is left. The quotient's size may be 0.
 */
enum with__rest with__drop(uint64_t *words, size_t *size, int64_t k, uint32_t *status);

#endif
