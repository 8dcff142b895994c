/* SPDX-License-Identifier: MIT
 *
 * with/decimal.h: decimal arithmetic with a context, as Python's decimal: the General Decimal
 * Arithmetic Specification (speleotrove.com/decimal), on GMP and MPFR. In the library with-decimal.
 * All of it is since 0.1. Reference: docs/reference/decimal.md.
 */
#ifndef WITH_DECIMAL_H
#define WITH_DECIMAL_H

#include <with.h>

#include <gmp.h>
#include <stddef.h>
#include <stdint.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types --------------------------------------------------------------------------------- */

enum { WITH_DECIMAL_WORDS_ = 6 };

/*
 * A number: finite, an infinity or a NaN; signed, in any context the same. Begun by with_decimal_init()
 * or as WITH_DECIMAL_INIT, ended by with_decimal_fini(); or by cm_decimal(), which does both. It needs
 * no allocation up to 115 digits. Not to be copied by =. Any thread, one at a time; any number of
 * threads may read it at once.
 */
typedef struct with_decimal {
    int64_t exponent_; /* of the last digit */
    int64_t digits_;   /* of the coefficient: 1 for a zero, 0 for a NaN without payload */
    size_t size_;      /* words of the coefficient, the top one not 0: none for 0 */
    size_t room_;      /* of words_.heap; 0: the words are words_.here */
    union {
        uint64_t here[WITH_DECIMAL_WORDS_];
        uint64_t *heap;
    } words_;
    uint8_t kind_, negative_;
} with_decimal;

#define WITH_DECIMAL_INIT                                                                          \
    {                                                                                              \
        .digits_ = 1                                                                               \
    }

/* How what does not fit in the precision is rounded: Python's ROUND_CEILING and so on. */
enum with_rounding {
    WITH_ROUND_CEILING,   /* towards +Infinity */
    WITH_ROUND_DOWN,      /* towards 0 */
    WITH_ROUND_FLOOR,     /* towards -Infinity */
    WITH_ROUND_HALF_DOWN, /* to the nearest, ties towards 0 */
    WITH_ROUND_HALF_EVEN, /* to the nearest, ties to an even last digit */
    WITH_ROUND_HALF_UP,   /* to the nearest, ties away from 0 */
    WITH_ROUND_UP,        /* away from 0 */
    WITH_ROUND_05UP,      /* away from 0 if the last digit would else be 0 or 5, else towards 0 */
};

/* What an operation may signal: bits of a context's flags and traps. */
enum with_signal {
    WITH_SIGNAL_CLAMPED = 1 << 0,
    WITH_SIGNAL_DIVISION_BY_ZERO = 1 << 1,
    WITH_SIGNAL_INEXACT = 1 << 2,
    WITH_SIGNAL_OVERFLOW = 1 << 3,
    WITH_SIGNAL_ROUNDED = 1 << 4,
    WITH_SIGNAL_UNDERFLOW = 1 << 5,
    WITH_SIGNAL_INVALID_OPERATION = 1 << 6,
    WITH_SIGNAL_SUBNORMAL = 1 << 7,
    WITH_SIGNAL_FLOAT_OPERATION = 1 << 8,
    WITH_SIGNALS_ALL = (1 << 9) - 1,
};

#define WITH_DECIMAL_MAX_PREC INT64_C(999999999999999999)
#define WITH_DECIMAL_MAX_EMAX INT64_C(999999999999999999)
#define WITH_DECIMAL_MIN_EMIN (-INT64_C(999999999999999999))

/*
 * The way of working: Python's fields under Python's names. Plain data: copied by =, and its fields are
 * written at will. A field that is out of range makes the next operation a ValueError that names it.
 */
typedef struct with_decimal_context {
    int64_t prec;                /* digits of a result: 1 to WITH_DECIMAL_MAX_PREC */
    int64_t Emin, Emax;          /* exponents of a result's first digit: at most 0, at least 0 */
    enum with_rounding rounding; /* WITH_ROUND_... */
    uint32_t flags;   /* signals that operations have raised; cleared by the program alone */
    uint32_t traps;   /* signals that are thrown */
    int capitals;     /* 1: strings have an E; 0: an e */
    int clamp;        /* 1: exponents at most Emax - prec + 1, as IEEE 754 has them */
    uint32_t raised_; /* by the operation that has just failed */
} with_decimal_context;

