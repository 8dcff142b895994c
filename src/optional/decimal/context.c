/* SPDX-License-Identifier: MIT
 *
 * Contexts: the three templates, each thread's own, and one for a block.
 */
#include "internal.h"

#define TRAPPED                                                                                    \
    (WITH_SIGNAL_INVALID_OPERATION | WITH_SIGNAL_DIVISION_BY_ZERO | WITH_SIGNAL_OVERFLOW)

const with_decimal_context with_BasicContext = {
    .prec = 9,
    .Emin = -999999,
    .Emax = 999999,
    .rounding = WITH_ROUND_HALF_UP,
    .traps = TRAPPED | WITH_SIGNAL_CLAMPED | WITH_SIGNAL_UNDERFLOW,
    .capitals = 1,
};

const with_decimal_context with_ExtendedContext = {
    .prec = 9,
    .Emin = -999999,
    .Emax = 999999,
    .rounding = WITH_ROUND_HALF_EVEN,
    .capitals = 1,
};

with_decimal_context with_DefaultContext = {
    .prec = 28,
    .Emin = -999999,
    .Emax = 999999,
    .rounding = WITH_ROUND_HALF_EVEN,
    .traps = TRAPPED,
    .capitals = 1,
};

__thread struct with__thread with__thread __attribute__((tls_model("initial-exec")));

bool with__context_is_in_range(const with_decimal_context *context)
{
    return ((uint64_t)context->prec - 1 < WITH_DECIMAL_MAX_PREC) &
           ((uint64_t)context->Emax <= WITH_DECIMAL_MAX_EMAX) &
           (-(uint64_t)context->Emin <= WITH_DECIMAL_MAX_EMAX) &
           ((unsigned)context->rounding <= WITH_ROUND_05UP) &
           (((unsigned)context->clamp | (unsigned)context->capitals) <= 1) &
           ((context->flags | context->traps) <= WITH_SIGNALS_ALL);
}

/* ---- The thread's own ------------------------------------------------------------------------ */

with_decimal_context *with_getcontext(void)
{
    return with__context();
}

void with_setcontext(const with_decimal_context *context)
{
    if (!context) with_throw(with_ValueError, "with_setcontext: the context is NULL");
    if (!with__context_is_valid(context)) with__throw_bad_context(context);
    *with_getcontext() = *context;
}

int64_t with_decimal_context_etiny(const with_decimal_context *context)
{
    return with__etiny(context);
}

int64_t with_decimal_context_etop(const with_decimal_context *context)
{
    return with__etop(context);
}

/* ---- A context for a block ------------------------------------------------------------------- */

static void exchange(struct cm_localcontext *self)
{
    const with_decimal_context other = self->other_;

    self->other_ = with__thread.context;
    with__thread.context = other;
}

static void localcontext_enter(struct cm_localcontext *self)
{
    if (WITH__UNLIKELY(!with__context_is_valid(&self->other_)))
        with__throw_bad_context(&self->other_);
    self->as = with_getcontext();
    exchange(self);
}

static bool localcontext_exit(struct cm_localcontext *self, const with_exception *exception)
{
    (void)exception;
    exchange(self);
    return false;
}

WITH_CLASS(cm_localcontext, localcontext_enter, localcontext_exit);

struct cm_localcontext cm_localcontext_of(const with_decimal_context *context)
{
    if (!context) with_throw(with_ValueError, "cm_localcontext_of: the context is NULL");
    return WITH_NEW(cm_localcontext, .other_ = *context);
}
