/* SPDX-License-Identifier: MIT
 *
 * To and from integers, doubles, integers of GMP, and digits.
 */
#include "guard.h"
#include "integers.h"
#include "operation.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- From numbers ---------------------------------------------------------------------------- */

static void from_uint64(with_decimal *result, uint64_t value, uint32_t *status)
{
    (void)status;
    with__set_word(result, value);
}

static void from_int64(with_decimal *result, int64_t value, uint32_t *status)
{
    from_uint64(result, value < 0 ? -(uint64_t)value : (uint64_t)value, status);
    result->negative_ = value < 0;
}

/* m * 2^e is m * 5^-e * 10^e for e < 0. */
static bool scale_binary(with_decimal *result, uint64_t mantissa, int exponent, uint32_t *status)
{
    struct with__guard guard;
    mpz_t value;

    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    mpz_init(value);
    if (exponent < 0) mpz_ui_pow_ui(value, 5, (unsigned long)-exponent);
    else mpz_setbit(value, (mp_bitcnt_t)exponent);
    mpz_mul_ui(value, value, mantissa);
    with__set_integer(result, value, status);
    mpz_clear(value);
    with__guard_end(&guard);
    return true;
}

static void from_double(with_decimal *result, double value, uint32_t *status)
{
    const bool negative = signbit(value) != 0;
    uint64_t mantissa;
    int exponent;

    with__set_zero(result);
    if (isnan(value)) with__set_invalid(result, 0, status);
    else if (isinf(value)) with__set_infinity(result);
    else if (value != 0) {
        mantissa = (uint64_t)ldexp(frexp(fabs(value), &exponent), 53);
        exponent -= 53;
        while (!(mantissa & 1)) {
            mantissa >>= 1;
            exponent++;
        }
        scale_binary(result, mantissa, exponent, status);
        result->exponent_ = exponent < 0 ? exponent : 0;
    }
    result->negative_ =
        negative && !isnan(value); /* whose sign says nothing; so Python's from_float() */
}

static void from_mpz(with_decimal *result, mpz_srcptr value, uint32_t *status)
{
    with__set_integer(result, value, status);
}

