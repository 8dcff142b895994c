/* SPDX-License-Identifier: MIT
 *
 * format(a, spec): Python's format mini-language as Decimal has it,
 * [[fill]align][sign][z][0][width][,][.precision][type].
 */
#include "text.h"

#include <ctype.h>
#include <locale.h>

struct spec {
    char fill[8];
    size_t fill_length;
    char align, sign, type;
    bool zero_padded, no_negative_zero;
    int64_t width, precision; /* -1: none is given */
    const char *point, *separator, *grouping;
};

/* ---- Reading a spec -------------------------------------------------------------------------- */

/* How many bytes the character of UTF-8 has that begins here; 1 for what is none. */
static size_t character(const char *text)
{
    size_t length = 1;

    if ((unsigned char)text[0] < 0xC0) return text[0] != 0;
    while (length < 4 && ((unsigned char)text[length] & 0xC0) == 0x80) length++;
    return length;
}

static bool is_one_of(char c, const char *list)
{
    return c && strchr(list, c);
}

static const char *read_alignment(struct spec *spec, const char *at, bool *ret_given)
{
    const size_t fill = character(at);

    *ret_given = true;
    if (fill && is_one_of(at[fill], "<>=^")) {
        memcpy(spec->fill, at, fill);
        spec->fill_length = fill;
        spec->align = at[fill];
        return at + fill + 1;
    }
    if (is_one_of(*at, "<>=^")) {
        spec->align = *at;
        return at + 1;
    }
    *ret_given = false;
    return at;
}

/* NULL if it is larger than any number of digits can be. */
static const char *read_count(const char *at, int64_t *ret_count)
{
    int64_t count = 0;

    for (; isdigit((unsigned char)*at); at++) {
        count = count * 10 + (*at - '0');
        if (count > WITH_DECIMAL_MAX_PREC) return NULL;
    }
    *ret_count = count;
    return at;
}

/* The type n is g with what the locale has. */
static bool use_locale(struct spec *spec)
{
    const struct lconv *locale = localeconv();

    if (*spec->separator) return false;
    spec->type = 'g';
    spec->point = locale->decimal_point;
    spec->separator = locale->thousands_sep;
    spec->grouping = locale->grouping;
    return true;
}

static bool read_spec(struct spec *spec, const char *at, const with_decimal_context *context)
{
    bool aligned;

    *spec = (struct spec){.fill = " ",
                          .fill_length = 1,
                          .align = '>',
                          .sign = '-',
                          .type = context->capitals ? 'G' : 'g',
                          .precision = -1,
                          .point = ".",
                          .separator = "",
                          .grouping = ""};
    at = read_alignment(spec, at, &aligned);
    if (is_one_of(*at, "+- ")) spec->sign = *at++;
    if (*at == 'z') {
        spec->no_negative_zero = true;
        at++;
    }
    if (*at == '0') {
        if (aligned) return false;
        spec->zero_padded = true;
        spec->align = '=';
        spec->fill[0] = '0';
        at++;
    }
    if (*at == '0' || !(at = read_count(at, &spec->width))) return false;
    if (*at == ',') {
        spec->separator = ",";
        spec->grouping = "\003";
        at++;
    }
    if (*at == '.') {
        if (!isdigit((unsigned char)*++at) || !(at = read_count(at, &spec->precision)))
            return false;
    }
    if (is_one_of(*at, "eEfFgG%")) spec->type = *at++;
    else if (is_one_of(*at, "nN")) {
        if (!use_locale(spec)) return false;
        if (*at++ == 'N') spec->type = 'G';
    }
    return *at == '\0';
}

/* ---- Rounding -------------------------------------------------------------------------------- */

static void round_to(with_decimal *result, int64_t digits, enum with_rounding rounding,
                     uint32_t *status)
{
    with_decimal rounded = WITH_DECIMAL_INIT;

    if (result->digits_ <= digits) return;
    with__rescale(&rounded, result, with__adjusted(result) - digits + 1, rounding, status);
    if (rounded.digits_ > digits)
        with__rescale(result, &rounded, rounded.exponent_ + 1, rounding, status);
    else with__move(result, &rounded);
    with__release(&rounded);
}

