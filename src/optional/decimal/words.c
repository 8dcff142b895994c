/* SPDX-License-Identifier: MIT
 *
 * Products and quotients of words by GMP. It has its scratch space on the stack while the operands are
 * short; for long ones it allocates, and stands under a guard.
 */
#include "guard.h"

enum { SHORT = 1000 }; /* GMP 6.2 allocates from 64 KiB on: some 8 times the operands */

bool with__multiply(uint64_t *product, const uint64_t *a, size_t a_size, const uint64_t *b,
                    size_t b_size, uint32_t *status)
{
    struct with__guard guard;

    if (a_size < b_size) return with__multiply(product, b, b_size, a, a_size, status);
    if (WITH__LIKELY(a_size < SHORT)) {
        if (a == b && a_size == b_size) mpn_sqr(product, a, a_size);
        else mpn_mul(product, a, a_size, b, b_size);
        return true;
    }
    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    if (a == b && a_size == b_size) mpn_sqr(product, a, a_size);
    else mpn_mul(product, a, a_size, b, b_size);
    with__guard_end(&guard);
    return true;
}

bool with__divide(uint64_t *quotient, uint64_t *rest, const uint64_t *a, size_t a_size,
                  const uint64_t *b, size_t b_size, uint32_t *status)
{
    struct with__guard guard;

    if (WITH__LIKELY(a_size < SHORT)) {
        mpn_tdiv_qr(quotient, rest, 0, a, a_size, b, b_size);
        return true;
    }
    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    mpn_tdiv_qr(quotient, rest, 0, a, a_size, b, b_size);
    with__guard_end(&guard);
    return true;
}

bool with__divide_by_long(uint64_t *quotient, const uint64_t *a, size_t a_size, const uint64_t *b,
                          size_t b_size, uint32_t *status)
{
    struct with__guard guard;
    mpz_t result, dividend, divisor;

    mpz_roinit_n(dividend, a, (mp_size_t)a_size);
    mpz_roinit_n(divisor, b, (mp_size_t)b_size);
    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return false;
    }
    mpz_init(result);
    mpz_tdiv_q(result, dividend, divisor);
    quotient[a_size - b_size] = 0; /* if it has a word less */
    memcpy(quotient, mpz_limbs_read(result), mpz_size(result) * sizeof *quotient);
    mpz_clear(result);
    with__guard_end(&guard);
    return true;
}
