/* SPDX-License-Identifier: MIT
 *
 * Throwing. A throw walks the thread's list of frames from the newest: it runs the exits of the
 * managers, drops what handlers it leaves were handling, and jumps to the first landing. It does all
 * that on top of the stack it leaves, so that what the exits are given is still there.
 *
 * Every frame leaves the list before its exit runs. So whatever cuts the exit short (another throw, a
 * cancellation, exit()) goes on with the frames below, and no exit runs twice.
 */
#include "internal.h"

#include <limits.h>
#include <stdlib.h>

/* Says the model again: gcc drops that of the declaration, and would call __tls_get_addr(). */
__thread struct with_thread_ with_thread_ __attribute__((tls_model("initial-exec")));

/* Beside the variable that every block names: a static library's other files are linked only if
 * somebody calls them. */
__attribute__((constructor)) static void run_exits_at_exit(void)
{
    atexit(with__run_exits);
}

/* Elsewhere longjmp() may restore a signal mask that _setjmp() did not save. On Linux it knows, and
 * ThreadSanitizer follows it better than _longjmp(). */
#ifdef __linux__
#define JUMP longjmp
#else
#define JUMP _longjmp
#endif

static const with_site handling_site = {"", "", "", 0, WITH_HANDLING_SITE_};
const with_site with__throwing_site = {"", "", "", 0, WITH_THROWING_SITE_};

const with_exception *with_current(void)
{
    return with_thread_.handling ? with_thread_.handling->exception : NULL;
}

/* ---- Handling ------------------------------------------------------------------------------ */

static void begin_handling(struct with_handling_ *self, const with_site *site,
                           const with_exception *exception)
{
    self->frame.site = site;
    self->exception = exception;
    self->outer = with_thread_.handling;
    with_thread_.handling = self;
}

/* Ends a handling that may already have been passed by a throw. Gives its exception. */
static const with_exception *end_handling(struct with_handling_ *self)
{
    const with_exception *exception = self->exception;

    self->exception = NULL;
    if (with_thread_.top != &self->frame) return NULL;
    with_thread_.top = self->frame.previous;
    with_thread_.handling = self->outer;
    return exception;
}

void with_handled_(struct with_try_ *frame)
{
    with_exception_unref(end_handling(&frame->handling));
}

void with_unmatched_(struct with_try_ *frame)
{
    with__unwind(with__whole(end_handling(&frame->handling)));
}

/* ---- Unwinding ----------------------------------------------------------------------------- */

static void drop_handling(struct with_handling_ *self)
{
    with_exception_unref(end_handling(self));
}

/* A thrown exception that no handler of the thread took; all its exits have run. */
static void __attribute__((noreturn)) uncaught(struct with__exception *self)
{
    int status = 1;

    if (with_isinstance(&self->exception, &with_SystemExit)) status = self->exception.code;
    else with_print_exception(stderr, &self->exception);
    exit(status);
}

static void __attribute__((noreturn)) land_suppressed(struct with_handling_ *handling)
{
    struct with_landing_ *landing = (struct with_landing_ *)handling->frame.previous;

    handling->frame.previous = landing->frame.previous;
    drop_handling(handling);
    JUMP(landing->buffer, 1);
}

static void __attribute__((noreturn))
land_in_try(struct with_handling_ *handling, struct with_try_ *frame)
{
    with_thread_.handling = handling->outer;
    with_thread_.top = &frame->handling.frame;
    begin_handling(&frame->handling, &handling_site, handling->exception);
    JUMP(frame->buffer, 1);
}

void with__refuse_suppression(struct with__throwing *throwing, const struct with_head_ *head)
{
    const with_site *block = throwing->block;

    throwing->block = NULL;
    with_throw_(block, &with_RuntimeError,
                "the exit of %s returned true, but only a WITH_SUPPRESSOR can suppress",
                head->manager_class->name);
}

/* An exit returned true. */
static void __attribute__((noreturn))
suppress(struct with__throwing *throwing, struct with_head_ *head)
{
    if (head->manager_class->suppressor) land_suppressed(&throwing->handling);
    with__refuse_suppression(throwing, head);
}

/* Runs one exit of a manager that the throw passes. */
static inline void pass_manager(struct with__throwing *throwing, struct with_head_ *head)
{
    const with_exception *exception = throwing->handling.exception;

    throwing->block = head->frame.site;
    with__add_traceback(with__whole(exception), throwing->block);
    head->completed = false;
    if (__builtin_expect(head->manager_class->exit(head, exception), 0)) suppress(throwing, head);
}

