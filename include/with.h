/* SPDX-License-Identifier: MIT
 *
 * with.h: Python's context managers for C. The statement, managers and exceptions: the core, whole.
 *
 * Names that end in an underscore are plumbing and may change in any release. All the rest is since
 * 0.1 where nothing else is said. Reference: docs/reference/with.md, with(3). The file is long because
 * the core is to be one file: types and functions first, then plumbing, then the statements.
 */
#ifndef WITH_H
#define WITH_H

#if !defined(__GNUC__) || (!defined(__clang__) && __GNUC__ < 10)
#error "with.h needs gcc 10 or clang 14, or later: it is written in GNU C"
#elif defined(__clang__) && __clang_major__ < 14
#error "with.h needs clang 14 or later"
#elif !defined(__EXCEPTIONS)
#error "with.h needs -fexceptions, so that cancellation and C++ exceptions run the exits; "     \
       "pkg-config --cflags with and CMake's with::with hand it out"
#endif

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What the macros expand to raises no warning in the user's files, whatever warnings are asked for. */
#ifndef WITH_SHOW_WARNINGS_
#pragma GCC system_header
#endif
#if !defined(__clang__) && !defined(WITH_WARN_CLOBBERED) /* most of its alarms are false */
#pragma GCC diagnostic ignored "-Wclobbered"
#elif defined(__clang__) /* -Wpedantic names extensions in the user's line, whoever wrote them */
#pragma clang diagnostic ignored "-Wgnu-auto-type"
#pragma clang diagnostic ignored "-Wgnu-statement-expression"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WITH_VERSION "0.1.0"
#define WITH_API __attribute__((visibility("default")))

/* ---- Types --------------------------------------------------------------------------------- */

/* An exception type: one static object each, compared by address. Only BaseException has no base. */
typedef struct with_exception_type {
    const char *name;
    const struct with_exception_type *base;
} with_exception_type;

/* A place in the source, static: the statement that stands there, and where that is. */
typedef struct with_site {
    const char *file, *function, *text;
    int line;
    int kind_;
} with_site;

/* A line that with_add_note() added to an exception; next is the one added after it, or NULL. */
typedef struct with_note {
    const struct with_note *next;
    const char *text;
} with_note;

/*
 * An exception. Its fields are for reading. It is shared (counted): a handler borrows it until the
 * handler's end, with_exception_ref() keeps it longer. References may be taken and dropped in any
 * thread; apart from that, one thread at a time may use it.
 */
typedef struct with_exception {
    const with_exception_type *type;
    const char *message;   /* never NULL; "" if there is none */
    int code;              /* an OSError's error number, a SystemExit's status, or 0 */
    bool suppress_context; /* raised by throw_from(): its context is not printed */
    const struct with_exception *context; /* what was being handled when it was raised, or NULL */
    const struct with_exception *cause;   /* what throw_from() was given, or NULL */
    const with_note *notes;               /* the first note, or NULL */
    size_t notes_lost;                    /* how many notes found no memory */
    const with_site *const *traceback; /* the throw, then each block it passed, innermost first */
    size_t traceback_length;
    size_t traceback_lost; /* blocks passed for which there was no memory, or past the 1,000th */
} with_exception;

/* What a thread has entered and what it is handling, while it is not running: with_state_swap(). */
typedef struct with_state {
    void *top_, *handling_;
} with_state;
/* clang-format off */
#define WITH_STATE_INIT {NULL, NULL}
/* clang-format on */

struct with_frame_;

/* The functions of a manager, as WITH_CLASS() records them. */
struct with_class {
    const char *name;
    void (*enter)(void *manager);
    bool (*exit)(void *manager, const with_exception *exception);
    bool suppressor;
    bool quick; /* costs nothing more than its functions: what fails names its block itself, and
                   completion is not looked at */
    struct with_frame_ **(*held)(void *manager); /* the newest of the managers it holds, or NULL */
};

/* ---- Exception types: CPython's tree ------------------------------------------------------- */

