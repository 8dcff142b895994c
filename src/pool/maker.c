/* SPDX-License-Identifier: MIT
 *
 * Calling what the user has given: the functions of the maker, and the one that is told of events. What
 * they throw ends here.
 */
#include "internal.h"

#include <limits.h>
#include <string.h>

struct call {
    with_pool *pool;
    void *value;
    int code;
};

static int cancel_state(int state)
{
    int old;

    pthread_setcancelstate(state, &old);
    return old;
}

int with__code_of(const with_exception *exception)
{
    if (with_isinstance(exception, &with_MemoryError)) return -ENOMEM;
    if (with_isinstance(exception, &with_OSError) && exception->code > 0) return -exception->code;
    return -EIO;
}

static void leave_call(struct with__pool_thread **thread)
{
    (*thread)->calls--;
}

/* 0 or a negative errno. */
static int run(void (*function)(void *call), struct call *call,
               const with_exception **ret_exception)
{
    struct with__pool_thread *thread __attribute__((cleanup(leave_call))) = with__pool_thread();

    thread->calls++;
    *ret_exception = with_call(function, call);
    if (*ret_exception) return with__code_of(*ret_exception);
    if (call->code < -INT_MAX) return -EIO; /* there is no such error number */
    return call->code > 0 ? -call->code : call->code;
}

static int run_uncancelled(void (*function)(void *call), struct call *call,
                           const with_exception **ret_exception)
{
    const int old = cancel_state(PTHREAD_CANCEL_DISABLE);
    const int code = run(function, call, ret_exception);

    cancel_state(old);
    return code;
}

/* ---- The maker ----------------------------------------------------------------------------- */

static void run_open(void *argument)
{
    struct call *call = argument;

    call->code = call->pool->maker.open(call->pool->argument, &call->value);
}

static void run_check(void *argument)
{
    struct call *call = argument;

    call->code = call->pool->maker.check(call->pool->argument, call->value);
}

static void run_reset(void *argument)
{
    struct call *call = argument;

    call->code = call->pool->maker.reset(call->pool->argument, call->value);
}

static void run_close(void *argument)
{
    struct call *call = argument;

    call->pool->maker.close(call->pool->argument, call->value);
}

static void run_abandon(void *argument)
{
    struct call *call = argument;

    call->pool->maker.abandon(call->pool->argument, call->value);
}

int with__maker_open(with_pool *pool, void **ret_value, const with_exception **ret_exception)
{
    struct call call = {pool, NULL, 0};
    const int code = pool->maker.open_is_cancellable
                         ? run(run_open, &call, ret_exception)
                         : run_uncancelled(run_open, &call, ret_exception);

    if (code == 0) *ret_value = call.value;
    return code;
}

/* Runs a function whose exception nobody but the owner's function is told. */
static int run_and_report(void (*function)(void *call), with_pool *pool, void *value,
                          enum with_pool_event event, const char *what)
{
    struct call call = {pool, value, 0};
    const with_exception *exception;
    const int code = run_uncancelled(function, &call, &exception);

    if (code != 0) with__report_failure(pool, event, what, code, exception);
    with_exception_unref(exception);
    return code;
}

int with__maker_check(with_pool *pool, void *value)
{
    return run_and_report(run_check, pool, value, WITH_POOL_CHECK_FAILED, "checking an item");
}

int with__maker_reset(with_pool *pool, void *value)
{
    return run_and_report(run_reset, pool, value, WITH_POOL_RESET_FAILED, "resetting an item");
}

void with__maker_close(with_pool *pool, void *value)
{
    run_and_report(run_close, pool, value, WITH_POOL_CLOSE_FAILED, "closing an item");
}

void with__maker_abandon(with_pool *pool, void *value)
{
    if (pool->maker.abandon)
        run_and_report(run_abandon, pool, value, WITH_POOL_CLOSE_FAILED, "abandoning an item");
}

/* ---- Reports ------------------------------------------------------------------------------- */

static void run_report(void *argument)
{
    const struct with_pool_report *report = argument;

    report->pool->report(report->pool->report_argument, report);
}

void with__report(with_pool *pool, struct with_pool_report report, const char *format, ...)
{
    const int error = errno;
    char message[768];
    int used, old;
    va_list arguments;

    if (!pool->report) return;
    used = snprintf(message, sizeof message, "the pool %s: ", pool->name);
    va_start(arguments, format);
    if (used < (int)sizeof message)
        vsnprintf(message + used, sizeof message - (size_t)used, format, arguments);
    va_end(arguments);
    report.size = sizeof report;
    report.pool = pool;
    report.pool_name = pool->name;
    report.message = message;
    old = cancel_state(PTHREAD_CANCEL_DISABLE);
    with_exception_unref(with_call(run_report, &report));
    cancel_state(old);
    errno = error;
}

void with__failure_text(char *text, size_t size, const char *what, int code,
                        const with_exception *exception)
{
    char error[80] = "";

    if (exception)
        snprintf(text, size, "%s: %s: %s", what, exception->type->name, exception->message);
    else {
        if (strerror_r(-code, error, sizeof error) != 0)
            snprintf(error, sizeof error, "error %d", -code);
        snprintf(text, size, "%s: %s", what, error);
    }
}

void with__report_failure(with_pool *pool, enum with_pool_event event, const char *what, int code,
                          const with_exception *exception)
{
    struct with_pool_report report = {.event = event};
    char text[512];

    report.code = exception ? exception->code : -code;
    with__failure_text(text, sizeof text, what, code, exception);
    with__report(pool, report, "%s", text);
}
