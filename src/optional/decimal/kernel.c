/* SPDX-License-Identifier: MIT
 *
 * exp and ln of numbers of up to 38 digits, to a precision of 37, in fixed point: words and 192 bits behind the
 * point. The argument is brought below 2^-14 by two tables (P. T. P. Tang: "Table-driven implementation of
 * the exponential function in IEEE floating-point arithmetic", 1989; "... of the logarithm function", 1990), and
 * the rest is a polynomial. The result is wrong by less than 2^-160 of itself, or of 1; where that leaves a
 * doubt how to round, false is given, and MPFR is asked.
 */
#include "integers.h"
#include "powers.h"
#include "ziv.h"

#include <stdatomic.h>

typedef unsigned __int128 wide;

enum { MOST_PREC = 37, TERMS = 13, STEPS = 128, EXP_STEPS = 296, FINE_STEPS = 136, SCALES = 48 };

/* A number from 0 to 1 (but not 1). */
struct fraction {
    uint64_t w[3];
};

/* One with a word before the point, w[3]. */
struct fixed {
    uint64_t w[4];
};

struct table {
    struct fraction factorial[TERMS + 1]; /* 1 / k! */
    struct fraction inverse[TERMS + 1];   /* 1 / k */
    struct fixed exp_coarse[EXP_STEPS];   /* exp(i / 128) */
    struct fraction exp_fine[STEPS];      /* exp(j / 2^14) - 1 */
    uint32_t coarse[STEPS],
        fine[FINE_STEPS]; /* factors, times 2^16 and 2^22, for f >= 1 + i / 128 and 1 + j / 2^14 */
    struct fraction ln_coarse[STEPS], ln_fine[FINE_STEPS]; /* minus their logarithms */
    struct fixed ln_two, ln_ten;
    struct fraction
        scale[SCALES];           /* 2^(b + 191) / 10^k, where b are the bits of 10^k, less 2^192 */
    unsigned scale_bits[SCALES]; /* b - 1 */
    double ln_ten_double;
};

/* Made by the first that asks, and kept. No lock guards that: a child of fork() could find it held. */
static struct table *_Atomic tables;

/* ---- The tables ------------------------------------------------------------------------------ */

/* value times 2^192, cut off. */
static void set_words(uint64_t *words, size_t size, mpfr_t value, mpz_t integer)
{
    mpfr_mul_2ui(value, value, 192, MPFR_RNDN);
    mpfr_get_z(integer, value, MPFR_RNDD);
    for (size_t i = 0; i < size; i++) words[i] = mpz_getlimbn(integer, (mp_size_t)i);
}

static void make_exponentials(struct table *table, mpfr_t x, mpz_t integer)
{
    for (int i = 0; i < EXP_STEPS; i++) {
        mpfr_set_ui_2exp(x, (unsigned long)i, -7, MPFR_RNDN);
        mpfr_exp(x, x, MPFR_RNDN);
        set_words(table->exp_coarse[i].w, 4, x, integer);
    }
    for (int i = 0; i < STEPS; i++) {
        mpfr_set_ui_2exp(x, (unsigned long)i, -14, MPFR_RNDN);
        mpfr_expm1(x, x, MPFR_RNDN);
        set_words(table->exp_fine[i].w, 3, x, integer);
    }
}

/* The factors are rounded up, so that what they make is at least 1. */
static void make_logarithms(struct table *table, mpfr_t x, mpz_t integer)
{
    for (unsigned i = 0; i < STEPS; i++) {
        table->coarse[i] = (uint32_t)(((UINT64_C(1) << 23) + 127 + i) / (128 + i));
        mpfr_set_ui_2exp(x, table->coarse[i], -16, MPFR_RNDN);
        mpfr_log(x, x, MPFR_RNDN);
        mpfr_neg(x, x, MPFR_RNDN);
        set_words(table->ln_coarse[i].w, 3, x, integer);
    }
    for (unsigned i = 0; i < FINE_STEPS; i++) {
        table->fine[i] = (uint32_t)(((UINT64_C(1) << 36) + 16383 + i) / (16384 + i));
        mpfr_set_ui_2exp(x, table->fine[i], -22, MPFR_RNDN);
        mpfr_log(x, x, MPFR_RNDN);
        mpfr_neg(x, x, MPFR_RNDN);
        set_words(table->ln_fine[i].w, 3, x, integer);
    }
}

