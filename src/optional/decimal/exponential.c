/* SPDX-License-Identifier: MIT
 *
 * exp, ln and log10, correctly rounded, as CPython's C decimal has them.
 */
#include "integers.h"
#include "powers.h"
#include "ziv.h"

/* ---- exp ------------------------------------------------------------------------------------- */

/* floor(x / ln 10), or one beside it: then a little less than 1 or more than 10 is left. */
static int64_t count_tens(mpfr_t x, mpfr_t ln_ten)
{
    const double value = mpfr_get_d(x, MPFR_RNDN);
    int64_t count;
    mpfr_t n;

    if (value > -1e9 && value < 1e9) {
        count = (int64_t)(value / 2.302585092994046);
        return value < 0 ? count - 1 : count;
    }
    mpfr_init2(n, 70);
    mpfr_div(n, x, ln_ten, MPFR_RNDD);
    mpfr_floor(n, n);
    count = (int64_t)mpfr_get_sj(n, MPFR_RNDN);
    mpfr_clear(n);
    return count;
}

/*
 * With n = floor(a / ln 10) it is 10^n times the exponential of what is left, which is from 0 to ln 10: so n is
 * the result's exponent, however large. a has at most 19 digits before its point.
 */
static void exponential(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    const mpfr_prec_t bits = mpfr_get_prec(value), more = bits + 70;
    const size_t places = (size_t)more / 64 + 1;
    const uint64_t *words = with__ln_ten(places, status);
    mpfr_t x, ln_ten;
    mpz_t storage;

    mpfr_init2(x, more);
    mpfr_init2(ln_ten, more);
    with__ziv_set(x, self->a, self->a->exponent_);
    if (self->a->negative_) mpfr_neg(x, x, MPFR_RNDN);
    if (words) {
        mpfr_set_z_2exp(ln_ten, mpz_roinit_n(storage, words, (mp_size_t)places + 1),
                        -64 * (mpfr_exp_t)places, MPFR_RNDN);
        self->scale = count_tens(x, ln_ten);
        if (self->scale) {
            mpfr_mul_si(ln_ten, ln_ten, (long)self->scale, MPFR_RNDN);
            mpfr_sub(x, x, ln_ten, MPFR_RNDN);
        }
    }
    if (!words) mpfr_set_ui(value, 1, MPFR_RNDN);
    else if (!with__exp_series(value, x)) mpfr_exp(value, x, MPFR_RNDN);
    /* x is wrong by 2^(64 + 4 - more) at most, and the value is less than 11. */
    self->error = (long)mpfr_get_exp(value) - (long)bits + 2;
    mpfr_clears(x, ln_ten, NULL);
}

/* Whether |a| is at most 9E+exponent. */
static bool is_at_most_nine(const with_decimal *a, int64_t exponent)
{
    with_decimal nine = WITH_DECIMAL_INIT,
                 base = *a; /* with the words of a, which are not released */
    uint32_t unused = 0;

    base.negative_ = 0;
    with__set_word(&nine, 9);
    nine.exponent_ = exponent;
    return with__compare_values(&base, &nine, &unused) <= 0;
}

/*
 * Whether it is at most 9E-(prec + 4): then the exponential is 1 for all that could count, and, as libmpdec has it,
 * not below.
 */
static inline bool is_nothing(const with_decimal *a, const with_decimal_context *context)
{
    const int64_t adjusted = with__adjusted(a), least = -context->prec - 4;

    return WITH__UNLIKELY(adjusted <= least) && (adjusted < least || is_at_most_nine(a, least));
}

/* A result that is beyond all exponents, or below. */
static void beyond(with_decimal *result, bool large, const with_decimal_context *context,
                   uint32_t *status)
{
    with_decimal_context half_even = *context;
    uint64_t *words = with__words(result);

    half_even.rounding = WITH_ROUND_HALF_EVEN;
    result->negative_ = 0;
    words[0] = 1;
    result->exponent_ = large ? context->Emax + 1 : with__etiny(context) - 1;
    with__finish(result, words, 1, WITH__NOTHING, &half_even, status);
}

