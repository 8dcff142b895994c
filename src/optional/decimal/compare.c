/* SPDX-License-Identifier: MIT
 *
 * Comparisons, and the larger and the smaller of two numbers.
 */
#include "internal.h"

static void set_order(with_decimal *result, int order)
{
    with__set_word(result, order != 0);
    result->negative_ = order < 0;
    result->exponent_ = 0;
}

/* ---- By value -------------------------------------------------------------------------------- */

void with__compare(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   const with_decimal_context *context, uint32_t *status)
{
    if (!with__take_nan(result, a, b, NULL, context, status))
        set_order(result, with__compare_values(a, b, status));
}

void with__compare_signal(with_decimal *result, const with_decimal *a, const with_decimal *b,
                          const with_decimal_context *context, uint32_t *status)
{
    if (with__is_nan(a) || with__is_nan(b)) *status |= WITH__UNORDERED;
    with__compare(result, a, b, context, status);
}

/* ---- Of all numbers -------------------------------------------------------------------------- */

/* In the order of the specification: finite numbers, infinities, signalling NaNs, quiet NaNs. */
static int rank(const with_decimal *number)
{
    static const int ranks[] = {
        [WITH__FINITE] = 0, [WITH__INFINITE] = 1, [WITH__SNAN] = 2, [WITH__QNAN] = 3};

    return ranks[number->kind_];
}

static int compare_total_mag(const with_decimal *a, const with_decimal *b, uint32_t *status)
{
    with_decimal x = *a, y = *b; /* with the words of others, which are not released */
    int order = rank(a) - rank(b);

    if (order != 0) return order > 0 ? 1 : -1;
    if (with__is_nan(a))
        return with__compare_words(with__words(a), a->size_, with__words(b), b->size_);
    x.negative_ = y.negative_ = 0;
    order = with__compare_values(&x, &y, status);
    if (order != 0 || with__is_special(a)) return order;
    return (a->exponent_ > b->exponent_) - (a->exponent_ < b->exponent_);
}

static int compare_total(const with_decimal *a, const with_decimal *b, uint32_t *status)
{
    int order;

    if (a->negative_ != b->negative_) return a->negative_ ? -1 : 1;
    order = compare_total_mag(a, b, status);
    return a->negative_ ? -order : order;
}

void with__compare_total(with_decimal *result, const with_decimal *a, const with_decimal *b,
                         const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    set_order(result, compare_total(a, b, status));
}

void with__compare_total_mag(with_decimal *result, const with_decimal *a, const with_decimal *b,
                             const with_decimal_context *context, uint32_t *status)
{
    (void)context;
    set_order(result, compare_total_mag(a, b, status));
}

/*
 * Without memory to align two numbers of the same size in value, which has to be large, they count as equal:
 * then the exponents decide, and the order is still one.
 */
int with_decimal_order(const with_decimal *a, const with_decimal *b)
{
    uint32_t status = 0;

    return compare_total(a, b, &status);
}

/* ---- The larger and the smaller -------------------------------------------------------------- */

/* A quiet NaN beside a number is no answer. sign: 1 for the larger, -1 for the smaller. */
static void choose(with_decimal *result, const with_decimal *a, const with_decimal *b, int sign,
                   bool magnitudes, const with_decimal_context *context, uint32_t *status)
{
    int order;

    if (with__is_nan(a) || with__is_nan(b)) {
        if (a->kind_ == WITH__QNAN && !with__is_nan(b)) a = b;
        else if (b->kind_ == WITH__QNAN && !with__is_nan(a)) b = a;
        else {
            with__take_nan(result, a, b, NULL, context, status);
            return;
        }
        order = 0;
    } else {
        with_decimal x = *a, y = *b;
        if (magnitudes) x.negative_ = y.negative_ = 0;
        order = with__compare_values(&x, &y, status);
        if (order == 0) order = compare_total(a, b, status);
    }
    with__copy(result, order * sign < 0 ? b : a, status);
    with__finish_own(result, context, status);
}

void with__max(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    choose(result, a, b, 1, false, context, status);
}

void with__max_mag(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   const with_decimal_context *context, uint32_t *status)
{
    choose(result, a, b, 1, true, context, status);
}

void with__min(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    choose(result, a, b, -1, false, context, status);
}

void with__min_mag(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   const with_decimal_context *context, uint32_t *status)
{
    choose(result, a, b, -1, true, context, status);
}