static void rescale(with_decimal *result, int64_t exponent, enum with_rounding rounding,
                    uint32_t *status)
{
    with_decimal rounded = WITH_DECIMAL_INIT;

    with__rescale(&rounded, result, exponent, rounding, status);
    with__move(result, &rounded);
}

static bool is_fixed(const struct spec *spec)
{
    return is_one_of(spec->type, "fF%");
}

/* e and E have one digit before the point; with a precision, all of them. */
static void round_for(with_decimal *result, const struct spec *spec, enum with_rounding rounding,
                      uint32_t *status)
{
    const int64_t precision = spec->precision;

    if (spec->type == '%') result->exponent_ += 2;
    if (precision >= 0) {
        if (is_fixed(spec)) rescale(result, -precision, rounding, status);
        else if (tolower(spec->type) == 'e') {
            if (result->size_) {
                round_to(result, precision + 1, rounding, status);
                if (result->digits_ < precision + 1)
                    rescale(result, with__adjusted(result) - precision, rounding, status);
            }
        } else round_to(result, precision ? precision : 1, rounding, status);
    }
    if (is_fixed(spec) && result->size_ == 0 && result->exponent_ > 0) result->exponent_ = 0;
    if (spec->no_negative_zero && result->size_ == 0) result->negative_ = 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int64_t characters(const char *text, size_t length)
{
    int64_t count = 0;

    for (size_t i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static int64_t point_of(const with_decimal *a, const struct spec *spec)
{
    const int64_t left = a->exponent_ + a->digits_;

    if (is_fixed(spec)) return left;
    if (tolower(spec->type) == 'e')
        return a->size_ == 0 && spec->precision >= 0 ? 1 - spec->precision : 1;
    return a->exponent_ <= 0 && left > -6 ? left : 1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Appends the last `length` of the digits, from the last to the first, and zeros where there are no more. */
static void write_backwards(struct with__text *text, const char *digits, int64_t *left,
                            int64_t length)
{
    char *place = with__text_add(text, (size_t)length);

    for (int64_t i = 0; place && i < length; i++)
        place[i] = *left - i > 0 ? digits[*left - i - 1] : '0';
    *left -= length < *left ? length : *left;
}

/*
 * Writes, from the last character to the first, the digits before the point in groups, with zeros up to
 * `width` characters (Python's _insert_thousands_sep()). A group's length is as localeconv() has it: the
 * last is repeated, and CHAR_MAX is all that is left.
 */
static void write_groups(struct with__text *text, const char *digits, int64_t count, int64_t width,
                         const struct spec *spec)
{
    const size_t length = strlen(spec->separator);
    const char *group = spec->grouping;

    for (;;) {
        int64_t size = larger(larger(count, width), 1);
        const bool last = !length || *group <= 0 || *group == 127;
        if (!last && size > *group) size = *group;
        write_backwards(text, digits, &count, size);
        width -= size;
        if (last || (count <= 0 && width <= 0)) return;
        for (size_t i = length; i-- > 0;) with__text_string(text, spec->separator + i, 1);
        width -= characters(spec->separator, length);
        if (group[1]) group++;
    }
}

static void write_whole(struct with__text *text, const char *digits, int64_t count, int64_t width,
                        const struct spec *spec)
{
    struct with__text backwards;
    char *place;

    with__text_begin(&backwards);
    write_groups(&backwards, digits, count, width, spec);
    place = backwards.failed ? NULL : with__text_add(text, backwards.length);
    for (size_t i = 0; place && i < backwards.length; i++)
        place[i] = backwards.chars[backwards.length - 1 - i];
    text->failed |= backwards.failed;
    with__text_end(&backwards);
}

/* The number without its sign; sign_width is what that takes. */
static void write_body(struct with__text *text, const with_decimal *a, const struct spec *spec,
                       int64_t sign_width)
{
    const int64_t left = a->exponent_ + a->digits_, point = point_of(a, spec);
    struct with__text digits;
    struct with__text tail;
    const char *dot;
    int64_t whole;

    with__text_begin(&digits);
    with__text_begin(&tail);
    with__text_point(&digits, a, point);
    if (!digits.failed) {
        dot = memchr(digits.chars, '.', digits.length);
        whole = dot ? dot - digits.chars : (int64_t)digits.length;
        if (dot) {
            with__text_string(&tail, spec->point, strlen(spec->point));
            with__text_string(&tail, dot + 1, digits.length - (size_t)whole - 1);
        }
        if (left != point || tolower(spec->type) == 'e')
            with__text_exponent(&tail, is_one_of(spec->type, "EG") ? 'E' : 'e', left - point);
        if (spec->type == '%') with__text_string(&tail, "%", 1);
        write_whole(
            text, digits.chars, whole,
            spec->zero_padded ? spec->width - characters(tail.chars, tail.length) - sign_width : 0,
            spec);
        with__text_string(text, tail.chars, tail.length);
    }
    text->failed |= digits.failed | tail.failed;
    with__text_end(&digits);
    with__text_end(&tail);
}

static void align(struct with__text *text, const char *sign, const struct with__text *body,
                  const struct spec *spec)
{
    const int64_t padding =
        spec->width - (int64_t)strlen(sign) - characters(body->chars, body->length);
    const int64_t before = spec->align == '>' || spec->align == '=' ? padding
                           : spec->align == '^'                     ? padding / 2
                                                                    : 0;

    if (spec->align == '=') with__text_string(text, sign, strlen(sign));
    if (padding > 0) with__text_repeat(text, spec->fill, spec->fill_length, before);
    if (spec->align != '=') with__text_string(text, sign, strlen(sign));
    with__text_string(text, body->chars, body->length);
    if (padding > 0) with__text_repeat(text, spec->fill, spec->fill_length, padding - before);
}

/* An infinity or a NaN is not padded with zeros. */
static void write_special(struct with__text *body, const with_decimal *a, struct spec *spec)
{
    with__text_special(body, a);
    if (spec->type == '%') with__text_string(body, "%", 1);
    if (!spec->zero_padded) return;
    spec->fill[0] = ' ';
    spec->align = '>';
}

static void format(struct with__text *text, const with_decimal *a, struct spec *spec,
                   const with_decimal_context *context)
{
    with_decimal rounded = WITH_DECIMAL_INIT;
    struct with__text body;
    const char *sign;
    uint32_t status = 0;

    with__text_begin(&body);
    with__copy(&rounded, a, &status);
    if (!with__is_special(a)) round_for(&rounded, spec, context->rounding, &status);
    sign = rounded.negative_ ? "-" : spec->sign == '+' ? "+" : spec->sign == ' ' ? " " : "";
    if (with__is_special(a)) write_special(&body, &rounded, spec);
    else if (!(status & WITH__NO_MEMORY)) write_body(&body, &rounded, spec, (int64_t)strlen(sign));
    text->failed |= body.failed || status & WITH__NO_MEMORY;
    if (!text->failed) align(text, sign, &body, spec);
    with__text_end(&body);
    with__release(&rounded);
}

/* ---- Functions ------------------------------------------------------------------------------- */

ptrdiff_t with_decimal_format_in(const with_decimal_context *context, char *buffer, size_t size,
                                 const with_decimal *a, const char *spec_text)
{
    struct with__text text;
    struct spec spec;
    ptrdiff_t length;

    if (!spec_text || !read_spec(&spec, spec_text, context)) return -EINVAL;
    with__thread.operation++;
    with__text_begin(&text);
    format(&text, a, &spec, context);
    length = with__text_give(&text, buffer, size);
    with__text_end(&text);
    return length;
}

size_t with_decimal_format(char *buffer, size_t size, const with_decimal *a, const char *spec)
{
    const ptrdiff_t length = with_decimal_format_in(with_getcontext(), buffer, size, a, spec);

    if (length == -EINVAL)
        with_throw(with_ValueError, "with_decimal_format: there is no format \"%s\"",
                   spec ? spec : "(null)");
    if (length < 0) with_throw(with_MemoryError, "no memory for the text of a number");
    return (size_t)length;
}
