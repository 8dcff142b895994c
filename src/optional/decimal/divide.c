/* SPDX-License-Identifier: MIT
 *
 * Quotients.
 */
#include "powers.h"

/* Whether a >= b without their exponents, if they have the same number of digits; else false. */
static bool is_as_large(const with_decimal *a, const with_decimal *b)
{
    return a->digits_ == b->digits_ &&
           with__compare_words(with__words(a), a->size_, with__words(b), b->size_) >= 0;
}

/* What the quotient of a division is, and what is left beside the divisor. */
struct quotient {
    uint64_t *words;
    size_t size;
    enum with__rest left;
};

/*
 * The quotient with a word behind its point, for which a begins with a word that is 0. False if that word does not tell
 * what is left, or without memory.
 */
static bool divide_near(struct quotient *q, const uint64_t *a, size_t a_size, const uint64_t *b,
                        size_t b_size, uint32_t *status)
{
    const uint64_t half = UINT64_C(1) << 63;
    uint64_t fraction;

    if (!with__divide_by_long(q->words, a, a_size, b, b_size, status)) return false;
    fraction = *q->words;
    if (fraction == 0 || fraction == half) return false;
    q->words++;
    q->size = with__trimmed(q->words, a_size - b_size);
    q->left = fraction < half ? WITH__BELOW_HALF : WITH__ABOVE_HALF;
    return true;
}

/* rest: words for what is left. */
static bool divide_exactly(struct quotient *q, uint64_t *rest, const uint64_t *a, size_t a_size,
                           const uint64_t *b, size_t b_size, uint32_t *status)
{
    if (!with__divide(q->words, rest, a, a_size, b, b_size, status)) return false;
    q->size = with__trimmed(q->words, a_size - b_size + 1);
    q->left = with__compare_rest(rest, b, b_size);
    return true;
}

/*
 * a / b with as many digits as the precision has, or perhaps one more, and what is left. The scaled operand's words
 * have a 0 before them, and the quotient's words behind them.
 */
static void divide_finite(with_decimal *result, const with_decimal *a, const with_decimal *b,
                          const with_decimal_context *context, uint32_t *status)
{
    enum { LONG = 1000 };
    const int64_t shift = b->digits_ - a->digits_ + context->prec - is_as_large(a, b);
    const with_decimal *scaled = shift >= 0 ? a : b, *other = shift >= 0 ? b : a;
    const int64_t k = shift >= 0 ? shift : -shift;
    const size_t room = scaled->size_ + with__words_for(k);
    struct with__scratch scratch;
    struct quotient q;
    size_t n, d, size;
    uint64_t *words;
    const uint64_t *dividend, *divisor;

    words = with__scratch_begin(&scratch, 2 * (room + other->size_) + 5, status);
    if (!words) return;
    *words++ = 0;
    size = with__scale(words, with__words(scaled), scaled->size_, k, status);
    dividend = shift >= 0 ? words : with__words(a);
    divisor = shift >= 0 ? with__words(b) : words;
    n = shift >= 0 ? size : a->size_;
    d = shift >= 0 ? b->size_ : size;
    q.words = words + room;
    if (size && n >= d &&
        ((shift >= 0 && d >= LONG && divide_near(&q, dividend - 1, n + 1, divisor, d, status)) ||
         divide_exactly(&q, q.words + (n - d) + 2, dividend, n, divisor, d, status))) {
        result->exponent_ = a->exponent_ - b->exponent_ - shift;
        if (q.left == WITH__NOTHING) {
            result->exponent_ += with__strip_zeros(q.words, &q.size, shift, status);
            if (shift < 0) *status |= WITH_SIGNAL_ROUNDED; /* zeros were left out */
        }
        with__finish(result, q.words, q.size, q.left, context, status);
    }
    with__scratch_end(&scratch);
}

static void divide_special(with_decimal *result, const with_decimal *a, const with_decimal *b,
                           const with_decimal_context *context, uint32_t *status)
{
    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (with__is_special(a) && with__is_special(b))
        with__set_invalid(result, WITH__INFINITIES, status);
    else if (with__is_special(a)) with__set_infinity(result);
    else {
        with__set_zero(result);
        result->exponent_ = with__etiny(context);
        *status |= WITH_SIGNAL_CLAMPED;
    }
}

void with__divide_by_zero(with_decimal *result, const with_decimal *a, uint32_t *status)
{
    if (a->size_ == 0) {
        with__set_invalid(result, WITH__UNDEFINED, status);
        return;
    }
    *status |= WITH_SIGNAL_DIVISION_BY_ZERO;
    with__set_infinity(result);
}

void with__div(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    result->negative_ = a->negative_ != b->negative_;
    if (WITH__UNLIKELY(with__is_special(a) || with__is_special(b)))
        divide_special(result, a, b, context, status);
    else if (WITH__UNLIKELY(b->size_ == 0)) with__divide_by_zero(result, a, status);
    else if (WITH__UNLIKELY(a->size_ == 0)) {
        result->exponent_ = a->exponent_ - b->exponent_;
        with__finish(result, NULL, 0, WITH__NOTHING, context, status);
    } else divide_finite(result, a, b, context, status);
}
