/* SPDX-License-Identifier: MIT
 *
 * with/contextlib.h: the small managers of Python's contextlib. Exceptions that are passed over or
 * expected, values that are destroyed, calls that are deferred or made inside a manager. (Redirecting
 * and chdir: with/redirect.h.) All since 0.1. Reference: docs/reference/contextlib.md.
 */
#ifndef WITH_CONTEXTLIB_H
#define WITH_CONTEXTLIB_H

#include <with.h>

#include <pthread.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifndef __cplusplus

/*
 * Values may be entered any number of times, nested too, and in any thread, where nothing else is
 * said. What a manager is given is borrowed until the block has been left. Exits run with
 * cancellation disabled, and keep errno when nothing failed.
 */

/* ---- Types --------------------------------------------------------------------------------- */

struct cm_suppress {
    WITH_SUPPRESSOR;
    const with_exception_type *const *types; /* ends with NULL */
    volatile bool *suppressed;               /* or NULL */
};

/* The options of cm_expect(), given by name; what is not given is 0. */
struct with_expect_options {
    size_t size;                            /* of this struct; set by the macro */
    const char *message;                    /* NULL, or what must be found in the message */
    const with_exception *volatile *caught; /* NULL, or where the exception is given */
};

struct cm_expect {
    WITH_SUPPRESSOR;
    const with_exception_type *type;
    struct with_expect_options options;
};

struct cm_nullcontext {
    WITH_MANAGER;
};

struct cm_callback {
    WITH_MANAGER;
    void (*function_)(void);
    void *pointer_;
    int number_, signature_;
    const char *text_;
};

/* ---- Plumbing ------------------------------------------------------------------------------ */

/* clang-format off */
/* Anything but an exception type does not compile. */
#define WITH_TYPE_ADDRESS_(TYPE) _Generic(&(TYPE), const with_exception_type *: &(TYPE))

/* The addresses of the types: the macro names itself again, and each pass over it takes one more. */
#define WITH_TYPE_ADDRESSES_(TYPE, ...)                                                            \
    WITH_TYPE_ADDRESS_(TYPE), __VA_OPT__(WITH_MORE_TYPE_ADDRESSES_ WITH_NONE_ (__VA_ARGS__))
#define WITH_MORE_TYPE_ADDRESSES_() WITH_TYPE_ADDRESSES_
#define WITH_NONE_ ()
#define WITH_PASSES_(...) WITH_SOME_PASSES_(WITH_SOME_PASSES_(WITH_SOME_PASSES_(__VA_ARGS__)))
#define WITH_SOME_PASSES_(...) WITH_PASS_(WITH_PASS_(WITH_PASS_(WITH_PASS_(__VA_ARGS__))))
#define WITH_PASS_(...) __VA_ARGS__
#define WITH_TYPE_LIST_(...)                                                                       \
    ({                                                                                             \
        static const with_exception_type *const with_types_[] = {                                  \
            WITH_PASSES_(WITH_TYPE_ADDRESSES_(__VA_ARGS__, )) NULL};                               \
        with_types_;                                                                               \
    })
/* clang-format on */

/* Holds cancellation off: in exits, around what the user wrote. */
struct with_calm_ {
    WITH_MANAGER;
    int state;
};

WITH_INLINE_ void with_calm_enter_(struct with_calm_ *self)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &self->state);
}

WITH_INLINE_ bool with_calm_exit_(struct with_calm_ *self, const with_exception *exception)
{
    (void)exception;
    pthread_setcancelstate(self->state, NULL);
    return false;
}

WITH_CLASS_(with_calm__with_class_, with_calm_, with_calm_enter_, with_calm_exit_, true);

WITH_INLINE_ void with_suppress_enter_(struct cm_suppress *self)
{
    if (self->suppressed) *self->suppressed = false;
}

WITH_INLINE_ bool with_suppress_exit_(struct cm_suppress *self, const with_exception *exception)
{
    if (__builtin_expect(!exception, 1)) return false;
    for (const with_exception_type *const *type = self->types; *type; type++)
        if (with_isinstance(exception, *type)) {
            if (self->suppressed) *self->suppressed = true;
            return true;
        }
    return false;
}

WITH_CLASS_(cm_suppress_with_class_, cm_suppress, with_suppress_enter_, with_suppress_exit_, true);

/* A function, for clang 14 loses a static array inside of a constant initializer. */
WITH_INLINE_ struct cm_suppress with_suppress_(const with_exception_type *const *types,
                                               volatile bool *suppressed)
{
    return WITH_NEW(cm_suppress, .types = types, .suppressed = suppressed);
}

WITH_API struct cm_expect with_expect_(const with_exception_type *type,
                                       const struct with_expect_options *options);

