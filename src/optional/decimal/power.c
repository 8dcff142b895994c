/* SPDX-License-Identifier: MIT
 *
 * Powers, by the same steps as CPython's C decimal (libmpdec's mpd_qpow()), so that results and flags are
 * the same: integer powers by squaring with some digits more, others by exp(b ln(a)), which is right to one
 * unit of the last digit; and powers of integers modulo a third one.
 */
#include "guard.h"
#include "integers.h"
#include "powers.h"

/* ---- Integers -------------------------------------------------------------------------------- */

/* The number of 1 or 0 in a^b, when the exponent is an integer: 0 even, 1 odd, -1 no integer. */
static int parity(const with_decimal *b)
{
    with_decimal whole = WITH_DECIMAL_INIT;
    uint32_t status = 0;
    int result;

    if (with__is_special(b) || !with_decimal_is_integer(b)) return -1;
    if (b->size_ == 0 || b->exponent_ > 0) return 0;
    if (b->exponent_ == 0) return with__words(b)[0] & 1;
    with__rescale(&whole, b, 0, WITH_ROUND_DOWN, &status);
    result = with__words(&whole)[0] & 1;
    with__release(&whole);
    return result;
}

/* |b|, if it is less than 2^64. */
static bool get_exponent(const with_decimal *b, uint64_t *ret_exponent)
{
    with_decimal whole = WITH_DECIMAL_INIT;
    uint32_t status = 0;
    bool good;

    if (with__adjusted(b) > 19) return false;
    if (b->exponent_ == 0 && b->size_ == 1) {
        *ret_exponent = with__words(b)[0];
        return true;
    }
    with__rescale(&whole, b, 0, WITH_ROUND_DOWN, &status);
    good = whole.size_ == 1;
    if (good) *ret_exponent = with__words(&whole)[0];
    with__release(&whole);
    return good;
}

/* result *= factor, in a context that may have more digits than any other, and traps nothing. */
static void multiply(with_decimal *result, const with_decimal *factor,
                     with_decimal_context *context, uint32_t *status)
{
    with_decimal product = WITH_DECIMAL_INIT;

    if (WITH__LIKELY(context->prec <= WITH_DECIMAL_MAX_PREC)) {
        if (with_decimal_mul_in(context, result, result, factor) != 0) *status |= WITH__NO_MEMORY;
        *status |= context->flags;
        return;
    }
    with__mul(&product, result, factor, context, status);
    with__move(result, &product);
}

static void raise(with_decimal *result, const with_decimal *base, uint64_t exponent,
                  with_decimal_context *context, uint32_t *status)
{
    uint64_t bit = UINT64_C(1) << (63 - __builtin_clzll(exponent));
    uint32_t raised = 0;

    with__copy(result, base, &raised);
    while ((bit >>= 1) && !(raised & WITH__NO_MEMORY)) {
        multiply(result, result, context, &raised);
        if (exponent & bit) multiply(result, base, context, &raised);
        if (with__is_special(result) || (!result->size_ && raised & WITH_SIGNAL_CLAMPED)) break;
    }
    *status |= raised;
}

/* The same for an exponent of any size, from its last bit on: so libmpdec does it where a word is too short. */
static void raise_far(with_decimal *result, const with_decimal *base, const with_decimal *exponent,
                      with_decimal_context *context, uint32_t *status)
{
    with_decimal square = WITH_DECIMAL_INIT, whole = WITH_DECIMAL_INIT;
    uint32_t raised = 0, unused = 0;

    with__rescale(&whole, exponent, 0, WITH_ROUND_DOWN, &unused);
    with__copy(&square, base, &unused);
    raised |= unused & WITH__NO_MEMORY;
    with__set_word(result, 1);
    result->exponent_ = 0;
    result->negative_ = 0;
    for (size_t bit = 0; bit < whole.size_ * 64 && !(raised & WITH__NO_MEMORY); bit++) {
        if (with__words(&whole)[bit / 64] >> bit % 64 & 1) {
            multiply(result, &square, context, &raised);
            *status |= raised;
            if (with__is_special(result) || (!result->size_ && raised & WITH_SIGNAL_CLAMPED)) break;
        }
        multiply(&square, &square, context, &raised);
    }
    *status |= raised & WITH__NO_MEMORY;
    with__release(&square);
    with__release(&whole);
}

