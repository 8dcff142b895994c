/* SPDX-License-Identifier: MIT
 *
 * with/decimal.h: numbers and contexts for a block on every way out of it, what is thrown, and what
 * a context is to its thread.
 */
#include "test_decimal.h"

#include <pthread.h>

/* What is too large for any memory is to be refused by malloc() here, too. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- Every way out --------------------------------------------------------------------------- */

enum way { END, RETURN, BREAK, CONTINUE, GOTO, THROW, CANCEL, THREAD_EXIT, WAYS };

static char long_number[2001];

/* In each of the blocks a context, a number in the heap, and a text. */
static void leave_with(enum way way)
{
    do {
        with (cm_localcontext(.prec = 1500, .rounding = WITH_ROUND_UP), context)
            with (cm_decimal(long_number), a) {
                using (cm_decimal_string(a), text);
                CHECK(with_getcontext() == context);
                CHECK_INT(context->prec, 1500);
                CHECK_INT(strlen(text), 2000);
                with_decimal_plus(a, a);
                CHECK(context->flags & WITH_SIGNAL_INEXACT);
                switch (way) {
                case RETURN: return;
                case GOTO: goto out;
                case THROW: throw(KeyError, "own");
                case CANCEL:
                    pthread_cancel(pthread_self());
                    pthread_testcancel();
                    break;
                case THREAD_EXIT: pthread_exit(NULL); break;
                default: break;
                }
            }
        if (way == BREAK) break;
        if (way == CONTINUE) continue;
    } while (false);
out:;
}

static void leave_using(enum way way)
{
    for (int i = 0; i < 1; i++) {
        using (cm_localcontext(.prec = 1500), context);
        using (cm_decimal(long_number), a);
        CHECK_INT(context->prec, 1500);
        with_decimal_plus(a, a);
        if (way == RETURN) return;
        if (way == BREAK) break;
        if (way == CONTINUE) continue;
        if (way == GOTO) goto out;
        if (way == THROW) throw(KeyError, "own");
        if (way == CANCEL) {
            pthread_cancel(pthread_self());
            pthread_testcancel();
        }
        if (way == THREAD_EXIT) pthread_exit(NULL);
    }
out:;
}

/* The context is the thread's own again, with the flags that it had. */
static void check_left(void *unused)
{
    (void)unused;
    CHECK_INT(with_getcontext()->prec, 5);
    CHECK_INT(with_getcontext()->flags, WITH_SIGNAL_CLAMPED);
    CHECK_INT(with_getcontext()->rounding, WITH_ROUND_HALF_EVEN);
}