#define WITH_EXPECT_(TYPE, ...)                                                                    \
    with_expect_(WITH_TYPE_ADDRESS_(TYPE),                                                         \
                 &(const struct with_expect_options){.size = sizeof(struct with_expect_options),   \
                                                     __VA_ARGS__})

WITH_INLINE_ void with_nullcontext_enter_(struct cm_nullcontext *self)
{
    (void)self;
}

WITH_INLINE_ bool with_nullcontext_exit_(struct cm_nullcontext *self,
                                         const with_exception *exception)
{
    (void)self, (void)exception;
    return false;
}

WITH_CLASS_(cm_nullcontext_with_class_, cm_nullcontext, with_nullcontext_enter_,
            with_nullcontext_exit_, true);

#define WITH_NULLCONTEXT_() WITH_NEW(cm_nullcontext)
#define WITH_NULLCONTEXT_OF_(...)                                                                  \
    ({                                                                                             \
        __auto_type with_as_ = (__VA_ARGS__);                                                      \
        struct {                                                                                   \
            WITH_MANAGER;                                                                          \
            __typeof__(with_as_) as;                                                               \
        } with_null_ = {{{.manager_class = &cm_nullcontext_with_class_}}, with_as_};               \
        with_null_;                                                                                \
    })

/* clang-format off */
#define WITH_INSIDE_(ID, TEXT, MANAGER, ...)                                                       \
    ({                                                                                             \
        WITH_HELD_(ID, TEXT, MANAGER);                                                             \
        __auto_type with_value_ = (__VA_ARGS__);                                                   \
        with_guard_##ID.completed = true;                                                          \
        with_value_;                                                                               \
    })
#define WITH_INSIDE_ID_(ID, TEXT, ...) WITH_INSIDE_(ID, TEXT, __VA_ARGS__)
/* clang-format on */

WITH_API void with_nothing_to_close_(const char *name) WITH_RAISES_;
WITH_API void with_result_failed_(const with_exception *exception, const char *what, int result,
                                  int code) __attribute__((cold));

#define WITH_IS_VOID_(CALL) __builtin_types_compatible_p(__typeof__(CALL), void)
#define WITH_IS_INT_(CALL) __builtin_types_compatible_p(__typeof__(CALL), int)
/* The call's result, or 0 if it is void. */
#define WITH_RESULT_(CALL) __builtin_choose_expr(WITH_IS_VOID_(CALL), (CALL, 0), CALL)

/* Which functions a callback may be: by the result, and by the argument. */
enum {
    WITH_CALLS_NOTHING_,
    WITH_CALLS_VOID_,
    WITH_CALLS_VOID_INT_,
    WITH_CALLS_VOID_POINTER_,
    WITH_CALLS_INT_,
    WITH_CALLS_INT_INT_,
    WITH_CALLS_INT_POINTER_,
};

WITH_API struct cm_callback with_callback_(void (*function)(void), int signature, void *pointer,
                                           int number, const char *text);

/* clang-format off */
#define WITH_POINTER_OF_(A) _Generic((A), int: (char *)0, default: (A))
/* To a pointer to what P points to, const adds nothing. */
#define WITH_IS_CONST_(P)                                                                          \
    __builtin_types_compatible_p(__typeof__(*(P)) *, const __typeof__(*(P)) *)
#define WITH_SIGNATURE_0_(F)                                                                       \
    _Generic((F), void (*)(void): WITH_CALLS_VOID_, int (*)(void): WITH_CALLS_INT_,                \
             default: WITH_CALLS_NOTHING_)
/* An argument that has the parameter's type, or becomes it by adding const or losing the type. */
#define WITH_SIGNATURE_1_(F, A)                                                                    \
    _Generic((A),                                                                                  \
             int: _Generic((F), void (*)(int): WITH_CALLS_VOID_INT_,                               \
                           int (*)(int): WITH_CALLS_INT_INT_, default: WITH_CALLS_NOTHING_),       \
             default: WITH_SIGNATURE_TYPED_(F, WITH_POINTER_OF_(A)))
#define WITH_SIGNATURE_TYPED_(F, P)                                                                \
    _Generic((F), void (*)(__typeof__(*(P)) *): WITH_CALLS_VOID_POINTER_,                          \
             int (*)(__typeof__(*(P)) *): WITH_CALLS_INT_POINTER_,                                 \
             default: _Generic((F), void (*)(const __typeof__(*(P)) *): WITH_CALLS_VOID_POINTER_,  \
                               int (*)(const __typeof__(*(P)) *): WITH_CALLS_INT_POINTER_,         \
                               default: WITH_SIGNATURE_UNTYPED_(F, WITH_IS_CONST_(P))))
