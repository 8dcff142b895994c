/* SPDX-License-Identifier: MIT
 *
 * with/generator.h: managers that are one function, which yields to the block: what contextlib's
 * @contextmanager is. Reference: docs/reference/generator.md, with_generator(3).
 */
#ifndef WITH_GENERATOR_H
#define WITH_GENERATOR_H

#include <with.h>

#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets the size in bytes of the stacks that generators run on, for all threads and from the next one
 * on: 256 KiB if this is never called. Memory is taken only for the pages that are used, and below
 * them is a page that nobody may touch: a function that needs more ends the process by SIGSEGV.
 * Returns 0, or -EINVAL for less than 16 KiB. Any thread.
 */
WITH_API int with_generator_set_stack_size(size_t size);

/* ---- Plumbing of the macros ---------------------------------------------------------------- */

#ifdef __cplusplus
}
#else

struct with_generator_head_ {
    struct with_head_ head;
    const struct with_generator_function_ *function;
    struct with_coroutine_ *coroutine;
};

struct with_generator_function_ {
    void (*run)(void **slot); /* which holds where the manager is */
    with_site site;
};

/* What a block names whose generator yields no value. */
struct with_nothing_ {
    char with_nothing_[0];
};

WITH_API void with_generator_enter_(void *manager);
WITH_API bool with_generator_exit_(void *manager, const with_exception *exception);
WITH_API bool with_yield_(const with_site *site, void **slot);

