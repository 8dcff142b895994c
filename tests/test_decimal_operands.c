/* SPDX-License-Identifier: MIT
 *
 * An operand may be the result, or each other operand: random operations on random numbers give the same then, with
 * the same flags and errors. What fails leaves the number that was to be its result as it was.
 *
 * WITH_DECIMAL_SEED in the environment says from where.
 */
#include "test_decimal.h"

enum { CASES = 20000, OPERANDS = 3 };

static uint64_t state;

/* xorshift64 (G. Marsaglia, 2003). */
static unsigned below(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % limit);
}

static with_decimal random_number(unsigned most_digits)
{
    static const char *const special[] = {"NaN", "sNaN12", "-Infinity", "0E-5", "-0", "1", "10"};
    const unsigned digits = 1 + below(most_digits);
    char text[200], *end = text;

    if (below(10) == 0) return number(special[below(sizeof special / sizeof *special)]);
    if (below(3) == 0) *end++ = '-';
    for (unsigned i = 0; i < digits; i++) *end++ = (char)('0' + (below(3) ? below(10) : 0));
    sprintf(end, "E%d", (int)below(60) - 40 - (int)digits / 2);
    return number(text);
}

static with_decimal_context random_context(void)
{
    with_decimal_context context = with_DefaultContext;

    context.prec = 1 + below(below(4) ? 40 : 120);
    context.rounding = (enum with_rounding)below(8);
    context.traps = below(2) ? 0 : below(WITH_SIGNALS_ALL + 1);
    context.clamp = below(4) == 0;
    if (below(5)) return context;
    context.Emax = context.prec + below(50);
    context.Emin = -context.Emax;
    return context;
}

static with_decimal copy_of(const with_decimal *a)
{
    with_decimal_context context = wide;
    with_decimal copy = WITH_DECIMAL_INIT;

    CHECK_INT(with_decimal_copy_in(&context, &copy, a), 0);
    return copy;
}

/* The operation on those three, into whichever of them or another. */
static int operate_on(const struct operation *operation, with_decimal_context *context,
                      with_decimal *result, const with_decimal *const operands[OPERANDS])
{
    if (operation->one) return operation->one(context, result, operands[0]);
    if (operation->two) return operation->two(context, result, operands[0], operands[1]);
    return operation->three(context, result, operands[0], operands[1], operands[2]);
}

/* The same into the operand `into`, or where that is -1, into the number that all operands are. */
static void check_into(const struct operation *operation, const with_decimal_context *original,
                       const with_decimal numbers[OPERANDS], int into)
{
    const bool same = into < 0;
    with_decimal_context expected_context = *original, context = *original;
    with_decimal expected = number("777"), own[OPERANDS];
    const with_decimal *before[OPERANDS], *operands[OPERANDS];
    with_decimal *const result = &own[same ? 0 : into];
    const with_decimal *was = &numbers[same ? 0 : into];
    char *text;
    int error;

    for (int i = 0; i < OPERANDS; i++) {
        own[i] = copy_of(&numbers[i]);
        before[i] = same ? &numbers[0] : &numbers[i];
        operands[i] = same ? &own[0] : &own[i];
    }
    error = operate_on(operation, &expected_context, &expected, before);
    CHECK_INT(operate_on(operation, &context, result, operands), error);
    CHECK_INT(context.flags, expected_context.flags);
    if (error) CHECK_DECIMAL(&expected, "777");
    text = text_of(error ? was : &expected);
    if (!CHECK_DECIMAL(result, text))
        fprintf(stderr, "%s into operand %d\n", operation->name, into);
    free(text);
    with_decimal_fini(&expected);
    for (int i = 0; i < OPERANDS; i++) with_decimal_fini(&own[i]);
}

static void check_random(void)
{
    const struct operation *operation = &operations[below(sizeof operations / sizeof *operations)];
    const bool slow = strstr(operation->name, "power") != NULL;
    const unsigned digits = slow ? 3 : below(4) ? 40 : 140;
    const with_decimal_context context = random_context();
    with_decimal numbers[OPERANDS];

    for (int i = 0; i < OPERANDS; i++) numbers[i] = random_number(digits);
    for (int into = -1; into < operands_of(operation); into++)
        check_into(operation, &context, numbers, into);
    for (int i = 0; i < OPERANDS; i++) with_decimal_fini(&numbers[i]);
}

int main(void)
{
    const char *seed = getenv("WITH_DECIMAL_SEED");

    state = seed ? strtoull(seed, NULL, 0) | 1 : 20261127;
    for (int i = 0; i < CASES; i++) check_random();
    return test_result();
}