static void make_constants(struct table *table, mpfr_t x, mpz_t integer)
{
    mpfr_set_ui(x, 2, MPFR_RNDN);
    mpfr_log(x, x, MPFR_RNDN);
    set_words(table->ln_two.w, 4, x, integer);
    mpfr_set_ui(x, 10, MPFR_RNDN);
    mpfr_log(x, x, MPFR_RNDN);
    table->ln_ten_double = mpfr_get_d(x, MPFR_RNDN);
    set_words(table->ln_ten.w, 4, x, integer);
    for (unsigned k = 1; k <= TERMS; k++) {
        mpfr_fac_ui(x, k, MPFR_RNDN);
        mpfr_ui_div(x, 1, x, MPFR_RNDN);
        if (k > 1) set_words(table->factorial[k].w, 3, x, integer);
        mpfr_set_ui(x, 1, MPFR_RNDN);
        mpfr_div_ui(x, x, k, MPFR_RNDN);
        if (k > 1) set_words(table->inverse[k].w, 3, x, integer);
    }
}

/* 10^0 has no reciprocal of 192 bits: a number without digits behind its point is taken with one. */
static void make_scales(struct table *table, mpz_t integer)
{
    mpz_t power;

    mpz_init(power);
    for (unsigned k = 1; k < SCALES; k++) {
        mpz_ui_pow_ui(power, 10, k);
        table->scale_bits[k] = (unsigned)mpz_sizeinbase(power, 2) - 1;
        mpz_set_ui(integer, 0);
        mpz_setbit(integer, table->scale_bits[k] + 192);
        mpz_tdiv_q(integer, integer, power);
        for (int i = 0; i < 3; i++) table->scale[k].w[i] = mpz_getlimbn(integer, i);
    }
    mpz_clear(power);
}

static bool fill(struct table *table)
{
    struct with__guard guard;
    mpz_t integer;
    mpfr_t x;

    if (!WITH__GUARDED(&guard)) return false;
    mpz_init(integer);
    mpfr_init2(x, 224);
    make_exponentials(table, x, integer);
    make_logarithms(table, x, integer);
    make_constants(table, x, integer);
    make_scales(table, integer);
    mpfr_clear(x);
    mpz_clear(integer);
    with__guard_end(&guard);
    return true;
}

static const struct table *make_table(void)
{
    const bool noticed = with__notice_end();
    const struct with__mpfr settings = with__mpfr_begin();
    struct table *made = calloc(1, sizeof *made), *other = NULL;

    if (made && (!noticed || !fill(made))) {
        free(made);
        made = NULL;
    }
    with__mpfr_end(settings);
    if (!made || atomic_compare_exchange_strong(&tables, &other, made)) return made;
    free(made);
    return other;
}

/* NULL without memory. */
static inline const struct table *get_table(void)
{
    const struct table *table = atomic_load_explicit(&tables, memory_order_acquire);

    return WITH__LIKELY(table) ? table : make_table();
}

/* ---- Fixed point ----------------------------------------------------------------------------- */

static inline uint64_t high(wide x)
{
    return (uint64_t)(x >> 64);
}

/* a * b, too small by less than 4 in the last place: what is below it is left out. */
static inline struct fraction times(struct fraction a, struct fraction b)
{
    const wide p22 = (wide)a.w[2] * b.w[2], p21 = (wide)a.w[2] * b.w[1];
    const wide p12 = (wide)a.w[1] * b.w[2];
    const wide low = (wide)high((wide)a.w[2] * b.w[0]) + high((wide)a.w[1] * b.w[1]) +
                     high((wide)a.w[0] * b.w[2]) + (uint64_t)p21 + (uint64_t)p12;
    const wide middle = (wide)high(p21) + high(p12) + (uint64_t)p22 + high(low);

    return (struct fraction){{(uint64_t)low, (uint64_t)middle, high(p22) + high(middle)}};
}