/* Whatever way it is rounded, what is infinite is too large, and is rounded as that. */
static void finish(with_decimal *result, bool negative, const with_decimal_context *context,
                   uint32_t *status)
{
    if (result->kind_ == WITH__INFINITE) {
        with__set_word(result, 1);
        result->exponent_ = INT64_C(2000000000000000001);
    }
    result->negative_ = negative;
    with__finish_own(result, context, status);
}

/* exponent: |b|, or 0 if that is larger than a word. */
static void power_of_integer(with_decimal *result, const with_decimal *a, const with_decimal *b,
                             uint64_t exponent, bool negative, const with_decimal_context *context,
                             uint32_t *status)
{
    with_decimal_context work = *context;
    with_decimal inverse = WITH_DECIMAL_INIT, one = WITH_DECIMAL_INIT;
    const with_decimal *base = a;

    work.prec += b->digits_ + b->exponent_ + 2;
    work.rounding = WITH_ROUND_HALF_EVEN;
    work.clamp = 0;
    work.flags = work.traps = 0;
    if (b->negative_) {
        work.prec++;
        with__set_word(&one, 1);
        with__div(&inverse, &one, a, &work, status);
        base = &inverse;
    }
    if (exponent) raise(result, base, exponent, &work, status);
    else raise_far(result, base, b, &work, status);
    with__release(&inverse);
    finish(result, negative, context, status);
}

/* ---- Others ---------------------------------------------------------------------------------- */

static void power_of_real(with_decimal *result, const with_decimal *a, const with_decimal *b,
                          bool negative, const with_decimal_context *context, uint32_t *status)
{
    with_decimal_context work = {.prec = context->prec,
                                 .Emin = WITH_DECIMAL_MIN_EMIN,
                                 .Emax = WITH_DECIMAL_MAX_EMAX,
                                 .rounding = WITH_ROUND_HALF_EVEN};
    with_decimal base = *a, logarithm = WITH_DECIMAL_INIT, one = WITH_DECIMAL_INIT;
    uint32_t unused = 0;

    base.negative_ = 0; /* with the words of a, which are not released */
    if (a->digits_ > work.prec) work.prec = a->digits_;
    work.prec += 4 + 19;
    with__ln(&logarithm, &base, &work, &unused);
    multiply(&logarithm, b, &work, &unused);
    *status |= (unused & WITH__NO_MEMORY) | WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    if (!(unused & WITH__NO_MEMORY)) with__exp(result, &logarithm, &work, status);
    with__release(&logarithm);
    with__set_word(&one, 1);
    if (result->kind_ == WITH__FINITE && with__compare_values(result, &one, &unused) == 0) {
        with__set_padded_one(result, context->prec - 1, &unused);
        *status |= unused & WITH__NO_MEMORY;
    }
    finish(result, negative, context, status);
}

/* ---- What needs no computing ----------------------------------------------------------------- */

static void set(with_decimal *result, bool negative, enum with__kind kind, uint64_t word)
{
    if (kind == WITH__INFINITE) with__set_infinity(result);
    else with__set_word(result, word);
    result->exponent_ = 0;
    result->negative_ = negative;
}

/* How many digits the number has. */
static int64_t length(int64_t n)
{
    const uint64_t word = n < 0 ? -(uint64_t)n : (uint64_t)n;

    return word ? with__count_digits(&word, 1, NULL) : 1;
}