void with__exp(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
               uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    result->negative_ = 0;
    if (with__is_special(a)) {
        if (!a->negative_) with__set_infinity(result);
        else with__set_zero(result);
        result->exponent_ = 0;
    } else if (a->size_ == 0) {
        with__set_word(result, 1);
        result->exponent_ = 0;
    } else if (is_nothing(a, context)) {
        with__set_padded_one(result, context->prec - 1, status);
        *status |= WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    } else if (with__adjusted(a) > 18) beyond(result, !a->negative_, context, status);
    else if (!with__exp_quickly(result, a, context, status))
        with__ziv(result, a, exponential, context, status);
}

/* ---- ln -------------------------------------------------------------------------------------- */

bool with__subtract_one(with_decimal *difference, const with_decimal *a, uint32_t *status)
{
    with_decimal_context exact = {.prec = a->digits_ + (a->exponent_ < 0 ? -a->exponent_ : 0) + 2,
                                  .Emin = WITH_DECIMAL_MIN_EMIN,
                                  .Emax = WITH_DECIMAL_MAX_EMAX};
    with_decimal one = WITH_DECIMAL_INIT,
                 base = *a; /* with the words of a, which are not released */
    uint32_t unused = 0;

    base.negative_ = 0;
    with__set_word(&one, 1);
    with__sub(difference, &base, &one, &exact, &unused);
    *status |= unused & WITH__NO_MEMORY;
    return !(unused & WITH__NO_MEMORY);
}

/* Near 1 the logarithm loses what 1 has of the digits: so it is taken of the difference, which is exact. */
static bool is_near_one(const with_decimal *a)
{
    const int64_t adjusted = with__adjusted(a);
    with_decimal first = WITH_DECIMAL_INIT;
    uint32_t status = 0;
    uint64_t digits;

    if (adjusted != 0 && adjusted != -1) return false;
    with__rescale(&first, a, adjusted - 1, WITH_ROUND_DOWN, &status); /* the first two digits */
    digits = with__words(&first)[0];
    with__release(&first);
    return adjusted == 0 ? digits < 13 : digits >= 75;
}

static void logarithm_near_one(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    const mpfr_prec_t bits = mpfr_get_prec(value);
    with_decimal difference = WITH_DECIMAL_INIT;
    uint32_t unused = 0;
    mpfr_t x;

    mpfr_init2(x, bits + 4);
    if (with__subtract_one(&difference, self->a, &unused))
        with__ziv_set(x, &difference, difference.exponent_);
    else mpfr_set_ui(x, 1, MPFR_RNDN);
    *status |= unused & WITH__NO_MEMORY;
    if (difference.negative_) mpfr_neg(x, x, MPFR_RNDN);
    mpfr_log1p(value, x, MPFR_RNDN);
    self->error = (long)mpfr_get_exp(value) - (long)bits + 1;
    mpfr_clear(x);
    with__release(&difference);
}

/* ln(m * 10^e) with one digit before the point of m, or with e = 0 for a number from 0.1 to 1. */
static void logarithm(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    const mpfr_prec_t bits = mpfr_get_prec(value), more = bits + 70;
    const size_t places = (size_t)more / 64 + 1;
    const int64_t adjusted = with__adjusted(self->a), e = adjusted == -1 ? 0 : adjusted;
    const uint64_t *words;
    mpfr_t x, ln_ten;
    mpz_t storage;

    mpfr_init2(x, bits + 4);
    with__ziv_set(x, self->a, self->a->exponent_ - e);
    mpfr_log(value, x, MPFR_RNDN);
    if (e) {
        words = with__ln_ten(places, status);
        mpfr_init2(ln_ten, more);
        if (words)
            mpfr_set_z_2exp(ln_ten, mpz_roinit_n(storage, words, (mp_size_t)places + 1),
                            -64 * (mpfr_exp_t)places, MPFR_RNDN);
        else mpfr_set_ui(ln_ten, 1, MPFR_RNDN);
        mpfr_mul_si(ln_ten, ln_ten, e, MPFR_RNDN);
        mpfr_add(value, value, ln_ten, MPFR_RNDN);
        mpfr_clear(ln_ten);
    }
    /* The logarithm of m is less than 2.4, and wrong by less than 2^(2 - bits). */
    self->error = (long)mpfr_get_exp(value) - (long)bits;
    if (self->error < 1 - (long)bits) self->error = 1 - (long)bits;
    self->error += 2;
    mpfr_clear(x);
}

