/* SPDX-License-Identifier: MIT
 *
 * The neighbours of a number among those that the context has.
 */
#include "internal.h"

/*
 * What is below (or above) a by something smaller than any number of the context, rounded down (or up).
 * A number that the context does not have is its neighbour's neighbour: it is rounded, and no more.
 */
static void step(with_decimal *result, const with_decimal *a, bool down,
                 const with_decimal_context *context, uint32_t *status)
{
    with_decimal_context towards = *context;
    with_decimal rounded = WITH_DECIMAL_INIT, tiny = WITH_DECIMAL_INIT;
    uint32_t unused = 0;

    towards.rounding = down ? WITH_ROUND_FLOOR : WITH_ROUND_CEILING;
    with__copy(&rounded, a, &unused);
    with__finish_own(&rounded, &towards, &unused);
    if (!(unused & WITH_SIGNAL_INEXACT)) {
        with__set_word(&tiny, 1);
        tiny.exponent_ = with__etiny(context) - 1;
        tiny.negative_ = down;
        with__release(&rounded);
        with__add(result, a, &tiny, &towards, &unused);
    } else with__move(result, &rounded);
    with__release(&tiny);
    *status |= unused & WITH__NO_MEMORY;
}

static void largest(with_decimal *result, bool negative, const with_decimal_context *context,
                    uint32_t *status)
{
    with_decimal_context down = *context;
    uint32_t unused = 0;

    down.rounding = WITH_ROUND_DOWN;
    down.clamp = 0;
    with__set_word(result, 1);
    result->negative_ = negative;
    result->exponent_ = context->Emax + 1;
    with__finish_own(result, &down, &unused);
    *status |= unused & WITH__NO_MEMORY;
}

static void neighbour(with_decimal *result, const with_decimal *a, bool down,
                      const with_decimal_context *context, uint32_t *status)
{
    if (!with__is_special(a)) step(result, a, down, context, status);
    else if (a->negative_ == down) {
        with__set_infinity(result);
        result->negative_ = a->negative_;
    } else largest(result, a->negative_, context, status);
}

void with__next_minus(with_decimal *result, const with_decimal *a,
                      const with_decimal_context *context, uint32_t *status)
{
    if (!with__take_nan(result, a, NULL, NULL, context, status))
        neighbour(result, a, true, context, status);
}

void with__next_plus(with_decimal *result, const with_decimal *a,
                     const with_decimal_context *context, uint32_t *status)
{
    if (!with__take_nan(result, a, NULL, NULL, context, status))
        neighbour(result, a, false, context, status);
}

/* Unlike the other two it signals what an operation with that result would. */
void with__next_toward(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       const with_decimal_context *context, uint32_t *status)
{
    int order;

    if (with__take_nan(result, a, b, NULL, context, status)) return;
    order = with__compare_values(a, b, status);
    if (order == 0) {
        with__copy(result, a, status);
        result->negative_ = b->negative_;
        return;
    }
    neighbour(result, a, order > 0, context, status);
    if (with__is_special(result))
        *status |= WITH_SIGNAL_OVERFLOW | WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED;
    else if (with__adjusted(result) < context->Emin) {
        *status |= WITH_SIGNAL_UNDERFLOW | WITH_SIGNAL_SUBNORMAL | WITH_SIGNAL_INEXACT |
                   WITH_SIGNAL_ROUNDED;
        if (result->size_ == 0) *status |= WITH_SIGNAL_CLAMPED;
    }
}
