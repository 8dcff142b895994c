/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: what its files share. A coefficient is an array of 64-bit words, the lowest
 * first, as GMP's mpn functions take it. An operation computes in a number of its own and reports in
 * status what it signals: its caller (operation.c) looks at the traps and then moves the result.
 */
#ifndef WITH_DECIMAL_INTERNAL_H
#define WITH_DECIMAL_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define WITH_NO_KEYWORDS
#include <with/decimal.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(GMP_NUMB_BITS == 64 && sizeof(mp_limb_t) == 8,
               "with-decimal needs GMP with 64-bit limbs");

#define WITH__LIKELY(X) __builtin_expect(!!(X), 1)
#define WITH__UNLIKELY(X) __builtin_expect(!!(X), 0)

enum with__kind { WITH__FINITE, WITH__INFINITE, WITH__QNAN, WITH__SNAN };

/* In a status, beside the signals: which InvalidOperation it is, and that memory is out. */
enum {
    WITH__INVALID = WITH_SIGNAL_INVALID_OPERATION,
    WITH__SYNTAX = WITH__INVALID | 1 << 16,
    WITH__IMPOSSIBLE = WITH__INVALID | 1 << 17,
    WITH__UNDEFINED = WITH__INVALID | 1 << 18,
    WITH__SIGNALLING = WITH__INVALID | 1 << 19,
    WITH__UNORDERED = WITH__INVALID | 1 << 20,
    WITH__NEGATIVE = WITH__INVALID | 1 << 21,
    WITH__INFINITIES = WITH__INVALID | 1 << 22,
    WITH__BY_ZERO = WITH__INVALID | 1 << 23,
    WITH__NO_ROOM = WITH__INVALID | 1 << 24,
    WITH__NO_COUNT = WITH__INVALID | 1 << 25,
    WITH__NO_LOGIC = WITH__INVALID | 1 << 26,
    WITH__TOO_FAR = WITH__INVALID | 1 << 27,
    WITH__NO_MEMORY = 1 << 30,
};

/* ---- Numbers (number.c) ---------------------------------------------------------------------- */

static inline uint64_t *with__words(const with_decimal *number)
{
    return number->room_ ? number->words_.heap : (uint64_t *)number->words_.here;
}

static inline bool with__is_special(const with_decimal *number)
{
    return number->kind_ != WITH__FINITE;
}

static inline bool with__is_nan(const with_decimal *number)
{
    return number->kind_ >= WITH__QNAN;
}

/* Whether it is finite and 0. */
static inline bool with__is_zero(const with_decimal *number)
{
    return number->kind_ == WITH__FINITE && !number->size_;
}

static inline int64_t with__adjusted(const with_decimal *number)
{
    return number->exponent_ + number->digits_ - 1;
}

/* How many words at words are left without zeros on top. */
static inline size_t with__trimmed(const uint64_t *words, size_t size)
{
    while (size && !words[size - 1]) size--;
    return size;
}

/* -1, 0 or 1, as a is less than b, equal or more. There are no zeros on top. */
static inline int with__compare_words(const uint64_t *a, size_t a_size, const uint64_t *b,
                                      size_t b_size)
{
    int order;

    if (a_size != b_size) return a_size > b_size ? 1 : -1;
    order = mpn_cmp(a, b, (mp_size_t)a_size);
    return (order > 0) - (order < 0);
}

/*
 * A few words one by one, upwards: they have just been written so, and a processor waits when it is to read several
 * of these at once.
 */
static inline void with__copy_words(uint64_t *to, const uint64_t *from, size_t size)
{
    enum { FEW = 16 };

    if (WITH__UNLIKELY(size > FEW)) {
        memcpy(to, from, size * sizeof *to);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        uint64_t word = from[i];
        __asm__("" : "+r"(word)); /* or the compiler would move them together */
        to[i] = word;
    }
}

/* Makes room for that many words; what they hold is lost. False, and WITH__NO_MEMORY, without memory. */
bool with__reserve(with_decimal *number, size_t words, uint32_t *status);

/* Frees words, or keeps them for the next with__reserve() of this thread. */
void with__give_back(uint64_t *heap, size_t room);

/* Frees what the number holds. */
static inline void with__release(with_decimal *number)
{
    if (WITH__UNLIKELY(number->room_)) with__give_back(number->words_.heap, number->room_);
    number->room_ = 0;
}

