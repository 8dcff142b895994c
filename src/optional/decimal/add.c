/* SPDX-License-Identifier: MIT
 *
 * Sums and differences, and the comparison of values.
 */
#include "powers.h"

/* ---- Alignment ------------------------------------------------------------------------------- */

/* A finite number that is not 0, for which another one may stand. */
struct term {
    const uint64_t *words;
    size_t size;
    int64_t exponent, digits;
    bool negative;
};

static struct term term_of(const with_decimal *number, bool negated)
{
    return (struct term){with__words(number), number->size_, number->exponent_, number->digits_,
                         number->negative_ != negated};
}

static const uint64_t one = 1;

/*
 * Whether a term is wholly below the digits that count, and those that decide how these are rounded: then it is
 * as good as any other such, as a 1, which far becomes (so does Python's _normalize()).
 */
static bool is_far(struct term *far, const struct term *low, const struct term *high, int64_t prec)
{
    const int64_t room = high->digits - prec - 2;
    const int64_t least = high->exponent + (room < -1 ? room : -1);

    if (WITH__LIKELY(low->exponent + low->digits - 1 >= least)) return false;
    *far = (struct term){&one, 1, least, 1, low->negative};
    return true;
}

/* ---- Finite terms ---------------------------------------------------------------------------- */

/*
 * Gives the size of the sum or difference of size words at scaled, which are high's, and of low; it has room
 * for one more than each. The words may be the scaled ones.
 */
static size_t combine(uint64_t *words, const uint64_t *scaled, size_t size, const struct term *high,
                      const struct term *low, bool *ret_negative)
{
    const mp_size_t n = (mp_size_t)size, m = (mp_size_t)low->size;
    int order;

    *ret_negative = high->negative;
    if (high->negative == low->negative) {
        const size_t larger = size >= low->size ? size : low->size;
        words[larger] = size >= low->size ? mpn_add(words, scaled, n, low->words, m)
                                          : mpn_add(words, low->words, m, scaled, n);
        return larger + 1;
    }
    order = with__compare_words(scaled, size, low->words, low->size);
    if (order == 0) return 0;
    if (order > 0) {
        mpn_sub(words, scaled, n, low->words, m);
        return size;
    }
    mpn_sub(words, low->words, m, scaled, n);
    *ret_negative = low->negative;
    return low->size;
}

static void add_terms(with_decimal *result, const struct term *high, const struct term *low,
                      const with_decimal_context *context, uint32_t *status)
{
    const int64_t exponent = low->exponent;
    struct with__scratch scratch;
    struct term far;
    uint64_t *words;
    size_t size = high->size, room;
    int64_t shift;
    bool negative;

    if (is_far(&far, low, high, context->prec)) low = &far;
    shift = high->exponent - low->exponent;
    room = size + (shift ? with__words_for(shift) : 0);
    words = with__scratch_begin(&scratch, (room > low->size ? room : low->size) + 1, status);
    if (!words) return;
    if (shift) size = with__scale(words, high->words, size, shift, status);
    if (size) {
        size = combine(words, shift ? words : high->words, size, high, low, &negative);
        result->exponent_ = low->exponent;
        result->negative_ = negative;
        if (size == 0) { /* of different signs */
            result->negative_ = context->rounding == WITH_ROUND_FLOOR;
            result->exponent_ = exponent;
        }
        with__finish(result, words, size, WITH__NOTHING, context, status);
    }
    with__scratch_end(&scratch);
}

bool with__add_few(with_decimal *result, const with_decimal *a, const with_decimal *b, bool negated,
                   with_decimal_context *context)
{
    const struct term x = term_of(a, false), y = term_of(b, negated);
    const struct term *high = x.exponent >= y.exponent ? &x : &y, *low = high == &x ? &y : &x;
    const int64_t shift = high->exponent - low->exponent;
    uint64_t words[WITH_DECIMAL_WORDS_ + 2];
    size_t size = high->size;
    bool negative;

    if (!with__are_few(a, b) || shift > WITH__WORD_DIGITS) return false;
    if (shift) size = with__scale(words, high->words, size, shift, NULL);
    size = combine(words, shift ? words : high->words, size, high, low, &negative);
    size = with__trimmed(words, size);
    return size && with__give_few(result, words, size, with__count_digits(words, size, NULL),
                                  low->exponent, negative, context);
}