/*
 * What is thrown: an ArithmeticError. The others are DecimalExceptions, and their code is a WITH_SIGNAL_...
 * What Python derives from two types has one base here, and none is caught as a ZeroDivisionError.
 */
extern WITH_API const with_exception_type with_DecimalException;
extern WITH_API const with_exception_type with_Clamped;
extern WITH_API const with_exception_type with_DivisionByZero;
extern WITH_API const with_exception_type with_FloatOperation; /* cm_decimal() of a double */
extern WITH_API const with_exception_type with_Inexact;
/* An Inexact. */
extern WITH_API const with_exception_type with_Overflow;
/* An Inexact. */
extern WITH_API const with_exception_type with_Underflow;
extern WITH_API const with_exception_type with_Rounded;
extern WITH_API const with_exception_type with_Subnormal;
extern WITH_API const with_exception_type with_InvalidOperation;
/* An InvalidOperation: text that is no number. */
extern WITH_API const with_exception_type with_ConversionSyntax;
/* An InvalidOperation: an integer quotient of more digits than the precision. */
extern WITH_API const with_exception_type with_DivisionImpossible;
/* An InvalidOperation: 0 / 0. */
extern WITH_API const with_exception_type with_DivisionUndefined;
#ifndef WITH_NO_KEYWORDS
#define DecimalException with_DecimalException
#define Clamped with_Clamped
#define DivisionByZero with_DivisionByZero
#define FloatOperation with_FloatOperation
#define Inexact with_Inexact
#define Overflow with_Overflow
#define Underflow with_Underflow
#define Rounded with_Rounded
#define Subnormal with_Subnormal
#define InvalidOperation with_InvalidOperation
#define ConversionSyntax with_ConversionSyntax
#define DivisionImpossible with_DivisionImpossible
#define DivisionUndefined with_DivisionUndefined
#endif

/* ---- Contexts ------------------------------------------------------------------------------ */

/*
 * Python's three. A thread's context begins as a copy of with_DefaultContext (28 digits,
 * WITH_ROUND_HALF_EVEN, InvalidOperation, DivisionByZero and Overflow trapped), which a program may
 * change before it starts threads.
 */
extern WITH_API const with_decimal_context with_BasicContext;
extern WITH_API const with_decimal_context with_ExtendedContext;
extern WITH_API with_decimal_context with_DefaultContext;

/* The calling thread's context: always the same pointer, valid until the thread ends. Never throws. */
WITH_API with_decimal_context *with_getcontext(void);

/* Makes a copy of *context the calling thread's context. Throws ValueError for a field out of range. */
WITH_API void with_setcontext(const with_decimal_context *context);

/* The exponents of the smallest subnormal, and of the largest number's last digit. Never throw. */
WITH_API int64_t with_decimal_context_etiny(const with_decimal_context *context);
WITH_API int64_t with_decimal_context_etop(const with_decimal_context *context);

/* ---- Life cycle ---------------------------------------------------------------------------- */

/* *number is 0 from here on, in storage of the caller. Never throws. */
WITH_API void with_decimal_init(with_decimal *number);

/* Ends *number, whose storage is the caller's again. NULL does nothing. Never throws. */
WITH_API void with_decimal_fini(with_decimal *number);

/* Exchanges two numbers, at the cost of copying them without their words. Never throws. */
WITH_API void with_decimal_swap(with_decimal *a, with_decimal *b);

/* ---- Operations ---------------------------------------------------------------------------- */

/*
 * Each operation has two functions. result may be an operand; operands are borrowed.
 *
 *     void with_decimal_NAME(result, operands...)
 * works in the thread's context. Throws the type of a trapped signal (DivisionByZero, InvalidOperation,
 * ...), MemoryError if the result does not fit in memory, ValueError if a field of the context is out
 * of range; then *result is unchanged.
 *
 *     int with_decimal_NAME_in(context, result, operands...)
 * works in *context and never throws. Gives 0, or a negative error number with *result unchanged: -EDOM
 * if a trapped signal was raised (it is among the flags), -ENOMEM, -EINVAL for a context out of range.
 *
 * Both add what was signalled to the context's flags. None blocks, but for the time of the arithmetic.
 */