/* *to takes what *from holds, which is 0 afterwards. */
void with__move(with_decimal *to, with_decimal *from);

/* These set all but the sign, and for finite numbers the exponent, which is the caller's to set. */
bool with__copy(with_decimal *to, const with_decimal *from, uint32_t *status); /* the sign too */
void with__set_zero(with_decimal *number);
void with__set_infinity(with_decimal *number);
void with__set_word(with_decimal *number, uint64_t word);
/* The words may be the number's own, and have zeros on top. */
bool with__set_words(with_decimal *number, const uint64_t *words, size_t size, uint32_t *status);
/* The same without zeros on top, and with digits that have been counted. */
bool with__set_counted(with_decimal *number, const uint64_t *words, size_t size, int64_t digits,
                       uint32_t *status);

/* A positive quiet NaN; signals what, which is some InvalidOperation. */
void with__set_invalid(with_decimal *number, uint32_t what, uint32_t *status);

/*
 * If an operand is a NaN (b, c: or NULL), result becomes the quiet NaN that an operation on them gives,
 * and true is given.
 */
bool with__take_nan(with_decimal *result, const with_decimal *a, const with_decimal *b,
                    const with_decimal *c, const with_decimal_context *context, uint32_t *status);

/* Words to compute in: on the stack while they are few. */
enum { WITH__SCRATCH_WORDS = 128 };

struct with__scratch {
    uint64_t *words;
    uint64_t here[WITH__SCRATCH_WORDS];
};

static inline uint64_t *with__scratch_begin(struct with__scratch *scratch, size_t words,
                                            uint32_t *status)
{
    scratch->words = scratch->here;
    if (WITH__UNLIKELY(words > WITH__SCRATCH_WORDS)) {
        scratch->words = words > SIZE_MAX / 16 ? NULL : malloc(words * 8);
        if (!scratch->words) *status |= WITH__NO_MEMORY;
    }
    return scratch->words;
}

static inline void with__scratch_end(struct with__scratch *scratch)
{
    if (WITH__UNLIKELY(scratch->words != scratch->here)) free(scratch->words);
}

/* ---- Words (words.c) --------------------------------------------------------------------------- */

/* Neither result may be an operand; the sizes are not 0, and the top words not either. False without memory. */
bool with__multiply(uint64_t *product, const uint64_t *a, size_t a_size, const uint64_t *b,
                    size_t b_size, uint32_t *status); /* a_size + b_size words */
bool with__divide(uint64_t *quotient, uint64_t *rest, const uint64_t *a, size_t a_size,
                  const uint64_t *b, size_t b_size,
                  uint32_t *status); /* a_size >= b_size: a_size - b_size + 1 and b_size words */

/* The same without what is left, which saves a fifth. */
bool with__divide_by_long(uint64_t *quotient, const uint64_t *a, size_t a_size, const uint64_t *b,
                          size_t b_size, uint32_t *status);

/* ---- Rounding (finish.c) ----------------------------------------------------------------------- */

/* What is left of a division, beside the half of the divisor. */
enum with__rest { WITH__NOTHING, WITH__BELOW_HALF, WITH__HALF, WITH__ABOVE_HALF };

static inline int64_t with__etiny(const with_decimal_context *context)
{
    return context->Emin - context->prec + 1;
}

static inline int64_t with__etop(const with_decimal_context *context)
{
    return context->Emax - context->prec + 1;
}

/*
 * Ends an operation: rounds size words at words (changed; not the result's own unless they are all of
 * it; zeros on top are allowed) times 10^exponent into result, whose exponent and sign are set already.
 * rest: what the true value has below the last digit; unless it is nothing, the words must have at least as many
 * digits as the precision. Signals what the specification says, once.
 */
void with__finish(with_decimal *result, uint64_t *words, size_t size, enum with__rest rest,
                  const with_decimal_context *context, uint32_t *status);

/* The same for what result itself holds. */
void with__finish_own(with_decimal *result, const with_decimal_context *context, uint32_t *status);

/* Drops k digits of a number with that many digits, and rounds by what was dropped, which it gives. */
enum with__rest with__round_words(uint64_t *words, size_t *size, int64_t digits, int64_t k,
                                  enum with__rest rest, enum with_rounding rounding, bool negative,
                                  uint32_t *status);

