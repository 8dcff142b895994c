/* SPDX-License-Identifier: MIT
 *
 * with/decimal.h: numbers to and from integers, doubles, integers of GMP, digits and text, and questions.
 */
#include "test_decimal.h"

#include <errno.h>
#include <float.h>
#include <math.h>

static with_decimal_context context;

/* ---- Integers ---------------------------------------------------------------------------------- */

static void check_int64(const char *text, int wanted_error, int64_t wanted)
{
    with_decimal a = number(text);
    int64_t value = 77;

    CHECK_INT(with_decimal_to_int64_in(&value, &a), wanted_error);
    CHECK_INT(value, wanted_error ? 77 : wanted);
    with_decimal_fini(&a);
}

static void test_int64(void)
{
    check_int64("9223372036854775807", 0, INT64_MAX);
    check_int64("-9223372036854775808", 0, INT64_MIN);
    check_int64("9223372036854775808", -ERANGE, 0);
    check_int64("-9223372036854775809", -ERANGE, 0);
    check_int64("12.99", 0, 12);
    check_int64("-0.99", 0, 0);
    check_int64("5E17", 0, 500000000000000000);
    check_int64("1E999999999999999999", -ERANGE, 0);
    check_int64("1E-999999999999999999", 0, 0);
    check_int64("0E999999999999999999", 0, 0);
    check_int64("-Infinity", -ERANGE, 0);
    check_int64("NaN", -EDOM, 0);
}

static void check_mpz(const char *text, int wanted_error, const char *wanted)
{
    with_decimal a = number(text), back = WITH_DECIMAL_INIT;
    char *digits;
    mpz_t value;

    mpz_init_set_si(value, 77);
    CHECK_INT(with_decimal_to_mpz_in(value, &a), wanted_error);
    digits = mpz_get_str(NULL, 10, value);
    CHECK_STR(digits, wanted_error ? "77" : wanted);
    CHECK_INT(with_decimal_from_mpz_in(&context, &back, value), 0);
    CHECK_DECIMAL(&back, digits);
    free(digits);
    mpz_clear(value);
    with_decimal_fini(&a);
    with_decimal_fini(&back);
}

static void check_ratio(const char *text, const char *wanted)
{
    with_decimal a = number(text);
    char *digits;
    mpz_t n, d;

    mpz_inits(n, d, NULL);
    CHECK_INT(with_decimal_to_ratio_in(n, d, &a), 0);
    CHECK(gmp_asprintf(&digits, "%Zd/%Zd", n, d) > 0);
    CHECK_STR(digits, wanted);
    free(digits);
    mpz_clears(n, d, NULL);
    with_decimal_fini(&a);
}

static void test_mpz(void)
{
    check_mpz("-123456789012345678901234567890.9", 0, "-123456789012345678901234567890");
    check_mpz("12E5", 0, "1200000");
    check_mpz("-0.5", 0, "0");
    check_mpz("1E-999999999999999999", 0, "0");
    check_mpz("1E999999999999999999", -ENOMEM, "");
    check_mpz("sNaN", -EDOM, "");
    check_mpz("Infinity", -ERANGE, "");
    check_ratio("-0.75", "-3/4");
    check_ratio("12E2", "1200/1");
    check_ratio("-0E-5", "0/1");
}

/* ---- Doubles ----------------------------------------------------------------------------------- */

static void check_double(double value, const char *wanted)
{
    with_decimal a = WITH_DECIMAL_INIT;
    double back = 77;

    CHECK_INT(with_decimal_from_double_in(&context, &a, value), 0);
    CHECK_DECIMAL(&a, wanted);
    CHECK_INT(with_decimal_to_double_in(&back, &a), 0);
    CHECK(back == value || (isnan(back) && isnan(value)));
    CHECK_INT(signbit(back), signbit(value));
    with_decimal_fini(&a);
}

static void check_nearest(const char *text, double wanted)
{
    with_decimal a = number(text);
    double value = 77;

    CHECK_INT(with_decimal_to_double_in(&value, &a), 0);
    CHECK(value == wanted);
    with_decimal_fini(&a);
}