#define WITH_DECIMAL_0_(NAME)                                                                      \
    WITH_API void with_decimal_##NAME(with_decimal *result);                                       \
    WITH_API int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result)
#define WITH_DECIMAL_1_(NAME)                                                                      \
    WITH_API void with_decimal_##NAME(with_decimal *result, const with_decimal *a);                \
    WITH_API int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,     \
                                          const with_decimal *a)
#define WITH_DECIMAL_2_(NAME)                                                                      \
    WITH_API void with_decimal_##NAME(with_decimal *result, const with_decimal *a,                 \
                                      const with_decimal *b);                                      \
    WITH_API int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,     \
                                          const with_decimal *a, const with_decimal *b)
#define WITH_DECIMAL_3_(NAME)                                                                      \
    WITH_API void with_decimal_##NAME(with_decimal *result, const with_decimal *a,                 \
                                      const with_decimal *b, const with_decimal *c);               \
    WITH_API int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,     \
                                          const with_decimal *a, const with_decimal *b,            \
                                          const with_decimal *c)

/* Sums, products, quotients; with integer quotients and what remains. */
WITH_DECIMAL_2_(add);
WITH_DECIMAL_2_(sub);
WITH_DECIMAL_2_(mul);
WITH_DECIMAL_2_(div);
WITH_DECIMAL_2_(div_int);        /* Python's //: the quotient's integer part */
WITH_DECIMAL_2_(remainder);      /* Python's %: has the sign of a */
WITH_DECIMAL_2_(remainder_near); /* a - b * n, where n is the integer nearest to a / b */
WITH_DECIMAL_3_(fma);            /* a * b + c, rounded once */
WITH_DECIMAL_1_(plus);           /* a, rounded */
WITH_DECIMAL_1_(minus);
WITH_DECIMAL_1_(abs);
WITH_DECIMAL_1_(normalize); /* a, rounded, without zeros at its end */

/* div_int and remainder at once. */
WITH_API void with_decimal_divmod(with_decimal *quotient, with_decimal *remainder,
                                  const with_decimal *a, const with_decimal *b);
WITH_API int with_decimal_divmod_in(with_decimal_context *context, with_decimal *quotient,
                                    with_decimal *remainder, const with_decimal *a,
                                    const with_decimal *b);

/* Correctly rounded, by WITH_ROUND_HALF_EVEN whatever the context says, as in Python. */
WITH_DECIMAL_1_(sqrt);
WITH_DECIMAL_1_(exp);
WITH_DECIMAL_1_(ln);
WITH_DECIMAL_1_(log10);

/* Python does not have these. Correctly rounded, by WITH_ROUND_HALF_EVEN. Angles are in radians. */
WITH_DECIMAL_1_(sin);
WITH_DECIMAL_1_(cos);
WITH_DECIMAL_1_(tan);
WITH_DECIMAL_1_(atan);
WITH_DECIMAL_0_(pi);

/* a to the power of b; of integers the rest modulo c. power is within one unit of the last digit. */
WITH_DECIMAL_2_(power);
WITH_DECIMAL_3_(power_modulo);

/* quantize: a with the exponent of b. round: round(a, digits), with so many digits behind the point. */
WITH_DECIMAL_2_(quantize);
WITH_DECIMAL_1_(to_integral_value); /* signals neither Inexact nor Rounded */
WITH_DECIMAL_1_(to_integral_exact);
WITH_DECIMAL_1_(floor); /* these three as math.floor(), ceil() and trunc(): of any size */
WITH_DECIMAL_1_(ceil);
WITH_DECIMAL_1_(trunc);
WITH_API void with_decimal_round(with_decimal *result, const with_decimal *a, int64_t digits);
WITH_API int with_decimal_round_in(with_decimal_context *context, with_decimal *result,
                                   const with_decimal *a, int64_t digits);

