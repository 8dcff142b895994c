/* SPDX-License-Identifier: MIT
 *
 * Coefficients as integers of GMP.
 */
#include "integers.h"
#include "guard.h"
#include "powers.h"

void with__get_power(mpz_t integer, int64_t k)
{
    mpz_t table;

    if (k > WITH__POWER_MAX) with__guard_fail();
    if (k <= WITH__TABLE_MAX) {
        const struct with__power *power = &with__powers[k];
        mpz_set(integer, mpz_roinit_n(table, power->words, (mp_size_t)power->size));
        return;
    }
    mpz_ui_pow_ui(integer, 5, (unsigned long)k);
    mpz_mul_2exp(integer, integer, (unsigned long)k);
}

void with__get_scaled(mpz_t integer, const with_decimal *number, int64_t k)
{
    mpz_t storage;

    if (number->size_ > WITH__WORDS_MAX) with__guard_fail();
    if (k == 0) {
        mpz_set(integer, with__get_integer(storage, number));
        return;
    }
    with__get_power(integer, k);
    mpz_mul(integer, integer, with__get_integer(storage, number));
}

bool with__set_integer(with_decimal *number, mpz_srcptr integer, uint32_t *status)
{
    number->negative_ = mpz_sgn(integer) < 0;
    return with__set_words(number, mpz_limbs_read(integer), mpz_size(integer), status);
}