static void test_doubles(void)
{
    with_decimal a = WITH_DECIMAL_INIT;
    char middle[2000] = "1.00000000000000011102230246251565404236316680908203125";

    check_double(0.5, "0.5");
    check_double(-0.0, "-0");
    check_double(1e22, "10000000000000000000000");
    check_double(-INFINITY, "-Infinity");
    check_double(NAN, "NaN");
    CHECK_INT(with_decimal_from_double_in(&context, &a, -NAN), 0);
    CHECK_DECIMAL(&a, "NaN"); /* whose sign says nothing */
    with_decimal_fini(&a);
    check_double(3.0e-5, "0.00003000000000000000076002572291233860823922441340982913970947265625");
    check_nearest("1E400", INFINITY);
    check_nearest("-1E999999999999999999", -INFINITY);
    check_nearest("1E-999999999999999999", 0);
    check_nearest("1.7976931348623157E308", DBL_MAX);
    check_nearest("1.7976931348623159E308", INFINITY);
    check_nearest("4.9E-324", 4.9e-324);
    check_nearest(middle, 1);
    memset(middle + strlen(middle), '0', 1900); /* and then something, far behind */
    middle[1950] = '1';
    check_nearest(middle, 1 + DBL_EPSILON);
}

/* ---- Digits ------------------------------------------------------------------------------------ */

static void test_digits(void)
{
    const uint8_t digits[] = {0, 0, 1, 2, 0, 9}, bad[] = {1, 10};
    uint8_t back[4];
    with_decimal a = WITH_DECIMAL_INIT;

    CHECK_INT(with_decimal_from_digits_in(&context, &a, true, digits, sizeof digits, -2), 0);
    CHECK_DECIMAL(&a, "-12.09");
    CHECK_INT(with_decimal_digits(&a), 4);
    CHECK_INT(with_decimal_exponent(&a), -2);
    CHECK_INT(with_decimal_adjusted(&a), 1);
    with_decimal_to_digits(back, &a);
    CHECK(back[0] == 1 && back[1] == 2 && back[2] == 0 && back[3] == 9);
    CHECK_INT(with_decimal_from_digits_in(&context, &a, false, bad, sizeof bad, 0), -EINVAL);
    CHECK_DECIMAL(&a, "-12.09");
    CHECK_INT(with_decimal_from_digits_in(&context, &a, false, digits, 0, 3), 0);
    CHECK_DECIMAL(&a, "0E+3");
    with_decimal_fini(&a);
}

/* ---- Text -------------------------------------------------------------------------------------- */

static void check_read(const char *text, const char *wanted, uint32_t flags)
{
    with_decimal_context reading = wide;
    with_decimal a = WITH_DECIMAL_INIT;

    CHECK_INT(with_decimal_from_string_in(&reading, &a, text), 0);
    CHECK_DECIMAL(&a, wanted);
    CHECK_INT(reading.flags, flags);
    with_decimal_fini(&a);
}

static void check_created(const char *text, const char *wanted, uint32_t flags)
{
    with_decimal_context reading = with_ExtendedContext;
    with_decimal a = WITH_DECIMAL_INIT;

    CHECK_INT(with_decimal_create_in(&reading, &a, text), 0);
    CHECK_DECIMAL(&a, wanted);
    CHECK_INT(reading.flags, flags);
    with_decimal_fini(&a);
}

static void test_reading(void)
{
    const uint32_t invalid = WITH_SIGNAL_INVALID_OPERATION;

    check_read(" \t-1_000.50e+1_0\n", "-1.00050E+13", 0);
    check_read("+.5", "0.5", 0);
    check_read("5.", "5", 0);
    check_read("iNF", "Infinity", 0);
    check_read("-infinity", "-Infinity", 0);
    check_read("snan00120", "sNaN120", 0);
    check_read("-NaN", "-NaN", 0);
    check_read("", "NaN", invalid);
    check_read(".", "NaN", invalid);
    check_read("1e", "NaN", invalid);
    check_read("1e+", "NaN", invalid);
    check_read("infi", "NaN", invalid);
    check_read("1 2", "NaN", invalid);
    check_read("--1", "NaN", invalid);
    check_read("0x10", "NaN", invalid);
    check_read("1e999999999999999999", "1E+999999999999999999", 0);
    check_read("1e1000000000000000000", "NaN", invalid);
    check_read("1e99999999999999999999999", "NaN", invalid);
    check_read("0e-99999999999999999999999", "NaN", invalid);
    check_created("1234567890.5", "1.23456789E+9", WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED);
    check_created("1e-99999999999999999999999", "0E-1000007",
                  WITH_SIGNAL_INEXACT | WITH_SIGNAL_ROUNDED | WITH_SIGNAL_SUBNORMAL |
                      WITH_SIGNAL_UNDERFLOW | WITH_SIGNAL_CLAMPED);
    check_created(" 1", "NaN", invalid);
    check_created("1_0", "NaN", invalid);
    check_created("NaN1234567890", "NaN", invalid);
}