/* Without those that speak of Python's own parser, imports, names, groups and warnings. */
#define WITH_EXCEPTION_TYPES_(X)                                                                   \
    X(SystemExit, BaseException)                                                                   \
    X(KeyboardInterrupt, BaseException)                                                            \
    X(GeneratorExit, BaseException)                                                                \
    X(Exception, BaseException)                                                                    \
    X(StopIteration, Exception)                                                                    \
    X(ArithmeticError, Exception)                                                                  \
    X(FloatingPointError, ArithmeticError)                                                         \
    X(OverflowError, ArithmeticError)                                                              \
    X(ZeroDivisionError, ArithmeticError)                                                          \
    X(AssertionError, Exception)                                                                   \
    X(AttributeError, Exception)                                                                   \
    X(BufferError, Exception)                                                                      \
    X(EOFError, Exception)                                                                         \
    X(LookupError, Exception)                                                                      \
    X(IndexError, LookupError)                                                                     \
    X(KeyError, LookupError)                                                                       \
    X(MemoryError, Exception)                                                                      \
    X(OSError, Exception)                                                                          \
    X(BlockingIOError, OSError)                                                                    \
    X(ChildProcessError, OSError)                                                                  \
    X(ConnectionError, OSError)                                                                    \
    X(BrokenPipeError, ConnectionError)                                                            \
    X(ConnectionAbortedError, ConnectionError)                                                     \
    X(ConnectionRefusedError, ConnectionError)                                                     \
    X(ConnectionResetError, ConnectionError)                                                       \
    X(FileExistsError, OSError)                                                                    \
    X(FileNotFoundError, OSError)                                                                  \
    X(InterruptedError, OSError)                                                                   \
    X(IsADirectoryError, OSError)                                                                  \
    X(NotADirectoryError, OSError)                                                                 \
    X(PermissionError, OSError)                                                                    \
    X(ProcessLookupError, OSError)                                                                 \
    X(TimeoutError, OSError)                                                                       \
    X(ReferenceError, Exception)                                                                   \
    X(RuntimeError, Exception)                                                                     \
    X(NotImplementedError, RuntimeError)                                                           \
    X(RecursionError, RuntimeError)                                                                \
    X(SystemError, Exception)                                                                      \
    X(TypeError, Exception)                                                                        \
    X(ValueError, Exception)                                                                       \
    X(UnicodeError, ValueError)                                                                    \
    X(UnicodeDecodeError, UnicodeError)                                                            \
    X(UnicodeEncodeError, UnicodeError)

#define WITH_DECLARE_TYPE_(NAME, BASE) extern WITH_API const with_exception_type with_##NAME;
extern WITH_API const with_exception_type with_BaseException;
WITH_EXCEPTION_TYPES_(WITH_DECLARE_TYPE_)