static inline struct fraction plus(struct fraction a, struct fraction b)
{
    const wide low = (wide)a.w[0] + b.w[0], middle = (wide)a.w[1] + b.w[1] + high(low);

    return (struct fraction){{(uint64_t)low, (uint64_t)middle, a.w[2] + b.w[2] + high(middle)}};
}

static inline struct fraction minus(struct fraction a, struct fraction b)
{
    const wide low = (wide)a.w[0] - b.w[0];
    const wide middle = (wide)a.w[1] - b.w[1] - (high(low) & 1);

    return (struct fraction){
        {(uint64_t)low, (uint64_t)middle, a.w[2] - b.w[2] - (high(middle) & 1)}};
}

/* GMP's loops know of instructions that a compiler for all processors must not use. */

/* a + words, of which there are size, 3 or 4. */
static inline void add(struct fixed *a, const uint64_t *words, size_t size)
{
    const uint64_t carry = mpn_add_n(a->w, a->w, words, (mp_size_t)size);

    if (size < 4) a->w[3] += carry;
}

static inline bool is_less(const struct fixed *a, const struct fixed *b)
{
    return a->w[3] != b->w[3] ? a->w[3] < b->w[3] : mpn_cmp(a->w, b->w, 3) < 0;
}

/* a *= 1 + b */
static inline void grow(struct fixed *a, struct fraction b)
{
    const struct fraction behind = times((struct fraction){{a->w[0], a->w[1], a->w[2]}}, b);
    uint64_t before[4];

    before[3] = mpn_mul_1(before, b.w, 3, a->w[3]);
    add(a, before, 4);
    add(a, behind.w, 3);
}

/* words of an integer of two, times 10^-k, k from 1. What it is wrong by is less than 2^-190 of it. */
static inline void scale(const struct table *table, struct fixed *result, const uint64_t integer[2],
                         int64_t k)
{
    uint64_t product[6] = {0};
    const unsigned bits = table->scale_bits[k], word = bits / 64, shift = bits % 64;

    mpn_mul(product, table->scale[k].w, 3, integer, 2);
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t low = i + word < 5 ? product[i + word] : 0;
        const uint64_t next = i + word + 1 < 5 ? product[i + word + 1] : 0;
        result->w[i] = low >> shift | (next << 1) << (63 - shift);
    }
}

/* ---- Arguments and results ------------------------------------------------------------------- */

/* A coefficient of two words, and k so that the number is that times 10^-k, k from 1 to 47. */
static bool get_integer(uint64_t integer[2], const with_decimal *a, int64_t exponent,
                        int64_t *ret_k)
{
    const uint64_t *words = with__words(a);

    if (a->size_ > 2 || exponent > 0 || exponent <= -SCALES) return false;
    integer[0] = words[0];
    integer[1] = a->size_ > 1 ? words[1] : 0;
    *ret_k = -exponent;
    if (exponent < 0) return true;
    if (a->digits_ > 37) return false;
    mpn_mul_1(integer, integer, 2, 10); /* there is no reciprocal of 1 */
    *ret_k = 1;
    return true;
}

/*
 * value * 10^k, rounded half to even to an integer of prec digits, is the coefficient. False if it has more or
 * fewer, or if what is behind the point is so near to a half that the error could matter.
 */
