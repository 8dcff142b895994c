/* SPDX-License-Identifier: MIT
 *
 * Questions to numbers.
 */
#include "internal.h"

/* ---- Comparisons ----------------------------------------------------------------------------- */

/* Signals for the NaNs that the comparison does not allow. Whether there is none, but quiet ones. */
static bool can_compare(const char *name, const with_decimal *a, const with_decimal *b,
                        uint8_t allowed)
{
    with_decimal_context *context = with_getcontext();

    if (WITH__LIKELY(!with__is_nan(a) && !with__is_nan(b))) return true;
    if ((with__is_nan(a) && a->kind_ != allowed) || (with__is_nan(b) && b->kind_ != allowed)) {
        context->flags |= WITH_SIGNAL_INVALID_OPERATION;
        context->raised_ = WITH__UNORDERED;
        if (context->traps & WITH_SIGNAL_INVALID_OPERATION)
            with__throw_failed(name, -EDOM, context, a, b, NULL);
    }
    return false;
}

static int compare(const char *name, const with_decimal *a, const with_decimal *b)
{
    uint32_t status = 0;
    const int order = with__compare_values(a, b, &status);

    if (status & WITH__NO_MEMORY) with__throw_failed(name, -ENOMEM, with_getcontext(), a, b, NULL);
    return order;
}

bool with_decimal_eq(const with_decimal *a, const with_decimal *b)
{
    return can_compare("eq", a, b, WITH__QNAN) && compare("eq", a, b) == 0;
}

bool with_decimal_lt(const with_decimal *a, const with_decimal *b)
{
    return can_compare("lt", a, b, WITH__FINITE) && compare("lt", a, b) < 0;
}

bool with_decimal_le(const with_decimal *a, const with_decimal *b)
{
    return can_compare("le", a, b, WITH__FINITE) && compare("le", a, b) <= 0;
}

bool with_decimal_gt(const with_decimal *a, const with_decimal *b)
{
    return can_compare("gt", a, b, WITH__FINITE) && compare("gt", a, b) > 0;
}

bool with_decimal_ge(const with_decimal *a, const with_decimal *b)
{
    return can_compare("ge", a, b, WITH__FINITE) && compare("ge", a, b) >= 0;
}

bool with_decimal_same_quantum(const with_decimal *a, const with_decimal *b)
{
    if (with__is_special(a) || with__is_special(b))
        return with__is_nan(a) == with__is_nan(b) && with__is_special(a) && with__is_special(b);
    return a->exponent_ == b->exponent_;
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

bool with_decimal_is_finite(const with_decimal *a)
{
    return a->kind_ == WITH__FINITE;
}

bool with_decimal_is_infinite(const with_decimal *a)
{
    return a->kind_ == WITH__INFINITE;
}

bool with_decimal_is_nan(const with_decimal *a)
{
    return with__is_nan(a);
}

bool with_decimal_is_qnan(const with_decimal *a)
{
    return a->kind_ == WITH__QNAN;
}

bool with_decimal_is_snan(const with_decimal *a)
{
    return a->kind_ == WITH__SNAN;
}

bool with_decimal_is_signed(const with_decimal *a)
{
    return a->negative_;
}

bool with_decimal_is_zero(const with_decimal *a)
{
    return with__is_zero(a);
}

/* Dropping the digits behind the point must leave nothing: as many zeros as these are. */
bool with_decimal_is_integer(const with_decimal *a)
{
    with_decimal whole = WITH_DECIMAL_INIT;
    uint32_t status = 0;

    if (with__is_special(a)) return false;
    if (a->exponent_ >= 0 || a->size_ == 0) return true;
    if (-a->exponent_ >= a->digits_) return false;
    with__rescale(&whole, a, 0, WITH_ROUND_DOWN, &status);
    with__release(&whole);
    return !(status & (WITH_SIGNAL_INEXACT | WITH__NO_MEMORY));
}

bool with_decimal_is_normal(const with_decimal *a, const with_decimal_context *context)
{
    return a->kind_ == WITH__FINITE && a->size_ && with__adjusted(a) >= context->Emin;
}

bool with_decimal_is_subnormal(const with_decimal *a, const with_decimal_context *context)
{
    return a->kind_ == WITH__FINITE && a->size_ && with__adjusted(a) < context->Emin;
}

const char *with_decimal_number_class(const with_decimal *a, const with_decimal_context *context)
{
    if (a->kind_ == WITH__QNAN) return "NaN";
    if (a->kind_ == WITH__SNAN) return "sNaN";
    if (a->kind_ == WITH__INFINITE) return a->negative_ ? "-Infinity" : "+Infinity";
    if (a->size_ == 0) return a->negative_ ? "-Zero" : "+Zero";
    if (with_decimal_is_subnormal(a, context)) return a->negative_ ? "-Subnormal" : "+Subnormal";
    return a->negative_ ? "-Normal" : "+Normal";
}

/* ---- Parts ----------------------------------------------------------------------------------- */

int64_t with_decimal_exponent(const with_decimal *a)
{
    return a->kind_ == WITH__FINITE ? a->exponent_ : 0;
}

int64_t with_decimal_adjusted(const with_decimal *a)
{
    return a->kind_ == WITH__FINITE ? with__adjusted(a) : 0;
}

int64_t with_decimal_digits(const with_decimal *a)
{
    return a->digits_;
}

/* ---- Hash ------------------------------------------------------------------------------------ */

/* Of the Mersenne prime that Python's numbers are hashed by (Objects/longobject.c, PEP 3141's rules). */
#define PRIME ((UINT64_C(1) << 61) - 1)
#define TENTH UINT64_C(2075258708292324556) /* 10 times that is 1 */

/* Of numbers below the prime, of which 2^61 is 1. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    const uint64_t sum = ((uint64_t)product & PRIME) + (uint64_t)(product >> 61);

    return sum >= PRIME ? sum - PRIME : sum;
}

static uint64_t power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;

    for (; exponent; exponent >>= 1, base = multiply(base, base))
        if (exponent & 1) result = multiply(result, base);
    return result;
}

int64_t with_decimal_hash(const with_decimal *a)
{
    const uint64_t ten = a->exponent_ < 0 ? TENTH : 10;
    const uint64_t shift = (uint64_t)(a->exponent_ < 0 ? -a->exponent_ : a->exponent_);
    int64_t hash;

    if (with__is_nan(a)) return 0;
    if (a->kind_ == WITH__INFINITE) return a->negative_ ? -314159 : 314159;
    if (a->size_ == 0) return 0;
    hash = (int64_t)multiply(mpn_mod_1(with__words(a), (mp_size_t)a->size_, PRIME),
                             power(ten, shift % (PRIME - 1)));
    if (a->negative_) hash = -hash;
    return hash == -1 ? -2 : hash;
}
