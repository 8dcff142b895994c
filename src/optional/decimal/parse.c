/* SPDX-License-Identifier: MIT
 *
 * Numbers from text, as Python's Decimal(text) and Context.create_decimal(text) read them.
 */
#include "guard.h"
#include "operation.h"
#include "powers.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* ---- Digits ---------------------------------------------------------------------------------- */

static bool set_few(with_decimal *result, const uint8_t *digits, size_t count, uint32_t *status)
{
    uint64_t words[64];
    size_t size = 0;

    while (count > 0) {
        const size_t step =
            count % WITH__WORD_DIGITS ? count % WITH__WORD_DIGITS : WITH__WORD_DIGITS;
        uint64_t word = 0, carry;
        for (size_t i = 0; i < step; i++) word = word * 10 + *digits++;
        count -= step;
        carry = size ? mpn_mul_1(words, words, (mp_size_t)size, with__ten[step]) : 0;
        if (size) carry += mpn_add_1(words, words, (mp_size_t)size, word);
        else carry = word;
        if (carry) words[size++] = carry;
    }
    return with__set_words(result, words, size, status);
}

static bool set_many(with_decimal *result, const uint8_t *digits, size_t count, uint32_t *status)
{
    struct with__guard guard;
    size_t size;

    if (!with__reserve(result, with__words_for((int64_t)count), status)) return false;
    if (!WITH__GUARDED(&guard)) {
        with__set_zero(result);
        *status |= WITH__NO_MEMORY;
        return false;
    }
    size = (size_t)mpn_set_str(with__words(result), digits, count, 10);
    with__guard_end(&guard);
    return with__set_words(result, with__words(result), size, status);
}

