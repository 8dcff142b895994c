/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: GMP and MPFR without their abort().
 *
 * Where memory is out GMP ends the process, and no function of it can say so. Between the two calls here
 * an allocation that fails jumps out of GMP instead, and what it had allocated is freed:
 *
 *     struct with__guard guard;
 *     if (WITH__GUARDED(&guard)) {
 *         mpz_..., mpfr_...
 *         with__guard_end(&guard);
 *     } else *status |= WITH__NO_MEMORY;
 *
 * The block must neither throw nor leave but by its end; what it changes in locals is lost if it fails.
 * An mpz_t or mpfr_t from outside must not grow in it, for it could lose its words.
 */
#ifndef WITH_DECIMAL_GUARD_H
#define WITH_DECIMAL_GUARD_H

#include "internal.h"

#include <setjmp.h>

enum { WITH__GUARD_BLOCKS = 64 };

struct with__guard {
    jmp_buf jump;
    struct with__guard *outer;
    void **blocks; /* allocated since, and not freed */
    size_t count, room;
    bool failed; /* one inside of this one */
    void *few[WITH__GUARD_BLOCKS];
};

void with__guard_begin(struct with__guard *guard);
void with__guard_end(struct with__guard *guard);
bool with__guard_failed(struct with__guard *guard); /* gives false */

/* Fails the innermost guard. */
void with__guard_fail(void) __attribute__((noreturn, cold));

/*
 * An integer of GMP has 2^31 words at most, and GMP ends the process where one would have more. Larger powers
 * of ten, and products with them, are out of memory before that.
 */
#define WITH__POWER_MAX INT64_C(10000000000)
#define WITH__WORDS_MAX ((size_t)1 << 30)

#define WITH__GUARDED(GUARD)                                                                       \
    (with__guard_begin(GUARD), _setjmp((GUARD)->jump) == 0 || with__guard_failed(GUARD))

#endif