/* What both logarithms answer without computing; true if that is all. */
static bool is_simple(with_decimal *result, const with_decimal *a,
                      const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return true;
    result->negative_ = 0;
    if (with__is_zero(a)) {
        with__set_infinity(result);
        result->negative_ = 1;
    } else if (a->negative_) with__set_invalid(result, WITH__NEGATIVE, status);
    else if (with__is_special(a)) with__set_infinity(result);
    else return false;
    return true;
}

/* Whether the coefficient is a power of ten. */
static bool is_power(const with_decimal *a, uint32_t *status)
{
    size_t size;
    const uint64_t *power = with__power_of_ten(a->digits_ - 1, &size, status);

    return power && size == a->size_ && mpn_cmp(power, with__words(a), (mp_size_t)size) == 0;
}

/* ln(1 + x) is x less something: of a smaller magnitude where x is positive. */
static bool take_difference(with_decimal *result, const with_decimal *a,
                            const with_decimal_context *context, uint32_t *status)
{
    with_decimal difference = WITH_DECIMAL_INIT;
    uint32_t unused = 0;
    bool good = false;

    if (with__subtract_one(&difference, a, &unused) && difference.digits_ <= context->prec + 2 &&
        with__adjusted(&difference) < -context->prec - 3) {
        result->negative_ = difference.negative_;
        with__nudge(result, &difference, difference.negative_, context, status);
        good = true;
    }
    *status |= unused & WITH__NO_MEMORY;
    with__release(&difference);
    return good;
}

void with__ln(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
              uint32_t *status)
{
    bool near;

    if (is_simple(result, a, context, status)) return;
    if (with__adjusted(a) == 0 && is_power(a, status)) {
        with__set_zero(result);
        result->exponent_ = 0;
        return;
    }
    if (with__ln_quickly(result, a, context, status)) return;
    near = is_near_one(a);
    if (near && take_difference(result, a, context, status)) return;
    if (*status & WITH__NO_MEMORY) return;
    with__ziv(result, a, near ? logarithm_near_one : logarithm, context, status);
}

/* ---- log10 ----------------------------------------------------------------------------------- */

/* The natural logarithm divided by ln 10. */
static void common_logarithm(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    const mpfr_prec_t bits = mpfr_get_prec(value), more = bits + 8;
    const size_t places = (size_t)more / 64 + 1;
    const uint64_t *words = with__ln_ten(places, status);
    long error;
    mpfr_t natural, ln_ten;
    mpz_t storage;

    mpfr_init2(natural, more);
    mpfr_init2(ln_ten, more);
    if (is_near_one(self->a)) logarithm_near_one(natural, self, status);
    else logarithm(natural, self, status);
    if (words)
        mpfr_set_z_2exp(ln_ten, mpz_roinit_n(storage, words, (mp_size_t)places + 1),
                        -64 * (mpfr_exp_t)places, MPFR_RNDN);
    else mpfr_set_ui(ln_ten, 1, MPFR_RNDN);
    mpfr_div(value, natural, ln_ten, MPFR_RNDN);
    error = (long)mpfr_get_exp(value) - (long)bits;
    if (self->error < error) self->error = error;
    self->error += 2;
    mpfr_clears(natural, ln_ten, NULL);
}

void with__log10(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                 uint32_t *status)
{
    with_decimal_context half_even = *context;
    int64_t adjusted;

    if (is_simple(result, a, context, status)) return;
    if (!is_power(a, status)) {
        with__ziv(result, a, common_logarithm, context, status);
        return;
    }
    adjusted = with__adjusted(a);
    with__set_word(result, (uint64_t)(adjusted < 0 ? -adjusted : adjusted));
    result->negative_ = adjusted < 0;
    result->exponent_ = 0;
    half_even.rounding = WITH_ROUND_HALF_EVEN;
    with__finish_own(result, &half_even, status);
}
