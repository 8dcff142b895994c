/* SPDX-License-Identifier: MIT
 *
 * The square root: that of an integer which gives it as many digits as the precision has, rounded half to even
 * whatever the context says (so the specification). Of four times the integer it has a bit behind its point.
 */
#include "guard.h"
#include "powers.h"

/* mpn_sqrtrem allocates for long operands. The root's words, and whether it is exact. */
static bool take_root(uint64_t *root, const uint64_t *words, size_t size, bool *ret_exact,
                      uint32_t *status)
{
    enum { SHORT = 1000 };
    struct with__guard guard;

    if (size < SHORT) {
        *ret_exact = mpn_sqrtrem(root, NULL, words, (mp_size_t)size) == 0;
        return true;
    }
    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    *ret_exact = mpn_sqrtrem(root, NULL, words, (mp_size_t)size) == 0;
    with__guard_end(&guard);
    return true;
}

/* The same of the integer, whose words are changed and have room for one more; what is left tells how to round. */
static bool take_rounded_root(uint64_t *root, size_t *ret_size, uint64_t *words, size_t size,
                              enum with__rest *ret_rest, uint32_t *status)
{
    bool exact, more;

    words[size] = mpn_lshift(words, words, (mp_size_t)size, 2);
    size += words[size] != 0;
    if (!take_root(root, words, size, &exact, status)) return false;
    size = (size + 1) / 2;
    more = root[0] & 1;
    mpn_rshift(root, root, (mp_size_t)size, 1);
    *ret_size = with__trimmed(root, size);
    *ret_rest = exact ? WITH__NOTHING : more ? WITH__ABOVE_HALF : WITH__BELOW_HALF;
    return true;
}

/* An exact root has the exponent that is half of the operand's, as far as its digits allow. */
static void root_of_finite(with_decimal *result, const with_decimal *a,
                           const with_decimal_context *context, uint32_t *status)
{
    with_decimal_context half_even = *context;
    const int64_t ideal = a->exponent_ >> 1; /* rounded down */
    /* The operand is scaled so that its exponent is even and its root has prec digits or more. */
    const int64_t odd = a->exponent_ & 1;
    const int64_t wanted = 2 * context->prec - (a->digits_ + odd);
    const int64_t half = wanted > 0 ? wanted / 2 : 0;
    struct with__scratch scratch;
    uint64_t *words, *root;
    const size_t room = a->size_ + with__words_for(2 * half + odd) + 1;
    enum with__rest rest;
    size_t size;

    half_even.rounding = WITH_ROUND_HALF_EVEN;
    words = with__scratch_begin(&scratch, room + room / 2 + 2, status);
    if (!words) return;
    root = words + room;
    size = with__scale(words, with__words(a), a->size_, 2 * half + odd, status);
    if (size && take_rounded_root(root, &size, words, size, &rest, status)) {
        result->exponent_ = ideal - half;
        if (rest == WITH__NOTHING)
            result->exponent_ += with__strip_zeros(root, &size, half, status);
        with__finish(result, root, size, rest, &half_even, status);
    }
    with__scratch_end(&scratch);
}

void with__sqrt(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                uint32_t *status)
{
    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    result->negative_ = a->negative_;
    if (with__is_zero(a)) {
        result->exponent_ = a->exponent_ >> 1;
        with__finish(result, NULL, 0, WITH__NOTHING, context, status);
    } else if (a->negative_) with__set_invalid(result, WITH__NEGATIVE, status);
    else if (with__is_special(a)) with__set_infinity(result);
    else root_of_finite(result, a, context, status);
}
