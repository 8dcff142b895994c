/* SPDX-License-Identifier: MIT
 *
 * Zeros at the end, which are taken off.
 */
#include "powers.h"

typedef unsigned __int128 wide;

#define FIVE_8 ((wide)390625)
#define FIVE_16 (FIVE_8 * FIVE_8)
#define FIVE_32 (FIVE_16 * FIVE_16)
/* The inverses of powers of 5 modulo 2^128. */
#define INVERSE_1 ((wide)UINT64_C(0xCCCCCCCCCCCCCCCC) << 64 | UINT64_C(0xCCCCCCCCCCCCCCCD))
#define INVERSE_2 ((INVERSE_1) * (INVERSE_1))
#define INVERSE_4 (INVERSE_2 * INVERSE_2)
#define INVERSE_8 (INVERSE_4 * INVERSE_4)
#define INVERSE_16 (INVERSE_8 * INVERSE_8)
#define INVERSE_32 (INVERSE_16 * INVERSE_16)

/*
 * Divides by as many tens as there are zeros at the end, but at most so many; gives how many that were. Of a
 * multiple of 5^k the product with the inverse is the quotient, of all other numbers something larger than any quotient
 * (Granlund, Montgomery: "Division by invariant integers using multiplication", 1994, section 9).
 */
int64_t with__strip_few_zeros(wide *value, int64_t most)
{
    static const struct {
        int64_t zeros;
        wide inverse, largest;
    } steps[] = {
        {32, INVERSE_32, ~(wide)0 / FIVE_32}, {16, INVERSE_16, ~(wide)0 / FIVE_16},
        {8, INVERSE_8, ~(wide)0 / FIVE_8},    {4, INVERSE_4, ~(wide)0 / 625},
        {2, INVERSE_2, ~(wide)0 / 25},        {1, INVERSE_1, ~(wide)0 / 5},
    };
    int64_t stripped = 0;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const int64_t zeros = steps[i].zeros;
        const wide quotient = *value * steps[i].inverse;
        if (stripped + zeros > most || (uint64_t)*value & ((UINT64_C(1) << zeros) - 1) ||
            quotient > steps[i].largest)
            continue;
        *value = quotient >> zeros;
        stripped += zeros;
    }
    return stripped;
}

static int64_t strip_two_words(uint64_t *words, size_t *size, int64_t most)
{
    wide value = (wide)(*size == 2 ? words[1] : 0) << 64 | words[0];
    const int64_t stripped = with__strip_few_zeros(&value, most);

    words[0] = (uint64_t)value;
    if (*size == 2) words[1] = (uint64_t)(value >> 64);
    *size = with__trimmed(words, *size);
    return stripped;
}

int64_t with__strip_zeros(uint64_t *words, size_t *size, int64_t most, uint32_t *status)
{
    int64_t stripped = 0;
    int64_t step = 1;
    struct with__scratch scratch;
    uint64_t *kept;

    if (most <= 0 || *size == 0 || (words[0] & 1)) return 0;
    if (*size <= 2) return strip_two_words(words, size, most);
    kept = with__scratch_begin(&scratch, *size, status);
    if (!kept) return 0;
    /* Steps that double while they succeed, and are halved when they fail. */
    for (bool growing = true; step > 0;) {
        size_t before = *size;
        bool done = false;
        if (stripped + step <= most && (int64_t)mpn_scan1(words, 0) >= step) {
            memcpy(kept, words, before * sizeof *kept);
            done = with__drop(words, size, step, status) == WITH__NOTHING;
            if (!done) {
                memcpy(words, kept, before * sizeof *kept);
                *size = before;
            }
        }
        if (done) stripped += step;
        else growing = false;
        step = growing ? step * 2 : step / 2;
    }
    with__scratch_end(&scratch);
    return stripped;
}