/* WITH_EXCEPTION_DECLARE(NAME); in a header declares an exception type that one file defines. */
#define WITH_EXCEPTION_DECLARE(NAME) extern const with_exception_type NAME
#define WITH_EXCEPTION(NAME, BASE)                                                                 \
    WITH_EXCEPTION_DECLARE(NAME);                                                                  \
    const with_exception_type NAME = {#NAME, &(BASE)}

/* ---- Exceptions ---------------------------------------------------------------------------- */

/* Whether exception is of the given type or of one below it. No exception (NULL) is of none. */
WITH_API bool with_isinstance(const with_exception *exception, const with_exception_type *type);

/* The exception that this thread is handling (in a handler, or in the exits of a throw), or NULL. */
WITH_API const with_exception *with_current(void);

/*
 * Adds a line that is printed below the message. Never fails: without memory the text is cut short,
 * at worst counted in notes_lost. Keeps errno.
 */
WITH_API void with_add_note(const with_exception *exception, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Prints exception in the shape and order of Python's traceback: the chain of causes and contexts
 * from the oldest, each with where it was thrown and the blocks it passed, its message and notes.
 */
WITH_API void with_print_exception(FILE *stream, const with_exception *exception);

/*
 * A new exception that is not raised yet, which the caller owns: add notes to it, then raise it with
 * with_throw_again(). For a code that is no errno, and for what is raised later or elsewhere. Its
 * context is what is being handled now. Never NULL: without memory at worst a MemoryError.
 */
WITH_API const with_exception *with_exception_new(const with_exception_type *type, int code,
                                                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Keeps an exception beyond its handler: gives one more reference. NULL is allowed. */
WITH_API const with_exception *with_exception_ref(const with_exception *exception);

/* Drops a reference; the last one frees the exception and what it alone keeps. NULL is allowed. */
WITH_API void with_exception_unref(const with_exception *exception);

/*
 * Runs function(argument) and returns the exception that escaped it, which the caller then owns, or
 * NULL. For callbacks, threads and code that returns errors: no local of the caller is clobbered.
 */
WITH_API const with_exception *with_call(void (*function)(void *argument), void *argument);

/*
 * Exchanges what this thread has entered and is handling with *state: for code that switches stacks.
 * A fresh state is WITH_STATE_INIT; what is in a state belongs to the stack that entered it.
 */
WITH_API void with_state_swap(with_state *state);

/*
 * Prints what this thread holds, innermost first: class, file, line and function of each manager
 * entered and not yet exited. Returns their number. With NULL it only counts.
 */
WITH_API size_t with_dump(FILE *stream);

/* ---- Plumbing of the macros ---------------------------------------------------------------- */

enum {
    WITH_MANAGER_SITE_,
    WITH_CROSSING_SITE_,
    WITH_LANDING_SITE_,
    WITH_TRY_SITE_,
    WITH_NESTED_SITE_, /* as a try, but in the traceback it is nothing */
    WITH_HANDLING_SITE_,
    WITH_THROWING_SITE_, /* as a handling, but of a throw that is running an exit */
    WITH_THROW_SITE_,
    WITH_THROW_LITERAL_SITE_, /* the format is the message, and lives as long as the site */
};

/* All that a throw must know is on the thread's list of frames, newest first. */
struct with_frame_ {
    struct with_frame_ *previous;
    const with_site *site;
};

/* A block whose manager is being entered or exited: what that throws names the block. */
struct with_crossing_ {
    struct with_frame_ frame;
    const with_site *block;
};

/* An exception being handled: by a handler, or by a throw that is running the exits. */
struct with_handling_ {
    struct with_frame_ frame;
    const with_exception *exception;
    struct with_handling_ *outer;
};

struct with_try_ {
    struct with_handling_ handling;
    jmp_buf buffer;
};

struct with_head_ {
    struct with_frame_ frame;
    const struct with_class *manager_class;
    bool completed;
};

/* Two types alike: by them the macros know a suppressor, which needs a landing, at compile time. */
struct with_manager_ {
    struct with_head_ head;
};
struct with_suppressor_ {
    struct with_head_ head;
};

/* Where a block goes on whose exception was suppressed; its frame lies below the suppressor's. */
struct with_landing_ {
    struct with_frame_ frame;
    jmp_buf buffer;
};

struct with_guard_ {
    void *manager;
    const struct with_class *manager_class;
    bool completed;
};

/* What stands between the two fields keeps compilers from writing both as one: reading one of them
 * right after that waits for the memory. */
struct with_thread_ {
    struct with_frame_ *top;
    void *cache;
    struct with_handling_ *handling;
};

#define WITH_RAISES_ __attribute__((noreturn, cold))
#define WITH_PRINTF_(FORMAT) __attribute__((format(printf, FORMAT, FORMAT + 1)))

WITH_API void with_throw_(const with_site *site, const with_exception_type *type,
                          const char *format, ...) WITH_RAISES_ WITH_PRINTF_(3);
WITH_API void with_throw_from_(const with_site *site, const with_exception *cause,
                               const with_exception_type *type, const char *format,
                               ...) WITH_RAISES_ WITH_PRINTF_(4);
WITH_API void with_throw_error_(const with_site *site, int code, const char *format,
                                ...) WITH_RAISES_ WITH_PRINTF_(3);
WITH_API void with_release_error_(const with_site *site, const with_exception *exception, int code,
                                  const char *format, ...) WITH_PRINTF_(4);
WITH_API void with_throw_again_(const with_site *site,
                                const with_exception *exception) WITH_RAISES_;
WITH_API void with_rethrow_(const with_site *site) WITH_RAISES_;
WITH_API void with_exit_(const with_site *site, int status) WITH_RAISES_;
WITH_API void with_no_class_(const with_site *site) WITH_RAISES_;
WITH_API void with_handled_(struct with_try_ *frame);
WITH_API void with_unmatched_(struct with_try_ *frame) WITH_RAISES_;

#ifdef __cplusplus
}
#else

extern WITH_API __thread struct with_thread_ with_thread_
    __attribute__((tls_model("initial-exec")));

#define WITH_INLINE_ static inline __attribute__((always_inline, unused))
/* Known not to throw before it is inlined: else gcc 11 and 12 crash at -O0 -fexceptions on a block in
 * which, once it is inlined, nothing can throw. */
#define WITH_NOTHROW_ WITH_INLINE_ __attribute__((nothrow))

WITH_NOTHROW_ void with_push_(struct with_frame_ *frame, const with_site *site)
{
    frame->previous = with_thread_.top;
    frame->site = site;
    with_thread_.top = frame;
}

WITH_NOTHROW_ void with_crossed_(struct with_crossing_ *crossing)
{
    if (__builtin_expect(with_thread_.top == &crossing->frame, 1))
        with_thread_.top = crossing->frame.previous;
}

WITH_NOTHROW_ void with_cross_(struct with_crossing_ *crossing, const with_site *block)
{
    static const with_site site = {"", "", "", 0, WITH_CROSSING_SITE_};

    crossing->block = block;
    with_push_(&crossing->frame, &site);
}

WITH_INLINE_ void with_run_enter_(void *manager, const struct with_class *manager_class,
                                  const with_site *block)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));

    with_cross_(&crossing, block);
    manager_class->enter(manager);
}