static bool round_fixed(with_decimal *result, const struct fixed *value, int64_t k,
                        int64_t exponent, const with_decimal_context *context, uint32_t *status)
{
    const struct with__power *power = &with__powers[k < 0 ? 0 : k];
    uint64_t product[4 + 3], fraction, *digits = product + 3;
    const uint64_t half = UINT64_C(1) << 63, doubt = UINT64_C(1) << 40;
    size_t size;
    int64_t count;

    if (k < 0 || power->size > 3) return false;
    mpn_mul(product, value->w, 4, power->words, (mp_size_t)power->size);
    for (size_t i = 4 + power->size; i < 7; i++) product[i] = 0;
    fraction = product[2];
    if (fraction > half - doubt && fraction < half + doubt) return false;
    if (fraction > half) mpn_add_1(digits, digits, 4, 1);
    size = with__trimmed(digits, 4);
    if (size == 0 || size > 2) return false;
    count = with__count_digits(digits, size, status);
    if (count != context->prec) return false;
    if (exponent + count - 1 > context->Emax || exponent + count - 1 <= context->Emin ||
        (context->clamp && exponent > with__etop(context)))
        return false;
    result->exponent_ = exponent;
    *status |= WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    return with__set_words(result, digits, size, status);
}

/* ---- exp ------------------------------------------------------------------------------------- */

/* The first two words. */
static inline wide cut(struct fraction a)
{
    return (wide)a.w[2] << 64 | a.w[1];
}

/* a * b of 128 bits, too small by less than 3 in the last place. */
static inline wide times_cut(wide a, wide b)
{
    const uint64_t a0 = (uint64_t)a, a1 = high(a), b0 = (uint64_t)b, b1 = high(b);

    return (wide)a1 * b1 + high((wide)a1 * b0) + high((wide)a0 * b1);
}

/* exp(s) - 1, s < 2^-14. What is times s^5 needs 64 bits less. */
static inline struct fraction exponential_of_small(const struct table *table, struct fraction s)
{
    const wide short_s = cut(s);
    wide short_sum = cut(table->factorial[9]);
    struct fraction sum;

    for (int k = 8; k >= 5; k--)
        short_sum = cut(table->factorial[k]) + times_cut(short_s, short_sum);
    sum = (struct fraction){{0, (uint64_t)short_sum, high(short_sum)}};
    for (int k = 4; k >= 2; k--) sum = plus(table->factorial[k], times(s, sum));
    return plus(s, times(s, times(s, sum)));
}

/* exp of a number less than ln 10. */
static inline void exponential(const struct table *table, struct fixed *result,
                               const struct fixed *x)
{
    const unsigned coarse = (unsigned)(x->w[3] << 7 | x->w[2] >> 57);
    const unsigned fine = (unsigned)(x->w[2] >> 50) & 127;
    const struct fraction s = {{x->w[0], x->w[1], x->w[2] & ((UINT64_C(1) << 50) - 1)}};

    for (int i = 0; i < 4; i++) result->w[i] = table->exp_coarse[coarse].w[i];
    grow(result, table->exp_fine[fine]);
    grow(result, exponential_of_small(table, s));
}

/* left becomes x - n ln 10, or n ln 10 - x for a negative one, from 0 to ln 10; gives n with that sign. */
static int64_t take_off(const struct table *table, struct fixed *left, const struct fixed *x,
                        bool negative)
{
    const double estimate = ((double)x->w[3] + (double)x->w[2] * 0x1p-64) / table->ln_ten_double;
    int64_t n = (int64_t)estimate + negative;

    for (;;) {
        mpn_mul_1(left->w, table->ln_ten.w, 4, (uint64_t)n);
        if (negative) mpn_sub_n(left->w, left->w, x->w, 4);
        else mpn_sub_n(left->w, x->w, left->w, 4);
        if (left->w[3] >> 63) n += negative ? 1 : -1; /* the estimate is one off */
        else if (!is_less(left, &table->ln_ten)) n += negative ? -1 : 1;
        else return negative ? -n : n;
    }
}

bool with__exp_quickly(with_decimal *result, const with_decimal *a,
                       const with_decimal_context *context, uint32_t *status)
{
    uint64_t integer[2];
    struct fixed x, left, value;
    const struct table *table;
    int64_t k, n;

    if (context->prec > MOST_PREC || with__adjusted(a) > 5 ||
        !get_integer(integer, a, a->exponent_, &k) || !(table = get_table()))
        return false;
    scale(table, &x, integer, k);
    n = take_off(table, &left, &x, a->negative_);
    exponential(table, &value, &left);
    return round_fixed(result, &value, context->prec - 1, n - (context->prec - 1), context, status);
}

