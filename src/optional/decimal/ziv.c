/* SPDX-License-Identifier: MIT
 *
 * Correctly rounded functions by MPFR and Ziv's loop.
 *
 * What is looked for is the value's first prec + 2 digits, cut off: with something behind them, which is
 * always there, they round as the value does, in the one rounding of with__finish(), subnormal or not.
 */
#include "ziv.h"

#include "integers.h"

enum { GUARD_BITS = 14 }; /* not rounded up to words: some more cost nothing, a word costs */

/* ---- Values ---------------------------------------------------------------------------------- */

void with__ziv_set(mpfr_t value, const with_decimal *number, int64_t exponent)
{
    mpz_t storage, power;
    mpz_srcptr coefficient = with__get_integer(storage, number);

    mpz_init(power);
    if (exponent >= 0) {
        with__get_power(power, exponent);
        mpz_mul(power, power, coefficient);
        mpfr_set_z(value, power, MPFR_RNDN);
    } else {
        mpfr_t quotient;
        with__get_power(power, -exponent);
        mpfr_init2(quotient, mpfr_get_prec(value) + 2);
        mpfr_set_z(quotient, coefficient, MPFR_RNDN);
        mpfr_div_z(value, quotient, power, MPFR_RNDN);
        mpfr_clear(quotient);
    }
    mpz_clear(power);
}

/* ---- The loop -------------------------------------------------------------------------------- */

/* About log10 of |value|, and not too large by more than 1. */
static int64_t digits_before_point(mpfr_t value)
{
    const double bits = (double)mpfr_get_exp(value) - 1;

    return (int64_t)(bits * 0.30102999566398120 - (bits < 0));
}

/* value * 10^k, cut off to an integer, if its error lets that be known. */
static bool cut(mpz_t integer, mpfr_t value, int64_t k, long error, mpfr_prec_t bits)
{
    mpz_t power, low, high;
    mpfr_t scaled;
    long slack, behind;
    bool sure;

    mpz_inits(power, low, high, NULL);
    mpfr_init2(scaled, bits);
    with__get_power(power, k < 0 ? -k : k);
    if (k >= 0) mpfr_mul_z(scaled, value, power, MPFR_RNDN);
    else mpfr_div_z(scaled, value, power, MPFR_RNDN);
    /* The old error, scaled as the value was, and that of the scaling: in bits of the new value. */
    slack = error + (long)(mpfr_get_exp(scaled) - mpfr_get_exp(value)) + 1;
    behind = (long)bits - (long)mpfr_get_exp(scaled); /* bits behind the point */
    if (slack < -behind) slack = -behind;
    slack += 1 + behind;
    mpfr_mul_2si(scaled, scaled, behind, MPFR_RNDN);
    mpfr_get_z(integer, scaled, MPFR_RNDD);
    mpz_set_ui(low, 1);
    mpz_mul_2exp(low, low, (mp_bitcnt_t)slack);
    mpz_add_ui(low, low, 1);
    mpz_add(high, integer, low);
    mpz_sub(low, integer, low);
    mpz_fdiv_q_2exp(low, low, (mp_bitcnt_t)behind);
    mpz_fdiv_q_2exp(high, high, (mp_bitcnt_t)behind);
    sure = mpz_cmp(low, high) == 0;
    mpz_set(integer, low);
    mpfr_clear(scaled);
    mpz_clears(power, low, high, NULL);
    return sure;
}

/* One round; the integer's digits are at least prec + 2, or prec + 1 where the logarithm was too high. */
static bool attempt(with_decimal *result, struct with__ziv *self, with__ziv_function *function,
                    int64_t digits, mpfr_prec_t bits, uint32_t *status)
{
    mpfr_t value;
    mpz_t integer;
    int64_t k = 0;
    bool sure, negative;

    mpfr_init2(value, bits);
    mpz_init(integer);
    self->scale = 0;
    function(value, self, status);
    negative = mpfr_sgn(value) < 0;
    mpfr_abs(value, value, MPFR_RNDN);
    sure = false;
    if (!(*status & WITH__NO_MEMORY)) {
        k = digits - 1 - digits_before_point(value);
        sure = cut(integer, value, k, self->error, bits + 8);
    }
    if (sure) {
        with__set_integer(result, integer, status);
        result->negative_ = negative;
        result->exponent_ = self->scale - k;
    }
    mpz_clear(integer);
    mpfr_clear(value);
    return sure;
}

void with__ziv(with_decimal *result, const with_decimal *a, with__ziv_function *function,
               const with_decimal_context *context, uint32_t *status)
{
    const int64_t digits = context->prec + 3;
    struct with__ziv self = {.a = a};
    with_decimal_context half_even = *context;
    struct with__mpfr settings;
    mpfr_prec_t bits;
    bool sure = false;

    half_even.rounding = WITH_ROUND_HALF_EVEN;
    if (digits > WITH__POWER_MAX) {
        *status |= WITH__NO_MEMORY;
        return;
    }
    with__notice_end(); /* without memory only MPFR's cache would be lost */
    settings = with__mpfr_begin();
    bits = (mpfr_prec_t)((double)digits * 3.3219280948873624) + GUARD_BITS;
    for (; !sure && !(*status & WITH__NO_MEMORY); bits += bits / 2) {
        struct with__guard guard;
        if (WITH__GUARDED(&guard)) {
            sure = attempt(result, &self, function, digits, bits, status);
            with__guard_end(&guard);
        } else *status |= WITH__NO_MEMORY;
    }
    with__mpfr_end(settings);
    if (sure)
        with__finish(result, with__words(result), result->size_, WITH__BELOW_HALF, &half_even,
                     status);
}

/* ---- Near to a decimal number ---------------------------------------------------------------- */

void with__nudge(with_decimal *result, const with_decimal *x, bool larger,
                 const with_decimal_context *context, uint32_t *status)
{
    const int64_t k = context->prec + 3 - x->digits_;
    with_decimal_context half_even = *context;
    uint32_t unused = 0;

    half_even.rounding = WITH_ROUND_HALF_EVEN;
    with__rescale(result, x, x->exponent_ - k, WITH_ROUND_DOWN, &unused);
    *status |= unused & WITH__NO_MEMORY;
    if (unused & WITH__NO_MEMORY) return;
    if (!larger) mpn_sub_1(with__words(result), with__words(result), (mp_size_t)result->size_, 1);
    with__finish(result, with__words(result), result->size_, WITH__BELOW_HALF, &half_even, status);
}