WITH_INLINE_ bool with_run_exit_(struct with_head_ *head, const struct with_class *manager_class,
                                 const with_exception *exception)
{
    struct with_crossing_ crossing __attribute__((cleanup(with_crossed_)));

    with_cross_(&crossing, head->frame.site);
    return manager_class->exit(head, exception);
}

/* Enters a manager; from here on a throw finds it. */
WITH_INLINE_ const struct with_class *with_enter_(void *manager, const with_site *site)
{
    struct with_head_ *head = (struct with_head_ *)manager;
    const struct with_class *manager_class = head->manager_class;

    if (__builtin_expect(!manager_class, 0)) with_no_class_(site);
    if (manager_class->quick) {
        head->frame.site = site;
        manager_class->enter(manager);
    } else {
        with_run_enter_(manager, manager_class, site);
        head->frame.site = site;
    }
    head->frame.previous = with_thread_.top;
    with_thread_.top = &head->frame;
    return manager_class;
}

/* Every way out but a throw. A frame that is not the top has had its exit. */
WITH_INLINE_ void with_leave_(struct with_guard_ *guard)
{
    struct with_head_ *head = (struct with_head_ *)guard->manager;
    struct with_frame_ *below = head->frame.previous;

    if (__builtin_expect(with_thread_.top != &head->frame, 0)) return;
    with_thread_.top = guard->manager_class->suppressor ? below->previous : below;
    if (guard->manager_class->quick) {
        guard->manager_class->exit(head, NULL);
        return;
    }
    head->completed = guard->completed;
    with_run_exit_(head, guard->manager_class, NULL);
}

/* Puts the landing of a suppressor below the suppressor's own frame. */
WITH_NOTHROW_ jmp_buf *with_land_(void *manager, void *place)
{
    static const with_site site = {"", "", "", 0, WITH_LANDING_SITE_};
    struct with_frame_ *frame = (struct with_frame_ *)manager;
    struct with_landing_ *landing = (struct with_landing_ *)place;

    landing->frame.previous = frame->previous;
    landing->frame.site = &site;
    frame->previous = &landing->frame;
    return &landing->buffer;
}

WITH_NOTHROW_ struct with_try_ *with_try_enter_(struct with_try_ *frame, const with_site *site)
{
    frame->handling.exception = NULL;
    with_push_(&frame->handling.frame, site);
    return frame;
}

WITH_INLINE_ void with_try_leave_(struct with_try_ *frame)
{
    if (__builtin_expect(frame->handling.exception != NULL, 0)) with_handled_(frame);
    else if (__builtin_expect(with_thread_.top == &frame->handling.frame, 1))
        with_thread_.top = frame->handling.frame.previous;
}

#define WITH_MISUSE_(NAME, TEXT) void NAME(void) __attribute__((error(TEXT), nothrow, noreturn))
WITH_MISUSE_(with_break_in_with_,
             "`break` leaves only the `with` block, not the loop around it: write "
             "`using (MANAGER, VAR);` in the loop instead of `with`, or leave by `goto`");
WITH_MISUSE_(with_break_in_try_,
             "`break` leaves only the `try` block, not the loop around it: leave by `goto`, or set "
             "a flag; to hold a manager in a loop write `using (MANAGER, VAR);`");
WITH_MISUSE_(with_break_in_catch_,
             "`break` leaves only the `catch` block, not the loop around it: leave by `goto`, or "
             "set a flag; to hold a manager in a loop write `using (MANAGER, VAR);`");

/* What reads as statements is laid out by hand. */
/* clang-format off */
#define WITH_JOIN_(A, B) WITH_JOIN_2_(A, B)
#define WITH_JOIN_2_(A, B) A##B
#define WITH_PICK_(A, B, C, D, ...) D
#define WITH_TOO_MANY_(TEXT) sizeof(struct { _Static_assert(0, TEXT); char unused; })
#define WITH_SITE_(KIND, TEXT)                                                                     \
    ({                                                                                             \
        static const with_site with_site_ = {__FILE__, __func__, TEXT, __LINE__, KIND};            \
        &with_site_;                                                                               \
    })

/* Declares something of a variably modified type: a jump into its scope does not compile. */
#ifdef __clang__ /* refuses a jump past a cleanup by itself: a handler has one for that alone */
#define WITH_NO_JUMP_(NAME, ZERO)
#define WITH_NO_JUMP_PAST_ __attribute__((unused, cleanup(with_no_cleanup_)))
WITH_INLINE_ void with_no_cleanup_(void *variable)
{
    (void)variable;
}
#else
#ifndef __OPTIMIZE__ /* gcc 12 crashes at -O0 on a cleanup in whose scope it sees that nothing throws */
#define WITH_ONE_ (with_isinstance(NULL, NULL) + 1)
#else
#define WITH_ONE_ 1
#endif
#define WITH_NO_JUMP_(NAME, ZERO) , (*NAME)[(ZERO) + WITH_ONE_] __attribute__((unused)) = NULL
#define WITH_NO_JUMP_PAST_ __attribute__((unused))
#endif

