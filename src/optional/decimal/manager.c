/* SPDX-License-Identifier: MIT
 *
 * Numbers and their texts for a block.
 */
#include "internal.h"

/* ---- Numbers --------------------------------------------------------------------------------- */

enum source { STRING, NUMBER, INTEGER, NATURAL, REAL };

/* A double is mixed in as Python's Decimal(float) does it: that is signalled. */
static void set_double(with_decimal *number, double real)
{
    with_decimal_context *context = with__context();

    context->flags |= WITH_SIGNAL_FLOAT_OPERATION;
    if (context->traps & WITH_SIGNAL_FLOAT_OPERATION) {
        context->raised_ = WITH_SIGNAL_FLOAT_OPERATION;
        with__throw_signal("cm_decimal", -EDOM, context);
    }
    with_decimal_from_double(number, real);
}

static void set_copy(with_decimal *number, const with_decimal *other)
{
    if (!other) with_throw(with_ValueError, "cm_decimal: the number is NULL");
    with_decimal_copy(number, other);
}

static void decimal_enter(struct cm_decimal *self)
{
    with_decimal *number = &self->value_;

    with_decimal_init(number);
    self->as = number;
    switch ((enum source)self->from_) {
    case STRING: with_decimal_from_string(number, self->source_.pointer); break;
    case NUMBER: set_copy(number, self->source_.pointer); break;
    case INTEGER: with_decimal_from_int64(number, self->source_.integer); break;
    case NATURAL: with_decimal_from_uint64(number, self->source_.natural); break;
    case REAL: set_double(number, self->source_.real); break;
    }
}

static bool decimal_exit(struct cm_decimal *self, const with_exception *exception)
{
    (void)exception;
    with_decimal_fini(&self->value_);
    return false;
}

WITH_CLASS(cm_decimal, decimal_enter, decimal_exit);

struct cm_decimal with_decimal_string_(const char *text)
{
    return WITH_NEW(cm_decimal, .from_ = STRING, .source_.pointer = text);
}

struct cm_decimal with_decimal_copy_(const with_decimal *number)
{
    return WITH_NEW(cm_decimal, .from_ = NUMBER, .source_.pointer = number);
}

struct cm_decimal with_decimal_int_(int64_t integer)
{
    return WITH_NEW(cm_decimal, .from_ = INTEGER, .source_.integer = integer);
}

struct cm_decimal with_decimal_uint_(uint64_t integer)
{
    return WITH_NEW(cm_decimal, .from_ = NATURAL, .source_.natural = integer);
}

struct cm_decimal with_decimal_real_(double real)
{
    return WITH_NEW(cm_decimal, .from_ = REAL, .source_.real = real);
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static size_t write(char *buffer, size_t size, const struct cm_decimal_string *self)
{
    if (self->spec_) return with_decimal_format(buffer, size, self->number_, self->spec_);
    return with_decimal_to_string(buffer, size, self->number_);
}

static void decimal_string_enter(struct cm_decimal_string *self)
{
    char few[128];
    size_t length;

    if (!self->number_)
        with_throw(with_ValueError, "cm_decimal_%s: the number is NULL",
                   self->spec_ ? "format" : "string");
    length = write(few, sizeof few, self);
    self->text_ = malloc(length + 1);
    if (!self->text_) with_throw(with_MemoryError, "no memory for the text of a number");
    if (length < sizeof few) memcpy(self->text_, few, length + 1);
    else {
        const ptrdiff_t again = self->spec_
                                    ? with_decimal_format_in(with_getcontext(), self->text_,
                                                             length + 1, self->number_, self->spec_)
                                    : with_decimal_to_string_in(with_getcontext(), self->text_,
                                                                length + 1, self->number_);
        if (again < 0) {
            free(self->text_);
            with_throw(with_MemoryError, "no memory for the text of a number");
        }
    }
    self->as = self->text_;
}

static bool decimal_string_exit(struct cm_decimal_string *self, const with_exception *exception)
{
    (void)exception;
    free(self->text_);
    self->text_ = NULL;
    return false;
}

WITH_CLASS(cm_decimal_string, decimal_string_enter, decimal_string_exit);

struct cm_decimal_string cm_decimal_string(const with_decimal *a)
{
    return WITH_NEW(cm_decimal_string, .number_ = a);
}

struct cm_decimal_string cm_decimal_format(const with_decimal *a, const char *spec)
{
    return WITH_NEW(cm_decimal_string, .number_ = a, .spec_ = spec ? spec : "");
}
