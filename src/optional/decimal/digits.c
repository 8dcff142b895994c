/* SPDX-License-Identifier: MIT
 *
 * Operations on the digits of a number: logical ones, shifts and rotations; and on its exponent.
 */
#include "guard.h"
#include "integers.h"

/* An operand that says how many: a finite integer from -most to most. */
static bool get_count(const with_decimal *b, int64_t most, int64_t *ret_count)
{
    uint64_t count;

    if (with__is_special(b) || b->exponent_ != 0 || b->size_ > 1) return false;
    count = b->size_ ? with__words(b)[0] : 0;
    if (count > (uint64_t)most) return false;
    *ret_count = b->negative_ ? -(int64_t)count : (int64_t)count;
    return true;
}

/* ---- Shifts ---------------------------------------------------------------------------------- */

/* In integer the digits of a that count: the last prec. Under a guard. */
static void get_last_digits(mpz_t integer, const with_decimal *a, int64_t prec)
{
    mpz_t power;

    with__get_scaled(integer, a, 0);
    if (a->digits_ <= prec) return;
    mpz_init(power);
    with__get_power(power, prec);
    mpz_tdiv_r(integer, integer, power);
    mpz_clear(power);
}

/* `integer` shifted by n places; what goes out on the left is lost, or comes in on the right. Under a guard. */
static void shift_left(mpz_t integer, int64_t n, int64_t prec, bool rotate)
{
    mpz_t power, out;

    mpz_inits(power, out, NULL);
    if ((int64_t)mpz_sizeinbase(integer, 10) + n > prec) { /* or one less */
        with__get_power(power, prec - n);
        mpz_tdiv_qr(out, integer, integer, power);
    }
    with__get_power(power, n);
    mpz_mul(integer, integer, power);
    if (rotate) mpz_add(integer, integer, out);
    mpz_clears(power, out, NULL);
}

static void shift_right(mpz_t integer, int64_t n)
{
    mpz_t power;

    if ((int64_t)mpz_sizeinbase(integer, 10) <= n - 1) {
        mpz_set_ui(integer, 0);
        return;
    }
    mpz_init(power);
    with__get_power(power, n);
    mpz_tdiv_q(integer, integer, power);
    mpz_clear(power);
}

static void move_digits(with_decimal *result, const with_decimal *a, int64_t n, bool rotate,
                        const with_decimal_context *context, uint32_t *status)
{
    const int64_t prec = context->prec;
    struct with__guard guard;
    mpz_t integer;

    if (a->size_ == 0 || n == 0) {
        with__copy(result, a, status);
        if (a->digits_ <= prec) return;
    }
    if (!WITH__GUARDED(&guard)) {
        *status |= WITH__NO_MEMORY;
        return;
    }
    mpz_init(integer);
    get_last_digits(integer, a, prec);
    if (rotate && n < 0) shift_left(integer, prec + n, prec, true);
    else if (n >= 0) shift_left(integer, n, prec, rotate);
    else shift_right(integer, -n);
    with__set_integer(result, integer, status);
    mpz_clear(integer);
    with__guard_end(&guard);
    result->negative_ = a->negative_;
    result->exponent_ = a->exponent_;
}

static void shift_or_rotate(with_decimal *result, const with_decimal *a, const with_decimal *b,
                            bool rotate, const with_decimal_context *context, uint32_t *status)
{
    int64_t n = 0;

    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (!get_count(b, context->prec, &n)) with__set_invalid(result, WITH__NO_COUNT, status);
    else if (with__is_special(a)) with__copy(result, a, status);
    else move_digits(result, a, n, rotate, context, status);
}

void with__shift(with_decimal *result, const with_decimal *a, const with_decimal *b,
                 const with_decimal_context *context, uint32_t *status)
{
    shift_or_rotate(result, a, b, false, context, status);
}

void with__rotate(with_decimal *result, const with_decimal *a, const with_decimal *b,
                  const with_decimal_context *context, uint32_t *status)
{
    shift_or_rotate(result, a, b, true, context, status);
}

/* ---- Logic ----------------------------------------------------------------------------------- */