#define WITH_IS_SUPPRESSOR_(M)                                                                     \
    __builtin_types_compatible_p(__typeof__((M).with_), struct with_suppressor_)
#define WITH_LANDING_(M)                                                                           \
    __typeof__(*__builtin_choose_expr(WITH_IS_SUPPRESSOR_(M), (struct with_landing_ *)0, (char *)0))
#define WITH_LANDED_(M, LANDING)                                                                   \
    __builtin_choose_expr(WITH_IS_SUPPRESSOR_(M), _setjmp(*with_land_(&(M), &(LANDING))), 0)

#define WITH_GUARD_(GUARD, M, TEXT, NO_JUMP)                                                       \
    struct with_guard_ GUARD __attribute__((cleanup(with_leave_), unused)) =                       \
        {&(M), with_enter_(&(M), WITH_SITE_(WITH_MANAGER_SITE_, TEXT)), false}                     \
        WITH_NO_JUMP_(NO_JUMP, GUARD.completed)
#define WITH_AS_(M) (M).as /* this manager has nothing to name: write with (MANAGER), no VAR */

#define WITH_BLOCK_(M, LANDING, GUARD, END, NO_JUMP, TEXT, MANAGER)                                \
    for (__auto_type M = (MANAGER);;)                                                              \
        if (0)                                                                                     \
        END:                                                                                       \
            break;                                                                                 \
        else                                                                                       \
            for (WITH_LANDING_(M) LANDING;;)                                                       \
                for (WITH_GUARD_(GUARD, M, TEXT, NO_JUMP);; with_break_in_with_())                 \
                    if (WITH_LANDED_(M, LANDING)) goto END;                                        \
                    else
