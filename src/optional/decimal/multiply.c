/* SPDX-License-Identifier: MIT
 *
 * Products, and a product to which something is added before it is rounded.
 */
#include "powers.h"

/* a * b for numbers of which one is infinite. */
static void multiply_infinity(with_decimal *result, const with_decimal *a, const with_decimal *b,
                              uint32_t *status)
{
    if (with__is_zero(a) || with__is_zero(b)) {
        with__set_invalid(result, WITH__INFINITIES, status);
        return;
    }
    with__set_infinity(result);
    result->negative_ = a->negative_ != b->negative_;
}

void with__mul(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal_context *context, uint32_t *status)
{
    struct with__scratch scratch;
    uint64_t *product;

    if (WITH__UNLIKELY(with__is_special(a) || with__is_special(b))) {
        if (!with__take_nan(result, a, b, NULL, context, status))
            multiply_infinity(result, a, b, status);
        return;
    }
    result->negative_ = a->negative_ != b->negative_;
    result->exponent_ = a->exponent_ + b->exponent_;
    if (WITH__UNLIKELY(!a->size_ || !b->size_)) {
        with__finish(result, NULL, 0, WITH__NOTHING, context, status);
        return;
    }
    product = with__scratch_begin(&scratch, a->size_ + b->size_ + 1, status);
    if (!product) return;
    if (with__multiply(product, with__words(a), a->size_, with__words(b), b->size_, status))
        with__finish(result, product, a->size_ + b->size_, WITH__NOTHING, context, status);
    with__scratch_end(&scratch);
}

/* Of a product that has so many digits, or one less: its first word tells, most of the time. */
static inline int64_t count_product(const uint64_t *words, size_t size, int64_t digits)
{
    const struct with__power *power = &with__powers[digits - 1];

    if (size != power->size) return digits - (size < power->size);
    if (WITH__LIKELY(words[size - 1] != power->words[size - 1]))
        return digits - (words[size - 1] < power->words[size - 1]);
    return digits - (mpn_cmp(words, power->words, (mp_size_t)size) < 0);
}

bool with__mul_few(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   with_decimal_context *context)
{
    const with_decimal *large = a->size_ >= b->size_ ? a : b, *small = large == a ? b : a;
    uint64_t words[2 * WITH_DECIMAL_WORDS_ + 1];
    size_t size = a->size_ + b->size_;

    if (!with__are_few(a, b)) return false;
    mpn_mul(words, large->words_.here, (mp_size_t)large->size_, small->words_.here,
            (mp_size_t)small->size_);
    size -= words[size - 1] == 0;
    return with__give_few(result, words, size, count_product(words, size, a->digits_ + b->digits_),
                          a->exponent_ + b->exponent_, a->negative_ != b->negative_, context);
}

/* The product as it is; false if there is nothing to be added to it. */
static bool multiply_exactly(with_decimal *product, const with_decimal *a, const with_decimal *b,
                             uint32_t *status)
{
    if (with__is_special(a) || with__is_special(b)) {
        multiply_infinity(product, a, b, status);
        return !with__is_nan(product);
    }
    product->negative_ = a->negative_ != b->negative_;
    product->exponent_ = a->exponent_ + b->exponent_;
    with__set_zero(product);
    if (!a->size_ || !b->size_) return true;
    if (!with__reserve(product, a->size_ + b->size_, status)) return false;
    return with__multiply(with__words(product), with__words(a), a->size_, with__words(b), b->size_,
                          status) &&
           with__set_words(product, with__words(product), a->size_ + b->size_, status);
}

void with__fma(with_decimal *result, const with_decimal *a, const with_decimal *b,
               const with_decimal *c, const with_decimal_context *context, uint32_t *status)
{
    with_decimal product = WITH_DECIMAL_INIT;

    if ((with__is_nan(a) || with__is_nan(b)) && with__take_nan(result, a, b, c, context, status))
        return;
    if (multiply_exactly(&product, a, b, status)) with__add(result, &product, c, context, status);
    else if (with__is_nan(&product)) with__set_invalid(result, WITH__INFINITIES, status);
    with__release(&product);
}