/* ---- ln -------------------------------------------------------------------------------------- */

/* ln(1 + d), d < 2^-13, in the same way. */
static inline struct fraction logarithm_of_small(const struct table *table, struct fraction d)
{
    const wide short_d = cut(d);
    wide short_sum = cut(table->inverse[11]);
    struct fraction sum;

    for (int k = 10; k >= 5; k--)
        short_sum = cut(table->inverse[k]) - times_cut(short_d, short_sum);
    sum = (struct fraction){{0, (uint64_t)short_sum, high(short_sum)}};
    for (int k = 4; k >= 2; k--) sum = minus(table->inverse[k], times(d, sum));
    return minus(d, times(d, times(d, sum)));
}

/* (1 + f) * factor / 2^bits - 1, which is not negative. */
static inline struct fraction nearer(struct fraction f, uint64_t factor, unsigned bits)
{
    uint64_t product[4]; /* the last word is before the point */

    product[3] = mpn_mul_1(product, f.w, 3, factor) + factor - (UINT64_C(1) << bits);
    return (struct fraction){{product[0] >> bits | product[1] << (64 - bits),
                              product[1] >> bits | product[2] << (64 - bits),
                              product[2] >> bits | product[3] << (64 - bits)}};
}

/* ln of a number from 1 to 10. */
static inline void logarithm(const struct table *table, struct fixed *result, struct fixed *m)
{
    struct fraction f, d;
    unsigned twos, i, j;

    if (!m->w[3]) *m = (struct fixed){{0, 0, 0, 1}}; /* which was cut off */
    twos = 63 - (unsigned)__builtin_clzll(m->w[3]);
    if (twos) mpn_rshift(m->w, m->w, 4, twos);
    f = (struct fraction){{m->w[0], m->w[1], m->w[2]}};
    i = (unsigned)(f.w[2] >> 57);
    d = nearer(f, table->coarse[i], 16);
    j = (unsigned)(d.w[2] >> 50);
    d = nearer(d, table->fine[j], 22);
    d = logarithm_of_small(table, d);
    mpn_mul_1(result->w, table->ln_two.w, 4, twos);
    add(result, d.w, 3);
    add(result, table->ln_coarse[i].w, 3);
    add(result, table->ln_fine[j].w, 3);
}

/* About floor(log10(value)). */
static int64_t magnitude(const struct fixed *value)
{
    const double v = (double)value->w[3] + (double)value->w[2] * 0x1p-64;
    int64_t digits = 0;

    for (double limit = 10; v >= limit; limit *= 10) digits++;
    for (double limit = 1; v < limit && digits > -10; limit /= 10) digits--;
    return digits;
}

bool with__ln_quickly(with_decimal *result, const with_decimal *a,
                      const with_decimal_context *context, uint32_t *status)
{
    const int64_t adjusted = with__adjusted(a);
    uint64_t integer[2];
    struct fixed mantissa, value, tens;
    const struct table *table;
    int64_t k;

    if (context->prec > MOST_PREC || adjusted > 1000000 || adjusted < -1000000 ||
        !get_integer(integer, a, 1 - a->digits_, &k) || !(table = get_table()))
        return false;
    scale(table, &mantissa, integer, k);
    logarithm(table, &value, &mantissa);
    mpn_mul_1(tens.w, table->ln_ten.w, 4, (uint64_t)(adjusted < 0 ? -adjusted : adjusted));
    if (adjusted >= 0) mpn_add_n(value.w, value.w, tens.w, 4);
    else mpn_sub_n(value.w, tens.w, value.w, 4);
    if (!value.w[3] && !(value.w[2] >> 44)) return false; /* near 1 the digits are not enough */
    result->negative_ = adjusted < 0;
    k = context->prec - 1 - magnitude(&value);
    return round_fixed(result, &value, k, -k, context, status);
}
