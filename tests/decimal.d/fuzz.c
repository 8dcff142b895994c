/* SPDX-License-Identifier: MIT
 *
 * For libFuzzer: any text is read, written and read again, and formatted by any spec. What is read
 * must come back the same; what is no number is a NaN with its flag.
 */
#define WITH_NO_KEYWORDS
#include <with/decimal.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static char *write_text(const with_decimal_context *context, const with_decimal *a,
                        bool engineering)
{
    const ptrdiff_t length = with_decimal_to_string_in(context, NULL, 0, a);
    char *text = malloc((size_t)length + 8);

    if (engineering) with_decimal_to_eng_string_in(context, text, (size_t)length + 8, a);
    else
        must(with_decimal_to_string_in(context, text, (size_t)length + 1, a) == length,
             "its length");
    return text;
}

/* What str() gives is the same number again, and so is what to_eng_string() gives. */
static void come_back(with_decimal_context *context, const with_decimal *a)
{
    for (int engineering = 0; engineering < 2; engineering++) {
        with_decimal again = WITH_DECIMAL_INIT;
        char *text = write_text(context, a, engineering);
        must(with_decimal_from_string_in(context, &again, text) == 0, "read again");
        if (engineering && with_decimal_is_finite(a)) { /* it may have zeros more at its end */
            with_decimal order = WITH_DECIMAL_INIT;
            with_decimal_compare_in(context, &order, a, &again);
            must(with_decimal_is_zero(&order), "the same value");
        } else must(with_decimal_order(a, &again) == 0, "the same number");
        must(with_decimal_hash(a) == with_decimal_hash(&again), "the same hash");
        with_decimal_fini(&again);
        free(text);
    }
}

static void format(const with_decimal_context *context, const with_decimal *a, const char *spec)
{
    char buffer[64];
    ptrdiff_t length;

    /* A width or precision of millions is right, and takes memory. */
    if (strspn(spec, "0123456789") > 5 || strlen(spec) > 12) return;
    for (const char *digit = spec; (digit = strpbrk(digit, "0123456789"));
         digit += strspn(digit, "0123456789"))
        if (strspn(digit, "0123456789") > 4) return;
    if (with_decimal_exponent(a) > 100000 || with_decimal_exponent(a) < -100000) return;
    length = with_decimal_format_in(context, buffer, sizeof buffer, a, spec);
    must(length < 0 || strlen(buffer) == (size_t)(length < 63 ? length : 63), "as much as fits");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    with_decimal_context context = {.prec = 28, .Emin = -999999, .Emax = 999999, .capitals = 1};
    with_decimal a = WITH_DECIMAL_INIT, rounded = WITH_DECIMAL_INIT;
    char *text = malloc(size + 1), *spec;

    memcpy(text, data, size);
    text[size] = '\0';
    spec = strchr(text, '|');
    if (spec) *spec++ = '\0';
    must(with_decimal_from_string_in(&context, &a, text) == 0, "read");
    if (context.flags) must(with_decimal_is_qnan(&a), "what is no number is a NaN");
    come_back(&context, &a);
    must(with_decimal_create_in(&context, &rounded, text) == 0, "read and rounded");
    must(with_decimal_is_nan(&rounded) || with_decimal_digits(&rounded) <= 28, "rounded");
    if (spec) format(&context, &a, spec);
    with_decimal_fini(&a);
    with_decimal_fini(&rounded);
    free(text);
    return 0;
}
