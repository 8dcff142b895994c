/* SPDX-License-Identifier: MIT
 *
 * Text that is put together, and the digits of a number.
 */
#include "text.h"
#include "guard.h"
#include "powers.h"

/* ---- Text ------------------------------------------------------------------------------------ */

void with__text_begin(struct with__text *text)
{
    text->chars = text->here;
    text->length = 0;
    text->room = WITH__TEXT_HERE;
    text->failed = false;
}

void with__text_end(struct with__text *text)
{
    if (text->chars != text->here) free(text->chars);
}

static bool make_room(struct with__text *text, size_t size)
{
    const size_t room = (text->length + size) * 2;
    char *chars;

    if (size > SIZE_MAX / 8 || text->length > SIZE_MAX / 8) return false;
    chars = malloc(room);
    if (!chars) return false;
    memcpy(chars, text->chars, text->length);
    with__text_end(text);
    text->chars = chars;
    text->room = room;
    return true;
}

char *with__text_add(struct with__text *text, size_t size)
{
    char *place;

    if (size > text->room - text->length && !make_room(text, size)) text->failed = true;
    if (text->failed) return NULL;
    place = text->chars + text->length;
    text->length += size;
    return place;
}

void with__text_string(struct with__text *text, const char *string, size_t length)
{
    char *place = with__text_add(text, length);

    if (place) memcpy(place, string, length);
}

void with__text_repeat(struct with__text *text, const char *string, size_t length, int64_t count)
{
    char *place;

    if (count <= 0) return;
    if ((uint64_t)count > SIZE_MAX / 16 / (length ? length : 1)) {
        text->failed = true;
        return;
    }
    place = with__text_add(text, (size_t)count * length);
    for (int64_t i = 0; place && i < count; i++) memcpy(place + (size_t)i * length, string, length);
}

ptrdiff_t with__text_give(struct with__text *text, char *buffer, size_t size)
{
    if (text->failed) return -ENOMEM;
    if (size > 0) {
        const size_t most = text->length < size ? text->length : size - 1;
        memcpy(buffer, text->chars, most);
        buffer[most] = '\0';
    }
    return (ptrdiff_t)text->length;
}

/* ---- Digits ---------------------------------------------------------------------------------- */

/* The last `count` digits of a word. */
static void write_word(char *end, uint64_t word, int64_t count)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";

    for (; count >= 2; count -= 2, word /= 100) memcpy(end -= 2, pairs + word % 100 * 2, 2);
    if (count) *--end = (char)('0' + word % 10);
}

/* By division by 10^19, which is quadratic. */
static void write_few(char *place, int64_t digits, uint64_t *words, size_t size)
{
    char *end = place + digits;

    for (; digits > WITH__WORD_DIGITS; digits -= WITH__WORD_DIGITS, end -= WITH__WORD_DIGITS) {
        write_word(end,
                   mpn_divrem_1(words, 0, words, (mp_size_t)size, with__ten[WITH__WORD_DIGITS]),
                   WITH__WORD_DIGITS);
        size = with__trimmed(words, size);
    }
    write_word(end, size ? words[0] : 0, digits);
}

/* mpn_get_str() may give a zero before the first digit. */
static bool write_many(char *place, int64_t digits, uint64_t *words, size_t size)
{
    struct with__guard guard;
    unsigned char *values = malloc((size_t)digits + 64);
    size_t count;

    if (!values) return false;
    if (!WITH__GUARDED(&guard)) {
        free(values);
        return false;
    }
    count = mpn_get_str(values, 10, words, (mp_size_t)size);
    with__guard_end(&guard);
    for (int64_t i = 0; i < digits; i++)
        place[i] = (char)('0' + values[count - (size_t)digits + (size_t)i]);
    free(values);
    return true;
}

void with__text_digits(struct with__text *text, const with_decimal *number)
{
    enum { FEW = 30 };
    char *place = with__text_add(text, (size_t)number->digits_);
    struct with__scratch scratch;
    uint32_t status = 0;
    uint64_t *words;

    if (!place) return;
    if (number->size_ <= 1) {
        write_word(place + number->digits_, number->size_ ? with__words(number)[0] : 0,
                   number->digits_);
        return;
    }
    words = with__scratch_begin(&scratch, number->size_ + 1, &status);
    if (words) {
        memcpy(words, with__words(number), number->size_ * sizeof *words);
        if (number->size_ <= FEW) write_few(place, number->digits_, words, number->size_);
        else if (!write_many(place, number->digits_, words, number->size_)) text->failed = true;
        with__scratch_end(&scratch);
    } else text->failed = true;
}
