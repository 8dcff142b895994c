/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: coefficients as integers of GMP, for what is easier said so.
 */
#ifndef WITH_DECIMAL_INTEGERS_H
#define WITH_DECIMAL_INTEGERS_H

#include "internal.h"

/* The coefficient, borrowed, in storage of the caller's: not to be cleared. */
static inline mpz_srcptr with__get_integer(mpz_t storage, const with_decimal *number)
{
    return mpz_roinit_n(storage, with__words(number), (mp_size_t)number->size_);
}

/* integer becomes 10^k. Under a guard. */
void with__get_power(mpz_t integer, int64_t k);

/* integer becomes the coefficient times 10^k, k >= 0. Under a guard. */
void with__get_scaled(mpz_t integer, const with_decimal *number, int64_t k);

/* Sets coefficient and sign. */
bool with__set_integer(with_decimal *number, mpz_srcptr integer, uint32_t *status);

#endif