/* |a|, which is not 0. */
static int compare_with_one(const with_decimal *a, uint32_t *status)
{
    with_decimal base = *a, one = WITH_DECIMAL_INIT;

    if (!with__is_special(a) && with__adjusted(a) != 0) return with__adjusted(a) > 0 ? 1 : -1;
    base.negative_ = 0;
    with__set_word(&one, 1);
    return with__compare_values(&base, &one, status);
}

static void power_of_zero(with_decimal *result, const with_decimal *b, bool negative,
                          uint32_t *status)
{
    if (with__is_zero(b)) with__set_invalid(result, WITH__INVALID, status);
    else set(result, negative, b->negative_ ? WITH__INFINITE : WITH__FINITE, 0);
}

static void infinite_power(with_decimal *result, const with_decimal *a, const with_decimal *b,
                           bool negative, const with_decimal_context *context, uint32_t *status)
{
    const int order = compare_with_one(a, status);

    if (order == 0) {
        with__set_padded_one(result, context->prec - 1, status);
        *status |= WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    } else set(result, negative, (order > 0) == !b->negative_ ? WITH__INFINITE : WITH__FINITE, 0);
}

/*
 * A 1 keeps as many zeros as the product of its own and the exponent has, if there is room: for them, and, as libmpdec
 * has it, for their number in the context.
 */
static void power_of_one(with_decimal *result, const with_decimal *a, const with_decimal *b,
                         bool integer, bool negative, const with_decimal_context *context,
                         uint32_t *status)
{
    int64_t zeros = context->prec - 1;
    uint64_t exponent;

    if (integer && b->negative_) {
        set(result, negative, WITH__FINITE, 1);
        return;
    }
    if (!integer) *status |= WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    else if (a->exponent_ == 0) zeros = 0;
    else if (!get_exponent(b, &exponent) ||
             (unsigned __int128)exponent * (uint64_t)-a->exponent_ > (uint64_t)zeros ||
             length((int64_t)exponent * -a->exponent_) - 1 > context->Emax)
        *status |= WITH_SIGNAL_ROUNDED;
    else zeros = (int64_t)exponent * -a->exponent_;
    with__set_padded_one(result, zeros, status);
    result->negative_ = negative;
}

/* floor(log10(|log10(|a|)|)), or less. a is not 1. */
static int64_t least_of_logarithm(const with_decimal *a, uint32_t *status)
{
    const int64_t adjusted = with__adjusted(a);
    with_decimal difference = WITH_DECIMAL_INIT;
    int64_t first;

    if (adjusted > 0) return length(adjusted) - 1;
    if (adjusted < -1) return length(adjusted + 1) - 1;
    with__subtract_one(&difference, a, status);
    first = with__adjusted(&difference);
    with__release(&difference);
    return adjusted == 0 ? first - 2 : first - 1;
}

/*
 * Whether |b log10(|a|)| is certainly larger than all exponents: then the power is beyond them, or below,
 * and is rounded as that.
 */
static bool is_out_of_bounds(with_decimal *result, const with_decimal *a, const with_decimal *b,
                             bool negative, const with_decimal_context *context, uint32_t *status)
{
    const int64_t adjusted = with__adjusted(a);
    const bool small = (adjusted < 0) != b->negative_;
    const int64_t limit = small ? with__etiny(context) : context->Emax;

    if ((adjusted == 0 || adjusted == -1) && length(limit) >= with__adjusted(b))
        return false; /* for |log10(|a|)| is 1 at most */
    if (length(limit) >= least_of_logarithm(a, status) + with__adjusted(b)) return false;
    with__set_word(result, 1);
    result->exponent_ = small ? with__etiny(context) - 1 : context->Emax + 1;
    result->negative_ = negative;
    with__finish_own(result, context, status);
    return true;
}

