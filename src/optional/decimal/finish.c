/* SPDX-License-Identifier: MIT
 *
 * Rounding: how every operation ends. The specification rounds once, to the precision or to what a
 * subnormal number has of it, and signals what happened.
 */
#include "powers.h"

/* ---- Rounding -------------------------------------------------------------------------------- */

bool with__rounds_up(enum with_rounding rounding, bool negative, unsigned last,
                     enum with__rest rest)
{
    if (rest == WITH__NOTHING) return false;
    switch (rounding) {
    case WITH_ROUND_CEILING: return !negative;
    case WITH_ROUND_DOWN: return false;
    case WITH_ROUND_FLOOR: return negative;
    case WITH_ROUND_HALF_DOWN: return rest == WITH__ABOVE_HALF;
    case WITH_ROUND_HALF_EVEN:
        return rest == WITH__ABOVE_HALF || (rest == WITH__HALF && (last & 1));
    case WITH_ROUND_HALF_UP: return rest != WITH__BELOW_HALF;
    case WITH_ROUND_UP: return true;
    case WITH_ROUND_05UP: return last == 0 || last == 5;
    }
    return false;
}

/* The last digit, as far as rounding asks: 5 x + 6 (x mod 2) = x mod 10. */
static unsigned last_digit(const uint64_t *words, size_t size, enum with_rounding rounding)
{
    if (size == 0) return 0;
    if (rounding != WITH_ROUND_05UP) return words[0] & 1;
    return (unsigned)mpn_mod_1(words, (mp_size_t)size, 10);
}

/* What is dropped with something below it, which makes more of nothing, or of a half. */
static enum with__rest join(enum with__rest dropped, enum with__rest below)
{
    if (below == WITH__NOTHING) return dropped;
    if (dropped == WITH__NOTHING) return WITH__BELOW_HALF;
    return dropped == WITH__HALF ? WITH__ABOVE_HALF : dropped;
}

