/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: how an operation begins and ends. It computes in a number of its own, so that an
 * operand may be its result, and a trapped one leaves the result as it was.
 */
#ifndef WITH_DECIMAL_OPERATION_H
#define WITH_DECIMAL_OPERATION_H

#include "internal.h"

struct with__operation {
    with_decimal result;
    uint32_t status;
};

static inline bool with__operation_allows(const with_decimal_context *context)
{
    return WITH__LIKELY(context && with__context_is_valid(context));
}

static inline void with__operation_prepare(struct with__operation *self)
{
    with__thread.operation++;
    self->status = 0;
    self->result.room_ = 0;
    self->result.negative_ = 0;
    self->result.exponent_ = 0;
}

/* False if a field of the context is out of range. */
static inline bool with__operation_begin(struct with__operation *self,
                                         const with_decimal_context *context)
{
    if (!with__operation_allows(context)) return false;
    with__operation_prepare(self);
    return true;
}

/* 0, and the result is moved; or a negative errno. */
static inline int with__operation_end(struct with__operation *self, with_decimal_context *context,
                                      with_decimal *result)
{
    const uint32_t status = self->status;

    if (WITH__UNLIKELY(status & WITH__NO_MEMORY)) {
        with__release(&self->result);
        return -ENOMEM;
    }
    context->flags |= status & WITH_SIGNALS_ALL;
    if (WITH__UNLIKELY(status & context->traps)) {
        context->raised_ = status;
        with__release(&self->result);
        return -EDOM;
    }
    with__move(result, &self->result);
    return 0;
}

/*
 * The two functions of an operation on two operands. QUICK: a quick way, which is tried first; what it leaves is
 * called as the last thing, so that nothing has to be kept for it.
 */
#define WITH__OPERATION_2(NAME, QUICK)                                                             \
    static __attribute__((noinline)) int NAME##_slowly(                                            \
        with_decimal_context *context, with_decimal *result, const with_decimal *a,                \
        const with_decimal *b)                                                                     \
    {                                                                                              \
        struct with__operation self;                                                               \
        if (!with__operation_begin(&self, context)) return -EINVAL;                                \
        with__##NAME(&self.result, a, b, context, &self.status);                                   \
        return with__operation_end(&self, context, result);                                        \
    }                                                                                              \
    static __attribute__((noinline)) void NAME##_or_throw(                                         \
        with_decimal_context *context, with_decimal *result, const with_decimal *a,                \
        const with_decimal *b)                                                                     \
    {                                                                                              \
        const int error = NAME##_slowly(context, result, a, b);                                    \
        if (WITH__UNLIKELY(error)) with__throw_failed(#NAME, error, context, a, b, NULL);          \
    }                                                                                              \
    int with_decimal_##NAME##_in(with_decimal_context *context, with_decimal *result,              \
                                 const with_decimal *a, const with_decimal *b)                     \
    {                                                                                              \
        if (with__operation_allows(context) && (QUICK)) return 0;                                  \
        return NAME##_slowly(context, result, a, b);                                               \
    }                                                                                              \
    void with_decimal_##NAME(with_decimal *result, const with_decimal *a, const with_decimal *b)   \
    {                                                                                              \
        with_decimal_context *context = with__context();                                           \
        if (!(with__operation_allows(context) && (QUICK))) NAME##_or_throw(context, result, a, b); \
    }

#endif
