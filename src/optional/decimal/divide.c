/* SPDX-License-Identifier: MIT
 *
 * Quotients: rounded, and of integers with what remains.
 */
#include "guard.h"
#include "integers.h"

/* ---- Rounded quotients ------------------------------------------------------------------------ */

/* How many zeros the number ends with, up to most; it is divided by as many tens. */
int64_t with__strip_zeros(uint64_t *words, size_t *size, int64_t most, uint32_t *status)
{
    int64_t stripped = 0;
    int64_t step = 1;
    struct with__scratch scratch;
    uint64_t *kept;

    if (most <= 0 || *size == 0 || (words[0] & 1)) return 0;
    kept = with__scratch_begin(&scratch, *size, status);
    if (!kept) return 0;
    /* Steps that double while they succeed, and are halved when they fail. */
    for (bool growing = true; step > 0;) {
        size_t before = *size;
        bool done = false;
        if (stripped + step <= most && (int64_t)mpn_scan1(words, 0) >= step) {
            memcpy(kept, words, before * sizeof *kept);
            done = with__drop(words, size, step, status) == WITH__NOTHING;
            if (!done) {
                memcpy(words, kept, before * sizeof *kept);
                *size = before;
            }
        }
        if (done) stripped += step;
        else growing = false;
        step = growing ? step * 2 : step / 2;
    }
    with__scratch_end(&scratch);
    return stripped;
}

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
        with__set_invalid(result, WITH__INVALID, status);
    else if (with__is_special(a)) with__set_infinity(result);
    else {
        with__set_zero(result);
        result->exponent_ = with__etiny(context);
        *status |= WITH_SIGNAL_CLAMPED;
    }
}

static void divide_by_zero(with_decimal *result, const with_decimal *a, uint32_t *status)
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
    else if (WITH__UNLIKELY(b->size_ == 0)) divide_by_zero(result, a, status);
    else if (WITH__UNLIKELY(a->size_ == 0)) {
        result->exponent_ = a->exponent_ - b->exponent_;
        with__finish(result, NULL, 0, WITH__NOTHING, context, status);
    } else divide_finite(result, a, b, context, status);
}

/* ---- Integer quotients ------------------------------------------------------------------------ */

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
    struct with__guard guard;
    mpz_t n, d, q, r;
    volatile bool possible = true;

    if (difference <= -2) { /* a is less than a half of b */
        with__set_zero(quotient);
        with__rescale(remainder, a, ideal, WITH_ROUND_DOWN, status);
        return true;
    }
    if (difference > context->prec) {
        *status |= WITH__IMPOSSIBLE;
        return false;
    }
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
    possible = quotient->digits_ <= context->prec;
    mpz_clears(n, d, q, r, NULL);
    with__guard_end(&guard);
    quotient->exponent_ = 0;
    remainder->exponent_ = ideal;
    remainder->negative_ ^= a->negative_;
    if (!possible) *status |= WITH__IMPOSSIBLE;
    return possible;
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
        else if (quotient) with__set_invalid(quotient, WITH__INVALID, status);
        if (remainder) with__set_invalid(remainder, WITH__INVALID, status);
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
    if (quotient) divide_by_zero(quotient, a, status);
    if (remainder) with__set_invalid(remainder, a->size_ ? WITH__INVALID : WITH__UNDEFINED, status);
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