#define FROM(NAME, TYPE)                                                                           \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result, TYPE value)  \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!with__operation_begin(&self, context)) return -EINVAL;                                \
        NAME(&self.result, value, &self.status);                                                   \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result, TYPE value)                                     \
    {                                                                                              \
        with_decimal_context *context = with_getcontext();                                         \
        const int error = with_decimal_##NAME##_in(context, result, value);                        \
        if (WITH__UNLIKELY(error)) with__throw_failed(#NAME, error, context, NULL, NULL, NULL);    \
    }

/* clang-format off */
FROM(from_int64, int64_t)
FROM(from_uint64, uint64_t)
FROM(from_double, double)
FROM(from_mpz, mpz_srcptr)
/* clang-format on */

int with_decimal_from_digits_in(with_decimal_context *context, with_decimal *result, bool negative,
                                const uint8_t *digits, size_t count, int64_t exponent)
{
    struct with__operation self;

    for (size_t i = 0; i < count; i++)
        if (digits[i] > 9) return -EINVAL;
    if (!with__operation_begin(&self, context)) return -EINVAL;
    with__set_digits(&self.result, digits, count, &self.status);
    self.result.negative_ = negative;
    self.result.exponent_ = exponent;
    if (with__is_out_of_range(&self.result))
        with__set_invalid(&self.result, WITH__TOO_FAR, &self.status);
    return with__operation_end(&self, context, result);
}

void with_decimal_from_digits(with_decimal *result, bool negative, const uint8_t *digits,
                              size_t count, int64_t exponent)
{
    with_decimal_context *context = with_getcontext();
    const int error =
        with_decimal_from_digits_in(context, result, negative, digits, count, exponent);
    char call[100];

    for (size_t i = 0; error == -EINVAL && i < count; i++)
        if (digits[i] > 9)
            with_throw(with_ValueError, "with_decimal_from_digits: digit %zu is %d", i, digits[i]);
    if (error == -EINVAL) with__throw_bad_context(context);
    snprintf(call, sizeof call, "with_decimal_from_digits(%zu digits, exponent %" PRId64 ")", count,
             exponent);
    if (error) with__throw_signal(call, error, context);
}

void with_decimal_to_digits(uint8_t *digits, const with_decimal *a)
{
    struct with__text text;

    with__text_begin(&text);
    with__text_digits(&text, a);
    if (text.failed) with_throw(with_MemoryError, "no memory for the digits of a number");
    for (int64_t i = 0; i < a->digits_; i++) digits[i] = (uint8_t)(text.chars[i] - '0');
    with__text_end(&text);
}

/* ---- To integers ----------------------------------------------------------------------------- */

/* -EDOM for a NaN, -ERANGE for an infinity. */
static int refuse(const with_decimal *a)
{
    if (with__is_nan(a)) return -EDOM;
    return with__is_special(a) ? -ERANGE : 0;
}

static void __attribute__((noreturn)) refused(const char *what, int error, const with_decimal *a)
{
    char text[80];

    if (error == -ENOMEM) with_throw(with_MemoryError, "%s: no memory", what);
    if (a->digits_ < 60) with_decimal_to_string_in(&with_ExtendedContext, text, sizeof text, a);
    else strcpy(text, "the number");
    if (error == -EDOM) with_throw(with_ValueError, "%s: %s has no value", what, text);
    with_throw(with_OverflowError, "%s: %s does not fit", what, text);
}

int with_decimal_to_int64_in(int64_t *ret_value, const with_decimal *a)
{
    with_decimal whole = WITH_DECIMAL_INIT;
    uint32_t status = 0;
    uint64_t word;
    int error = refuse(a);

    if (error) return error;
    if (a->size_ && with__adjusted(a) > 18) return -ERANGE;
    with__rescale(&whole, a, 0, WITH_ROUND_DOWN, &status);
    word = whole.size_ ? with__words(&whole)[0] : 0;
    if (whole.size_ > 1 || word > (uint64_t)INT64_MAX + a->negative_) error = -ERANGE;
    with__release(&whole);
    if (status & WITH__NO_MEMORY) return -ENOMEM;
    if (error == 0) *ret_value = (int64_t)(a->negative_ ? -word : word);
    return error;
}

int64_t with_decimal_to_int64(const with_decimal *a)
{
    int64_t value = 0;
    const int error = with_decimal_to_int64_in(&value, a);

    if (error) refused("with_decimal_to_int64", error, a);
    return value;
}

/* Under a guard: what grows is an integer of our own, which then changes places with the caller's. */
static int to_ratio(mpz_ptr numerator, mpz_ptr denominator, const with_decimal *a)
{
    struct with__guard guard;
    mpz_t n, d, common;

    if (!WITH__GUARDED(&guard)) return -ENOMEM;
    mpz_inits(n, d, common, NULL);
    with__get_scaled(n, a, a->exponent_ > 0 ? a->exponent_ : 0);
    with__get_power(d, a->exponent_ < 0 ? -a->exponent_ : 0);
    if (denominator) {
        mpz_gcd(common, n, d);
        mpz_divexact(n, n, common);
        mpz_divexact(d, d, common);
        mpz_swap(denominator, d);
    } else mpz_tdiv_q(n, n, d);
    if (a->negative_) mpz_neg(n, n);
    mpz_swap(numerator, n);
    mpz_clears(n, d, common, NULL);
    with__guard_end(&guard);
    return 0;
}

/* What is less than 1 is 0, without a power of ten that may be large; and more does not fit anywhere. */
static int to_integers(mpz_ptr numerator, mpz_ptr denominator, const with_decimal *a)
{
    const int error = refuse(a);

    if (error) return error;
    if (a->size_ == 0 || (!denominator && with__adjusted(a) < 0)) {
        mpz_set_ui(numerator, 0);
        if (denominator) mpz_set_ui(denominator, 1);
        return 0;
    }
    return to_ratio(numerator, denominator, a);
}

int with_decimal_to_mpz_in(mpz_ptr result, const with_decimal *a)
{
    return to_integers(result, NULL, a);
}

void with_decimal_to_mpz(mpz_ptr result, const with_decimal *a)
{
    const int error = to_integers(result, NULL, a);

    if (error) refused("with_decimal_to_mpz", error, a);
}

int with_decimal_to_ratio_in(mpz_ptr numerator, mpz_ptr denominator, const with_decimal *a)
{
    return to_integers(numerator, denominator, a);
}

void with_decimal_to_ratio(mpz_ptr numerator, mpz_ptr denominator, const with_decimal *a)
{
    const int error = to_integers(numerator, denominator, a);

    if (error) refused("with_decimal_to_ratio", error, a);
}

/* ---- To doubles ------------------------------------------------------------------------------ */

/*
 * By strtod(), which rounds correctly, of the digits and an exponent: so the locale's point is not asked for.
 * Of very many digits the first are enough, with a 1 behind them where others follow: the middle of two
 * doubles has 767 at most.
 */
static double nearest(const with_decimal *a)
{
    enum { ENOUGH = 800 };
    const int error = errno;
    with_decimal cut = WITH_DECIMAL_INIT;
    const with_decimal *number = a;
    struct with__text text;
    uint32_t status = 0;
    double value = NAN;

    if (a->digits_ > ENOUGH) {
        with__rescale(&cut, a, with__adjusted(a) - ENOUGH + 1, WITH_ROUND_05UP, &status);
        number = &cut;
    }
    with__text_begin(&text);
    with__text_digits(&text, number);
    with__text_exponent(&text, 'e', number->exponent_);
    with__text_string(&text, "", 1);
    if (!text.failed && !(status & WITH__NO_MEMORY)) value = strtod(text.chars, NULL);
    with__text_end(&text);
    with__release(&cut);
    errno = error;
    return value;
}

int with_decimal_to_double_in(double *ret_value, const with_decimal *a)
{
    double value;

    if (a->kind_ == WITH__SNAN) return -EDOM;
    if (a->kind_ == WITH__QNAN) value = NAN;
    else if (a->kind_ == WITH__INFINITE || (a->size_ && with__adjusted(a) > 400)) value = INFINITY;
    else if (a->size_ == 0 || with__adjusted(a) < -400) value = 0;
    else value = nearest(a);
    if (isnan(value) && a->kind_ == WITH__FINITE) return -ENOMEM;
    *ret_value = copysign(value, a->negative_ ? -1 : 1);
    return 0;
}

double with_decimal_to_double(const with_decimal *a)
{
    double value = 0;
    const int error = with_decimal_to_double_in(&value, a);

    if (error) refused("with_decimal_to_double", error, a);
    return value;
}