#define WITH_END_(GUARD, END) ({ GUARD.completed = true; goto END; })
#define WITH_PLAIN_(ID, TEXT, MANAGER)                                                             \
    WITH_BLOCK_(with_manager_##ID, with_landing_##ID, with_guard_##ID, with_end_##ID,              \
                with_jump_into_a_block__put_the_label_before_it_##ID, TEXT, MANAGER)               \
        for (;; WITH_END_(with_guard_##ID, with_end_##ID))
#define WITH_NAMED_(ID, TEXT, MANAGER, VAR)                                                        \
    WITH_BLOCK_(with_manager_##ID, with_landing_##ID, with_guard_##ID, with_end_##ID,              \
                with_jump_into_a_block__put_the_label_before_it_##ID, TEXT, MANAGER)               \
        for (__auto_type VAR __attribute__((unused)) = WITH_AS_(with_manager_##ID);;               \
             WITH_END_(with_guard_##ID, with_end_##ID))
#define WITH_TOO_MANY_IN_WITH_(...)                                                                \
    if (WITH_TOO_MANY_("`with` takes a manager and a name: write `with (MANAGER, VAR)`"))
#define WITH_STATEMENT_(ID, TEXT, ...)                                                             \
    WITH_PICK_(__VA_ARGS__, WITH_TOO_MANY_IN_WITH_, WITH_NAMED_, WITH_PLAIN_, )                    \
    (ID, TEXT, __VA_ARGS__)

#define WITH_HELD_(ID, TEXT, MANAGER)                                                              \
    __auto_type with_manager_##ID = (MANAGER);                                                     \
    _Static_assert(!WITH_IS_SUPPRESSOR_(with_manager_##ID),                                        \
                   "`using` cannot hold a suppressor, whose exit may end the block before its "    \
                   "end: write `with (MANAGER) { ... }`");                                         \
    WITH_GUARD_(with_guard_##ID, with_manager_##ID, TEXT,                                          \
                with_jump_past_using__put_it_in_braces_of_its_own_##ID)
#define WITH_HELD_NAMED_(ID, TEXT, MANAGER, VAR)                                                   \
    WITH_HELD_(ID, TEXT, MANAGER);                                                                 \
    __auto_type VAR __attribute__((unused)) = WITH_AS_(with_manager_##ID)
#define WITH_TOO_MANY_IN_USING_(...)                                                               \
    _Static_assert(0, "`using` takes a manager and a name: write `using (MANAGER, VAR);`")
#define WITH_DECLARATION_(ID, TEXT, ...)                                                           \
    WITH_PICK_(__VA_ARGS__, WITH_TOO_MANY_IN_USING_, WITH_HELD_NAMED_, WITH_HELD_, )               \
    (ID, TEXT, __VA_ARGS__)

/* catch is written after the body, without a name of the try before it: hence with_try_here_. */
#define WITH_TRY_(ID)                                                                              \
    for (struct with_try_ with_try_here_ __attribute__((cleanup(with_try_leave_))),                \
         *with_entered_##ID __attribute__((unused)) =                                              \
             with_try_enter_(&with_try_here_, WITH_SITE_(WITH_TRY_SITE_, "try")) WITH_NO_JUMP_(    \
                 with_jump_into_a_block__put_the_label_before_it_##ID,                             \
                 with_try_here_.handling.exception != NULL);                                       \
         ; with_unmatched_(&with_try_here_))                                                       \
        if (0)                                                                                     \
        with_end_##ID:                                                                             \
            break;                                                                                 \
        else if (_setjmp(with_try_here_.buffer) == 0)                                              \
            for (;; with_break_in_try_())                                                          \
                for (;; ({ goto with_end_##ID; }))
#define WITH_TRY_ID_(ID) WITH_TRY_(ID)
#define WITH_CATCH_NAMED_(ID, TYPE, VAR)                                                           \
    else if (0) with_end_##ID : break;                                                             \
    else if (with_isinstance(with_try_here_.handling.exception, &(TYPE)))                          \
        for (const struct with_exception *VAR WITH_NO_JUMP_PAST_ = /* a typedef wakes -Wvla */     \
                 with_try_here_.handling.exception                                                 \
             WITH_NO_JUMP_(*with_jump_into_a_block__put_the_label_before_it_##ID,                  \
                           with_try_here_.handling.exception == NULL);                             \
             ; with_break_in_catch_())                                                             \
            for (;; ({ goto with_end_##ID; }))
#define WITH_CATCH_PLAIN_(ID, TYPE) WITH_CATCH_NAMED_(ID, TYPE, with_caught_##ID)
#define WITH_TOO_MANY_IN_CATCH_(...)                                                               \
    else if (WITH_TOO_MANY_("`catch` takes one type and a name: write `catch (TYPE, e)`, and "     \
                            "another `catch` for another type"))
#define WITH_CATCH_(ID, ...)                                                                       \
    WITH_PICK_(__VA_ARGS__, WITH_TOO_MANY_IN_CATCH_, WITH_CATCH_NAMED_, WITH_CATCH_PLAIN_, )       \
    (ID, __VA_ARGS__)
#define WITH_RAISE_(FUNCTION, TEXT, ...) FUNCTION(WITH_SITE_(WITH_THROW_SITE_, TEXT), __VA_ARGS__)
/* A message that is a literal without % is not copied. BEFORE: the arguments before it, in (). */
#define WITH_RAISE_MESSAGE_(FUNCTION, TEXT, BEFORE, ...)                                           \
    FUNCTION(WITH_SITE_(WITH_MESSAGE_KIND_(__VA_ARGS__, ), TEXT), WITH_UNWRAP_ BEFORE, __VA_ARGS__)
#define WITH_UNWRAP_(...) __VA_ARGS__
#define WITH_MESSAGE_KIND_(FORMAT, ...)                                                            \
    (__builtin_constant_p(FORMAT) && !__builtin_strchr(FORMAT, '%') ? WITH_THROW_LITERAL_SITE_     \
                                                                    : WITH_THROW_SITE_)
#define WITH_RAISE_ERRNO_(TEXT, ...)                                                               \
    ({                                                                                             \
        int with_code_ = errno;                                                                    \
        WITH_RAISE_(with_throw_error_, TEXT, with_code_, __VA_ARGS__);                             \
    })

/*
 * Inline, but not always: gcc refuses that where it finds the function in the class too late (gcc 12
 * at -Og), and where an exit has a block of its own class in it.
 */
#define WITH_CLASS_(NAME, T, ENTER, EXIT, QUICK)                                                    \
    _Static_assert(offsetof(struct T, with_) == 0,                                                 \
                   "WITH_MANAGER or WITH_SUPPRESSOR must come first in struct " #T);               \
    static inline void NAME##enter_(void *self) { ENTER((struct T *)self); }                       \
    static inline bool NAME##exit_(void *self, const with_exception *exception)                    \
    {                                                                                              \
        return EXIT((struct T *)self, exception);                                                  \
    }                                                                                              \
    static const struct with_class NAME __attribute__((unused)) = {                                \
        #T, NAME##enter_, NAME##exit_, WITH_IS_SUPPRESSOR_(*(struct T *)0), QUICK, NULL}
#define WITH_NEW_(T, ...) ((struct T){.with_.head.manager_class = &T##_with_class_, __VA_ARGS__})

/* clang-format on */

/* ---- Managers ------------------------------------------------------------------------------ */

/*
 * A manager is a struct whose first member is WITH_MANAGER, or WITH_SUPPRESSOR if its exit may
 * return true to suppress the exception it is given. The member `as`, if it has one, is what a
 * block names. At file scope
 *
 *     WITH_CLASS(my_context, my_enter, my_exit);
 *
 * ties void my_enter(struct my_context *) and bool my_exit(struct my_context *, const
 * with_exception *) to struct my_context. Either may throw. If enter throws, exit is not called. exit
 * is called once for each enter that returned: with the exception that leaves the block, which it
 * borrows, or with NULL. To return true from the exit of a WITH_MANAGER throws RuntimeError when
 * there was an exception; with NULL the result has no meaning.
 */
#define WITH_MANAGER struct with_manager_ with_
#define WITH_SUPPRESSOR struct with_suppressor_ with_
#define WITH_CLASS(T, ENTER, EXIT) WITH_CLASS_(T##_with_class_, T, ENTER, EXIT, false)

/*
 * WITH_NEW(T), WITH_NEW(T, .member = value, ...): a value of struct T, not yet entered: what functions
 * named cm_ return, and `with` takes.
 */
#define WITH_NEW(...) WITH_NEW_(__VA_ARGS__, )

/*
 * In an exit: whether the block ran to its end. False after return, break, goto, a throw, a
 * cancellation or exit(), and always with `using`. A transaction commits only if it is true.
 */
#define with_completed(SELF) ((SELF)->with_.head.completed)

/* ---- Statements ---------------------------------------------------------------------------- */

/*
 * with (MANAGER) BODY, with (MANAGER, VAR) BODY: evaluates MANAGER once, enters it, binds VAR to
 * its `as`, runs BODY and exits once, however BODY is left. `break` directly in BODY does not
 * compile; `continue` there ends the block, as completed. Use braces under an if.
 */
#define with_with(...) WITH_STATEMENT_(__COUNTER__, "with (" #__VA_ARGS__ ")", __VA_ARGS__)

/*
 * using (MANAGER); using (MANAGER, VAR); the same as a declaration: held to the end of the enclosing
 * block, so that break and continue act on the loop around it. Never counts as completed. Not
 * for suppressors.
 */
#define with_using(...) WITH_DECLARATION_(__COUNTER__, "using (" #__VA_ARGS__ ")", __VA_ARGS__)

/*
 * try BODY catch (TYPE) BODY catch (TYPE, e) BODY ...: an exception thrown in the first BODY goes to the
 * first handler whose TYPE is its type or above; e is a const with_exception *, borrowed until the
 * handler ends. A local that the first BODY changes and that is read after a throw must be
 * volatile (C11 7.13.2.1). `break` and `continue` as in with.
 */
#define with_try WITH_TRY_ID_(__COUNTER__)
#define with_catch(...) WITH_CATCH_(__COUNTER__, __VA_ARGS__)

/*
 * throw(TYPE, format, ...) raises an exception, which has what is being handled as its context.
 * throw_from(CAUSE, TYPE, format, ...) also sets its cause, borrowed; with NULL it hides the context.
 * throw_errno(format, ...) and throw_error(CODE, format, ...) pick the subtype of OSError for an error
 * number (PEP 3151) and append its text. None of them returns, and none needs memory.
 * Never throw from a signal handler.
 */
#define with_throw(TYPE, ...)                                                                      \
    WITH_RAISE_MESSAGE_(with_throw_, "throw(" #TYPE ", " #__VA_ARGS__ ")", (&(TYPE)), __VA_ARGS__)
#define with_throw_from(CAUSE, TYPE, ...)                                                          \
    WITH_RAISE_MESSAGE_(with_throw_from_, "throw_from(" #CAUSE ", " #TYPE ", " #__VA_ARGS__ ")",   \
                        (CAUSE, &(TYPE)), __VA_ARGS__)
#define with_throw_error(CODE, ...)                                                                \
    WITH_RAISE_(with_throw_error_, "throw_error(" #CODE ", " #__VA_ARGS__ ")", CODE, __VA_ARGS__)
#define with_throw_errno(...) WITH_RAISE_ERRNO_("throw_errno(" #__VA_ARGS__ ")", __VA_ARGS__)

/* Raises again what is being handled, unchanged; RuntimeError if nothing is. */
#define with_rethrow() with_rethrow_(WITH_SITE_(WITH_THROW_SITE_, "with_rethrow()"))

/* Raises an exception that was kept, and takes the caller's reference to it. Any thread. */
#define with_throw_again(EXCEPTION)                                                                \
    WITH_RAISE_(with_throw_again_, "with_throw_again(" #EXCEPTION ")", EXCEPTION)

/*
 * In an exit: reports a failed release. If an exception is leaving the block the report is added to
 * it as a note, so that it does not mask the exception; otherwise it is thrown, as throw_error() would.
 */
#define with_release_error(EXCEPTION, CODE, ...)                                                   \
    WITH_RAISE_(with_release_error_, "with_release_error(" #EXCEPTION ", " #CODE ")", EXCEPTION,   \
                CODE, __VA_ARGS__)

/* Raises SystemExit: every exit of the thread runs, then the process ends with STATUS. */
#define with_exit(STATUS) WITH_RAISE_(with_exit_, "with_exit(" #STATUS ")", STATUS)

/* ---- Keywords ------------------------------------------------------------------------------ */

#ifndef WITH_NO_KEYWORDS
/* It would write `catch (`, which defines another macro. */
/* clang-format off */
/* The comments at the ends of lines are for clang, which shows the lines when it refuses a jump. */
#define with(...)                                                                                  \
    WITH_STATEMENT_(__COUNTER__, "with (" #__VA_ARGS__ ")", __VA_ARGS__) /* label before it! */
#define using(...)                                                                                 \
    WITH_DECLARATION_(__COUNTER__, "using (" #__VA_ARGS__ ")", __VA_ARGS__) /* braces round it! */
#define try with_try /* no jump into it or a handler: put the label before it */
#define catch(...) WITH_CATCH_(__COUNTER__, __VA_ARGS__) /* no jump into it: label before it! */
#define throw(TYPE, ...)                                                                           \
    WITH_RAISE_MESSAGE_(with_throw_, "throw(" #TYPE ", " #__VA_ARGS__ ")", (&(TYPE)), __VA_ARGS__)
#define throw_from(CAUSE, TYPE, ...)                                                               \
    WITH_RAISE_MESSAGE_(with_throw_from_, "throw_from(" #CAUSE ", " #TYPE ", " #__VA_ARGS__ ")",   \
                        (CAUSE, &(TYPE)), __VA_ARGS__)
#define throw_error(CODE, ...)                                                                     \
    WITH_RAISE_(with_throw_error_, "throw_error(" #CODE ", " #__VA_ARGS__ ")", CODE, __VA_ARGS__)
#define throw_errno(...) WITH_RAISE_ERRNO_("throw_errno(" #__VA_ARGS__ ")", __VA_ARGS__)

#define BaseException with_BaseException
#define SystemExit with_SystemExit
#define KeyboardInterrupt with_KeyboardInterrupt
#define GeneratorExit with_GeneratorExit
#define Exception with_Exception
#define StopIteration with_StopIteration
#define ArithmeticError with_ArithmeticError
#define FloatingPointError with_FloatingPointError
#define OverflowError with_OverflowError
#define ZeroDivisionError with_ZeroDivisionError
#define AssertionError with_AssertionError
#define AttributeError with_AttributeError
#define BufferError with_BufferError
#define EOFError with_EOFError
#define LookupError with_LookupError
#define IndexError with_IndexError
#define KeyError with_KeyError
#define MemoryError with_MemoryError
#define OSError with_OSError
#define BlockingIOError with_BlockingIOError
#define ChildProcessError with_ChildProcessError
#define ConnectionError with_ConnectionError
#define BrokenPipeError with_BrokenPipeError
#define ConnectionAbortedError with_ConnectionAbortedError
#define ConnectionRefusedError with_ConnectionRefusedError
#define ConnectionResetError with_ConnectionResetError
#define FileExistsError with_FileExistsError
#define FileNotFoundError with_FileNotFoundError
#define InterruptedError with_InterruptedError
#define IsADirectoryError with_IsADirectoryError
#define NotADirectoryError with_NotADirectoryError
#define PermissionError with_PermissionError
#define ProcessLookupError with_ProcessLookupError
#define TimeoutError with_TimeoutError
#define ReferenceError with_ReferenceError
#define RuntimeError with_RuntimeError
#define NotImplementedError with_NotImplementedError
#define RecursionError with_RecursionError
#define SystemError with_SystemError
#define TypeError with_TypeError
#define ValueError with_ValueError
#define UnicodeError with_UnicodeError
#define UnicodeDecodeError with_UnicodeDecodeError
#define UnicodeEncodeError with_UnicodeEncodeError
/* clang-format on */
#endif /* WITH_NO_KEYWORDS */

#endif /* !__cplusplus */

#endif /* WITH_H */
