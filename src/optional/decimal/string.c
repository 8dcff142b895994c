/* SPDX-License-Identifier: MIT
 *
 * str() and Context.to_eng_string().
 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

void with__text_special(struct with__text *text, const with_decimal *a)
{
    switch (a->kind_) {
    case WITH__INFINITE: with__text_string(text, "Infinity", 8); return;
    case WITH__SNAN: with__text_string(text, "sNaN", 4); break;
    default: with__text_string(text, "NaN", 3);
    }
    if (a->size_) with__text_digits(text, a);
}

void with__text_point(struct with__text *text, const with_decimal *a, int64_t point)
{
    const size_t begin = text->length;

    if (point <= 0) {
        with__text_string(text, "0.", 2);
        with__text_repeat(text, "0", 1, -point);
        with__text_digits(text, a);
        return;
    }
    with__text_digits(text, a);
    with__text_repeat(text, "0", 1, point - a->digits_);
    if (point >= a->digits_ || !with__text_add(text, 1)) return;
    memmove(text->chars + begin + point + 1, text->chars + begin + point,
            (size_t)(a->digits_ - point));
    text->chars[begin + (size_t)point] = '.';
}

void with__text_exponent(struct with__text *text, char letter, int64_t exponent)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%c%+" PRId64, letter, exponent);

    with__text_string(text, digits, (size_t)length);
}

/* Python's %: never negative. */
static int64_t modulo_3(int64_t n)
{
    const int64_t rest = n % 3;

    return rest < 0 ? rest + 3 : rest;
}

/* Where the point stands, counted from the first digit. */
static int64_t point_of(const with_decimal *a, bool engineering)
{
    const int64_t left = a->exponent_ + a->digits_;

    if (a->exponent_ <= 0 && left > -6) return left;
    if (!engineering) return 1;
    return a->size_ == 0 ? modulo_3(left + 1) - 1 : modulo_3(left - 1) + 1;
}

static ptrdiff_t to_string(const with_decimal_context *context, char *buffer, size_t size,
                           const with_decimal *a, bool engineering)
{
    struct with__text text;
    ptrdiff_t length;

    with__text_begin(&text);
    if (a->negative_) with__text_string(&text, "-", 1);
    if (with__is_special(a)) with__text_special(&text, a);
    else {
        const int64_t point = point_of(a, engineering), left = a->exponent_ + a->digits_;
        with__text_point(&text, a, point);
        if (left != point) with__text_exponent(&text, context->capitals ? 'E' : 'e', left - point);
    }
    length = with__text_give(&text, buffer, size);
    with__text_end(&text);
    return length;
}

ptrdiff_t with_decimal_to_string_in(const with_decimal_context *context, char *buffer, size_t size,
                                    const with_decimal *a)
{
    return to_string(context, buffer, size, a, false);
}

ptrdiff_t with_decimal_to_eng_string_in(const with_decimal_context *context, char *buffer,
                                        size_t size, const with_decimal *a)
{
    return to_string(context, buffer, size, a, true);
}

static size_t given(ptrdiff_t length)
{
    if (length < 0) with_throw(with_MemoryError, "no memory for the text of a number");
    return (size_t)length;
}

size_t with_decimal_to_string(char *buffer, size_t size, const with_decimal *a)
{
    return given(to_string(with_getcontext(), buffer, size, a, false));
}

size_t with_decimal_to_eng_string(char *buffer, size_t size, const with_decimal *a)
{
    return given(to_string(with_getcontext(), buffer, size, a, true));
}