void with__power(with_decimal *result, const with_decimal *a, const with_decimal *b,
                 const with_decimal_context *context, uint32_t *status)
{
    const int odd = parity(b);
    const bool integer = odd >= 0, negative = a->negative_ && odd == 1;
    uint64_t exponent = 0;

    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (with__is_zero(a)) power_of_zero(result, b, negative, status);
    else if (a->negative_ && !integer) with__set_invalid(result, WITH__NEGATIVE, status);
    else if (with__is_special(b)) infinite_power(result, a, b, negative, context, status);
    else if (with__is_special(a)) {
        if (with__is_zero(b)) set(result, negative, WITH__FINITE, 1);
        else set(result, negative, b->negative_ ? WITH__FINITE : WITH__INFINITE, 0);
    } else if (with__is_zero(b)) set(result, negative, WITH__FINITE, 1);
    else if (compare_with_one(a, status) == 0)
        power_of_one(result, a, b, integer, negative, context, status);
    else if (is_out_of_bounds(result, a, b, negative, context, status)) return;
    else if (integer) {
        if (!get_exponent(b, &exponent)) exponent = 0;
        power_of_integer(result, a, b, exponent, negative, context, status);
    } else power_of_real(result, a, b, negative, context, status);
}

/* ---- Modulo ---------------------------------------------------------------------------------- */

/* An integer with an exponent that is not negative. */
static void set_whole(with_decimal *whole, const with_decimal *a, int64_t exponent,
                      uint32_t *status)
{
    with__rescale(whole, a, exponent > 0 ? exponent : 0, WITH_ROUND_DOWN, status);
}

/* base and exponent may have zeros of any number at their ends, which are not written out. Under a guard. */
static void raise_modulo(with_decimal *result, const with_decimal *a, const with_decimal *b,
                         const with_decimal *c, uint32_t *status)
{
    mpz_t base, exponent, modulus, ten;

    mpz_inits(base, exponent, modulus, NULL);
    mpz_init_set_ui(ten, 10);
    with__get_scaled(modulus, c, 0);
    with__get_scaled(base, a, 0);
    if (a->exponent_ > 0) {
        mpz_set_si(exponent, a->exponent_);
        mpz_powm(ten, ten, exponent, modulus);
        mpz_mul(base, base, ten);
    }
    mpz_mod(base, base, modulus);
    for (int64_t i = 0; i < b->exponent_; i++) mpz_powm_ui(base, base, 10, modulus);
    with__get_scaled(exponent, b, 0);
    mpz_powm(base, base, exponent, modulus);
    with__set_integer(result, base, status);
    mpz_clears(base, exponent, modulus, ten, NULL);
}

/* The same for operands that may have digits behind their points, which are zeros. */
static void raise_whole_modulo(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               const with_decimal *c, uint32_t *status)
{
    with_decimal base = WITH_DECIMAL_INIT, exponent = WITH_DECIMAL_INIT,
                 modulus = WITH_DECIMAL_INIT;
    struct with__guard guard;
    uint32_t unused = 0;

    set_whole(&base, a, a->exponent_, &unused);
    set_whole(&exponent, b, b->exponent_, &unused);
    set_whole(&modulus, c, 0, &unused);
    if (!(unused & WITH__NO_MEMORY)) {
        if (WITH__GUARDED(&guard)) {
            raise_modulo(result, &base, &exponent, &modulus, &unused);
            with__guard_end(&guard);
        } else *status |= WITH__NO_MEMORY;
    }
    *status |= unused & WITH__NO_MEMORY;
    with__release(&base);
    with__release(&exponent);
    with__release(&modulus);
}

void with__power_modulo(with_decimal *result, const with_decimal *a, const with_decimal *b,
                        const with_decimal *c, const with_decimal_context *context,
                        uint32_t *status)
{
    const int odd = parity(b);

    if (with__take_nan(result, a, b, c, context, status)) return;
    if (parity(a) < 0 || odd < 0 || parity(c) < 0 || (b->negative_ && b->size_) || !c->size_ ||
        with__adjusted(c) >= context->prec || (!a->size_ && !b->size_)) {
        with__set_invalid(result, WITH__INVALID, status);
        return;
    }
    raise_whole_modulo(result, a, b, c, status);
    result->negative_ = a->negative_ && odd == 1;
    result->exponent_ = 0;
}