/* What else a throw meets; in a try it lands. */
static void pass_other(struct with_handling_ *handling, struct with_frame_ *frame)
{
    struct with__exception *self = with__whole(handling->exception);
    struct with_handling_ *left = (struct with_handling_ *)frame;

    switch (frame->site->kind_) {
    case WITH_CROSSING_SITE_:
        with__add_traceback(self, ((struct with_crossing_ *)frame)->block);
        break;
    case WITH_TRY_SITE_: with__add_traceback(self, frame->site); /* fall through */
    case WITH_NESTED_SITE_: land_in_try(handling, (struct with_try_ *)frame);
    case WITH_THROWING_SITE_:
        if (((struct with__throwing *)frame)->block)
            with__add_traceback(self, ((struct with__throwing *)frame)->block);
        /* fall through */
    case WITH_HANDLING_SITE_:
        handling->outer = left->outer;
        with_exception_unref(left->exception);
        break;
    default: break; /* the landing of a suppressor that did not suppress */
    }
}

/* A cancellation, say, leaves an exit of the throw, and goes on to the blocks around by their guards. The
 * landing of a suppressor that the throw has passed must not hide them. */
static void cut_short(struct with__throwing *throwing)
{
    drop_handling(&throwing->handling);
    while (with_thread_.top && with_thread_.top->site->kind_ == WITH_LANDING_SITE_)
        with_thread_.top = with_thread_.top->previous;
}

void with__unwind(struct with__exception *self)
{
    /* On the list as the top, so that the exits see what is handled, and what cuts one short drops it. */
    struct with__throwing throwing __attribute__((cleanup(cut_short))) = {
        .handling.frame.previous = with_thread_.top,
    };
    struct with_frame_ *frame;

    begin_handling(&throwing.handling, &with__throwing_site, &self->exception);
    with_thread_.top = &throwing.handling.frame;
    while ((frame = throwing.handling.frame.previous)) {
        throwing.handling.frame.previous = frame->previous;
        if (__builtin_expect(frame->site->kind_ == WITH_MANAGER_SITE_, 1))
            pass_manager(&throwing, (struct with_head_ *)frame);
        else pass_other(&throwing.handling, frame);
    }
    uncaught(self);
}

/* ---- Throwing ------------------------------------------------------------------------------ */

static void __attribute__((noreturn, format(printf, 4, 0)))
throw_message(struct with__exception *self, const with_site *site, int code, const char *format,
              va_list arguments)
{
    if (site->kind_ == WITH_THROW_LITERAL_SITE_) with__set_literal(self, format);
    else with__set_message(self, code, format, arguments);
    va_end(arguments);
    with__add_traceback(self, site);
    with__unwind(self);
}

void with_throw_(const with_site *site, const with_exception_type *type, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    throw_message(with__exception_new(type), site, 0, format, arguments);
}

void with_throw_from_(const with_site *site, const with_exception *cause,
                      const with_exception_type *type, const char *format, ...)
{
    struct with__exception *self = with__exception_new(type);
    va_list arguments;

    with__set_cause(self, cause);
    va_start(arguments, format);
    throw_message(self, site, 0, format, arguments);
}

/* Of a negative errno too. INT_MIN is none, and stays what it is. */
static int error_number(int code)
{
    return code < 0 && code != INT_MIN ? -code : code;
}

void with_throw_error_(const with_site *site, int code, const char *format, ...)
{
    const int number = error_number(code);
    struct with__exception *self = with__exception_new(with__error_type(number));
    va_list arguments;

    with__set_code(self, number);
    va_start(arguments, format);
    throw_message(self, site, number, format, arguments);
}

void with_release_error_(const with_site *site, const with_exception *exception, int code,
                         const char *format, ...)
{
    const int number = error_number(code);
    va_list arguments;

    va_start(arguments, format);
    if (!exception) {
        struct with__exception *self = with__exception_new(with__error_type(number));
        with__set_code(self, number);
        throw_message(self, site, number, format, arguments);
    }
    with__add_note(with__whole(exception), number, format, arguments);
    va_end(arguments);
}

void with_exit_(const with_site *site, int status)
{
    struct with__exception *self = with__exception_new(&with_SystemExit);

    with__set_code(self, status);
    with__add_traceback(self, site);
    with__unwind(self);
}

void with_throw_again_(const with_site *site, const with_exception *exception)
{
    if (!exception) with_throw_(site, &with_TypeError, "there is no exception to throw again");
    with__set_context(with__whole(exception), with_current());
    with__add_traceback(with__whole(exception), site);
    with__unwind(with__whole(exception));
}

void with_rethrow_(const with_site *site)
{
    const with_exception *exception = with_exception_ref(with_current());

    if (!exception) with_throw_(site, &with_RuntimeError, "no active exception to reraise");
    with__add_traceback(with__whole(exception), site);
    with__unwind(with__whole(exception));
}

void with_no_class_(const with_site *site)
{
    with_throw_(site, &with_TypeError, "a manager without a class: make it with WITH_NEW()");
}