/*
 * Whether what has been rounded to so many digits may have become 10^digits, for that ends with as many bits
 * that are 0.
 */
static inline bool with__may_be_power(const uint64_t *words, int64_t digits)
{
    return digits < 64 ? (words[0] & ((UINT64_C(1) << digits) - 1)) == 0 : words[0] == 0;
}

/* Whether a result of so many digits is normal and stays as it is, and nothing that it signals is trapped. */
static inline bool with__is_plain(int64_t digits, int64_t exponent, uint32_t signals,
                                  const with_decimal_context *context)
{
    const int64_t adjusted = exponent + digits - 1;

    return WITH__LIKELY(!((adjusted > context->Emax) | (adjusted < context->Emin) |
                          ((signals & context->traps) != 0) |
                          (context->clamp && exponent > with__etop(context))));
}

/* Whether a magnitude is rounded away from 0, when rest is what is dropped behind last (its last digit). */
bool with__rounds_up(enum with_rounding rounding, bool negative, unsigned last,
                     enum with__rest rest);

/*
 * result becomes a with the given exponent, as quantize and to_integral do: digits are added, or
 * dropped and rounded by rounding. No limit of the context is looked at. Signals ROUNDED and INEXACT.
 */
void with__rescale(with_decimal *result, const with_decimal *a, int64_t exponent,
                   enum with_rounding rounding, uint32_t *status);

/* 1 with so many zeros behind its point. */
void with__set_padded_one(with_decimal *result, int64_t zeros, uint32_t *status);

/* ---- Zeros at the end (zeros.c) ------------------------------------------------------------------ */

/*
 * Divides the *size words by as many tens as they have zeros at the end, but at most so many; gives how
 * many that were.
 */
int64_t with__strip_zeros(uint64_t *words, size_t *size, int64_t most, uint32_t *status);

/* The same of a value that is not 0. */
int64_t with__strip_few_zeros(unsigned __int128 *value, int64_t most);

/* ---- Operations --------------------------------------------------------------------------------- */

/* In each, result is a number that is no operand, and is begun: words of its own are used or freed. */
typedef void with__operation_0(with_decimal *result, const with_decimal_context *context,
                               uint32_t *status);
typedef void with__operation_1(with_decimal *result, const with_decimal *a,
                               const with_decimal_context *context, uint32_t *status);
typedef void with__operation_2(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               const with_decimal_context *context, uint32_t *status);
typedef void with__operation_3(with_decimal *result, const with_decimal *a, const with_decimal *b,
                               const with_decimal *c, const with_decimal_context *context,
                               uint32_t *status);

extern with__operation_0 with__pi;
extern with__operation_1 with__plus, with__minus, with__abs, with__normalize, with__sqrt, with__exp,
    with__ln, with__log10, with__sin, with__cos, with__tan, with__atan, with__to_integral_value,
    with__to_integral_exact, with__floor, with__ceil, with__trunc, with__logb, with__next_minus,
    with__next_plus, with__logical_invert, with__copy_exactly, with__copy_abs, with__copy_negate;
extern with__operation_2 with__add, with__sub, with__mul, with__div, with__div_int, with__remainder,
    with__remainder_near, with__power, with__quantize, with__scaleb, with__shift, with__rotate,
    with__next_toward, with__logical_and, with__logical_or, with__logical_xor, with__compare,
    with__compare_signal, with__compare_total, with__compare_total_mag, with__max, with__max_mag,
    with__min, with__min_mag, with__copy_sign;
extern with__operation_3 with__fma, with__power_modulo;

/* ---- Numbers of a few words (few.c) -------------------------------------------------------------- */

/* Whether both are finite, not 0, and of so few words that they are not allocated. */
static inline bool with__are_few(const with_decimal *a, const with_decimal *b)
{
    return (a->room_ | b->room_ | a->kind_ | b->kind_) == 0 && a->size_ && b->size_;
}

/* result becomes the words, which have so many digits and are changed, rounded. False, and nothing is done, if that is not plain. */
bool with__give_few(with_decimal *result, uint64_t *words, size_t size, int64_t digits,
                    int64_t exponent, bool negative, with_decimal_context *context);

