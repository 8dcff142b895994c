/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: correctly rounded functions by Ziv's loop (A. Ziv: "Fast evaluation of elementary
 * mathematical functions with correctly rounded last bit", 1991). A function is computed with some bits
 * more than its result has, by MPFR, and again with more if these do not tell how to round.
 */
#ifndef WITH_DECIMAL_ZIV_H
#define WITH_DECIMAL_ZIV_H

#include "guard.h"

#include <mpfr.h>

/* The program's own settings of MPFR, which do not hold in between. */
struct with__mpfr {
    mpfr_exp_t least, most;
    mpfr_flags_t flags;
};

static inline struct with__mpfr with__mpfr_begin(void)
{
    const struct with__mpfr settings = {mpfr_get_emin(), mpfr_get_emax(), mpfr_flags_save()};

    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
    return settings;
}

static inline void with__mpfr_end(struct with__mpfr settings)
{
    mpfr_set_emin(settings.least);
    mpfr_set_emax(settings.most);
    mpfr_flags_restore(settings.flags, MPFR_FLAGS_ALL);
}

/* A function while it is computed. It is not 0, and no decimal number of any length. */
struct with__ziv {
    const with_decimal *a;
    int64_t scale; /* the result is the value times 10^scale: set by the function, if it is large */
    long error; /* the value differs from the true one by less than 2^error: set by the function */
};

/* Sets value to the function with about as many correct bits as the value has. Under a guard. */
typedef void with__ziv_function(mpfr_t value, struct with__ziv *self, uint32_t *status);

/* Rounds it half to even, whatever the context says. */
void with__ziv(with_decimal *result, const with_decimal *a, with__ziv_function *function,
               const with_decimal_context *context, uint32_t *status);

/*
 * The same for what is nearer to x than any number of the precision: x and something that is larger
 * than 0, or smaller, in magnitude. x is not 0 and has at most two digits more than the precision.
 */
void with__nudge(with_decimal *result, const with_decimal *x, bool larger,
                 const with_decimal_context *context, uint32_t *status);

/*
 * exp(x) with an error of less than 0.51 in the last place, where there is a faster way than MPFR's; then x is
 * lost. Else false (series.c).
 */
bool with__exp_series(mpfr_t value, mpfr_t x);

/* value becomes the coefficient times 10^exponent with an error of one unit in the last place. */
void with__ziv_set(mpfr_t value, const with_decimal *number, int64_t exponent);

#endif