/* Exponents and digits; and a number's neighbours in the context. */
WITH_DECIMAL_1_(logb);   /* the exponent of the first digit */
WITH_DECIMAL_2_(scaleb); /* a * 10^b */
WITH_DECIMAL_2_(shift);  /* the digits of a, b places to the left (to the right: b < 0) */
WITH_DECIMAL_2_(rotate);
WITH_DECIMAL_1_(next_minus);
WITH_DECIMAL_1_(next_plus);
WITH_DECIMAL_2_(next_toward);

/* Of numbers whose digits are all 0 or 1, bit by bit. */
WITH_DECIMAL_2_(logical_and);
WITH_DECIMAL_2_(logical_or);
WITH_DECIMAL_2_(logical_xor);
WITH_DECIMAL_1_(logical_invert);

/* -1, 0 or 1, or a NaN. compare_signal signals for each NaN; compare_total orders all there are. */
WITH_DECIMAL_2_(compare);
WITH_DECIMAL_2_(compare_signal);
WITH_DECIMAL_2_(compare_total);
WITH_DECIMAL_2_(compare_total_mag);
WITH_DECIMAL_2_(max);
WITH_DECIMAL_2_(max_mag);
WITH_DECIMAL_2_(min);
WITH_DECIMAL_2_(min_mag);

/* The number itself: not rounded, nothing signalled. */
WITH_DECIMAL_1_(copy);
WITH_DECIMAL_1_(copy_abs);
WITH_DECIMAL_1_(copy_negate);
WITH_DECIMAL_2_(copy_sign); /* a with the sign of b */

/* ---- Queries ------------------------------------------------------------------------------- */

/*
 * Python's ==, <, <=, > and >=. False with a NaN; then the last four signal InvalidOperation, as
 * with_decimal_eq() does for a signalling one, and throw it if it is trapped in the thread's context. Numbers of
 * different exponents may need memory: MemoryError.
 */
WITH_API bool with_decimal_eq(const with_decimal *a, const with_decimal *b);
WITH_API bool with_decimal_lt(const with_decimal *a, const with_decimal *b);
WITH_API bool with_decimal_le(const with_decimal *a, const with_decimal *b);
WITH_API bool with_decimal_gt(const with_decimal *a, const with_decimal *b);
WITH_API bool with_decimal_ge(const with_decimal *a, const with_decimal *b);

/* The rest never throws. */

/* -1, 0 or 1 in the order of compare_total, as qsort() and search trees need it. */
WITH_API int with_decimal_order(const with_decimal *a, const with_decimal *b);
WITH_API bool with_decimal_same_quantum(const with_decimal *a, const with_decimal *b);

/* What kind of number it is. Normal and subnormal are those of the context, and not 0. */
WITH_API bool with_decimal_is_finite(const with_decimal *a);
WITH_API bool with_decimal_is_infinite(const with_decimal *a);
WITH_API bool with_decimal_is_nan(const with_decimal *a);
WITH_API bool with_decimal_is_qnan(const with_decimal *a);
WITH_API bool with_decimal_is_snan(const with_decimal *a);
WITH_API bool with_decimal_is_signed(const with_decimal *a);
WITH_API bool with_decimal_is_zero(const with_decimal *a);
WITH_API bool with_decimal_is_integer(const with_decimal *a);
WITH_API bool with_decimal_is_normal(const with_decimal *a, const with_decimal_context *context);
WITH_API bool with_decimal_is_subnormal(const with_decimal *a, const with_decimal_context *context);

/* "+Normal", "-Zero", "sNaN", ... */
WITH_API const char *with_decimal_number_class(const with_decimal *a,
                                               const with_decimal_context *context);

/* The exponents of a finite number's last digit and first digit, and how many digits it has. */
WITH_API int64_t with_decimal_exponent(const with_decimal *a);
WITH_API int64_t with_decimal_adjusted(const with_decimal *a);
WITH_API int64_t with_decimal_digits(const with_decimal *a);

/* Python's hash(): the same for all numbers that are equal. NaNs, which Python hashes by identity or not, give 0. */
WITH_API int64_t with_decimal_hash(const with_decimal *a);