/* 0 + number: what that adds are zeros behind the last digit, as many as can count. */
static void add_to_zero(with_decimal *result, const with_decimal *number, bool negative,
                        int64_t exponent, const with_decimal_context *context, uint32_t *status)
{
    const int64_t least = number->exponent_ - context->prec - 1;

    if (exponent < least) exponent = least;
    if (exponent < number->exponent_)
        with__rescale(result, number, exponent, WITH_ROUND_DOWN, status);
    else with__copy(result, number, status);
    result->negative_ = negative;
    with__finish_own(result, context, status);
}

static void add_finite(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       bool negated, const with_decimal_context *context, uint32_t *status)
{
    const bool b_negative = b->negative_ != negated;
    const int64_t exponent = a->exponent_ < b->exponent_ ? a->exponent_ : b->exponent_;

    if (WITH__LIKELY(a->size_ && b->size_)) {
        const struct term x = term_of(a, false), y = term_of(b, negated);
        if (x.exponent >= y.exponent) add_terms(result, &x, &y, context, status);
        else add_terms(result, &y, &x, context, status);
    } else if (b->size_) add_to_zero(result, b, b_negative, exponent, context, status);
    else if (a->size_) add_to_zero(result, a, a->negative_, exponent, context, status);
    else {
        result->negative_ =
            a->negative_ == b_negative ? a->negative_ : context->rounding == WITH_ROUND_FLOOR;
        result->exponent_ = exponent;
        with__finish(result, NULL, 0, WITH__NOTHING, context, status);
    }
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void add(with_decimal *result, const with_decimal *a, const with_decimal *b, bool negated,
                const with_decimal_context *context, uint32_t *status)
{
    if (WITH__LIKELY(!with__is_special(a) && !with__is_special(b))) {
        add_finite(result, a, b, negated, context, status);
        return;
    }
    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (with__is_special(a) && with__is_special(b) && a->negative_ == (b->negative_ == negated)) {
        with__set_invalid(result, WITH__INFINITIES, status);
        return;
    }
    with__set_infinity(result);
    result->negative_ = with__is_special(a) ? a->negative_ : b->negative_ != negated;
}

void with__add(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    add(result, a, b, false, context, status);
}

void with__sub(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    add(result, a, b, true, context, status);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

/* Of finite numbers that are not 0, without their signs, and with the same exponent of the first digit. */
static int compare_aligned(const with_decimal *a, const with_decimal *b, uint32_t *status)
{
    const int64_t shift = a->exponent_ - b->exponent_;
    struct with__scratch scratch;
    uint64_t *words;
    size_t size;
    int order;

    if (shift < 0) return -compare_aligned(b, a, status);
    if (shift == 0) return with__compare_words(with__words(a), a->size_, with__words(b), b->size_);
    words = with__scratch_begin(&scratch, a->size_ + with__words_for(shift), status);
    if (!words) return 0;
    size = with__scale(words, with__words(a), a->size_, shift, status);
    order = with__compare_words(words, size, with__words(b), b->size_);
    with__scratch_end(&scratch);
    return order;
}

static int compare_magnitudes(const with_decimal *a, const with_decimal *b, uint32_t *status)
{
    if (with__is_special(a) || with__is_special(b))
        return (int)with__is_special(a) - (int)with__is_special(b);
    if (!a->size_ || !b->size_) return (a->size_ != 0) - (b->size_ != 0);
    if (with__adjusted(a) != with__adjusted(b))
        return with__adjusted(a) > with__adjusted(b) ? 1 : -1;
    return compare_aligned(a, b, status);
}

int with__compare_values(const with_decimal *a, const with_decimal *b, uint32_t *status)
{
    const bool a_zero = with__is_zero(a), b_zero = with__is_zero(b);
    int order;

    if (a_zero && b_zero) return 0;
    if (a->negative_ != b->negative_) {
        if (a_zero) return b->negative_ ? 1 : -1;
        return a->negative_ ? -1 : 1;
    }
    order = compare_magnitudes(a, b, status);
    return a->negative_ ? -order : order;
}
