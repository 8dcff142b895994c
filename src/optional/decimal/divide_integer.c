/* SPDX-License-Identifier: MIT
 *
 * Quotients that are integers, and what remains.
 */
#include "guard.h"
#include "integers.h"
#include "powers.h"

typedef unsigned __int128 wide;

/* A coefficient times a power of ten, if that is of two words for sure. */
static bool get_two_words(wide *ret_value, const with_decimal *a, int64_t shift)
{
    const uint64_t *words = with__words(a);
    const struct with__power *power;

    if (a->size_ > 2 || shift > WITH__BARRETT_MAX || a->digits_ + shift > WITH__BARRETT_MAX)
        return false;
    power = &with__powers[shift];
    *ret_value = ((wide)(a->size_ == 2 ? words[1] : 0) << 64 | words[0]) *
                 ((wide)power->words[1] << 64 | power->words[0]);
    return true;
}

static void set_two_words(with_decimal *number, wide value, uint32_t *status)
{
    with__set_words(number, (const uint64_t[]){(uint64_t)value, (uint64_t)(value >> 64)}, 2,
                    status);
}

/* split(), for operands of two words; false, and nothing done, if these are not. */
static bool split_few(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                      const with_decimal *b, int64_t ideal, bool near, uint32_t *status)
{
    wide n, d, q, r;

    if (!get_two_words(&n, a, a->exponent_ - ideal) || !get_two_words(&d, b, b->exponent_ - ideal))
        return false;
    q = n / d;
    r = n % d;
    remainder->negative_ = near && (r > d - r || (r == d - r && (q & 1)));
    if (remainder->negative_) {
        q++;
        r = d - r;
    }
    set_two_words(quotient, q, status);
    set_two_words(remainder, r, status);
    return true;
}

/* The same for all operands; false without memory. */
static bool split_many(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                       const with_decimal *b, int64_t ideal, bool near, uint32_t *status)
{
    struct with__guard guard;
    mpz_t n, d, q, r;

    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    mpz_inits(n, d, q, r, NULL);
    with__get_scaled(n, a, a->exponent_ - ideal);
    with__get_scaled(d, b, b->exponent_ - ideal);
    mpz_tdiv_qr(q, r, n, d);
    if (near) {
        mpz_mul_2exp(n, r, 1);
        if (mpz_cmp(n, d) > 0 || (mpz_cmp(n, d) == 0 && mpz_odd_p(q))) {
            mpz_add_ui(q, q, 1);
            mpz_sub(r, r, d);
        }
    }
    with__set_integer(quotient, q, status);
    with__set_integer(remainder, r, status);
    mpz_clears(n, d, q, r, NULL);
    with__guard_end(&guard);
    return true;
}

/*
 * Of finite numbers, b not 0: the quotient's integer part, and the remainder, which has the exponent
 * `ideal`. False, and WITH__IMPOSSIBLE, if the integer has more digits than the precision. near: the
 * quotient is the integer that is nearest, and even if two are.
 */
static bool split(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                  const with_decimal *b, bool near, const with_decimal_context *context,
                  uint32_t *status)
{
    const int64_t ideal = a->exponent_ < b->exponent_ ? a->exponent_ : b->exponent_;
    const int64_t difference = a->size_ ? with__adjusted(a) - with__adjusted(b) : -2;

    if (difference <= -2) { /* a is less than a half of b */
        with__set_zero(quotient);
        with__rescale(remainder, a, ideal, WITH_ROUND_DOWN, status);
        return true;
    }
    if (difference > context->prec) {
        *status |= WITH__IMPOSSIBLE;
        return false;
    }
    if (!split_few(quotient, remainder, a, b, ideal, near, status) &&
        !split_many(quotient, remainder, a, b, ideal, near, status))
        return false;
    quotient->exponent_ = 0;
    remainder->exponent_ = ideal;
    remainder->negative_ ^= a->negative_;
    if (quotient->digits_ > context->prec) *status |= WITH__IMPOSSIBLE;
    return quotient->digits_ <= context->prec;
}

/* What is not a quotient of finite numbers; true if there is no more to do. */
static bool split_special(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                          const with_decimal *b, const with_decimal_context *context,
                          uint32_t *status)
{
    with_decimal *const results[] = {quotient, remainder};

    for (int i = 0; i < 2; i++) {
        with_decimal *result = results[i];
        if (!result || !with__take_nan(result, a, b, NULL, context, status)) continue;
        if (i == 0 && remainder) with__copy(remainder, quotient, status);
        return true;
    }
    if (with__is_special(a)) {
        if (quotient && !with__is_special(b)) with__set_infinity(quotient);
        else if (quotient) with__set_invalid(quotient, WITH__INFINITIES, status);
        if (remainder) with__set_invalid(remainder, WITH__INFINITIES, status);
        return true;
    }
    if (with__is_special(b)) {
        if (quotient) {
            with__set_zero(quotient);
            quotient->exponent_ = 0;
        }
        if (remainder) {
            with__copy(remainder, a, status);
            with__finish_own(remainder, context, status);
        }
        return true;
    }
    if (b->size_) return false;
    if (quotient) with__divide_by_zero(quotient, a, status);
    if (remainder) with__set_invalid(remainder, a->size_ ? WITH__BY_ZERO : WITH__UNDEFINED, status);
    return true;
}

/* Either result may be NULL. */
static void divide_integers(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                            const with_decimal *b, bool near, const with_decimal_context *context,
                            uint32_t *status)
{
    with_decimal q = WITH_DECIMAL_INIT, r = WITH_DECIMAL_INIT;

    if (quotient) quotient->negative_ = a->negative_ != b->negative_;
    if (split_special(quotient, remainder, a, b, context, status)) return;
    if (split(&q, &r, a, b, near, context, status)) {
        q.negative_ = a->negative_ != b->negative_;
        if (quotient) with__move(quotient, &q);
        if (quotient) with__finish_own(quotient, context, status);
        if (remainder) with__move(remainder, &r);
        if (remainder) with__finish_own(remainder, context, status);
    } else {
        if (quotient) with__set_invalid(quotient, 0, status);
        if (remainder) with__set_invalid(remainder, 0, status);
    }
    with__release(&q);
    with__release(&r);
}

void with__div_int(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   const with_decimal_context *context, uint32_t *status)
{
    divide_integers(result, NULL, a, b, false, context, status);
}

void with__remainder(with_decimal *result, const with_decimal *a, const with_decimal *b,
                     const with_decimal_context *context, uint32_t *status)
{
    divide_integers(NULL, result, a, b, false, context, status);
}

void with__remainder_near(with_decimal *result, const with_decimal *a, const with_decimal *b,
                          const with_decimal_context *context, uint32_t *status)
{
    divide_integers(NULL, result, a, b, true, context, status);
}

void with__divmod(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                  const with_decimal *b, const with_decimal_context *context, uint32_t *status)
{
    divide_integers(quotient, remainder, a, b, false, context, status);
}