/* ---- Conversions --------------------------------------------------------------------------- */

#define WITH_DECIMAL_FROM_(NAME, TYPE)                                                             \
    WITH_API void with_decimal_##NAME(with_decimal *result, TYPE value);                           \
    WITH_API int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,     \
                                          TYPE value)

/*
 * from_string is Python's Decimal(text): all digits, whatever the precision; blanks around them and
 * underscores in them are passed over. create is Context.create_decimal(): rounded, and neither is
 * allowed. Text that is no number signals InvalidOperation (thrown as ConversionSyntax, with the text),
 * and else gives NaN. NULL is a ValueError, or -EINVAL.
 */
WITH_DECIMAL_FROM_(from_string, const char *);
WITH_DECIMAL_FROM_(create, const char *);

/* Exact. from_double is Decimal.from_float(). */
WITH_DECIMAL_FROM_(from_int64, int64_t);
WITH_DECIMAL_FROM_(from_uint64, uint64_t);
WITH_DECIMAL_FROM_(from_double, double);
WITH_DECIMAL_FROM_(from_mpz, mpz_srcptr);

/*
 * Decimal((sign, digits, exponent)): from_digits takes count digits, each 0 to 9 (else ValueError), the
 * first the most significant. to_digits writes as many as with_decimal_digits() says; it throws MemoryError.
 */
WITH_API void with_decimal_from_digits(with_decimal *result, bool negative, const uint8_t *digits,
                                       size_t count, int64_t exponent);
WITH_API int with_decimal_from_digits_in(with_decimal_context *context, with_decimal *result,
                                         bool negative, const uint8_t *digits, size_t count,
                                         int64_t exponent);
WITH_API void with_decimal_to_digits(uint8_t *digits, const with_decimal *a);

/*
 * int(a): the digits behind the point are dropped. Throw ValueError for a NaN and OverflowError for what
 * does not fit, infinities included; the _in functions give -EDOM and -ERANGE instead.
 */
WITH_API int64_t with_decimal_to_int64(const with_decimal *a);
WITH_API int with_decimal_to_int64_in(int64_t *ret_value, const with_decimal *a);
WITH_API void with_decimal_to_mpz(mpz_ptr result, const with_decimal *a);
WITH_API int with_decimal_to_mpz_in(mpz_ptr result, const with_decimal *a);

/* float(a): the nearest double, ties to even; an infinity when it is too large. ValueError for an sNaN. */
WITH_API double with_decimal_to_double(const with_decimal *a);
WITH_API int with_decimal_to_double_in(double *ret_value, const with_decimal *a);

/* Decimal.as_integer_ratio(): in lowest terms, the denominator positive. Throws as with_decimal_to_mpz(). */
WITH_API void with_decimal_to_ratio(mpz_ptr numerator, mpz_ptr denominator, const with_decimal *a);
WITH_API int with_decimal_to_ratio_in(mpz_ptr numerator, mpz_ptr denominator,
                                      const with_decimal *a);

/*
 * str(a), Context.to_eng_string(a) and format(a, spec) with Python's mini-language, as snprintf(): at
 * most size bytes are written to buffer, the NUL among them, and the length that all of it has is
 * given. The exponent is an E or e as the thread's context says. Throw MemoryError, and format
 * ValueError for a bad spec; the _in functions give -ENOMEM and -EINVAL.
 */
WITH_API size_t with_decimal_to_string(char *buffer, size_t size, const with_decimal *a);
WITH_API size_t with_decimal_to_eng_string(char *buffer, size_t size, const with_decimal *a);
WITH_API size_t with_decimal_format(char *buffer, size_t size, const with_decimal *a,
                                    const char *spec);
WITH_API ptrdiff_t with_decimal_to_string_in(const with_decimal_context *context, char *buffer,
                                             size_t size, const with_decimal *a);
WITH_API ptrdiff_t with_decimal_to_eng_string_in(const with_decimal_context *context, char *buffer,
                                                 size_t size, const with_decimal *a);
WITH_API ptrdiff_t with_decimal_format_in(const with_decimal_context *context, char *buffer,
                                          size_t size, const with_decimal *a, const char *spec);

