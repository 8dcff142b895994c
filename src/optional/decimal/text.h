/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: text that is put together, and the digits of a number in it.
 */
#ifndef WITH_DECIMAL_TEXT_H
#define WITH_DECIMAL_TEXT_H

#include "internal.h"

enum { WITH__TEXT_HERE = 256 };

/* Grows as it needs to; once memory is out it only counts. */
struct with__text {
    char *chars;
    size_t length, room;
    bool failed;
    char here[WITH__TEXT_HERE];
};

void with__text_begin(struct with__text *text);
void with__text_end(struct with__text *text);

/* Room for so many more bytes, which count as written; NULL without memory. */
char *with__text_add(struct with__text *text, size_t size);
void with__text_string(struct with__text *text, const char *string, size_t length);
void with__text_repeat(struct with__text *text, const char *string, size_t length, int64_t count);

/* The coefficient's digits from the first to before the last of them, 0 to number->digits_. */
void with__text_digits(struct with__text *text, const with_decimal *number);

/* Infinity, NaN or sNaN with its payload; without the sign. */
void with__text_special(struct with__text *text, const with_decimal *a);

/* The digits with a point behind so many of them, and zeros where there are none. */
void with__text_point(struct with__text *text, const with_decimal *a, int64_t point);

/* "E+12" */
void with__text_exponent(struct with__text *text, char letter, int64_t exponent);

/* Copies it as snprintf() does; its length, or -ENOMEM. */
ptrdiff_t with__text_give(struct with__text *text, char *buffer, size_t size);

#endif