/* In a valid context; false, and nothing is done, if that does not do. */
bool with__add_few(with_decimal *result, const with_decimal *a, const with_decimal *b, bool negated,
                   with_decimal_context *context);
bool with__mul_few(with_decimal *result, const with_decimal *a, const with_decimal *b,
                   with_decimal_context *context);

/* By a kernel of a fixed width, for a precision of at most 37; false, and nothing done, if that does not do. */
bool with__exp_quickly(with_decimal *result, const with_decimal *a,
                       const with_decimal_context *context, uint32_t *status);
bool with__ln_quickly(with_decimal *result, const with_decimal *a,
                      const with_decimal_context *context, uint32_t *status);

/* a / 0, of a finite a. */
void with__divide_by_zero(with_decimal *result, const with_decimal *a, uint32_t *status);

void with__divmod(with_decimal *quotient, with_decimal *remainder, const with_decimal *a,
                  const with_decimal *b, const with_decimal_context *context, uint32_t *status);
void with__round(with_decimal *result, const with_decimal *a, int64_t digits,
                 const with_decimal_context *context, uint32_t *status);

/* |a| - 1, exactly. False without memory. */
bool with__subtract_one(with_decimal *difference, const with_decimal *a, uint32_t *status);

/* -1, 0 or 1 as the values of two numbers that are no NaNs compare. */
int with__compare_values(const with_decimal *a, const with_decimal *b, uint32_t *status);

/* ---- Conversions -------------------------------------------------------------------------------- */

/* Exact: whatever the precision. */
void with__parse(with_decimal *result, const char *text, const with_decimal_context *context,
                 uint32_t *status);

/* Whether no context could have such a number. */
bool with__is_out_of_range(const with_decimal *a);

/* The coefficient from digits, each 0 to 9, the first the most significant. */
bool with__set_digits(with_decimal *result, const uint8_t *digits, size_t count, uint32_t *status);

/* ---- Contexts and what is thrown (context.c, raise.c) -------------------------------------------- */

/* What a thread has. */
struct with__thread {
    with_decimal_context context;
    bool begun, noticed; /* its end will be noticed */
    uint64_t operation;  /* counts them: large powers of ten are kept until the next one */
    uint64_t *spare; /* words for the next number that needs some, spare_room of them, or NULL */
    size_t spare_room;
};

extern __thread struct with__thread with__thread __attribute__((tls_model("initial-exec")));

/* Has what this thread keeps, of MPFR's too, be freed when it ends. False without memory. */
bool with__notice_end(void);

/* with_getcontext() */
static inline with_decimal_context *with__context(void)
{
    if (WITH__UNLIKELY(!with__thread.begun)) {
        with__thread.context = with_DefaultContext;
        with__thread.begun = true;
    }
    return &with__thread.context;
}

/* with__context_is_valid(), field by field. */
bool with__context_is_in_range(const with_decimal_context *context);

/* Whether all fields are in range: with a first look at all of them at once, at bits that are seldom set. */
static inline bool with__context_is_valid(const with_decimal_context *context)
{
    const uint64_t numbers =
        ((uint64_t)context->prec - 1) | (uint64_t)context->Emax | -(uint64_t)context->Emin;
    const unsigned choices =
        (unsigned)context->clamp | (unsigned)context->capitals | (unsigned)context->rounding >> 2;
    const unsigned signals = (context->flags | context->traps) >> 9;

    _Static_assert(WITH_DECIMAL_MAX_EMAX >> 59 && WITH_ROUND_05UP == 7 && WITH_SIGNALS_ALL == 511,
                   "what is looked at");
    return WITH__LIKELY((numbers >> 59 | signals | choices >> 1) == 0) ||
           with__context_is_in_range(context);
}

/* Throws ValueError for the first field that is out of range. */
void with__throw_bad_context(const with_decimal_context *context) WITH_RAISES_;

/*
 * Throws what the operation of that name has failed with in context. Up to three operands are named in
 * the message, or NULL.
 */
void with__throw_failed(const char *name, int error, const with_decimal_context *context,
                        const with_decimal *a, const with_decimal *b,
                        const with_decimal *c) WITH_RAISES_;

/* The same, for a call that is described. */
void with__throw_signal(const char *call, int error,
                        const with_decimal_context *context) WITH_RAISES_;

#endif