enum with__rest with__round_words(uint64_t *words, size_t *size, int64_t digits, int64_t k,
                                  enum with__rest rest, enum with_rounding rounding, bool negative,
                                  uint32_t *status)
{
    if (k > digits) {
        *size = 0;
        rest = WITH__BELOW_HALF;
    } else if (k > 0) rest = join(with__drop(words, size, k, status), rest);
    if (with__rounds_up(rounding, negative, last_digit(words, *size, rounding), rest)) {
        if (*size == 0) words[(*size)++] = 1;
        else if (mpn_add_1(words, words, (mp_size_t)*size, 1)) words[(*size)++] = 1;
    }
    return rest;
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void set_largest(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    size_t size;
    const uint64_t *power = with__power_of_ten(context->prec, &size, status);

    with__set_zero(result);
    if (!power || !with__reserve(result, size, status)) return;
    mpn_sub_1(with__words(result), power, (mp_size_t)size, 1);
    result->size_ = with__trimmed(with__words(result), size);
    result->digits_ = context->prec;
    result->exponent_ = with__etop(context);
}

static void overflow(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    *status |= WITH_SIGNAL_OVERFLOW | WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    switch (context->rounding) {
    case WITH_ROUND_DOWN:
    case WITH_ROUND_05UP: set_largest(result, context, status); return;
    case WITH_ROUND_CEILING:
    case WITH_ROUND_FLOOR:
        if ((context->rounding == WITH_ROUND_CEILING) == result->negative_) {
            set_largest(result, context, status);
            return;
        }
        break;
    default: break;
    }
    with__set_infinity(result);
}

static void finish_zero(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    const int64_t least = with__etiny(context);
    const int64_t most = context->clamp ? with__etop(context) : context->Emax;
    const int64_t exponent = result->exponent_;

    with__set_zero(result);
    if (exponent < least) result->exponent_ = least;
    else if (exponent > most) result->exponent_ = most;
    if (result->exponent_ != exponent) *status |= WITH_SIGNAL_CLAMPED;
}

/* An exponent that is too large becomes zeros at the end. */
static void fold_down(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    const int64_t most = with__etop(context), k = result->exponent_ - most;
    const size_t room = result->size_ + with__words_for(k);
    struct with__scratch scratch;
    uint64_t *words;
    size_t size;

    words = with__scratch_begin(&scratch, room, status);
    if (!words) return;
    size = with__scale(words, with__words(result), result->size_, k, status);
    if (size) with__set_words(result, words, size, status);
    with__scratch_end(&scratch);
    result->exponent_ = most;
    *status |= WITH_SIGNAL_CLAMPED;
}

/* ---- Ending an operation --------------------------------------------------------------------- */

/* After rounding: a carry may have made one digit more than there is room for. */
static void check_limits(with_decimal *result, const with_decimal_context *context,
                         uint32_t *status)
{
    if (WITH__UNLIKELY(result->digits_ > context->prec)) {
        with__drop(with__words(result), &result->size_, 1, status);
        result->digits_--;
        result->exponent_++;
    }
    if (WITH__UNLIKELY(with__adjusted(result) > context->Emax)) overflow(result, context, status);
    else if (context->clamp && result->exponent_ > with__etop(context))
        fold_down(result, context, status);
}

void with__finish(with_decimal *result, uint64_t *words, size_t size, enum with__rest rest,
                  const with_decimal_context *context, uint32_t *status)
{
    int64_t digits, k, under;
    bool subnormal;

    size = with__trimmed(words, size);
    if (size == 0) {
        finish_zero(result, context, status);
        return;
    }
    digits = with__count_digits(words, size, status);
    k = digits - context->prec;
    under = with__etiny(context) - result->exponent_;
    subnormal = result->exponent_ + digits - 1 < context->Emin;
    if (subnormal) {
        *status |= WITH_SIGNAL_SUBNORMAL;
        if (under > k) k = under;
    }
    if (k < 0 || (k == 0 && rest == WITH__NOTHING)) {
        with__set_counted(result, words, size, digits, status);
        check_limits(result, context, status);
        return;
    }
    rest = with__round_words(words, &size, digits, k, rest, context->rounding, result->negative_,
                             status);
    *status |= WITH_SIGNAL_ROUNDED;
    if (rest != WITH__NOTHING) {
        *status |= WITH_SIGNAL_INEXACT;
        if (subnormal) *status |= WITH_SIGNAL_UNDERFLOW;
    }
    result->exponent_ += k;
    if (k < digits && !with__may_be_power(words, digits - k))
        with__set_counted(result, words, size, digits - k, status);
    else with__set_words(result, words, size, status);
    if (result->size_ == 0) *status |= WITH_SIGNAL_CLAMPED;
    check_limits(result, context, status);
}

void with__finish_own(with_decimal *result, const with_decimal_context *context, uint32_t *status)
{
    if (with__is_special(result)) return;
    with__finish(result, with__words(result), result->size_, WITH__NOTHING, context, status);
}

/* ---- A given exponent ------------------------------------------------------------------------ */

void with__rescale(with_decimal *result, const with_decimal *a, int64_t exponent,
                   enum with_rounding rounding, uint32_t *status)
{
    const int64_t k = exponent - a->exponent_;
    struct with__scratch scratch;
    enum with__rest rest;
    uint64_t *words;
    size_t size = a->size_;

    result->negative_ = a->negative_;
    if (size == 0) {
        with__set_zero(result);
        result->exponent_ = exponent;
        return;
    }
    words = with__scratch_begin(&scratch, size + 1 + (k < 0 ? with__words_for(-k) : 0), status);
    if (!words) return;
    size = with__scale(words, with__words(a), size, k < 0 ? -k : 0, status);
    if (k > 0) {
        rest = with__round_words(words, &size, a->digits_, k, WITH__NOTHING, rounding, a->negative_,
                                 status);
        *status |= WITH_SIGNAL_ROUNDED;
        if (rest != WITH__NOTHING) *status |= WITH_SIGNAL_INEXACT;
    }
    with__set_words(result, words, size, status);
    result->exponent_ = exponent;
    with__scratch_end(&scratch);
}

void with__set_padded_one(with_decimal *result, int64_t zeros, uint32_t *status)
{
    with_decimal one = WITH_DECIMAL_INIT;

    with__set_word(&one, 1);
    with__rescale(result, &one, -zeros, WITH_ROUND_DOWN, status);
}