/* As snprintf(): as much as fits, and how long all of it is. */
static void test_buffers(void)
{
    with_decimal a = number("-123.456");
    char text[6] = "xxxxx";

    CHECK_INT(with_decimal_to_string_in(&wide, text, sizeof text, &a), 8);
    CHECK_STR(text, "-123.");
    CHECK_INT(with_decimal_to_string_in(&wide, text, 1, &a), 8);
    CHECK_STR(text, "");
    CHECK_INT(with_decimal_to_string_in(&wide, NULL, 0, &a), 8);
    CHECK_INT(with_decimal_format_in(&wide, text, sizeof text, &a, ".1f"), 6);
    CHECK_STR(text, "-123.");
    CHECK_INT(with_decimal_format_in(&wide, text, sizeof text, &a, "d"), -EINVAL);
    CHECK_INT(with_decimal_format_in(&wide, text, sizeof text, &a, "1000000000000000000"), -EINVAL);
    with_decimal_fini(&a);
}

static void check_format(const char *value, const char *spec, const char *wanted)
{
    with_decimal a = number(value);
    char text[200];

    CHECK(with_decimal_format_in(&wide, text, sizeof text, &a, spec) >= 0);
    CHECK_STR(text, wanted);
    with_decimal_fini(&a);
}

static void test_formats(void)
{
    check_format("1234567.891", ",.2f", "1,234,567.89");
    check_format("-1234567.891", "015,.1f", "-0,001,234,567.9");
    check_format("0.5", ".0%", "50%");
    check_format("12", "\303\244^6",
                 "\303\244\303\24412\303\244\303\244"); /* one character, of two bytes */
    check_format("-0.001", "z.1f", "0.0");
    check_format("NaN", "08", "     NaN");
    check_format("1E+3", "n", "1e+3");
    check_format("12345", ".2e", "1.23e+4");
}

/* ---- Questions --------------------------------------------------------------------------------- */

static void test_questions(void)
{
    with_decimal a = number("-0.00"), b = number("1E-999999"), c = number("sNaN5"),
                 d = number("120E-1");

    CHECK(with_decimal_is_zero(&a) && with_decimal_is_signed(&a) && with_decimal_is_integer(&a));
    CHECK_STR(with_decimal_number_class(&a, &with_BasicContext), "-Zero");
    CHECK_STR(with_decimal_number_class(&b, &with_BasicContext), "+Normal");
    CHECK(!with_decimal_is_subnormal(&b, &with_BasicContext) && !with_decimal_is_integer(&b));
    CHECK(with_decimal_is_snan(&c) && with_decimal_is_nan(&c) && !with_decimal_is_qnan(&c));
    CHECK(with_decimal_is_integer(&d) && with_decimal_is_finite(&d) &&
          !with_decimal_is_infinite(&d));
    CHECK(with_decimal_order(&a, &b) < 0 && with_decimal_order(&c, &b) > 0);
    CHECK_INT(with_decimal_order(&d, &d), 0);
    CHECK_INT(with_decimal_hash(&d), 12);
    with_decimal_fini(&a);
    with_decimal_fini(&b);
    with_decimal_fini(&c);
    with_decimal_fini(&d);
    with_decimal_fini(NULL);
}

static void convert_too_large(void *unused)
{
    (void)unused;
    with (cm_decimal("1E30"), a) with_decimal_to_int64(a);
}

static void convert_nan(void *unused)
{
    (void)unused;
    with (cm_decimal("NaN"), a) with_decimal_to_int64(a);
}

static void test_throwing(void)
{
    const with_exception *e = with_call(convert_too_large, NULL);

    CHECK(e && with_isinstance(e, &OverflowError));
    CHECK_STR(e ? e->message : "", "with_decimal_to_int64: 1E+30 does not fit");
    with_exception_unref(e);
    e = with_call(convert_nan, NULL);
    CHECK(e && with_isinstance(e, &ValueError));
    with_exception_unref(e);
}

int main(void)
{
    context = wide;
    test_int64();
    test_mpz();
    test_doubles();
    test_digits();
    test_reading();
    test_buffers();
    test_formats();
    test_questions();
    test_throwing();
    return test_result();
}
