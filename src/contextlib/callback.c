/* SPDX-License-Identifier: MIT
 *
 * cm_callback, and what it and WITH_CLOSING() say of a failure.
 */
#include <with/contextlib.h>

void with_nothing_to_close_(const char *name)
{
    const int code = errno;

    if (code) throw_error(code, "%s", name);
    throw(ValueError, "%s: there is none to close, and errno does not say why", name);
}

void with_result_failed_(const with_exception *exception, const char *what, int result, int code)
{
    if (code) with_release_error(exception, code, "%s", what);
    else with_release_error(exception, 0, "%s: returned %d", what, result);
}

/* ---- cm_callback --------------------------------------------------------------------------- */

static void callback_enter(struct cm_callback *self)
{
    if (!self->function_) throw(ValueError, "%s: the function is NULL", self->text_);
}

/*
 * A function that takes a pointer to something is called as one that takes void *: all pointers to
 * objects are passed alike, but clang's sanitizer would have the very type.
 */
#ifdef __clang__
__attribute__((no_sanitize("function")))
#endif
static int
call(const struct cm_callback *self)
{
    void (*const f)(void) = self->function_;

    switch (self->signature_) {
    case WITH_CALLS_INT_: return ((int (*)(void))f)();
    case WITH_CALLS_INT_INT_: return ((int (*)(int))f)(self->number_);
    case WITH_CALLS_INT_POINTER_: return ((int (*)(void *))f)(self->pointer_);
    case WITH_CALLS_VOID_: f(); break;
    case WITH_CALLS_VOID_INT_: ((void (*)(int))f)(self->number_); break;
    case WITH_CALLS_VOID_POINTER_: ((void (*)(void *))f)(self->pointer_); break;
    }
    return 0;
}

static bool callback_exit(struct cm_callback *self, const with_exception *exception)
{
    const int before = errno;
    int result, code;

    with (WITH_NEW(with_calm_)) {
        result = call(self);
        code = result == -1 ? errno : 0;
    }
    errno = before;
    if (result) with_result_failed_(exception, self->text_, result, code);
    return false;
}

WITH_CLASS(cm_callback, callback_enter, callback_exit);

struct cm_callback with_callback_(void (*function)(void), int signature, void *pointer, int number,
                                  const char *text)
{
    return WITH_NEW(cm_callback, .function_ = function, .signature_ = signature,
                    .pointer_ = pointer, .number_ = number, .text_ = text);
}
