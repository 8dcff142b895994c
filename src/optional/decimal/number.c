/* SPDX-License-Identifier: MIT
 *
 * Numbers: their words and their life, and the NaN that an operation on NaNs gives.
 */
#include "powers.h"

/* ---- Life cycle ------------------------------------------------------------------------------ */

void with_decimal_init(with_decimal *number)
{
    number->room_ = 0;
    number->negative_ = 0;
    number->exponent_ = 0;
    with__set_zero(number);
}

void with_decimal_fini(with_decimal *number)
{
    if (!number) return;
    with__release(number);
    with_decimal_init(number);
}

void with_decimal_swap(with_decimal *a, with_decimal *b)
{
    const with_decimal other = *a;

    *a = *b;
    *b = other;
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* One result takes the place of another, over and over: so the words of the last one are kept. */
void with__give_back(uint64_t *heap, size_t room)
{
    enum { MOST = 4096 };
    struct with__thread *thread = &with__thread;

    if (thread->spare || room > MOST || !(thread->noticed || with__notice_end())) {
        free(heap);
        return;
    }
    thread->spare = heap;
    thread->spare_room = room;
}

/* Words for a number; *room is how many are wanted, and then how many there are. */
static uint64_t *take_words(size_t *room)
{
    struct with__thread *thread = &with__thread;
    uint64_t *spare = thread->spare;

    if (!spare || thread->spare_room < *room || thread->spare_room > 2 * *room + 16)
        return *room > SIZE_MAX / 16 ? NULL : malloc(*room * sizeof *spare);
    *room = thread->spare_room;
    thread->spare = NULL;
    return spare;
}

bool with__reserve(with_decimal *number, size_t words, uint32_t *status)
{
    uint64_t *heap;

    if (WITH__LIKELY(words <= (number->room_ ? number->room_ : WITH_DECIMAL_WORDS_))) return true;
    heap = take_words(&words);
    if (!heap) {
        with__set_zero(number);
        *status |= WITH__NO_MEMORY;
        return false;
    }
    with__release(number);
    number->room_ = words;
    number->words_.heap = heap;
    return true;
}

void with__move(with_decimal *to, with_decimal *from)
{
    with__release(to);
    to->exponent_ = from->exponent_;
    to->digits_ = from->digits_;
    to->size_ = from->size_;
    to->room_ = from->room_;
    to->kind_ = from->kind_;
    to->negative_ = from->negative_;
    if (from->room_) to->words_.heap = from->words_.heap;
    else with__copy_words(to->words_.here, from->words_.here, from->size_);
    from->room_ = 0;
}

void with__set_zero(with_decimal *number)
{
    number->kind_ = WITH__FINITE;
    number->size_ = 0;
    number->digits_ = 1;
}

void with__set_infinity(with_decimal *number)
{
    number->kind_ = WITH__INFINITE;
    number->size_ = 0;
    number->digits_ = 0;
    number->exponent_ = 0;
}

void with__set_word(with_decimal *number, uint64_t word)
{
    number->kind_ = WITH__FINITE;
    with__words(number)[0] = word;
    number->size_ = word != 0;
    number->digits_ = word ? with__count_digits(&word, 1, NULL) : 1;
}

bool with__set_counted(with_decimal *number, const uint64_t *words, size_t size, int64_t digits,
                       uint32_t *status)
{
    if (words != with__words(number)) {
        if (!with__reserve(number, size, status)) return false;
        with__copy_words(with__words(number), words, size);
    }
    number->kind_ = WITH__FINITE;
    number->size_ = size;
    number->digits_ = digits;
    return true;
}

bool with__set_words(with_decimal *number, const uint64_t *words, size_t size, uint32_t *status)
{
    size = with__trimmed(words, size);
    return with__set_counted(number, words, size,
                             size ? with__count_digits(words, size, status) : 1, status);
}

bool with__copy(with_decimal *to, const with_decimal *from, uint32_t *status)
{
    if (to == from) return true;
    if (!with__reserve(to, from->size_, status)) return false;
    memcpy(with__words(to), with__words(from), from->size_ * sizeof(uint64_t));
    to->size_ = from->size_;
    to->digits_ = from->digits_;
    to->exponent_ = from->exponent_;
    to->kind_ = from->kind_;
    to->negative_ = from->negative_;
    return true;
}

/* ---- NaNs ------------------------------------------------------------------------------------ */

static void set_nan(with_decimal *number)
{
    number->kind_ = WITH__QNAN;
    number->negative_ = 0;
    number->exponent_ = 0;
    number->size_ = 0;
    number->digits_ = 0;
}

void with__set_invalid(with_decimal *number, uint32_t what, uint32_t *status)
{
    *status |= what;
    set_nan(number);
}

/* The payload keeps as many of its last digits as there is room for. */
static void shorten_payload(with_decimal *number, const with_decimal_context *context,
                            uint32_t *status)
{
    const int64_t room = context->prec - context->clamp;
    struct with__scratch scratch;
    uint64_t *quotient;
    const uint64_t *power;
    size_t size;

    if (number->digits_ <= room) return;
    power = with__power_of_ten(room, &size, status);
    if (!power || size > number->size_) return;
    quotient = with__scratch_begin(&scratch, number->size_ - size + 1 + size, status);
    if (!quotient) return;
    if (with__divide(quotient, quotient + number->size_ - size + 1, with__words(number),
                     number->size_, power, size, status))
        with__set_words(number, quotient + number->size_ - size + 1, size, status);
    with__scratch_end(&scratch);
    number->kind_ = WITH__QNAN;
    if (!number->size_) number->digits_ = 0;
}

bool with__take_nan(with_decimal *result, const with_decimal *a, const with_decimal *b,
                    const with_decimal *c, const with_decimal_context *context, uint32_t *status)
{
    const with_decimal *operands[] = {a, b, c}, *quiet = NULL, *signalling = NULL;

    for (int i = 2; i >= 0; i--) {
        if (!operands[i]) continue;
        if (operands[i]->kind_ == WITH__SNAN) signalling = operands[i];
        else if (operands[i]->kind_ == WITH__QNAN) quiet = operands[i];
    }
    if (WITH__LIKELY(!signalling && !quiet)) return false;
    if (signalling) *status |= WITH__SIGNALLING;
    if (with__copy(result, signalling ? signalling : quiet, status)) {
        result->kind_ = WITH__QNAN;
        shorten_payload(result, context, status);
    }
    return true;
}
