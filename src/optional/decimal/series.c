/* SPDX-License-Identifier: MIT
 *
 * exp by its series, in fixed point, where that is faster than MPFR: up to some 180 digits. exp(x) is
 * exp(x / 2^12) squared twelve times (R. P. Brent: "Multiple-precision zero-finding methods and the
 * complexity of elementary function evaluation", 1976), and the series is summed in rows of six terms that share
 * their powers (D. M. Smith: "Efficient multiple-precision evaluation of elementary functions", 1989).
 */
#include "ziv.h"

enum { MOST_WORDS = 11, HALVINGS = 12, ROW = 6 };

/* A fixed-point number: that many words behind the point, and one before it. */
typedef uint64_t fixed[MOST_WORDS + 1];

/* product = a * b, cut off. a may have its word before the point; b is less than 1. */
static void multiply(fixed product, const fixed a, const fixed b, mp_size_t n)
{
    uint64_t words[2 * MOST_WORDS + 1];

    mpn_mul(words, a, n + 1, b, n);
    memcpy(product, words + n, (size_t)(n + 1) * sizeof *words);
}

/* number * number, which has one word before its point. */
static void square(fixed number, mp_size_t n)
{
    uint64_t words[2 * MOST_WORDS + 2];

    mpn_sqr(words, number, n + 1);
    memcpy(number, words + n, (size_t)(n + 1) * sizeof *words);
}

/* How many terms s^j / j! there are until they are less than one in the last place. */
static uint64_t count_terms(const fixed s, mp_size_t n)
{
    const uint64_t zeros = s[n - 1] ? (uint64_t)__builtin_clzll(s[n - 1]) : 64;
    uint64_t terms = 1, bits = 0;

    for (; bits < (uint64_t)n * 64; terms++) bits += zeros + 63 - (uint64_t)__builtin_clzll(terms);
    return terms;
}

/*
 * sum = exp(s), for s < 2^-10. From the last term on sum is factor * (s^t + s^(t + 1) / (j + 1) + ...), t being
 * the place of term j in its row: so a term before it takes no division, until the factor leaves its word.
 */
static void sum_series(fixed sum, const fixed s, mp_size_t n)
{
    fixed powers[ROW + 1];
    uint64_t factor = 1;

    memcpy(powers[1], s, sizeof powers[1]);
    for (int t = 2; t <= ROW; t++) multiply(powers[t], powers[t - 1], s, n);
    memset(sum, 0, sizeof(fixed));
    for (uint64_t j = count_terms(s, n) - 1;; j--) {
        const uint64_t t = j % ROW;
        if (t == 0) sum[n] += factor;
        else sum[n] += mpn_addmul_1(sum, powers[t], n, factor);
        if (j == 0) break;
        if (t == 0) multiply(sum, sum, powers[ROW], n);
        if (factor > INT64_MAX / j) {
            mpn_divrem_1(sum, 0, sum, n + 1, factor);
            factor = 1;
        }
        factor *= j;
    }
    mpn_divrem_1(sum, 0, sum, n + 1, factor);
}

/*
 * In the last place: each power is too small by less than 2, of which the sum gets less than 2; products of rows
 * and divisions cut off less than 2 of it; the argument and the terms that are left out are less than 3. So the
 * relative error is less than 2^3, after the squarings, each of which doubles it and cuts off, less than
 * 2^16: and there are at least 64 bits more than the value has.
 */
bool with__exp_series(mpfr_t value, mpfr_t x)
{
    const mp_size_t n = (mp_size_t)mpfr_get_prec(value) / 64 + 2;
    fixed s = {0}, sum;
    mpz_t integer;

    if (n > MOST_WORDS || mpfr_sgn(x) <= 0 || mpfr_get_exp(x) > 2) return false;
    mpfr_mul_2si(x, x, 64 * n - HALVINGS, MPFR_RNDN);
    mpz_init(integer);
    mpfr_get_z(integer, x, MPFR_RNDD);
    memcpy(s, mpz_limbs_read(integer), mpz_size(integer) * sizeof *s);
    mpz_clear(integer);
    sum_series(sum, s, n);
    for (int i = 0; i < HALVINGS; i++) square(sum, n);
    mpfr_set_z_2exp(value, mpz_roinit_n(integer, sum, n + 1), -64 * (mpfr_exp_t)n, MPFR_RNDN);
    return true;
}