#ifdef __cplusplus
}
#else

/* ---- Plumbing of the macros ------------------------------------------------------------------ */

struct cm_decimal {
    WITH_MANAGER;
    with_decimal *as;
    with_decimal value_;
    int from_;
    union {
        const void *pointer;
        int64_t integer;
        uint64_t natural;
        double real;
    } source_;
};

struct cm_decimal_string {
    WITH_MANAGER;
    const char *as;
    char *text_;
    const with_decimal *number_;
    const char *spec_;
};

struct cm_localcontext {
    WITH_MANAGER;
    with_decimal_context *as;
    with_decimal_context
        other_; /* the one that is not in force: before and after the block this one */
};

WITH_API struct cm_decimal with_decimal_string_(const char *text);
WITH_API struct cm_decimal with_decimal_copy_(const with_decimal *number);
WITH_API struct cm_decimal with_decimal_int_(int64_t integer);
WITH_API struct cm_decimal with_decimal_uint_(uint64_t integer);
WITH_API struct cm_decimal with_decimal_real_(double real);

#define WITH_CONTEXT_SET_(A, B, C, D, E, F, G, H, ...)                                             \
    (void)(with_context_ A), (void)(with_context_ B), (void)(with_context_ C),                     \
        (void)(with_context_ D), (void)(with_context_ E), (void)(with_context_ F),                 \
        (void)(with_context_ G), (void)(with_context_ H)

/* ---- Managers -------------------------------------------------------------------------------- */

/*
 * cm_decimal(VALUE): a number for a block, with_decimal *, equal to VALUE: a string (as
 * with_decimal_from_string() takes it), an integer, a double or another number. cm_decimal_new(): 0. A
 * double signals FloatOperation. Other types, such as long double and __int128, do not compile.
 * VALUE is borrowed until the block has been entered. Throw as the conversions do, and MemoryError. The
 * exit frees it and does not fail. Reusable, in any thread.
 */
#define cm_decimal(VALUE)                                                                          \
    _Generic((VALUE),                                                                              \
        char *: with_decimal_string_, const char *: with_decimal_string_,                          \
        with_decimal *: with_decimal_copy_, const with_decimal *: with_decimal_copy_,              \
        float: with_decimal_real_, double: with_decimal_real_,                                     \
        unsigned long: with_decimal_uint_, unsigned long long: with_decimal_uint_,                 \
        _Bool: with_decimal_int_, char: with_decimal_int_, signed char: with_decimal_int_,         \
        unsigned char: with_decimal_int_, short: with_decimal_int_,                                \
        unsigned short: with_decimal_int_, int: with_decimal_int_, unsigned: with_decimal_int_,    \
        long: with_decimal_int_, long long: with_decimal_int_)(VALUE)
#define cm_decimal_new() with_decimal_int_(0)

/*
 * str(a), or format(a, spec), for a block: const char *. Throws MemoryError, and for a bad spec
 * ValueError. a and spec are borrowed until the block has been entered. Reusable, in any thread.
 */
WITH_API struct cm_decimal_string cm_decimal_string(const with_decimal *a);
WITH_API struct cm_decimal_string cm_decimal_format(const with_decimal *a, const char *spec);

/*
 * cm_localcontext(.field = value, ...): for a block a context of its own, with_decimal_context *: the
 * thread's own, with what is given changed. cm_localcontext_of(&context): a copy of that one. Whatever
 * is done to the context in the block, the flags that it raises included, ends with the block. `as` is
 * what with_getcontext() gives.
 *
 * Enter throws ValueError, which names the field and the value that is out of range. The exit does not
 * fail. Reusable, in any thread; left by the thread that entered it.
 */
#define cm_localcontext(...)                                                                       \
    ({                                                                                             \
        with_decimal_context with_context_ = *with_getcontext();                                   \
        WITH_CONTEXT_SET_(__VA_ARGS__, , , , , , , , );                                            \
        cm_localcontext_of(&with_context_);                                                        \
    })
WITH_API struct cm_localcontext cm_localcontext_of(const with_decimal_context *context);

#endif /* !__cplusplus */

#endif /* WITH_DECIMAL_H */
