/* SPDX-License-Identifier: MIT
 *
 * sin, cos, tan, atan and pi, which Python's decimal does not have: correctly rounded, by MPFR's.
 */
#include "ziv.h"

/* ---- The functions --------------------------------------------------------------------------- */

/*
 * An angle with as many bits behind the point as the value is to have, and those that it has before it. What the
 * angle is wrong by, times the slope, the value is wrong by too.
 */
static long set_angle(mpfr_t x, mpfr_prec_t bits, const with_decimal *a)
{
    const int64_t before = with__adjusted(a) > 0 ? with__adjusted(a) * 10 / 3 + 4 : 0;

    mpfr_init2(x, bits + (mpfr_prec_t)before + 4);
    with__ziv_set(x, a, a->exponent_);
    if (a->negative_) mpfr_neg(x, x, MPFR_RNDN);
    return (long)mpfr_get_exp(x) - (long)mpfr_get_prec(x);
}

static void set_error(struct with__ziv *self, mpfr_t value, long of_angle)
{
    self->error = (long)mpfr_get_exp(value) - (long)mpfr_get_prec(value);
    if (self->error < of_angle) self->error = of_angle;
    self->error += 1;
}

static void sine(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    mpfr_t x;
    const long error = set_angle(x, mpfr_get_prec(value), self->a);

    (void)status;
    mpfr_sin(value, x, MPFR_RNDN);
    set_error(self, value, error);
    mpfr_clear(x);
}

static void cosine(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    mpfr_t x;
    const long error = set_angle(x, mpfr_get_prec(value), self->a);

    (void)status;
    mpfr_cos(value, x, MPFR_RNDN);
    set_error(self, value, error);
    mpfr_clear(x);
}

/* The slope is 1 + tan^2. */
static void tangent(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    mpfr_t x;
    const long error = set_angle(x, mpfr_get_prec(value), self->a);
    long steep;

    (void)status;
    mpfr_tan(value, x, MPFR_RNDN);
    steep = (long)mpfr_get_exp(value);
    set_error(self, value, error + 1 + (steep > 0 ? 2 * steep : 0));
    mpfr_clear(x);
}

/* Of a large number, wherever its first digit is, the slope makes it good. */
static void arc_tangent(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    const mpfr_prec_t bits = mpfr_get_prec(value);
    mpfr_t x;

    (void)status;
    mpfr_init2(x, bits + 4);
    with__ziv_set(x, self->a, self->a->exponent_);
    if (self->a->negative_) mpfr_neg(x, x, MPFR_RNDN);
    mpfr_atan(value, x, MPFR_RNDN);
    self->error = (long)mpfr_get_exp(value) - (long)bits + 1;
    mpfr_clear(x);
}

static void half_of_pi(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    (void)status;
    mpfr_const_pi(value, MPFR_RNDN);
    mpfr_div_2ui(value, value, 1, MPFR_RNDN);
    if (self->a->negative_) mpfr_neg(value, value, MPFR_RNDN);
    self->error = (long)mpfr_get_exp(value) - (long)mpfr_get_prec(value);
}

static void circle(mpfr_t value, struct with__ziv *self, uint32_t *status)
{
    (void)status;
    mpfr_const_pi(value, MPFR_RNDN);
    self->error = (long)mpfr_get_exp(value) - (long)mpfr_get_prec(value);
}

/* ---- Operations ------------------------------------------------------------------------------ */

/* What is not a finite number but 0; an infinite angle has no function. */
static bool is_simple(with_decimal *result, const with_decimal *a,
                      const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return true;
    if (with__is_special(a)) with__set_invalid(result, WITH__INFINITIES, status);
    else if (a->size_ == 0) {
        with__copy(result, a, status);
        with__finish_own(result, context, status);
    } else return false;
    return true;
}

/* More digits before the point than this would need all of those of pi. */
static bool is_too_large(const with_decimal *a, uint32_t *status)
{
    const int64_t most = INT64_C(100000000);

    if (with__adjusted(a) <= most) return false;
    *status |= WITH__NO_MEMORY;
    return true;
}

/*
 * f(x) for an odd f that is x and something of the third power: by the loop, or where that is smaller
 * than all digits by a nudge. An x of more digits than that is given to the loop in any case.
 */
static void odd(with_decimal *result, const with_decimal *a, with__ziv_function *function,
                bool larger, const with_decimal_context *context, uint32_t *status)
{
    result->negative_ = a->negative_;
    if (with__adjusted(a) * 2 < -context->prec - 4 && a->digits_ <= context->prec + 2)
        with__nudge(result, a, larger, context, status);
    else with__ziv(result, a, function, context, status);
}

void with__sin(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
               uint32_t *status)
{
    if (!is_simple(result, a, context, status) && !is_too_large(a, status))
        odd(result, a, sine, false, context, status);
}

void with__tan(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
               uint32_t *status)
{
    if (!is_simple(result, a, context, status) && !is_too_large(a, status))
        odd(result, a, tangent, true, context, status);
}

void with__cos(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
               uint32_t *status)
{
    with_decimal one = WITH_DECIMAL_INIT;

    with__set_word(&one, 1);
    if (with__is_zero(a)) {
        with__copy(result, &one, status);
        return;
    }
    if (is_simple(result, a, context, status) || is_too_large(a, status)) return;
    result->negative_ = 0;
    if (with__adjusted(a) * 2 < -context->prec - 4)
        with__nudge(result, &one, false, context, status);
    else with__ziv(result, a, cosine, context, status);
}

void with__atan(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    result->negative_ = a->negative_;
    if (with__is_special(a)) with__ziv(result, a, half_of_pi, context, status);
    else if (!is_simple(result, a, context, status)) {
        if (with__adjusted(a) > context->prec * 2 + 100)
            with__ziv(result, a, half_of_pi, context, status);
        else odd(result, a, arc_tangent, false, context, status);
    }
}

void with__pi(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    with__ziv(result, NULL, circle, context, status);
}