static void *leave(void *argument)
{
    const enum way way = *(enum way *)argument;

    with_getcontext()->prec = 5;
    with_getcontext()->flags = WITH_SIGNAL_CLAMPED;
    pthread_cleanup_push(check_left, NULL);
    for (int i = 0; i < 2; i++) {
        try {
            if (i == 0) leave_with(way);
            else leave_using(way);
        } catch (KeyError) {
            CHECK_INT(way, THROW);
        }
        check_left(NULL);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void test_ways(void)
{
    memset(long_number, '7', sizeof long_number - 1);
    for (enum way way = END; way < WAYS; way++) {
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, leave, &way), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
    }
}

/* ---- What fails on the way in ------------------------------------------------------------------ */

static void enter_bad_prec(void *unused)
{
    (void)unused;
    with (cm_localcontext(.prec = 0)) CHECK(!"entered");
}

static void enter_bad_limits(void *unused)
{
    (void)unused;
    with (cm_localcontext(.Emax = 1000000000000000000)) CHECK(!"entered");
}

static void enter_no_number(void *unused)
{
    (void)unused;
    with (cm_decimal("12a")) CHECK(!"entered");
}

static void enter_no_text(void *unused)
{
    (void)unused;
    with (cm_decimal((const char *)NULL)) CHECK(!"entered");
}

static void enter_bad_format(void *unused)
{
    (void)unused;
    with (cm_decimal("1"), one)
        with (cm_decimal_format(one, "%d")) CHECK(!"entered");
}

static void enter_null_number(void *unused)
{
    (void)unused;
    with (cm_decimal((const with_decimal *)NULL)) CHECK(!"entered");
}

static void enter_null_text(void *unused)
{
    (void)unused;
    with (cm_decimal_string(NULL)) CHECK(!"entered");
}

static void enter_null_context(void *unused)
{
    (void)unused;
    with (cm_localcontext_of(NULL)) CHECK(!"entered");
}

static void work_in_bad_context(void *unused)
{
    (void)unused;
    with (cm_localcontext(), context)
        with (cm_decimal("1"), one) {
            context->rounding = (enum with_rounding) - 1;
            with_decimal_plus(one, one);
        }
}

static void set_bad_context(void *unused)
{
    with_decimal_context context = with_BasicContext;

    (void)unused;
    context.clamp = 2;
    with_setcontext(&context);
}

static void round_too_far(void *unused)
{
    (void)unused;
    with (cm_decimal("1.5"), a) with_decimal_round(a, a, 28);
}

static void write_too_far(void *unused)
{
    (void)unused;
    with (cm_decimal_new(), a)
        with_decimal_from_digits(a, false, (const uint8_t[]){1, 2}, 2, INT64_MAX);
}

static const with_exception *thrown(void (*function)(void *), const with_exception_type *type,
                                    const char *message)
{
    const with_exception *e = with_call(function, NULL);

    CHECK_STR(e ? e->type->name : "nothing", type->name);
    CHECK_STR(e ? e->message : "", message);
    return e;
}

#define CHECK_THROWN(FUNCTION, TYPE, MESSAGE)                                                      \
    with_exception_unref(thrown(FUNCTION, &(TYPE), MESSAGE))

static void test_enter_fails(void)
{
    CHECK_THROWN(enter_bad_prec, ValueError,
                 "the context's prec is 0, and not from 1 to 999999999999999999");
    CHECK_THROWN(enter_bad_limits, ValueError,
                 "the context's Emax is 1000000000000000000, and not from 0 to 999999999999999999");
    CHECK_THROWN(enter_no_number, ConversionSyntax,
                 "with_decimal_from_string(\"12a\"): this is no number");
    CHECK_THROWN(enter_no_text, ValueError, "with_decimal_from_string: the text is NULL");
    CHECK_THROWN(enter_bad_format, ValueError, "with_decimal_format: there is no format \"%d\"");
    CHECK_THROWN(enter_null_number, ValueError, "cm_decimal: the number is NULL");
    CHECK_THROWN(enter_null_text, ValueError, "cm_decimal_string: the number is NULL");
    CHECK_THROWN(enter_null_context, ValueError, "cm_localcontext_of: the context is NULL");
    CHECK_THROWN(work_in_bad_context, ValueError,
                 "the context's rounding is -1, and not from 0 to 7");
    CHECK_THROWN(set_bad_context, ValueError, "the context's clamp is 2, and not from 0 to 1");
    CHECK_INT(with_getcontext()->prec, 28);
    with_getcontext()->flags = 0;
}

/* ---- Traps ------------------------------------------------------------------------------------- */

static void divide_by_zero(void *unused)
{
    (void)unused;
    with (cm_decimal("1"), one)
        with (cm_decimal("0"), zero)
            with (cm_decimal("42"), result) {
                try {
                    with_decimal_div(result, one, zero);
                } catch (DecimalException) {
                    CHECK_DECIMAL(result, "42");
                    CHECK(with_getcontext()->flags & WITH_SIGNAL_DIVISION_BY_ZERO);
                    with_rethrow();
                }
            }
}

static void divide_nothing(void *unused)
{
    (void)unused;
    with (cm_decimal("0"), zero) with_decimal_div(zero, zero, zero);
}

static void be_inexact(void *unused)
{
    (void)unused;
    with (cm_localcontext(.traps = WITH_SIGNALS_ALL & ~WITH_SIGNAL_ROUNDED))
        with (cm_decimal(2), two) with_decimal_sqrt(two, two);
}

static void overflow(void *unused)
{
    (void)unused;
    with (cm_decimal("9E999999"), large) with_decimal_mul(large, large, large);
}

static void mix_in_double(void *unused)
{
    (void)unused;
    with (cm_localcontext(.traps = WITH_SIGNAL_FLOAT_OPERATION))
        with (cm_decimal(0.5)) CHECK(!"entered");
}

static void be_too_large(void *unused)
{
    (void)unused;
    with (cm_localcontext(.prec = WITH_DECIMAL_MAX_PREC, .Emax = WITH_DECIMAL_MAX_EMAX))
        with (cm_decimal("1E100000000000000000"), large) {
            using (cm_decimal(3), three);
            using (cm_decimal("8"), result);
            int (*const functions[])(with_decimal_context *, with_decimal *, const with_decimal *,
                                     const with_decimal *) = {
                with_decimal_add_in, with_decimal_div_in, with_decimal_div_int_in,
                with_decimal_remainder_in, with_decimal_quantize_in};
            for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
                CHECK_INT(functions[i](with_getcontext(), result, large, three), -ENOMEM);
            CHECK_INT(with_decimal_exp_in(with_getcontext(), result, three), -ENOMEM);
            CHECK_INT(with_decimal_sqrt_in(with_getcontext(), result, three), -ENOMEM);
            CHECK_INT(with_decimal_logical_invert_in(with_getcontext(), result, three), -ENOMEM);
            CHECK_DECIMAL(result, "8");
            with_decimal_shift(result, result, three);
            CHECK_DECIMAL(result, "8000");
            with_decimal_div(result, three, result); /* an exact one, of a few digits */
        }
}

static void take_root(void *unused)
{
    (void)unused;
    with (cm_decimal(-4), a) with_decimal_sqrt(a, a);
}

static void lose_digits(void *unused)
{
    (void)unused;
    with (cm_decimal("1E28"), a)
        with (cm_decimal(1), b) with_decimal_quantize(a, a, b);
}

static void divide_modulo_zero(void *unused)
{
    (void)unused;
    with (cm_decimal(7), a)
        with (cm_decimal(0), b) with_decimal_remainder(a, a, b);
}

static void order_nan(void *unused)
{
    (void)unused;
    with (cm_decimal("NaN"), nan) CHECK(!with_decimal_lt(nan, nan));
}

static void test_traps(void)
{
    const with_exception *e =
        thrown(divide_by_zero, &DivisionByZero, "with_decimal_div(1, 0): division by zero");

    CHECK(with_isinstance(e, &ArithmeticError));
    CHECK_INT(e->code, WITH_SIGNAL_DIVISION_BY_ZERO);
    with_exception_unref(e);
    CHECK_THROWN(divide_nothing, DivisionUndefined, "with_decimal_div(0, 0): 0 divided by 0");
    CHECK_THROWN(be_inexact, Inexact, "with_decimal_sqrt(2): the result is inexact");
    CHECK_THROWN(overflow, Overflow,
                 "with_decimal_mul(9E+999999, 9E+999999): the result is too large");
    CHECK_THROWN(mix_in_double, FloatOperation,
                 "cm_decimal: a double is mixed in: with_decimal_from_double() is for that");
    CHECK_THROWN(be_too_large, MemoryError, "with_decimal_div(3, 8000): no memory for the result");
    CHECK_THROWN(round_too_far, InvalidOperation,
                 "with_decimal_round(1.5, 28): the result would have more digits than the "
                 "precision, or an exponent out of range");
    CHECK_THROWN(write_too_far, InvalidOperation,
                 "with_decimal_from_digits(2 digits, exponent 9223372036854775807): "
                 "the exponent is out of every context's range");
    CHECK_THROWN(take_root, InvalidOperation,
                 "with_decimal_sqrt(-4): a negative number has no such result");
    CHECK_THROWN(lose_digits, InvalidOperation,
                 "with_decimal_quantize(1E+28, 1): the result would have more digits than the "
                 "precision, or an exponent out of range");
    CHECK_THROWN(divide_modulo_zero, InvalidOperation,
                 "with_decimal_remainder(7, 0): nothing remains of a division by 0");
    CHECK_THROWN(order_nan, InvalidOperation, "with_decimal_lt(NaN, NaN): a NaN has no order");
    with_getcontext()->flags = 0;
    with (cm_localcontext(.traps = 0), context)
        with (cm_decimal("NaN"), nan) {
            CHECK(!with_decimal_lt(nan, nan) && !with_decimal_eq(nan, nan));
            CHECK_INT(context->flags, WITH_SIGNAL_INVALID_OPERATION);
        }
    CHECK_INT(with_getcontext()->flags, 0);
}

/* ---- Contexts ---------------------------------------------------------------------------------- */

static void check_quotient(const char *wanted)
{
    using (cm_decimal("1"), one);
    using (cm_decimal("42"), n);
    using (cm_decimal_new(), q);

    with_decimal_div(q, one, n);
    CHECK_DECIMAL(q, wanted);
}

static void *look(void *unused)
{
    with_decimal_context *context = with_getcontext();

    CHECK_INT(context->prec, 30);
    context->prec = 3;
    check_quotient("0.0238");
    return unused;
}

static void test_contexts(void)
{
    pthread_t thread;

    with (cm_localcontext(.prec = 42)) {
        check_quotient("0.0238095238095238095238095238095238095238095");
        with (cm_localcontext_of(&with_BasicContext), context) {
            CHECK_INT(context->rounding, WITH_ROUND_HALF_UP);
            check_quotient("0.0238095238");
        }
        with (cm_localcontext(.prec = 5, .rounding = WITH_ROUND_UP, .capitals = 0, .flags = 0,
                              .traps = 0, .clamp = 0, .Emin = -9, .Emax = 9),
              context) {
            check_quotient("0.023810");
            CHECK_INT(with_decimal_context_etiny(context), -13);
            CHECK_INT(with_decimal_context_etop(context), 5);
        }
    }
    check_quotient("0.02380952380952380952380952381");
    with_DefaultContext.prec = 30;
    CHECK_INT(pthread_create(&thread, NULL, look, NULL), 0);
    pthread_join(thread, NULL);
    with_DefaultContext.prec = 28;
    CHECK_INT(with_getcontext()->prec, 28);
    with_setcontext(&with_ExtendedContext);
    CHECK_INT(with_getcontext()->prec, 9);
    with_setcontext(&with_DefaultContext);
}

/* A manager may be entered again; an operand may be the result. */
static void test_again(void)
{
    struct cm_decimal manager = cm_decimal(7);

    for (int i = 0; i < 2; i++)
        with (manager, a) {
            with_decimal_mul(a, a, a);
            CHECK_DECIMAL(a, "49");
            with_decimal_sub(a, a, a);
            CHECK_DECIMAL(a, "0");
        }
    with (cm_decimal(-1), a)
        with (cm_decimal(UINT64_MAX), b)
            with (cm_decimal(0.1), c)
                with (cm_decimal(b), d) {
                    CHECK_DECIMAL(a, "-1");
                    CHECK_DECIMAL(b, "18446744073709551615");
                    CHECK_DECIMAL(c, "0.1000000000000000055511151231257827021181583404541015625");
                    CHECK(with_decimal_eq(b, d) && with_decimal_lt(a, c) && with_decimal_ge(b, c));
                    with_decimal_swap(a, b);
                    CHECK_DECIMAL(b, "-1");
                }
}

/*
 * Of numbers so long that the quotient is computed without what is left: just a half of the last digit, and
 * nothing, which only the remainder can tell from a little more.
 */
static void test_long_quotients(void)
{
    enum { DIGITS = 20000 };
    char *text = malloc(DIGITS + 1);

    CHECK(text);
    if (!text) return;
    memset(text, '7', DIGITS);
    text[DIGITS] = '\0';
    with (cm_localcontext(.prec = 3 * DIGITS), context) {
        using (cm_decimal(text), quotient);
        text[DIGITS - 1] = '8';
        using (cm_decimal(text), divisor);
        using (cm_decimal(2), two);
        using (cm_decimal_new(), half);
        using (cm_decimal_new(), dividend);
        using (cm_decimal_new(), result);
        with_decimal_mul(dividend, divisor, quotient);
        context->prec = DIGITS;
        context->flags = 0;
        with_decimal_div(result, dividend, divisor);
        CHECK(with_decimal_eq(result, quotient));
        CHECK_INT(context->flags, 0);
        context->prec = 3 * DIGITS;
        with_decimal_div_int(half, divisor, two);
        with_decimal_add(dividend, dividend, half);
        context->prec = DIGITS;
        context->rounding = WITH_ROUND_HALF_DOWN;
        with_decimal_div(result, dividend, divisor);
        CHECK(with_decimal_eq(result, quotient));
        CHECK_INT(context->flags, WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT);
    }
    free(text);
}

static void check_exponential(const char *text, const char *wanted, uint32_t flags)
{
    with_decimal_context context = {.prec = 2, .Emax = 99, .rounding = WITH_ROUND_HALF_EVEN};
    with_decimal a = number(text);

    CHECK_INT(with_decimal_exp_in(&context, &a, &a), 0);
    CHECK_DECIMAL(&a, wanted);
    CHECK_INT(context.flags, flags);
    with_decimal_fini(&a);
}

/* With an Emin of 0 what is below 1 is subnormal, unless it is 1 for all that could be seen: libmpdec's limit. */
static void test_exponential_near_one(void)
{
    const uint32_t rounded = WITH_SIGNAL_ROUNDED | WITH_SIGNAL_INEXACT;

    check_exponential("9E-6", "1.0", rounded);
    check_exponential("-9E-6", "1.0", rounded);
    check_exponential("-9.01E-6", "1.0", rounded | WITH_SIGNAL_SUBNORMAL | WITH_SIGNAL_UNDERFLOW);
    check_exponential("-0.05", "1.0", rounded | WITH_SIGNAL_SUBNORMAL | WITH_SIGNAL_UNDERFLOW);
}

int main(void)
{
    test_ways();
    test_enter_fails();
    test_traps();
    test_contexts();
    test_again();
    test_long_quotients();
    test_exponential_near_one();
    return test_result();
}