/* The digits as text, the last first, zeros to prec; false if they are not all 0 and 1. Under a guard. */
static bool get_bits(char *bits, const with_decimal *a, int64_t prec)
{
    mpz_t storage;
    char *text = mpz_get_str(NULL, 10, with__get_integer(storage, a));
    const size_t length = strlen(text);
    bool good = true;
    void (*release)(void *block, size_t size);

    mp_get_memory_functions(NULL, NULL, &release);
    memset(bits, '0', (size_t)prec);
    for (size_t i = 0; i < length; i++) {
        const char digit = text[length - 1 - i];
        good &= digit == '0' || digit == '1';
        if ((int64_t)i < prec) bits[i] = digit;
    }
    release(text, length + 1);
    return good;
}

static void set_bits(with_decimal *result, char *bits, int64_t prec, uint32_t *status)
{
    mpz_t integer;

    for (int64_t i = 0; i < prec / 2; i++) {
        const char digit = bits[i];
        bits[i] = bits[prec - 1 - i];
        bits[prec - 1 - i] = digit;
    }
    bits[prec] = '\0';
    mpz_init_set_str(integer, bits, 10);
    with__set_integer(result, integer, status);
    mpz_clear(integer);
    result->exponent_ = 0;
}

static bool is_logical(const with_decimal *a)
{
    return !with__is_special(a) && !a->negative_ && a->exponent_ == 0;
}

/* table: what becomes of the digits 0 and 0, 0 and 1, 1 and 0, 1 and 1. */
static void apply(with_decimal *result, const with_decimal *a, const with_decimal *b,
                  const char table[4], const with_decimal_context *context, uint32_t *status)
{
    const int64_t prec = context->prec;
    struct with__guard guard;
    char *bits;

    if (!is_logical(a) || !is_logical(b)) {
        with__set_invalid(result, WITH__NO_LOGIC, status);
        return;
    }
    bits = malloc(2 * (size_t)prec + 1);
    if (!bits || !WITH__GUARDED(&guard)) {
        free(bits);
        *status |= WITH__NO_MEMORY;
        return;
    }
    if (get_bits(bits, a, prec) && get_bits(bits + prec, b, prec)) {
        for (int64_t i = 0; i < prec; i++)
            bits[i] = table[(bits[i] - '0') * 2 + (bits[prec + i] - '0')];
        set_bits(result, bits, prec, status);
    } else with__set_invalid(result, WITH__NO_LOGIC, status);
    with__guard_end(&guard);
    free(bits);
}

void with__logical_and(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       const with_decimal_context *context, uint32_t *status)
{
    apply(result, a, b, "0001", context, status);
}

void with__logical_or(with_decimal *result, const with_decimal *a, const with_decimal *b,
                      const with_decimal_context *context, uint32_t *status)
{
    apply(result, a, b, "0111", context, status);
}

void with__logical_xor(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       const with_decimal_context *context, uint32_t *status)
{
    apply(result, a, b, "0110", context, status);
}

void with__logical_invert(with_decimal *result, const with_decimal *a,
                          const with_decimal_context *context, uint32_t *status)
{
    apply(result, a, a, "1110", context, status);
}

/* ---- Exponents ------------------------------------------------------------------------------- */

void with__logb(with_decimal *result, const with_decimal *a, const with_decimal_context *context,
                uint32_t *status)
{
    int64_t adjusted;

    if (with__take_nan(result, a, NULL, NULL, context, status)) return;
    if (with__is_special(a)) {
        with__set_infinity(result);
        return;
    }
    if (a->size_ == 0) {
        *status |= WITH_SIGNAL_DIVISION_BY_ZERO;
        with__set_infinity(result);
        result->negative_ = 1;
        return;
    }
    adjusted = with__adjusted(a);
    with__set_word(result, (uint64_t)(adjusted < 0 ? -adjusted : adjusted));
    result->negative_ = adjusted < 0;
    result->exponent_ = 0;
    with__finish_own(result, context, status);
}

void with__scaleb(with_decimal *result, const with_decimal *a, const with_decimal *b,
                  const with_decimal_context *context, uint32_t *status)
{
    int64_t n = 0;

    if (with__take_nan(result, a, b, NULL, context, status)) return;
    if (!get_count(b, 2 * (context->Emax + context->prec), &n)) {
        with__set_invalid(result, WITH__NO_COUNT, status);
        return;
    }
    with__copy(result, a, status);
    if (with__is_special(a)) return;
    result->exponent_ += n;
    with__finish_own(result, context, status);
}