#define WITH_SIGNATURE_UNTYPED_(F, IS_CONST)                                                       \
    _Generic((F), void (*)(const void *): WITH_CALLS_VOID_POINTER_,                                \
             int (*)(const void *): WITH_CALLS_INT_POINTER_,                                       \
             void (*)(void *): IS_CONST ? WITH_CALLS_NOTHING_ : WITH_CALLS_VOID_POINTER_,          \
             int (*)(void *): IS_CONST ? WITH_CALLS_NOTHING_ : WITH_CALLS_INT_POINTER_,            \
             default: WITH_CALLS_NOTHING_)
#define WITH_CALLBACK_NEW_(SIGNATURE, F, POINTER, NUMBER, TEXT)                                    \
    ({                                                                                             \
        enum { with_signature_ = SIGNATURE }; /* clang would print the whole of it */              \
        _Static_assert(with_signature_ != WITH_CALLS_NOTHING_,                                     \
                       "cm_callback() takes a function that returns void or int, and what that "   \
                       "function takes: an int, a pointer of the same type, or nothing");          \
        with_callback_((void (*)(void))(F), with_signature_, (void *)(POINTER), NUMBER, TEXT);     \
    })
#define WITH_CALLBACK_0_(F) WITH_CALLBACK_NEW_(WITH_SIGNATURE_0_(F), F, NULL, 0, #F "()")
#define WITH_CALLBACK_1_(F, A)                                                                     \
    WITH_CALLBACK_NEW_(WITH_SIGNATURE_1_(F, A), F, WITH_POINTER_OF_(A),                            \
                       _Generic((A), int: (A), default: 0), #F "(" #A ")")
#define WITH_TOO_MANY_IN_CALLBACK_(...)                                                            \
    WITH_TOO_MANY_("cm_callback() takes a function and at most one argument")
/* clang-format on */

/* ---- Exceptions passed over ---------------------------------------------------------------- */

/*
 * with (cm_suppress(FileNotFoundError, PermissionError)) BODY: an exception of one of these types, or
 * of a subtype, ends the block and goes no further; others pass. 1 to 20 types that are known when
 * the program is compiled; for others write WITH_NEW(cm_suppress, .types = types), an array that ends
 * with NULL. A local that BODY changes and that is read after the block must be volatile (see try).
 * Throws nothing. Nothing to name.
 *
 * cm_suppress_into(&FLAG, TYPE...) also says whether it did: FLAG, a volatile bool, is false from
 * enter on, and true after an exception was suppressed.
 */
#define cm_suppress(...) with_suppress_(WITH_TYPE_LIST_(__VA_ARGS__), NULL)
#define cm_suppress_into(FLAG, ...) with_suppress_(WITH_TYPE_LIST_(__VA_ARGS__), FLAG)

/*
 * with (cm_expect(ValueError)) BODY: for tests: BODY must throw an exception of this type or a subtype,
 * which goes no further. If BODY is left in another way the exit throws AssertionError, which names
 * type, file and line; an exception of another type passes. Two options, given by name:
 *
 * .message = "line 3" wants this text somewhere in the message; if it is not there, AssertionError,
 * with the exception as its context. .caught = &e gives the exception to e, a const with_exception *
 * volatile: the caller owns it and drops it with with_exception_unref(). From enter on, e is NULL.
 *
 * Locals are as in cm_suppress(). A cancellation looks like a return to the exit: the AssertionError
 * takes its place.
 */
#define cm_expect(...) WITH_EXPECT_(__VA_ARGS__, )

/* ---- Nothing to do ------------------------------------------------------------------------- */

/*
 * cm_nullcontext(VALUE), cm_nullcontext(): a manager that does nothing, where one is wanted. `as` is
 * VALUE, with its own type (an array becomes a pointer); without VALUE there is nothing to name.
 */
#define cm_nullcontext(...)                                                                        \
    WITH_JOIN_(WITH_NULLCONTEXT_, __VA_OPT__(OF_))                                                 \
    (__VA_ARGS__)

/* ---- Calls inside a manager ---------------------------------------------------------------- */

/*
 * long sum = with_inside(cm_lock(&lock), add_up(&list)); makes a call inside a manager's block and gives
 * its value, with its type: what Python's managers do as decorators. The block is complete when the
 * call returns. A call without a value needs no macro: with (MANAGER) call(); nor does one inside a
 * suppressor, for which a value to begin with must be named: int n = -1; with (MANAGER) n = call();
 */
#define with_inside(MANAGER, ...)                                                                  \
    WITH_INSIDE_ID_(__COUNTER__, "with_inside(" #MANAGER ", " #__VA_ARGS__ ")", MANAGER,           \
                    __VA_ARGS__)

/* ---- Values that are destroyed, calls that are deferred ------------------------------------ */

/*
 * WITH_CLOSING(TYPE, NAME, DESTROY); at file scope defines cm_closing_NAME(VALUE), whose block owns
 * VALUE, of TYPE (a pointer or a number), as its `as`, and whose exit calls DESTROY(VALUE):
 *
 *     WITH_CLOSING(DIR *, directory, closedir);
 *
 *     with (cm_closing_directory(opendir(path)), directory) ...
 *
 * NULL or 0 is no value, but a call that failed: enter then throws the OSError of errno, or, if
 * that is 0, ValueError. For another value to mean this, write .empty = -1 behind DESTROY.
 *
 * DESTROY, a function or macro, returns nothing, or 0 for success: -1 is a failure with its reason in
 * errno; with .returns_error = true every number but 0 is an error number, positive or negative.
 * A failure is reported. DESTROY may throw; it is never called twice. A manager value is single-use.
 * With .no_cancellation_point = true, said of a DESTROY that has none in it (pthreads(7)), as free(),
 * the exit does not disable cancellation, which would take most of its time.
 */
/* clang-format off */
#define WITH_CLOSING(TYPE, NAME, ...) WITH_CLOSING_(TYPE, NAME, __VA_ARGS__, )
#define WITH_CLOSING_(TYPE, NAME, DESTROY, ...)                                                    \
    struct cm_closing_##NAME {                                                                     \
        WITH_MANAGER;                                                                              \
        __typeof__(TYPE) as;                                                                       \
    };                                                                                             \
    static const struct {                                                                          \
        char unused_; /* so that there is an initializer without options too */                    \
        __typeof__(TYPE) empty;                                                                    \
        bool returns_error, no_cancellation_point;                                                 \
    } with_closing_##NAME##_options_ = {.unused_ = 0, __VA_ARGS__};                                \
    WITH_INLINE_ void with_closing_##NAME##_enter_(struct cm_closing_##NAME *self)                 \
    {                                                                                              \
        if (__builtin_expect(self->as == with_closing_##NAME##_options_.empty, 0))                 \
            with_nothing_to_close_(#NAME);                                                         \
    }                                                                                              \
    WITH_INLINE_ int with_closing_##NAME##_destroy_(__typeof__(TYPE) value)                        \
    {                                                                                              \
        _Static_assert(WITH_IS_VOID_(DESTROY(value)) || WITH_IS_INT_(DESTROY(value)),              \
                       #DESTROY " must return void or int: WITH_CLOSING() would not know a "       \
                                "failure; put a function of your own around it");                  \
        return WITH_RESULT_(DESTROY(value));                                                       \
    }                                                                                              \
    WITH_INLINE_ bool with_closing_##NAME##_exit_(struct cm_closing_##NAME *self,                  \
                                                  const with_exception *exception)                 \
    {                                                                                              \
        const int before = errno;                                                                  \
        int result, code = 0;                                                                      \
        if (with_closing_##NAME##_options_.no_cancellation_point)                                  \
            result = with_closing_##NAME##_destroy_(self->as);                                     \
        else result = with_inside(WITH_NEW(with_calm_),                                            \
                                  with_closing_##NAME##_destroy_(self->as));                       \
        if (with_closing_##NAME##_options_.returns_error) code = result;                           \
        else if (result == -1) code = errno;                                                       \
        errno = before;                                                                            \
        if (__builtin_expect(result, 0))                                                           \
            with_result_failed_(exception, "closing " #NAME, result, code);                        \
        return false;                                                                              \
    }                                                                                              \
    WITH_CLASS(cm_closing_##NAME, with_closing_##NAME##_enter_, with_closing_##NAME##_exit_);      \
    WITH_INLINE_ struct cm_closing_##NAME cm_closing_##NAME(__typeof__(TYPE) value)                \
    {                                                                                              \
        return WITH_NEW(cm_closing_##NAME, .as = value);                                           \
    }                                                                                              \
    struct cm_closing_##NAME
/* clang-format on */

/*
 * with (cm_callback(function, argument)) BODY: defers function(argument) to the exit, by whatever way
 * BODY is left; cm_callback(function) defers function(). The argument is evaluated now: an int, or a
 * pointer to what the function takes a pointer to (const may be added; void * takes any).
 *
 * The function returns void, or an int that is 0, or -1 with the reason in errno: a result other than
 * 0 is reported as a failed release. It may throw. It runs with cancellation disabled, and in each
 * process that leaves the block, a child after fork() included. Enter throws ValueError if it is NULL.
 * Nothing to name.
 */
#define cm_callback(...)                                                                           \
    WITH_PICK_(__VA_ARGS__, WITH_TOO_MANY_IN_CALLBACK_, WITH_CALLBACK_1_, WITH_CALLBACK_0_, )      \
    (__VA_ARGS__)

#endif /* !__cplusplus */

#endif /* WITH_CONTEXTLIB_H */