/* clang-format off */
/* How many arguments, up to 8; 9 to 12 are MANY. */
#define WITH_COUNT_(...)                                                                           \
    WITH_COUNT_2_(0, ##__VA_ARGS__, MANY_, MANY_, MANY_, MANY_, 8, 7, 6, 5, 4, 3, 2, 1, 0, )
#define WITH_COUNT_2_(Z, A, B, C, D, E, F, G, H, I, J, K, L, N, ...) N

/* The parameters are pairs in brackets: M (TYPE, NAME) calls the macro M with one of them. */
#define WITH_EACH_(M, ...) WITH_JOIN_(WITH_EACH_, WITH_COUNT_(__VA_ARGS__))(M, ##__VA_ARGS__)
#define WITH_EACH_0(M)
#define WITH_EACH_1(M, P) M P
#define WITH_EACH_2(M, P, ...) M P WITH_EACH_1(M, __VA_ARGS__)
#define WITH_EACH_3(M, P, ...) M P WITH_EACH_2(M, __VA_ARGS__)
#define WITH_EACH_4(M, P, ...) M P WITH_EACH_3(M, __VA_ARGS__)
#define WITH_EACH_5(M, P, ...) M P WITH_EACH_4(M, __VA_ARGS__)
#define WITH_EACH_6(M, P, ...) M P WITH_EACH_5(M, __VA_ARGS__)
#define WITH_EACH_7(M, P, ...) M P WITH_EACH_6(M, __VA_ARGS__)
#define WITH_EACH_8(M, P, ...) M P WITH_EACH_7(M, __VA_ARGS__)
#define WITH_EACH_MANY_(M, ...) _Static_assert(0, "a generator takes up to 8 parameters");

#define WITH_MEMBER_(TYPE, NAME) __typeof__(TYPE) NAME;
#define WITH_KEEP_() /* an empty struct would be worth a warning */
#define WITH_KEEP_ARGUMENTS_(...)                                                                  \
    struct {                                                                                       \
        WITH_EACH_(WITH_MEMBER_, __VA_ARGS__)                                                      \
    } with_arguments_;
#define WITH_PARAMETER_(TYPE, NAME) , __typeof__(TYPE) NAME
#define WITH_ARGUMENT_(TYPE, NAME) , with_self_->with_arguments_.NAME
#define WITH_INIT_(TYPE, NAME) .with_arguments_.NAME = NAME,
/* A list of parameters without the comma before it. */
#define WITH_PARAMETERS_(...) WITH_JOIN_(WITH_PARAMETERS_, WITH_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define WITH_ALONE_(TYPE, NAME) __typeof__(TYPE) NAME
#define WITH_PARAMETERS_0() void
#define WITH_PARAMETERS_1(P) WITH_ALONE_ P
#define WITH_PARAMETERS_2(P, ...) WITH_ALONE_ P WITH_EACH_1(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_3(P, ...) WITH_ALONE_ P WITH_EACH_2(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_4(P, ...) WITH_ALONE_ P WITH_EACH_3(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_5(P, ...) WITH_ALONE_ P WITH_EACH_4(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_6(P, ...) WITH_ALONE_ P WITH_EACH_5(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_7(P, ...) WITH_ALONE_ P WITH_EACH_6(WITH_PARAMETER_, __VA_ARGS__)
#define WITH_PARAMETERS_8(P, ...) WITH_ALONE_ P WITH_EACH_7(WITH_PARAMETER_, __VA_ARGS__)

#define WITH_YIELDS_NOTHING_(TYPE) __builtin_types_compatible_p(TYPE, void)
#define WITH_YIELDED_(TYPE)                                                                        \
    __typeof__(*__builtin_choose_expr(WITH_YIELDS_NOTHING_(TYPE), (struct with_nothing_ *)0,              \
                                      (__typeof__(TYPE) *)0))

#define WITH_GENERATOR_(HEAD, SUPPRESSOR, TEXT, NAME, TYPE, ...)                                   \
    struct cm_##NAME {                                                                             \
        HEAD;                                                                                      \
        const struct with_generator_function_ *with_function_;                                     \
        struct with_coroutine_ *with_coroutine_;                                                   \
        WITH_YIELDED_(TYPE) as;                                                                    \
        WITH_JOIN_(WITH_KEEP_, __VA_OPT__(ARGUMENTS_))(__VA_ARGS__)                                \
    };                                                                                             \
    _Static_assert(offsetof(struct cm_##NAME, with_coroutine_) ==                                  \
                       offsetof(struct with_generator_head_, coroutine),                           \
                   "plumbing of WITH_GENERATOR");                                                  \
    static void NAME##_generator(void **with_slot_, struct cm_##NAME *with_type_                   \
                                     WITH_EACH_(WITH_PARAMETER_, ##__VA_ARGS__));                  \
    static void NAME##_run_generator_(void **with_slot_)                                           \
    {                                                                                              \
        struct cm_##NAME *with_self_ = (struct cm_##NAME *)*with_slot_;                            \
        NAME##_generator(with_slot_, with_self_ WITH_EACH_(WITH_ARGUMENT_, ##__VA_ARGS__));            \
    }                                                                                              \
    static const struct with_class cm_##NAME##_with_class_ __attribute__((unused)) = {             \
        .name = "cm_" #NAME,                                                                       \
        .enter = with_generator_enter_,                                                            \
        .exit = with_generator_exit_,                                                              \
        .suppressor = SUPPRESSOR};                                                                 \
    static inline struct cm_##NAME __attribute__((unused))                                         \
    cm_##NAME(WITH_PARAMETERS_(__VA_ARGS__))                                                       \
    {                                                                                              \
        static const struct with_generator_function_ with_function_ = {                            \
            NAME##_run_generator_,                                                                 \
            {__FILE__, #NAME "_generator", TEXT, __LINE__, WITH_TRY_SITE_}};                       \
        return (struct cm_##NAME){.with_.head.manager_class = &cm_##NAME##_with_class_,            \
                                  .with_function_ = &with_function_,                               \
                                  WITH_EACH_(WITH_INIT_, ##__VA_ARGS__)};                          \
    }                                                                                              \
    static void NAME##_generator(void **with_slot_ __attribute__((unused)),                        \
                                 struct cm_##NAME *with_type_ __attribute__((unused))              \
                                     WITH_EACH_(WITH_PARAMETER_, ##__VA_ARGS__))

/* The block's manager may have been moved since: where it is now is in the slot. */
#define WITH_HERE_ ((__typeof__(with_type_))*with_slot_)
#define WITH_IS_POINTER_(X) (__builtin_classify_type(X) == __builtin_classify_type((void *)0))
#define WITH_IS_TYPE_(X, TYPE) __builtin_types_compatible_p(__typeof__(X), TYPE)
/* As an assignment would have it, where compilers only warn. */
#define WITH_FITS_(TO, VALUE)                                                                      \
    (WITH_IS_TYPE_(VALUE, __typeof__(TO)) ||                                                       \
     (WITH_IS_POINTER_(TO) == WITH_IS_POINTER_(VALUE) &&                                           \
      (!WITH_IS_POINTER_(TO) || WITH_IS_TYPE_(VALUE, void *) ||                                    \
       WITH_IS_TYPE_(1 ? (TO) : (VALUE), __typeof__(TO)))))
#define WITH_YIELD_VALUE_(TEXT, ...)                                                               \
    ({                                                                                             \
        __auto_type with_value_ = (__VA_ARGS__);                                                   \
        _Static_assert(WITH_FITS_(WITH_HERE_->as, with_value_),                                    \
                       "this is not a value of the type that the generator yields");               \
        WITH_HERE_->as = with_value_;                                                              \
        with_yield_(WITH_SITE_(WITH_THROW_SITE_, TEXT), with_slot_);                               \
    })
#define WITH_YIELD_(TEXT)                                                                          \
    ({                                                                                             \
        _Static_assert(WITH_IS_TYPE_(WITH_HERE_->as, struct with_nothing_),                        \
                       "this generator yields a value: write `with_yield(VALUE)`");                \
        with_yield_(WITH_SITE_(WITH_THROW_SITE_, TEXT), with_slot_);                               \
    })
/* clang-format on */

/* ---- Generators ---------------------------------------------------------------------------- */

/*
 * WITH_GENERATOR(NAME, TYPE, (TYPE1, NAME1), ...) BODY, at file scope: defines struct cm_NAME and the
 * function struct cm_NAME cm_NAME(TYPE1 NAME1, ...), a manager whose enter runs BODY up to its
 * with_yield(), and whose exit runs the rest. TYPE is what the block names, or void; up to 8 parameters.
 *
 * An exception that leaves the block is thrown at the with_yield(). BODY may catch it, which suppresses
 * it, let it pass, or throw another. After any other way out of the block BODY goes on. Not to
 * yield, or to yield twice, is a RuntimeError. The block has the limits of a suppressor: its locals
 * that change must be volatile to be read after it, and `using` does not take it.
 *
 * BODY runs on a stack of its own in the block's thread, and what follows the yield with cancellation
 * disabled. Enter throws MemoryError if there is none, and what BODY throws. Each block has a
 * generator of its own: reusable and reentrant. A block must be left in the thread that entered it.
 */
#define WITH_GENERATOR(NAME, TYPE, ...)                                                            \
    WITH_GENERATOR_(WITH_SUPPRESSOR, true, "WITH_GENERATOR(" #NAME ", " #TYPE ")", NAME, TYPE,     \
                    ##__VA_ARGS__)

/*
 * The same for a generator that suppresses nothing: the block is one without those limits, and may
 * be a `using`. To catch the exception of the block and throw none is a RuntimeError.
 */
#define WITH_PLAIN_GENERATOR(NAME, TYPE, ...)                                                      \
    WITH_GENERATOR_(WITH_MANAGER, false, "WITH_PLAIN_GENERATOR(" #NAME ", " #TYPE ")", NAME, TYPE, \
                    ##__VA_ARGS__)

/*
 * with_yield(VALUE), or with_yield() where TYPE is void; also as `yield`. In the BODY of a generator:
 * runs the block, which names VALUE. Throws the exception that leaves the block. Returns whether
 * the block ran to its end: false after return, break, goto, a cancellation or exit(), and always
 * with `using`. A VALUE of another type does not compile.
 */
#define with_yield(...)                                                                            \
    WITH_JOIN_(WITH_YIELD_, __VA_OPT__(VALUE_))                                                    \
    ("with_yield(" #__VA_ARGS__ ")", ##__VA_ARGS__)

#ifndef WITH_NO_KEYWORDS
#define yield(...)                                                                                 \
    WITH_JOIN_(WITH_YIELD_, __VA_OPT__(VALUE_))("yield(" #__VA_ARGS__ ")", ##__VA_ARGS__)
#endif

#endif /* !__cplusplus */

#endif /* WITH_GENERATOR_H */
