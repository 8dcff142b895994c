/* SPDX-License-Identifier: MIT
 *
 * What is thrown: the types, and which of them for what an operation has signalled.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

#define DEFINE(NAME, BASE) const with_exception_type with_##NAME = {#NAME, &with_##BASE}

DEFINE(DecimalException, ArithmeticError);
DEFINE(Clamped, DecimalException);
DEFINE(DivisionByZero, DecimalException);
DEFINE(FloatOperation, DecimalException);
DEFINE(Inexact, DecimalException);
DEFINE(Overflow, Inexact);
DEFINE(Underflow, Inexact);
DEFINE(Rounded, DecimalException);
DEFINE(Subnormal, DecimalException);
DEFINE(InvalidOperation, DecimalException);
DEFINE(ConversionSyntax, InvalidOperation);
DEFINE(DivisionImpossible, InvalidOperation);
DEFINE(DivisionUndefined, InvalidOperation);

/* ---- Which of them --------------------------------------------------------------------------- */

struct signal {
    uint32_t bits;
    const with_exception_type *type;
    const char *text;
};

/* The first that is trapped is thrown: the order is that of CPython. */
static const struct signal signals[] = {
    {WITH__SYNTAX, &with_ConversionSyntax, "this is no number"},
    {WITH__IMPOSSIBLE, &with_DivisionImpossible, "the quotient has more digits than the precision"},
    {WITH__UNDEFINED, &with_DivisionUndefined, "0 divided by 0"},
    {WITH__SIGNALLING, &with_InvalidOperation, "a signalling NaN"},
    {WITH__UNORDERED, &with_InvalidOperation, "a NaN has no order"},
    {WITH__NEGATIVE, &with_InvalidOperation, "a negative number has no such result"},
    {WITH__INFINITIES, &with_InvalidOperation, "an infinity has no such result"},
    {WITH__BY_ZERO, &with_InvalidOperation, "nothing remains of a division by 0"},
    {WITH__NO_ROOM, &with_InvalidOperation,
     "the result would have more digits than the precision, or an exponent out of range"},
    {WITH__NO_COUNT, &with_InvalidOperation, "the second operand is no integer in range"},
    {WITH__NO_LOGIC, &with_InvalidOperation, "an operand has other digits than 0 and 1, or a sign"},
    {WITH__TOO_FAR, &with_InvalidOperation, "the exponent is out of every context's range"},
    {WITH__INVALID, &with_InvalidOperation, "the operation has no result"},
    {WITH_SIGNAL_FLOAT_OPERATION, &with_FloatOperation,
     "a double is mixed in: with_decimal_from_double() is for that"},
    {WITH_SIGNAL_DIVISION_BY_ZERO, &with_DivisionByZero, "division by zero"},
    {WITH_SIGNAL_OVERFLOW, &with_Overflow, "the result is too large"},
    {WITH_SIGNAL_UNDERFLOW, &with_Underflow, "the result is inexact, for it is too small"},
    {WITH_SIGNAL_SUBNORMAL, &with_Subnormal, "the result is subnormal"},
    {WITH_SIGNAL_INEXACT, &with_Inexact, "the result is inexact"},
    {WITH_SIGNAL_ROUNDED, &with_Rounded, "the result is rounded"},
    {WITH_SIGNAL_CLAMPED, &with_Clamped, "the exponent is clamped"},
};

static const struct signal *signal_of(uint32_t raised, uint32_t traps)
{
    const struct signal *signal = signals;

    while ((raised & signal->bits) != signal->bits || !(signal->bits & traps & WITH_SIGNALS_ALL))
        signal++;
    return signal;
}

/* ---- Messages -------------------------------------------------------------------------------- */

enum { SHOWN = 60 };

static void describe(char *text, size_t size, const with_decimal *number)
{
    if (with__is_special(number) || number->digits_ <= SHOWN)
        with_decimal_to_string_in(&with_ExtendedContext, text, size, number);
    else snprintf(text, size, "a number of %" PRId64 " digits", with_decimal_digits(number));
}

/* "name(operand, operand)" */
static void describe_call(char *text, size_t size, const char *name,
                          const with_decimal *const *operands)
{
    size_t used = (size_t)snprintf(text, size, "with_decimal_%s(", name);

    for (int i = 0; i < 3 && operands[i]; i++) {
        char operand[SHOWN + 40];
        describe(operand, sizeof operand, operands[i]);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", operand);
    }
    snprintf(text + used, size - used, ")");
}

void with__throw_failed(const char *name, int error, const with_decimal_context *context,
                        const with_decimal *a, const with_decimal *b, const with_decimal *c)
{
    const with_decimal *const operands[] = {a, b, c};
    char call[3 * (SHOWN + 44) + 40];

    if (error == -EINVAL) with__throw_bad_context(context);
    describe_call(call, sizeof call, name, operands);
    with__throw_signal(call, error, context);
}

void with__throw_signal(const char *call, int error, const with_decimal_context *context)
{
    const struct signal *signal;

    if (error == -ENOMEM) with_throw(with_MemoryError, "%s: no memory for the result", call);
    signal = signal_of(context->raised_, context->traps);
    with_throw_again(with_exception_new(signal->type, (int)(signal->bits & WITH_SIGNALS_ALL),
                                        "%s: %s", call, signal->text));
}

/* ---- Bad contexts ---------------------------------------------------------------------------- */

static void __attribute__((noreturn))
out_of_range(const char *field, int64_t value, int64_t least, int64_t most)
{
    with_throw(with_ValueError,
               "the context's %s is %" PRId64 ", and not from %" PRId64 " to %" PRId64, field,
               value, least, most);
}

static void check(const char *field, int64_t value, int64_t least, int64_t most)
{
    if (value < least || value > most) out_of_range(field, value, least, most);
}

void with__throw_bad_context(const with_decimal_context *context)
{
    check("prec", context->prec, 1, WITH_DECIMAL_MAX_PREC);
    check("Emin", context->Emin, WITH_DECIMAL_MIN_EMIN, 0);
    check("Emax", context->Emax, 0, WITH_DECIMAL_MAX_EMAX);
    check("rounding", (int)context->rounding, WITH_ROUND_CEILING, WITH_ROUND_05UP);
    check("clamp", context->clamp, 0, 1);
    check("capitals", context->capitals, 0, 1);
    check("flags", context->flags, 0, WITH_SIGNALS_ALL);
    check("traps", context->traps, 0, WITH_SIGNALS_ALL);
    with_throw(with_ValueError, "the context is NULL");
}