bool with__set_digits(with_decimal *result, const uint8_t *digits, size_t count, uint32_t *status)
{
    while (count > 0 && *digits == 0) {
        digits++;
        count--;
    }
    return count <= 1000 ? set_few(result, digits, count, status)
                         : set_many(result, digits, count, status);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* What there is between `at` and `end`, without underscores. */
struct reader {
    const char *at, *end;
    bool underscores; /* are passed over */
};

static void pass_over(struct reader *reader)
{
    while (reader->underscores && reader->at < reader->end && *reader->at == '_') reader->at++;
}

/* The next character, or 0. */
static char peek(struct reader *reader)
{
    pass_over(reader);
    return reader->at < reader->end ? *reader->at : '\0';
}

static bool take(struct reader *reader, char lower)
{
    if (tolower((unsigned char)peek(reader)) != lower) return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    const struct reader kept = *reader;

    for (; *word; word++)
        if (!take(reader, *word)) {
            *reader = kept;
            return false;
        }
    return true;
}

static bool take_sign(struct reader *reader)
{
    if (take(reader, '-')) return true;
    take(reader, '+');
    return false;
}

/* Writes the digits that follow; gives how many. Behind the end there is a blank or a 0, which ends them. */
static size_t take_digits(struct reader *reader, uint8_t *digits)
{
    const char *at = reader->at;
    size_t count = 0;

    for (;; at++) {
        const unsigned digit = (unsigned)*at - '0';
        if (digit <= 9) digits[count++] = (uint8_t)digit;
        else if (*at != '_' || !reader->underscores) break;
    }
    reader->at = at;
    return count;
}

/* An exponent that is far out of every range stays so. */
static bool take_exponent(struct reader *reader, int64_t *ret_exponent)
{
    const int64_t most = INT64_C(4000000000000000000);
    const bool negative = take_sign(reader);
    int64_t exponent = 0;
    bool any = false;

    for (char c; (c = peek(reader)) >= '0' && c <= '9'; reader->at++, any = true)
        exponent = exponent < most / 10 ? exponent * 10 + (c - '0') : most;
    *ret_exponent = negative ? -exponent : exponent;
    return any;
}

static bool read_number(struct reader *reader, with_decimal *result, uint8_t *digits,
                        uint32_t *status)
{
    size_t count = take_digits(reader, digits), behind = 0;
    int64_t exponent = 0;

    if (take(reader, '.')) behind = take_digits(reader, digits + count);
    count += behind;
    if (count == 0) return false;
    if (take(reader, 'e') && !take_exponent(reader, &exponent)) return false;
    if (peek(reader)) return false;
    with__set_digits(result, digits, count, status);
    result->exponent_ = exponent - (int64_t)behind;
    return true;
}

static bool read_special(struct reader *reader, with_decimal *result, uint8_t *digits,
                         uint32_t *status)
{
    bool signalling;

    if (take_word(reader, "inf")) {
        take_word(reader, "inity");
        with__set_infinity(result);
        return !peek(reader);
    }
    signalling = take(reader, 's');
    if (!take_word(reader, "nan")) return false;
    with__set_digits(result, digits, take_digits(reader, digits), status);
    result->kind_ = signalling ? WITH__SNAN : WITH__QNAN;
    result->exponent_ = 0;
    if (!result->size_) result->digits_ = 0;
    return !peek(reader);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}

/* Without its blanks a text is as long as all that can be its digits. */
static void parse(with_decimal *result, const char *text, bool lenient, uint32_t *status)
{
    struct reader reader = {text, text + strlen(text), lenient};
    uint8_t few[128], *digits = few;
    bool good, negative;

    while (lenient && reader.at < reader.end && is_blank(*reader.at)) reader.at++;
    while (lenient && reader.at < reader.end && is_blank(reader.end[-1])) reader.end--;
    if ((size_t)(reader.end - reader.at) > sizeof few) {
        digits = malloc((size_t)(reader.end - reader.at));
        if (!digits) {
            *status |= WITH__NO_MEMORY;
            return;
        }
    }
    negative = take_sign(&reader);
    if (peek(&reader) == '.' || isdigit((unsigned char)peek(&reader)))
        good = read_number(&reader, result, digits, status);
    else good = read_special(&reader, result, digits, status);
    result->negative_ = negative;
    if (digits != few) free(digits);
    if (!good) with__set_invalid(result, WITH__SYNTAX, status);
}

/* ---- Conversions ----------------------------------------------------------------------------- */

bool with__is_out_of_range(const with_decimal *a)
{
    const int64_t least = WITH_DECIMAL_MIN_EMIN - WITH_DECIMAL_MAX_PREC + 1;

    if (with__is_special(a)) return a->digits_ > WITH_DECIMAL_MAX_PREC;
    if (a->exponent_ < least || a->exponent_ > WITH_DECIMAL_MAX_EMAX) return true;
    return a->size_ && with__adjusted(a) > WITH_DECIMAL_MAX_EMAX;
}

void with__parse(with_decimal *result, const char *text, const with_decimal_context *context,
                 uint32_t *status)
{
    (void)context;
    with__set_zero(result);
    parse(result, text, true, status);
    if (with__is_out_of_range(result)) with__set_invalid(result, WITH__TOO_FAR, status);
}

static void create(with_decimal *result, const char *text, const with_decimal_context *context,
                   uint32_t *status)
{
    with__set_zero(result);
    parse(result, text, false, status);
    if (with__is_nan(result) && result->digits_ > context->prec - context->clamp)
        with__set_invalid(result, WITH__SYNTAX, status);
    with__finish_own(result, context, status);
}

static void __attribute__((noreturn))
failed(const char *name, int error, const with_decimal_context *context, const char *text)
{
    char call[140];

    if (error == -EINVAL && !text)
        with_throw(with_ValueError, "with_decimal_%s: the text is NULL", name);
    if (error == -EINVAL) with__throw_bad_context(context);
    snprintf(call, sizeof call, "with_decimal_%s(\"%.80s%s\")", name, text,
             strlen(text) > 80 ? "..." : "");
    with__throw_signal(call, error, context);
}

#define FROM_TEXT(NAME, FUNCTION)                                                                  \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,              \
                                 const char *text)                                                 \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!text || !with__operation_begin(&self, context)) return -EINVAL;                       \
        FUNCTION(&self.result, text, context, &self.status);                                       \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result, const char *text)                               \
    {                                                                                              \
        with_decimal_context *context = with_getcontext();                                         \
        const int error = with_decimal_##NAME##_in(context, result, text);                         \
        if (WITH__UNLIKELY(error)) failed(#NAME, error, context, text);                            \
    }

/* clang-format off */
FROM_TEXT(from_string, with__parse)
FROM_TEXT(create, create)
/* clang-format on */
